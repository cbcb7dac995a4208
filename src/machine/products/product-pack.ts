/** The packing of a product's operands: `pack(run, item)` puts a part of one in the order in which it is read, rounded where that is wanted. */
import { fieldsOf } from "../argument-space.ts";
import { type Assembler, at, type Gpr, gpr, type MemoryOperand } from "../assembler.ts";
import { emitPartOfItem } from "../emit-loops.ts";
import { allocatePages, type Pages } from "../native.ts";
import { interleave, packFourRows, packSteps, pointAtRows, setRounding } from "./pack-rows.ts";
import { elementBytes, layoutOf, type ProductLayout, type ProductShape, placesPerStep } from "./product-shape.ts";

const { rax, rcx, rdx, rbx, rbp, rsi, rdi, r8, r10, r11, r12, r13, r14, r15 } = gpr;

/** The record of a product alone. */
export const runFields = fieldsOf("a", "b", "out", "scratch");
/** Where a record has its scratch. */
export type ProductFields = Readonly<Record<"a" | "b" | "scratch", number>>;

/** Panels that one item packs where rows of b are inner places, and steps of one panel before the next one's: a row's page is met once. */
const itemPanels = 8;
const togetherSteps = 32;

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

/** Registers that a kernel gives back as they were. */
export const savedRegisters = [rbx, rbp, r12, r13, r14, r15] as const;

/** Masks from 1 on := columns that panel `panel` has. Uses rax. */
export function setColumnMasks(a: Assembler, columns: number, l: ProductLayout, panel: Gpr): void {
  const each = (count: number) => {
    for (let v = 0; v < l.tile.vectors; v++) a.setMask(1 + v, count - 16 * v);
  };
  each(l.panelColumns);
  const rest = columns - (l.panels - 1) * l.panelColumns;
  if (rest === l.panelColumns) return;
  const whole = a.label();
  a.alu("cmp", panel, { value: l.panels - 1 });
  a.jumpIf("ne", whole);
  each(rest);
  a.place(whole);
}

/** The rows of a at rbx whose item has number r15, to its strips at r12. */
function packStrips(a: Assembler, s: ProductShape, l: ProductLayout): void {
  const together = l.packedRows;
  const { rows } = l.tile;
  const bytes = elementBytes(s.wordsA);
  const isWords = s.wordsA === true;
  /** Where a row of the item lies, behind the first strip's beginning. */
  const placeOf = (row: number) => Math.floor(row / rows) * l.stripBytes + (row % rows) * 4;
  a.imulBy(r15, r15, together);
  if (s.transposeA) {
    const whole = a.label();
    const across = together / 16;
    for (let v = 0; v < across; v++) a.setMask(1 + v, 16);
    a.alu("cmp", r15, { value: s.rows - together });
    a.jumpIf("le", whole);
    for (let v = 0; v < across; v++) a.setMask(1 + v, (s.rows % together) - 16 * v);
    a.place(whole);
    a.lea(r8, at(rbx, 0, r15, bytes));
    if (s.form === "bf16" && !isWords) loadInterleave(a);
    packSteps(
      a,
      { form: s.form, isWords, inner: s.inner, rowBytes: bytes * s.rows, vectors: across, steps: l.steps, advance: l.stripStepBytes },
      (v, register) => {
        if (rows === 8) for (const half of [0, 1]) a.saveHalf(at(r12, placeOf(16 * v + 8 * half)), register, half);
        else for (const quarter of [0, 1, 2, 3]) a.saveQuarter(at(r12, placeOf(16 * v + 4 * quarter)), register, quarter);
      },
    );
  } else {
    a.mov(rbp, r12);
    for (let four = 0; four < together / 4; four++) {
      a.mov(rax, r15);
      pointAtRows(a, rbx, s.rows, bytes * s.inner);
      a.lea(r12, at(rbp, placeOf(4 * four)));
      packFourRows(a, s.form, s.inner, l.stripStepBytes, { at: 0 }, isWords);
      a.alu("add", r15, { value: 4 });
    }
  }
}

/** The panels of b at rbx whose item of `itemPanels` has number r15, to the product's panels at rbp: some rows of all of them, then the next rows. */
function packPanels(a: Assembler, s: ProductShape, l: ProductLayout): void {
  const places = placesPerStep(s.form);
  const bytes = elementBytes(s.wordsB);
  const isWords = s.wordsB === true;
  const rowBytes = bytes * s.columns;
  a.imulBy(r15, r15, itemPanels);
  a.lea(r11, at(r15, itemPanels));
  const fits = a.label();
  a.alu("cmp", r11, { value: l.panels });
  a.jumpIf("le", fits);
  a.set(r11, l.panels);
  a.place(fits);
  if (s.form === "bf16" && !isWords) loadInterleave(a);
  const rows = (inner: number, steps: number) => {
    a.mov(r10, r15);
    const panels = a.here();
    setColumnMasks(a, s.columns, l, r10);
    a.imulBy(r8, r10, bytes * l.panelColumns);
    a.alu("add", r8, rbx);
    a.imulBy(r12, r10, l.panelBytes);
    a.alu("add", r12, rbp);
    const { vectors } = l.tile;
    packSteps(a, { form: s.form, isWords, inner, rowBytes, vectors, steps, advance: l.panelStepBytes }, (v, register) =>
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
    a.alu("add", rbp, { value: togetherSteps * l.panelStepBytes });
    a.alu("sub", r14, { value: 1 });
    a.jumpIf("ne", loop);
  }
  const left = l.steps - whole * togetherSteps;
  if (left > 0) rows(s.inner - whole * places * togetherSteps, left);
}

/** One panel of b at rbx, of columns whose inner places lie side by side; its number is r15, the item's rsi. */
function packTransposedPanel(a: Assembler, s: ProductShape, l: ProductLayout, scratch: MemoryOperand): void {
  a.imulBy(r12, rsi, l.panelBytes);
  a.alu("add", r12, scratch);
  a.mov(rbp, r12);
  a.imulBy(r15, r15, l.panelColumns);
  a.set(r14, l.panelColumns / 4);
  const loop = a.here();
  a.mov(rax, r15);
  pointAtRows(a, rbx, s.columns, elementBytes(s.wordsB) * s.inner);
  a.mov(r12, rbp);
  packFourRows(a, s.form, s.inner, l.panelStepBytes, { at: 0 }, s.wordsB === true);
  a.alu("add", r15, { value: 4 });
  a.alu("add", rbp, { value: 16 });
  a.alu("sub", r14, { value: 1 });
  a.jumpIf("ne", loop);
}

/** The function that packs; gives the number of its items. `first` is done once, before what the first item packs. */
export function emitPack(a: Assembler, s: ProductShape, fields: ProductFields, first?: (scratch: MemoryOperand) => void): number {
  const l = layoutOf(s);
  const scratch = at(rdi, fields.scratch);
  const unitStrips = l.packedRows / l.tile.rows;
  const units = l.readsA ? 0 : l.strips / unitStrips;
  const panelItems = s.transposeB ? l.panels : Math.ceil(l.panels / itemPanels);
  const bItems = (s.sharesB ? 1 : s.count) * panelItems;
  const ofA = a.label();
  const end = a.label();
  a.push(...savedRegisters);
  if (first) {
    const isOther = a.label();
    a.test(rsi, rsi);
    a.jumpIf("ne", isOther);
    first(scratch);
    a.place(isOther);
  }
  if (s.form === "rounded") setRounding(a);
  a.alu("cmp", rsi, { value: bItems });
  a.jumpIf("ge", ofA);

  // a panel of b, or some
  emitPartOfItem(a, panelItems);
  a.mov(r15, rdx);
  a.imulBy(rbx, rax, elementBytes(s.wordsB) * s.inner * s.columns);
  a.alu("add", rbx, at(rdi, fields.b));
  if (s.transposeB) packTransposedPanel(a, s, l, scratch);
  else {
    a.imulBy(rbp, rax, l.bBytes);
    a.alu("add", rbp, scratch);
    packPanels(a, s, l);
  }
  a.jump(end);

  // some strips of a
  a.place(ofA);
  if (units > 0) {
    a.alu("sub", rsi, { value: bItems });
    emitPartOfItem(a, units);
    a.mov(r15, rdx);
    a.imulBy(rbx, rax, elementBytes(s.wordsA) * s.inner * s.rows);
    a.alu("add", rbx, at(rdi, fields.a));
    a.imulBy(r12, rsi, unitStrips * l.stripBytes);
    a.alu("add", r12, scratch);
    a.setAddress(rcx, BigInt(l.aStart));
    a.alu("add", r12, rcx);
    packStrips(a, s, l);
  }
  a.place(end);
  a.vzeroupper();
  a.pop(...savedRegisters.toReversed());
  a.ret();
  return bItems + s.count * units;
}
