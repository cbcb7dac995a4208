/**
 * What happens to each tile of queries before the backward pass and after it: operands in the orders that the products read, the logarithms of the
 * sums and delta = <do, o>; then the gradients of its queries as rows.
 */

import { at, gpr } from "../assembler.ts";
import { atMost } from "../emit-loops.ts";
import { pointAtRows } from "../products/pack-rows.ts";
import { type BackwardPlan, ofTile, pointAtRecord } from "./flash-backward-plan.ts";
import { flashSaved } from "./flash-keys.ts";
import { tileQueries, tileRowBytes, tileVectors } from "./flash-shape.ts";
import { divideBy, flashConstants, lanes, loadOrder, setFloat } from "./flash-sight.ts";
import { copyBytes, packAcross, packTwoRows, setRowMasks, unpackAcross } from "./tile-packing.ts";

const { rax, rcx, rdx, rbx, rbp, rsi, rsp, r8, r9, r10, r12, r13, r14, r15 } = gpr;

/** Minus the logarithm of a query that sees nothing, or that there is not: its weights are 0. */
const noLogSum = -3e38;

/** r14 := the head of item rsi, r15 its tile's first query, rbx how many queries there are; r13 the tile's record. */
function beginRecord(p: BackwardPlan): void {
  const { a, s, l } = p;
  divideBy(a, rsi, l.tiles);
  a.mov(r14, rax);
  a.imulBy(r15, rdx, tileQueries);
  pointAtRecord(p);
  a.set(rcx, s.queries);
  a.alu("sub", rcx, r15);
  atMost(a, rcx, tileQueries);
  a.mov(rbx, rcx);
}

/** Queries and cotangents of a tile in the orders that the products read, its logarithms and deltas, sums of nothing. */
export function packTile(p: BackwardPlan): void {
  const { a, s, field } = p;
  const bytes = 4 * s.size;
  a.push(...flashSaved);
  beginRecord(p);
  if (s.form === "f32") setFloat(a, 13, s.scale * Math.LOG2E);
  a.v("vpxord", 31, 31, 31);
  if (s.form === "bf16") loadOrder(a);
  a.imulBy(r14, r14, s.queries);
  for (const name of ["queries", "cotangents"] as const) {
    a.imulBy(rsi, r14, bytes);
    a.alu("add", rsi, field(name));
    a.mov(rax, r15);
    a.lea(r12, ofTile(p, name));
    a.set(rdx, tileQueries / 4);
    const fours = a.here();
    pointAtRows(a, rsi, s.queries, bytes);
    packAcross(a, s.form, s.size, name === "queries" && s.form === "f32" ? 13 : undefined);
    a.alu("add", r12, { value: 16 });
    a.alu("sub", rdx, { value: 1 });
    a.jumpIf("ne", fours);
    if (s.form === "f32") continue;
    a.lea(r10, ofTile(p, name === "queries" ? "queryPairs" : "cotangentPairs"));
    a.mov(rax, r15);
    a.imulBy(r8, rax, bytes);
    a.alu("add", r8, rsi);
    a.set(rdx, tileQueries / 2);
    const twos = a.here();
    setRowMasks(a, s.queries);
    a.lea(r9, at(r8, bytes));
    packTwoRows(a, s.form, s.size, { pairs: r10 });
    a.alu("add", r8, { value: 2 * bytes });
    a.alu("add", r10, { value: bytes });
    a.alu("add", rax, { value: 2 });
    a.alu("sub", rdx, { value: 1 });
    a.jumpIf("ne", twos);
  }
  packRows(p);
  a.vzeroupper();
  a.pop(...flashSaved.toReversed());
  a.ret();
}

/** Numbers of a tile's queries: r14 has the first row of the head, r15 the tile's first query in it, rbx how many there are. */
function packRows(p: BackwardPlan): void {
  const { a, s, field } = p;
  a.alu("add", r14, r15);
  a.imulBy(r8, r14, 4);
  a.alu("add", r8, field("logSums"));
  a.setAddress(rdx, flashConstants());
  a.broadcastRegister(3, rbx);
  setFloat(a, 4, noLogSum);
  setFloat(a, 5, -Math.LOG2E);
  for (let v = 0; v < tileVectors; v++) {
    a.compare(1, 3, ">", lanes(rdx, v));
    a.loadMasked(0, at(r8, 64 * v), 1);
    a.v("vmulps", 0, 0, 5);
    // what is no number stays so
    a.v("vmaxps", 0, 4, 0);
    a.v("vblendmps", 0, 4, 0, 1);
    a.save(ofTile(p, "logSums", 64 * v), 0);
    a.save(ofTile(p, "deltas", 64 * v), 31);
  }
  a.lea(r10, ofTile(p, "sums"));
  a.set(rcx, s.size);
  const zeros = a.here();
  for (let v = 0; v < tileVectors; v++) a.save(at(r10, 64 * v), 31);
  a.alu("add", r10, { value: tileRowBytes });
  a.alu("sub", rcx, { value: 1 });
  a.jumpIf("ne", zeros);
  a.imulBy(r8, r14, 4 * s.size);
  a.mov(r9, r8);
  a.alu("add", r8, field("cotangents"));
  a.alu("add", r9, field("out"));
  a.lea(r10, ofTile(p, "deltas"));
  const rows = a.here();
  a.v("vpxord", 0, 0, 0);
  for (let from = 0; from < 4 * s.size; from += 64) {
    a.load(1, at(r8, from));
    // rounded as it is multiplied by the values, so that what the keys have in common cancels
    if (s.form === "bf16") {
      a.v("vcvtne2ps2bf16", 1, 1, 31);
      a.v("vpermw", 1, 30, 1);
    }
    a.v("vfmadd231ps", 0, 1, at(r9, from));
  }
  a.reduce("vaddps", 0, 1);
  a.saveLane(at(r10), 0);
  for (const r of [r8, r9]) a.alu("add", r, { value: 4 * s.size });
  a.alu("add", r10, { value: 4 });
  a.alu("sub", rbx, { value: 1 });
  a.jumpIf("ne", rows);
}

/** Gradients of a tile's queries, as rows. */
export function finishTile(p: BackwardPlan): void {
  const { a, s, l, field, record } = p;
  a.push(...flashSaved);
  a.mov(rbp, rsp);
  a.alu("sub", rsp, { value: l.sumBytes });
  a.alu("and", rsp, { value: -64 });
  beginRecord(p);
  a.imulBy(r9, r14, s.queries);
  a.alu("add", r9, r15);
  a.imulBy(r9, r9, 4 * s.size);
  a.alu("add", r9, field("queryGradients"));
  setFloat(a, 16, s.scale);
  const [whole, done] = [a.label(), a.label()];
  a.mov(rdx, r9);
  a.alu("cmp", rbx, { value: tileQueries });
  a.jumpIf("e", whole);
  a.mov(rdx, rsp);
  a.place(whole);
  unpackAcross(a, at(r13, record.offset("sums")), s.size, [16, 16, 16]);
  a.alu("cmp", rbx, { value: tileQueries });
  a.jumpIf("e", done);
  a.imulBy(rdx, rbx, 4 * s.size);
  a.mov(r8, rsp);
  copyBytes(a);
  a.place(done);
  a.mov(rsp, rbp);
  a.vzeroupper();
  a.pop(...flashSaved.toReversed());
  a.ret();
}
