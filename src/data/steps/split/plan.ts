/**
 * The split as messages. Words of short texts are counted (`short-texts.ts`); groups (near-duplicates, values of attributes, single documents) are made and verified set by set; one round then
 * draws the groups to hold out from what it knows of each (`choose.ts`); the last phase compares the sides (`compare.ts`). Groups are drawn in
 * the order of a seeded hash of their smallest id, so a corpus that grows keeps nearly all of its old split.
 */
import { defined } from "../../../base/index.ts";
import { dataErrors } from "../../errors.ts";
import { joinByValues } from "../../split-by/index.ts";
import { bytesOfKey, everything, fromJson, jsonMessage, keyFrom, namedMessage, nameFrom, textKey } from "../messages.ts";
import { divisionLevels, joinAlike, linkHashes, partsBy, similarGroups, sketcher, storedSketches } from "../near-duplicates/index.ts";
import { unionFind } from "../near-duplicates/union-find.ts";
import type { CorpusPlan, CorpusQuestion, GroupRound, Phase, Send } from "../step.ts";
import { type ChosenSides, chooseSides } from "./choose.ts";
import { type CrossingValue, compare, type PairCrossing } from "./compare.ts";
import { attributesTogether, type GroupMember, groupRecord, memberBytes, memberFrom, memberMaker } from "./groups.ts";
import type { SplitOptions } from "./options.ts";
import { ownSplit } from "./own-split.ts";
import { bagBytes, countRound, linkRound, sendBag, sendRareWords, sharedWith, shortTextTags, wordsOfBytes } from "./short-texts.ts";

interface SplitPlace {
  readonly side: "train" | "held-out";
  readonly cluster?: string;
  /** Train documents that are like this held-out one. */
  readonly crossing: number;
  /** Held out, of a divided group, and like a train document by its words. */
  readonly isTemplated: boolean;
  /** Attributes of which a value stands on both sides; each such value is told of one document. */
  readonly crossingValues: readonly string[];
}

export interface SplitPlan extends CorpusPlan {
  /** Errors: `data/leakage` where near-duplicates lie on both sides that should not. */
  place(id: string, received: readonly Buffer[]): SplitPlace;
}

/** Bands and rows that miss a pair at the threshold once in ten million: (1 - t^rows)^bands. */
function groupBands(threshold: number): { readonly bands: number; readonly rows: number } {
  const bands = 64;
  const least = 1 - 1e-7 ** (1 / bands);
  return { bands, rows: threshold === 1 ? 16 : Math.max(1, Math.min(16, Math.floor(Math.log(least) / Math.log(threshold)))) };
}

/** Tells the set it is in to each document that is linked. */
const setRound: GroupRound = {
  atLeast: 2,
  unordered: true,
  reduce(group, out) {
    let set: string | undefined;
    let ref = 0;
    for (const value of group.values())
      if (value[0] === 0) set = value.toString("latin1", 1);
      else ref = nameFrom(value).ref;
    if (set !== undefined) out.tell(ref, jsonMessage({ set }));
  },
};

/** Sets of documents linked by band keys and equal values, then the groups in each of them. */
function linked(o: SplitOptions, shape: { readonly bands: number; readonly rows: number }): Phase[] {
  const near = { ...o.near, ...shape };
  const isNear = o.by === "near-duplicate";
  const sketch = sketcher(near);
  const attributes = attributesTogether(o);
  const memberOf = memberMaker(o);
  const own = ownSplit(o);
  const verifyRound: GroupRound = {
    unordered: true,
    reduce(group, out) {
      const members: GroupMember[] = [];
      const bags: Uint32Array[] = [];
      const stored: Buffer[] = [];
      for (const value of group.values()) {
        const memberEnd = 8 + value.readUInt32LE(0);
        const bagEnd = memberEnd + value.readUInt32LE(4);
        members.push(memberFrom(value.subarray(8, memberEnd)));
        bags.push(wordsOfBytes(value.subarray(memberEnd, bagEnd)));
        stored.push(value.subarray(bagEnd));
      }
      // what stays together however alike words are
      const whole = isNear ? similarGroups(storedSketches(stored, near), near) : unionFind(members.length);
      joinByValues(
        whole,
        attributes.map((_, a) => members.map(m => m.values?.[a] ?? undefined)),
      );
      const sets = unionFind(members.length);
      for (const i of members.keys()) sets.union(i, whole.find(i));
      joinAlike(bags, near.threshold, sets);
      // Of a user's own split both sides of a group are groups.
      const rootOf = (i: number) => (own?.hasValue(members[i]!.stratum!) ? -1 - sets.find(i) : sets.find(i));
      for (const at of partsBy(members.keys(), rootOf)) {
        const list = at.map(i => members[i]!);
        const levels = isNear && !own ? divisionLevels(at, bags, whole, near.threshold) : [];
        out.send(1, everything, groupRecord(o.seed, list, levels.length > 0 ? { divisible: { members: list, levels } } : {}));
      }
    },
  };
  const count: Phase = {
    ask(asked, send) {
      for (const { document } of asked) sendBag(o, document.text, 0, send);
    },
    rounds: [countRound],
  };
  return [
    ...(isNear && near.shortWords > 0 ? [count] : []),
    {
      everyone: true,
      ask(asked, send, shared) {
        const counts = sharedWith(shared, shortTextTags.counts);
        for (const { document, ref } of asked) {
          const name = textKey(document.id);
          const bytes = bytesOfKey(name);
          // A 1 in front: a set's name comes behind a 0.
          send(3, name, Buffer.concat([Buffer.of(1), namedMessage(document, ref)]));
          if (counts) sendRareWords(o, document.text, bytes, counts, 1, send);
          if (isNear) sketch.sendBands(document.id, () => document.text, bytes, send);
          for (const [a, value] of (memberOf(document, ref).values ?? []).entries())
            if (value !== null) send(0, textKey(JSON.stringify([attributes[a], value])), bytes);
        }
      },
      rounds: [linkHashes.meet(2), linkRound(o, 2), linkHashes.join(3), setRound],
    },
    {
      everyone: true,
      ask(asked, send) {
        for (const { document, ref, received } of asked) {
          const [told] = received;
          const member = memberOf(document, ref);
          if (!told) {
            send(1, everything, groupRecord(o.seed, [member]));
            continue;
          }
          const { set } = fromJson<{ set: string }>(told);
          const bytes = memberBytes(member);
          const bag = isNear ? bagBytes(o, document.text) : Buffer.alloc(0);
          const lengths = Buffer.allocUnsafe(8);
          lengths.writeUInt32LE(bytes.length);
          lengths.writeUInt32LE(bag.length, 4);
          const stored = isNear ? sketch.stored(document.id, () => document.text) : Buffer.alloc(0);
          send(0, keyFrom(Buffer.from(set, "latin1")), Buffer.concat([lengths, bytes, bag, stored]));
        }
      },
      rounds: [verifyRound, chooseSides(o)],
    },
  ];
}

/** Every document is a group. */
function alone(o: SplitOptions): Phase {
  const memberOf = memberMaker(o);
  return {
    ask(asked: readonly CorpusQuestion[], send: Send) {
      for (const { document, ref } of asked) send(0, everything, groupRecord(o.seed, [memberOf(document, ref)]));
    },
    rounds: [chooseSides(o)],
  };
}

/** The plan of a split; `shape` is given by tests only, to see what happens when bands miss. */
export function splitPlan(o: SplitOptions, shape = groupBands(o.near.threshold)): SplitPlan {
  const isAlone = o.by === "document" && o.together.length === 0;
  return {
    phases: o.heldOut === 0 ? [] : [...(isAlone ? [alone(o)] : linked(o, shape)), ...compare(o)],
    settle: () => ({}),
    place(id, received) {
      let told: ChosenSides | undefined;
      // By train document: one may be alike by its words and by its shingles.
      const crossing = new Map<string, number>();
      const alike: PairCrossing[] = [];
      const crossingValues: string[] = [];
      for (const m of received) {
        const said = fromJson<ChosenSides | PairCrossing | CrossingValue | { set: string }>(m);
        if ("side" in said) told = said;
        else if ("train" in said) alike.push(said);
        else if ("crosses" in said) crossingValues.push(said.crosses);
      }
      let isTemplated = false;
      for (const { train, similarity, byWords } of alike)
        if (byWords && told?.isDivided) isTemplated = true;
        else crossing.set(train, similarity);
      const [first] = crossing;
      if (o.by === "near-duplicate" && typeof o.heldOut === "number" && first)
        throw dataErrors.fail("leakage", {
          place: id,
          expected: `no train document with a similarity of ${o.near.threshold} or more`,
          received: `${first[0]} with ${first[1].toFixed(3)}`,
        });
      return {
        side: told?.side ?? "train",
        ...defined({ cluster: told?.cluster }),
        crossing: crossing.size,
        isTemplated,
        crossingValues,
      };
    },
  };
}
