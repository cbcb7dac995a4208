/**
 * Rows of numbers to rows of bytes for products: normalised (RMS, or by mean and deviation), bent (SiLU of one half times the other; GELU), or
 * as they are, then rounded by the greatest magnitude of a row or of each block of 32. Beside the codes it leaves the scales, and what a product with unsigned weights
 * (code + 128) has to start from: -128 times the sum of the codes. Numbers that broke down make the scale not a number, and so everything
 * after it.
 */
import { fieldsOf } from "../argument-space.ts";
import { Assembler, at, type Gpr, gpr, spread } from "../assembler.ts";
import { emitExponential } from "../exponential.ts";
import { codeBlock } from "./code-block.ts";

const { rax, rbx, rbp, rcx, rdx, rsi, rdi, r8, r9, r10, r11 } = gpr;

export const roundFields = fieldsOf(
  "x",
  "xStride",
  /** Weights of the norm, or how far (bytes) the second half lies behind the first. */
  "other",
  /** What the norm adds, and its weights and what it adds for the rows themselves, which it replaces (`layerNorm`). */
  "bias",
  "whole",
  "wholeBias",
  /** Room for a row of floats each; the rows themselves where nothing is done to them first. */
  "y",
  "yStride",
  "codes",
  "codesStride",
  "scales",
  "sums",
  /** Bytes from a block's scales, of all rows, to the next one's. */
  "blockStride",
  "length",
  "epsilon",
  "inverse",
  /** The constants of `roundConstants`. */
  "constants",
);

/** Smallest greatest magnitude: a row of zeros has a scale too. */
const least = 1e-30;
const own = { one: 0, inverse127: 4, least: 8, magnitude: 12, minus128: 16, gelu: 20, exponential: 64 } as const;
/** Of erfc (Abramowitz and Stegun 7.1.26, error below 1.5e-7), halved: sqrt(1/2), p, a5 to a1. */
const gelu = [Math.SQRT1_2, 0.3275911, ...[1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592].map(x => x / 2)];

/** Bytes that kernels read their constants from. */
export function roundConstants(exponential: readonly number[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(own.exponential + 4 * exponential.length));
  view.setFloat32(own.one, 1, true);
  view.setFloat32(own.inverse127, 1 / 127, true);
  view.setFloat32(own.least, least, true);
  view.setInt32(own.magnitude, 0x7fffffff, true);
  view.setInt32(own.minus128, -128, true);
  for (const [i, x] of gelu.entries()) view.setFloat32(own.gelu + 4 * i, x, true);
  for (const [i, x] of exponential.entries()) view.setFloat32(own.exponential + 4 * i, x, true);
  return new Uint8Array(view.buffer);
}

export type RowWork = "norm" | "layerNorm" | "bend" | "gelu" | "none";

/** Registers: the greatest magnitude, whether all are numbers, constants, what is summed, and what a step needs for itself. */
const [most, broken, zero, magnitude, sum, scale, t, u, v, w] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] as const;

/** What the parts of the code share. */
function rowCode(grain: "row" | "block") {
  const a = new Assembler();
  const field = (name: keyof typeof roundFields) => at(rdi, roundFields[name]);
  /** A loop over the row's numbers, `step` at a time; rcx counts them. */
  const each = (step: number, body: () => void) => {
    a.alu("xor", rcx, rcx);
    const loop = a.here();
    body();
    a.alu("add", rcx, { value: step });
    a.alu("cmp", rcx, field("length"));
    a.jumpIf("b", loop);
  };
  /** Into the greatest magnitude, and whether it is a number. */
  const watchAlways = (y: number, other: number) => {
    a.v("vpandd", other, y, magnitude);
    a.v("vmaxps", most, most, other);
    a.v("vfmadd231ps", broken, y, zero);
  };
  /** The same while the work is done, where a scale is a row's. */
  const watch = grain === "row" ? watchAlways : () => {};
  return { a, field, each, watch, watchAlways };
}
type RowCode = ReturnType<typeof rowCode>;

/** What is done to a row first: from r8 to r9. */
const works: { readonly [W in RowWork]: (c: RowCode) => void } = {
  norm({ a, field, each, watch }: RowCode) {
    a.v("vpxord", t, t, t);
    each(16, () => {
      a.load(u, at(r8, 0, rcx, 4));
      a.v("vfmadd231ps", t, u, u);
    });
    a.reduce("vaddps", t, u);
    a.v("vmulps", t, t, spread(field("inverse")));
    a.v("vaddps", t, t, spread(field("epsilon")));
    a.v2("vsqrtps", t, t);
    a.broadcast(u, at(rdx, own.one));
    a.v("vdivps", t, u, t);
    a.mov(r11, field("other"));
    each(16, () => {
      a.load(u, at(r8, 0, rcx, 4));
      a.v("vmulps", u, u, t);
      a.v("vmulps", u, u, at(r11, 0, rcx, 4));
      a.save(at(r9, 0, rcx, 4), u);
      watch(u, v);
    });
  },
  bend({ a, field, each, watch }: RowCode) {
    a.mov(r11, field("other"));
    a.alu("add", r11, r8);
    a.lea(rax, at(rdx, own.exponential));
    each(16, () => {
      a.load(t, at(r8, 0, rcx, 4));
      a.v("vsubps", u, zero, t);
      emitExponential(a, u, [v, w], rax);
      a.v("vaddps", u, u, spread(at(rdx, own.one)));
      a.v("vdivps", u, t, u);
      a.v("vmulps", u, u, at(r11, 0, rcx, 4));
      a.save(at(r9, 0, rcx, 4), u);
      watch(u, v);
    });
  },
  layerNorm({ a, field, each, watch }: RowCode) {
    const [mean, factor] = [10, 11];
    a.v("vpxord", t, t, t);
    each(16, () => a.v("vaddps", t, t, at(r8, 0, rcx, 4)));
    a.reduce("vaddps", t, u);
    a.v("vmulps", mean, t, spread(field("inverse")));
    a.v("vpxord", t, t, t);
    each(16, () => {
      a.load(u, at(r8, 0, rcx, 4));
      a.v("vsubps", u, u, mean);
      a.v("vfmadd231ps", t, u, u);
    });
    a.reduce("vaddps", t, u);
    a.v("vmulps", t, t, spread(field("inverse")));
    a.v("vaddps", t, t, spread(field("epsilon")));
    a.v2("vsqrtps", t, t);
    a.broadcast(u, at(rdx, own.one));
    a.v("vdivps", factor, u, t);
    a.push(rbx, rbp);
    a.mov(rax, field("other"));
    a.mov(r11, field("bias"));
    a.mov(rbx, field("whole"));
    a.mov(rbp, field("wholeBias"));
    each(16, () => {
      a.load(t, at(r8, 0, rcx, 4));
      a.v("vsubps", t, t, mean);
      a.v("vmulps", t, t, factor);
      a.load(u, at(rax, 0, rcx, 4));
      a.v("vfmadd213ps", u, t, at(r11, 0, rcx, 4));
      a.save(at(r9, 0, rcx, 4), u);
      watch(u, v);
      a.load(u, at(rbx, 0, rcx, 4));
      a.v("vfmadd213ps", u, t, at(rbp, 0, rcx, 4));
      a.save(at(r8, 0, rcx, 4), u);
    });
    a.pop(rbp, rbx);
  },
  gelu({ a, each, watch }: RowCode) {
    // x >= 0: x - x erfc(z) / 2, else x erfc(z) / 2, with z = |x| sqrt(1/2)
    const [z, q, absolute] = [10, 11, 12];
    const constant = (i: number) => spread(at(rdx, own.gelu + 4 * i));
    a.lea(rax, at(rdx, own.exponential));
    each(16, () => {
      a.load(t, at(r8, 0, rcx, 4));
      a.v("vpandd", absolute, t, magnitude);
      a.v("vmulps", z, absolute, constant(0));
      a.v("vmulps", u, z, z);
      a.v("vsubps", u, zero, u);
      emitExponential(a, u, [v, w], rax);
      // 1 / (1 + p z)
      a.v("vmulps", z, z, constant(1));
      a.v("vaddps", z, z, spread(at(rdx, own.one)));
      a.broadcast(v, at(rdx, own.one));
      a.v("vdivps", z, v, z);
      a.broadcast(q, at(rdx, own.gelu + 8));
      for (let i = 3; i < gelu.length; i++) a.v("vfmadd213ps", q, z, constant(i));
      a.v("vmulps", q, q, z);
      a.v("vmulps", q, q, u);
      // the second source is what comes out where one is not a number
      a.v("vmaxps", t, zero, t);
      a.v("vfnmadd231ps", t, absolute, q);
      a.save(at(r9, 0, rcx, 4), t);
      watch(t, v);
    });
  },
  none({ a, each, watch }) {
    each(16, () => {
      a.load(u, at(r9, 0, rcx, 4));
      watch(u, v);
    });
  },
};

/** The numbers at r9 as codes at r10, scales at r8 and sums at r11. */
function roundCode({ a, field, each, watchAlways }: RowCode, grain: "row" | "block"): void {
  /** The scale of a greatest magnitude, saved; `most` becomes what numbers are multiplied by. */
  const scaled = () => {
    a.reduce("vmaxps", most, u);
    a.v("vmaxps", most, most, spread(at(rdx, own.least)));
    a.v("vmulps", scale, most, spread(at(rdx, own.inverse127)));
    a.broadcast(u, at(rdx, own.one));
    a.v("vdivps", most, u, scale);
  };
  const saveScale = () => {
    a.v("vaddps", scale, scale, broken);
    a.saveLane(at(r8), scale);
  };
  const saveSum = () => {
    a.reduce("vpaddd", sum, u);
    a.v("vpmulld", sum, sum, spread(at(rdx, own.minus128)));
    a.saveLane(at(r11), sum);
  };
  const code = (register: number, displacement: number) => {
    a.v("vmulps", register, register, most);
    a.v2("vcvtps2dq", register, register);
    a.saveBytes(at(r10, displacement, rcx), register);
    a.v("vpaddd", sum, sum, register);
  };
  if (grain === "row") {
    a.reduce("vaddps", broken, u);
    scaled();
    saveScale();
    each(16, () => {
      a.load(u, at(r9, 0, rcx, 4));
      code(u, 0);
    });
    saveSum();
  } else {
    each(codeBlock, () => {
      for (const register of [most, broken, sum]) a.v("vpxord", register!, register!, register!);
      a.load(t, at(r9, 0, rcx, 4));
      a.load(v, at(r9, 64, rcx, 4));
      watchAlways(t, u);
      watchAlways(v, u);
      a.reduce("vaddps", broken, u);
      scaled();
      saveScale();
      code(t, 0);
      code(v, 16);
      saveSum();
      a.alu("add", r8, field("blockStride"));
      a.alu("add", r11, field("blockStride"));
    });
  }
}

/** kernel(arguments, row). */
export function roundRowsCode(work: RowWork, grain: "row" | "block"): Uint8Array {
  const c = rowCode(grain);
  const { a, field } = c;
  const rowOf = (to: Gpr, base: keyof typeof roundFields, stride: keyof typeof roundFields) => {
    a.mov(to, field(stride));
    a.imul(to, rsi);
    a.alu("add", to, field(base));
  };
  rowOf(r8, "x", "xStride");
  rowOf(r9, "y", "yStride");
  rowOf(r10, "codes", "codesStride");
  a.mov(rdx, field("constants"));
  for (const register of [most, broken, zero, sum]) a.v("vpxord", register, register, register);
  a.broadcast(magnitude, at(rdx, own.magnitude));
  // blocks are watched one by one
  if (work !== "none" || grain === "row") works[work](c);
  // r8 and r11 are free from here on: this row's scale and sum of the first block
  a.lea(r8, at(rsi, 0));
  a.shift("left", r8, 2);
  a.mov(r11, r8);
  a.alu("add", r8, field("scales"));
  a.alu("add", r11, field("sums"));
  roundCode(c, grain);
  a.ret();
  return a.code();
}
