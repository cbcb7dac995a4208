/**
 * FlashAttention-2's forward pass (Dao 2023): a tile of queries goes over the blocks of keys that it sees, with the greatest score and the sum of
 * weights of each query so far. Scores stand a row a key, a lane a query, so that all of softmax is vertical; weights that are hidden are exactly
 * 0. An item is a tile, whose sums run over the keys in order: a query's bits do not depend on threads.
 */

import { fieldsOf } from "../argument-space.ts";
import { Assembler, at, gpr } from "../assembler.ts";
import { atLeast, atMost } from "../emit-loops.ts";
import type { KernelCode } from "../kernel-code.ts";
import { pointAtRows } from "../products/pack-rows.ts";
import { emitLog2, emitPowers, loadCoefficients } from "./flash-exponential.ts";
import { flashSaved, packKeys, roundUpToStrip } from "./flash-keys.ts";
import { type FlashShape, flashKeys, flashLayout, innerPlaces, keyStrip, tileQueries, tileRowBytes, tileVectors } from "./flash-shape.ts";
import {
  beginSight,
  divideBy,
  flashConstants,
  frameOf,
  hideStrip,
  lanes,
  loadOrder,
  lookAtBlock,
  pointAtSegments,
  runField,
  segmentFields,
  setFloat,
  sightFrame,
} from "./flash-sight.ts";
import { copyBytes, packAcross, unpackAcross } from "./tile-packing.ts";
import { clearSums, emitProduct, sumOf } from "./tile-product.ts";

const { rax, rcx, rdx, rbx, rbp, rsi, rsp, r8, r9, r10, r11, r12, r13, r14, r15 } = gpr;
const stripSums = keyStrip * tileVectors;

/** A hidden score, and what the greatest begins with: the exponential of their difference is 0, of a score that is seen it is not. */
const hiddenScore = -3e38;
const leastScore = -1e38;

function planOf(s: FlashShape) {
  const l = flashLayout(s);
  const fields = fieldsOf("queries", "keys", "values", ...segmentFields(s), "out", "logSums", "scratch");
  const weightsBytes = s.form === "bf16" ? (flashKeys / 2) * tileRowBytes : 0;
  const frame = frameOf({
    ...sightFrame,
    across: l.acrossBytes,
    scores: Math.max(flashKeys, s.size) * tileRowBytes,
    weights: weightsBytes,
    sums: l.sumBytes,
    most: tileRowBytes,
    next: tileRowBytes,
    total: tileRowBytes,
    factor: tileRowBytes,
    keysTo: 8,
  });
  return {
    a: new Assembler(),
    s,
    l,
    frame,
    place: frame.at,
    field: (name: string) => runField(fields, name),
    /** Where values begin in the scratch. */
    valuesAt: l.matrices * l.rowsBytes,
    scratchBytes: l.isPacked ? l.matrices * (l.rowsBytes + l.pairsBytes) : 0,
  };
}
type ForwardPlan = ReturnType<typeof planOf>;

/** An item is a tile of a head: r13 the head, r15 its first query; rbx its keys, r12 its values; its queries lie across on the stack. */
function beginTile(p: ForwardPlan): void {
  const { a, s, l, frame, place, field } = p;
  a.push(...flashSaved);
  a.mov(rbp, rsp);
  a.alu("sub", rsp, { value: frame.bytes });
  a.alu("and", rsp, { value: -64 });
  divideBy(a, rsi, l.tiles);
  a.mov(r13, rax);
  a.imulBy(r15, rdx, tileQueries);
  a.set(rcx, s.queries);
  a.alu("sub", rcx, r15);
  atMost(a, rcx, tileQueries);
  a.store(place("rows"), rcx);
  if (s.form === "f32") setFloat(a, 13, s.scale * Math.LOG2E);
  a.imulBy(rsi, r13, s.queries * 4 * s.size);
  a.alu("add", rsi, field("queries"));
  a.mov(rax, r15);
  a.lea(r12, place("across"));
  a.set(r14, tileQueries / 4);
  const fours = a.here();
  pointAtRows(a, rsi, s.queries, 4 * s.size);
  packAcross(a, s.form, s.size, s.form === "f32" ? 13 : undefined);
  a.alu("add", r12, { value: 16 });
  a.alu("sub", r14, { value: 1 });
  a.jumpIf("ne", fours);
  divideBy(a, r13, s.kvHeads * s.group);
  pointAtSegments(p);
  divideBy(a, r13, s.group);
  a.imulBy(rbx, rax, l.rowsBytes);
  a.imulBy(r12, rax, l.pairsBytes);
  if (l.isPacked) {
    a.alu("add", rbx, field("scratch"));
    a.setAddress(rcx, BigInt(p.valuesAt));
    a.alu("add", r12, rcx);
    a.alu("add", r12, field("scratch"));
  } else {
    a.alu("add", rbx, field("keys"));
    a.alu("add", r12, field("values"));
  }
  a.mov(rax, r15);
  beginSight(p);
}

/** Nothing is summed yet; r14 and `keysTo` := the keys that a query may see. */
function beginSums(p: ForwardPlan): void {
  const { a, s, l, place } = p;
  a.v("vpxord", 0, 0, 0);
  a.lea(r8, place("sums"));
  a.set(rcx, s.size);
  const loop = a.here();
  for (let v = 0; v < tileVectors; v++) a.save(at(r8, 64 * v), 0);
  a.alu("add", r8, { value: tileRowBytes });
  a.alu("sub", rcx, { value: 1 });
  a.jumpIf("ne", loop);
  setFloat(a, 1, leastScore);
  for (let v = 0; v < tileVectors; v++) {
    a.save(place("total", 64 * v), 0);
    a.save(place("most", 64 * v), 1);
  }
  if (s.causal || s.window !== undefined) {
    a.mov(rax, place("last"));
    a.alu("add", rax, { value: s.causal ? 1 : s.window! });
    atLeast(a, rax, 0);
    atMost(a, rax, s.keys);
    roundUpToStrip(a, rax);
  } else a.set(rax, l.keyRows);
  a.store(place("keysTo"), rax);
  a.alu("xor", r14, r14);
  if (s.window === undefined) return;
  a.mov(rax, place("first"));
  a.alu("sub", rax, { value: s.window - 1 });
  atLeast(a, rax, 0);
  a.alu("and", rax, { value: -keyStrip });
  a.mov(r14, rax);
}

/** Scores of the block from key r14 on, and the greatest of each query so far. */
function scoreBlock(p: ForwardPlan, hides: boolean): void {
  const { a, s, l, place } = p;
  a.imulBy(rsi, r14, l.rowBytes);
  a.alu("add", rsi, rbx);
  a.lea(r11, place("scores"));
  a.alu("xor", r10, r10);
  const strips = a.here();
  clearSums(a, stripSums);
  a.mov(r8, rsi);
  a.lea(r9, place("across"));
  const operands = { a: { base: r8, row: l.rowBytes, step: 4 }, b: { base: r9, step: tileRowBytes } };
  emitProduct(a, { form: s.form, rows: keyStrip, vectors: tileVectors, ...operands }, l.sizeSteps);
  // rounded operands are those of a product that is scaled afterwards
  if (s.form === "bf16") {
    setFloat(a, 24, s.scale * Math.LOG2E);
    for (let i = 0; i < stripSums; i++) a.v("vmulps", i, i, 24);
  }
  if (hides) {
    setFloat(a, 25, hiddenScore);
    a.mov(rax, r14);
    a.alu("add", rax, r10);
    hideStrip(p);
  }
  for (let v = 0; v < tileVectors; v++) {
    a.load(24 + v, place("next", 64 * v));
    for (let r = 0; r < keyStrip; r++) a.v("vmaxps", 24 + v, 24 + v, sumOf(r, v, tileVectors));
    a.save(place("next", 64 * v), 24 + v);
  }
  for (let r = 0; r < keyStrip; r++)
    for (let v = 0; v < tileVectors; v++) a.save(at(r11, r * tileRowBytes + 64 * v), sumOf(r, v, tileVectors));
  a.alu("add", rsi, { value: keyStrip * l.rowBytes });
  a.alu("add", r11, { value: keyStrip * tileRowBytes });
  a.alu("add", r10, { value: keyStrip });
  a.alu("cmp", r10, place("count"));
  a.jumpIf("l", strips);
}

/** Scores become weights, in the order in which the values' product reads them; sums so far shrink by what the greatest grew. */
function weighBlock(p: ForwardPlan): void {
  const { a, s, place } = p;
  const [most, total, powers, wholes, parts] = [
    [0, 1, 2],
    [3, 4, 5],
    [6, 7, 8, 9, 10, 11],
    [12, 13, 14, 15, 16, 17],
    [18, 19, 20, 21, 22, 23],
  ] as const;
  a.setAddress(rdx, flashConstants());
  loadCoefficients(a, s.form, 24, rdx);
  if (s.form === "bf16") loadOrder(a);
  for (const v of most) {
    a.load(v, place("next", 64 * v));
    a.load(powers[v], place("most", 64 * v));
    a.v("vsubps", powers[v], powers[v], v);
    a.save(place("most", 64 * v), v);
  }
  emitPowers(a, s.form, powers.slice(0, 3), [wholes, parts], { first: 24 });
  for (const v of most) {
    a.save(place("factor", 64 * v), powers[v]);
    a.v("vmulps", total[v], powers[v], place("total", 64 * v));
  }
  a.lea(r11, place("scores"));
  a.lea(r9, place("weights"));
  a.mov(rcx, place("count"));
  const loop = a.here();
  for (const [i, x] of powers.entries()) a.load(x, at(r11, 64 * i));
  for (const [i, x] of powers.entries()) a.v("vsubps", x, x, most[i % tileVectors]!);
  emitPowers(a, s.form, powers, [wholes, parts], { first: 24 });
  for (const [i, x] of powers.entries()) a.v("vaddps", total[i % tileVectors]!, total[i % tileVectors]!, x);
  if (s.form === "bf16") {
    for (const v of most) {
      a.v("vcvtne2ps2bf16", wholes[v], powers[v + tileVectors]!, powers[v]);
      a.v("vpermw", wholes[v], 30, wholes[v]);
      a.save(at(r9, 64 * v), wholes[v]);
    }
    a.alu("add", r9, { value: tileRowBytes });
  } else for (const [i, x] of powers.entries()) a.save(at(r11, 64 * i), x);
  a.alu("add", r11, { value: 2 * tileRowBytes });
  a.alu("sub", rcx, { value: 2 });
  a.jumpIf("ne", loop);
  for (const v of most) a.save(place("total", 64 * v), total[v]);
}

/** The weighted values of the block, added to what was summed of the blocks before it. */
function sumValues(p: ForwardPlan): void {
  const { a, s, l, place } = p;
  a.imulBy(rsi, r14, l.pairsBytes / l.keyRows);
  a.alu("add", rsi, r12);
  a.lea(r11, place("sums"));
  a.set(r10, s.size / keyStrip);
  const strips = a.here();
  for (let v = 0; v < tileVectors; v++) a.load(24 + v, place("factor", 64 * v));
  for (let r = 0; r < keyStrip; r++)
    for (let v = 0; v < tileVectors; v++) a.v("vmulps", sumOf(r, v, tileVectors), 24 + v, at(r11, r * tileRowBytes + 64 * v));
  a.mov(r8, rsi);
  a.lea(r9, place(s.form === "bf16" ? "weights" : "scores"));
  a.mov(rcx, place("count"));
  if (innerPlaces(s.form) === 2) a.shift("right", rcx, 1);
  const operands = { a: { base: r8, row: 4, step: 4 * s.size }, b: { base: r9, step: tileRowBytes } };
  emitProduct(a, { form: s.form, rows: keyStrip, vectors: tileVectors, ...operands });
  for (let r = 0; r < keyStrip; r++)
    for (let v = 0; v < tileVectors; v++) a.save(at(r11, r * tileRowBytes + 64 * v), sumOf(r, v, tileVectors));
  a.alu("add", rsi, { value: 4 * keyStrip });
  a.alu("add", r11, { value: keyStrip * tileRowBytes });
  a.alu("sub", r10, { value: 1 });
  a.jumpIf("ne", strips);
}

/** Sums over totals to the result, logarithms of the totals beside it; 0 and infinity where a query saw nothing. */
function endTile(p: ForwardPlan): void {
  const { a, s, place, field } = p;
  const inverses = [16, 17, 18] as const;
  const [infinity, one, base] = [19, 20, 21] as const;
  setFloat(a, infinity, Number.POSITIVE_INFINITY);
  setFloat(a, one, 1);
  setFloat(a, base, Math.LN2);
  a.v("vpxord", 22, 22, 22);
  a.imulBy(r8, r13, s.queries);
  a.alu("add", r8, r15);
  a.imulBy(r9, r8, 4 * s.size);
  a.alu("add", r9, field("out"));
  a.shift("left", r8, 2);
  a.alu("add", r8, field("logSums"));
  a.setAddress(rdx, flashConstants());
  a.mov(rcx, place("rows"));
  a.broadcastRegister(23, rcx);
  for (const v of [0, 1, 2]) {
    a.load(0, place("total", 64 * v));
    a.compare(1, 0, "!=", 22);
    a.v("vdivps", inverses[v]!, one, 0);
    a.v("vblendmps", inverses[v]!, 22, inverses[v]!, 1);
    emitLog2(a, 0, [1, 2, 3, 4, 5]);
    a.v("vaddps", 0, 0, place("most", 64 * v));
    a.v("vmulps", 0, 0, base);
    a.v("vblendmps", 0, infinity, 0, 1);
    a.compare(2, 23, ">", lanes(rdx, v));
    a.save(at(r8, 64 * v), 0, 2);
  }
  // the last tile of a head may have fewer rows than are written
  const [whole, done] = [a.label(), a.label()];
  a.mov(rdx, r9);
  a.alu("cmp", rcx, { value: tileQueries });
  a.jumpIf("e", whole);
  a.lea(rdx, place("scores"));
  a.place(whole);
  unpackAcross(a, place("sums"), s.size, inverses);
  a.mov(rdx, place("rows"));
  a.alu("cmp", rdx, { value: tileQueries });
  a.jumpIf("e", done);
  a.imulBy(rdx, rdx, 4 * s.size);
  a.lea(r8, place("scores"));
  copyBytes(a);
  a.place(done);
  a.mov(rsp, rbp);
  a.vzeroupper();
  a.pop(...flashSaved.toReversed());
  a.ret();
}

function attendTile(p: ForwardPlan): void {
  const { a, place } = p;
  beginTile(p);
  beginSums(p);
  const [blocks, next, some, weigh, end] = [a.label(), a.label(), a.label(), a.label(), a.label()];
  a.place(blocks);
  a.mov(rcx, place("keysTo"));
  a.alu("sub", rcx, r14);
  a.alu("cmp", rcx, { value: 0 });
  a.jumpIf("le", end);
  atMost(a, rcx, flashKeys);
  a.store(place("count"), rcx);
  for (let v = 0; v < tileVectors; v++) {
    a.load(0, place("most", 64 * v));
    a.save(place("next", 64 * v), 0);
  }
  lookAtBlock(p, next, some);
  scoreBlock(p, false);
  a.jump(weigh);
  a.place(some);
  scoreBlock(p, true);
  a.place(weigh);
  weighBlock(p);
  sumValues(p);
  a.place(next);
  a.alu("add", r14, { value: flashKeys });
  a.jump(blocks);
  a.place(end);
  endTile(p);
}

/** A run has the arrays q, k, v, the numbers of queries and keys where there are some, the result, the logarithms of its sums, the scratch. */
export function flashForwardCode(s: FlashShape): KernelCode {
  const p = planOf(s);
  const { a, l, field } = p;
  if (l.isPacked)
    packKeys(a, s, l, field("scratch"), [
      { from: field("keys"), rows: 0 },
      { from: field("values"), ...(s.form === "bf16" ? { pairs: p.valuesAt } : { rows: p.valuesAt }) },
    ]);
  const attendAt = a.length;
  attendTile(p);
  return {
    code: a.code(),
    kernels: [...(l.isPacked ? [{ at: 0, items: l.matrices * l.packItems }] : []), { at: attendAt, items: l.heads * l.tiles }],
    scratchBytes: p.scratchBytes,
  };
}
