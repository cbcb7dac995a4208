/**
 * The code of a program over elements: kernel(run, item) goes over some rows, sixteen columns at a time. All of a block is read before any of it
 * is written, so an output may lie where an input of all elements lies. Each step rounds by itself, as it would alone. Where rows are summed their
 * columns are gone over once for each sum that needs another: a row stays in the nearest cache.
 */
import { Assembler, at, gpr, type MemoryOperand, spread } from "../assembler.ts";
import { emitExponential, exponentialConstants } from "../exponential.ts";
import type { KernelCode } from "../kernel-code.ts";
import { allocatePages, type Pages } from "../native.ts";
import {
  type ElementProgram,
  type ElementValue,
  inputTypeOf,
  isConstant,
  lastUses,
  outputRates,
  outputTypeOf,
  type Pass,
  passesOf,
  ratesOf,
} from "./element-program.ts";

const { rax, rcx, rbx, rbp, rsi, rdi, r12, r13, r14, r15 } = gpr;

/** Registers for values; those above are for what a step needs for itself. */
export const valueRegisters = 25;
const [s0, s1, s2, s3, s4] = [25, 26, 27, 28, 29] as const;
/** Elements of an item: enough that taking it costs nothing. */
const itemElements = 16_384;

/**
 * erf(x) = x P(x^2) / Q(x^2) where |x| is below `erfEnd`, and the value there beyond it. The coefficients are a fit of ours by least squares on
 * Chebyshev points, weighted anew until the greatest error was level: 2e-8 of the value, 4e-7 with the rounding of f32.
 */
const erfEnd = 3.9252;
const erfAbove = [
  1.1283791457423504, 0.19060197641991294, 0.05277022134944555, 0.003772858322069835, 0.0002848425873866386, 2.0458593235425925e-6,
] as const;
const erfBelow = [1, 0.5022493336121139, 0.11418597027023228, 0.014983820960193977, 0.001163917903352928, 3.8045988875544735e-5] as const;
/** e^x is infinite from here on. */
const expEnd = 100;

/** log(m) = 2 s (1 + s^2 / 3 + s^4 / 5 + ...) with s = (m - 1) / (m + 1): below 0.2 for m in [0.75, 1.5), where the first left-out term is below 4e-10. */
const logTerms = [2, 2 / 3, 2 / 5, 2 / 7, 2 / 9, 2 / 11] as const;
/** A word as the f32 of the same bits. */
const word = (bits: number): number => new Float32Array(Uint32Array.of(bits).buffer)[0]!;

/** Words that the code reads: f32 after one another, of the exponential first. */
const tables = {
  exponential: exponentialConstants,
  one: [1],
  sign: [-0],
  expEnd: [expEnd],
  erfEnd: [erfEnd],
  erfStart: [-erfEnd],
  above: erfAbove,
  below: erfBelow,
  ln2: [Math.LN2],
  log: logTerms,
  least: [Number.NEGATIVE_INFINITY],
  /** For rounding to bf16: the lowest bit, just below half of what is cut off, the bit that keeps a number none. */
  lowest: [word(1)],
  half: [word(0x7fff)],
  quiet: [word(0x40_0000)],
} as const satisfies Record<string, readonly number[]>;
type TableName = keyof typeof tables;
const fixed = Object.values(tables).flat();
const placed = Object.fromEntries(
  Object.keys(tables).map((name, i) => [
    name,
    Object.values(tables)
      .slice(0, i)
      .reduce((sum, t) => sum + t.length, 0),
  ]),
) as Record<TableName, number>;

/** Pages of constants, which live as long as the code that reads them. */
function constantsOf(values: readonly number[]): Pages {
  const pages = allocatePages(4 * values.length, false);
  new Float32Array(pages.buffer).set(values);
  return pages;
}

const saved = [rbx, rbp, r12, r13, r14, r15] as const;

/** What the parts of the code share: the program, the assembler that they write to, and the constants that they ask for. */
function planOf(p: ElementProgram, a: Assembler, rowsPerItem: number) {
  const size = p.shape.reduce((n, d) => n * d, 1);
  const { columns } = p;
  const constants: number[] = [...fixed];
  const constantAt = (value: number): MemoryOperand => {
    const known = constants.findIndex((x, i) => i >= fixed.length && Object.is(x, value));
    const i = known >= 0 ? known : constants.push(value) - 1;
    return spread(at(r14, 4 * i));
  };
  const rates = ratesOf(p);
  const first = p.inputs.length;
  /** Registers of what a row has, from the top. */
  const ofRow = new Map<number, number>();
  for (const i of p.steps.keys()) if (rates[first + i]!.isOfRow) ofRow.set(first + i, valueRegisters - 1 - ofRow.size);
  return {
    a,
    p,
    size,
    columns,
    rows: Math.ceil(size / columns),
    rowsPerItem,
    rest: size % columns === 0 ? columns % 16 : (size % columns) % 16,
    constants,
    constantAt,
    first,
    ofRow,
  };
}
type ElementPlan = ReturnType<typeof planOf>;
type PassRegisters = ReturnType<typeof passRegisters>;

const fixedAt = (i: number) => spread(at(r14, 4 * i));

/** Registers of a pass, and how its values get into them. */
function passRegisters({ a, p, ofRow, constantAt }: ElementPlan, last: ReadonlyMap<number, number>) {
  const free = Array.from({ length: valueRegisters - ofRow.size }, (_, i) => valueRegisters - ofRow.size - 1 - i);
  const held = new Map<number, number>(ofRow);
  const take = (v: number): number => {
    const known = held.get(v);
    if (known !== undefined) return known;
    const register = free.pop()!;
    held.set(v, register);
    return register;
  };
  /** A value as an operand: a register, or one number in memory for all lanes. */
  const operand = (v: ElementValue): number | MemoryOperand => {
    if (isConstant(v)) return constantAt(v.constant);
    const access = p.inputs[v];
    if (access === undefined || held.has(v)) return held.get(v)!;
    a.mov(rax, at(rdi, 8 * v));
    if (access === "one") return spread(at(rax));
    if (access === "column") return spread(at(rax, 0, rbx, 4));
    const register = take(v);
    if (inputTypeOf(p, v) === "bf16") {
      halfOffset(a);
      a.loadWords(register, at(rax, 0, rcx), 1);
      a.shiftLeft(register, register, 16);
    } else a.loadMasked(register, access === "all" ? at(rax, 0, r15) : at(rax, 0, r13), 1);
    return register;
  };
  const release = (of: readonly ElementValue[], place: number) => {
    for (const v of new Set(of)) {
      if (isConstant(v) || ofRow.has(v) || last.get(v) !== place || !held.has(v)) continue;
      free.push(held.get(v)!);
      held.delete(v);
    }
  };
  return { take, operand, release };
}

/** rcx := where a block's elements begin in an array of words. */
function halfOffset(a: Assembler): void {
  a.mov(rcx, r15);
  a.shift("right", rcx, 1);
}

/** Sixteen f32 to words at rax and rcx, under mask 1: the nearest bf16, halves to even; what is no number stays none. Uses mask 7. */
function saveRounded(a: Assembler, value: number): void {
  a.shiftRight(s0, value, 16);
  a.v("vpandd", s0, s0, fixedAt(placed.lowest));
  a.v("vpaddd", s0, s0, fixedAt(placed.half));
  a.v("vpaddd", s0, s0, value);
  a.unordered(7, value, value);
  a.v("vpord", s0, value, fixedAt(placed.quiet), 7);
  a.shiftRight(s0, s0, 16);
  halfOffset(a);
  a.saveWords(at(rax, 0, rcx), s0, 1);
}

function inRegister(a: Assembler, x: number | MemoryOperand, other: number): number {
  if (typeof x === "number") return x;
  a.broadcast(other, { ...x, broadcast: false });
  return other;
}

/** to := erf(x). */
function emitErf(a: Assembler, to: number, x: number): void {
  const polynomial = (register: number, from: number, coefficients: readonly number[]) => {
    const top = coefficients.length - 1;
    a.broadcast(register, at(r14, 4 * (from + top)));
    for (let k = top - 1; k >= 0; k--) a.v("vfmadd213ps", register, s2, fixedAt(from + k));
  };
  // the second source is what comes out where one is not a number
  a.broadcast(s1, at(r14, 4 * placed.erfStart));
  a.v("vmaxps", s1, s1, x);
  a.broadcast(s2, at(r14, 4 * placed.erfEnd));
  a.v("vminps", s1, s2, s1);
  a.v("vmulps", s2, s1, s1);
  polynomial(s3, placed.above, erfAbove);
  polynomial(s4, placed.below, erfBelow);
  a.v("vmulps", s3, s3, s1);
  a.v("vdivps", to, s3, s4);
}

/** to := the natural logarithm of x = 2^k m, m in [0.75, 1.5). */
function emitLog(a: Assembler, to: number, x: number): void {
  a.exponentOf(s1, x);
  a.mantissaOf(s2, x);
  a.exponentOf(s3, s2);
  a.v("vsubps", s1, s1, s3);
  a.broadcast(s4, at(r14, 4 * placed.one));
  a.v("vsubps", s3, s2, s4);
  a.v("vaddps", s2, s2, s4);
  a.v("vdivps", s3, s3, s2);
  a.v("vmulps", s2, s3, s3);
  const top = logTerms.length - 1;
  a.broadcast(s4, at(r14, 4 * (placed.log + top)));
  for (let k = top - 1; k >= 0; k--) a.v("vfmadd213ps", s4, s2, fixedAt(placed.log + k));
  a.v("vmulps", s4, s4, s3);
  a.v("vfmadd231ps", s4, s1, fixedAt(placed.ln2));
  a.load(to, s4);
}

/** One step at its place in a pass. */
function emitStep({ a, p, first }: ElementPlan, i: number, place: number, { take, operand, release }: PassRegisters): void {
  const { kind, of } = p.steps[i]!;
  const one = inRegister(a, operand(of[0]!), s0);
  // an address in memory may stand on rax, so it is read before rax is set anew
  const second = of.length > 1 ? operand(of[1]!) : 0;
  release(of, place);
  const to = take(first + i);
  if (kind === "add" || kind === "sub" || kind === "mul" || kind === "div") a.v(`v${kind}ps`, to, one, second);
  else if (kind === "neg") a.v("vpxord", to, one, fixedAt(placed.sign));
  else if (kind === "sqrt") a.v2("vsqrtps", to, one);
  else if (kind === "erf") emitErf(a, to, one);
  else if (kind === "log") emitLog(a, to, one);
  else {
    const isSigmoid = kind === "sigmoid";
    if (isSigmoid) a.v("vpxord", s3, one, fixedAt(placed.sign));
    a.broadcast(s4, { ...fixedAt(placed.expEnd), broadcast: false });
    a.v("vminps", s3, s4, isSigmoid ? s3 : one); // what is not a number stays so
    emitExponential(a, s3, [s1, s2], r14);
    if (isSigmoid) {
      a.v("vaddps", s3, s3, fixedAt(placed.one));
      a.broadcast(s4, { ...fixedAt(placed.one), broadcast: false });
      a.v("vdivps", to, s4, s3);
    } else a.load(to, s3);
  }
}

const joinOf = (p: ElementProgram, step: number): "vaddps" | "vmaxps" => (p.steps[step]!.kind === "maxRow" ? "vmaxps" : "vaddps");

/** Sixteen columns at r13 of the row rbx, whose elements begin at r15; mask 1 says which of them there are. */
function emitBlock(plan: ElementPlan, pass: Pass): void {
  const { a, p, first, ofRow } = plan;
  const last = lastUses(p, pass);
  const given = passRegisters(plan, last);
  for (const [place, i] of pass.steps.entries()) emitStep(plan, i, place, given);
  for (const i of pass.sums) {
    const sum = ofRow.get(first + i)!;
    a.v(joinOf(p, i), sum, sum, inRegister(a, given.operand(p.steps[i]!.of[0]!), s0), 1);
  }
  for (const o of pass.writes) {
    const value = given.operand(p.outputs[o]!) as number;
    a.mov(rax, at(rdi, 8 * (first + o)));
    if (outputTypeOf(p, o) === "bf16") saveRounded(a, value);
    else a.save(at(rax, 0, r15), value, 1);
  }
}

/** Goes over a row's columns; r15 is where it begins before the last pass, and where the next one begins after it. */
function emitColumns(plan: ElementPlan, pass: Pass): void {
  const { a, size, columns, rows, rest } = plan;
  a.set(r12, columns);
  if (size % columns !== 0) {
    const whole = a.label();
    a.alu("cmp", rbx, { value: rows - 1 });
    a.jumpIf("ne", whole);
    a.set(r12, size % columns);
    a.place(whole);
  }
  a.alu("xor", r13, r13);
  a.setMask(1, 16);
  const [wide, narrow, next] = [a.label(), a.label(), a.label()];
  a.place(wide);
  a.alu("cmp", r12, { value: 16 });
  a.jumpIf("l", narrow);
  emitBlock(plan, pass);
  a.alu("add", r13, { value: 64 });
  a.alu("add", r15, { value: 64 });
  a.alu("sub", r12, { value: 16 });
  a.jump(wide);
  a.place(narrow);
  if (rest > 0) {
    a.test(r12, r12);
    a.jumpIf("e", next);
    a.setMask(1, rest);
    emitBlock(plan, pass);
    a.alu("add", r13, { value: 4 * rest });
    a.alu("add", r15, { value: 4 * rest });
    a.place(next);
  }
  if (pass.writes.length === 0) a.alu("sub", r15, r13);
}

/** Kernel(run, item), whose items have `rowsPerItem` rows; `constants` is where its constants are. Gives the constants that it asks for. */
function emitKernel(a: Assembler, p: ElementProgram, rowsPerItem: number, constants: bigint): readonly number[] {
  const plan = planOf(p, a, rowsPerItem);
  const { columns, rows, first, ofRow } = plan;
  const outputs = outputRates(p);
  a.push(...saved);
  a.imulBy(rbx, rsi, rowsPerItem);
  a.lea(rbp, at(rbx, rowsPerItem));
  const fits = a.label();
  a.alu("cmp", rbp, { value: rows });
  a.jumpIf("le", fits);
  a.set(rbp, rows);
  a.place(fits);
  a.setAddress(r14, constants);
  a.imulBy(r15, rbx, 4 * columns);
  const row = a.here();
  const passes = passesOf(p);
  for (const pass of passes) {
    for (const i of pass.sums) {
      const sum = ofRow.get(first + i)!;
      if (joinOf(p, i) === "vmaxps") a.broadcast(sum, at(r14, 4 * placed.least));
      else a.v("vpxord", sum, sum, sum);
    }
    if (pass.sums.length || pass.writes.length) emitColumns(plan, pass);
    for (const i of pass.sums) a.reduce(joinOf(p, i), ofRow.get(first + i)!, s0);
    const given = passRegisters(plan, new Map());
    for (const i of pass.after) emitStep(plan, i, -1, given);
  }
  for (const o of outputs.ofRow) {
    a.mov(rax, at(rdi, 8 * (first + o)));
    a.saveLane(at(rax, 0, rbx, 4), ofRow.get(p.outputs[o]!)!);
  }
  if (outputs.whole.length === 0) a.alu("add", r15, { value: 4 * columns });
  a.alu("add", rbx, { value: 1 });
  a.alu("cmp", rbx, rbp);
  a.jumpIf("l", row);
  a.vzeroupper();
  a.pop(...saved.toReversed());
  a.ret();
  return plan.constants;
}

/** The same with its constants in memory that lives as long as the process. */
export function emitElements(a: Assembler, p: ElementProgram, rowsPerItem: number): void {
  emitKernel(a, p, rowsPerItem, constantsOf(emitKernel(new Assembler(), p, rowsPerItem, 0n)).address);
}

export function elementCode(p: ElementProgram): KernelCode {
  const a = new Assembler();
  const rowsPerItem = Math.max(1, Math.round(itemElements / p.columns));
  emitElements(a, p, rowsPerItem);
  const rows = Math.ceil(p.shape.reduce((n, d) => n * d, 1) / p.columns);
  return { code: a.code(), kernels: [{ at: 0, items: Math.ceil(rows / rowsPerItem) }], scratchBytes: 0 };
}
