/**
 * The code of one product: `pack(run, item)` puts a part of an operand in the order in which it is read; `multiply(run, item)` computes some rows
 * of the result, each sum in float32 and in one order whatever the threads, and what follows from those rows while they are in a near cache. A run
 * is a record: where the inputs, the results and the scratch are. The blocking is that of Goto and van de Geijn, "Anatomy of high-performance matrix
 * multiplication" (2008), for fused products of sixteen f32, or of sixteen pairs of bf16. Rows that lie as they are multiplied are not packed.
 */
import { Assembler, at, gpr, type Label, type MemoryOperand } from "../assembler.ts";
import { emitElements } from "../elementwise/element-code.ts";
import { type ElementProgram, outputRates, outputTypeOf } from "../elementwise/element-program.ts";
import { atMost, emitPartOfItem } from "../emit-loops.ts";
import type { KernelCode } from "../kernel-code.ts";
import { emitPack, type ProductFields, runFields, savedRegisters, setColumnMasks } from "./product-pack.ts";
import { elementBytes, layoutOf, type ProductLayout, type ProductShape, unrolledSteps } from "./product-shape.ts";

const { rax, rcx, rdx, rbx, rbp, rsi, rdi, rsp, r8, r9, r10, r11, r12, r13, r14, r15 } = gpr;

/** Steps that are summed before a result is put down: a strip and a panel of so many stay in the second-level cache. */
const blockSteps = 512;
/** Rows that one item multiplies, at most. */
const itemRows = 64;
/** Steps that a panel is asked for ahead of being read: it comes from the second-level cache. */
const ahead = 4;

/**
 * A program over elements that a product's result is an input of: it is applied to some rows of the result as soon as they are there. The run's
 * record has a, b, the program's other inputs, the result where it is kept, the program's outputs, and the scratch.
 */
export interface ProductEpilogue {
  readonly program: ElementProgram;
  /** The number of the program's input that is the product. */
  readonly product: number;
  /** Is the product itself a result too? */
  readonly isKept: boolean;
}
/** What a product with an epilogue leaves in the second-level cache at once, at most. */
const epilogueBytes = 2 ** 20;
/** Can a product have a program applied to it? It has one matrix, and its rows stay in the cache. */
export const takesEpilogue = (s: ProductShape): boolean => s.count === 1 && 4 * itemRows * s.columns <= epilogueBytes;

/** Places for the rows of threads at work; more threads than these wait for one another. */
const slots = 64;
const slotHeader = 64;

/** What the code of a product with its epilogue is made from: places in the run's record, and where rows are put that no result keeps. */
interface ProductPlan {
  readonly s: ProductShape;
  readonly l: ProductLayout;
  readonly fields: ProductFields;
  readonly epilogue: ProductEpilogue | undefined;
  /** The record's field of the array that the rows are put into; undefined for a slot. */
  readonly out: number | undefined;
  readonly slotBytes: number;
  readonly slotsAt: number;
  readonly scratchBytes: number;
}

function planOf(s: ProductShape, epilogue: ProductEpilogue | undefined): ProductPlan {
  const l = layoutOf(s);
  if (!epilogue) return { s, l, fields: runFields, epilogue, out: runFields.out, slotBytes: 0, slotsAt: 0, scratchBytes: l.bytes };
  const { program, isKept } = epilogue;
  const outputsAt = 2 + program.inputs.length - 1;
  const count = outputsAt + (isKept ? 1 : 0) + program.outputs.length;
  // what the program reads of the product it reads before it writes there
  const whole = outputRates(program).whole.find(o => outputTypeOf(program, o) === "f32");
  const out = isKept ? outputsAt : whole === undefined ? undefined : outputsAt + whole;
  const slotBytes = slotHeader + 64 * Math.ceil((4 * s.columns * stripsOf(l) * l.tile.rows) / 64);
  const slotsAt = 64 * Math.ceil(l.bytes / 64);
  return {
    s,
    l,
    fields: { a: 0, b: 8, scratch: 8 * count },
    epilogue,
    out: out === undefined ? undefined : 8 * out,
    slotBytes,
    slotsAt,
    scratchBytes: out === undefined ? slotsAt + slots * slotBytes : l.bytes,
  };
}
/** Strips of an item. */
const stripsOf = (l: ProductLayout): number => Math.floor(itemRows / l.tile.rows);

const float32 = (x: number): number => new Int32Array(Float32Array.of(x).buffer)[0]!;

/** Registers: sums from 0 on, columns of the panel, rows of the strip in turns. */
const columnRegister = (v: number) => 24 + v;
const alpha = 31;

/** What a function of an item keeps on the stack: the program's record, then these. */
interface ItemFrame {
  readonly run: MemoryOperand;
  readonly item: MemoryOperand;
  readonly slot: MemoryOperand;
  readonly bytes: number;
}
function frameOf({ epilogue }: ProductPlan): ItemFrame {
  const at8 = 8 * (epilogue ? epilogue.program.inputs.length + epilogue.program.outputs.length : 0);
  return { run: at(rsp, at8), item: at(rsp, at8 + 8), slot: at(rsp, at8 + 16), bytes: at8 + 24 };
}

/** rdi := a free slot's rows. Changes r8, r9, rax, rcx. */
function takeSlot(a: Assembler, plan: ProductPlan, { slot }: ItemFrame): void {
  const [again, next, taken] = [a.label(), a.label(), a.label()];
  a.setAddress(rcx, BigInt(plan.slotsAt));
  a.place(again);
  a.mov(r8, at(rdi, plan.fields.scratch));
  a.alu("add", r8, rcx);
  a.lea(r9, at(r8, slots * plan.slotBytes));
  a.place(next);
  a.set(rax, 1);
  a.exchange32(at(r8), rax);
  a.test(rax, rax);
  a.jumpIf("e", taken);
  a.alu("add", r8, { value: plan.slotBytes });
  a.alu("cmp", r8, r9);
  a.jumpIf("b", next);
  a.pause();
  a.jump(again);
  a.place(taken);
  a.store(slot, r8);
  a.lea(rdi, at(r8, slotHeader));
}

/** Of product rax, items from rdx on: rdi := result, rsi := rows of a, rdx := panels; rbx, rbp := its strips from and to. */
function beginProducts(a: Assembler, plan: ProductPlan, frame: ItemFrame): void {
  const { s, l, fields, out } = plan;
  const usedStrips = Math.ceil(s.rows / l.tile.rows);
  const itemStrips = stripsOf(l);
  const rowBytes = 4 * s.columns;
  a.imulBy(rbx, rdx, itemStrips);
  a.mov(r8, at(rdi, fields.scratch));
  if (s.sharesB) a.mov(rdx, r8);
  else {
    a.imulBy(rdx, rax, l.bBytes);
    a.alu("add", rdx, r8);
  }
  if (l.readsA) {
    a.imulBy(rsi, rax, s.rows * elementBytes(s.wordsA) * s.inner);
    a.alu("add", rsi, at(rdi, fields.a));
  } else {
    a.imulBy(rsi, rax, l.aBytes);
    a.alu("add", rsi, r8);
    a.setAddress(rcx, BigInt(l.aStart));
    a.alu("add", rsi, rcx);
  }
  a.imulBy(r10, rax, s.rows * rowBytes);
  if (out === undefined) {
    takeSlot(a, plan, frame);
    // rows are counted from the first of all
    a.imulBy(r10, rbx, l.tile.rows * rowBytes);
    a.alu("sub", rdi, r10);
  } else {
    a.mov(rdi, at(rdi, out));
    a.alu("add", rdi, r10);
  }
  a.lea(rbp, at(rbx, itemStrips));
  atMost(a, rbp, usedStrips);
  if (s.alpha !== 1) {
    a.set(rax, float32(s.alpha));
    a.broadcastRegister(alpha, rax);
  }
}

/** Registers from 0 on := the sums of r15 steps of the strip at r8 and the panel at r9. */
function sumStrip(a: Assembler, s: ProductShape, l: ProductLayout): void {
  const { rows, vectors } = l.tile;
  const inputs = vectors > 3 ? 2 : 4;
  const input = (r: number) => columnRegister(vectors) + (r % inputs);
  const aRow = l.readsA ? elementBytes(s.wordsA) * s.inner : 4;
  const aStep = l.readsA ? 4 : l.stripStepBytes;
  for (let i = 0; i < rows * vectors; i++) a.v("vpxord", i, i, i);
  a.mov(r10, r15);
  const loop = a.here();
  for (let u = 0; u < unrolledSteps; u++) {
    for (let v = 0; v < vectors; v++) {
      a.load(columnRegister(v), at(r9, u * l.panelStepBytes + 64 * v));
      a.prefetch(at(r9, (u + ahead) * l.panelStepBytes + 64 * v));
    }
    for (let r = 0; r < rows; r++) {
      if (r % 2 === 0) for (const q of [r, r + 1]) a.broadcast(input(q), at(r8, u * aStep + q * aRow));
      for (let v = 0; v < vectors; v++) a.v(s.form === "bf16" ? "vdpbf16ps" : "vfmadd231ps", r * vectors + v, columnRegister(v), input(r));
    }
  }
  a.alu("add", r8, { value: unrolledSteps * aStep });
  a.alu("add", r9, { value: unrolledSteps * l.panelStepBytes });
  a.alu("sub", r10, { value: unrolledSteps });
  a.jumpIf("ne", loop);
}

/** The sums of strip r12 and panel r13 to the result, added to what is there after the first block of steps: rows that exist, columns that exist. */
function putStrip(a: Assembler, s: ProductShape, l: ProductLayout): void {
  const { rows, vectors } = l.tile;
  const rowBytes = 4 * s.columns;
  a.imulBy(r11, r12, rows * rowBytes);
  a.alu("add", r11, rdi);
  a.imulBy(rax, r13, 4 * l.panelColumns);
  a.alu("add", r11, rax);
  a.set(r10, s.rows);
  a.imulBy(rax, r12, rows);
  a.alu("sub", r10, rax);
  const [first, done] = [a.label(), a.label()];
  const put = (adds: boolean) => {
    for (let r = 0; r < rows; r++) {
      if (s.rows % rows !== 0 && r > 0) {
        a.alu("cmp", r10, { value: r });
        a.jumpIf("le", done);
      }
      for (let v = 0; v < vectors; v++) {
        const sum = r * vectors + v;
        if (s.alpha !== 1) a.v("vmulps", sum, sum, alpha);
        if (adds) {
          a.loadMasked(columnRegister(v), at(r11, 64 * v), 1 + v);
          a.v("vaddps", sum, sum, columnRegister(v));
        }
        a.save(at(r11, 64 * v), sum, 1 + v);
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

/** All panels by the item's strips, block after block of steps. */
function emitBlocks(a: Assembler, s: ProductShape, l: ProductLayout): void {
  const strip = l.readsA ? l.tile.rows * elementBytes(s.wordsA) * s.inner : l.stripBytes;
  const step = l.readsA ? 4 : l.stripStepBytes;
  a.alu("xor", r14, r14); // steps done
  const blocks = a.here();
  a.set(r15, l.steps); // steps of this block
  a.alu("sub", r15, r14);
  atMost(a, r15, blockSteps);
  a.alu("xor", r13, r13); // panel
  const panels = a.here();
  setColumnMasks(a, s.columns, l, r13);
  a.mov(r12, rbx); // strip
  const strips = a.here();
  a.imulBy(r8, r12, strip);
  a.alu("add", r8, rsi);
  a.imulBy(rax, r14, step);
  a.alu("add", r8, rax);
  a.imulBy(r9, r13, l.panelBytes);
  a.alu("add", r9, rdx);
  a.imulBy(rax, r14, l.panelStepBytes);
  a.alu("add", r9, rax);
  sumStrip(a, s, l);
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
}

/** What follows from the item's rows, which lie at rdi; `elements` is the program's function. */
function emitEpilogue(a: Assembler, plan: ProductPlan, { program, product }: ProductEpilogue, elements: Label, frame: ItemFrame): void {
  const { out } = plan;
  const outputsAt = 2 + program.inputs.length - 1 + (plan.epilogue!.isKept ? 1 : 0);
  a.store(at(rsp, 8 * product), rdi);
  a.mov(rax, frame.run);
  const copy = (from: number, to: number) => {
    a.mov(rcx, at(rax, 8 * from));
    a.store(at(rsp, 8 * to), rcx);
  };
  let given = 2;
  for (const i of program.inputs.keys()) if (i !== product) copy(given++, i);
  for (const o of program.outputs.keys()) copy(outputsAt + o, program.inputs.length + o);
  a.mov(rdi, rsp);
  a.mov(rsi, frame.item);
  a.call(elements);
  if (out !== undefined) return;
  a.mov(rax, frame.slot);
  a.alu("xor", rcx, rcx);
  a.store32(at(rax), rcx);
}

/** The function that multiplies; gives the number of its items. */
function emitMultiply(a: Assembler, plan: ProductPlan, elements: Label | undefined): number {
  const { s, l, epilogue } = plan;
  const items = Math.ceil(Math.ceil(s.rows / l.tile.rows) / stripsOf(l));
  const frame = frameOf(plan);
  a.push(...savedRegisters);
  if (epilogue) {
    a.alu("sub", rsp, { value: frame.bytes });
    a.store(frame.run, rdi);
    a.store(frame.item, rsi);
  }
  emitPartOfItem(a, items);
  beginProducts(a, plan, frame);
  emitBlocks(a, s, l);
  if (epilogue && elements !== undefined) {
    emitEpilogue(a, plan, epilogue, elements, frame);
    a.alu("add", rsp, { value: frame.bytes });
  }
  a.vzeroupper();
  a.pop(...savedRegisters.toReversed());
  a.ret();
  return s.count * items;
}

/**
 * The code for products of one shape, packing first, then multiplying, with what follows from the result where that is given. Needs a processor
 * with 512-bit vectors, and for the form `bf16` with products of pairs (`processorFeatures`).
 */
export function productCode(s: ProductShape, epilogue?: ProductEpilogue): KernelCode {
  const a = new Assembler();
  const plan = planOf(s, epilogue);
  /** No slot is taken. */
  const freeSlots = (scratch: MemoryOperand) => {
    a.mov(r8, scratch);
    a.setAddress(rcx, BigInt(plan.slotsAt));
    a.alu("add", r8, rcx);
    a.alu("xor", rax, rax);
    a.set(rcx, slots);
    const loop = a.here();
    a.store32(at(r8), rax);
    a.alu("add", r8, { value: plan.slotBytes });
    a.alu("sub", rcx, { value: 1 });
    a.jumpIf("ne", loop);
  };
  const packItems = emitPack(a, s, plan.fields, plan.out === undefined ? freeSlots : undefined);
  const elements = epilogue ? a.here() : undefined;
  if (epilogue) emitElements(a, epilogue.program, plan.l.tile.rows * stripsOf(plan.l));
  const multiplyAt = a.length;
  const multiplyItems = emitMultiply(a, plan, elements);
  const kernels = [
    { at: 0, items: packItems },
    { at: multiplyAt, items: multiplyItems },
  ];
  return { code: a.code(), kernels, scratchBytes: plan.scratchBytes };
}
