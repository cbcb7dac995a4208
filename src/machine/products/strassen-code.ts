/**
 * The code of a product in seven. `pack(run, item)` makes the sums of the first operand's parts, in strips; `multiply(run, item)` multiplies them
 * by a weight's and adds each product to the parts of the result that it belongs to. Each element's sums run in one order whatever the threads.
 */
import { fieldsOf } from "../argument-space.ts";
import { Assembler, at, gpr, type Label } from "../assembler.ts";
import { packFourRows } from "./pack-rows.ts";
import { panelColumns, panelStepBytes, stripRows, stripStepBytes } from "./product-shape.ts";
import {
  halfRows,
  type MatrixPart,
  pairColumns,
  type StrassenLayout,
  type StrassenShape,
  strassenLayout,
  terms,
} from "./strassen-shape.ts";
import { type StrassenWeight, wholePairs } from "./strassen-weights.ts";

const { rax, rcx, rdx, rbx, rbp, rsi, rdi, rsp, r8, r9, r10, r11, r12, r13, r14, r15 } = gpr;
const saved = [rbx, rbp, r12, r13, r14, r15] as const;

export interface ItemCode {
  readonly code: Uint8Array;
  readonly items: number;
}

/** Vectors of a panel's columns. */
const vectors = panelColumns / 16;

const packFields = fieldsOf("a", "out");

/** Sums of the parts of [rows, inner]: an item is a block of a tile. */
export function packRowsCode(s: Pick<StrassenShape, "rows" | "inner">): ItemCode {
  const l = strassenLayout({ ...s, columns: pairColumns });
  const a = new Assembler();
  const rowBytes = 4 * s.inner;
  const lastRows = (s.rows - (l.tiles - 1) * 2 * halfRows) / 2;
  a.push(...saved);
  // rax: tile, rdx: block
  a.mov(rax, rsi);
  a.alu("xor", rdx, rdx);
  a.set(rcx, l.blocks);
  a.divide(rcx);
  a.imulBy(rbp, rsi, 4 * terms.length * l.stripsFloats);
  a.alu("add", rbp, at(rdi, packFields.out));
  a.imulBy(rbx, rax, 2 * halfRows * rowBytes);
  a.alu("add", rbx, at(rdi, packFields.a));
  a.imulBy(rcx, rdx, 8 * l.half);
  a.alu("add", rbx, rcx);
  const forRows = (rows: number) => {
    const place = ([i, j]: MatrixPart): number => i * rows * rowBytes + 4 * j * l.half;
    a.set(r15, rows / 4);
    a.alu("xor", r14, r14); // fours done
    const fours = a.here();
    a.mov(rdx, rbx);
    // two fours a strip
    a.mov(rsi, r14);
    a.shift("right", rsi, 1);
    a.imulBy(rsi, rsi, 4 * l.stripFloats);
    a.mov(rax, r14);
    a.set(rcx, 1);
    a.alu("and", rax, rcx);
    a.imulBy(rax, rax, 16);
    a.alu("add", rsi, rax);
    a.alu("add", rsi, rbp);
    for (const [p, { a: sum }] of terms.entries()) {
      [r8, r9, r10, r11].forEach((r, i) => {
        a.lea(r, at(rdx, i * rowBytes));
      });
      a.lea(r12, at(rsi, 4 * p * l.stripsFloats));
      packFourRows(a, "f32", l.half, stripStepBytes, {
        at: place(sum.first),
        ...(sum.second ? { second: { at: place(sum.second.part), does: sum.second.sign === 1 ? "vaddps" : "vsubps" } } : {}),
      });
    }
    a.alu("add", rbx, { value: 4 * rowBytes });
    a.alu("add", r14, { value: 1 });
    a.alu("cmp", r14, r15);
    a.jumpIf("l", fours);
  };
  const end = a.label();
  if (lastRows < halfRows) {
    const whole = a.label();
    a.alu("cmp", rax, { value: l.tiles - 1 });
    a.jumpIf("ne", whole);
    forRows(lastRows);
    a.jump(end);
    a.place(whole);
  }
  forRows(halfRows);
  a.place(end);
  a.vzeroupper();
  a.pop(...saved.toReversed());
  a.ret();
  return { code: a.code(), items: l.tiles * l.blocks };
}

const weightFields = fieldsOf("b", "packed");

/** Sums of the parts of a weight's whole pairs of panels: an item is a block of a pair. What is filled up with zeros must be zeros before. */
export function packWeightCode(w: StrassenWeight): ItemCode {
  const l = strassenLayout({ ...w, rows: 0 });
  const pairs = wholePairs(w);
  const a = new Assembler();
  const rowBytes = 4 * (w.transposed ? w.inner : w.columns);
  const place = ([i, j]: MatrixPart): number =>
    w.transposed ? 4 * i * l.half + j * panelColumns * rowBytes : i * l.half * rowBytes + 4 * j * panelColumns;
  a.push(...saved);
  // rax: block, rdx: pair
  a.mov(rax, rsi);
  a.alu("xor", rdx, rdx);
  a.set(rcx, pairs);
  a.divide(rcx);
  a.imulBy(rbp, rax, l.pairs);
  a.alu("add", rbp, rdx);
  a.imulBy(rbp, rbp, 4 * terms.length * l.panelFloats);
  a.alu("add", rbp, at(rdi, weightFields.packed));
  a.imulBy(rbx, rax, 2 * l.half * (w.transposed ? 4 : rowBytes));
  a.imulBy(rdx, rdx, pairColumns * (w.transposed ? rowBytes : 4));
  a.alu("add", rbx, rdx);
  a.alu("add", rbx, at(rdi, weightFields.b));
  a.set(r15, w.transposed ? panelColumns / 4 : l.half);
  const loop = a.here();
  for (const [p, { b: sum }] of terms.entries()) {
    const taken = place(sum.first);
    const second = sum.second && { at: place(sum.second.part), does: sum.second.sign === 1 ? ("vaddps" as const) : ("vsubps" as const) };
    const panel = 4 * p * l.panelFloats;
    if (w.transposed) {
      [r8, r9, r10, r11].forEach((r, i) => {
        a.lea(r, at(rbx, i * rowBytes));
      });
      a.lea(r12, at(rbp, panel));
      packFourRows(a, "f32", l.half, panelStepBytes, { at: taken, ...(second ? { second } : {}) });
    } else
      for (let v = 0; v < vectors; v++) {
        a.load(v, at(rbx, taken + 64 * v));
        if (second) a.v(second.does, v, v, at(rbx, second.at + 64 * v));
        a.save(at(rbp, panel + 64 * v), v);
      }
  }
  a.alu("add", rbx, { value: w.transposed ? 4 * rowBytes : rowBytes });
  a.alu("add", rbp, { value: w.transposed ? 16 : panelStepBytes });
  a.alu("sub", r15, { value: 1 });
  a.jumpIf("ne", loop);
  a.vzeroupper();
  a.pop(...saved.toReversed());
  a.ret();
  return { code: a.code(), items: l.blocks * pairs };
}

const multiplyFields = fieldsOf("a", "b", "out");

const sum = (row: number, v: number): number => row * vectors + v;
const column = (v: number): number => 24 + v;
const input = (r: number): number => 27 + (r & 3);
const other = 24;
const lineBytes = 64;
const pairBytes = 4 * pairColumns;
/** A tile of the result, and room to begin it at a line. */
const tileBytes = 2 * halfRows * pairBytes + lineBytes;
const alphaRegister = 31;
/** Steps a turn of the innermost loop. */
const unrolled = 4;
/** Pairs of panels of one item: its part of the weights stays in the last-level cache for the next tile. */
const itemPairs = 8;

const float32 = (x: number): number => new Int32Array(Float32Array.of(x).buffer)[0]!;

/** Bytes of one term's strips of a tile, and of its panel. */
const bytesOfTerm = (l: StrassenLayout) => [4 * l.stripsFloats, 4 * l.panelFloats] as const;

/** Registers 0 to 23 := the sums of the strip at r8 and the panel at r9. Changes r8 to r10. */
function sumStrip(a: Assembler, s: StrassenShape, l: StrassenLayout): void {
  for (let r = 0; r < stripRows; r++) for (let v = 0; v < vectors; v++) a.v("vpxord", sum(r, v), sum(r, v), sum(r, v));
  a.set(r10, l.steps / unrolled);
  const loop = a.here();
  for (let u = 0; u < unrolled; u++) {
    for (let v = 0; v < vectors; v++) a.load(column(v), at(r9, u * panelStepBytes + 64 * v));
    for (let r = 0; r < stripRows; r++) {
      if (r % 2 === 0) for (const q of [r, r + 1]) a.broadcast(input(q), at(r8, u * stripStepBytes + 4 * q));
      for (let v = 0; v < vectors; v++) a.v("vfmadd231ps", sum(r, v), column(v), input(r));
    }
  }
  a.alu("add", r8, { value: unrolled * stripStepBytes });
  a.alu("add", r9, { value: unrolled * panelStepBytes });
  a.alu("sub", r10, { value: 1 });
  a.jumpIf("ne", loop);
  if (s.alpha !== 1) for (let i = 0; i < stripRows * vectors; i++) a.v("vmulps", i, i, alphaRegister);
  a.ret();
}

/**
 * Of item rsi: rbx := the tile's sums of a, rdx := b, r13 := the result; rsi, rdi := pairs from and to; r15 := strips of half a tile,
 * rcx := bytes of the result from its first half to its second.
 */
function beginTile(a: Assembler, s: StrassenShape, l: StrassenLayout): void {
  const rowBytes = 4 * s.columns;
  const lastRows = (s.rows - (l.tiles - 1) * 2 * halfRows) / 2;
  const [termBytes] = bytesOfTerm(l);
  // rax: group, rdx: tile; tiles of a group follow each other
  a.mov(rax, rsi);
  a.alu("xor", rdx, rdx);
  a.set(rcx, l.tiles);
  a.divide(rcx);
  a.imulBy(rbx, rdx, l.blocks * terms.length * termBytes);
  a.alu("add", rbx, at(rdi, multiplyFields.a));
  // rsi: pairs from, r15: strips of half a tile, rcx: bytes from its first half to its second
  a.imulBy(rsi, rax, itemPairs);
  a.set(r15, halfRows / stripRows);
  a.set(rcx, halfRows * rowBytes);
  if (lastRows < halfRows) {
    const whole = a.label();
    a.alu("cmp", rdx, { value: l.tiles - 1 });
    a.jumpIf("ne", whole);
    a.set(r15, lastRows / stripRows);
    a.set(rcx, lastRows * rowBytes);
    a.place(whole);
  }
  a.imulBy(r13, rdx, 2 * halfRows * rowBytes);
  a.alu("add", r13, at(rdi, multiplyFields.out));
  a.mov(rdx, at(rdi, multiplyFields.b));
  // rdi: pairs to
  a.lea(rdi, at(rsi, itemPairs));
  const fits = a.label();
  a.alu("cmp", rdi, { value: l.pairs });
  a.jumpIf("le", fits);
  a.set(rdi, l.pairs);
  a.place(fits);
}

/** Masks: the first panel's columns, then the second one's. */
function setPairMasks(a: Assembler, columns: number): void {
  for (let v = 0; v < 2 * vectors; v++) a.setMask(1 + v, columns - 16 * v);
}

/** r11 := where the tile is: 128 rows of a pair's columns on the stack, whatever the result's rows are apart. */
function pointAtTile(a: Assembler): void {
  a.lea(r11, at(rsp, lineBytes - 1));
  a.alu("and", r11, { value: -lineBytes });
}

/** The sums to the parts of the tile that they belong to; what is met first is put down. */
function putTerm(a: Assembler, p: number): void {
  for (let r = 0; r < stripRows; r++)
    for (const [part, sign] of terms[p]!.to) {
      const isNew = !terms.slice(0, p).some(t => t.to.some(([q]) => q === part));
      for (let v = 0; v < vectors; v++) {
        const place = at(r11, (part[0] * halfRows + r) * pairBytes + 4 * panelColumns * part[1] + 64 * v);
        if (isNew) a.save(place, sum(r, v));
        else {
          const register = other + ((r * vectors + v) % 6);
          a.load(register, place);
          a.v(sign === 1 ? "vaddps" : "vsubps", register, register, sum(r, v));
          a.save(place, register);
        }
      }
    }
}

/** The tile to the result, or added to what is there. */
function putTile(a: Assembler, rowBytes: number, isFirst: boolean): void {
  a.imulBy(r8, r12, pairBytes);
  a.alu("add", r8, r13);
  for (const half of [0, 1]) {
    pointAtTile(a);
    if (half === 1) {
      a.alu("add", r11, { value: halfRows * pairBytes });
      a.imulBy(r8, r12, pairBytes);
      a.alu("add", r8, r13);
      a.alu("add", r8, rcx);
    }
    a.imulBy(r10, r15, stripRows);
    const rows = a.here();
    for (let v = 0; v < 2 * vectors; v++) {
      a.load(v, at(r11, 64 * v));
      if (!isFirst) {
        a.loadMasked(other + v, at(r8, 64 * v), 1 + v);
        a.v("vaddps", v, v, other + v);
      }
      a.save(at(r8, 64 * v), v, 1 + v);
    }
    a.alu("add", r11, { value: pairBytes });
    a.alu("add", r8, { value: rowBytes });
    a.alu("sub", r10, { value: 1 });
    a.jumpIf("ne", rows);
  }
}

/** One block of inner places, at rbx (a) and rdx (b's pair 0), for all pairs. */
function emitTileBlock(a: Assembler, s: StrassenShape, l: StrassenLayout, inner: Label, isFirst: boolean): void {
  const [termBytes, panelBytes] = bytesOfTerm(l);
  a.mov(r12, rsi);
  const pairs = a.here();
  setPairMasks(a, pairColumns);
  if (s.columns % pairColumns !== 0) {
    const isWhole = a.label();
    a.alu("cmp", r12, { value: l.pairs - 1 });
    a.jumpIf("ne", isWhole);
    setPairMasks(a, s.columns % pairColumns);
    a.place(isWhole);
  }
  for (const p of terms.keys()) {
    a.alu("xor", rbp, rbp);
    pointAtTile(a);
    const strips = a.here();
    a.imulBy(r8, rbp, 4 * l.stripFloats);
    a.lea(r8, at(r8, p * termBytes, rbx));
    a.imulBy(r9, r12, terms.length * panelBytes);
    a.lea(r9, at(r9, p * panelBytes, rdx));
    a.call(inner);
    putTerm(a, p);
    a.alu("add", r11, { value: stripRows * pairBytes });
    a.alu("add", rbp, { value: 1 });
    a.alu("cmp", rbp, r15);
    a.jumpIf("l", strips);
  }
  putTile(a, 4 * s.columns, isFirst);
  a.alu("add", r12, { value: 1 });
  a.alu("cmp", r12, rdi);
  a.jumpIf("l", pairs);
}

/** A tile of rows by some pairs of panels is an item. */
export function multiplyCode(s: StrassenShape): ItemCode {
  const l = strassenLayout(s);
  const a = new Assembler();
  const [termBytes, panelBytes] = bytesOfTerm(l);
  const [start, inner] = [a.label(), a.label()];
  a.jump(start);
  a.place(inner);
  sumStrip(a, s, l);
  a.place(start);
  a.push(...saved);
  a.alu("sub", rsp, { value: tileBytes });
  beginTile(a, s, l);
  if (s.alpha !== 1) {
    a.set(rax, float32(s.alpha));
    a.broadcastRegister(alphaRegister, rax);
  }
  emitTileBlock(a, s, l, inner, true);
  if (l.blocks > 1) {
    a.set(r14, l.blocks - 1);
    const blocks = a.here();
    a.alu("add", rbx, { value: terms.length * termBytes });
    a.setAddress(rax, BigInt(l.pairs * terms.length * panelBytes));
    a.alu("add", rdx, rax);
    emitTileBlock(a, s, l, inner, false);
    a.alu("sub", r14, { value: 1 });
    a.jumpIf("ne", blocks);
  }
  a.alu("add", rsp, { value: tileBytes });
  a.vzeroupper();
  a.pop(...saved.toReversed());
  a.ret();
  return { code: a.code(), items: Math.ceil(l.pairs / itemPairs) * l.tiles };
}
