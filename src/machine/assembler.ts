/**
 * An assembler for the part of x86-64 with AVX-512 that Loam's own kernels use: instructions are methods and rows of tables, labels are
 * resolved at the end, the result is position-independent bytes. It checks what it is given and knows no optimisation.
 * Source of the encodings: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2.
 */
import { machineFailure } from "./errors.ts";

/** The sixteen general registers by their numbers. */
export const gpr = {
  rax: 0,
  rcx: 1,
  rdx: 2,
  rbx: 3,
  rsp: 4,
  rbp: 5,
  rsi: 6,
  rdi: 7,
  r8: 8,
  r9: 9,
  r10: 10,
  r11: 11,
  r12: 12,
  r13: 13,
  r14: 14,
  r15: 15,
} as const;
export type Gpr = (typeof gpr)[keyof typeof gpr];

/** A place in memory: base + index * scale + displacement. Where `broadcast` is set, one element there stands for all of a vector. */
export interface MemoryOperand {
  readonly base: Gpr;
  readonly index?: Gpr;
  readonly scale?: 1 | 2 | 4 | 8;
  readonly displacement: number;
  readonly broadcast?: boolean;
}
export const at = (base: Gpr, displacement = 0, index?: Gpr, scale: 1 | 2 | 4 | 8 = 1): MemoryOperand => ({
  base,
  displacement,
  ...(index === undefined ? {} : { index, scale }),
});
/** The f32 or i32 there, in every lane. */
export const spread = (a: MemoryOperand): MemoryOperand => ({ ...a, broadcast: true });

/** A vector register (0 to 31), or memory. */
export type VectorOperand = number | MemoryOperand;

export type Prefix = 0 | 1 | 2 | 3; // none, 66, F3, F2
type Map = 1 | 2 | 3; // 0F, 0F38, 0F3A

/** Instructions of two sources: [prefix, map, opcode], and a 1 where elements of 64 or 16 bits are meant. */
export const threeOperands = {
  vaddps: [0, 1, 0x58],
  vmulps: [0, 1, 0x59],
  vsubps: [0, 1, 0x5c],
  vminps: [0, 1, 0x5d],
  vdivps: [0, 1, 0x5e],
  vmaxps: [0, 1, 0x5f],
  vpaddd: [1, 1, 0xfe],
  vpandd: [1, 1, 0xdb],
  vpxord: [1, 1, 0xef],
  vpmulld: [1, 2, 0x40],
  vfmadd231ps: [1, 2, 0xb8],
  vfmadd213ps: [1, 2, 0xa8],
  vfnmadd231ps: [1, 2, 0xbc],
  vscalefps: [1, 2, 0x2c],
  /** dst += four products of an unsigned byte (first source) and a signed one (second), per i32. */
  vpdpbusd: [1, 2, 0x50],
  /** dst += two products of bf16 (pairs of both sources), per f32. */
  vdpbf16ps: [2, 2, 0x52],
  /** Sixteen f32 of the second source as bf16 (nearest, halves to even), then sixteen of the first. */
  vcvtne2ps2bf16: [3, 2, 0x72],
  /** Words of the second source at the places that the first names. */
  vpermw: [1, 2, 0x8d, 1],
  /** In each quarter: the lower (l) or upper (h) lanes of both sources in turn, lanes of 32 (d) or 64 bits (q). */
  vpunpckldq: [1, 1, 0x62],
  vpunpckhdq: [1, 1, 0x6a],
  vpunpcklqdq: [1, 1, 0x6c, 1],
  vpunpckhqdq: [1, 1, 0x6d, 1],
  /** Lanes of the second source where the mask is set, of the first elsewhere. */
  vblendmps: [1, 2, 0x65],
} as const satisfies Record<string, readonly [Prefix, Map, number, 1?]>;

/** Instructions of one source, some with a byte that says how. */
export const twoOperands = {
  vsqrtps: [0, 1, 0x51],
  vcvtps2dq: [1, 1, 0x5b],
  vcvtdq2ps: [0, 1, 0x5b],
} as const satisfies Record<string, readonly [Prefix, Map, number]>;
export type ThreeOperandName = keyof typeof threeOperands;
export type TwoOperandName = keyof typeof twoOperands;
export type OpcodeMap = Map;

/** Jumps by the condition's number. */
const conditions = { b: 2, ae: 3, e: 4, ne: 5, be: 6, a: 7, l: 12, ge: 13, le: 14, g: 15 } as const;
type JumpCondition = keyof typeof conditions;

const arithmetic = { add: 0, or: 1, and: 4, sub: 5, xor: 6, cmp: 7 } as const;

export type Label = number & { readonly label: unique symbol };

const refused = (expected: string, received: unknown) => machineFailure({ place: "assembler", expected, received: String(received) });
/** A whole number of 32 bits, as instructions hold them; the processor extends its sign. */
function whole32(x: number): number {
  if (!Number.isInteger(x) || x < -(2 ** 31) || x >= 2 ** 31) throw refused("a whole number of 32 bits with a sign", x);
  return x;
}

const fits8 = (x: number): boolean => x >= -128 && x <= 127;

export class Assembler {
  /** Floats in a vector. */
  readonly lanes: number = 16;
  readonly #bytes: number[] = [];
  readonly #places: number[] = [];
  readonly #jumps: { readonly at: number; readonly label: Label }[] = [];

  get length(): number {
    return this.#bytes.length;
  }

  /** The bytes, with every jump resolved. Errors: tensor/machine for a label that was never placed. */
  code(): Uint8Array {
    const bytes = Uint8Array.from(this.#bytes);
    const view = new DataView(bytes.buffer);
    for (const jump of this.#jumps) {
      const place = this.#places[jump.label]!;
      if (place < 0) throw machineFailure({ place: "assembler", expected: "every label in its place", received: "one without" });
      view.setInt32(jump.at, place - (jump.at + 4), true);
    }
    return bytes;
  }

  label(): Label {
    return (this.#places.push(-1) - 1) as Label;
  }
  place(label: Label): void {
    this.#places[label] = this.#bytes.length;
  }
  /** Where a placed label is, in bytes from the start. */
  offsetOf(label: Label): number {
    return this.#places[label]!;
  }
  /** A label here. */
  here(): Label {
    const label = this.label();
    this.place(label);
    return label;
  }

  raw(...bytes: readonly number[]): void {
    for (const b of bytes) this.#bytes.push(b & 255);
  }
  #int32(x: number): void {
    whole32(x);
    this.raw(x, x >> 8, x >> 16, x >> 24);
  }

  /** ModRM and what follows it; `unit` is what a one-byte displacement counts in; `broadcasts`: may one element there stand for all? */
  #modrm(reg: number, rm: number | MemoryOperand, unit: number, broadcasts = false): void {
    const r = (reg & 7) << 3;
    if (typeof rm === "number") {
      this.raw(0xc0 | r | (rm & 7));
      return;
    }
    const { base, index, scale = 1, displacement: d } = rm;
    if (rm.broadcast && !broadcasts) throw refused("an instruction with a form for one element in all lanes (broadcast)", "one without");
    if (index === gpr.rsp) throw refused("an index other than rsp, which stands for none", "rsp");
    const needsSib = index !== undefined || (base & 7) === 4;
    const short = d % unit === 0 && fits8(d / unit);
    // without a displacement this base means something else
    const mode = d === 0 && (base & 7) !== 5 ? 0 : short ? 0x40 : 0x80;
    this.raw(mode | r | (needsSib ? 4 : base & 7));
    if (needsSib) this.raw((Math.log2(scale) << 6) | ((index === undefined ? 4 : index & 7) << 3) | (base & 7));
    if (mode === 0x40) this.raw(d / unit);
    else if (mode === 0x80) this.#int32(d);
  }

  #rex(wide: boolean, reg: number, rm: number | MemoryOperand): void {
    const b = typeof rm === "number" ? rm : rm.base;
    const x = typeof rm === "number" ? 0 : (rm.index ?? 0);
    const rex = 0x40 | (wide ? 8 : 0) | ((reg >> 3) << 2) | ((x >> 3) << 1) | (b >> 3);
    if (rex !== 0x40) this.raw(rex);
  }
  #general(opcode: readonly number[], reg: number, rm: number | MemoryOperand, wide = true): void {
    this.#rex(wide, reg, rm);
    this.raw(...opcode);
    this.#modrm(reg, rm, 1);
  }

  mov(to: Gpr, from: Gpr | MemoryOperand): void {
    this.#general([0x8b], to, from);
  }
  /** Four bytes, the upper half of the register zeroed. */
  mov32(to: Gpr, from: Gpr | MemoryOperand): void {
    this.#general([0x8b], to, from, false);
  }
  /** Four bytes with their sign. */
  movsxd(to: Gpr, from: MemoryOperand): void {
    this.#general([0x63], to, from);
  }
  /** Two bytes, the rest of the register zeroed. */
  mov16(to: Gpr, from: MemoryOperand): void {
    this.#general([0x0f, 0xb7], to, from, false);
  }
  store16(to: MemoryOperand, from: Gpr): void {
    this.raw(0x66);
    this.#general([0x89], from, to, false);
  }
  store(to: MemoryOperand, from: Gpr): void {
    this.#general([0x89], from, to);
  }
  store32(to: MemoryOperand, from: Gpr): void {
    this.#general([0x89], from, to, false);
  }
  set(to: Gpr, value: number): void {
    this.#rex(true, 0, to);
    this.raw(0xc7, 0xc0 | (to & 7));
    this.#int32(value);
  }
  /** All 64 bits. */
  setAddress(to: Gpr, value: bigint): void {
    this.#rex(true, 0, to);
    this.raw(0xb8 | (to & 7));
    for (let i = 0; i < 64; i += 8) this.raw(Number((value >> BigInt(i)) & 255n));
  }
  lea(to: Gpr, from: MemoryOperand): void {
    this.#general([0x8d], to, from);
  }
  /** add, sub, cmp, ... of a register with a register, memory, or a number of 32 bits. */
  alu(kind: keyof typeof arithmetic, to: Gpr, from: Gpr | MemoryOperand | { readonly value: number }): void {
    if (typeof from === "object" && "value" in from) {
      this.#rex(true, 0, to);
      this.raw(0x81, 0xc0 | (arithmetic[kind] << 3) | (to & 7));
      this.#int32(from.value);
    } else this.#general([(arithmetic[kind] << 3) | 3], to, from);
  }
  imul(to: Gpr, from: Gpr | MemoryOperand): void {
    this.#general([0x0f, 0xaf], to, from);
  }
  imulBy(to: Gpr, from: Gpr, value: number): void {
    this.#general([0x69], to, from);
    this.#int32(value);
  }
  /** rdx:rax by a register: rax gets the quotient, rdx the rest. */
  divide(by: Gpr): void {
    this.#general([0xf7], 6, by);
  }
  shift(kind: "left" | "right", register: Gpr, by: number): void {
    this.#general([0xc1], kind === "left" ? 4 : 5, register);
    this.raw(by);
  }
  test(a: Gpr, b: Gpr): void {
    this.#general([0x85], b, a);
  }
  push(...registers: readonly Gpr[]): void {
    for (const r of registers) this.raw(...(r > 7 ? [0x41] : []), 0x50 | (r & 7));
  }
  pop(...registers: readonly Gpr[]): void {
    for (const r of registers) this.raw(...(r > 7 ? [0x41] : []), 0x58 | (r & 7));
  }
  jump(label: Label): void {
    this.raw(0xe9);
    this.#target(label);
  }
  jumpIf(condition: JumpCondition, label: Label): void {
    this.raw(0x0f, 0x80 | conditions[condition]);
    this.#target(label);
  }
  call(label: Label): void {
    this.raw(0xe8);
    this.#target(label);
  }
  callRegister(register: Gpr): void {
    this.#general([0xff], 2, register, false);
  }
  #target(label: Label): void {
    this.#jumps.push({ at: this.#bytes.length, label });
    this.#int32(0);
  }
  ret(): void {
    this.raw(0xc3);
  }
  /** Adds a register to four bytes of memory at once with all threads; the register gets what was there. */
  fetchAdd32(to: MemoryOperand, register: Gpr): void {
    this.raw(0xf0);
    this.#general([0x0f, 0xc1], register, to, false);
  }
  /** Four bytes of memory and a register change places, at once with all threads. */
  exchange32(place: MemoryOperand, register: Gpr): void {
    this.#general([0x87], register, place, false);
  }
  pause(): void {
    this.raw(0xf3, 0x90);
  }
  syscall(): void {
    this.raw(0x0f, 0x05);
  }
  /** Asks for the line there, to be written soon. */
  prefetchToWrite(line: MemoryOperand): void {
    this.#general([0x0f, 0x0d], 1, line, false);
  }
  /** Asks for the line there, to be read soon; a place that is nobody's is no error. */
  prefetch(line: MemoryOperand): void {
    this.#general([0x0f, 0x18], 1, line, false);
  }
  /** Ends the use of wide registers: code after it may be compiled for narrow ones. */
  vzeroupper(): void {
    this.raw(0xc5, 0xf8, 0x77);
  }

  /** A VEX instruction: `reg` and `rm` as in ModRM, `vvvv` the first source; of 256 bits, or of 128 where `length` is 0. */
  protected vex(
    [prefix, map, opcode, wide = 0]: readonly [Prefix, Map, number, (0 | 1)?],
    reg: number,
    vvvv: number,
    rm: VectorOperand,
    length: 0 | 1 = 1,
  ): void {
    const isRegister = typeof rm === "number";
    for (const register of [reg, vvvv, isRegister ? rm : 0])
      if (register > 15) throw refused("one of the first 16 vector registers", register);
    const [b, x] = isRegister ? [rm >> 3, 0] : [rm.base >> 3, (rm.index ?? 0) >> 3];
    const last = ((~vvvv & 15) << 3) | (length << 2) | prefix;
    const notR = reg > 7 ? 0 : 0x80;
    if (!b && !x && !wide && map === 1) this.raw(0xc5, notR | last);
    else this.raw(0xc4, notR | (x ? 0 : 0x40) | (b ? 0 : 0x20) | map, (wide << 7) | last);
    this.raw(opcode);
    this.#modrm(reg, rm, 1);
  }

  /** Throws where the processors that code is for have no vectors of 512 bits. */
  protected refuseWide(): void {}

  /** An EVEX instruction: `reg` and `rm` as in ModRM, `vvvv` the first source. */
  #evex(
    [prefix, map, opcode, wide = 0]: readonly [Prefix, Map, number, (0 | 1)?],
    reg: number,
    vvvv: number,
    rm: VectorOperand,
    {
      unit = 64,
      mask = 0,
      length = 2,
      zero = false,
      broadcasts = false,
    }: { unit?: number; mask?: number; length?: 0 | 1 | 2; zero?: boolean; broadcasts?: boolean } = {},
  ): void {
    this.refuseWide();
    const isRegister = typeof rm === "number";
    if (zero && mask === 0) throw refused("mask 1 to 7 where other lanes are zeroed", mask);
    const base = isRegister ? rm : rm.base;
    const x = isRegister ? rm >> 4 : (rm.index ?? 0) >> 3;
    const not = (bit: number, place: number) => (bit & 1 ? 0 : 1 << place);
    this.raw(
      0x62,
      not(reg >> 3, 7) | not(x, 6) | not(base >> 3, 5) | not(reg >> 4, 4) | map,
      (wide << 7) | ((~vvvv & 15) << 3) | 4 | prefix,
      (zero ? 0x80 : 0) | (length << 5) | (!isRegister && rm.broadcast ? 16 : 0) | not(vvvv >> 4, 3) | mask,
      opcode,
    );
    this.#modrm(reg, rm, !isRegister && rm.broadcast ? 4 : unit, broadcasts && wide === 0);
  }

  /** to = a (op) b; for fused products to += a b, or as the name says. */
  v(name: ThreeOperandName, to: number, a: number, b: VectorOperand, mask = 0): void {
    this.#evex(threeOperands[name], to, a, b, { mask, broadcasts: true });
  }
  v2(name: TwoOperandName, to: number, from: VectorOperand): void {
    this.#evex(twoOperands[name], to, 0, from, { broadcasts: true });
  }
  /** Sixteen lanes from memory, or of another register. */
  load(to: number, from: VectorOperand): void {
    this.#evex([0, 1, 0x10], to, 0, from);
  }
  /** Sixteen f16 from memory, as f32. */
  loadHalves(to: number, from: MemoryOperand): void {
    this.#evex([1, 2, 0x13], to, 0, from, { unit: 32 });
  }
  /** Sixteen lanes as f16, rounded to the nearest. */
  saveHalves(to: MemoryOperand, from: number): void {
    this.#evex([1, 3, 0x1d], from, 0, to, { unit: 32 });
    this.raw(0);
  }
  save(to: MemoryOperand, from: number, mask = 0): void {
    this.#evex([0, 1, 0x11], from, 0, to, { mask });
  }
  /** Lanes of memory where the mask is set, zero elsewhere; other places are not read. */
  loadMasked(to: number, from: MemoryOperand, mask: number): void {
    this.#evex([0, 1, 0x10], to, 0, from, { mask, zero: true });
  }
  /** One of the four quarters. */
  saveQuarter(to: MemoryOperand, from: number, quarter: number): void {
    this.#evex([1, 3, 0x39], from, 0, to, { unit: 16 });
    this.raw(quarter);
  }
  /** One of the two halves. */
  saveHalf(to: MemoryOperand, from: number, half: number): void {
    this.#evex([1, 3, 0x3b], from, 0, to, { unit: 32 });
    this.raw(half);
  }
  /** Mask k := the lower 16 bits of a register. */
  maskFrom(mask: number, from: Gpr): void {
    this.vex([0, 1, 0x92], mask, 0, from, 0);
  }
  /** Mask k := so many of the lowest lanes, at most all of them. Uses rax. */
  setMask(mask: number, lanes: number): void {
    this.set(gpr.rax, 2 ** Math.max(0, Math.min(16, lanes)) - 1);
    this.maskFrom(mask, gpr.rax);
  }
  /** The lowest lane. */
  saveLane(to: MemoryOperand, from: number): void {
    this.#evex([2, 1, 0x11], from, 0, to, { unit: 4, length: 0 });
  }
  /** The 32 bits there, in every lane. */
  broadcast(to: number, from: MemoryOperand): void {
    this.#evex([1, 2, 0x18], to, 0, from, { unit: 4 });
  }
  broadcastRegister(to: number, from: Gpr): void {
    this.#evex([1, 2, 0x7c], to, 0, from);
  }
  /** Sixteen i32 as sixteen i8, held to their range. */
  saveBytes(to: MemoryOperand, from: number): void {
    this.#evex([2, 2, 0x21], from, 0, to, { unit: 16 });
  }
  /** Nearest whole number, halves to the even one. */
  round(to: number, from: number): void {
    this.#evex([1, 3, 0x08], to, 0, from);
    this.raw(8);
  }
  shuffleQuarters(to: number, from: number, how: number): void {
    this.#evex([1, 3, 0x23], to, from, from);
    this.raw(how);
  }
  shuffleInQuarters(to: number, from: number, how: number): void {
    this.#evex([1, 3, 0x04], to, 0, from);
    this.raw(how);
  }
  /** Lanes of 32 bits, zeros from the left. */
  shiftRight(to: number, from: number, by: number): void {
    this.#evex([1, 1, 0x72], 2, to, from);
    this.raw(by);
  }
  /** Mask k := a or b is no number. */
  unordered(mask: number, a: number, b: VectorOperand): void {
    this.#evex([0, 1, 0xc2], mask, a, b, { broadcasts: true });
    this.raw(3);
  }
  /** Mask k := a > b, of i32. */
  greater(mask: number, a: number, b: VectorOperand): void {
    this.#evex([1, 3, 0x1f], mask, a, b, { broadcasts: true });
    this.raw(6);
  }
  /** Every lane gets the result over all of them; `other` is overwritten. The order is fixed. */
  reduce(name: "vaddps" | "vmaxps" | "vpaddd", register: number, other: number): void {
    for (const [how, isQuarters] of [
      [0x4e, true],
      [0xb1, true],
      [0x4e, false],
      [0xb1, false],
    ] as const) {
      if (isQuarters) this.shuffleQuarters(other, register, how);
      else this.shuffleInQuarters(other, register, how);
      this.v(name, register, register, other);
    }
  }
}
