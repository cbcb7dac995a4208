/**
 * What kinds of documents there are: where they come from, and every attribute that has few values (label, language, format, ...), with what
 * became of them. Attributes of many values (senders, dates) are left out.
 */
import type { Document } from "./document.ts";
import type { LedgerSide } from "./ledger.ts";
import type { Shown } from "./shown.ts";

interface FacetValue {
  readonly value: string;
  readonly train: number;
  readonly heldOut: number;
  readonly dropped: number;
  /** UTF-8 bytes of the kept. */
  readonly bytes: number;
}

export interface Facet {
  /** `source`, or an attribute's name. */
  readonly name: string;
  readonly values: readonly FacetValue[];
  /** Values that are not listed. */
  readonly others: number;
}

/** An attribute with more values than this is no kind. */
const mostValues = 30;
/** Sources are always a kind; the largest are listed. */
const listedSources = 20;
/** Different sources that are counted apart. */
const mostSources = 10_000;

type Counts = { train: number; heldOut: number; dropped: number; bytes: number };

/** Folder of a place, or the file where it has none: `spam/7.eml` -> `spam`, `mails.jsonl:12` -> `mails.jsonl`. */
export const sourceOf = (place: string): string => {
  const slash = place.lastIndexOf("/");
  return slash > 0 ? place.slice(0, slash) : place.replace(/[:#]\d+$/, "");
};

interface Facets {
  add(document: Document, side: LedgerSide, bytes: number): void;
  all(shown: Shown): Facet[];
}

export function facets(): Facets {
  const kinds = new Map<string, Map<string, Counts>>();
  const isMany = new Set<string>();
  const count = (name: string, value: string, side: LedgerSide, bytes: number) => {
    if (isMany.has(name)) return;
    let values = kinds.get(name);
    if (!values) {
      values = new Map();
      kinds.set(name, values);
    }
    let c = values.get(value);
    if (!c) {
      if (values.size >= (name === "source" ? mostSources : mostValues)) {
        if (name === "source") return;
        isMany.add(name);
        kinds.delete(name);
        return;
      }
      c = { train: 0, heldOut: 0, dropped: 0, bytes: 0 };
      values.set(value, c);
    }
    c[side === "held-out" ? "heldOut" : side]++;
    if (side !== "dropped") c.bytes += bytes;
  };
  return {
    add({ source, attributes }, side, bytes) {
      count("source", sourceOf(source), side, bytes);
      for (const [name, value] of Object.entries(attributes)) {
        // The group of near-duplicates is the split's, not a kind.
        if (name === "cluster") continue;
        if (typeof value === "string" || typeof value === "boolean") count(name, String(value), side, bytes);
        else if (Array.isArray(value)) for (const v of new Set(value as readonly string[])) count(name, v, side, bytes);
      }
    },
    all: shown =>
      [...kinds]
        // Each value once is a name of the document.
        .filter(([name, values]) => name === "source" || [...values.values()].some(c => sum(c) > 1))
        // The mail reader's group is the folder: said once.
        .filter(([name, values]) => name === "source" || !sameAs(values, kinds.get("source")))
        .map(([name, values]) => {
          const sorted = [...values].sort(([a, m], [b, n]) => sum(n) - sum(m) || (a < b ? -1 : 1));
          return {
            name,
            values: sorted.slice(0, listedSources).map(([value, c]) => ({ value: String(shown.value(value)), ...c })),
            others: Math.max(0, sorted.length - listedSources),
          };
        })
        .sort((a, b) => (a.name === "source" ? -1 : b.name === "source" ? 1 : a.name < b.name ? -1 : 1)),
  };
}

const sum = (c: Counts): number => c.train + c.heldOut + c.dropped;

const sameAs = (a: ReadonlyMap<string, Counts>, b: ReadonlyMap<string, Counts> | undefined): boolean =>
  b !== undefined && a.size === b.size && [...a].every(([value, c]) => JSON.stringify(b.get(value)) === JSON.stringify(c));
