/**
 * FlashAttention-2's backward pass (Dao 2023, algorithm 2): weights are computed again from the logarithms of their sums. An item is a matrix of
 * keys with all heads that look at it: over blocks of keys, and tiles of queries that see them, five products. Sums run in one order, so the bits
 * do not depend on threads. With p = 2^(s - log sum) and delta = <do, o>: dv = p^T do, ds = p (do v^T - delta), dq = scale ds k, dk = scale ds^T q.
 */

import { type Assembler, at, type Gpr, gpr, type MemoryOperand } from "../assembler.ts";
import { atLeast, atMost } from "../emit-loops.ts";
import type { KernelCode } from "../kernel-code.ts";
import { type BackwardPlan, backwardPlan, ofTile, pointAtRecord } from "./flash-backward-plan.ts";
import { finishTile, packTile } from "./flash-backward-tiles.ts";
import { emitPowers } from "./flash-exponential.ts";
import { flashSaved, packKeys, roundUpToStrip } from "./flash-keys.ts";
import { type FlashShape, flashKeys, innerPlaces, keyStrip, tileQueries, tileRowBytes, tileVectors } from "./flash-shape.ts";
import { beginSight, divideBy, flashConstants, hideStrip, loadOrder, lookAtBlock, pointAtSegments, setFloat } from "./flash-sight.ts";
import { clearSums, columnParts, emitProduct, sumOf } from "./tile-product.ts";

const { rax, rcx, rdx, rbx, rbp, rsi, rsp, r8, r9, r10, r11, r12, r14, r15 } = gpr;
const stripSums = keyStrip * tileVectors;

/** An item is a matrix: r15 its number, rbx its keys, r12 its values. */
function beginMatrix(p: BackwardPlan): void {
  const { a, s, l, frame, place, field } = p;
  a.push(...flashSaved);
  a.mov(rbp, rsp);
  a.alu("sub", rsp, { value: frame.bytes });
  a.alu("and", rsp, { value: -64 });
  a.mov(r15, rsi);
  divideBy(a, r15, s.kvHeads);
  pointAtSegments(p);
  a.imulBy(rbx, r15, l.rowsBytes);
  a.mov(r12, rbx);
  if (l.isPacked) {
    a.alu("add", rbx, field("scratch"));
    a.setAddress(rcx, BigInt(p.valuesAt));
    a.alu("add", r12, rcx);
    a.alu("add", r12, field("scratch"));
  } else {
    a.alu("add", rbx, field("keys"));
    a.alu("add", r12, field("values"));
  }
  if (s.form === "f32") a.mov(rax, rbx);
  else {
    a.imulBy(rax, r15, l.pairsBytes);
    a.setAddress(rcx, BigInt(p.pairsAt));
    a.alu("add", rax, rcx);
    a.alu("add", rax, field("scratch"));
  }
  a.store(place("keyPairs"), rax);
}

/** Of the block at r14: how many keys, sums of nothing, and the tiles whose queries may see one. */
function beginBlock(p: BackwardPlan): void {
  const { a, s, l, place } = p;
  a.set(rcx, l.keyRows);
  a.alu("sub", rcx, r14);
  atMost(a, rcx, flashKeys);
  a.store(place("block"), rcx);
  a.v("vpxord", 0, 0, 0);
  a.imulBy(rcx, rcx, s.size / 16);
  a.lea(r8, place("keySums"));
  a.lea(r9, place("valueSums"));
  const zeros = a.here();
  for (const r of [r8, r9]) {
    a.save(at(r), 0);
    a.alu("add", r, { value: 64 });
  }
  a.alu("sub", rcx, { value: 1 });
  a.jumpIf("ne", zeros);

  // the first query that sees the first key, over the queries of a tile
  const divide = () => {
    a.alu("xor", rdx, rdx);
    a.set(rcx, tileQueries);
    a.divide(rcx);
  };
  a.alu("xor", rax, rax);
  if (s.causal || s.window !== undefined) {
    a.lea(rax, at(r14, -s.offset - (s.causal ? 0 : s.window! - 1)));
    atLeast(a, rax, 0);
    divide();
  }
  a.store(place("tileFrom"), rax);
  a.set(rax, l.tiles);
  if (s.window !== undefined) {
    // behind the last query that sees the last key
    a.mov(rax, r14);
    a.alu("add", rax, place("block"));
    a.alu("add", rax, { value: s.window - 1 - s.offset + tileQueries - 1 });
    atLeast(a, rax, 0);
    divide();
    atMost(a, rax, l.tiles);
  }
  a.store(place("tileTo"), rax);
}

/** The tile's record, rows and sight; `count` := the block's keys that it may see; to `hidden` where there are none, to `some` where some are hidden. */
function beginTile(p: BackwardPlan, hidden: ReturnType<Assembler["label"]>, some: ReturnType<Assembler["label"]>): void {
  const { a, s, place, field } = p;
  a.mov(rax, place("head"));
  a.mov(rdx, place("tile"));
  pointAtRecord(p);
  a.imulBy(r9, rdx, tileQueries);
  a.set(rcx, s.queries);
  a.alu("sub", rcx, r9);
  atMost(a, rcx, tileQueries);
  a.store(place("rows"), rcx);
  if (s.form === "f32") {
    a.imulBy(rax, rax, s.queries);
    a.alu("add", rax, r9);
    a.imulBy(rax, rax, 4 * s.size);
    a.mov(rcx, rax);
    a.alu("add", rax, field("queries"));
    a.store(place("tileQueries"), rax);
    a.alu("add", rcx, field("cotangents"));
    a.store(place("tileCotangents"), rcx);
  } else
    for (const [name, from] of [
      ["tileQueries", "queryPairs"],
      ["tileCotangents", "cotangentPairs"],
    ] as const) {
      a.lea(rax, ofTile(p, from));
      a.store(place(name), rax);
    }
  a.mov(rax, r9);
  beginSight(p);
  a.mov(rcx, place("block"));
  if (s.causal) {
    const fits = a.label();
    a.mov(rax, place("last"));
    a.alu("add", rax, { value: 1 });
    a.alu("sub", rax, r14);
    a.alu("cmp", rax, { value: 0 });
    a.jumpIf("le", hidden);
    roundUpToStrip(a, rax);
    a.alu("cmp", rax, rcx);
    a.jumpIf("ge", fits);
    a.mov(rcx, rax);
    a.place(fits);
  }
  a.store(place("count"), rcx);
  lookAtBlock(p, hidden, some);
}

/** Sums of a strip as words of bf16, a row a key, to where r10 points. */
function saveWords(a: Assembler): void {
  for (let r = 0; r < keyStrip; r++) {
    const [x, y, z] = [sumOf(r, 0, tileVectors), sumOf(r, 1, tileVectors), sumOf(r, 2, tileVectors)];
    a.v("vcvtne2ps2bf16", 24, y, x);
    a.save(at(r10, r * 2 * tileQueries), 24);
    a.v("vcvtne2ps2bf16", 25, z, z);
    a.saveHalf(at(r10, r * 2 * tileQueries + 64), 25, 0);
  }
}

/** Weights and their changes for the keys of the block, strip by strip. */
function changeBlock(p: BackwardPlan, hides: boolean): void {
  const { a, s, l, place, weightBytes } = p;
  const isPair = s.form === "bf16";
  const multiply = (from: Gpr, name: "queries" | "cotangents") => {
    clearSums(a, stripSums);
    a.lea(r8, at(r14, 0, rsi));
    a.imulBy(r8, r8, l.rowBytes);
    a.alu("add", r8, from);
    a.lea(r9, ofTile(p, name));
    const operands = { a: { base: r8, row: l.rowBytes, step: 4 }, b: { base: r9, step: tileRowBytes } };
    emitProduct(a, { form: s.form, rows: keyStrip, vectors: tileVectors, ...operands }, l.sizeSteps);
  };
  const each = (body: (register: number, row: number, vector: number) => void) => {
    for (let r = 0; r < keyStrip; r++) for (let v = 0; v < tileVectors; v++) body(sumOf(r, v, tileVectors), r, v);
  };
  /** Where the strip's weights stand as floats: for their own products, or for the changes alone. */
  const floats = (r: number, v: number) => at(r11, r * tileRowBytes + 64 * v);
  a.alu("xor", rsi, rsi);
  const strips = a.here();
  multiply(rbx, "queries");
  a.setAddress(rdx, flashConstants());
  // rounded operands are those of a product that is scaled afterwards
  if (isPair) setFloat(a, 24, s.scale * Math.LOG2E);
  each((x, _, v) => (isPair ? a.v("vfmadd213ps", x, 24, ofTile(p, "logSums", 64 * v)) : a.v("vaddps", x, x, ofTile(p, "logSums", 64 * v))));
  // a weight is 1 at most, whatever rounding leaves of the difference of great numbers; what is no number stays so
  a.v("vpxord", 25, 25, 25);
  each(x => a.v("vminps", x, 25, x));
  for (let r = 0; r < keyStrip; r++)
    emitPowers(
      a,
      s.form,
      [0, 1, 2].map(v => sumOf(r, v, tileVectors)),
      [
        [24, 25, 26],
        [27, 28, 29],
      ],
      { constants: rdx },
    );
  if (hides) {
    a.v("vpxord", 25, 25, 25);
    a.lea(rax, at(r14, 0, rsi));
    hideStrip(p);
  }
  a.imulBy(rax, rsi, weightBytes);
  a.lea(r10, place("weights"));
  a.alu("add", r10, rax);
  if (isPair) {
    saveWords(a);
    a.lea(r11, place("strip"));
  } else a.mov(r11, r10);
  each((x, r, v) => a.save(floats(r, v), x));
  multiply(r12, "cotangents");
  each((x, r, v) => {
    a.v("vsubps", x, x, ofTile(p, "deltas", 64 * v));
    a.v("vmulps", x, x, floats(r, v));
  });
  a.imulBy(rax, rsi, weightBytes);
  a.lea(r10, place("changes"));
  a.alu("add", r10, rax);
  if (isPair) {
    saveWords(a);
    a.imulBy(rax, rsi, tileRowBytes / 2);
    a.lea(r10, place("changePairs"));
    a.alu("add", r10, rax);
    loadOrder(a);
    for (let r = 0; r < keyStrip; r += 2)
      for (let v = 0; v < tileVectors; v++) {
        a.v("vcvtne2ps2bf16", 24, sumOf(r + 1, v, tileVectors), sumOf(r, v, tileVectors));
        a.v("vpermw", 24, 30, 24);
        a.save(at(r10, (r / 2) * tileRowBytes + 64 * v), 24);
      }
  } else each((x, r, v) => a.save(at(r10, r * tileRowBytes + 64 * v), x));
  a.alu("add", rsi, { value: keyStrip });
  a.alu("cmp", rsi, place("count"));
  a.jumpIf("l", strips);
}

/** Adds to the sums of keys or values what the queries of the tile give. */
function addToKeys(
  p: BackwardPlan,
  sums: "keySums" | "valueSums",
  rows: "changes" | "weights",
  columns: "tileQueries" | "tileCotangents",
): void {
  const { a, s, place, weightBytes } = p;
  for (const part of columnParts(s.size / 16)) {
    a.alu("xor", r10, r10);
    const strips = a.here();
    a.imulBy(r11, r10, 4 * s.size);
    a.lea(r8, place(sums, 64 * part.first));
    a.alu("add", r11, r8);
    const each = (body: (register: number, from: MemoryOperand) => void) => {
      for (let r = 0; r < part.rows; r++)
        for (let v = 0; v < part.vectors; v++) body(sumOf(r, v, part.vectors), at(r11, r * 4 * s.size + 64 * v));
    };
    each((x, from) => a.load(x, from));
    a.imulBy(r8, r10, weightBytes);
    a.lea(r9, place(rows));
    a.alu("add", r8, r9);
    a.mov(r9, place(columns));
    a.alu("add", r9, { value: 64 * part.first });
    const operands = { a: { base: r8, row: weightBytes, step: 4 }, b: { base: r9, step: 4 * s.size } };
    const product = { form: s.form, rows: part.rows, vectors: part.vectors, ...operands };
    if (s.form === "bf16") emitProduct(a, product, tileQueries / 2);
    else {
      a.mov(rcx, place("rows"));
      emitProduct(a, product, undefined, true);
    }
    each((x, from) => a.save(from, x));
    a.alu("add", r10, { value: part.rows });
    a.alu("cmp", r10, place("count"));
    a.jumpIf("l", strips);
  }
}

/** Adds to the sums of the tile's queries what the keys of the block give. */
function addToQueries(p: BackwardPlan): void {
  const { a, s, l, place } = p;
  a.imulBy(rsi, r14, l.pairsBytes / l.keyRows);
  a.alu("add", rsi, place("keyPairs"));
  a.lea(r11, ofTile(p, "sums"));
  a.set(r10, s.size / keyStrip);
  const strips = a.here();
  const each = (body: (register: number, from: MemoryOperand) => void) => {
    for (let r = 0; r < keyStrip; r++)
      for (let v = 0; v < tileVectors; v++) body(sumOf(r, v, tileVectors), at(r11, r * tileRowBytes + 64 * v));
  };
  each((x, from) => a.load(x, from));
  a.mov(r8, rsi);
  a.lea(r9, place(s.form === "bf16" ? "changePairs" : "changes"));
  a.mov(rcx, place("count"));
  if (innerPlaces(s.form) === 2) a.shift("right", rcx, 1);
  const operands = { a: { base: r8, row: 4, step: 4 * s.size }, b: { base: r9, step: tileRowBytes } };
  emitProduct(a, { form: s.form, rows: keyStrip, vectors: tileVectors, ...operands });
  each((x, from) => a.save(from, x));
  a.alu("add", rsi, { value: 4 * keyStrip });
  a.alu("add", r11, { value: keyStrip * tileRowBytes });
  a.alu("sub", r10, { value: 1 });
  a.jumpIf("ne", strips);
}

/** The block's sums to the results. */
function endBlock(p: BackwardPlan): void {
  const { a, s, place, field } = p;
  a.imulBy(r10, r15, s.keys);
  a.alu("add", r10, r14);
  a.imulBy(r10, r10, 4 * s.size);
  a.mov(r11, r10);
  a.alu("add", r10, field("keyGradients"));
  a.alu("add", r11, field("valueGradients"));
  a.mov(rcx, place("block"));
  a.set(rdx, s.keys);
  a.alu("sub", rdx, r14);
  const fits = a.label();
  a.alu("cmp", rcx, rdx);
  a.jumpIf("le", fits);
  a.mov(rcx, rdx);
  a.place(fits);
  a.imulBy(rcx, rcx, s.size / 16);
  a.lea(r8, place("keySums"));
  a.lea(r9, place("valueSums"));
  setFloat(a, 1, s.scale);
  const loop = a.here();
  a.v("vmulps", 0, 1, at(r8));
  a.save(at(r10), 0);
  a.load(0, at(r9));
  a.save(at(r11), 0);
  for (const r of [r8, r9, r10, r11]) a.alu("add", r, { value: 64 });
  a.alu("sub", rcx, { value: 1 });
  a.jumpIf("ne", loop);
}

function differentiateMatrix(p: BackwardPlan): void {
  const { a, s, l, place } = p;
  beginMatrix(p);
  a.alu("xor", r14, r14);
  const blocks = a.here();
  beginBlock(p);
  a.imulBy(rax, r15, s.group);
  a.store(place("head"), rax);
  a.alu("add", rax, { value: s.group });
  a.store(place("headTo"), rax);
  const heads = a.here();
  a.mov(rax, place("tileFrom"));
  a.store(place("tile"), rax);
  const [tiles, next, some, add, nextHead] = [a.label(), a.label(), a.label(), a.label(), a.label()];
  a.place(tiles);
  a.mov(rax, place("tile"));
  a.alu("cmp", rax, place("tileTo"));
  a.jumpIf("ge", nextHead);
  beginTile(p, next, some);
  changeBlock(p, false);
  a.jump(add);
  a.place(some);
  changeBlock(p, true);
  a.place(add);
  addToKeys(p, "valueSums", "weights", "tileCotangents");
  addToKeys(p, "keySums", "changes", "tileQueries");
  addToQueries(p);
  a.place(next);
  a.mov(rax, place("tile"));
  a.alu("add", rax, { value: 1 });
  a.store(place("tile"), rax);
  a.jump(tiles);
  a.place(nextHead);
  a.mov(rax, place("head"));
  a.alu("add", rax, { value: 1 });
  a.store(place("head"), rax);
  a.alu("cmp", rax, place("headTo"));
  a.jumpIf("l", heads);
  endBlock(p);
  a.alu("add", r14, { value: flashKeys });
  a.alu("cmp", r14, { value: l.keyRows });
  a.jumpIf("l", blocks);
  a.mov(rsp, rbp);
  a.vzeroupper();
  a.pop(...flashSaved.toReversed());
  a.ret();
}

/** A run has q, k, v, the forward pass' results, its cotangent, numbers of queries and keys where there are some, dq, dk, dv, the scratch. */
export function flashBackwardCode(s: FlashShape): KernelCode {
  const p = backwardPlan(s);
  const { a, l, field } = p;
  const isPair = s.form === "bf16";
  if (l.isPacked)
    packKeys(a, s, l, field("scratch"), [
      { from: field("keys"), rows: 0, ...(isPair ? { pairs: p.pairsAt } : {}) },
      { from: field("values"), rows: p.valuesAt },
    ]);
  const tileAt = a.length;
  packTile(p);
  const matrixAt = a.length;
  differentiateMatrix(p);
  const finishAt = a.length;
  finishTile(p);
  const tiles = l.heads * l.tiles;
  return {
    code: a.code(),
    kernels: [
      ...(l.isPacked ? [{ at: 0, items: l.matrices * l.packItems }] : []),
      { at: tileAt, items: tiles },
      { at: matrixAt, items: l.matrices },
      { at: finishAt, items: tiles },
    ],
    scratchBytes: p.scratchBytes,
  };
}
