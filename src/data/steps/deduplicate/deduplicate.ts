/**
 * The deduplication step. Exact: texts equal but for case, white space and form of characters. Fuzzy: also texts alike by verified Jaccard
 * similarity. Who stays never depends on the order of reading: the longest text, then the smallest hash, then the smallest id.
 *
 * As messages: every document sends its hash and, for fuzzy, the hash under each of its band keys. Hashes that meet under a band key are
 * linked; sets of linked hashes (which hold all candidates of each of their members) then come together with their shingles, a set a group,
 * and are judged there as if the corpus were nothing else. Memory: 40 bytes a linked document, and 4 bytes a word of the largest set.
 */

import { hash } from "node:crypto";
import { type Document, textBytes } from "../../document.ts";
import type { StepVerdict } from "../../ledger.ts";
import { bytesOfKey, keyFrom, type Named, namedMessage, nameFrom } from "../messages.ts";
import { linkHashes, type SketcherMemory, sketcher, storedSketches, survivors, type Twin } from "../near-duplicates/index.ts";
import { type NearDuplicateOptions, nearDuplicateOptions } from "../near-duplicates/options.ts";
import { type CorpusPlan, corpusStep, type Key, type Out, type Phase, type Round, type Send } from "../step.ts";
import { type ExactKey, exactKey, hashBytes } from "./exact.ts";
import { deduplicateOptions } from "./options.ts";

/** What a document is told at the end: a verdict where it goes; where it stays, that others are like it. */
type Told = { readonly verdict: StepVerdict } | { readonly cluster: string; readonly copies: number };

/** The marks of messages to documents. */
const [setMark, exactMark, nearMark, stayMark] = [1, 2, 3, 4];

/** As bytes: mark, value or copies, threshold, length of the cluster's name, the name, the survivor. */
function toldBytes(mark: number, value: number, threshold: number, cluster: string, survivor: string): Buffer {
  const clusterBytes = Buffer.byteLength(cluster);
  const bytes = Buffer.allocUnsafe(21 + clusterBytes + Buffer.byteLength(survivor));
  bytes[0] = mark;
  bytes.writeDoubleLE(value, 1);
  bytes.writeDoubleLE(threshold, 9);
  bytes.writeUInt32LE(clusterBytes, 17);
  bytes.write(cluster, 21, "utf8");
  bytes.write(survivor, 21 + clusterBytes, "utf8");
  return bytes;
}
function toldFrom(bytes: Buffer): Told | undefined {
  const mark = bytes[0];
  if (mark === setMark) return undefined;
  const end = 21 + bytes.readUInt32LE(17);
  const cluster = bytes.toString("utf8", 21, end);
  const value = bytes.readDoubleLE(1);
  if (mark === stayMark) return { cluster, copies: value };
  const rule = mark === exactMark ? "exact" : "near-duplicate";
  return { verdict: { rule, keep: false, value, threshold: bytes.readDoubleLE(9), cluster, survivor: bytes.toString("utf8", end) } };
}

/** Texts with one hash; the first is the one that leads. */
interface Copies {
  readonly hash: Buffer;
  readonly size: number;
  readonly identity: Buffer;
  readonly members: readonly Named[];
}

/**
 * What the leader of copies is told in between, and sends on to its set: a mark, set, hash, identity of the text, size, and of
 * each copy the length of its name and the name.
 */
const [setAt, copiesHashAt, copiesIdentityAt, copiesSizeAt, membersAt] = [
  1,
  1 + hashBytes,
  1 + 2 * hashBytes,
  1 + 3 * hashBytes,
  9 + 3 * hashBytes,
];
function copiesBytes(set: Buffer, { hash, identity, size, members }: Copies): Buffer {
  const head = Buffer.allocUnsafe(9);
  head[0] = setMark;
  head.writeDoubleLE(size, 1);
  const names = members.flatMap(({ id, ref }) => {
    const name = namedMessage({ id }, ref);
    const length = Buffer.allocUnsafe(4);
    length.writeUInt32LE(name.length);
    return [length, name];
  });
  return Buffer.concat([head.subarray(0, 1), set, hash, identity, head.subarray(1), ...names]);
}
function copiesFrom(bytes: Buffer): Copies {
  const members: Named[] = [];
  for (let at = membersAt; at < bytes.length; ) {
    const end = at + 4 + bytes.readUInt32LE(at);
    members.push(nameFrom(bytes.subarray(at + 4, end)));
    at = end;
  }
  return {
    hash: bytes.subarray(copiesHashAt, copiesIdentityAt),
    identity: bytes.subarray(copiesIdentityAt, copiesSizeAt),
    size: bytes.readDoubleLE(copiesSizeAt),
    members,
  };
}

/** What a document sends: 1, its size, its text's identity, its name. A set's name comes in the same round behind a 0. */
const [identityAt, nameAt] = [9, 9 + hashBytes];
const sized = ({ id }: Document, ref: number, size: number, identity: Buffer): Buffer => {
  const bytes = Buffer.allocUnsafe(nameAt + Buffer.byteLength(id) + 9);
  bytes[0] = 1;
  bytes.writeDoubleLE(size, 1);
  identity.copy(bytes, identityAt);
  const end = nameAt + bytes.write(id, nameAt, "utf8");
  bytes[end] = 0;
  bytes.writeDoubleLE(ref, end + 1);
  return bytes;
};

/** The best first: the longest, then the smallest id. */
function copiesOf(key: Key, values: Iterable<Buffer>): Copies {
  const all = Array.from(values, v => ({ size: v.readDoubleLE(1), at: v, ...nameFrom(v, nameAt) }));
  all.sort((a, b) => b.size - a.size || (a.id < b.id ? -1 : 1));
  const { size, at } = all[0]!;
  const members = all.map(({ id, ref }) => ({ id, ref }));
  return { hash: bytesOfKey(key), size, identity: at.subarray(identityAt, nameAt), members };
}

/** Tells all documents of a cluster what becomes of them. */
function tellCluster(
  groups: readonly { readonly copies: Copies; readonly twin?: { survivor: Copies; similarity: number } }[],
  threshold: number,
  out: Out,
) {
  const ids = groups.flatMap(g => g.copies.members.map(m => m.id));
  const cluster = [...ids].sort()[0]!;
  for (const { copies, twin } of groups)
    for (const [i, { ref }] of copies.members.entries()) {
      // A copy's survivor may itself be gone for a near-duplicate: name the one that stays.
      const survivor = (twin?.survivor ?? copies).members[0]!.id;
      if (i === 0 && !twin) out.tell(ref, toldBytes(stayMark, ids.length, 0, cluster, ""));
      else if (i > 0 || !twin) out.tell(ref, toldBytes(exactMark, 1, 1, cluster, survivor));
      else out.tell(ref, toldBytes(nearMark, twin.similarity, threshold, cluster, survivor));
    }
}

/** Copies that are linked to nothing. */
const exactRound: Round = {
  atLeast: 2,
  unordered: true,
  reduce(group, out) {
    tellCluster([{ copies: copiesOf(group.key, group.values()) }], 1, out);
  },
};

/** Round 2: copies, and the set they are in; their leader is told all of it. */
const setRound: Round = {
  atLeast: 2,
  unordered: true,
  reduce(group, out) {
    let set: Buffer | undefined;
    const copies: Buffer[] = [];
    for (const value of group.values())
      if (value[0] === 0) set = value.subarray(1);
      else copies.push(value);
    const all = copiesOf(group.key, copies);
    if (set === undefined) tellCluster([{ copies: all }], 1, out);
    else out.tell(all.members[0]!.ref, copiesBytes(set, all));
  },
};

/** A set of linked hashes with their sketches, judged. Values: length of what the leader was told, that, the sketch. */
const judgeRound = (fuzzy: NearDuplicateOptions): Round => ({
  unordered: true,
  reduce(group, out) {
    const sets: Copies[] = [];
    const stored: Buffer[] = [];
    for (const value of group.values()) {
      const sketchAt = 4 + value.readUInt32LE(0);
      stored.push(value.subarray(sketchAt));
      sets.push(copiesFrom(value.subarray(4, sketchAt)));
    }
    const order = Uint32Array.from(sets, (_, i) => i).sort(
      (a, b) => sets[b]!.size - sets[a]!.size || Buffer.compare(sets[a]!.hash, sets[b]!.hash),
    );
    const { twins, linked } = survivors(storedSketches(stored, fuzzy), order, fuzzy);
    const clusters = new Map<number, number[]>();
    for (let i = 0; i < sets.length; i++) {
      const root = linked.find(i);
      const members = clusters.get(root);
      if (members) members.push(i);
      else clusters.set(root, [i]);
    }
    const of = (twin: Twin | undefined) => (twin ? { twin: { survivor: sets[twin.survivor]!, similarity: twin.similarity } } : {});
    for (const members of clusters.values()) {
      if (members.length === 1 && sets[members[0]!]!.members.length === 1) continue;
      tellCluster(
        members.map(i => ({ copies: sets[i]!, ...of(twins.get(i)) })),
        fuzzy.threshold,
        out,
      );
    }
  },
});

/** ASCII texts of one hash differ by case and white space only, which shingles do not see; others stand for themselves. */
const identityOf = (text: string, key: ExactKey): Buffer => (key.ascii ? key.hash : hash("sha256", text, "buffer").subarray(0, hashBytes));

function fuzzyPhases(fuzzy: NearDuplicateOptions, memory: SketcherMemory | undefined): Phase[] {
  const sketch = sketcher(fuzzy, memory);
  return [
    {
      ask(asked, send) {
        for (const { document, ref } of asked) {
          const { text } = document;
          const key = exactKey(text);
          const identity = identityOf(text, key);
          send(2, keyFrom(key.hash), sized(document, ref, key.ascii ? text.length : textBytes(text), identity));
          sketch.sendBands(identity.toString("latin1"), () => key.ascii ?? text, key.hash, send);
        }
      },
      rounds: [linkHashes.meet(1), linkHashes.join(2), setRound],
    },
    {
      ask(asked, send) {
        for (const one of asked) {
          const [told] = one.received;
          if (told![0] !== setMark) continue;
          const length = Buffer.allocUnsafe(4);
          length.writeUInt32LE(told!.length);
          const identity = told!.toString("latin1", copiesIdentityAt, copiesSizeAt);
          const stored = sketch.stored(identity, () => exactKey(one.document.text).ascii ?? one.document.text);
          send(0, keyFrom(told!.subarray(setAt)), Buffer.concat([length, told!, stored]), true);
        }
      },
      rounds: [judgeRound(fuzzy)],
    },
  ];
}

const exactPhases: readonly Phase[] = [
  {
    ask(asked, send: Send) {
      for (const { document, ref } of asked) {
        const { hash, ascii } = exactKey(document.text);
        send(0, keyFrom(hash), sized(document, ref, ascii ? document.text.length : textBytes(document.text), hash));
      }
    },
    rounds: [exactRound],
  },
];

/** Documents left out of the plan's talk stay; those told of copies learn how many there are. */
export function deduplicatePlan(fuzzy: NearDuplicateOptions | undefined, memory?: SketcherMemory): CorpusPlan {
  return {
    phases: fuzzy ? fuzzyPhases(fuzzy, memory) : exactPhases,
    settle(_, received) {
      const told = toldFrom(received.at(-1)!);
      if (!told) return {};
      return "verdict" in told ? { verdicts: [told.verdict] } : { attributes: { copies: told.copies, duplicates: told.cluster } };
    },
  };
}

export const deduplicate = corpusStep({
  name: "deduplicate",
  version: 4,
  options: deduplicateOptions,
  plan: ({ fuzzy }) => deduplicatePlan(fuzzy === true ? nearDuplicateOptions.parse({}) : fuzzy === false ? undefined : fuzzy),
});
