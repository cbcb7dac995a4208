/** What is known of a document, and of a group that stays together, while sides are drawn; and how both are written into messages. */

import { type Document, textBytes } from "../../document.ts";
import { dateIn } from "../../split-by/index.ts";
import { bytesOfKey, fromJson, jsonMessage, textKey } from "../messages.ts";
import type { DivisionLevels } from "../near-duplicates/index.ts";
import type { Ref } from "../step.ts";
import type { SplitOptions } from "./options.ts";
import { ownSplit, ownStratum } from "./own-split.ts";

export interface GroupMember {
  readonly id: string;
  readonly ref: Ref;
  readonly bytes: number;
  /** Milliseconds; absent where it has no date or none is asked for. */
  readonly date?: number;
  /** Its value of the attribute whose proportions are kept, or of a user's own split. */
  readonly stratum?: string;
  /** Its values of the attributes that stay together, in their order; null where it has none. */
  readonly values?: readonly (string | null)[];
}

/** Attributes whose equal values stay on one side. */
export const attributesTogether = (o: SplitOptions): string[] => [
  ...new Set([...(typeof o.by === "object" ? [o.by.attribute] : []), ...o.together]),
];

const attributeOf = (document: Document, attribute: string): string | null => {
  const value = document.attributes[attribute];
  return value === undefined || value === null ? null : typeof value === "string" ? value : JSON.stringify(value);
};

/** Documents without a value are a stratum of their own. */
const noGroupValue = "(none)";

export function memberMaker(o: SplitOptions): (document: Document, ref: Ref) => GroupMember {
  const read = o.time && dateIn(o.time);
  const together = attributesTogether(o);
  const own = ownSplit(o);
  return (document, ref) => {
    const date = o.time && read ? read(document.attributes[o.time.attribute]) : Number.NaN;
    return {
      id: document.id,
      ref,
      bytes: textBytes(document.text),
      ...(Number.isNaN(date) ? {} : { date }),
      ...(own ? { stratum: ownStratum(document, own) } : {}),
      ...(o.stratify === undefined ? {} : { stratum: attributeOf(document, o.stratify) ?? noGroupValue }),
      ...(together.length > 0 ? { values: together.map(a => attributeOf(document, a)) } : {}),
    };
  };
}

export const memberBytes = (m: GroupMember): Buffer => jsonMessage(m);
export const memberFrom = (bytes: Buffer): GroupMember => fromJson<GroupMember>(bytes);

/** What the drawing reads of a group. */
interface GroupFacts {
  readonly bytes: number;
  readonly count: number;
  /** NaN where nothing in it has a date. */
  readonly oldest: number;
  readonly newest: number;
  ref(i: number): Ref;
  /** Smallest id. */
  first(): string;
  /** Documents and bytes by stratum. */
  strata(): readonly (readonly [value: string, documents: number, bytes: number])[];
  divisible(): Divisible | undefined;
  isDivided(): boolean;
}

/** A group that may be divided. */
interface Divisible {
  readonly members: readonly GroupMember[];
  readonly levels: DivisionLevels;
}
/** What else a group is. */
interface More {
  readonly divisible?: Divisible | undefined;
  /** It is a piece of a larger group. */
  readonly isDivided?: boolean;
}

/** Before the refs: the key, bytes, count, oldest, newest. */
const refsAt = 16 + 4 * 8;

/** A group in a message: its key first, then numbers, refs and the rest as JSON. */
export function groupRecord(seed: number | string, members: readonly GroupMember[], more: More = {}): Buffer {
  const first = members.reduce((a, b) => (b.id < a.id ? b : a)).id;
  let [bytes, oldest, newest] = [0, Number.NaN, Number.NaN];
  const strata = new Map<string, [number, number]>();
  for (const m of members) {
    bytes += m.bytes;
    if (m.date !== undefined) {
      if (!(oldest <= m.date)) oldest = m.date;
      if (!(newest >= m.date)) newest = m.date;
    }
    if (m.stratum === undefined) continue;
    const [documents, size] = strata.get(m.stratum) ?? [0, 0];
    strata.set(m.stratum, [documents + 1, size + m.bytes]);
  }
  const rest = {
    first,
    ...(strata.size === 0 ? {} : { strata: [...strata].map(([value, [n, size]]) => [value, n, size]) }),
    ...more,
  };
  const numbers = Float64Array.from([bytes, members.length, oldest, newest, ...members.map(m => m.ref)]);
  return Buffer.concat([bytesOfKey(textKey(`${seed}/${first}`)), Buffer.from(numbers.buffer), jsonMessage(rest)]);
}

export function groupFrom(value: Buffer): GroupFacts {
  const count = value.readDoubleLE(24);
  const rest = () => fromJson<{ first: string; strata?: [string, number, number][] } & More>(value.subarray(refsAt + 8 * count));
  return {
    bytes: value.readDoubleLE(16),
    count,
    oldest: value.readDoubleLE(32),
    newest: value.readDoubleLE(40),
    ref: i => value.readDoubleLE(refsAt + 8 * i),
    first: () => rest().first,
    strata: () => rest().strata ?? [],
    divisible: () => rest().divisible,
    isDivided: () => rest().isDivided ?? false,
  };
}

/** 48 bits of a group's key: groups are drawn in their order. */
export const orderKey = (value: Buffer): number => value.readUIntBE(0, 6);
