/**
 * Packing: floats of an operand become pairs of bf16 in the order in which the product reads them. An operand whose inner places lie side by
 * side is transposed four rows at a time; one whose rows are inner places is interleaved two rows at a time.
 */
import { type Address, type Assembler, at, type Gpr, gpr } from "../machine/index.ts";

const { rax, rcx, r8, r9, r10, r11, r12, r13 } = gpr;
const rowRegisters = [r8, r9, r10, r11] as const;
/** Inner places that are read at once: two vectors. */
const step = 32;
/** Places of sixteen words of the first half and sixteen of the second, in turn. */
export const interleave: readonly number[] = Array.from({ length: 32 }, (_, i) => (i >> 1) + 16 * (i & 1));

const onesOf = (lanes: number): number => 2 ** Math.max(0, Math.min(16, lanes)) - 1;
export function setMask(a: Assembler, mask: number, lanes: number): void {
  a.set(rax, onesOf(lanes));
  a.maskFrom(mask, rax);
}

/** r8 to r11 := where rows begin that lie one after another from row `rax` on; past the last row it is the last one again. */
export function pointAtRows(a: Assembler, base: Gpr, rows: number, rowBytes: number): void {
  for (const r of rowRegisters) {
    const fits = a.label();
    a.mov(rcx, rax);
    a.alu("cmp", rcx, { value: rows - 1 });
    a.jumpIf("le", fits);
    a.set(rcx, rows - 1);
    a.place(fits);
    a.imulBy(rcx, rcx, rowBytes);
    a.lea(r, at(base, 0, rcx));
    a.alu("add", rax, { value: 1 });
  }
}

/** Four rows at r8 to r11, to places of four dwords at r12, a pair's place `stride` bytes after the one before it. Uses rcx. */
export function packFourRows(a: Assembler, inner: number, stride: number): void {
  const whole = Math.floor(inner / step);
  const rest = inner % step;
  const block = (read: (to: number, from: Address, half: 0 | 1) => void) => {
    rowRegisters.forEach((r, i) => {
      read(8 + i, at(r, 0), 0);
      read(12 + i, at(r, 64), 1);
      a.v("vcvtne2ps2bf16", i, 12 + i, 8 + i);
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
    for (const r of rowRegisters) a.alu("add", r, { value: 4 * step });
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
    setMask(a, 1, rest);
    setMask(a, 2, rest - 16);
    block((to, from, half) => a.loadMasked(to, from, 1 + half));
  }
}

/**
 * Rows of inner places at r8, `vectors` vectors wide under the masks 1 to 4, to r12: `save(vector, register)` puts a vector of pairs down;
 * `advance` bytes further the next pair's. Register 30 has `interleave`. Uses rcx and r13.
 */
export function packPairs(
  a: Assembler,
  { inner, rowBytes, vectors, pairs, advance }: { inner: number; rowBytes: number; vectors: number; pairs: number; advance: number },
  save: (vector: number, register: number) => void,
): void {
  const pair = (hasSecond: boolean) => {
    if (hasSecond) a.lea(r13, at(r8, rowBytes));
    for (let v = 0; v < vectors; v++) {
      a.loadMasked(v, at(r8, 64 * v), 1 + v);
      if (hasSecond) a.loadMasked(4 + v, at(r13, 64 * v), 1 + v);
      a.v("vcvtne2ps2bf16", 8 + v, hasSecond ? 4 + v : 31, v);
      a.v("vpermw", 8 + v, 30, 8 + v);
      save(v, 8 + v);
    }
    a.alu("add", r8, { value: 2 * rowBytes });
    a.alu("add", r12, { value: advance });
  };
  a.v("vpxord", 31, 31, 31);
  const whole = inner >> 1;
  if (whole > 0) {
    a.set(rcx, whole);
    const loop = a.here();
    pair(true);
    a.alu("sub", rcx, { value: 1 });
    a.jumpIf("ne", loop);
  }
  if (inner & 1) pair(false);
  const empty = pairs - Math.ceil(inner / 2);
  if (empty > 0) {
    a.set(rcx, empty);
    const loop = a.here();
    for (let v = 0; v < vectors; v++) save(v, 31);
    a.alu("add", r12, { value: advance });
    a.alu("sub", rcx, { value: 1 });
    a.jumpIf("ne", loop);
  }
}
