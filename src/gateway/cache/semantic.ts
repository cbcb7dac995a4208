/**
 * Questions that mean the same, by the cosine of their vectors: a bounded list in memory, in parts within which all else about a request is equal.
 * Numbers must be the same besides: to a model of sentences "in 7 days" and "in 30 days" are nearly one.
 */
import type { Question } from "./key.ts";

export interface SemanticBounds {
  readonly threshold: number;
  readonly entries: number;
}

interface Near {
  /** Of the answer in the store. */
  readonly key: string;
  readonly around: string;
  readonly similarity: number;
}

interface Entry {
  readonly key: string;
  readonly around: string;
  readonly numbers: string;
  readonly vector: Float32Array;
  readonly expiresMs: number;
}

/** Answers that are tried, the nearest first: the store may have lost some. */
const mostNear = 3;

/** Numbers of a text, in order. */
export const numbersOf = (text: string): string => (text.normalize("NFKC").match(/\d+(?:[.,:/]\d+)*/g) ?? []).join(" ");

/** Of two vectors of length 1. */
export function cosineOf(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) return 0;
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/** To length 1; undefined where it has none, or holds what is no number. */
export function unit(values: ArrayLike<number>): Float32Array | undefined {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]! * values[i]!;
  const length = Math.sqrt(sum);
  if (!(length > 0) || !Number.isFinite(length)) return undefined;
  return Float32Array.from(values, v => v / length);
}

export class SemanticIndex {
  readonly #bounds: SemanticBounds;
  /** In the order of their last use. */
  readonly #entries = new Map<string, Entry>();
  readonly #parts = new Map<string, Set<Entry>>();

  constructor(bounds: SemanticBounds) {
    this.#bounds = bounds;
  }

  get size(): number {
    return this.#entries.size;
  }

  add({ text, around }: Question, vector: Float32Array, key: string, expiresMs: number): void {
    this.#drop(this.#entries.get(key));
    const entry: Entry = { key, around, numbers: numbersOf(text), vector, expiresMs };
    this.#entries.set(key, entry);
    const part = this.#parts.get(around);
    if (part) part.add(entry);
    else this.#parts.set(around, new Set([entry]));
    while (this.#entries.size > this.#bounds.entries) this.#drop(this.#entries.values().next().value);
  }

  /** Those at or above the threshold, the nearest first. */
  nearest({ text, around }: Question, vector: Float32Array, nowMs: number): Near[] {
    const part = this.#parts.get(around);
    if (!part) return [];
    const numbers = numbersOf(text);
    const near: (Near & { readonly entry: Entry })[] = [];
    for (const entry of part) {
      if (entry.expiresMs <= nowMs) this.#drop(entry);
      else if (entry.numbers === numbers) {
        const similarity = cosineOf(entry.vector, vector);
        if (similarity >= this.#bounds.threshold) near.push({ key: entry.key, around, similarity, entry });
      }
    }
    near.sort((a, b) => b.similarity - a.similarity);
    const best = near.slice(0, mostNear);
    for (const { entry } of best.slice(0, 1)) {
      this.#entries.delete(entry.key);
      this.#entries.set(entry.key, entry);
    }
    return best;
  }

  clear(): void {
    this.#entries.clear();
    this.#parts.clear();
  }

  #drop(entry: Entry | undefined): void {
    if (!entry) return;
    this.#entries.delete(entry.key);
    const part = this.#parts.get(entry.around);
    part?.delete(entry);
    if (part?.size === 0) this.#parts.delete(entry.around);
  }
}
