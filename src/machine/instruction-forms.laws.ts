/** For the sweep of encodings: every instruction row of the assemblers in every operand form, with the line that a disassembler must read from it. */
import { AmxAssembler } from "./amx/amx-assembler.ts";
import {
  Assembler,
  at,
  type Gpr,
  type MemoryOperand,
  spread,
  type ThreeOperandName,
  type TwoOperandName,
  threeOperands,
  twoOperands,
} from "./assembler.ts";
import { Avx2Assembler } from "./avx2/avx2-assembler.ts";

/** One instruction: what writes it, and its line in Intel's syntax; a jump's line says where its code ends. */
export interface Form<A> {
  readonly emit: (a: A) => void;
  readonly line: string | ((end: number) => string);
}
/** The forms of a method; the full sweep crosses what the quick one takes in turns. */
type Forms<A> = (isFull: boolean) => Iterable<Form<A>>;

const wide = ["rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", ...Array.from({ length: 8 }, (_, i) => `r${i + 8}`)] as const;
const narrow = wide.map((name, i) => (i < 8 ? `e${name.slice(1)}` : `${name}d`));
const words = wide.map((name, i) => (i < 8 ? name.slice(1) : `${name}w`));
const gprs = wide.map((_, i) => i as Gpr);
const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** What a one-byte displacement counts in differs by instruction (1 to 64 bytes): whole and broken multiples of each, and both ends of both sizes. */
const displacements = [
  0,
  ...[1, 4, 16, 32, 64].flatMap(unit => [unit, -unit, 127 * unit, 128 * unit, -128 * unit, -129 * unit, 127 * unit + 1]),
  2 ** 31 - 1,
  -(2 ** 31),
];
const scales = [1, 2, 4, 8] as const;

const hex = (x: number): string => (x < 0 ? `-0x${(-x).toString(16)}` : `+0x${x.toString(16)}`);
/** As objdump writes an address: a displacement of 0 where the base has no form without one. */
function address({ base, index, scale = 1, displacement: d }: MemoryOperand): string {
  const isBare = d === 0 && (base & 7) !== 5;
  return `[${wide[base]}${index === undefined ? "" : `+${wide[index]}*${scale}`}${isBare ? "" : hex(d)}]`;
}
const pointer = (size: string, m: MemoryOperand): string => `${size} PTR ${address(m)}`;

/** Every base with every index and scale; displacements in turns, or all of them. */
function* places(isFull: boolean): Generator<MemoryOperand> {
  let turn = 0;
  for (const base of gprs)
    for (const index of [undefined, ...gprs.filter(i => i !== 4)])
      for (const scale of index === undefined ? ([1] as const) : scales)
        for (const d of isFull ? displacements : [displacements[turn++ % displacements.length]!]) yield at(base, d, index, scale);
}
/** The same beside a register of so many, each in turn. */
function* withRegister(isFull: boolean, registers: number): Generator<readonly [MemoryOperand, number]> {
  let turn = 0;
  for (const m of places(isFull)) yield [m, turn++ % registers];
}
function* pairs(first: number, second = first): Generator<readonly [number, number]> {
  for (const a of upTo(first)) for (const b of upTo(second)) yield [a, b];
}

type Part<A, T> = (given: T) => Form<A>;
const each = <A, T>(values: (isFull: boolean) => Iterable<T>, part: Part<A, T>): Forms<A> =>
  function* (isFull) {
    for (const v of values(isFull)) yield part(v);
  };
const all = <A>(...parts: readonly Forms<A>[]): Forms<A> =>
  function* (isFull) {
    for (const p of parts) yield* p(isFull);
  };
const memory = <A>(part: (m: MemoryOperand, register: number) => Form<A>, registers = 16): Forms<A> =>
  each(
    isFull => withRegister(isFull, registers),
    ([m, r]) => part(m, r),
  );
const twoRegisters = <A>(part: (a: number, b: number) => Form<A>, first = 16, second = first): Forms<A> =>
  each(
    () => pairs(first, second),
    ([a, b]) => part(a, b),
  );

const gpr64 = (r: number): Gpr => r as Gpr;
const numbers = [0, 1, -1, 127, 128, -128, -129, 2 ** 31 - 1, -(2 ** 31)];
const extended = (x: number): string => `0x${BigInt.asUintN(64, BigInt(x)).toString(16)}`;
const one = <A>(line: string, emit: (a: A) => void): Forms<A> =>
  each(
    () => [0],
    () => ({ line, emit }),
  );
const oneRegister = <A>(part: (r: number) => Form<A>, registers = 16): Forms<A> => each(() => upTo(registers), part);
const withNumber = <A>(part: (r: Gpr, value: number) => Form<A>): Forms<A> =>
  each(
    () => gprs.flatMap(r => numbers.map(n => [r, n] as const)),
    ([r, n]) => part(r, n),
  );

const arithmetic = ["add", "or", "and", "sub", "xor", "cmp"] as const;
const conditions = ["b", "ae", "e", "ne", "be", "a", "l", "ge", "le", "g"] as const;

/** General instructions. */
const general: Readonly<Record<string, Forms<Assembler>>> = {
  mov: all(
    twoRegisters((to, from) => ({ line: `mov ${wide[to]},${wide[from]}`, emit: a => a.mov(gpr64(to), gpr64(from)) })),
    memory((m, r) => ({ line: `mov ${wide[r]},${pointer("QWORD", m)}`, emit: a => a.mov(gpr64(r), m) })),
  ),
  mov32: all(
    twoRegisters((to, from) => ({ line: `mov ${narrow[to]},${narrow[from]}`, emit: a => a.mov32(gpr64(to), gpr64(from)) })),
    memory((m, r) => ({ line: `mov ${narrow[r]},${pointer("DWORD", m)}`, emit: a => a.mov32(gpr64(r), m) })),
  ),
  movsxd: memory((m, r) => ({ line: `movsxd ${wide[r]},${pointer("DWORD", m)}`, emit: a => a.movsxd(gpr64(r), m) })),
  mov16: memory((m, r) => ({ line: `movzx ${narrow[r]},${pointer("WORD", m)}`, emit: a => a.mov16(gpr64(r), m) })),
  store16: memory((m, r) => ({ line: `mov ${pointer("WORD", m)},${words[r]}`, emit: a => a.store16(m, gpr64(r)) })),
  store: memory((m, r) => ({ line: `mov ${pointer("QWORD", m)},${wide[r]}`, emit: a => a.store(m, gpr64(r)) })),
  store32: memory((m, r) => ({ line: `mov ${pointer("DWORD", m)},${narrow[r]}`, emit: a => a.store32(m, gpr64(r)) })),
  set: withNumber((r, n) => ({ line: `mov ${wide[r]},${extended(n)}`, emit: a => a.set(r, n) })),
  setAddress: oneRegister(r => ({ line: `movabs ${wide[r]},0xfedcba9876543210`, emit: a => a.setAddress(gpr64(r), 0xfedcba9876543210n) })),
  lea: memory((m, r) => ({ line: `lea ${wide[r]},${address(m)}`, emit: a => a.lea(gpr64(r), m) })),
  alu: all(
    ...arithmetic.flatMap(kind => [
      twoRegisters((to, from) => ({
        line: `${kind} ${wide[to]},${wide[from]}`,
        emit: (a: Assembler) => a.alu(kind, gpr64(to), gpr64(from)),
      })),
      memory((m, r) => ({ line: `${kind} ${wide[r]},${pointer("QWORD", m)}`, emit: (a: Assembler) => a.alu(kind, gpr64(r), m) })),
      withNumber((r, value) => ({ line: `${kind} ${wide[r]},${extended(value)}`, emit: (a: Assembler) => a.alu(kind, r, { value }) })),
    ]),
  ),
  imul: all(
    twoRegisters((to, from) => ({ line: `imul ${wide[to]},${wide[from]}`, emit: a => a.imul(gpr64(to), gpr64(from)) })),
    memory((m, r) => ({ line: `imul ${wide[r]},${pointer("QWORD", m)}`, emit: a => a.imul(gpr64(r), m) })),
  ),
  imulBy: all(
    ...numbers.map(n =>
      twoRegisters((to, from) => ({
        line: `imul ${wide[to]},${wide[from]},${extended(n)}`,
        emit: (a: Assembler) => a.imulBy(gpr64(to), gpr64(from), n),
      })),
    ),
  ),
  divide: oneRegister(r => ({ line: `div ${wide[r]}`, emit: a => a.divide(gpr64(r)) })),
  shift: twoRegisters(
    (r, by) => ({
      line: `${by % 2 ? "shl" : "shr"} ${wide[r]},0x${(by + 2).toString(16)}`,
      emit: a => a.shift(by % 2 ? "left" : "right", gpr64(r), by + 2),
    }),
    16,
    62,
  ),
  test: twoRegisters((x, y) => ({ line: `test ${wide[x]},${wide[y]}`, emit: a => a.test(gpr64(x), gpr64(y)) })),
  push: oneRegister(r => ({ line: `push ${wide[r]}`, emit: a => a.push(gpr64(r)) })),
  pop: oneRegister(r => ({ line: `pop ${wide[r]}`, emit: a => a.pop(gpr64(r)) })),
  jump: each(
    () => [0],
    () => ({ line: end => `jmp 0x${end.toString(16)}`, emit: a => jumpTo(a, l => a.jump(l)) }),
  ),
  jumpIf: each(
    () => conditions,
    c => ({ line: end => `j${c} 0x${end.toString(16)}`, emit: a => jumpTo(a, l => a.jumpIf(c, l)) }),
  ),
  call: each(
    () => [0],
    () => ({ line: end => `call 0x${end.toString(16)}`, emit: a => jumpTo(a, l => a.call(l)) }),
  ),
  callRegister: oneRegister(r => ({ line: `call ${wide[r]}`, emit: a => a.callRegister(gpr64(r)) })),
  ret: one("ret", a => a.ret()),
  fetchAdd32: memory((m, r) => ({ line: `lock xadd ${pointer("DWORD", m)},${narrow[r]}`, emit: a => a.fetchAdd32(m, gpr64(r)) })),
  exchange32: memory((m, r) => ({ line: `xchg ${pointer("DWORD", m)},${narrow[r]}`, emit: a => a.exchange32(m, gpr64(r)) })),
  pause: one("pause", a => a.pause()),
  syscall: one("syscall", a => a.syscall()),
  prefetchToWrite: memory(m => ({ line: `prefetchw ${pointer("BYTE", m)}`, emit: a => a.prefetchToWrite(m) })),
  prefetch: memory(m => ({ line: `prefetcht0 ${pointer("BYTE", m)}`, emit: a => a.prefetch(m) })),
  vzeroupper: one("vzeroupper", a => a.vzeroupper()),
};
/** A jump to what comes right after it. */
function jumpTo(a: Assembler, write: (to: ReturnType<Assembler["label"]>) => void): void {
  const end = a.label();
  write(end);
  a.place(end);
}

/** A third register that goes through all of them as the other two do. */
const third = (a: number, b: number, registers: number): number => (7 * a + 3 * b + 1) % registers;
const zmm = (r: number) => `zmm${r}`;
const masked = (text: string, mask: number) => (mask > 0 ? `${text}{k${mask}}` : text);
const isOfWords = (name: ThreeOperandName): boolean => (threeOperands[name] as readonly number[])[3] === 1;

const threeForms = (name: ThreeOperandName): Forms<Assembler> =>
  all<Assembler>(
    twoRegisters((to, b) => {
      const [from, mask] = [third(to, b, 32), (to + b) % 8];
      return { line: `${name} ${masked(zmm(to), mask)},${zmm(from)},${zmm(b)}`, emit: a => a.v(name, to, from, b, mask) };
    }, 32),
    memory((m, r) => {
      const from = third(r, 5, 32);
      return { line: `${name} ${masked(zmm(r), r % 8)},${zmm(from)},${pointer("ZMMWORD", m)}`, emit: a => a.v(name, r, from, m, r % 8) };
    }, 32),
    isOfWords(name)
      ? all()
      : memory((m, r) => {
          const from = third(r, 5, 32);
          const line = `${name} ${masked(zmm(r), r % 8)},${zmm(from)},DWORD BCST ${address(m)}`;
          return { line, emit: a => a.v(name, r, from, spread(m), r % 8) };
        }, 32),
  );
const twoForms = (name: TwoOperandName): Forms<Assembler> =>
  all<Assembler>(
    twoRegisters((to, b) => ({ line: `${name} ${zmm(to)},${zmm(b)}`, emit: a => a.v2(name, to, b) }), 32),
    memory((m, r) => ({ line: `${name} ${zmm(r)},${pointer("ZMMWORD", m)}`, emit: a => a.v2(name, r, m) }), 32),
    memory((m, r) => ({ line: `${name} ${zmm(r)},DWORD BCST ${address(m)}`, emit: a => a.v2(name, r, spread(m)) }), 32),
  );
/** A comparison that sets a mask. */
const comparison = (line: string, write: (a: Assembler, mask: number, x: number, y: number | MemoryOperand) => void): Forms<Assembler> =>
  all<Assembler>(
    twoRegisters((x, y) => ({ line: `${line} k${(x + y) % 8},${zmm(x)},${zmm(y)}`, emit: a => write(a, (x + y) % 8, x, y) }), 32),
    memory((m, r) => ({ line: `${line} k${r % 8},${zmm(r)},${pointer("ZMMWORD", m)}`, emit: a => write(a, r % 8, r, m) }), 32),
    memory((m, r) => ({ line: `${line} k${r % 8},${zmm(r)},DWORD BCST ${address(m)}`, emit: a => write(a, r % 8, r, spread(m)) }), 32),
  );

const names = <K extends string>(table: Readonly<Record<K, unknown>>): K[] => Object.keys(table) as K[];
const wideVectors: Readonly<Record<string, Forms<Assembler>>> = {
  v: all(...names(threeOperands).map(threeForms)),
  v2: all(...names(twoOperands).map(twoForms)),
  load: all(
    twoRegisters((to, from) => ({ line: `vmovups ${zmm(to)},${zmm(from)}`, emit: a => a.load(to, from) }), 32),
    memory((m, r) => ({ line: `vmovups ${zmm(r)},${pointer("ZMMWORD", m)}`, emit: a => a.load(r, m) }), 32),
  ),
  loadHalves: memory((m, r) => ({ line: `vcvtph2ps ${zmm(r)},${pointer("YMMWORD", m)}`, emit: a => a.loadHalves(r, m) }), 32),
  saveHalves: memory((m, r) => ({ line: `vcvtps2ph ${pointer("YMMWORD", m)},${zmm(r)},0x0`, emit: a => a.saveHalves(m, r) }), 32),
  save: memory((m, r) => ({ line: `vmovups ${masked(pointer("ZMMWORD", m), r % 8)},${zmm(r)}`, emit: a => a.save(m, r, r % 8) }), 32),
  loadMasked: memory((m, r) => {
    const mask = 1 + (r % 7);
    return { line: `vmovups ${zmm(r)}{k${mask}}{z},${pointer("ZMMWORD", m)}`, emit: a => a.loadMasked(r, m, mask) };
  }, 32),
  saveQuarter: memory(
    (m, r) => ({ line: `vextracti32x4 ${pointer("XMMWORD", m)},${zmm(r)},0x${r % 4}`, emit: a => a.saveQuarter(m, r, r % 4) }),
    32,
  ),
  saveHalf: memory(
    (m, r) => ({ line: `vextracti32x8 ${pointer("YMMWORD", m)},${zmm(r)},0x${r % 2}`, emit: a => a.saveHalf(m, r, r % 2) }),
    32,
  ),
  maskFrom: twoRegisters((k, r) => ({ line: `kmovw k${k},${narrow[r]}`, emit: a => a.maskFrom(k, gpr64(r)) }), 8, 16),
  saveLane: memory((m, r) => ({ line: `vmovss ${pointer("DWORD", m)},xmm${r}`, emit: a => a.saveLane(m, r) }), 32),
  broadcast: memory((m, r) => ({ line: `vbroadcastss ${zmm(r)},${pointer("DWORD", m)}`, emit: a => a.broadcast(r, m) }), 32),
  broadcastRegister: twoRegisters(
    (to, r) => ({ line: `vpbroadcastd ${zmm(to)},${narrow[r]}`, emit: a => a.broadcastRegister(to, gpr64(r)) }),
    32,
    16,
  ),
  saveBytes: memory((m, r) => ({ line: `vpmovsdb ${pointer("XMMWORD", m)},${zmm(r)}`, emit: a => a.saveBytes(m, r) }), 32),
  round: twoRegisters((to, from) => ({ line: `vrndscaleps ${zmm(to)},${zmm(from)},0x8`, emit: a => a.round(to, from) }), 32),
  shuffleQuarters: twoRegisters(
    (to, from) => ({ line: `vshuff32x4 ${zmm(to)},${zmm(from)},${zmm(from)},0x4e`, emit: a => a.shuffleQuarters(to, from, 0x4e) }),
    32,
  ),
  shuffleInQuarters: twoRegisters(
    (to, from) => ({ line: `vpermilps ${zmm(to)},${zmm(from)},0xb1`, emit: a => a.shuffleInQuarters(to, from, 0xb1) }),
    32,
  ),
  shiftRight: twoRegisters((to, from) => ({ line: `vpsrld ${zmm(to)},${zmm(from)},0x10`, emit: a => a.shiftRight(to, from, 16) }), 32),
  unordered: comparison("vcmpunordps", (a, k, x, y) => a.unordered(k, x, y)),
  greater: comparison("vpcmpnled", (a, k, x, y) => a.greater(k, x, y)),
};

const ymm = (r: number) => `ymm${r}`;
/** Names that AVX2's instructions of whole registers go by. */
const avx2Names: { readonly [K in ThreeOperandName]?: string } = { vpandd: "vpand", vpxord: "vpxor" };
const avx2Three = [
  "vaddps",
  "vmulps",
  "vsubps",
  "vminps",
  "vdivps",
  "vmaxps",
  "vpaddd",
  "vpandd",
  "vpxord",
  "vpmulld",
  "vfmadd231ps",
  "vfmadd213ps",
  "vfnmadd231ps",
  "vpunpckldq",
  "vpunpckhdq",
  "vpunpcklqdq",
  "vpunpckhqdq",
] as const satisfies readonly ThreeOperandName[];
const avx2Vectors: Readonly<Record<string, Forms<Avx2Assembler>>> = {
  v: all(
    ...avx2Three.flatMap((name): Forms<Avx2Assembler>[] => [
      twoRegisters((to, b) => {
        const from = third(to, b, 16);
        return { line: `${avx2Names[name] ?? name} ${ymm(to)},${ymm(from)},${ymm(b)}`, emit: a => a.v(name, to, from, b) };
      }),
      memory((m, r) => {
        const from = third(r, 5, 16);
        return { line: `${avx2Names[name] ?? name} ${ymm(r)},${ymm(from)},${pointer("YMMWORD", m)}`, emit: a => a.v(name, r, from, m) };
      }),
    ]),
  ),
  v2: all(
    ...names(twoOperands).flatMap((name): Forms<Avx2Assembler>[] => [
      twoRegisters((to, b) => ({ line: `${name} ${ymm(to)},${ymm(b)}`, emit: a => a.v2(name, to, b) })),
      memory((m, r) => ({ line: `${name} ${ymm(r)},${pointer("YMMWORD", m)}`, emit: a => a.v2(name, r, m) })),
    ]),
  ),
  select: twoRegisters((to, b) => {
    const [from, mask] = [third(to, b, 16), (to + 5 * b) % 16];
    return { line: `vblendvps ${ymm(to)},${ymm(from)},${ymm(b)},${ymm(mask)}`, emit: a => a.select(to, from, b, mask) };
  }),
  unorderedLanes: twoRegisters((to, b) => {
    const from = third(to, b, 16);
    return { line: `vcmpunordps ${ymm(to)},${ymm(from)},${ymm(b)}`, emit: a => a.unorderedLanes(to, from, b) };
  }),
  load: all(
    twoRegisters((to, from) => ({ line: `vmovups ${ymm(to)},${ymm(from)}`, emit: a => a.load(to, from) })),
    memory((m, r) => ({ line: `vmovups ${ymm(r)},${pointer("YMMWORD", m)}`, emit: a => a.load(r, m) })),
  ),
  loadMasked: memory((m, r) => ({
    line: `vmaskmovps ${ymm(r)},ymm14,${pointer("YMMWORD", m)}`,
    emit: a => a.loadMasked(r, m, 1),
  })),
  loadLanes: memory((m, r) => ({
    line: `vmaskmovps ${ymm(r)},${ymm(15 - r)},${pointer("YMMWORD", m)}`,
    emit: a => a.loadLanes(r, m, 15 - r),
  })),
  save: all(
    memory((m, r) => ({ line: `vmovups ${pointer("YMMWORD", m)},${ymm(r)}`, emit: a => a.save(m, r) })),
    memory((m, r) => ({ line: `vmaskmovps ${pointer("YMMWORD", m)},ymm14,${ymm(r)}`, emit: a => a.save(m, r, 1) })),
  ),
  saveQuarter: all(
    memory((m, r) => ({ line: `vmovups ${pointer("XMMWORD", m)},xmm${r}`, emit: a => a.saveQuarter(m, r, 0) })),
    memory((m, r) => ({ line: `vextractf128 ${pointer("XMMWORD", m)},${ymm(r)},0x1`, emit: a => a.saveQuarter(m, r, 1) })),
  ),
  saveLane: memory((m, r) => ({ line: `vmovss ${pointer("DWORD", m)},xmm${r}`, emit: a => a.saveLane(m, r) })),
  broadcast: memory((m, r) => ({ line: `vbroadcastss ${ymm(r)},${pointer("DWORD", m)}`, emit: a => a.broadcast(r, m) })),
  broadcastRegister: twoRegisters((to, r) => ({
    line: `vmovd xmm${to},${narrow[r]}; vpbroadcastd ${ymm(to)},xmm${to}`,
    emit: a => a.broadcastRegister(to, gpr64(r)),
  })),
  round: twoRegisters((to, from) => ({ line: `vroundps ${ymm(to)},${ymm(from)},0x8`, emit: a => a.round(to, from) })),
  shiftRight: twoRegisters((to, from) => ({ line: `vpsrld ${ymm(to)},${ymm(from)},0x10`, emit: a => a.shiftRight(to, from, 16) })),
  shuffleInQuarters: twoRegisters((to, from) => ({
    line: `vpermilps ${ymm(to)},${ymm(from)},0xb1`,
    emit: a => a.shuffleInQuarters(to, from, 0xb1),
  })),
  reduce: twoRegisters((x, y) => ({
    line: [
      `vperm2f128 ${ymm(y)},${ymm(x)},${ymm(x)},0x1`,
      `vaddps ${ymm(x)},${ymm(x)},${ymm(y)}`,
      `vpermilps ${ymm(y)},${ymm(x)},0x4e`,
      `vaddps ${ymm(x)},${ymm(x)},${ymm(y)}`,
      `vpermilps ${ymm(y)},${ymm(x)},0xb1`,
      `vaddps ${ymm(x)},${ymm(x)},${ymm(y)}`,
    ].join("; "),
    emit: a => a.reduce("vaddps", x, y),
  })),
};

/** Tiles lie at a base, a displacement and a register with the stride. */
const tileMemory = (part: (m: MemoryOperand & { readonly index: Gpr }, tile: number) => Form<AmxAssembler>): Forms<AmxAssembler> =>
  function* (isFull) {
    let turn = 0;
    for (const m of places(isFull)) if (m.index !== undefined && m.scale === 1) yield part({ ...m, index: m.index }, turn++ % 8);
  };
const rowsOf = ({ base, displacement, index }: MemoryOperand & { readonly index: Gpr }) => ({ base, displacement, stride: index });
const tiles: Readonly<Record<string, Forms<AmxAssembler>>> = {
  configureTiles: memory(m => ({ line: `ldtilecfg ${address(m)}`, emit: a => a.configureTiles(m) })),
  releaseTiles: one("tilerelease", a => a.releaseTiles()),
  zeroTile: oneRegister(t => ({ line: `tilezero tmm${t}`, emit: a => a.zeroTile(t) }), 8),
  loadTile: tileMemory((m, t) => ({ line: `tileloadd tmm${t},${address(m)}`, emit: a => a.loadTile(t, rowsOf(m)) })),
  saveTile: tileMemory((m, t) => ({ line: `tilestored ${address(m)},tmm${t}`, emit: a => a.saveTile(rowsOf(m), t) })),
  multiplyTiles: each(
    () => upTo(512).filter(i => new Set([i & 7, (i >> 3) & 7, i >> 6]).size === 3), // the same tile twice is refused by the processor
    i => ({
      line: `tdpbf16ps tmm${i & 7},tmm${(i >> 3) & 7},tmm${i >> 6}`,
      emit: a => a.multiplyTiles(i & 7, (i >> 3) & 7, i >> 6),
    }),
  ),
};

/** An assembler's methods that write instructions, and their forms. */
export interface Sweep<A extends Assembler> {
  readonly make: () => A;
  /** Methods with no instruction of their own, or whose instructions others write. */
  readonly without: readonly string[];
  readonly rows: Readonly<Record<string, Forms<A>>>;
}
const sweep = <A extends Assembler>(s: Sweep<A>): Sweep<A> => s;
const lacking = ["refuseWide", "maskFrom", "shuffleQuarters"];
export const sweeps = {
  Assembler: sweep<Assembler>({
    make: () => new Assembler(),
    without: ["length", "code", "label", "place", "offsetOf", "here", "raw", "vex", "refuseWide", "setMask", "reduce"],
    rows: { ...general, ...wideVectors },
  }),
  Avx2Assembler: sweep<Avx2Assembler>({ make: partialVectors, without: [...lacking, "setMask", "setLanes"], rows: avx2Vectors }),
  AmxAssembler: sweep<AmxAssembler>({ make: () => new AmxAssembler(), without: [], rows: tiles }),
};
/** One to whom mask 1 does not mean all lanes; loads and stores without a mask are whole all the same. */
function partialVectors(): Avx2Assembler {
  const a = new Avx2Assembler();
  a.setMask(1, 3);
  return a;
}
