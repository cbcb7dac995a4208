/**
 * For tests: an assembler that keeps its instructions as functions over registers, tiles and memory in TypeScript, and runs them: what code does on a
 * processor that is not here. It knows what the product in tiles uses, and refuses an access that is not within one buffer, or a tile that is not
 * configured. Source: Intel's manual, volume 2 (TDPBF16PS, TILELOADD, VCVTNE2PS2BF16, ...).
 */
import { type Gpr, gpr, type Label, type MemoryOperand, type ThreeOperandName, type VectorOperand } from "../assembler.ts";
import { asBf16 } from "../memory.laws.ts";
import { AmxAssembler, type TileRows } from "./amx-assembler.ts";

/** Memory in pieces that do not touch. */
export class EmulatedMemory {
  readonly #pieces: { readonly start: number; readonly view: DataView }[] = [];
  #end = 4096;

  /** Where a copy of the bytes is. */
  add(bytes: Uint8Array): number {
    const start = this.#end;
    this.#pieces.push({ start, view: new DataView(bytes.slice().buffer) });
    this.#end = start + 4096 + 64 * Math.ceil(bytes.length / 64);
    return start;
  }
  bytes(start: number): Uint8Array {
    return new Uint8Array(this.#pieces.find(p => p.start === start)!.view.buffer);
  }
  /** The bytes of one access. Errors: where they are not within one piece. */
  at(address: number, length: number): Uint8Array {
    const piece = this.#pieces.find(p => address >= p.start && address + length <= p.start + p.view.byteLength);
    if (!piece) throw new Error(`${length} bytes at ${address} are in no buffer`);
    return new Uint8Array(piece.view.buffer, address - piece.start, length);
  }
}

const fresh = () => ({
  general: new Array<number>(16).fill(0),
  vectors: Array.from({ length: 32 }, () => new Uint8Array(64)),
  masks: new Array<number>(8).fill(0),
  tiles: undefined as Uint8Array[] | undefined,
  /** What flags say of the last result: its sign. */
  sign: 0,
  stack: [] as number[],
});
type State = ReturnType<typeof fresh>;
type Step = (s: State) => Label | "end" | undefined;

const floats = (v: Uint8Array) => new Float32Array(v.buffer, v.byteOffset, v.byteLength / 4);
const words = (v: Uint8Array) => new Uint16Array(v.buffer, v.byteOffset, v.byteLength / 2);
const dwords = (v: Uint8Array) => new Uint32Array(v.buffer, v.byteOffset, v.byteLength / 4);
const [stackBytes, noBits] = [8192, 0];
const float = new Float32Array(1);
const floatBits = new Uint32Array(float.buffer);
/** The bits of the nearest bf16. */
function bitsOf(x: number): number {
  float[0] = asBf16(x);
  return floatBits[0]! >>> 16;
}
/** The numbers that words of bf16 are. */
const numbersOf = (x: Uint16Array): Float32Array => new Float32Array(Uint32Array.from(x, bits => (bits << 16) >>> 0).buffer);

/** Interleaves elements of `bits` of the lower or upper halves of the quarters. */
function unpack(a: Uint8Array, b: Uint8Array, bits: 32 | 64, isUpper: boolean): Uint8Array {
  const out = new Uint8Array(64);
  const size = bits / 8;
  for (let quarter = 0; quarter < 4; quarter++)
    for (let i = 0; i < 8 / size; i++) {
      const from = 16 * quarter + (isUpper ? 8 : 0) + size * i;
      out.set(a.subarray(from, from + size), 16 * quarter + 2 * size * i);
      out.set(b.subarray(from, from + size), 16 * quarter + 2 * size * i + size);
    }
  return out;
}
const lanes = (a: Uint8Array, b: Uint8Array, f: (x: number, y: number) => number): Uint8Array =>
  new Uint8Array(floats(a).map((x, i) => f(x, floats(b)[i]!)).buffer);
const vectorRules: { readonly [K in ThreeOperandName]?: (a: Uint8Array, b: Uint8Array) => Uint8Array } = {
  vmulps: (a, b) => lanes(a, b, (x, y) => x * y),
  vpxord: (a, b) => a.map((x, i) => x ^ b[i]!),
  vcvtne2ps2bf16: (a, b) => new Uint8Array(Uint16Array.from([...floats(b), ...floats(a)], bitsOf).buffer),
  vpermw: (a, b) => new Uint8Array(words(a).map(i => words(b)[i & 31]!).buffer),
  vpunpckldq: (a, b) => unpack(a, b, 32, false),
  vpunpckhdq: (a, b) => unpack(a, b, 32, true),
  vpunpcklqdq: (a, b) => unpack(a, b, 64, false),
  vpunpckhqdq: (a, b) => unpack(a, b, 64, true),
};
const conditionHolds = {
  e: (s: number) => s === 0,
  ne: (s: number) => s !== 0,
  l: (s: number) => s < 0,
  ge: (s: number) => s >= 0,
  le: (s: number) => s <= 0,
  g: (s: number) => s > 0,
} as const;

export class EmulatedAssembler extends AmxAssembler {
  readonly #steps: Step[] = [];
  readonly #labels = new Map<Label, number>();
  readonly #memory: EmulatedMemory;
  readonly #stack: number;

  constructor(memory: EmulatedMemory) {
    super();
    this.#memory = memory;
    this.#stack = memory.add(new Uint8Array(stackBytes)) + stackBytes;
  }

  /** Runs kernel(record, item) from a step on. */
  run(start: number, record: number, item: number): void {
    const s = fresh();
    s.general[gpr.rdi] = record;
    s.general[gpr.rsi] = item;
    s.general[gpr.rsp] = this.#stack;
    for (let i = start; ; ) {
      const to = this.#steps[i]!(s);
      if (to === "end") break;
      i = to === undefined ? i + 1 : this.#labels.get(to)!;
    }
    if (s.tiles) throw new Error("tiles were not released");
    if (s.stack.length > 0 || s.general[gpr.rsp] !== this.#stack) throw new Error("the stack is not as it was");
  }
  #do(step: (s: State) => void): void {
    this.#steps.push(s => {
      step(s);
      return undefined;
    });
  }
  #address(s: State, { base, index, scale = 1, displacement }: MemoryOperand): number {
    return s.general[base]! + (index === undefined ? 0 : s.general[index]! * scale) + displacement;
  }
  #bytes(s: State, m: MemoryOperand, length: number): Uint8Array {
    return this.#memory.at(this.#address(s, m), length);
  }
  #word(s: State, m: MemoryOperand): number {
    const b = this.#bytes(s, m, 8);
    return Number(new DataView(b.buffer, b.byteOffset, 8).getBigUint64(0, true));
  }
  #tile(s: State, tile: number): Uint8Array {
    if (!s.tiles) throw new Error("a tile is used that is not configured");
    return s.tiles[tile]!;
  }

  override get length(): number {
    return this.#steps?.length ?? 0;
  }
  override code(): Uint8Array {
    return new Uint8Array(0);
  }
  override place(label: Label): void {
    this.#labels.set(label, this.#steps.length);
  }
  override raw(): void {
    throw new Error("an instruction that the emulator does not know");
  }
  override mov(to: Gpr, from: Gpr | MemoryOperand): void {
    this.#do(s => {
      s.general[to] = typeof from === "number" ? s.general[from]! : this.#word(s, from);
    });
  }
  override set(to: Gpr, value: number): void {
    this.#do(s => {
      s.general[to] = value;
    });
  }
  override setAddress(to: Gpr, value: bigint): void {
    this.#do(s => {
      s.general[to] = Number(value);
    });
  }
  override lea(to: Gpr, from: MemoryOperand): void {
    this.#do(s => {
      s.general[to] = this.#address(s, from);
    });
  }
  override alu(kind: "add" | "or" | "and" | "sub" | "xor" | "cmp", to: Gpr, from: Gpr | MemoryOperand | { readonly value: number }): void {
    this.#do(s => {
      const x = s.general[to]!;
      const y = typeof from === "number" ? s.general[from]! : "value" in from ? from.value : this.#word(s, from);
      const result = { add: x + y, sub: x - y, cmp: x - y, or: x | y, and: x & y, xor: x ^ y }[kind];
      s.sign = result;
      if (kind !== "cmp") s.general[to] = result;
    });
  }
  override imulBy(to: Gpr, from: Gpr, value: number): void {
    this.#do(s => {
      s.general[to] = s.general[from]! * value;
    });
  }
  override divide(by: Gpr): void {
    this.#do(s => {
      const [x, y] = [s.general[gpr.rax]!, s.general[by]!];
      s.general[gpr.rax] = Math.floor(x / y);
      s.general[gpr.rdx] = x % y;
    });
  }
  override push(...registers: readonly Gpr[]): void {
    this.#do(s => void s.stack.push(...registers.map(r => s.general[r]!)));
  }
  override pop(...registers: readonly Gpr[]): void {
    this.#do(s => {
      for (const r of registers) s.general[r] = s.stack.pop()!;
    });
  }
  override jump(label: Label): void {
    this.#steps.push(() => label);
  }
  override jumpIf(condition: "b" | "ae" | "e" | "ne" | "be" | "a" | "l" | "ge" | "le" | "g", label: Label): void {
    if (!(condition in conditionHolds)) throw new Error(`a jump on ${condition}, which the emulator does not know`);
    const holds = conditionHolds[condition as keyof typeof conditionHolds];
    this.#steps.push(s => (holds(s.sign) ? label : undefined));
  }
  override ret(): void {
    this.#steps.push(() => "end");
  }
  override prefetch(): void {}
  override vzeroupper(): void {}

  override v(name: ThreeOperandName, to: number, a: number, b: VectorOperand): void {
    const rule = vectorRules[name];
    if (!rule || typeof b !== "number") throw new Error(`${name}, which the emulator does not know`);
    this.#do(s => s.vectors[to]!.set(rule(s.vectors[a]!.slice(), s.vectors[b]!.slice())));
  }
  override load(to: number, from: VectorOperand): void {
    this.#do(s => s.vectors[to]!.set(typeof from === "number" ? s.vectors[from]! : this.#bytes(s, from, 64)));
  }
  override loadMasked(to: number, from: MemoryOperand, mask: number): void {
    this.#do(s => {
      for (let lane = 0; lane < 16; lane++)
        if ((s.masks[mask]! >> lane) & 1)
          s.vectors[to]!.set(this.#bytes(s, { ...from, displacement: from.displacement + 4 * lane }, 4), 4 * lane);
        else dwords(s.vectors[to]!)[lane] = noBits;
    });
  }
  override save(to: MemoryOperand, from: number, mask = 0): void {
    this.#do(s => {
      for (let lane = 0; lane < 16; lane++)
        if (mask === 0 || (s.masks[mask]! >> lane) & 1)
          this.#bytes(s, { ...to, displacement: to.displacement + 4 * lane }, 4).set(s.vectors[from]!.subarray(4 * lane, 4 * lane + 4));
    });
  }
  override saveQuarter(to: MemoryOperand, from: number, quarter: number): void {
    this.#do(s => this.#bytes(s, to, 16).set(s.vectors[from]!.subarray(16 * quarter, 16 * quarter + 16)));
  }
  override maskFrom(mask: number, from: Gpr): void {
    this.#do(s => {
      s.masks[mask] = s.general[from]! & 0xffff;
    });
  }
  override broadcastRegister(to: number, from: Gpr): void {
    this.#do(s => void dwords(s.vectors[to]!).fill(s.general[from]!));
  }

  override configureTiles(from: MemoryOperand): void {
    this.#do(s => {
      const b = this.#bytes(s, from, 64);
      const isWhole = b[0] === 1 && b[1] === 0 && [...words(b.slice(16, 32))].every(n => n === 64) && b.slice(48, 56).every(n => n === 16);
      if (!isWhole) throw new Error("a configuration other than eight tiles of 16 rows of 64 bytes");
      s.tiles = Array.from({ length: 8 }, () => new Uint8Array(1024));
    });
  }
  override releaseTiles(): void {
    this.#do(s => {
      s.tiles = undefined;
    });
  }
  override zeroTile(tile: number): void {
    this.#do(s => void this.#tile(s, tile).fill(0));
  }
  override loadTile(tile: number, rows: TileRows): void {
    this.#do(s => {
      for (let i = 0; i < 16; i++) this.#tile(s, tile).set(this.#tileRow(s, rows, i), 64 * i);
    });
  }
  override saveTile(rows: TileRows, tile: number): void {
    this.#do(s => {
      for (let i = 0; i < 16; i++) this.#tileRow(s, rows, i).set(this.#tile(s, tile).subarray(64 * i, 64 * i + 64));
    });
  }
  #tileRow(s: State, { base, displacement, stride }: TileRows, row: number): Uint8Array {
    return this.#memory.at(s.general[base]! + displacement + s.general[stride]! * row, 64);
  }
  override multiplyTiles(to: number, a: number, b: number): void {
    if (new Set([to, a, b]).size < 3) throw new Error("a product of a tile with itself, which the processor refuses");
    this.#do(s => {
      const sums = floats(this.#tile(s, to));
      const [x, y] = [numbersOf(words(this.#tile(s, a))), numbersOf(words(this.#tile(s, b)))];
      for (let i = 0; i < 16; i++)
        for (let k = 0; k < 16; k++)
          for (let j = 0; j < 16; j++)
            for (let half = 0; half < 2; half++) sums[16 * i + j]! += x[32 * i + 2 * k + half]! * y[32 * k + 2 * j + half]!;
    });
  }
}
