/**
 * Products of matrices in tiles (AMX): pairs of bf16 by pairs of bf16, sums in float32, 32 rows by 32 columns of them in four tiles. Rows lie in
 * tiles of 16 by 32 inner places, columns in panels of 16 whose steps are pairs of inner places, as one tile after the other. Tiles are configured
 * and released by each item, for a thread of the engine's must not keep them. A run is the addresses of both operands, the result and the scratch. **It has never run on a processor
 * with AMX**: the tests read its encodings by a disassembler, run its packing by AVX-512, and emulate its tiles.
 */
import { at, gpr, type MemoryOperand } from "../assembler.ts";
import { atMost, emitByPart, emitPartOfItem, emitTimes } from "../emit-loops.ts";
import type { KernelCode } from "../kernel-code.ts";
import { allocatePages, type Pages } from "../native.ts";
import { interleave, packFourRows, packSteps, pointAtRows } from "../products/pack-rows.ts";
import type { ProductShape } from "../products/product-shape.ts";
import { AmxAssembler } from "./amx-assembler.ts";

const { rax, rcx, rdx, rbx, rbp, rsp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15 } = gpr;
const saved = [rbx, rbp, r12, r13, r14, r15] as const;
/** Of a run, which is a record of addresses. */
const field = (name: "a" | "b" | "out" | "scratch"): MemoryOperand => at(rdi, 8 * ["a", "b", "out", "scratch"].indexOf(name));

/** Rows of a tile, and bytes of one of them: 32 bf16, or 16 f32. */
const tileRows = 16;
const tileRowBytes = 64;
const tileBytes = tileRows * tileRowBytes;
/** Inner places of a tile. */
const tilePlaces = 32;
/** Tiles of rows that one item multiplies: two turns of two. */
const itemTurns = 2;

/** What the code reads beside its operands: the tiles' configuration, then the places of `interleave`. */
export const amxConstants = (): Uint8Array => {
  const bytes = new Uint8Array(128);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, 1); // palette
  for (let tile = 0; tile < 8; tile++) {
    view.setUint16(16 + 2 * tile, tileRowBytes, true);
    view.setUint8(48 + tile, tileRows);
  }
  for (const [i, place] of interleave.entries()) view.setUint16(64 + 2 * i, place, true);
  return bytes;
};
let constants: Pages | undefined;
function constantsAddress(): bigint {
  if (!constants) {
    constants = allocatePages(128, false);
    new Uint8Array(constants.buffer).set(amxConstants());
  }
  return constants.address;
}

interface AmxLayout {
  /** Tiles of inner places, and pairs of them that are there or filled up with zeros. */
  readonly depth: number;
  readonly steps: number;
  /** Tiles of rows, and panels of columns. */
  readonly strips: number;
  readonly panels: number;
  /** Bytes of a strip, and of a panel. */
  readonly stripBytes: number;
  readonly aBytes: number;
  readonly bBytes: number;
  /** Panels lie first, then strips. */
  readonly aStart: number;
  readonly bytes: number;
}

export function amxLayout({ count, rows, columns, inner, sharesB }: ProductShape): AmxLayout {
  const depth = Math.ceil(inner / tilePlaces);
  const stripBytes = depth * tileBytes;
  const [strips, panels] = [Math.ceil(rows / tileRows), Math.ceil(columns / tileRows)];
  const [aBytes, bBytes] = [strips * stripBytes, panels * stripBytes];
  const aStart = (sharesB ? 1 : count) * bBytes;
  return { depth, steps: depth * tileRows, strips, panels, stripBytes, aBytes, bBytes, aStart, bytes: aStart + count * aBytes };
}

/** Where code is written to, and where `amxConstants` are. */
interface AmxTarget {
  readonly assembler: AmxAssembler;
  readonly constants: bigint;
}

function loadInterleave({ assembler: a, constants: place }: AmxTarget): void {
  a.setAddress(rcx, place + 64n);
  a.load(30, at(rcx));
}

/** Sixteen rows at rbx whose first has number r15 to tiles at r12: each row's places side by side, rounded. */
function packRowsOfA(a: AmxAssembler, s: ProductShape): void {
  const [whole, rest] = [Math.floor(s.inner / tilePlaces), s.inner % tilePlaces];
  a.mov(rbp, r12);
  a.set(r14, tileRows);
  const loop = a.here();
  a.mov(rax, r15);
  atMost(a, rax, s.rows - 1); // past the last row it is the last one again
  a.imulBy(rax, rax, 4 * s.inner);
  a.lea(r8, at(rbx, 0, rax));
  a.mov(r12, rbp);
  const tile = (read: (to: number, from: MemoryOperand, half: 0 | 1) => void) => {
    read(0, at(r8), 0);
    read(1, at(r8, 64), 1);
    a.v("vcvtne2ps2bf16", 0, 1, 0);
    a.save(at(r12), 0);
    a.alu("add", r8, { value: 128 });
    a.alu("add", r12, { value: tileBytes });
  };
  emitTimes(a, rcx, whole, () => tile((to, from) => a.load(to, from)));
  if (rest > 0) {
    a.setMask(1, rest);
    a.setMask(2, rest - 16);
    tile((to, from, half) => a.loadMasked(to, from, 1 + half));
  }
  a.alu("add", rbp, { value: tileRowBytes });
  a.alu("add", r15, { value: 1 });
  a.alu("sub", r14, { value: 1 });
  a.jumpIf("ne", loop);
}

/** Sixteen columns at r8, those of mask 1, to tiles at r12 whose rows they become: four pairs of inner places at a time. */
function packColumnsOfA(a: AmxAssembler, s: ProductShape): void {
  const rowBytes = 4 * s.rows;
  /** So many of eight places are there. */
  const eight = (there: number) => {
    for (let pair = 0; pair < 4; pair++) {
      for (const half of [0, 1])
        if (2 * pair + half < there) a.loadMasked(8 + half, at(r8, half * rowBytes), 1);
        else a.v("vpxord", 8 + half, 8 + half, 8 + half);
      if (2 * pair < there) a.alu("add", r8, { value: 2 * rowBytes });
      a.v("vcvtne2ps2bf16", pair, 9, 8);
      a.v("vpermw", pair, 30, pair);
    }
    a.v("vpunpckldq", 4, 0, 1);
    a.v("vpunpckhdq", 5, 0, 1);
    a.v("vpunpckldq", 6, 2, 3);
    a.v("vpunpckhdq", 7, 2, 3);
    a.v("vpunpcklqdq", 0, 4, 6);
    a.v("vpunpckhqdq", 1, 4, 6);
    a.v("vpunpcklqdq", 2, 5, 7);
    a.v("vpunpckhqdq", 3, 5, 7);
  };
  const put = (part: number) => {
    for (let row = 0; row < tileRows; row++) a.saveQuarter(at(r12, tileRowBytes * row + 16 * part), row % 4, row >> 2);
  };
  const tile = (there: number) => {
    for (let part = 0; part < 4; part++) {
      eight(there - 8 * part);
      put(part);
    }
    a.alu("add", r12, { value: tileBytes });
  };
  emitTimes(a, rcx, Math.floor(s.inner / tilePlaces), () => tile(tilePlaces));
  if (s.inner % tilePlaces > 0) tile(s.inner % tilePlaces);
}

/** Mask 1 := lanes that part `part` of `parts` has of `total` in sixteens. Uses rax. */
function setPartMask(a: AmxAssembler, part: typeof r15, parts: number, total: number): void {
  const rest = total - (parts - 1) * tileRows;
  emitByPart(
    a,
    part,
    parts,
    rest < tileRows,
    () => a.setMask(1, tileRows),
    () => a.setMask(1, rest),
  );
}

/** A panel, then a strip, an item. Gives the number of items. */
function packCode(target: AmxTarget, s: ProductShape, l: AmxLayout): number {
  const a = target.assembler;
  const bItems = (s.sharesB ? 1 : s.count) * l.panels;
  const [ofA, end] = [a.label(), a.label()];
  a.push(...saved);
  loadInterleave(target);
  a.alu("cmp", rsi, { value: bItems });
  a.jumpIf("ge", ofA);
  emitPartOfItem(a, l.panels);
  a.mov(r15, rdx);
  a.imulBy(rbx, rax, 4 * s.inner * s.columns);
  a.alu("add", rbx, field("b"));
  a.imulBy(r12, rsi, l.stripBytes);
  a.alu("add", r12, field("scratch"));
  if (s.transposeB) {
    a.mov(rbp, r12);
    a.imulBy(r15, r15, tileRows);
    emitTimes(a, r14, tileRows / 4, () => {
      a.mov(rax, r15);
      pointAtRows(a, rbx, s.columns, 4 * s.inner);
      a.mov(r12, rbp);
      packFourRows(a, "bf16", s.inner, tileRowBytes);
      a.alu("add", r15, { value: 4 });
      a.alu("add", rbp, { value: 16 });
    });
  } else {
    setPartMask(a, r15, l.panels, s.columns);
    a.imulBy(r15, r15, tileRowBytes);
    a.lea(r8, at(rbx, 0, r15));
    packSteps(
      a,
      { form: "bf16", isWords: false, inner: s.inner, rowBytes: 4 * s.columns, vectors: 1, steps: l.steps, advance: tileRowBytes },
      (_, register) => a.save(at(r12), register),
    );
  }
  a.jump(end);

  a.place(ofA);
  a.alu("sub", rsi, { value: bItems });
  emitPartOfItem(a, l.strips);
  a.mov(r15, rdx);
  a.imulBy(rbx, rax, 4 * s.inner * s.rows);
  a.alu("add", rbx, field("a"));
  a.imulBy(r12, rsi, l.stripBytes);
  a.alu("add", r12, field("scratch"));
  a.setAddress(rcx, BigInt(l.aStart));
  a.alu("add", r12, rcx);
  if (s.transposeA) {
    setPartMask(a, r15, l.strips, s.rows);
    a.imulBy(r15, r15, tileRowBytes);
    a.lea(r8, at(rbx, 0, r15));
    packColumnsOfA(a, s);
  } else {
    a.imulBy(r15, r15, tileRows);
    packRowsOfA(a, s);
  }
  a.place(end);
  a.vzeroupper();
  a.pop(...saved.toReversed());
  a.ret();
  return bItems + s.count * l.strips;
}

const float32 = (x: number): number => new Int32Array(Float32Array.of(x).buffer)[0]!;
/** Tiles of sums, of two strips by two panels; of strips; of panels. */
const sum = (strip: number, panel: number) => 2 * strip + panel;
const ofA = (strip: number) => 4 + strip;
const ofB = (panel: number) => 6 + panel;

/** Of one or two strips, and one or two panels: how many, and what the last of them has. */
interface Turn {
  readonly count: number;
  readonly rest: number;
}

/** Strips at r8 by panels at r9 to the result at r11: rows lie r15 bytes apart. Register rcx is the bytes of a tile's row. */
function multiplyTurn(a: AmxAssembler, s: ProductShape, l: AmxLayout, strips: Turn, panels: Turn): void {
  const [rows, columns] = [Array.from({ length: strips.count }, (_, i) => i), Array.from({ length: panels.count }, (_, j) => j)];
  for (const i of rows) for (const j of columns) a.zeroTile(sum(i, j));
  emitTimes(a, rax, l.depth, () => {
    const load = (tile: number, base: typeof r8 | typeof r9, n: number) =>
      a.loadTile(tile, { base, displacement: n * l.stripBytes, stride: rcx });
    for (const i of rows) load(ofA(i), r8, i);
    for (const j of columns) load(ofB(j), r9, j);
    for (const j of columns) for (const i of rows) a.multiplyTiles(sum(i, j), ofA(i), ofB(j));
    a.alu("add", r8, { value: tileBytes });
    a.alu("add", r9, { value: tileBytes });
  });
  for (const i of rows)
    for (const j of columns) {
      const there = {
        rows: i === strips.count - 1 ? strips.rest : tileRows,
        columns: j === panels.count - 1 ? panels.rest : tileRows,
      };
      putTile(a, s, sum(i, j), { row: i * tileRows, column: j * tileRows, ...there });
    }
}

/** A tile's sums to the result at r11; by way of the stack where some of them are not there, or all are multiplied. */
function putTile(
  a: AmxAssembler,
  s: ProductShape,
  tile: number,
  at0: { readonly row: number; readonly column: number; readonly rows: number; readonly columns: number },
): void {
  const start = at0.row * 4 * s.columns + 4 * at0.column;
  if (s.alpha === 1 && at0.rows === tileRows && at0.columns === tileRows) {
    a.saveTile({ base: r11, displacement: start, stride: r15 }, tile);
    return;
  }
  a.saveTile({ base: rsp, displacement: 0, stride: rcx }, tile);
  a.setMask(1, at0.columns);
  if (s.alpha !== 1) {
    a.set(rax, float32(s.alpha));
    a.broadcastRegister(1, rax);
  }
  for (let row = 0; row < at0.rows; row++) {
    a.load(0, at(rsp, tileRowBytes * row));
    if (s.alpha !== 1) a.v("vmulps", 0, 0, 1);
    a.save(at(r11, start + row * 4 * s.columns), 0, 1);
  }
}

/** Some rows of the result. Gives the number of items. */
function multiplyCode({ assembler: a, constants: place }: AmxTarget, s: ProductShape, l: AmxLayout): number {
  const turnsOf = (n: number) => Math.ceil(n / 2);
  const lastOf = (parts: number, total: number): Turn => ({ count: 2 - (parts % 2), rest: total - (parts - 1) * tileRows });
  const whole: Turn = { count: 2, rest: tileRows };
  const isWhole = (t: Turn) => t.count === 2 && t.rest === tileRows;
  const [strips, panels] = [turnsOf(l.strips), turnsOf(l.panels)];
  const [lastStrips, lastPanels] = [lastOf(l.strips, s.rows), lastOf(l.panels, s.columns)];
  const items = Math.ceil(strips / itemTurns);
  a.push(...saved);
  a.alu("sub", rsp, { value: tileBytes });
  a.setAddress(rcx, place);
  a.configureTiles(at(rcx));
  emitPartOfItem(a, items);
  // of product rax: rdi := result, rsi := strips, rdx := panels; rbx, rbp := turns of strips from and to
  a.imulBy(rbx, rdx, itemTurns);
  a.mov(rdx, field("scratch"));
  a.imulBy(rsi, rax, l.aBytes);
  a.alu("add", rsi, rdx);
  a.setAddress(rcx, BigInt(l.aStart));
  a.alu("add", rsi, rcx);
  if (!s.sharesB) {
    a.imulBy(rcx, rax, l.bBytes);
    a.alu("add", rdx, rcx);
  }
  a.imulBy(rcx, rax, s.rows * 4 * s.columns);
  a.mov(rdi, field("out"));
  a.alu("add", rdi, rcx);
  a.lea(rbp, at(rbx, itemTurns));
  atMost(a, rbp, strips);
  a.set(rcx, tileRowBytes);
  a.set(r15, 4 * s.columns);

  a.alu("xor", r13, r13); // turn of panels
  const across = a.here();
  a.mov(r14, rbx); // turn of strips
  const down = a.here();
  a.imulBy(r8, r14, 2 * l.stripBytes);
  a.alu("add", r8, rsi);
  a.imulBy(r9, r13, 2 * l.stripBytes);
  a.alu("add", r9, rdx);
  a.imulBy(r11, r14, 2 * tileRows * 4 * s.columns);
  a.alu("add", r11, rdi);
  a.imulBy(r10, r13, 2 * tileRowBytes);
  a.alu("add", r11, r10);
  const byPanels = (of: Turn) =>
    emitByPart(
      a,
      r13,
      panels,
      !isWhole(lastPanels),
      () => multiplyTurn(a, s, l, of, whole),
      () => multiplyTurn(a, s, l, of, lastPanels),
    );
  emitByPart(
    a,
    r14,
    strips,
    !isWhole(lastStrips),
    () => byPanels(whole),
    () => byPanels(lastStrips),
  );
  a.alu("add", r14, { value: 1 });
  a.alu("cmp", r14, rbp);
  a.jumpIf("l", down);
  a.alu("add", r13, { value: 1 });
  a.alu("cmp", r13, { value: panels });
  a.jumpIf("l", across);

  a.releaseTiles();
  a.vzeroupper();
  a.alu("add", rsp, { value: tileBytes });
  a.pop(...saved.toReversed());
  a.ret();
  return s.count * items;
}

/** The code for products of one shape, of the form `bf16`. Needs AMX, and leave of the system to use it (`processorFeatures`). */
export function amxProductCode(
  s: ProductShape,
  target: AmxTarget = { assembler: new AmxAssembler(), constants: constantsAddress() },
): KernelCode {
  const l = amxLayout(s);
  const packItems = packCode(target, s, l);
  const multiplyAt = target.assembler.length;
  const multiplyItems = multiplyCode(target, s, l);
  return {
    code: target.assembler.code(),
    kernels: [
      { at: 0, items: packItems },
      { at: multiplyAt, items: multiplyItems },
    ],
    scratchBytes: l.bytes,
  };
}
