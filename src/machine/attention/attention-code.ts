/**
 * The code of attention: `pack(run, item)` lays a block of keys so that the numbers of one dimension stand side by side; `attend(run, item)`
 * computes six queries of each head that shares keys. Blocks of keys that the mask hides from all six are not looked at: texts side by side in a
 * row cost what they cost alone. All scores of a query are there before they are weighed, and every sum runs over the keys in order, so a query's
 * bits depend neither on threads nor on what is skipped.
 */

import { fieldsOf } from "../argument-space.ts";
import { Assembler, at, gpr, spread } from "../assembler.ts";
import { atMost } from "../emit-loops.ts";
import { exponentialConstants } from "../exponential.ts";
import type { KernelCode } from "../kernel-code.ts";
import { allocatePages, type Pages } from "../native.ts";
import { packFourRows, pointAtRows } from "../products/pack-rows.ts";
import { emitSoftmaxRows } from "../softmax.ts";
import { type AttentionShape, hiddenBelow, keyBlock, keyBlocksOf, keysFloats, tileRows } from "./attention-shape.ts";

const { rax, rcx, rdx, rbx, rbp, rsi, rdi, rsp, r8, r9, r10, r11, r12, r13, r14, r15 } = gpr;
const saved = [rbx, rbp, r12, r13, r14, r15] as const;
const keyVectors = keyBlock / 16;
/** Bytes of one dimension of a block of keys, and of a query's scores of a block. */
const blockBytes = 4 * keyBlock;

/** Numbers that the code reads; they live as long as the process. */
let constants: Pages | undefined;
function constantsAt(): bigint {
  if (!constants) {
    constants = allocatePages(4 * exponentialConstants.length, false);
    new Float32Array(constants.buffer).set(exponentialConstants);
  }
  return constants.address;
}

const float32 = (x: number): number => new Int32Array(Float32Array.of(x).buffer)[0]!;

const sum = (r: number, v: number, vectors: number) => r * vectors + v;
const operand = (v: number) => 24 + v;
const [spare, scale, infinity, zero] = [28, 29, 30, 31] as const;

type RunField = "queries" | "keys" | "values" | "mask" | "out" | "scratch";

/** What the parts of the code share: the shape, where things lie, and the assembler that they write to. */
function planOf(s: AttentionShape) {
  const fields =
    s.masks > 0 ? fieldsOf("queries", "keys", "values", "mask", "out", "scratch") : fieldsOf("queries", "keys", "values", "out", "scratch");
  const blocks = keyBlocksOf(s);
  const scoreBytes = blockBytes * blocks;
  /** On the stack: scores, numbers of the blocks that are looked at, a place for a lane of each query, the head's number. */
  const listAt = tileRows * scoreBytes;
  const lanesAt = 64 * Math.ceil((listAt + 4 * blocks) / 64);
  return {
    a: new Assembler(),
    s,
    field: (name: RunField) => at(rdi, (fields as Record<RunField, number>)[name]),
    blocks,
    tiles: Math.ceil(s.queries / tileRows),
    lastKeys: s.keys - (blocks - 1) * keyBlock,
    keyBytes: 4 * s.keySize,
    valueBytes: 4 * s.valueSize,
    scoreBytes,
    listAt,
    lanesAt,
    frame: lanesAt + 64 + 64,
    /** From a query's numbers of the mask to the next one's. */
    maskBytes: s.maskRows === 1 ? 0 : 4 * s.keys,
  };
}
type AttentionPlan = ReturnType<typeof planOf>;

/** rax := item / parts, rdx := the rest. */
function splitItem(a: Assembler, parts: number): void {
  a.mov(rax, rsi);
  a.alu("xor", rdx, rdx);
  a.set(rcx, parts);
  a.divide(rcx);
}

/** An item is a block of a matrix of keys; past the last key it is the last one again. */
function packKeys({ a, s, field, blocks, keyBytes }: AttentionPlan): void {
  a.push(...saved);
  splitItem(a, blocks);
  a.imulBy(rbx, rax, s.keys * keyBytes);
  a.alu("add", rbx, field("keys"));
  a.imulBy(rbp, rsi, blockBytes * s.keySize);
  a.alu("add", rbp, field("scratch"));
  a.imulBy(r15, rdx, keyBlock);
  a.set(r14, keyBlock / 4);
  const fours = a.here();
  a.mov(rax, r15);
  pointAtRows(a, rbx, s.keys, keyBytes);
  a.mov(r12, rbp);
  packFourRows(a, "f32", s.keySize, blockBytes);
  a.alu("add", r15, { value: 4 });
  a.alu("add", rbp, { value: 16 });
  a.alu("sub", r14, { value: 1 });
  a.jumpIf("ne", fours);
  a.vzeroupper();
  a.pop(...saved.toReversed());
  a.ret();
}

/** An item is a tile of a matrix; the last one begins where it is whole. Points at its queries, keys, values, mask and results. */
function beginTile({ a, s, field, tiles, frame, keyBytes, valueBytes, maskBytes }: AttentionPlan): void {
  a.push(...saved);
  a.mov(rbp, rsp);
  a.alu("sub", rsp, { value: frame });
  a.alu("and", rsp, { value: -64 });
  splitItem(a, tiles);
  a.mov(r15, rax);
  a.imulBy(r12, rdx, tileRows);
  atMost(a, r12, s.queries - tileRows);
  a.imulBy(rbx, r15, 4 * keysFloats(s));
  a.alu("add", rbx, field("scratch"));
  a.imulBy(r13, r15, s.keys * valueBytes);
  a.alu("add", r13, field("values"));
  const pointAtQueries = (to: typeof r8 | typeof r9, name: "queries" | "out", bytes: number) => {
    a.imulBy(to, r15, s.group * s.queries * bytes);
    a.imulBy(rcx, r12, bytes);
    a.alu("add", to, rcx);
    a.alu("add", to, field(name));
  };
  pointAtQueries(r8, "queries", keyBytes);
  pointAtQueries(r9, "out", valueBytes);
  if (s.masks > 0) {
    a.mov(rax, r15);
    a.alu("xor", rdx, rdx);
    a.set(rcx, s.matrices / s.masks);
    a.divide(rcx);
    a.imulBy(r14, rax, s.maskRows * 4 * s.keys);
    a.imulBy(rcx, r12, maskBytes);
    a.alu("add", r14, rcx);
    a.alu("add", r14, field("mask"));
  }
}

/** Sixteen of a mask's numbers, minus infinity where there are no keys. */
function loadMask(p: AttentionPlan, to: number, r: number, v: number, isPart: boolean): void {
  const { a, maskBytes } = p;
  const place = at(r14, r * maskBytes + 64 * v, rdx);
  if (isPart) {
    a.loadMasked(to, place, 1 + v);
    a.v("vblendmps", to, infinity, to, 1 + v);
  } else a.load(to, place);
}

/** r10 := how many blocks are looked at, their numbers on the stack: all where a query sees nothing. */
function listBlocks(p: AttentionPlan): void {
  const { a, s, blocks, lastKeys, listAt, lanesAt } = p;
  const isAbove = (register: number, other: number) => {
    a.reduce("vmaxps", register, other);
    a.v("vsubps", register, register, spare);
    a.saveLane(at(rsp, lanesAt), register);
    a.movsxd(rax, at(rsp, lanesAt));
    a.alu("cmp", rax, { value: 0 });
  };
  const all = a.label();
  const end = a.label();
  if (s.masks > 0) {
    a.set(rax, float32(hiddenBelow));
    a.broadcastRegister(spare, rax);
    const [most, x, other] = [tileRows, tileRows + 1, tileRows + 2];
    for (let r = 0; r < tileRows; r++) a.load(r, infinity);
    a.alu("xor", r10, r10);
    a.alu("xor", rsi, rsi);
    a.alu("xor", rdx, rdx);
    const look = (isPart: boolean) => {
      a.load(most, infinity);
      for (let r = 0; r < tileRows; r++)
        for (let v = 0; v < keyVectors; v++) {
          if (isPart && 16 * v >= lastKeys) continue;
          loadMask(p, x, r, v, isPart);
          a.v("vmaxps", r, r, x);
          a.v("vmaxps", most, most, x);
        }
      const hidden = a.label();
      isAbove(most, other);
      a.jumpIf("le", hidden);
      a.store32(at(rsp, listAt, r10, 4), rsi);
      a.alu("add", r10, { value: 1 });
      a.place(hidden);
      a.alu("add", rsi, { value: 1 });
      a.alu("add", rdx, { value: blockBytes });
    };
    eachBlock(p, look, () => a.alu("cmp", rsi, { value: blocks - (lastKeys < keyBlock ? 1 : 0) }));
    for (let r = 0; r < tileRows; r++) a.reduce("vmaxps", r, other);
    for (let r = 1; r < tileRows; r++) a.v("vminps", 0, 0, r);
    isAbove(0, other);
    a.jumpIf("le", all);
    a.jump(end);
  }
  a.place(all);
  a.alu("xor", r10, r10);
  const fill = a.here();
  a.store32(at(rsp, listAt, r10, 4), r10);
  a.alu("add", r10, { value: 1 });
  a.alu("cmp", r10, { value: blocks });
  a.jumpIf("l", fill);
  a.place(end);
}

/** The whole blocks in a loop, then the part of one; `compare` compares how many are done with how many are whole. */
function eachBlock(p: AttentionPlan, body: (isPart: boolean) => void, compare: () => void): void {
  const { a, blocks, lastKeys } = p;
  if (blocks > 1 || lastKeys === keyBlock) {
    const loop = a.here();
    body(false);
    compare();
    a.jumpIf("l", loop);
  }
  if (lastKeys < keyBlock) body(true);
}

/** Scores of the blocks that are looked at, one after another. */
function score(p: AttentionPlan): void {
  const { a, s, blocks, lastKeys, keyBytes, scoreBytes, listAt } = p;
  a.alu("xor", r12, r12);
  a.alu("xor", r15, r15);
  const next = a.here();
  a.mov32(rax, at(rsp, listAt, r12, 4));
  a.imulBy(rdx, rax, blockBytes);
  a.imulBy(rsi, rax, blockBytes * s.keySize);
  a.alu("add", rsi, rbx);
  for (let i = 0; i < tileRows * keyVectors; i++) a.v("vpxord", i, i, i);
  a.mov(rax, r8);
  const unroll = 4;
  a.set(rcx, s.keySize / unroll);
  const dimension = a.here();
  for (let u = 0; u < unroll; u++) {
    for (let v = 0; v < keyVectors; v++) a.load(operand(v), at(rsi, u * blockBytes + 64 * v));
    for (let r = 0; r < tileRows; r++)
      for (let v = 0; v < keyVectors; v++) a.v("vfmadd231ps", sum(r, v, keyVectors), operand(v), spread(at(rax, r * keyBytes + 4 * u)));
  }
  a.alu("add", rsi, { value: unroll * blockBytes });
  a.alu("add", rax, { value: 4 * unroll });
  a.alu("sub", rcx, { value: 1 });
  a.jumpIf("ne", dimension);
  const put = (isPart: boolean) => {
    for (let r = 0; r < tileRows; r++)
      for (let v = 0; v < keyVectors; v++) {
        const scores = sum(r, v, keyVectors);
        a.v("vmulps", scores, scores, scale);
        if (s.masks > 0 && !(isPart && 16 * v >= lastKeys)) {
          loadMask(p, spare, r, v, isPart);
          a.v("vaddps", scores, scores, spare);
        }
        if (isPart) a.v("vblendmps", scores, infinity, scores, 1 + v);
        a.save(at(rsp, r * scoreBytes + 64 * v, r15), scores);
      }
  };
  if (lastKeys < keyBlock) {
    const [whole, done] = [a.label(), a.label()];
    a.alu("cmp", rdx, { value: (blocks - 1) * blockBytes });
    a.jumpIf("ne", whole);
    put(true);
    a.jump(done);
    a.place(whole);
    put(false);
    a.place(done);
  } else put(false);
  a.alu("add", r15, { value: blockBytes });
  a.alu("add", r12, { value: 1 });
  a.alu("cmp", r12, r10);
  a.jumpIf("l", next);
}

/** `vectors` of the results from vector `first` on. */
function sumValues(p: AttentionPlan, first: number, vectors: number): void {
  const { a, blocks, lastKeys, valueBytes, scoreBytes, listAt, lanesAt } = p;
  for (let i = 0; i < tileRows * vectors; i++) a.v("vpxord", i, i, i);
  a.alu("xor", r12, r12);
  a.mov(rdx, rsp);
  const next = a.here();
  a.mov32(rax, at(rsp, listAt, r12, 4));
  a.imulBy(rsi, rax, keyBlock * valueBytes);
  a.lea(rsi, at(rsi, 64 * first, r13));
  const some = (count: number) => {
    for (let u = 0; u < count; u++) {
      for (let v = 0; v < vectors; v++) a.load(operand(v), at(rsi, u * valueBytes + 64 * v));
      for (let r = 0; r < tileRows; r++)
        for (let v = 0; v < vectors; v++) a.v("vfmadd231ps", sum(r, v, vectors), operand(v), spread(at(rdx, r * scoreBytes + 4 * u)));
    }
    a.alu("add", rsi, { value: count * valueBytes });
    a.alu("add", rdx, { value: 4 * count });
  };
  const keys = (count: number) => {
    if (count >= 4) {
      a.set(rcx, Math.floor(count / 4));
      const loop = a.here();
      some(4);
      a.alu("sub", rcx, { value: 1 });
      a.jumpIf("ne", loop);
    }
    if (count % 4 > 0) some(count % 4);
  };
  if (lastKeys < keyBlock) {
    const [whole, done] = [a.label(), a.label()];
    a.alu("cmp", rax, { value: blocks - 1 });
    a.jumpIf("ne", whole);
    keys(lastKeys);
    a.jump(done);
    a.place(whole);
    keys(keyBlock);
    a.place(done);
  } else keys(keyBlock);
  a.alu("add", r12, { value: 1 });
  a.alu("cmp", r12, r10);
  a.jumpIf("l", next);
  for (let r = 0; r < tileRows; r++) {
    a.broadcast(spare, at(rsp, lanesAt + 4 * r));
    for (let v = 0; v < vectors; v++) {
      a.v("vdivps", sum(r, v, vectors), sum(r, v, vectors), spare);
      a.save(at(r9, r * valueBytes + 64 * (first + v)), sum(r, v, vectors));
    }
  }
}

function attendTile(p: AttentionPlan): void {
  const { a, s, keyBytes, valueBytes, lastKeys, scoreBytes, lanesAt } = p;
  beginTile(p);
  a.set(rax, float32(Number.NEGATIVE_INFINITY));
  a.broadcastRegister(infinity, rax);
  a.set(rax, float32(s.scale));
  a.broadcastRegister(scale, rax);
  a.v("vpxord", zero, zero, zero);
  if (lastKeys < keyBlock) for (let v = 0; v < keyVectors; v++) a.setMask(1 + v, lastKeys - 16 * v);
  listBlocks(p);
  a.set(r11, s.group);
  const heads = a.here();
  score(p);
  a.setAddress(rsi, constantsAt());
  emitSoftmaxRows(a, { count: tileRows, rowBytes: scoreBytes, end: r15, sumsAt: lanesAt, infinity, constants: rsi });
  for (let first = 0; first < s.valueSize / 16; first += 4) sumValues(p, first, Math.min(4, s.valueSize / 16 - first));
  a.alu("add", r8, { value: s.queries * keyBytes });
  a.alu("add", r9, { value: s.queries * valueBytes });
  a.alu("sub", r11, { value: 1 });
  a.jumpIf("ne", heads);
  a.mov(rsp, rbp);
  a.vzeroupper();
  a.pop(...saved.toReversed());
  a.ret();
}

export function attentionCode(s: AttentionShape): KernelCode {
  const p = planOf(s);
  packKeys(p);
  const attendAt = p.a.length;
  attendTile(p);
  return {
    code: p.a.code(),
    kernels: [
      { at: 0, items: s.matrices * p.blocks },
      { at: attendAt, items: s.matrices * p.tiles },
    ],
    scratchBytes: 4 * s.matrices * keysFloats(s),
  };
}
