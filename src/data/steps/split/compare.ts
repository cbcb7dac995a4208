/**
 * What a finished split is held against: every train document against the held-out ones that are checked, by all their shingles; and values of
 * attributes that stand on both sides. The shingles of the held-out side, as a filter that everyone is told, show which train documents can be
 * like one at all: those that have nearly all of their shingles there; they alone are compared.
 */
import { everything, fromJson, jsonMessage, namedMessage, nameFrom, textKey } from "../messages.ts";
import { hashSet, leaksAgainst, shingleHashes, shingles, sketcher, storedSketches } from "../near-duplicates/index.ts";
import type { BinBlocks, GroupRound, Out, Phase, StreamRound } from "../step.ts";
import type { ChosenSides } from "./choose.ts";
import { crossingRound, sendSide } from "./crossing-words.ts";
import { attributesTogether } from "./groups.ts";
import type { SplitOptions } from "./options.ts";
import { countRound, sendBag, sharedWith, shortTextTags } from "./short-texts.ts";

/** A held-out document is told of a train document that is like it. */
export interface PairCrossing {
  readonly train: string;
  readonly similarity: number;
  /** By single words, not by shingles. */
  readonly byWords?: boolean;
}
/** One document of those that share a value across the sides is told of it. */
export interface CrossingValue {
  readonly crosses: string;
}

/** The fewest bits of a filter that at most one in `spread` of other shingles passes. */
const spread = 16;
const filterBits = (shingles: number): number => Math.max(10, Math.min(30, Math.ceil(Math.log2(Math.max(1, shingles) * spread))));

/** A bit for each of the shingles, by its upper bits. */
export function filterOf(sets: readonly Uint32Array[]): Uint8Array {
  const bits = filterBits(sets.reduce((n, s) => n + s.length, 0));
  const filter = new Uint8Array(2 ** (bits - 3));
  for (const set of sets)
    for (const s of set) {
      const bit = s >>> (32 - bits);
      filter[bit >>> 3]! |= 1 << (bit & 7);
    }
  return filter;
}

const distinct = hashSet();
let missing = new Uint32Array(1024);

/**
 * Whether a set with these shingles, some of which may come more than once, may have a Jaccard similarity of `threshold` with a set that the
 * filter holds: at most 1 - threshold of its own distinct shingles are missing there.
 */
export function mayBeLike(shingles: Uint32Array, filter: Uint8Array, threshold: number): boolean {
  if (shingles.length === 0) return false;
  const shift = 32 - 3 - Math.log2(filter.length);
  const most = (1 - threshold) * shingles.length;
  if (missing.length < shingles.length) missing = new Uint32Array(2 * shingles.length);
  let n = 0;
  let next = Math.floor(most) + 1;
  for (let i = 0; i < shingles.length; i++) {
    const bit = shingles[i]! >>> shift;
    if (((filter[bit >>> 3]! >> (bit & 7)) & 1) === 1) continue;
    missing[n++] = shingles[i]!;
    if (n < next) continue;
    // So many that it is certain if they are not the same again and again.
    if (distinct.load(missing.slice(0, n)) > most) return false;
    next = 2 * n;
  }
  const own = distinct.load(shingles.slice());
  return distinct.load(missing.subarray(0, n)) <= (1 - threshold) * own + 1e-9 * own;
}

/** Train documents that are compared at once. */
const batch = 1024;
const nameEnd = (value: Buffer) => 5 + value.readUInt32LE(1);
const nameOf = (value: Buffer) => nameFrom(value.subarray(5, nameEnd(value)));
const sketchesOf = (all: readonly Buffer[]) =>
  storedSketches(
    all.map(v => v.subarray(nameEnd(v))),
    { bands: 1 },
  );

async function findLeaks(blocks: () => BinBlocks, o: SplitOptions, out: Out): Promise<void> {
  const held: Buffer[] = [];
  let hasTrain = false;
  for await (const block of blocks())
    for (const { value } of block)
      if (value[0] === 0) held.push(Buffer.from(value));
      else hasTrain = true;
  if (held.length === 0 || !hasTrain) return;
  const check = leaksAgainst(sketchesOf(held), o.near.threshold);
  let train: Buffer[] = [];
  const flush = () => {
    for (const { heldOut, train: t, similarity } of check(sketchesOf(train)))
      out.tell(nameOf(held[heldOut]!).ref, jsonMessage({ train: nameOf(train[t]!).id, similarity } satisfies PairCrossing));
    train = [];
  };
  for await (const block of blocks())
    for (const { value } of block) {
      if (value[0] === 0) continue;
      train.push(value);
      if (train.length === batch) flush();
    }
  flush();
}

/** A value on both sides is told to the one that is least as bytes; a value is its attribute's name in the message of each. */
const valuesRound: GroupRound = {
  atLeast: 2,
  reduce(group, out) {
    let [train, held] = [false, false];
    let first: Buffer | undefined;
    for (const value of group.values()) {
      first ??= value;
      if (value[0] === 0) held = true;
      else train = true;
    }
    if (!train || !held || !first) return;
    const attributeEnd = 5 + first.readUInt32LE(1);
    out.tell(
      nameFrom(first.subarray(attributeEnd)).ref,
      jsonMessage({ crosses: first.toString("utf8", 5, attributeEnd) } satisfies CrossingValue),
    );
  },
};

/** Two phases: the held-out side makes the filter, then whoever may be like somebody there comes to be compared. */
export function compare(o: SplitOptions): Phase[] {
  const sketch = sketcher({ ...o.near, bands: 1, rows: 1 }, { bytes: 0 });
  const attributes = [...new Set([...attributesTogether(o), ...o.check])];
  const headed = (side: ChosenSides["side"], part: Buffer, rest: Buffer): Buffer => {
    const head = Buffer.allocUnsafe(5);
    head[0] = side === "train" ? 1 : 0;
    head.writeUInt32LE(part.length, 1);
    return Buffer.concat([head, part, rest]);
  };
  const filterRound: StreamRound = {
    async reduceStream(blocks, out) {
      const sets: Uint32Array[] = [];
      for await (const block of blocks()) for (const { value } of block) sets.push(new Uint32Array(Uint8Array.from(value).buffer));
      if (sets.length > 0) out.share(Buffer.concat([Buffer.of(shortTextTags.filter), filterOf(sets)]));
    },
  };
  const leaksRound: StreamRound = { reduceStream: (blocks, out) => findLeaks(blocks, o, out) };
  const toldOf = (received: readonly Buffer[]): ChosenSides => {
    for (const m of received) {
      const told = fromJson<Partial<ChosenSides>>(m);
      if (told.side) return told as ChosenSides;
    }
    throw new Error("split: a document that was given no side");
  };
  return [
    {
      everyone: true,
      ask(asked, send) {
        for (const one of asked) {
          const { side, isChecked } = toldOf(one.received);
          if (side === "train" || !isChecked) continue;
          const set = shingles(one.document.text, o.near.words);
          send(0, everything, Buffer.from(set.buffer, set.byteOffset, set.byteLength), true);
          sendBag(o, one.document.text, 1, send);
        }
      },
      rounds: [filterRound, countRound],
    },
    {
      everyone: true,
      hearsAll: true,
      ask(asked, send, shared) {
        const [filter, counts] = [sharedWith(shared, shortTextTags.filter), sharedWith(shared, shortTextTags.counts)];
        for (const { document, ref, received } of asked) {
          const { side, isChecked, isDivided = false } = toldOf(received);
          const name = namedMessage(document, ref);
          for (const a of attributes) {
            const value = document.attributes[a];
            if (value !== undefined && value !== null) send(2, textKey(JSON.stringify([a, value])), headed(side, Buffer.from(a), name));
          }
          if (counts && (side === "train" || isChecked)) sendSide(o, document.text, { side, isDivided }, name, counts, { round: 1, send });
          if (
            side === "held-out" ? !isChecked : !filter || !mayBeLike(shingleHashes(document.text, o.near.words), filter, o.near.threshold)
          )
            continue;
          const stored = sketch.stored(document.id, () => document.text);
          send(0, everything, headed(side, name, stored), true);
        }
      },
      rounds: [leaksRound, crossingRound(o), ...(attributes.length > 0 ? [valuesRound] : [])],
    },
  ];
}
