/**
 * Every verdict of every step, kept ones too, as columns beside the documents: one file a step and rule, aligned to a sorted list of ids.
 * So a changed threshold is tried without a new pass, and a document's story has every number. A document that an earlier step dropped has
 * no value of later steps; nobody measured it. Numbers take the narrowest type that holds them exactly; texts are JSON Lines.
 */
import type { LedgerMeasure, StepVerdict } from "./ledger.ts";

export const measuresFile = "measures/index.json";
/** Ids of all documents, kept and dropped, one a line, sorted. */
export const measuredIdsFile = "measures/ids.txt";
export const fatesFile = "measures/fates.column";

/** What became of a document, a byte each: these two, or `firstDrop` plus the place (from 0) of the step that dropped it. */
export const fate = { train: 0, heldOut: 1, firstDrop: 2 } as const;

const types = { u8: Uint8Array, u16: Uint16Array, u32: Uint32Array, f32: Float32Array, f64: Float64Array } as const;
type NumberType = keyof typeof types;

export interface ColumnInfo {
  /** Place of the step among the steps, from 0. */
  readonly position: number;
  readonly step: string;
  readonly rule: string;
  readonly file: string;
  readonly type: NumberType | "boolean" | "json";
  /** Documents that have a value. */
  readonly count: number;
  /** Those whose verdict says no. */
  readonly against: number;
  /** Every document has a value: the file then has no list of their places. */
  readonly isDense: boolean;
  /** The threshold of all of them; null where each has its own, stored beside the value. */
  readonly threshold: LedgerMeasure | null;
}

/** What one step did. */
export interface StepCount {
  readonly position: number;
  readonly step: string;
  readonly version: number;
  readonly kind: "document" | "tagger" | "corpus";
  readonly options: Readonly<Record<string, unknown>>;
  /** Documents that came to it. */
  readonly seen: number;
  readonly dropped: number;
  /** Documents in whose text it changed something. */
  readonly edited: number;
  /** Documents it would have dropped, kept because `keep` names them. */
  readonly spared: number;
}

/** The file `measures/index.json`. */
export interface MeasuresInfo {
  readonly format: 1;
  readonly documents: number;
  readonly steps: readonly StepCount[];
  readonly columns: readonly ColumnInfo[];
}

/** Values of one rule as they are used. `places[i]` is the document's place in the sorted ids; without it, `i` is. */
export interface MeasureColumn {
  readonly places: Uint32Array | undefined;
  /** 1 where the verdict keeps. */
  readonly keeps: Uint8Array;
  readonly values: ArrayLike<number> | readonly LedgerMeasure[];
  readonly thresholds: ArrayLike<number> | readonly LedgerMeasure[] | undefined;
}

/** Column in the making: 13 bytes a value, in the order of coming. */
class Growing {
  count = 0;
  documents = new Uint32Array(256);
  keeps = new Uint8Array(256);
  values = new Float64Array(256);
  /** From the first threshold that differs on. */
  thresholds: Float64Array | undefined;
  threshold: LedgerMeasure | undefined;
  kind: "number" | "boolean" | "string" | undefined;
  /** From the first text on, or where kinds mix. */
  texts: { readonly value: LedgerMeasure; readonly threshold: LedgerMeasure }[] | undefined;
  readonly position: number;
  readonly step: string;
  readonly rule: string;

  constructor(position: number, step: string, rule: string) {
    this.position = position;
    this.step = step;
    this.rule = rule;
  }

  #grow(): void {
    const larger = <A extends Uint8Array | Uint32Array | Float64Array>(old: A, next: A): A => {
      next.set(old);
      return next;
    };
    const size = this.documents.length * 2;
    this.documents = larger(this.documents, new Uint32Array(size));
    this.keeps = larger(this.keeps, new Uint8Array(size));
    this.values = larger(this.values, new Float64Array(size));
    if (this.thresholds) this.thresholds = larger(this.thresholds, new Float64Array(size));
  }

  add(document: number, keep: boolean, value: LedgerMeasure, threshold: LedgerMeasure): void {
    if (this.count === this.documents.length) this.#grow();
    const i = this.count++;
    this.documents[i] = document;
    this.keeps[i] = keep ? 1 : 0;
    this.threshold ??= threshold;
    this.kind ??= typeof value as "number" | "boolean" | "string";
    const own = threshold !== this.threshold;
    if (typeof value === "string" || typeof value !== this.kind || (own && typeof threshold !== typeof this.threshold)) this.#toTexts(i);
    if (own && typeof threshold !== "number") this.#toTexts(i);
    if (this.texts) {
      this.texts.push({ value, threshold });
      return;
    }
    this.values[i] = Number(value);
    if (own) this.thresholds ??= new Float64Array(this.documents.length).fill(Number(this.threshold), 0, i);
    if (this.thresholds) this.thresholds[i] = Number(threshold);
  }

  #toTexts(until: number): void {
    this.texts ??= Array.from({ length: until }, (_, i) => ({
      value: this.kind === "boolean" ? this.values[i] === 1 : this.values[i]!,
      threshold: this.thresholds ? this.thresholds[i]! : this.threshold!,
    }));
  }
}

interface MeasureRecorder {
  /** All values of a column of other documents; `documentOf` tells which one a place is here. */
  recordColumn(
    info: Pick<ColumnInfo, "position" | "step" | "rule" | "threshold">,
    column: MeasureColumn,
    documentOf: (place: number) => number,
  ): void;
  record(document: number, position: number, step: string, verdicts: readonly StepVerdict[]): void;
  /**
   * Columns over ids in sorted order: `ranks[document]` is a document's place there. Each is made when it is asked for and forgotten here, so
   * that all of them are never in memory twice; they can be gone through once.
   */
  finish(ranks: Uint32Array): Iterable<EncodedColumn>;
}

interface EncodedColumn {
  readonly info: ColumnInfo;
  readonly pieces: readonly (string | Uint8Array)[];
}

const asBytes = (a: Uint8Array | Uint16Array | Uint32Array | Float32Array | Float64Array): Uint8Array =>
  new Uint8Array(a.buffer, a.byteOffset, a.byteLength);

/** The narrowest type that gives every number back exactly. */
function typeOf(values: Float64Array): NumberType {
  let [whole, single, most] = [true, true, 0];
  for (const v of values) {
    if (!(Number.isInteger(v) && v >= 0 && !Object.is(v, -0))) whole = false;
    if (Math.fround(v) !== v && !Number.isNaN(v)) single = false;
    if (v > most) most = v;
  }
  if (whole && most < 2 ** 8) return "u8";
  if (whole && most < 2 ** 16) return "u16";
  if (whole && most < 2 ** 32) return "u32";
  return single ? "f32" : "f64";
}

/** Names of rules are names of files here. */
const fileOf = (c: Growing): string => `measures/${c.position}-${c.step}/${c.rule.replaceAll(/[^\w-]/g, "_").slice(0, 80)}`;

function encode(c: Growing, ranks: Uint32Array): EncodedColumn {
  // A rule that spoke twice of one document counts once, by its no if it has one.
  const at = new Int32Array(ranks.length).fill(-1);
  let count = 0;
  for (let i = 0; i < c.count; i++) {
    const place = ranks[c.documents[i]!]!;
    const was = at[place]!;
    if (was < 0) count++;
    if (was < 0 || (c.keeps[was] === 1 && c.keeps[i] === 0)) at[place] = i;
  }
  const places = new Uint32Array(count);
  const order = new Uint32Array(count);
  for (let place = 0, n = 0; place < at.length; place++) {
    if (at[place]! < 0) continue;
    places[n] = place;
    order[n++] = at[place]!;
  }
  const keeps = Uint8Array.from(order, i => c.keeps[i]!);
  const isDense = count === ranks.length;
  const file = fileOf(c);
  const common = { position: c.position, step: c.step, rule: c.rule, count, against: keeps.reduce((n, k) => n + 1 - k, 0), isDense };
  if (c.texts) {
    const same = c.texts.every(t => t.threshold === c.threshold);
    const lines = Array.from(order, (i, n) => {
      const { value, threshold } = c.texts![i]!;
      return `${JSON.stringify([places[n], keeps[n], value, ...(same ? [] : [threshold])])}\n`;
    });
    return { info: { ...common, file: `${file}.jsonl`, type: "json", threshold: same ? c.threshold! : null }, pieces: lines };
  }
  const values = Float64Array.from(order, i => c.values[i]!);
  const type = c.kind === "boolean" ? "boolean" : typeOf(values);
  const stored = type === "f64" ? values : types[type === "boolean" ? "u8" : type].from(values);
  const thresholds = c.thresholds && Float64Array.from(order, i => c.thresholds![i]!);
  return {
    info: { ...common, file: `${file}.column`, type, threshold: thresholds ? null : c.threshold! },
    pieces: [...(isDense ? [] : [asBytes(places)]), keeps, asBytes(stored), ...(thresholds ? [asBytes(thresholds)] : [])],
  };
}

export function measureRecorder(): MeasureRecorder {
  const columns = new Map<string, Growing>();
  const columnOf = (position: number, step: string, rule: string): Growing => {
    const key = `${position} ${rule}`;
    let column = columns.get(key);
    if (!column) {
      column = new Growing(position, step, rule);
      columns.set(key, column);
    }
    return column;
  };
  return {
    record(document, position, step, verdicts) {
      for (const v of verdicts) columnOf(position, step, v.rule).add(document, v.keep, v.value, v.threshold);
    },
    recordColumn({ position, step, rule, threshold }, column, documentOf) {
      const into = columnOf(position, step, rule);
      for (let i = 0; i < column.keeps.length; i++)
        into.add(
          documentOf(column.places ? column.places[i]! : i),
          column.keeps[i] === 1,
          column.values[i]!,
          threshold ?? column.thresholds![i]!,
        );
    },
    *finish(ranks) {
      // By name within a step: which document came first must not matter.
      const sorted = [...columns.values()].sort((a, b) => b.position - a.position || (a.rule < b.rule ? 1 : -1));
      columns.clear();
      for (let c = sorted.pop(); c; c = sorted.pop()) yield encode(c, ranks);
    },
  };
}

/** A column of its file's bytes. */
export function decodeColumn(info: ColumnInfo, bytes: Uint8Array): MeasureColumn {
  if (info.type === "json") {
    const rows = Buffer.from(bytes)
      .toString("utf8")
      .split("\n")
      .filter(l => l !== "")
      .map(l => JSON.parse(l) as [number, number, LedgerMeasure, LedgerMeasure?]);
    return {
      places: info.isDense ? undefined : Uint32Array.from(rows, r => r[0]),
      keeps: Uint8Array.from(rows, r => r[1]),
      values: rows.map(r => r[2]),
      thresholds: info.threshold === null ? rows.map(r => r[3]!) : undefined,
    };
  }
  const { count, type } = info;
  let from = 0;
  // A copy of its own: the pieces stand where their type must not.
  const next = (size: number): ArrayBuffer => {
    from += size;
    return Uint8Array.from(bytes.subarray(from - size, from)).buffer;
  };
  const places = info.isDense ? undefined : new Uint32Array(next(4 * count));
  const keeps = new Uint8Array(next(count));
  const Type = types[type === "boolean" ? "u8" : type];
  const values = new Type(next(Type.BYTES_PER_ELEMENT * count));
  const thresholds = info.threshold === null ? new Float64Array(next(8 * count)) : undefined;
  return { places, keeps, values: type === "boolean" ? Array.from(values, v => v === 1) : values, thresholds };
}

/** Where a document's value stands in a column, -1 where it has none. */
export function findPlace(column: MeasureColumn, place: number): number {
  const { places } = column;
  if (!places) return place < column.keeps.length ? place : -1;
  let [low, high] = [0, places.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (places[middle]! < place) low = middle + 1;
    else high = middle;
  }
  return places[low] === place ? low : -1;
}
