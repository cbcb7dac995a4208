/**
 * Products of matrices in float32 for processors with AVX2 and FMA: six rows by sixteen columns of sums stay in twelve of the sixteen registers.
 * The second operand is packed into panels of 16 columns. The first is read where it lies, for rows are read along; one that is stored the other way
 * round is packed into strips of 6 rows, and one that is rounded to bf16 is copied. A run is the addresses of both operands, the result and
 * the scratch, a sum's order the same whatever the threads. The blocking is that of Goto and van de Geijn, "Anatomy of high-performance matrix multiplication"
 * (2008), with the register block of Haswell's kernels in BLIS.
 */
import { at, gpr, type MemoryOperand } from "../assembler.ts";
import { atMost, emitByPart, emitPartOfItem, emitTimes } from "../emit-loops.ts";
import type { KernelCode } from "../kernel-code.ts";
import { pointAtRows } from "../products/pack-rows.ts";
import type { ProductShape } from "../products/product-shape.ts";
import { Avx2Assembler, avx2Lanes } from "./avx2-assembler.ts";

const { rax, rcx, rdx, rbx, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15 } = gpr;
const saved = [rbx, rbp, r12, r13, r14, r15] as const;
/** Of a run, which is a record of addresses. */
const field = (name: "a" | "b" | "out" | "scratch"): MemoryOperand => at(rdi, 8 * ["a", "b", "out", "scratch"].indexOf(name));

/** Rows and columns of the sums in registers. */
const stripRows = 6;
export const avx2PanelColumns = 16;
const panelStepBytes = 4 * avx2PanelColumns;
const stripStepBytes = 4 * stripRows;
/** Steps that are summed before a result is put down: a panel of so many stays in the nearest cache. */
const blockSteps = 256;
/** Strips that one item multiplies, at most: of one block they stay in the second-level cache. */
const mostItemStrips = 32;
/** Items that rows are parted into where there are enough: for threads to share. */
const wantedItems = 4;
/** Panels, or strips of a first operand stored the other way round, that one item packs: a row's page is met once for all. */
const itemPanels = 8;
const itemPackedStrips = 8;
/** Elements that one item rounds. */
const itemElements = 16_384;
/** Rows that are asked for ahead of being read. */
const ahead = 16;
const unrolled = 4;
/** Between panels and between strips: writing to several at once does not meet in one set of the cache; a strip's last step writes beyond it. */
const gapBytes = 64;

/** How the first operand is read: where it lies, as a rounded copy, or in strips. */
type RowsFrom = "operand" | "copy" | "strips";

interface Avx2Layout {
  readonly rowsFrom: RowsFrom;
  readonly strips: number;
  readonly panels: number;
  readonly itemStrips: number;
  readonly panelBytes: number;
  readonly stripBytes: number;
  /** Bytes of one product's panels, and of its packed rows. */
  readonly bBytes: number;
  readonly aBytes: number;
  /** Panels lie first, then rows. */
  readonly aStart: number;
  readonly bytes: number;
}

function layoutOf({ form, count, rows, columns, inner, transposeA, sharesB }: ProductShape): Avx2Layout {
  const rowsFrom = transposeA ? "strips" : form === "f32" ? "operand" : "copy";
  const [strips, panels] = [Math.ceil(rows / stripRows), Math.ceil(columns / avx2PanelColumns)];
  const panelBytes = inner * panelStepBytes + gapBytes;
  const stripBytes = inner * stripStepBytes + gapBytes;
  const bBytes = panels * panelBytes;
  const aBytes = { operand: 0, copy: 4 * rows * inner, strips: strips * stripBytes }[rowsFrom];
  const aStart = (sharesB ? 1 : count) * bBytes;
  const itemStrips = Math.max(1, Math.min(mostItemStrips, Math.ceil(strips / wantedItems)));
  return { rowsFrom, strips, panels, itemStrips, panelBytes, stripBytes, bBytes, aBytes, aStart, bytes: aStart + count * aBytes };
}

/** What rounds to bf16 stands in registers 10 to 12; 8 and 9 are overwritten. */
function setRounding(a: Avx2Assembler): void {
  for (const [register, value] of [
    [10, 1],
    [11, 0x7fff],
    [12, -0x1_0000],
  ] as const) {
    a.set(rax, value);
    a.broadcastRegister(register, rax);
  }
}
/** Eight f32 := the nearest bf16, halves to even; what is no number stays as it is. */
function round(a: Avx2Assembler, register: number): void {
  a.unorderedLanes(8, register, register);
  a.shiftRight(9, register, 16);
  a.v("vpandd", 9, 9, 10);
  a.v("vpaddd", 9, 9, 11);
  a.v("vpaddd", 9, 9, register);
  a.v("vpandd", 9, 9, 12);
  a.select(register, 9, register, 8);
}

const registerOfRest = 13;

/** Rows of inner places at rbx to panels at r12: so many panels, of which the last one has `columns` columns. */
function packPanels(a: Avx2Assembler, s: ProductShape, l: Avx2Layout, panels: number, columns: number): void {
  const rest = columns % avx2Lanes;
  if (rest > 0) a.setLanes(registerOfRest, rest);
  if (columns <= avx2Lanes) a.v("vpxord", 7, 7, 7);
  const rowBytes = 4 * s.columns;
  emitTimes(a, rcx, s.inner, () => {
    for (let p = 0; p < panels; p++) {
      if (ahead * rowBytes < 2 ** 30) a.prefetch(at(rbx, ahead * rowBytes + panelStepBytes * p));
      for (let v = 0; v < 2; v++) {
        const there = p < panels - 1 ? avx2Lanes : columns - avx2Lanes * v;
        const from = at(rbx, panelStepBytes * p + 32 * v);
        if (there >= avx2Lanes) a.load(v, from);
        else if (there > 0) a.loadLanes(v, from, registerOfRest);
        if (there > 0 && s.form !== "f32") round(a, v);
        a.save(at(r12, p * l.panelBytes + 32 * v), there > 0 ? v : 7);
      }
    }
    a.alu("add", rbx, { value: rowBytes });
    a.alu("add", r12, { value: panelStepBytes });
  });
}

/** Four rows of inner places at r8 to r11 to four columns of a panel at r12. Uses rcx and rax. */
function transposeRows(a: Avx2Assembler, s: ProductShape): void {
  const rows = [r8, r9, r10, r11] as const;
  const rest = s.inner % avx2Lanes;
  const block = (read: (to: number, from: MemoryOperand) => void, places: number) => {
    for (const [i, r] of rows.entries()) {
      read(i, at(r));
      if (s.form !== "f32") round(a, i);
      a.alu("add", r, { value: 4 * avx2Lanes });
    }
    a.v("vpunpckldq", 4, 0, 1);
    a.v("vpunpckhdq", 5, 0, 1);
    a.v("vpunpckldq", 6, 2, 3);
    a.v("vpunpckhdq", 7, 2, 3);
    a.v("vpunpcklqdq", 0, 4, 6);
    a.v("vpunpckhqdq", 1, 4, 6);
    a.v("vpunpcklqdq", 2, 5, 7);
    a.v("vpunpckhqdq", 3, 5, 7);
    for (let k = 0; k < places; k++) a.saveQuarter(at(r12, k * panelStepBytes), k % 4, k >> 2);
    a.alu("add", r12, { value: avx2Lanes * panelStepBytes });
  };
  emitTimes(a, rcx, Math.floor(s.inner / avx2Lanes), () => block((to, from) => a.load(to, from), avx2Lanes));
  if (rest === 0) return;
  a.setLanes(registerOfRest, rest);
  block((to, from) => a.loadLanes(to, from, registerOfRest), rest);
}

/** Columns of inner places at r8 to strips at r12: so many strips, of which the last one has `rows` rows. */
function packStrips(a: Avx2Assembler, s: ProductShape, l: Avx2Layout, strips: number, rows: number): void {
  const [ofStrip, ofRest] = [14, registerOfRest];
  a.setLanes(ofStrip, stripRows);
  if (rows < stripRows) a.setLanes(ofRest, rows);
  const rowBytes = 4 * s.rows;
  emitTimes(a, rcx, s.inner, () => {
    for (let strip = 0; strip < strips; strip++) {
      if (ahead * rowBytes < 2 ** 30 && strip % 2 === 0) a.prefetch(at(r8, ahead * rowBytes + stripStepBytes * strip));
      a.loadLanes(strip & 3, at(r8, stripStepBytes * strip), strip === strips - 1 && rows < stripRows ? ofRest : ofStrip);
      if (s.form !== "f32") round(a, strip & 3);
      // the last two lanes are written anew by the next step
      a.save(at(r12, strip * l.stripBytes), strip & 3);
    }
    a.alu("add", r8, { value: rowBytes });
    a.alu("add", r12, { value: stripStepBytes });
  });
}

/** A part of the operands in the order in which they are read. Gives the number of items. */
function packCode(a: Avx2Assembler, s: ProductShape, l: Avx2Layout): number {
  const groups = s.transposeB ? l.panels : Math.ceil(l.panels / itemPanels);
  const bItems = (s.sharesB ? 1 : s.count) * groups;
  const [ofA, end] = [a.label(), a.label()];
  a.push(...saved);
  if (s.form !== "f32") setRounding(a);
  a.alu("cmp", rsi, { value: bItems });
  a.jumpIf("ge", ofA);
  emitPartOfItem(a, groups);
  a.mov(r15, rdx);
  a.imulBy(rbx, rax, 4 * s.inner * s.columns);
  a.alu("add", rbx, field("b"));
  a.imulBy(r12, rax, l.bBytes);
  a.alu("add", r12, field("scratch"));
  if (s.transposeB) {
    a.imulBy(rcx, r15, l.panelBytes);
    a.lea(rbp, at(r12, 0, rcx));
    a.imulBy(r15, r15, avx2PanelColumns);
    emitTimes(a, r14, avx2PanelColumns / 4, () => {
      a.mov(rax, r15);
      pointAtRows(a, rbx, s.columns, 4 * s.inner);
      a.mov(r12, rbp);
      transposeRows(a, s);
      a.alu("add", r15, { value: 4 });
      a.alu("add", rbp, { value: 16 });
    });
  } else {
    a.imulBy(rcx, r15, itemPanels * l.panelBytes);
    a.alu("add", r12, rcx);
    a.imulBy(rcx, r15, itemPanels * panelStepBytes);
    a.alu("add", rbx, rcx);
    const last = s.columns - (groups - 1) * itemPanels * avx2PanelColumns;
    const lastPanels = Math.ceil(last / avx2PanelColumns);
    const differs = last < itemPanels * avx2PanelColumns;
    const whole = () => packPanels(a, s, l, itemPanels, avx2PanelColumns);
    emitByPart(a, r15, groups, differs, whole, () => packPanels(a, s, l, lastPanels, last - (lastPanels - 1) * avx2PanelColumns));
  }
  a.jump(end);
  a.place(ofA);
  a.alu("sub", rsi, { value: bItems });
  const aItems = packRows(a, s, l);
  a.place(end);
  a.vzeroupper();
  a.pop(...saved.toReversed());
  a.ret();
  return bItems + aItems;
}

/** The rows of item rsi, where they are packed. Gives the number of items. */
function packRows(a: Avx2Assembler, s: ProductShape, l: Avx2Layout): number {
  if (l.rowsFrom === "operand") return 0;
  a.mov(r12, field("scratch"));
  a.setAddress(rcx, BigInt(l.aStart));
  a.alu("add", r12, rcx);
  if (l.rowsFrom === "copy") return copyRows(a, s.count * s.rows * s.inner);
  const groups = Math.ceil(l.strips / itemPackedStrips);
  emitPartOfItem(a, groups);
  a.mov(r15, rdx);
  a.imulBy(r8, rax, 4 * s.inner * s.rows);
  a.alu("add", r8, field("a"));
  a.imulBy(rcx, r15, itemPackedStrips * stripStepBytes);
  a.alu("add", r8, rcx);
  a.imulBy(rcx, rax, l.aBytes);
  a.alu("add", r12, rcx);
  a.imulBy(rcx, r15, itemPackedStrips * l.stripBytes);
  a.alu("add", r12, rcx);
  const last = s.rows - (groups - 1) * itemPackedStrips * stripRows;
  const lastStrips = Math.ceil(last / stripRows);
  const whole = () => packStrips(a, s, l, itemPackedStrips, stripRows);
  emitByPart(a, r15, groups, last < itemPackedStrips * stripRows, whole, () =>
    packStrips(a, s, l, lastStrips, last - (lastStrips - 1) * stripRows),
  );
  return s.count * groups;
}

/** Elements of item rsi to r12, rounded. Gives the number of items. */
function copyRows(a: Avx2Assembler, elements: number): number {
  const items = Math.ceil(elements / itemElements);
  a.imulBy(rcx, rsi, 4 * itemElements);
  a.alu("add", r12, rcx);
  a.mov(r8, field("a"));
  a.alu("add", r8, rcx);
  const copy = (count: number) => {
    const rest = count % avx2Lanes;
    emitTimes(a, rcx, Math.floor(count / avx2Lanes), () => {
      a.load(0, at(r8));
      round(a, 0);
      a.save(at(r12), 0);
      for (const r of [r8, r12]) a.alu("add", r, { value: 4 * avx2Lanes });
    });
    if (rest === 0) return;
    a.setMask(1, rest);
    a.loadMasked(0, at(r8), 1);
    round(a, 0);
    a.save(at(r12), 0, 1);
  };
  const last = elements - (items - 1) * itemElements;
  emitByPart(
    a,
    rsi,
    items,
    last < itemElements,
    () => copy(itemElements),
    () => copy(last),
  );
  return items;
}

const float32 = (x: number): number => new Int32Array(Float32Array.of(x).buffer)[0]!;
const sum = (row: number, v: number) => 2 * row + v;
const column = (v: number) => 12 + v;
const input = (row: number) => 14 + (row & 1);

/** Sums of a strip at r8 and a panel at r9 over r15 steps: `rows` by `vectors` registers. Uses rax, rcx and r10. */
function sumStrip(a: Avx2Assembler, s: ProductShape, l: Avx2Layout, rows: number, vectors: number): void {
  const isStrip = l.rowsFrom === "strips";
  const stepBytes = isStrip ? stripStepBytes : 4;
  const element = (row: number, step: number): MemoryOperand => {
    if (isStrip) return at(r8, step * stripStepBytes + 4 * row);
    const base = row < 3 ? r8 : r10;
    return row % 3 === 0 ? at(base, 4 * step) : at(base, 4 * step, rcx, row % 3 === 1 ? 1 : 2);
  };
  if (!isStrip) {
    a.set(rcx, 4 * s.inner);
    if (rows > 3) {
      a.lea(r10, at(rcx, 0, rcx, 2));
      a.alu("add", r10, r8);
    }
  }
  for (let r = 0; r < rows; r++) for (let v = 0; v < vectors; v++) a.v("vpxord", sum(r, v), sum(r, v), sum(r, v));
  const steps = (count: number) => {
    for (let u = 0; u < count; u++) {
      for (let v = 0; v < vectors; v++) a.load(column(v), at(r9, u * panelStepBytes + 32 * v));
      for (let r = 0; r < rows; r++) {
        a.broadcast(input(r), element(r, u));
        for (let v = 0; v < vectors; v++) a.v("vfmadd231ps", sum(r, v), column(v), input(r));
      }
    }
    a.alu("add", r8, { value: count * stepBytes });
    if (!isStrip && rows > 3) a.alu("add", r10, { value: count * stepBytes });
    a.alu("add", r9, { value: count * panelStepBytes });
    a.alu("sub", rax, { value: 1 });
  };
  const [few, done] = [a.label(), a.label()];
  a.mov(rax, r15);
  a.shift("right", rax, Math.log2(unrolled));
  a.test(rax, rax);
  a.jumpIf("e", few);
  const many = a.here();
  steps(unrolled);
  a.jumpIf("ne", many);
  a.place(few);
  if (s.inner % unrolled !== 0) {
    a.mov(rax, r15);
    a.alu("and", rax, { value: unrolled - 1 });
    a.jumpIf("e", done);
    const one = a.here();
    steps(1);
    a.jumpIf("ne", one);
  }
  a.place(done);
}

/** The sums of strip r12 and panel r13 to the result, of `columns` columns; added to what is there after the first block of steps. */
function putStrip(a: Avx2Assembler, s: ProductShape, rows: number, columns: number): void {
  const rowBytes = 4 * s.columns;
  a.imulBy(r11, r12, stripRows * rowBytes);
  a.alu("add", r11, rdi);
  a.imulBy(rax, r13, panelStepBytes);
  a.alu("add", r11, rax);
  if (s.alpha !== 1) {
    a.set(rax, float32(s.alpha));
    a.broadcastRegister(column(1), rax);
  }
  if (columns % avx2Lanes !== 0) a.setMask(1, columns % avx2Lanes);
  const put = (adds: boolean) => {
    for (let r = 0; r < rows; r++) {
      for (let v = 0; v < Math.ceil(columns / avx2Lanes); v++) {
        const there = at(r11, 32 * v);
        const isWhole = columns - avx2Lanes * v >= avx2Lanes;
        if (s.alpha !== 1) a.v("vmulps", sum(r, v), sum(r, v), column(1));
        if (adds && isWhole) a.v("vaddps", sum(r, v), sum(r, v), there);
        else if (adds) {
          a.loadMasked(column(0), there, 1);
          a.v("vaddps", sum(r, v), sum(r, v), column(0));
        }
        a.save(there, sum(r, v), isWhole ? 0 : 1);
      }
      if (r < rows - 1) a.alu("add", r11, { value: rowBytes });
    }
  };
  if (s.inner <= blockSteps) {
    put(false);
    return;
  }
  const [first, end] = [a.label(), a.label()];
  a.test(r14, r14);
  a.jumpIf("e", first);
  put(true);
  a.jump(end);
  a.place(first);
  put(false);
  a.place(end);
}

/** Of product rax, items from rdx on: rdi := result, rsi := rows, rdx := panels; rbx, rbp := its strips from and to. */
function beginProducts(a: Avx2Assembler, s: ProductShape, l: Avx2Layout): void {
  a.imulBy(rbx, rdx, l.itemStrips);
  a.mov(rdx, field("scratch"));
  if (l.rowsFrom === "operand") {
    a.imulBy(rsi, rax, 4 * s.rows * s.inner);
    a.alu("add", rsi, field("a"));
  } else {
    a.imulBy(rsi, rax, l.aBytes);
    a.alu("add", rsi, rdx);
    a.setAddress(rcx, BigInt(l.aStart));
    a.alu("add", rsi, rcx);
  }
  if (!s.sharesB) {
    a.imulBy(rcx, rax, l.bBytes);
    a.alu("add", rdx, rcx);
  }
  a.imulBy(rcx, rax, s.rows * 4 * s.columns);
  a.mov(rdi, field("out"));
  a.alu("add", rdi, rcx);
  a.lea(rbp, at(rbx, l.itemStrips));
  atMost(a, rbp, l.strips);
}

/** Strips rbx to rbp by panel r13, of `columns` columns. */
function multiplyStrips(a: Avx2Assembler, s: ProductShape, l: Avx2Layout, columns: number): void {
  const [stripBytes, stepBytes] = l.rowsFrom === "strips" ? [l.stripBytes, stripStepBytes] : [stripRows * 4 * s.inner, 4];
  const restRows = s.rows % stripRows;
  a.mov(r12, rbx);
  const strips = a.here();
  a.imulBy(r8, r12, stripBytes);
  a.alu("add", r8, rsi);
  a.imulBy(rax, r14, stepBytes);
  a.alu("add", r8, rax);
  a.imulBy(r9, r13, l.panelBytes);
  a.alu("add", r9, rdx);
  a.imulBy(rax, r14, panelStepBytes);
  a.alu("add", r9, rax);
  const strip = (rows: number) => {
    sumStrip(a, s, l, rows, Math.ceil(columns / avx2Lanes));
    putStrip(a, s, rows, columns);
  };
  emitByPart(
    a,
    r12,
    l.strips,
    restRows > 0,
    () => strip(stripRows),
    () => strip(restRows),
  );
  a.alu("add", r12, { value: 1 });
  a.alu("cmp", r12, rbp);
  a.jumpIf("l", strips);
}

/** Some rows of the result. Gives the number of items. */
function multiplyCode(a: Avx2Assembler, s: ProductShape, l: Avx2Layout): number {
  const items = Math.ceil(l.strips / l.itemStrips);
  const wholePanels = Math.floor(s.columns / avx2PanelColumns);
  const restColumns = s.columns % avx2PanelColumns;
  a.push(...saved);
  emitPartOfItem(a, items);
  beginProducts(a, s, l);
  a.alu("xor", r14, r14); // steps done
  const blocks = a.here();
  a.set(r15, s.inner); // steps of this block
  a.alu("sub", r15, r14);
  atMost(a, r15, blockSteps);
  a.alu("xor", r13, r13); // panel
  if (wholePanels > 0) {
    const panels = a.here();
    multiplyStrips(a, s, l, avx2PanelColumns);
    a.alu("add", r13, { value: 1 });
    a.alu("cmp", r13, { value: wholePanels });
    a.jumpIf("l", panels);
  }
  if (restColumns > 0) multiplyStrips(a, s, l, restColumns);
  a.alu("add", r14, r15);
  a.alu("cmp", r14, { value: s.inner });
  a.jumpIf("l", blocks);
  a.vzeroupper();
  a.pop(...saved.toReversed());
  a.ret();
  return s.count * items;
}

/** The code for products of one shape, of the forms `f32` and `rounded`. Needs AVX2 and FMA. */
export function avx2ProductCode(s: ProductShape): KernelCode {
  const l = layoutOf(s);
  const a = new Avx2Assembler();
  const packItems = packCode(a, s, l);
  const multiplyAt = a.length;
  const multiplyItems = multiplyCode(a, s, l);
  return {
    code: a.code(),
    kernels: [
      { at: 0, items: packItems },
      { at: multiplyAt, items: multiplyItems },
    ],
    scratchBytes: l.bytes,
  };
}
