/**
 * Products of rows of bytes with weights of a byte: whole numbers summed exactly (VNNI), scaled back to floats, with one scale a row and
 * column, or one for each block of 32 of both. Weights lie in panels of 32 columns, four inputs of a column side by side, as unsigned bytes
 * (code + 128). An item is a panel; a row's result does not depend on the rows beside it.
 */
import { fieldsOf } from "../argument-space.ts";
import { Assembler, at, gpr, type MemoryOperand, spread } from "../assembler.ts";
import { codeBlock } from "./code-block.ts";

const { rax, rcx, rdx, rbx, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15 } = gpr;

/** Columns of a panel: two vectors. */
export const bytePanelColumns = 32;
const vectors = bytePanelColumns / 16;
/** Bytes of a panel for four inputs. */
const quadBytes = 4 * bytePanelColumns;

export const byteProductFields = fieldsOf(
  /** Where the number of rows is. */
  "rows",
  "codes",
  "codesStride",
  "scales",
  "sums",
  /** Bytes from a block's scales, of all rows, to the next one's. */
  "blockStride",
  "inputs",
  "panels",
  "panelBytes",
  /** The columns' scales: a panel's of a block, then its next block's. */
  "columnScales",
  "scalesBytes",
  /** Biases of the columns, or 0. */
  "bias",
  "out",
  "outStride",
);

/** Rows that are multiplied with a panel at once. */
const tiles = { row: 8, block: 6 } as const;

const saved = [rbx, rbp, r12, r13, r14, r15] as const;
const field = (name: keyof typeof byteProductFields) => at(rdi, byteProductFields[name]);
const sum = (r: number, v: number) => r * vectors + v;
const weight = [28, 29] as const;
const t = 30;

/** Points at the panel's weights, scales and columns of the result, and at the first row. */
function beginPanel(a: Assembler): void {
  a.mov(rdx, field("panelBytes"));
  a.imul(rdx, rsi);
  a.alu("add", rdx, field("panels"));
  a.mov(r15, field("scalesBytes"));
  a.imul(r15, rsi);
  a.alu("add", r15, field("columnScales"));
  a.mov(r12, rsi);
  a.shift("left", r12, Math.log2(4 * bytePanelColumns));
  a.mov(rsi, r12); // bytes of the panel's columns in a row of floats
  a.alu("add", r12, field("out"));
  a.mov(r13, field("outStride"));
  a.mov(r14, field("rows"));
  a.mov(r14, at(r14));
  a.mov(r8, field("codes"));
  a.mov(r9, field("codesStride"));
  a.lea(r10, at(r9, 0, r9, 2));
  a.mov(rbx, field("scales"));
  a.mov(rbp, field("sums"));
}

/** Four inputs of row r, in every lane. */
function input(r: number, displacement: number): MemoryOperand {
  const base = r < 4 ? r8 : r11;
  if (r % 4 === 0) return spread(at(base, displacement));
  return r % 4 === 3 ? spread(at(base, displacement, r10)) : spread(at(base, displacement, r9, (r % 4) as 1 | 2));
}

/** `count` times four inputs of some rows, multiplied and added to their sums. */
function quads(a: Assembler, rows: number, count: number): void {
  for (let q = 0; q < count; q++) {
    for (let v = 0; v < vectors; v++) a.load(weight[v]!, at(rax, q * quadBytes + 64 * v));
    for (let r = 0; r < rows; r++) for (let v = 0; v < vectors; v++) a.v("vpdpbusd", sum(r, v), weight[v]!, input(r, 4 * q));
  }
  a.alu("add", rax, { value: count * quadBytes });
  a.alu("add", r8, { value: 4 * count });
  if (rows > 4) a.alu("add", r11, { value: 4 * count });
}

/** Sums begin at what the codes' offset makes of them. */
function beginSums(a: Assembler, rows: number): void {
  for (let r = 0; r < rows; r++) {
    a.broadcast(sum(r, 0), at(rbp, 4 * r));
    for (let v = 1; v < vectors; v++) a.load(sum(r, v), sum(r, 0));
  }
}

/** One scale a row and column. */
function sumByRow(a: Assembler, rows: number): void {
  beginSums(a, rows);
  const loop = a.here();
  quads(a, rows, 8);
  a.alu("sub", rcx, { value: 32 });
  a.jumpIf("ne", loop);
  for (let v = 0; v < vectors; v++) a.load(weight[v]!, at(r15, 64 * v));
  for (let r = 0; r < rows; r++)
    for (let v = 0; v < vectors; v++) {
      a.v2("vcvtdq2ps", sum(r, v), sum(r, v));
      a.v("vmulps", sum(r, v), sum(r, v), weight[v]!);
      a.v("vmulps", sum(r, v), sum(r, v), spread(at(rbx, 4 * r)));
    }
}

/** A scale a block; the sums of floats begin at register `float(0, 0)`. */
function sumByBlock(a: Assembler, rows: number, float: (r: number, v: number) => number): void {
  for (let r = 0; r < rows; r++) for (let v = 0; v < vectors; v++) a.v("vpxord", float(r, v), float(r, v), float(r, v));
  a.push(rbx, rbp, r15);
  const loop = a.here();
  beginSums(a, rows);
  quads(a, rows, codeBlock / 4);
  for (let v = 0; v < vectors; v++) a.load(weight[v]!, at(r15, 64 * v));
  for (let r = 0; r < rows; r++)
    for (let v = 0; v < vectors; v++) {
      a.v2("vcvtdq2ps", sum(r, v), sum(r, v));
      a.v("vmulps", t, weight[v]!, spread(at(rbx, 4 * r)));
      a.v("vfmadd231ps", float(r, v), sum(r, v), t);
    }
  a.alu("add", rbx, field("blockStride"));
  a.alu("add", rbp, field("blockStride"));
  a.alu("add", r15, { value: 4 * bytePanelColumns });
  a.alu("sub", rcx, { value: codeBlock });
  a.jumpIf("ne", loop);
  a.pop(r15, rbp, rbx);
}

/** The results of some rows, with the bias, to the columns of the result. */
function putRows(a: Assembler, rows: number, result: (r: number, v: number) => number, adds: boolean): void {
  a.alu("sub", r8, field("inputs"));
  const plain = a.label();
  a.mov(rcx, field("bias"));
  a.test(rcx, rcx);
  a.jumpIf("e", plain);
  a.alu("add", rcx, rsi);
  for (let v = 0; v < vectors; v++) {
    a.load(weight[v]!, at(rcx, 64 * v));
    for (let r = 0; r < rows; r++) a.v("vaddps", result(r, v), result(r, v), weight[v]!);
  }
  a.place(plain);
  for (let r = 0; r < rows; r++) {
    for (let v = 0; v < vectors; v++) {
      if (adds) a.v("vaddps", result(r, v), result(r, v), at(r12, 64 * v));
      a.save(at(r12, 64 * v), result(r, v));
    }
    a.alu("add", r12, r13);
  }
  a.ret();
}

/** kernel(arguments, panel). `adds`: to what is in `out`. */
export function byteProductCode(grain: "row" | "block", adds: boolean): Uint8Array {
  const a = new Assembler();
  const most = tiles[grain];
  const float = (r: number, v: number) => most * vectors + r * vectors + v;
  a.push(...saved);
  beginPanel(a);
  const names = Array.from({ length: most }, () => a.label());
  const [full, rest, end] = [a.label(), a.label(), a.label()];
  a.place(full);
  a.alu("cmp", r14, { value: most });
  a.jumpIf("b", rest);
  a.call(names[most - 1]!);
  a.imulBy(rax, r9, most);
  a.alu("add", r8, rax);
  a.alu("add", rbx, { value: 4 * most });
  a.alu("add", rbp, { value: 4 * most });
  a.alu("sub", r14, { value: most });
  a.jump(full);
  a.place(rest);
  for (let rows = most - 1; rows >= 1; rows--) {
    const other = a.label();
    a.alu("cmp", r14, { value: rows });
    a.jumpIf("ne", other);
    a.call(names[rows - 1]!);
    a.jump(end);
    a.place(other);
  }
  a.place(end);
  a.pop(...[...saved].reverse());
  a.ret();

  for (let rows = 1; rows <= most; rows++) {
    a.place(names[rows - 1]!);
    a.mov(rax, rdx);
    a.mov(rcx, field("inputs"));
    if (rows > 4) a.lea(r11, at(r8, 0, r9, 4));
    if (grain === "row") sumByRow(a, rows);
    else sumByBlock(a, rows, float);
    putRows(a, rows, grain === "row" ? sum : float, adds);
  }
  return a.code();
}
