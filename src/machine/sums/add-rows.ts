/**
 * Rows added to a table at places that may repeat (an embedding's gradient): each item has a part of the table for itself and
 * looks through all places for its own, so additions to a row come in the order of the rows, whatever the threads. Places outside the table are
 * no row's.
 */
import { type Assembler, at, gpr } from "../assembler.ts";
import { type FloatTier, floatAssembler } from "../float-tier.ts";
import type { KernelCode } from "../kernel-code.ts";

const { rax, rcx, rdx, rbx, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13 } = gpr;

export interface AddRows {
  /** Dimensions of the table. */
  readonly shape: readonly number[];
  /** How many rows are added. */
  readonly count: number;
  readonly places: "i32" | "i64";
  /** There is a table that is added to; zeros otherwise. */
  readonly hasTable: boolean;
}

/** Parts of the table: enough for any number of threads, few enough that looking through the places costs nothing. */
const parts = 64;

/** The part of the result at r8, of rbp rows, := the table's at r9, or zeros. */
function fillPart(a: Assembler, columns: number, lastRows: number, hasTable: boolean): void {
  a.imulBy(rcx, rbp, columns);
  a.mov(r10, r8);
  a.v("vpxord", 0, 0, 0);
  const [fill, filled] = [a.label(), a.label()];
  a.place(fill);
  a.alu("cmp", rcx, { value: a.lanes });
  a.jumpIf("l", filled);
  if (hasTable) {
    a.load(0, at(r9));
    a.alu("add", r9, { value: 4 * a.lanes });
  }
  a.save(at(r10), 0);
  a.alu("add", r10, { value: 4 * a.lanes });
  a.alu("sub", rcx, { value: a.lanes });
  a.jump(fill);
  a.place(filled);
  const rest = (lastRows * columns) % a.lanes;
  if (rest > 0) {
    const none = a.label();
    a.test(rcx, rcx);
    a.jumpIf("e", none);
    a.setMask(1, rest);
    if (hasTable) a.loadMasked(0, at(r9), 1);
    a.save(at(r10), 0, 1);
    a.place(none);
  }
}

/** Adds the row at r10 to the one at rdx. */
function addRow(a: Assembler, columns: number): void {
  if (columns >= a.lanes) {
    a.set(rcx, Math.floor(columns / a.lanes));
    const add = a.here();
    a.load(0, at(rdx));
    a.v("vaddps", 0, 0, at(r10));
    a.save(at(rdx), 0);
    a.alu("add", rdx, { value: 4 * a.lanes });
    a.alu("add", r10, { value: 4 * a.lanes });
    a.alu("sub", rcx, { value: 1 });
    a.jumpIf("ne", add);
  }
  if (columns % a.lanes > 0) {
    a.setMask(1, columns % a.lanes);
    a.loadMasked(0, at(rdx), 1);
    a.loadMasked(1, at(r10), 1);
    a.v("vaddps", 0, 0, 1);
    a.save(at(rdx), 0, 1);
  }
}

/** kernel(run, part). The run is the places, the rows, the table where there is one, and the result. */
export function addRowsCode({ shape, count, places, hasTable }: AddRows, tier: FloatTier = "avx512"): KernelCode {
  const rows = shape[0]!;
  const columns = shape.slice(1).reduce((n, d) => n * d, 1);
  // whole vectors in all parts but the last
  const partRows = 16 * Math.ceil(rows / parts / 16);
  const items = Math.ceil(rows / partRows);
  const lastRows = rows - (items - 1) * partRows;
  const rowBytes = 4 * columns;
  const a = floatAssembler(tier);
  const saved = [rbx, rbp, r12, r13] as const;
  a.push(...saved);
  a.imulBy(rbx, rsi, partRows); // first row of the part
  a.set(rbp, partRows);
  const isFull = a.label();
  a.alu("cmp", rsi, { value: items - 1 });
  a.jumpIf("ne", isFull);
  a.set(rbp, lastRows);
  a.place(isFull);
  a.imulBy(rax, rbx, rowBytes);
  a.mov(r8, at(rdi, hasTable ? 24 : 16)); // the part of the result
  a.alu("add", r8, rax);
  if (hasTable) {
    a.mov(r9, at(rdi, 16));
    a.alu("add", r9, rax);
  }
  fillPart(a, columns, lastRows, hasTable);
  // rows whose place is in the part
  a.mov(r11, at(rdi, 0));
  a.mov(r12, at(rdi, 8));
  a.set(r13, count);
  const [look, next] = [a.here(), a.label()];
  if (places === "i32") a.movsxd(rdx, at(r11));
  else a.mov(rdx, at(r11));
  a.alu("add", r11, { value: places === "i32" ? 4 : 8 });
  a.alu("sub", rdx, rbx);
  a.alu("cmp", rdx, rbp);
  a.jumpIf("ae", next);
  a.imulBy(rdx, rdx, rowBytes);
  a.alu("add", rdx, r8);
  a.mov(r10, r12);
  addRow(a, columns);
  a.place(next);
  a.alu("add", r12, { value: rowBytes });
  a.alu("sub", r13, { value: 1 });
  a.jumpIf("ne", look);
  a.vzeroupper();
  a.pop(...saved.toReversed());
  a.ret();
  return { code: a.code(), kernels: [{ at: 0, items }], scratchBytes: 0 };
}
