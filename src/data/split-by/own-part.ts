/**
 * A part of a data set that its documents name themselves: an attribute and the values that mean the part (`{ split: test }`). For splits that a
 * user or a benchmark has made. Documents without the attribute are not of the part.
 */
import { formatCount, nearest } from "../../base/index.ts";
import type { OwnPartOptions } from "./options.ts";

export interface OwnPart {
  readonly attribute: string;
  readonly values: readonly string[];
  /** Whether a value of the attribute means the part. */
  hasValue(value: string): boolean;
  has(attributes: Readonly<Record<string, unknown>>): boolean;
}

/** The part that options name. */
export function ownPart(options: OwnPartOptions): OwnPart {
  const [attribute, values] = Object.entries(options)[0]!;
  const named = new Set(values);
  const hasValue = (v: string) => named.has(v);
  return {
    attribute,
    values,
    hasValue,
    has(attributes) {
      const v = Object.hasOwn(attributes, attribute) ? attributes[attribute] : undefined;
      return v !== undefined && v !== null && hasValue(typeof v === "string" ? v : JSON.stringify(v));
    },
  };
}

/** Documents by the value of a part's attribute, and what else there is to name. */
interface OwnPartCounts {
  /** Documents by value, of those that have the attribute. */
  readonly values: ReadonlyMap<string, number>;
  /** Documents without it. */
  readonly without: number;
  /** Attributes of those without it. */
  readonly attributes: ReadonlySet<string>;
}

/** Names and values that a message lists. */
const listed = 20;
const listOf = (names: readonly string[]): string =>
  `${names.slice(0, listed).join(", ")}${names.length > listed ? ` and ${formatCount(names.length - listed)} more` : ""}`;

interface OwnPartProblem {
  readonly expected: string;
  readonly received: string;
  readonly hint?: string;
}

/** What is wrong with a part of these documents: an attribute or a value that none has, or no document beside the part; undefined where nothing is. */
export function ownPartProblem(part: OwnPart, { values, without, attributes }: OwnPartCounts): OwnPartProblem | undefined {
  const { attribute } = part;
  const quoted = JSON.stringify(attribute);
  if (values.size === 0) {
    const near = nearest(attribute, attributes);
    return {
      expected: `documents with the attribute ${quoted}`,
      received: `none of ${formatCount(without)}; they have ${listOf([...attributes].sort()) || "no attributes"}`,
      ...(near === undefined ? {} : { hint: `Did you mean ${JSON.stringify(near)}?` }),
    };
  }
  const known = [...values.keys()].sort();
  const missing = part.values.find(v => !values.has(v));
  if (missing !== undefined) {
    const near = nearest(missing, known);
    return {
      expected: `documents whose attribute ${quoted} is ${JSON.stringify(missing)}`,
      received: `none; its values are ${listOf(known.map(v => `${JSON.stringify(v)} (${formatCount(values.get(v)!)})`))}`,
      ...(near === undefined ? {} : { hint: `Did you mean ${JSON.stringify(near)}?` }),
    };
  }
  if (without === 0 && known.every(part.hasValue))
    return {
      expected: `documents beside those whose attribute ${quoted} is ${part.values.map(v => JSON.stringify(v)).join(" or ")}`,
      received: `none: all ${formatCount([...values.values()].reduce((a, b) => a + b, 0))} are of this part`,
      hint: "Leave a value out, so that documents to train on remain.",
    };
  return undefined;
}

/** Counts documents for `ownPartProblem`. */
export function ownPartCounter(part: OwnPart): {
  add(attributes: Readonly<Record<string, unknown>>): void;
  readonly counts: OwnPartCounts;
} {
  const counts = { values: new Map<string, number>(), without: 0, attributes: new Set<string>() };
  return {
    counts,
    add(attributes) {
      const v = Object.hasOwn(attributes, part.attribute) ? attributes[part.attribute] : undefined;
      if (v === undefined || v === null) {
        counts.without++;
        for (const a of Object.keys(attributes)) if (counts.attributes.size < 1000) counts.attributes.add(a);
        return;
      }
      const key = typeof v === "string" ? v : JSON.stringify(v);
      counts.values.set(key, (counts.values.get(key) ?? 0) + 1);
    },
  };
}
