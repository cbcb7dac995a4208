/**
 * What a tile of queries sees of a block of keys: nothing (the block is passed over), all, or some (scores of the others are hidden). Positions and
 * numbers of the queries stand in vectors on the stack, a lane each.
 */
import { type Assembler, at, type Gpr, gpr, type Label, type MemoryOperand, spread } from "../assembler.ts";
import { exponentialConstants } from "../exponential.ts";
import { allocatePages, type Pages } from "../native.ts";
import { interleave } from "../products/pack-rows.ts";
import { type FlashLayout, type FlashShape, flashKeys, keyStrip, tileQueries, tileVectors } from "./flash-shape.ts";

const { rax, rcx, rdx, rdi, rsp, r8, r14 } = gpr;

/** Numbers that the code reads: the exponential's, the lanes of a tile, the order that interleaves words; they live as long as the process. */
let constants: Pages | undefined;
const lanesAt = 64 * Math.ceil((4 * exponentialConstants.length) / 64);
const ordersAt = lanesAt + 4 * Math.max(tileQueries, flashKeys);
/** The address of the constants, whose first are the exponential's. */
export function flashConstants(): bigint {
  if (!constants) {
    constants = allocatePages(ordersAt + 64, false);
    new Float32Array(constants.buffer).set(exponentialConstants);
    new Int32Array(constants.buffer, lanesAt).set(Array.from({ length: (ordersAt - lanesAt) / 4 }, (_, i) => i));
    new Uint16Array(constants.buffer, ordersAt).set(interleave);
  }
  return constants.address;
}
/** Register 30 := the order that interleaves words. Uses rcx. */
export function loadOrder(a: Assembler): void {
  a.setAddress(rcx, flashConstants() + BigInt(ordersAt));
  a.load(30, at(rcx));
}
/** Lanes v * 16 ... of a tile or block, behind the address of the constants in a register. */
export const lanes = (constantsIn: Gpr, v: number): MemoryOperand => at(constantsIn, lanesAt + 64 * v);

const float32 = (x: number): number => new Int32Array(Float32Array.of(x).buffer)[0]!;
/** Every lane of a register := a float. Uses rax. */
export function setFloat(a: Assembler, register: number, x: number): void {
  a.set(rax, float32(x));
  a.broadcastRegister(register, rax);
}

/** Places on the stack by their names, each on a line of its own; bytes of all. */
export function frameOf<N extends string>(sizes: Readonly<Record<N, number>>) {
  let next = 0;
  const places = Object.fromEntries(
    (Object.entries(sizes) as [N, number][]).map(([name, bytes]) => {
      const place = next;
      next += 64 * Math.ceil(bytes / 64);
      return [name, place];
    }),
  ) as Record<N, number>;
  return {
    bytes: next,
    at: (name: N, displacement = 0): MemoryOperand => at(rsp, places[name] + displacement),
    offset: (name: N) => places[name],
  };
}

/** What is on the stack of every tile: vectors of its queries, scalars of the tile and the block. */
export const sightFrame = {
  positions: 4 * tileQueries,
  oldest: 4 * tileQueries,
  newest: 4 * tileQueries,
  ids: 4 * tileQueries,
  /** Queries that there are, positions of the first and last, least and greatest number. */
  rows: 8,
  first: 8,
  last: 8,
  leastId: 8,
  mostId: 8,
  /** Numbers of the batch's keys, the ends of their ranges, numbers of its queries. */
  keyIds: 8,
  keyEnds: 8,
  queryIds: 8,
  /** Keys of the block that are computed, and a place for a lane. */
  count: 8,
  lane: 8,
} as const;
type SightName = keyof typeof sightFrame;

interface SightPlan {
  readonly a: Assembler;
  readonly s: FlashShape;
  readonly l: FlashLayout;
  readonly place: (name: SightName, displacement?: number) => MemoryOperand;
  /** A field of the run. */
  readonly field: (name: "queryIds" | "keyIds" | "keyEnds") => MemoryOperand;
}

/** Names of the run's fields for numbers. */
export const segmentFields = (s: FlashShape): readonly ("queryIds" | "keyIds" | "keyEnds")[] =>
  s.segments === "none" ? [] : s.segments === "equal" ? ["queryIds", "keyIds"] : ["queryIds", "keyIds", "keyEnds"];

/** Where the numbers of text `rax` are; rdi has the run. Uses rcx. */
export function pointAtSegments({ a, s, place, field }: SightPlan): void {
  for (const name of segmentFields(s)) {
    a.imulBy(rcx, rax, 4 * (name === "queryIds" ? s.queries : s.keys));
    a.alu("add", rcx, field(name));
    a.store(place(name), rcx);
  }
}

/** rax := the lowest lane of a vector. */
function laneOf({ a, place }: SightPlan, register: number): void {
  a.saveLane(place("lane"), register);
  a.movsxd(rax, place("lane"));
}

/**
 * Numbers at r8, rcx of them: registers `least` and `most` get their least and greatest in every lane. Where `save` is, they are put there, the
 * first in the place of those that are not. `vectors` of lanes are looked at. Uses rdx and the registers 24 to 27.
 */
function rangeOf(p: SightPlan, least: number, most: number, vectors: number, save?: MemoryOperand): void {
  const { a } = p;
  const [x, other, first, count] = [24, 25, 26, 27];
  a.setAddress(rdx, flashConstants());
  a.broadcastRegister(count!, rcx);
  a.broadcast(first!, at(r8));
  a.load(least, first!);
  a.load(most, first!);
  for (let v = 0; v < vectors; v++) {
    a.compare(1, count!, ">", lanes(rdx, v));
    a.loadMasked(x!, at(r8, 64 * v), 1);
    a.v("vblendmps", x!, first!, x!, 1);
    if (save) a.save({ ...save, displacement: save.displacement + 64 * v }, x!);
    a.v("vpminsd", least, least, x!);
    a.v("vpmaxsd", most, most, x!);
  }
  a.reduce("vpminsd", least, other!);
  a.reduce("vpmaxsd", most, other!);
}

/** A tile begins at query `rax`, with `rows` on the stack: its positions and numbers. Uses rax, rcx, rdx and r8. */
export function beginSight(p: SightPlan): void {
  const { a, s, place } = p;
  a.mov(r8, rax);
  a.alu("add", rax, { value: s.offset });
  a.store(place("first"), rax);
  a.setAddress(rdx, flashConstants());
  a.broadcastRegister(0, rax);
  for (let v = 0; v < tileVectors; v++) {
    a.v("vpaddd", 1, 0, lanes(rdx, v));
    a.save(place("positions", 64 * v), 1);
    if (s.window === undefined) continue;
    a.set(rcx, s.window);
    a.broadcastRegister(2, rcx);
    a.v("vpaddd", 3, 1, 2);
    a.save(place("newest", 64 * v), 3);
    a.set(rcx, -s.window);
    a.broadcastRegister(2, rcx);
    a.v("vpaddd", 3, 1, 2);
    a.save(place("oldest", 64 * v), 3);
  }
  a.alu("add", rax, place("rows"));
  a.alu("sub", rax, { value: 1 });
  a.store(place("last"), rax);
  if (s.segments === "none") return;
  a.shift("left", r8, 2);
  a.alu("add", r8, place("queryIds"));
  a.mov(rcx, place("rows"));
  rangeOf(p, 28, 29, tileVectors, place("ids"));
  laneOf(p, 28);
  a.store(place("leastId"), rax);
  laneOf(p, 29);
  a.store(place("mostId"), rax);
}

/** Jumps to `hidden` where no query sees a key of the block by their numbers; where all see all, on; else to `some`. Uses rax, rcx, rdx, r8. */
function lookAtSegments(p: SightPlan, hidden: Label, some: Label): void {
  const { a, s, place } = p;
  if (s.segments === "none") return;
  const look = (name: "keyIds" | "keyEnds", least: number, most: number) => {
    a.mov(rcx, place("count"));
    if (s.keys % keyStrip !== 0) {
      const fits = a.label();
      a.mov(rax, rcx);
      a.alu("add", rax, r14);
      a.alu("cmp", rax, { value: s.keys });
      a.jumpIf("le", fits);
      a.set(rcx, s.keys);
      a.alu("sub", rcx, r14);
      a.place(fits);
    }
    a.mov(r8, place(name));
    a.lea(r8, at(r8, 0, r14, 4));
    rangeOf(p, least, most, flashKeys / 16);
  };
  const isRange = s.segments === "range";
  look("keyIds", 20, 21);
  if (isRange) look("keyEnds", 22, 23);
  const [leastEnd, mostEnd] = isRange ? [22, 23] : [20, 21];
  // the queries' greatest number is below the keys' least
  laneOf(p, 20);
  a.alu("cmp", rax, place("mostId"));
  a.jumpIf("g", hidden);
  laneOf(p, mostEnd);
  a.alu("cmp", rax, place("leastId"));
  a.jumpIf(isRange ? "le" : "l", hidden);
  laneOf(p, 21);
  a.alu("cmp", rax, place("leastId"));
  a.jumpIf("g", some);
  laneOf(p, leastEnd);
  a.alu("cmp", rax, place("mostId"));
  a.jumpIf(isRange ? "le" : "l", some);
}

/** Of the block from key r14 on, `count` keys: to `hidden`, to `some`, or on where every query sees every key. Uses rax, rcx, rdx, r8. */
export function lookAtBlock(p: SightPlan, hidden: Label, some: Label): void {
  const { a, s, place } = p;
  lookAtSegments(p, hidden, some);
  a.mov(rax, r14);
  a.alu("add", rax, place("count"));
  if (s.keys % keyStrip !== 0) {
    a.alu("cmp", rax, { value: s.keys });
    a.jumpIf("g", some);
  }
  a.alu("sub", rax, { value: 1 });
  if (s.causal) {
    a.alu("cmp", rax, place("first"));
    a.jumpIf("g", some);
  }
  if (s.window === undefined) return;
  if (!s.causal) {
    a.alu("sub", rax, { value: s.window });
    a.alu("cmp", rax, place("first"));
    a.jumpIf("ge", some);
  }
  a.lea(rax, at(r14, s.window));
  a.alu("cmp", rax, place("last"));
  a.jumpIf("le", some);
}

/**
 * Numbers of a strip's keys from key `rax` on, in the registers 0 to 23 (a row a key): hidden ones become register 25. Uses rax, rcx, rdx, the
 * registers 24 and 26 to 29 and the masks 1 to 3.
 */
export function hideStrip(p: SightPlan): void {
  const { a, s, place } = p;
  const [key, hidden, id, most] = [24, 25, 26, 29];
  const isPart = s.keys % keyStrip !== 0;
  if (s.segments !== "none") for (let v = 0; v < tileVectors; v++) a.load(id! + v, place("ids", 64 * v));
  if (isPart) {
    a.set(rcx, s.keys);
    a.broadcastRegister(most!, rcx);
  }
  for (let r = 0; r < keyStrip; r++) {
    const isUnder = [false, false, false];
    const under = (v: number): number => {
      const mask = isUnder[v] ? 1 + v : 0;
      isUnder[v] = true;
      return mask;
    };
    a.broadcastRegister(key!, rax);
    for (let v = 0; v < tileVectors; v++) {
      if (s.causal) a.compare(1 + v, key!, "<=", place("positions", 64 * v), under(v));
      if (s.window !== undefined) {
        a.compare(1 + v, key!, ">", place("oldest", 64 * v), under(v));
        if (!s.causal) a.compare(1 + v, key!, "<", place("newest", 64 * v), under(v));
      }
      if (isPart) a.compare(1 + v, key!, "<", most!, under(v));
    }
    if (s.segments !== "none") {
      a.mov(rcx, rax);
      if (isPart) {
        const fits = a.label();
        a.alu("cmp", rcx, { value: s.keys - 1 });
        a.jumpIf("le", fits);
        a.set(rcx, s.keys - 1);
        a.place(fits);
      }
      const of = (name: "keyIds" | "keyEnds"): MemoryOperand => {
        a.mov(rdx, place(name));
        return spread(at(rdx, 0, rcx, 4));
      };
      const ids = of("keyIds");
      for (let v = 0; v < tileVectors; v++) a.compare(1 + v, id! + v, s.segments === "equal" ? "=" : ">=", ids, under(v));
      if (s.segments === "range") {
        const ends = of("keyEnds");
        for (let v = 0; v < tileVectors; v++) a.compare(1 + v, id! + v, "<", ends, under(v));
      }
    }
    for (let v = 0; v < tileVectors; v++) if (isUnder[v]) a.v("vblendmps", r * tileVectors + v, hidden!, r * tileVectors + v, 1 + v);
    a.alu("add", rax, { value: 1 });
  }
}

/** rax := a number / parts, rdx := the rest. Uses rcx. */
export function divideBy(a: Assembler, number: Gpr, parts: number): void {
  a.mov(rax, number);
  a.alu("xor", rdx, rdx);
  a.set(rcx, parts);
  a.divide(rcx);
}
export const runField = (fields: Readonly<Record<string, number>>, name: string): MemoryOperand => at(rdi, fields[name]!);
