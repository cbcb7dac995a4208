/** What a field of records holds, over a sample; and which one is the text, which one a label. */
import type { RecordFields } from "../sources/fields.ts";
import { nestedValues } from "../sources/fields.ts";

type FieldKind = "text" | "number" | "boolean" | "mixed";

export interface FieldSummary {
  /** Nested ones by their path, `meta.author`. */
  readonly name: string;
  readonly kind: FieldKind;
  /** Share of the sample that has a value. */
  readonly filled: number;
  /** Different values in the sample. */
  readonly distinct: number;
  /** Of texts, characters. */
  readonly meanLength: number;
  /** The commonest values, shortened. */
  readonly examples: readonly string[];
}

type Single = string | number | boolean;
const isSingle = (value: unknown): value is Single => ["string", "number", "boolean"].includes(typeof value);

const shownLength = 60;
const shorten = (text: string): string => {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length > shownLength ? `${line.slice(0, shownLength - 3)}...` : line;
};

/** Sums up all fields of a sample, in the order in which they come. */
export class FieldSummaries {
  readonly #counts = new Map<string, Map<Single, number>>();
  #sampled = 0;

  get sampled(): number {
    return this.#sampled;
  }

  add(record: RecordFields): void {
    this.#sampled++;
    for (const [name, value] of nestedValues(record, isSingle)) {
      if (value === "") continue;
      const counts = this.#counts.get(name) ?? new Map<Single, number>();
      this.#counts.set(name, counts);
      counts.set(value, (counts.get(value) ?? 0) + 1);
    }
  }

  /** Values of a field with how often each comes, the commonest first. */
  values(name: string): readonly (readonly [Single, number])[] {
    return [...(this.#counts.get(name) ?? [])].sort((a, b) => b[1] - a[1] || (String(a[0]) < String(b[0]) ? -1 : 1));
  }

  all(): FieldSummary[] {
    return [...this.#counts.keys()].map(name => {
      const values = this.values(name);
      const kinds = new Set(values.map(([value]) => typeof value));
      const [kind] = kinds.size === 1 ? [...kinds] : [];
      const count = values.reduce((n, [, times]) => n + times, 0);
      const length = values.reduce((n, [value, times]) => n + times * String(value).length, 0);
      return {
        name,
        kind: kind === "string" ? "text" : kind === "number" || kind === "boolean" ? kind : "mixed",
        filled: count / Math.max(1, this.#sampled),
        distinct: values.length,
        meanLength: length / Math.max(1, count),
        examples: values.slice(0, 3).map(([value]) => shorten(String(value))),
      };
    });
  }
}

const textNames =
  /^(?:text|content|body|message|comment|review|description|sentence|document|article|post|tweet|email|mail|question|utterance|query)$/i;
const labelNames =
  /(?:^|[_.\s-])(?:label|class|category|topic|intent|sentiment|target|tag|genre|department|type|spam|rating|stars|priority|language)s?$/i;
const idNames = /(?:^|[_.-])(?:id|uuid|key|index|url)$/i;

/** The field that holds the text: by its name, else the one with the longest texts; undefined where no field has texts of several words. */
export function textFieldOf(fields: readonly FieldSummary[]): string | undefined {
  const texts = fields.filter(f => f.kind === "text" && f.filled > 0.5 && !idNames.test(f.name));
  const named = texts.find(f => textNames.test(f.name.split(".").at(-1)!) && f.meanLength >= 10);
  if (named) return named.name;
  const longest = texts.reduce<FieldSummary | undefined>((a, b) => (a === undefined || b.meanLength > a.meanLength ? b : a), undefined);
  return longest !== undefined && longest.meanLength >= 10 ? longest.name : undefined;
}

/** Classes that a label may have; rows that each needs on average. */
const mostClasses = 50;
const rowsPerClass = 4;

/** The field that puts texts into classes: by its name, else the only one with few short values that come again and again. */
export function labelFieldOf(fields: readonly FieldSummary[], text: string | undefined, sampled: number): string | undefined {
  const able = fields.filter(
    f =>
      f.name !== text &&
      !idNames.test(f.name) &&
      f.filled > 0.9 &&
      f.distinct >= 2 &&
      f.distinct <= Math.min(mostClasses, sampled / rowsPerClass) &&
      f.meanLength <= 40,
  );
  const named = able.filter(f => labelNames.test(f.name));
  if (named.length > 0) return named[0]!.name;
  const spoken = able.filter(f => f.kind === "text" || f.kind === "boolean");
  return spoken.length === 1 ? spoken[0]!.name : undefined;
}
