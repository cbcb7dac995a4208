/**
 * The measured effect of a step: small models trained on the data without it and with it, the same number of tokens from the same start, asked
 * about the same documents that neither saw. Training is a port, as all models are. What it can not tell: how the step does at the size of the
 * real model; small effects need more seeds and more tokens than minutes allow, and the interval says so.
 */
import type { Scorer } from "../resources.ts";
import { differenceInterval, type EffectInterval } from "./interval.ts";

/** Trains a small model; the same texts and seed give the same one. Closing it frees it. */
export interface ProxyTrainer {
  train(texts: readonly string[], seed: number, onProgress?: (done: number) => void): Promise<Scorer & Disposable>;
}

/** A document that both sides are asked about. */
export interface AskedDocument {
  readonly id: string;
  /** As it is without the step. */
  readonly before: string;
  /** As the step leaves it; absent where the step drops it. */
  readonly after?: string | undefined;
}

export interface EffectOptions {
  /** Texts of the train sides. */
  readonly without: readonly string[];
  readonly with: readonly string[];
  readonly asked: readonly AskedDocument[];
  /** Two and more. */
  readonly seeds: readonly number[];
  readonly trainer: ProxyTrainer;
  readonly onProgress?: (done: number, message: string) => void;
}

/** What the sides cost on one set of documents, and their difference: with the step minus without. */
export interface EffectOn extends EffectInterval {
  readonly documents: number;
  readonly bytes: number;
  readonly without: number;
  readonly with: number;
}

export interface Effect {
  /** On documents that the step keeps, as it leaves them: what one wants to be good at, if the step is right. */
  readonly kept: EffectOn | undefined;
  /** On all documents, as they are without the step. */
  readonly all: EffectOn | undefined;
}

const sides = ["without", "with"] as const;

/** Scores of one model: of all documents as they are, and of the kept ones as the step leaves them. */
interface Scores {
  readonly all: readonly number[];
  readonly kept: readonly number[];
}

/** Trains two models a seed and compares them. */
export async function measureEffect(o: EffectOptions): Promise<Effect> {
  const keptDocuments = o.asked.filter(d => d.after !== undefined);
  const found: Record<(typeof sides)[number], Scores[]> = { without: [], with: [] };
  const runs = o.seeds.flatMap(seed => sides.map(side => ({ seed, side })));
  for (const [i, { seed, side }] of runs.entries()) {
    const name = `${side === "with" ? "with" : "without"} the step, seed ${seed}`;
    o.onProgress?.(i / runs.length, name);
    using model = await o.trainer.train(o[side], seed, done => o.onProgress?.((i + 0.9 * done) / runs.length, name));
    const all = (await model.score(o.asked.map(d => d.before))).map(s => s.bits);
    const places = new Map(o.asked.map((d, k) => [d, all[k]!]));
    // A text that the step left alone was asked about already.
    const edited = keptDocuments.filter(d => d.after !== d.before);
    const again = await model.score(edited.map(d => d.after!));
    edited.forEach((d, k) => {
      places.set(d, again[k]!.bits);
    });
    found[side].push({ all, kept: keptDocuments.map(d => places.get(d)!) });
  }
  o.onProgress?.(1, "done");

  const on = (which: keyof Scores, texts: readonly string[]): EffectOn | undefined => {
    const bytes = texts.map(t => Buffer.byteLength(t));
    const total = bytes.reduce((a, b) => a + b, 0);
    if (texts.length < 2 || total === 0) return undefined;
    const mean = (side: (typeof sides)[number]) =>
      found[side].reduce((sum, s) => sum + s[which].reduce((a, b) => a + b, 0) / total, 0) / o.seeds.length;
    const bits = o.seeds.map((_, s) => texts.map((_, i) => found.with[s]![which][i]! - found.without[s]![which][i]!));
    return { documents: texts.length, bytes: total, without: mean("without"), with: mean("with"), ...differenceInterval(bits, bytes) };
  };
  return {
    all: on(
      "all",
      o.asked.map(d => d.before),
    ),
    kept: on(
      "kept",
      keptDocuments.map(d => d.after!),
    ),
  };
}
