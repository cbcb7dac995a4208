/**
 * The assembler for processors with AVX2 and FMA alone: the operations of sixteen lanes that kernels use, on eight, by VEX encodings. There are
 * sixteen registers and no masks: mask 1 is `maskRegister`, where not all lanes are meant, and what one number in memory is spread into is
 * `spreadRegister`, so kernels keep values in the first fourteen. Whatever AVX2 lacks is refused when the code is made.
 */
import {
  Assembler,
  at,
  type Gpr,
  gpr,
  type MemoryOperand,
  type OpcodeMap,
  type Prefix,
  type ThreeOperandName,
  type TwoOperandName,
  type VectorOperand,
} from "../assembler.ts";
import { machineFailure } from "../errors.ts";
import { allocatePages, type Pages } from "../native.ts";

/** Instructions of the table of three operands that AVX2 has; those of whole registers of bits go by other names there. */
const three = {
  vaddps: [0, 1, 0x58],
  vmulps: [0, 1, 0x59],
  vsubps: [0, 1, 0x5c],
  vminps: [0, 1, 0x5d],
  vdivps: [0, 1, 0x5e],
  vmaxps: [0, 1, 0x5f],
  vpaddd: [1, 1, 0xfe],
  /** vpand. */
  vpandd: [1, 1, 0xdb],
  /** vpxor. */
  vpxord: [1, 1, 0xef],
  vpmulld: [1, 2, 0x40],
  vfmadd231ps: [1, 2, 0xb8],
  vfmadd213ps: [1, 2, 0xa8],
  vfnmadd231ps: [1, 2, 0xbc],
  vpunpckldq: [1, 1, 0x62],
  vpunpckhdq: [1, 1, 0x6a],
  vpunpcklqdq: [1, 1, 0x6c],
  vpunpckhqdq: [1, 1, 0x6d],
} as const satisfies { readonly [K in ThreeOperandName]?: readonly [Prefix, OpcodeMap, number] };
type Three = keyof typeof three;
const two = { vsqrtps: [0, 1, 0x51], vcvtps2dq: [1, 1, 0x5b], vcvtdq2ps: [0, 1, 0x5b] } as const satisfies {
  readonly [K in TwoOperandName]: readonly [Prefix, OpcodeMap, number];
};

export const avx2Lanes = 8;
const maskRegister = 14;
const spreadRegister = 15;

/** Eight words of ones, then eight of zeros: masks of 0 to 8 lanes begin among them. They live as long as the process. */
let ones: Pages | undefined;
function maskAddress(lanes: number): bigint {
  if (!ones) {
    ones = allocatePages(8 * avx2Lanes, false);
    new Int32Array(ones.buffer).fill(-1, 0, avx2Lanes);
  }
  return ones.address + BigInt(4 * (avx2Lanes - lanes));
}

const lacking = (received: string) => machineFailure({ place: "assembler", expected: "instructions that AVX2 and FMA have", received });

export class Avx2Assembler extends Assembler {
  override readonly lanes: number = avx2Lanes;
  /** Are all lanes meant by mask 1, as far as code was written? */
  #isWhole = true;

  protected override refuseWide(): void {
    throw lacking("one of AVX-512");
  }
  override maskFrom(): never {
    throw lacking("a mask register");
  }

  /** What follows means so many of the lowest lanes by mask 1. It holds for code in the order in which it is written, not run. Uses rax. */
  override setMask(mask: number, lanes: number): void {
    if (mask !== 1) throw lacking(`mask ${mask}`);
    this.#isWhole = lanes >= avx2Lanes;
    if (!this.#isWhole) this.setLanes(maskRegister, lanes);
  }
  /** Register := ones in so many of the lowest lanes, zeros above. Uses rax. */
  setLanes(register: number, lanes: number): void {
    this.setAddress(gpr.rax, maskAddress(Math.max(0, Math.min(avx2Lanes, lanes))));
    this.load(register, at(gpr.rax));
  }
  #isMasked(mask: number): boolean {
    if (mask > 1) throw lacking(`mask ${mask}`);
    return mask === 1 && !this.#isWhole;
  }

  #operand(b: VectorOperand): VectorOperand {
    if (typeof b === "number" || !b.broadcast) return b;
    this.broadcast(spreadRegister, { ...b, broadcast: false });
    return spreadRegister;
  }

  /** As on sixteen lanes; `vscalefps` overwrites b, and none of its operands may be another. */
  override v(name: ThreeOperandName, to: number, a: number, b: VectorOperand, mask = 0): void {
    if (name === "vscalefps") this.#scale(to, a, b);
    else if (!(name in three)) throw lacking(name);
    else if (this.#isMasked(mask)) {
      this.vex(three[name as Three], spreadRegister, a, this.#operand(b));
      this.select(to, to, spreadRegister, maskRegister);
    } else this.vex(three[name as Three], to, a, this.#operand(b));
  }
  /** to := a * 2^b of whole numbers b from -252 to 254: in two steps, of which the first is exact, so it rounds once. */
  #scale(to: number, a: number, b: VectorOperand): void {
    if (typeof b !== "number" || new Set([to, a, b, spreadRegister]).size < 4)
      throw lacking("vscalefps of operands that are not three registers");
    const rest = spreadRegister;
    this.v2("vcvtps2dq", rest, b);
    this.vex([1, 1, 0x72], 4, b, rest); // vpsrad b := rest >> 1
    this.raw(1);
    this.vex([1, 1, 0xfa], rest, rest, b); // vpsubd
    this.vex([1, 1, 0x76], to, to, to); // vpcmpeqd: ones
    this.shiftRight(to, to, 25); // 127
    for (const half of [b, rest]) {
      this.v("vpaddd", half, half, to);
      this.vex([1, 1, 0x72], 6, half, half); // vpslld
      this.raw(23);
    }
    this.v("vmulps", b, b, a);
    this.v("vmulps", to, b, rest);
  }
  override v2(name: TwoOperandName, to: number, from: VectorOperand): void {
    this.vex(two[name], to, 0, this.#operand(from));
  }
  /** Lanes of b where the sign of `mask` is set, of a elsewhere. */
  select(to: number, a: number, b: number, mask: number): void {
    this.vex([1, 3, 0x4a], to, a, b);
    this.raw(mask << 4);
  }
  /** Lanes of ones where a or b is no number, of zeros elsewhere. */
  unorderedLanes(to: number, a: number, b: number): void {
    this.vex([0, 1, 0xc2], to, a, b);
    this.raw(3);
  }
  override load(to: number, from: VectorOperand): void {
    this.vex([0, 1, 0x10], to, 0, from);
  }
  override loadMasked(to: number, from: MemoryOperand, mask: number): void {
    if (this.#isMasked(mask)) this.loadLanes(to, from, maskRegister);
    else this.load(to, from);
  }
  /** Lanes of memory where the sign of `mask` is set, zero elsewhere; other places are not read. */
  loadLanes(to: number, from: MemoryOperand, mask: number): void {
    this.vex([1, 2, 0x2c], to, mask, from);
  }
  override save(to: MemoryOperand, from: number, mask = 0): void {
    if (this.#isMasked(mask)) this.vex([1, 2, 0x2e], from, maskRegister, to);
    else this.vex([0, 1, 0x11], from, 0, to);
  }
  /** One of the two halves, of four lanes. */
  override saveQuarter(to: MemoryOperand, from: number, quarter: number): void {
    if (quarter === 0) this.vex([0, 1, 0x11], from, 0, to, 0);
    else if (quarter === 1) {
      this.vex([1, 3, 0x19], from, 0, to);
      this.raw(1);
    } else throw lacking(`quarter ${quarter} of a vector`);
  }
  override saveLane(to: MemoryOperand, from: number): void {
    this.vex([2, 1, 0x11], from, 0, to, 0);
  }
  override broadcast(to: number, from: MemoryOperand): void {
    this.vex([1, 2, 0x18], to, 0, from);
  }
  override broadcastRegister(to: number, from: Gpr): void {
    this.vex([1, 1, 0x6e], to, 0, from, 0); // vmovd
    this.vex([1, 2, 0x58], to, 0, to); // vpbroadcastd
  }
  override round(to: number, from: number): void {
    this.vex([1, 3, 0x08], to, 0, from);
    this.raw(8);
  }
  override shiftRight(to: number, from: number, by: number): void {
    this.vex([1, 1, 0x72], 2, to, from);
    this.raw(by);
  }
  /** Within each half. */
  override shuffleInQuarters(to: number, from: number, how: number): void {
    this.vex([1, 3, 0x04], to, 0, from);
    this.raw(how);
  }
  override shuffleQuarters(): never {
    throw lacking("a shuffle of quarters");
  }
  override reduce(name: "vaddps" | "vmaxps" | "vpaddd", register: number, other: number): void {
    this.vex([1, 3, 0x06], other, register, register); // vperm2f128: the halves change places
    this.raw(1);
    this.v(name, register, register, other);
    for (const how of [0x4e, 0xb1]) {
      this.shuffleInQuarters(other, register, how);
      this.v(name, register, register, other);
    }
  }
}
