/**
 * e^x of sixteen lanes: 2^n times a polynomial of degree 7 in what is left of x log2 e (Cody and Waite 1980 have the splitting; the
 * coefficients are ln(2)^k / k!, whose first left-out term is below 1e-8). Not a number stays what it is; far below zero it is exactly 0.
 */
import { type Assembler, at, type Gpr, spread } from "./assembler.ts";

const degree = 7;
/** Below it 2^n is 0 in f32. */
const lowest = -200;
const coefficients = Array.from({ length: degree + 1 }, (_, k) =>
  Array.from({ length: k }, (_, i) => Math.LN2 / (i + 1)).reduce((a, b) => a * b, 1),
);

/** Where the constants are: f32 after one another. */
export const exponentialConstants: readonly number[] = [Math.LOG2E, lowest, ...coefficients];

/** x := e^x. `constants` holds their address; three registers are overwritten. */
export function emitExponential(a: Assembler, x: number, [n, p]: readonly [number, number], constants: Gpr): void {
  const constant = (i: number) => spread(at(constants, 4 * i));
  a.v("vmulps", x, x, constant(0));
  // the second source is what comes out where one is not a number
  a.broadcast(n, at(constants, 4));
  a.v("vmaxps", x, n, x);
  a.round(n, x);
  a.v("vsubps", x, x, n);
  a.broadcast(p, at(constants, 4 * (2 + degree)));
  for (let k = degree - 1; k >= 0; k--) a.v("vfmadd213ps", p, x, constant(2 + k));
  a.v("vscalefps", x, p, n);
}
