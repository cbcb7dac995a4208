/** Operands of a tile in the order in which its products read them: across (a lane a query), rows in 16 bits, rows in pairs; and back. */
import { type Assembler, at, type Gpr, gpr, type MemoryOperand } from "../assembler.ts";
import { type FlashForm, tileRowBytes, tileVectors } from "./flash-shape.ts";

const { rax, rcx, rdx, r8, r9, r10, r11, r12 } = gpr;
const rowRegisters = [r8, r9, r10, r11] as const;

/** Registers 8 to 11 := the numbers c, c + 1 ... of 0 to 3 in each quarter: a quarter of register 8 + c has number 4 * quarter + c of all four. */
function turnFour(a: Assembler): void {
  a.v("vpunpckldq", 4, 0, 1);
  a.v("vpunpckhdq", 5, 0, 1);
  a.v("vpunpckldq", 6, 2, 3);
  a.v("vpunpckhdq", 7, 2, 3);
  a.v("vpunpcklqdq", 8, 4, 6);
  a.v("vpunpckhqdq", 9, 4, 6);
  a.v("vpunpcklqdq", 10, 5, 7);
  a.v("vpunpckhqdq", 11, 5, 7);
}

/** Four rows of floats at r8 to r11 as four neighbouring lanes at r12 of each dimension (or pair of them), times register `scale`. */
export function packAcross(a: Assembler, form: FlashForm, size: number, scale?: number): void {
  const chunk = form === "bf16" ? 32 : 16;
  const read = (to: number, from: MemoryOperand) => {
    if (scale === undefined) a.load(to, from);
    else a.v("vmulps", to, scale, from);
  };
  for (let from = 0; from < size; from += chunk) {
    const isHalf = form === "bf16" && from + 16 >= size;
    rowRegisters.forEach((r, i) => {
      read(i, at(r, 4 * from));
      if (form !== "bf16") return;
      if (!isHalf) read(12, at(r, 4 * from + 64));
      a.v("vcvtne2ps2bf16", i, isHalf ? i : 12, i);
    });
    turnFour(a);
    for (let quarter = 0; quarter < (isHalf ? 2 : 4); quarter++)
      for (let c = 0; c < 4; c++)
        a.saveQuarter(at(r12, ((form === "bf16" ? from / 2 : from) + 4 * quarter + c) * tileRowBytes), 8 + c, quarter);
  }
}

/** Sums across a tile at `from`, times the registers `factors`, as rows of `size` floats at rdx. Uses rax, r8 and rdx. */
export function unpackAcross(a: Assembler, from: MemoryOperand, size: number, factors: readonly number[]): void {
  a.lea(r8, from);
  a.set(rax, size / 4);
  const loop = a.here();
  for (let v = 0; v < tileVectors; v++) {
    for (let i = 0; i < 4; i++) a.v("vmulps", i, factors[v]!, at(r8, i * tileRowBytes + 64 * v));
    turnFour(a);
    for (let quarter = 0; quarter < 4; quarter++)
      for (let c = 0; c < 4; c++) a.saveQuarter(at(rdx, (16 * v + 4 * quarter + c) * 4 * size), 8 + c, quarter);
  }
  a.alu("add", r8, { value: 4 * tileRowBytes });
  a.alu("add", rdx, { value: 16 });
  a.alu("sub", rax, { value: 1 });
  a.jumpIf("ne", loop);
}

/** Where two neighbouring rows go: each in the form, and both in pairs of their numbers. */
interface RowsTo {
  readonly rows?: Gpr;
  readonly pairs?: Gpr;
}
/**
 * Two rows of floats at r8 and r9, zero where the masks 1 and 2 say that there is none, to `rows` and `pairs`. For pairs register 30 has the order
 * that interleaves. Floats have no pairs.
 */
export function packTwoRows(a: Assembler, form: FlashForm, size: number, to: RowsTo): void {
  const [zero, first, second, other, words] = [31, 0, 1, 2, 3];
  for (let from = 0; from < size; from += form === "bf16" ? 32 : 16) {
    a.loadMasked(first!, at(r8, 4 * from), 1);
    a.loadMasked(second!, at(r9, 4 * from), 2);
    if (form === "f32") {
      if (to.rows === undefined) continue;
      a.save(at(to.rows, 4 * from), first!);
      a.save(at(to.rows, 4 * (size + from)), second!);
      continue;
    }
    const isHalf = from + 16 >= size;
    const paired = (one: number, two: number, place: number) => {
      if (to.pairs === undefined) return;
      a.v("vcvtne2ps2bf16", words!, two, one);
      a.v("vpermw", words!, 30, words!);
      a.save(at(to.pairs, 4 * place), words!);
    };
    const put = (x: number, next: number, row: number) => {
      if (to.rows === undefined) return;
      a.v("vcvtne2ps2bf16", words!, next, x);
      if (isHalf) a.saveHalf(at(to.rows, 2 * (row * size + from)), words!, 0);
      else a.save(at(to.rows, 2 * (row * size + from)), words!);
    };
    paired(first!, second!, from);
    if (isHalf) {
      put(first!, zero!, 0);
      put(second!, zero!, 1);
      continue;
    }
    a.loadMasked(other!, at(r8, 4 * from + 64), 1);
    a.loadMasked(4, at(r9, 4 * from + 64), 2);
    paired(other!, 4, from + 16);
    put(first!, other!, 0);
    put(second!, 4, 1);
  }
}

/** Masks 1 and 2 := are rows `rax` and the next one below `rows`? Uses rcx. */
export function setRowMasks(a: Assembler, rows: number): void {
  for (const [mask, most] of [
    [1, rows - 1],
    [2, rows - 2],
  ] as const) {
    const [isThere, end] = [a.label(), a.label()];
    a.alu("cmp", rax, { value: most });
    a.jumpIf("le", isThere);
    a.alu("xor", rcx, rcx);
    a.jump(end);
    a.place(isThere);
    a.set(rcx, 0xffff);
    a.place(end);
    a.maskFrom(mask, rcx);
  }
}

/** Copies rdx bytes, a multiple of 64, from r8 to r9; all three are changed. */
export function copyBytes(a: Assembler): void {
  const [loop, end] = [a.label(), a.label()];
  a.place(loop);
  a.alu("cmp", rdx, { value: 0 });
  a.jumpIf("le", end);
  a.load(0, at(r8));
  a.save(at(r9), 0);
  a.alu("add", r8, { value: 64 });
  a.alu("add", r9, { value: 64 });
  a.alu("sub", rdx, { value: 64 });
  a.jump(loop);
  a.place(end);
}
