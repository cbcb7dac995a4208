/**
 * Attention over a cache, and what puts keys and values into it. Keys lie in blocks of 64 positions, the numbers of one dimension side by
 * side, values position by position, both as f16 (sums are f32); so both products are a broadcast number times 64 others. Queries of one slot that share a key-value head
 * are computed up to six at a time. All scores of a query are there before they are weighed, and every sum runs over the positions in order,
 * so a query's result does not depend on which others it is computed with.
 */
import { fieldsOf } from "../argument-space.ts";
import { Assembler, at, gpr, spread } from "../assembler.ts";
import { emitSoftmaxRows } from "../softmax.ts";

const { rax, rcx, rdx, rbx, rbp, rsi, rdi, rsp, r8, r9, r10, r11, r12, r13, r14 } = gpr;

/** Positions of a block of keys. */
export const cacheKeyBlock = 64;
const keyVectors = cacheKeyBlock / 16;
/** Bytes of a dimension of a block of keys, and of its scores. */
const [keyRowBytes, scoreRowBytes] = [2 * cacheKeyBlock, 4 * cacheKeyBlock];

export interface HeadShape {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headSize: number;
  /** Positions of a slot, a multiple of `keyBlock`. */
  readonly room: number;
}
/** All that the kernels know of a shape. */
export const headShapeName = (s: HeadShape): string => [s.heads, s.kvHeads, s.headSize, s.room].join(" ");

/** Bytes of a cached number: f16. */
const cached = 2;
/** Bytes of the keys, and of the values, of one head in one slot. */
export const headBytes = (s: HeadShape): number => cached * s.room * s.headSize;

export const turnFields = fieldsOf(
  /** Rows of queries, keys and values, and how far they lie apart. */
  "joined",
  "stride",
  /** Of each row (i32), and where its slot begins in the keys and in the values (i64). */
  "positions",
  "slots",
  /** Angles [context, D/2]. */
  "cos",
  "sin",
  /** Turned and scaled queries: [key-value head][row, head of its group][D]. */
  "queries",
  "queriesStride",
  "keys",
  "values",
  "scale",
);

const turnField = (name: keyof typeof turnFields) => at(rdi, turnFields[name]);
const [left, right, cos, sin, other, scale] = [0, 1, 2, 3, 4, 5] as const;

/** Of row rsi: r8 := its numbers, r9 := queries, r10 := keys, r11 := values, rbx and rbp := its angles. */
function beginRow(a: Assembler, { heads, kvHeads, headSize }: HeadShape): void {
  const half = headSize / 2;
  const group = heads / kvHeads;
  a.mov(r8, turnField("stride"));
  a.imul(r8, rsi);
  a.alu("add", r8, turnField("joined"));
  a.mov(rax, turnField("positions"));
  a.movsxd(rcx, at(rax, 0, rsi, 4)); // position
  a.mov(rax, turnField("slots"));
  a.mov(rdx, at(rax, 0, rsi, 8)); // where the slot begins
  a.imulBy(rbx, rcx, 4 * half);
  a.mov(rbp, rbx);
  a.alu("add", rbx, turnField("cos"));
  a.alu("add", rbp, turnField("sin"));
  a.broadcast(scale, turnField("scale"));
  // queries of this row
  a.imulBy(r9, rsi, group * headSize * 4);
  a.alu("add", r9, turnField("queries"));
  // keys: block, then place in it
  a.mov(r10, rcx);
  a.shift("right", r10, Math.log2(cacheKeyBlock));
  a.imulBy(r10, r10, headSize * keyRowBytes);
  a.mov(rax, rcx);
  a.alu("and", rax, { value: cacheKeyBlock - 1 });
  a.lea(r10, at(r10, 0, rax, cached));
  a.alu("add", r10, rdx);
  a.alu("add", r10, turnField("keys"));
  a.imulBy(r11, rcx, headSize * cached);
  a.alu("add", r11, rdx);
  a.alu("add", r11, turnField("values"));
}

/** A head's numbers, turned by the row's angles where there are some: two vectors at a time, of the first half and of the second. */
function eachTurned(
  a: Assembler,
  headSize: number,
  turns: boolean,
  head: number,
  done: (vector: number, first: number, second: number) => void,
): void {
  const half = headSize / 2;
  const halfVectors = half / 16;
  for (let v = 0; v < halfVectors; v++) {
    const place = (head * headSize + 16 * v) * 4;
    a.load(left, at(r8, place));
    a.load(right, at(r8, place + 4 * half));
    if (!turns) {
      done(v, left, right);
      continue;
    }
    a.load(cos, at(rbx, 64 * v));
    a.load(sin, at(rbp, 64 * v));
    // left cos - right sin, right cos + left sin
    a.v("vmulps", other, left, cos);
    a.v("vfnmadd231ps", other, right, sin);
    a.v("vmulps", right, right, cos);
    a.v("vfmadd231ps", right, left, sin);
    done(v, other, right);
  }
}

/**
 * kernel(arguments, row): turns queries and keys by their position (or leaves them as they are, where positions have no angles), and writes keys
 * and values into the cache.
 */
export function turnCode({ heads, kvHeads, headSize, room }: HeadShape, turns = true): Uint8Array {
  const a = new Assembler();
  const half = headSize / 2;
  const group = heads / kvHeads;
  const turned = (head: number, done: Parameters<typeof eachTurned>[4]) => eachTurned(a, headSize, turns, head, done);
  a.push(rbx, rbp, r12, r13, r14);
  beginRow(a, { heads, kvHeads, headSize, room });
  // a key is written to as many lines as it has dimensions: the processor fetches them while queries are turned
  const bytes = headBytes({ heads, kvHeads, headSize, room });
  for (let kv = 0; kv < kvHeads; kv++) for (let d = 0; d < headSize; d++) a.prefetchToWrite(at(r10, kv * bytes + d * keyRowBytes));
  a.mov(r12, r9);
  for (let kv = 0; kv < kvHeads; kv++) {
    for (let g = 0; g < group; g++)
      turned(kv * group + g, (v, first, second) => {
        a.v("vmulps", first, first, scale);
        a.v("vmulps", second, second, scale);
        a.save(at(r12, (g * headSize + 16 * v) * 4), first);
        a.save(at(r12, (g * headSize + half + 16 * v) * 4), second);
      });
    a.alu("add", r12, turnField("queriesStride"));
  }
  // a key goes through the stack: its numbers lie a row apart
  a.alu("sub", rsp, { value: cached * headSize });
  for (let kv = 0; kv < kvHeads; kv++) {
    turned(heads + kv, (v, first, second) => {
      a.saveHalves(at(rsp, cached * 16 * v), first);
      a.saveHalves(at(rsp, cached * (half + 16 * v)), second);
    });
    for (let d = 0; d < headSize; d++) {
      a.mov16(rax, at(rsp, cached * d));
      a.store16(at(r10, kv * bytes + d * keyRowBytes), rax);
    }
    for (let v = 0; v < headSize / 16; v++) {
      a.load(left, at(r8, ((heads + kvHeads + kv) * headSize + 16 * v) * 4));
      a.saveHalves(at(r11, kv * bytes + cached * 16 * v), left);
    }
  }
  a.alu("add", rsp, { value: cached * headSize });
  a.pop(r14, r13, r12, rbp, rbx);
  a.ret();
  return a.code();
}

/** Queries that are computed at once. */
export const cacheTileRows = 6;
/** What says which queries: a record of this layout each. */
export const tile = {
  /** First query: bytes from its head's first. */
  queries: 0,
  /** Where the slot begins in keys and values. */
  slot: 8,
  count: 16,
  /** Last position that one of them sees. */
  last: 20,
  /** Last position of each (i32). */
  limits: 24,
  /** Where each one's result goes, from the first key-value head's part on (i64). */
  outs: 48,
  bytes: 128,
} as const;

export const attendFields = fieldsOf("tiles", "queries", "queriesStride", "keys", "values", "out", "exponential");

const field = (name: keyof typeof attendFields) => at(rdi, attendFields[name]);
const saved = [rbx, rbp, r12, r13, r14] as const;
const sum = (r: number, v: number, vectors: number) => r * vectors + v;
const operand = (v: number) => 24 + v;
const [spare, infinity] = [28, 29] as const;
const minusInfinity = 0xff800000 | 0;
const scoreBytesOf = ({ room }: HeadShape): number => 4 * room;

/** Of item rsi: rbx := its tile, r8 := queries, r9 := keys, r10 := values, r12 := results, rbp := bytes of scores up to the end of the last block. */
function beginTile(a: Assembler, { heads, kvHeads, headSize, room }: HeadShape): void {
  // item -> tile, head
  a.mov(rax, rsi);
  a.alu("xor", rdx, rdx);
  a.set(rcx, kvHeads);
  a.raw(0x48, 0xf7, 0xf1); // div rcx: rax tile, rdx head
  a.shift("left", rax, Math.log2(tile.bytes));
  a.mov(rbx, field("tiles"));
  a.alu("add", rbx, rax);
  a.mov(r8, field("queriesStride"));
  a.imul(r8, rdx);
  a.alu("add", r8, field("queries"));
  a.alu("add", r8, at(rbx, tile.queries));
  a.imulBy(rax, rdx, headBytes({ heads, kvHeads, headSize, room }));
  a.alu("add", rax, at(rbx, tile.slot));
  a.mov(r9, rax);
  a.alu("add", r9, field("keys"));
  a.mov(r10, rax);
  a.alu("add", r10, field("values"));
  a.imulBy(r12, rdx, (heads / kvHeads) * headSize * 4);
  a.alu("add", r12, field("out"));
  // bytes of scores up to the end of the last block
  a.mov32(rbp, at(rbx, tile.last));
  a.shift("right", rbp, Math.log2(cacheKeyBlock));
  a.alu("add", rbp, { value: 1 });
  a.shift("left", rbp, Math.log2(scoreRowBytes));
}

/** rcx: where 0, 1, 2, ... 63 lie as i32, behind the exponential's constants. */
function laneConstants(a: Assembler): void {
  a.mov(rcx, field("exponential"));
  a.alu("add", rcx, { value: laneOffset });
}

/** The scores of `rows` queries with the keys of each block, to the stack. */
function score(a: Assembler, shape: HeadShape, rows: number): void {
  const { headSize } = shape;
  const scoreBytes = scoreBytesOf(shape);
  a.set(rax, minusInfinity);
  a.broadcastRegister(infinity, rax);
  a.mov(r11, r9);
  a.alu("xor", rdx, rdx);
  const block = a.here();
  for (let i = 0; i < rows * keyVectors; i++) a.v("vpxord", i, i, i);
  a.mov(rsi, r8);
  a.set(rcx, headSize);
  const dimension = a.here();
  const unroll = 4;
  for (let u = 0; u < unroll; u++) {
    for (let v = 0; v < keyVectors; v++) a.loadHalves(operand(v), at(r11, u * keyRowBytes + 32 * v));
    for (let r = 0; r < rows; r++)
      for (let v = 0; v < keyVectors; v++) a.v("vfmadd231ps", sum(r, v, keyVectors), operand(v), spread(at(rsi, r * headSize * 4 + 4 * u)));
  }
  a.alu("add", r11, { value: unroll * keyRowBytes });
  a.alu("add", rsi, { value: 4 * unroll });
  a.alu("sub", rcx, { value: unroll });
  a.jumpIf("ne", dimension);
  // positions behind a query's own are not seen; rdx / 4 is the block's first
  a.mov(rax, rdx);
  a.shift("right", rax, 2);
  a.broadcastRegister(spare, rax);
  laneConstants(a);
  for (let v = 0; v < keyVectors; v++) {
    a.v("vpaddd", operand(v), spare, at(rcx, 64 * v));
    for (let r = 0; r < rows; r++) {
      const score = sum(r, v, keyVectors);
      a.greater(1, operand(v), spread(at(rbx, tile.limits + 4 * r)));
      a.v("vblendmps", score, score, infinity, 1);
      a.save(at(rsp, r * scoreBytes + 64 * v, rdx), score);
    }
  }
  a.alu("add", rdx, { value: scoreRowBytes });
  a.alu("cmp", rdx, rbp);
  a.jumpIf("b", block);
}

/** `vectors` of the weighted sums of the values, from vector `first` of a head on. */
function sumValues(a: Assembler, shape: HeadShape, rows: number, first: number, vectors: number): void {
  const { headSize } = shape;
  const scoreBytes = scoreBytesOf(shape);
  for (let i = 0; i < rows * vectors; i++) a.v("vpxord", i, i, i);
  a.lea(r11, at(r10, 32 * first));
  a.mov32(rcx, at(rbx, tile.last));
  a.alu("add", rcx, { value: 1 });
  a.mov(rdx, rsp);
  // positions that are not seen are not read: what lies there may be no number
  const some = (count: number) => {
    for (let u = 0; u < count; u++) {
      for (let v = 0; v < vectors; v++) a.loadHalves(operand(v), at(r11, u * headSize * cached + 32 * v));
      for (let r = 0; r < rows; r++)
        for (let v = 0; v < vectors; v++) a.v("vfmadd231ps", sum(r, v, vectors), operand(v), spread(at(rdx, r * scoreBytes + 4 * u)));
    }
    a.alu("add", r11, { value: count * headSize * cached });
    a.alu("add", rdx, { value: 4 * count });
    a.alu("sub", rcx, { value: count });
  };
  const [fours, ones, all] = [a.label(), a.label(), a.label()];
  a.place(fours);
  a.alu("cmp", rcx, { value: 4 });
  a.jumpIf("b", ones);
  some(4);
  a.jump(fours);
  a.place(ones);
  a.test(rcx, rcx);
  a.jumpIf("e", all);
  some(1);
  a.jump(ones);
  a.place(all);
  for (let r = 0; r < rows; r++) {
    a.mov(rax, at(rbx, tile.outs + 8 * r));
    a.alu("add", rax, r12);
    a.broadcast(spare, at(rsp, cacheTileRows * scoreBytes + 4 * r));
    for (let v = 0; v < vectors; v++) {
      a.v("vdivps", sum(r, v, vectors), sum(r, v, vectors), spare);
      a.save(at(rax, 64 * (first + v)), sum(r, v, vectors));
    }
  }
}

/** kernel(arguments, tile * kvHeads + head). */
export function attendCode(shape: HeadShape): Uint8Array {
  const a = new Assembler();
  const scoreBytes = scoreBytesOf(shape);
  /** Scores, the factors of the sums, and room to begin at a line. */
  const frame = cacheTileRows * scoreBytes + 64 + 64;
  a.push(...saved);
  a.mov(r14, rsp);
  a.alu("sub", rsp, { value: frame });
  a.alu("and", rsp, { value: -64 });
  beginTile(a, shape);
  const end = a.label();
  a.mov32(rax, at(rbx, tile.count));
  for (let rows = 1; rows <= cacheTileRows; rows++) {
    const other = a.label();
    a.alu("cmp", rax, { value: rows });
    a.jumpIf("ne", other);
    score(a, shape, rows);
    // e^(score - greatest), and what their sum divides by
    a.mov(rsi, field("exponential"));
    emitSoftmaxRows(a, { count: rows, rowBytes: scoreBytes, end: rbp, sumsAt: cacheTileRows * scoreBytes, infinity, constants: rsi });
    // four vectors of a head at a time
    for (let first = 0; first < shape.headSize / 16; first += 4) sumValues(a, shape, rows, first, Math.min(4, shape.headSize / 16 - first));
    a.jump(end);
    a.place(other);
  }
  a.place(end);
  a.mov(rsp, r14);
  a.pop(...[...saved].reverse());
  a.ret();
  return a.code();
}
/** Bytes from the exponential's constants to the numbers of a block's positions. */
const laneOffset = 64;

/** What `exponential` points to. */
export function attendConstants(exponential: readonly number[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(laneOffset + 4 * cacheKeyBlock));
  for (const [i, x] of exponential.entries()) view.setFloat32(4 * i, x, true);
  for (let i = 0; i < cacheKeyBlock; i++) view.setInt32(laneOffset + 4 * i, i, true);
  return new Uint8Array(view.buffer);
}
