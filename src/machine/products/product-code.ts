/**
 * The code of one product: `pack(run, item)` puts a part of an operand in the order in which it is read, rounded where that is wanted;
 * `multiply(run, item)` computes some rows of the result from packed operands, each sum in float32 and in one order whatever the threads. A run
 * is a record: where a, b, the result and the scratch are. The blocking is that of Goto and van de Geijn, "Anatomy of high-performance matrix
 * multiplication" (2008), for fused products of sixteen f32, or of sixteen pairs of bf16.
 */
import { fieldsOf } from "../argument-space.ts";
import { Assembler, at, type Gpr, gpr, type MemoryOperand } from "../assembler.ts";
import { allocatePages, type Pages } from "../native.ts";
import { interleave, packFourRows, packSteps, pointAtRows, setMask, setRounding } from "./pack-rows.ts";
import {
  layoutOf,
  type ProductLayout,
  type ProductShape,
  packedRows,
  panelColumns,
  panelStepBytes,
  placesPerStep,
  stripRows,
  stripStepBytes,
} from "./product-shape.ts";

const { rax, rcx, rdx, rbx, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15 } = gpr;

export const runFields = fieldsOf("a", "b", "out", "scratch");
const field = (name: keyof typeof runFields): MemoryOperand => at(rdi, runFields[name]);

/** Vectors of a panel's columns. */
const vectors = panelColumns / 16;
/** Steps that are summed before a result is put down: a strip and a panel of so many stay in the second-level cache. */
const blockSteps = 512;
/** Strips that one item multiplies. */
const itemStrips = 8;
/** Panels that one item packs where rows of b are inner places, and steps of one panel before the next one's: a row's page is met once. */
const itemPanels = 8;
const togetherSteps = 32;
/** Steps that a panel is asked for ahead of being read: it comes from the second-level cache. */
const ahead = 4;
/** Steps a turn of the innermost loop. */
const unrolled = 4;

/** Words that machine code reads; they live as long as the process. */
let constants: Pages | undefined;
/** Register 30 := `interleave`. Uses rcx. */
function loadInterleave(a: Assembler): void {
  if (!constants) {
    constants = allocatePages(64);
    new Uint16Array(constants.buffer).set(interleave);
  }
  a.setAddress(rcx, constants.address);
  a.load(30, at(rcx));
}

interface ProductCode {
  readonly code: Uint8Array;
  /** Where the two functions begin. */
  readonly packAt: number;
  readonly multiplyAt: number;
  readonly packItems: number;
  readonly multiplyItems: number;
  readonly scratchBytes: number;
}

const saved = [rbx, rbp, r12, r13, r14, r15] as const;

/** rax := the item's number below `parts`, rdx := its number of `parts`: item rsi = stack * parts + part. */
function splitItem(a: Assembler, parts: number): void {
  a.mov(rax, rsi);
  a.alu("xor", rdx, rdx);
  a.set(rcx, parts);
  a.divide(rcx);
}

/** The rows of a at rbx whose item has number r15, to its strips at r12. */
function packStrips(a: Assembler, s: ProductShape, l: ProductLayout): void {
  const together = packedRows(s.transposeA);
  a.imulBy(r15, r15, together);
  if (s.transposeA) {
    const whole = a.label();
    const across = together / 16;
    for (let v = 0; v < across; v++) setMask(a, 1 + v, 16);
    a.alu("cmp", r15, { value: s.rows - together });
    a.jumpIf("le", whole);
    for (let v = 0; v < across; v++) setMask(a, 1 + v, (s.rows % together) - 16 * v);
    a.place(whole);
    a.lea(r8, at(rbx, 0, r15, 4));
    if (s.form === "bf16") loadInterleave(a);
    packSteps(
      a,
      { form: s.form, inner: s.inner, rowBytes: 4 * s.rows, vectors: across, steps: l.steps, advance: stripStepBytes },
      (v, register) => {
        for (const half of [0, 1]) a.saveHalf(at(r12, (2 * v + half) * l.stripBytes), register, half);
      },
    );
  } else {
    a.mov(rbp, r12);
    for (let four = 0; four < together / 4; four++) {
      a.mov(rax, r15);
      pointAtRows(a, rbx, s.rows, 4 * s.inner);
      a.lea(r12, at(rbp, (four >> 1) * l.stripBytes + (four & 1) * 16));
      packFourRows(a, s.form, s.inner, stripStepBytes);
      a.alu("add", r15, { value: 4 });
    }
  }
}

function packCode(a: Assembler, s: ProductShape): number {
  const l = layoutOf(s);
  const together = packedRows(s.transposeA);
  const unitStrips = together / stripRows;
  const units = l.strips / unitStrips;
  const panelItems = s.transposeB ? l.panels : Math.ceil(l.panels / itemPanels);
  const bItems = (s.sharesB ? 1 : s.count) * panelItems;
  const ofA = a.label();
  const end = a.label();
  a.push(...saved);
  if (s.form === "rounded") setRounding(a);
  a.alu("cmp", rsi, { value: bItems });
  a.jumpIf("ge", ofA);

  // a panel of b, or some
  splitItem(a, panelItems);
  a.mov(r15, rdx);
  a.imulBy(rbx, rax, 4 * s.inner * s.columns);
  a.alu("add", rbx, field("b"));
  if (s.transposeB) {
    a.imulBy(r12, rsi, l.panelBytes);
    a.alu("add", r12, field("scratch"));
    a.mov(rbp, r12);
    a.imulBy(r15, r15, panelColumns);
    a.set(r14, panelColumns / 4);
    const loop = a.here();
    a.mov(rax, r15);
    pointAtRows(a, rbx, s.columns, 4 * s.inner);
    a.mov(r12, rbp);
    packFourRows(a, s.form, s.inner, panelStepBytes);
    a.alu("add", r15, { value: 4 });
    a.alu("add", rbp, { value: 16 });
    a.alu("sub", r14, { value: 1 });
    a.jumpIf("ne", loop);
  } else {
    a.imulBy(rbp, rax, l.bBytes);
    a.alu("add", rbp, field("scratch"));
    packPanels(a, s);
  }
  a.jump(end);

  // some strips of a
  a.place(ofA);
  a.alu("sub", rsi, { value: bItems });
  splitItem(a, units);
  a.mov(r15, rdx);
  a.imulBy(rbx, rax, 4 * s.inner * s.rows);
  a.alu("add", rbx, field("a"));
  a.imulBy(r12, rsi, unitStrips * l.stripBytes);
  a.alu("add", r12, field("scratch"));
  a.setAddress(rcx, BigInt(l.aStart));
  a.alu("add", r12, rcx);
  packStrips(a, s, l);
  a.place(end);
  a.vzeroupper();
  a.pop(...saved.toReversed());
  a.ret();
  return bItems + s.count * units;
}

/** The panels of b at rbx whose item of `itemPanels` has number r15, to the product's panels at rbp: some rows of all of them, then the next rows. */
function packPanels(a: Assembler, s: ProductShape): void {
  const l = layoutOf(s);
  const places = placesPerStep(s.form);
  const rowBytes = 4 * s.columns;
  a.imulBy(r15, r15, itemPanels);
  a.lea(r11, at(r15, itemPanels));
  const fits = a.label();
  a.alu("cmp", r11, { value: l.panels });
  a.jumpIf("le", fits);
  a.set(r11, l.panels);
  a.place(fits);
  if (s.form === "bf16") loadInterleave(a);
  const rows = (inner: number, steps: number) => {
    a.mov(r10, r15);
    const panels = a.here();
    setColumnMasks(a, s.columns, l.panels, r10);
    a.imulBy(r8, r10, 4 * panelColumns);
    a.alu("add", r8, rbx);
    a.imulBy(r12, r10, l.panelBytes);
    a.alu("add", r12, rbp);
    packSteps(a, { form: s.form, inner, rowBytes, vectors, steps, advance: panelStepBytes }, (v, register) =>
      a.save(at(r12, 64 * v), register),
    );
    a.alu("add", r10, { value: 1 });
    a.alu("cmp", r10, r11);
    a.jumpIf("l", panels);
  };
  const whole = Math.floor(s.inner / (places * togetherSteps));
  if (whole > 0) {
    a.set(r14, whole);
    const loop = a.here();
    rows(places * togetherSteps, togetherSteps);
    a.alu("add", rbx, { value: places * togetherSteps * rowBytes });
    a.alu("add", rbp, { value: togetherSteps * panelStepBytes });
    a.alu("sub", r14, { value: 1 });
    a.jumpIf("ne", loop);
  }
  const left = l.steps - whole * togetherSteps;
  if (left > 0) rows(s.inner - whole * places * togetherSteps, left);
}

/** Masks 1 to 3 := columns that panel `panel` has. Uses rax. */
function setColumnMasks(a: Assembler, columns: number, panels: number, panel: Gpr): void {
  for (let v = 0; v < vectors; v++) setMask(a, 1 + v, 16);
  const rest = columns - (panels - 1) * panelColumns;
  if (rest === panelColumns) return;
  const whole = a.label();
  a.alu("cmp", panel, { value: panels - 1 });
  a.jumpIf("ne", whole);
  for (let v = 0; v < vectors; v++) setMask(a, 1 + v, rest - 16 * v);
  a.place(whole);
}

const float32 = (x: number): number => new Int32Array(Float32Array.of(x).buffer)[0]!;

const sum = (row: number, v: number) => row * vectors + v;
const column = (v: number) => 24 + v;
const input = (r: number) => 27 + (r & 3);
const alpha = 31;

/** Of product rax, items from rdx on: rdi := result, rsi := strips, rdx := panels; rbx, rbp := its strips from and to. */
function beginProducts(a: Assembler, s: ProductShape, l: ProductLayout): void {
  const usedStrips = Math.ceil(s.rows / stripRows);
  a.imulBy(rbx, rdx, itemStrips);
  a.mov(r8, field("scratch"));
  if (s.sharesB) a.mov(rdx, r8);
  else {
    a.imulBy(rdx, rax, l.bBytes);
    a.alu("add", rdx, r8);
  }
  a.imulBy(rsi, rax, l.aBytes);
  a.alu("add", rsi, r8);
  a.setAddress(rcx, BigInt(l.aStart));
  a.alu("add", rsi, rcx);
  a.imulBy(rcx, rax, s.rows * 4 * s.columns);
  a.mov(rdi, field("out"));
  a.alu("add", rdi, rcx);
  a.lea(rbp, at(rbx, itemStrips));
  const fits = a.label();
  a.alu("cmp", rbp, { value: usedStrips });
  a.jumpIf("le", fits);
  a.set(rbp, usedStrips);
  a.place(fits);
  if (s.alpha !== 1) {
    a.set(rax, float32(s.alpha));
    a.broadcastRegister(alpha, rax);
  }
}

/** Registers 0 to 23 := the sums of r15 steps of the strip at r8 and the panel at r9. */
function sumStrip(a: Assembler, s: ProductShape): void {
  for (let r = 0; r < stripRows; r++) for (let v = 0; v < vectors; v++) a.v("vpxord", sum(r, v), sum(r, v), sum(r, v));
  a.mov(r10, r15);
  const loop = a.here();
  for (let u = 0; u < unrolled; u++) {
    for (let v = 0; v < vectors; v++) {
      a.load(column(v), at(r9, u * panelStepBytes + 64 * v));
      a.prefetch(at(r9, (u + ahead) * panelStepBytes + 64 * v));
    }
    for (let r = 0; r < stripRows; r++) {
      if (r % 2 === 0) for (const q of [r, r + 1]) a.broadcast(input(q), at(r8, u * stripStepBytes + 4 * q));
      for (let v = 0; v < vectors; v++) a.v(s.form === "bf16" ? "vdpbf16ps" : "vfmadd231ps", sum(r, v), column(v), input(r));
    }
  }
  a.alu("add", r8, { value: unrolled * stripStepBytes });
  a.alu("add", r9, { value: unrolled * panelStepBytes });
  a.alu("sub", r10, { value: unrolled });
  a.jumpIf("ne", loop);
}

/** The sums of strip r12 and panel r13 to the result, added to what is there after the first block of steps: rows that exist, columns that exist. */
function putStrip(a: Assembler, s: ProductShape, l: ProductLayout): void {
  const rowBytes = 4 * s.columns;
  a.imulBy(r11, r12, stripRows * rowBytes);
  a.alu("add", r11, rdi);
  a.imulBy(rax, r13, 4 * panelColumns);
  a.alu("add", r11, rax);
  a.set(r10, s.rows);
  a.imulBy(rax, r12, stripRows);
  a.alu("sub", r10, rax);
  const [first, done] = [a.label(), a.label()];
  const put = (adds: boolean) => {
    for (let r = 0; r < stripRows; r++) {
      if (s.rows % stripRows !== 0 && r > 0) {
        a.alu("cmp", r10, { value: r });
        a.jumpIf("le", done);
      }
      for (let v = 0; v < vectors; v++) {
        if (s.alpha !== 1) a.v("vmulps", sum(r, v), sum(r, v), alpha);
        if (adds) {
          a.loadMasked(column(v), at(r11, 64 * v), 1 + v);
          a.v("vaddps", sum(r, v), sum(r, v), column(v));
        }
        a.save(at(r11, 64 * v), sum(r, v), 1 + v);
      }
      a.alu("add", r11, { value: rowBytes });
    }
  };
  const hasBlocks = l.steps > blockSteps;
  if (hasBlocks) {
    a.test(r14, r14);
    a.jumpIf("e", first);
    put(true);
    a.jump(done);
    a.place(first);
  }
  put(false);
  a.place(done);
}

function multiplyCode(a: Assembler, s: ProductShape): number {
  const l = layoutOf(s);
  const items = Math.ceil(l.strips / itemStrips);

  a.push(...saved);
  splitItem(a, items);
  beginProducts(a, s, l);

  a.alu("xor", r14, r14); // steps done
  const blocks = a.here();
  a.set(r15, l.steps); // steps of this block
  a.alu("sub", r15, r14);
  const isLast = a.label();
  a.alu("cmp", r15, { value: blockSteps });
  a.jumpIf("le", isLast);
  a.set(r15, blockSteps);
  a.place(isLast);
  a.alu("xor", r13, r13); // panel
  const panels = a.here();
  setColumnMasks(a, s.columns, l.panels, r13);
  a.mov(r12, rbx); // strip
  const strips = a.here();
  a.imulBy(r8, r12, l.stripBytes);
  a.alu("add", r8, rsi);
  a.imulBy(rax, r14, stripStepBytes);
  a.alu("add", r8, rax);
  a.imulBy(r9, r13, l.panelBytes);
  a.alu("add", r9, rdx);
  a.imulBy(rax, r14, panelStepBytes);
  a.alu("add", r9, rax);
  sumStrip(a, s);
  putStrip(a, s, l);
  a.alu("add", r12, { value: 1 });
  a.alu("cmp", r12, rbp);
  a.jumpIf("l", strips);
  a.alu("add", r13, { value: 1 });
  a.alu("cmp", r13, { value: l.panels });
  a.jumpIf("l", panels);
  a.alu("add", r14, r15);
  a.alu("cmp", r14, { value: l.steps });
  a.jumpIf("l", blocks);
  a.vzeroupper();
  a.pop(...saved.toReversed());
  a.ret();
  return s.count * items;
}

/** The code for products of one shape. Needs a processor with 512-bit vectors, and for the form `bf16` with products of pairs (`processorFeatures`). */
export function productCode(s: ProductShape): ProductCode {
  const a = new Assembler();
  const packAt = a.length;
  const packItems = packCode(a, s);
  const multiplyAt = a.length;
  const multiplyItems = multiplyCode(a, s);
  return { code: a.code(), packAt, multiplyAt, packItems, multiplyItems, scratchBytes: layoutOf(s).bytes };
}
