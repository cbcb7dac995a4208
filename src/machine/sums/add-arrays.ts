/** The sum of two arrays, element by element: what ranks add up. Whole vectors are this code's, the rest is left to the caller. */
import { at, gpr } from "../assembler.ts";
import { type FloatTier, floatAssembler, usableFloatTier } from "../float-tier.ts";
import { arrayFunction, loadCode } from "../native.ts";

const { rcx, rdx, rsi, rdi } = gpr;

/** Vectors of a turn of the loop. */
const turnVectors = 4;
/** Elements that the code takes at once, for either tier. */
export const addedElements = 64;

/** add(rdi x, rsi y, rdx into, rcx elements, a multiple of 64); `into` may be `x` or `y`. */
export function addArraysCode(tier: FloatTier): Uint8Array {
  const a = floatAssembler(tier);
  const step = turnVectors * a.lanes;
  const [turn, done] = [a.label(), a.label()];
  a.place(turn);
  a.alu("cmp", rcx, { value: step });
  a.jumpIf("l", done);
  for (let v = 0; v < turnVectors; v++) a.load(v, at(rdi, 4 * a.lanes * v));
  for (let v = 0; v < turnVectors; v++) a.v("vaddps", v, v, at(rsi, 4 * a.lanes * v));
  for (let v = 0; v < turnVectors; v++) a.save(at(rdx, 4 * a.lanes * v), v);
  for (const r of [rdi, rsi, rdx]) a.alu("add", r, { value: 4 * step });
  a.alu("sub", rcx, { value: step });
  a.jump(turn);
  a.place(done);
  a.vzeroupper();
  a.ret();
  return a.code();
}

type Add = (x: Float32Array, y: Float32Array, into: Float32Array) => void;
const made = new Map<FloatTier, Add>();

/**
 * Adds arrays of one length on this thread, each element rounded once, as float32 does. Undefined where machine code is not to be had (another
 * processor, LOAM_MACHINE_CODE=off).
 */
export function arrayAdder(): Add | undefined {
  const tier = usableFloatTier();
  if (tier === undefined) return undefined;
  let add = made.get(tier);
  if (!add) {
    const code = arrayFunction(loadCode(addArraysCode(tier)));
    add = (x, y, into) => {
      const whole = into.length - (into.length % addedElements);
      if (whole > 0) code(x, y, into, whole);
      for (let i = whole; i < into.length; i++) into[i] = x[i]! + y[i]!;
    };
    made.set(tier, add);
  }
  return add;
}
