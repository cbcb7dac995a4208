/**
 * Packing: floats of an operand in the order in which the product reads them, as they are, rounded, or as pairs of bf16. An operand whose inner
 * places lie side by side is transposed four rows at a time; one whose rows are inner places is taken a row, or for pairs two in turn, at a time.
 */

import { type Assembler, at, type Gpr, gpr, type MemoryOperand } from "../assembler.ts";
import { atMost } from "../emit-loops.ts";
import { type ProductForm, placesPerStep } from "./product-shape.ts";

const { rax, rcx, r8, r9, r10, r11, r12, r13 } = gpr;
const rowRegisters = [r8, r9, r10, r11] as const;
/** Places of sixteen words of the first half and sixteen of the second, in turn. */
export const interleave: readonly number[] = Array.from({ length: 32 }, (_, i) => (i >> 1) + 16 * (i & 1));

/** Rows that are asked for ahead of being read: a row is another page, which the processor does not foresee. */
const ahead = 16;

/** r8 to r11 := where four rows begin, from row `rax` on; past the last row it is the last one again. Uses rcx; rax is four further. */
export function pointAtRows(a: Assembler, base: Gpr | MemoryOperand, rows: number, rowBytes: number): void {
  for (const r of rowRegisters) {
    a.mov(rcx, rax);
    atMost(a, rcx, rows - 1);
    a.imulBy(rcx, rcx, rowBytes);
    a.mov(r, base);
    a.alu("add", r, rcx);
    a.alu("add", rax, { value: 1 });
  }
}

/** What rounds to bf16, in registers 25 to 27. Uses rax. */
export function setRounding(a: Assembler): void {
  for (const [register, value] of [
    [25, 1],
    [26, 0x7fff],
    [27, -0x1_0000],
  ] as const) {
    a.set(rax, value);
    a.broadcastRegister(register, rax);
  }
}

/** Sixteen f32 := the nearest bf16, halves to even; what is no number stays as it is. Uses registers 24 to 27, as `setRounding` left them, and mask 7. */
function round(a: Assembler, register: number): void {
  const other = 24;
  a.unordered(7, register, register);
  a.shiftRight(other, register, 16);
  a.v("vpandd", other, other, 25);
  a.v("vpaddd", other, other, 26);
  a.v("vpaddd", other, other, register);
  a.v("vpandd", other, other, 27);
  a.v("vblendmps", register, other, register, 7);
}

/** What is packed of rows: so many bytes behind their pointers, and of f32 what is added to it or taken from it from a second place. */
interface Taken {
  readonly at: number;
  readonly second?: { readonly at: number; readonly does: "vaddps" | "vsubps" };
}

/**
 * Four rows at r8 to r11, to places of four dwords at r12, a step's place `stride` bytes after the one before it. Rows stored as words have their
 * pairs side by side already (`isWords`). Uses rcx.
 */
export function packFourRows(
  a: Assembler,
  form: ProductForm,
  inner: number,
  stride: number,
  taken: Taken = { at: 0 },
  isWords = false,
): void {
  const step = 16 * placesPerStep(form);
  const whole = Math.floor(inner / step);
  const rest = inner % step;
  const block = (read: (to: number, from: MemoryOperand, half: 0 | 1) => void) => {
    rowRegisters.forEach((r, i) => {
      if (isWords) read(i, at(r, taken.at), 0);
      else if (form === "bf16") {
        read(8 + i, at(r, taken.at), 0);
        read(12 + i, at(r, taken.at + 64), 1);
        a.v("vcvtne2ps2bf16", i, 12 + i, 8 + i);
      } else {
        read(i, at(r, taken.at), 0);
        if (taken.second) {
          read(12 + i, at(r, taken.second.at), 0);
          a.v(taken.second.does, i, i, 12 + i);
        }
        if (form === "rounded") round(a, i);
      }
    });
    a.v("vpunpckldq", 4, 0, 1);
    a.v("vpunpckhdq", 5, 0, 1);
    a.v("vpunpckldq", 6, 2, 3);
    a.v("vpunpckhdq", 7, 2, 3);
    a.v("vpunpcklqdq", 8, 4, 6);
    a.v("vpunpckhqdq", 9, 4, 6);
    a.v("vpunpcklqdq", 10, 5, 7);
    a.v("vpunpckhqdq", 11, 5, 7);
    for (let quarter = 0; quarter < 4; quarter++)
      for (let c = 0; c < 4; c++) a.saveQuarter(at(r12, (4 * quarter + c) * stride), 8 + c, quarter);
    for (const r of rowRegisters) a.alu("add", r, { value: (isWords ? 2 : 4) * step });
    a.alu("add", r12, { value: 16 * stride });
  };
  if (whole > 0) {
    a.set(rcx, whole);
    const loop = a.here();
    block((to, from) => a.load(to, from));
    a.alu("sub", rcx, { value: 1 });
    a.jumpIf("ne", loop);
  }
  if (rest > 0) {
    a.setMask(1, isWords ? rest / 2 : rest);
    a.setMask(2, rest - 16);
    block((to, from, half) => a.loadMasked(to, from, 1 + half));
  }
}

/** Rows of inner places, to be packed in steps. */
interface PackedSteps {
  readonly form: ProductForm;
  readonly isWords: boolean;
  readonly inner: number;
  readonly rowBytes: number;
  readonly vectors: number;
  readonly steps: number;
  readonly advance: number;
}

/**
 * Rows of inner places at r8, `vectors` vectors wide under the masks 1 to 5, to r12: `save(vector, register)` puts a vector of a step down;
 * `advance` bytes further the next step's. For pairs of f32 register 30 has `interleave`. Uses rcx and r13.
 */
export function packSteps(
  a: Assembler,
  { form, isWords, inner, rowBytes, vectors, steps, advance }: PackedSteps,
  save: (vector: number, register: number) => void,
): void {
  const places = placesPerStep(form);
  const step = (isWhole: boolean) => {
    const hasSecond = isWhole && places === 2;
    if (hasSecond) a.lea(r13, at(r8, rowBytes));
    const vectorBytes = isWords ? 32 : 64;
    for (let v = 0; v < vectors; v++) {
      for (let row = 0; row < places; row++) a.prefetch(at(r8, (ahead + row) * rowBytes + vectorBytes * v));
      const second = 8 + v;
      if (isWords) {
        a.loadWords(v, at(r8, 32 * v), 1 + v);
        if (hasSecond) {
          a.loadWords(second, at(r13, 32 * v), 1 + v);
          a.shiftLeft(second, second, 16);
          a.v("vpord", v, v, second);
        }
        save(v, v);
        continue;
      }
      a.loadMasked(v, at(r8, 64 * v), 1 + v);
      if (form === "bf16") {
        if (hasSecond) a.loadMasked(second, at(r13, 64 * v), 1 + v);
        a.v("vcvtne2ps2bf16", v, hasSecond ? second : 31, v);
        a.v("vpermw", v, 30, v);
      } else if (form === "rounded") round(a, v);
      save(v, v);
    }
    a.alu("add", r8, { value: places * rowBytes });
    a.alu("add", r12, { value: advance });
  };
  a.v("vpxord", 31, 31, 31);
  const whole = Math.floor(inner / places);
  if (whole > 0) {
    a.set(rcx, whole);
    const loop = a.here();
    step(true);
    a.alu("sub", rcx, { value: 1 });
    a.jumpIf("ne", loop);
  }
  if (inner % places !== 0) step(false);
  const empty = steps - Math.ceil(inner / places);
  if (empty > 0) {
    a.set(rcx, empty);
    const loop = a.here();
    for (let v = 0; v < vectors; v++) save(v, 31);
    a.alu("add", r12, { value: advance });
    a.alu("sub", rcx, { value: 1 });
    a.jumpIf("ne", loop);
  }
}
