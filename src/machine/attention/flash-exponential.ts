/** Powers of two and binary logarithms of many vectors at once: the exponential's polynomial without its change of base. */
import { type Assembler, at, type Gpr, gpr, spread } from "../assembler.ts";
import { exponentialConstants } from "../exponential.ts";
import type { FlashForm } from "./flash-shape.ts";
import { setFloat } from "./flash-sight.ts";

/** The polynomial's coefficients stand behind two other constants. */
const firstCoefficient = 2;
/** Weights that are rounded to bf16 need no more than 2e-6. */
const degreeOf = (form: FlashForm): number => (form === "bf16" ? 5 : exponentialConstants.length - firstCoefficient - 1);

/** Where coefficient k is: in memory behind the address in a register, or in the vector registers from `first` on (`loadCoefficients`). */
type Coefficients = { readonly constants: Gpr } | { readonly first: number };
export function loadCoefficients(a: Assembler, form: FlashForm, first: number, constants: Gpr): void {
  for (let k = 0; k <= degreeOf(form); k++) a.broadcast(first + k, at(constants, 4 * (firstCoefficient + k)));
}

/** xs := 2^xs; finite numbers and what is no number. As many registers as xs twice are overwritten. */
export function emitPowers(
  a: Assembler,
  form: FlashForm,
  xs: readonly number[],
  [wholes, sums]: readonly [readonly number[], readonly number[]],
  from: Coefficients,
): void {
  const coefficient = (k: number) => ("first" in from ? from.first + k : at(from.constants, 4 * (firstCoefficient + k)));
  const degree = degreeOf(form);
  for (const [i, x] of xs.entries()) a.round(wholes[i]!, x);
  for (const [i, x] of xs.entries()) a.v("vsubps", x, x, wholes[i]!);
  const top = coefficient(degree);
  for (const p of xs.keys()) {
    if (typeof top === "number") a.load(sums[p]!, top);
    else a.broadcast(sums[p]!, top);
  }
  for (let k = degree - 1; k >= 0; k--) {
    const c = coefficient(k);
    for (const [i, x] of xs.entries()) a.v("vfmadd213ps", sums[i]!, x, typeof c === "number" ? c : spread(c));
  }
  for (const [i, x] of xs.entries()) a.v("vscalefps", x, sums[i]!, wholes[i]!);
}

/** Terms of the series of the area tangent, whose next is below 1e-8 at a third. */
const terms = 8;
/** x := log2 x of numbers from 1 on; what is no number stays so. Uses rax and the registers `others`. */
export function emitLog2(
  a: Assembler,
  x: number,
  [exponent, fraction, square, sum, one]: readonly [number, number, number, number, number],
): void {
  const set = (register: number, value: number) => {
    a.set(gpr.rax, value);
    a.broadcastRegister(register, gpr.rax);
  };
  // x = 2^e f with f from 1 to 2: log2 f = 2 / ln 2 (s + s^3 / 3 + s^5 / 5 + ...), s = (f - 1) / (f + 1)
  a.shiftRight(exponent, x, 23);
  set(one, -127);
  a.v("vpaddd", exponent, exponent, one);
  a.v2("vcvtdq2ps", exponent, exponent);
  set(one, 0x007fffff);
  a.v("vpandd", fraction, x, one);
  setFloat(a, one, 1);
  a.v("vpaddd", fraction, fraction, one);
  // not a number minus itself is not a number
  a.v("vsubps", x, x, x);
  a.v("vaddps", x, x, exponent);
  a.v("vaddps", exponent, fraction, one);
  a.v("vsubps", fraction, fraction, one);
  a.v("vdivps", fraction, fraction, exponent);
  a.v("vmulps", square, fraction, fraction);
  const coefficient = (k: number) => 2 / Math.LN2 / (2 * k + 1);
  setFloat(a, sum, coefficient(terms - 1));
  for (let k = terms - 2; k >= 0; k--) {
    setFloat(a, one, coefficient(k));
    a.v("vfmadd213ps", sum, square, one);
  }
  a.v("vfmadd231ps", x, fraction, sum);
}
