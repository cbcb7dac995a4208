/**
 * What a server remembers of its responses until it is written into the record: ids, versions, classes and numbers, no text. Costs a few microseconds a
 * response. Beyond a bound per flush requests are chosen by a hash of their ids; the estimates count all of them.
 */
import { sha256 } from "../../../base/index.ts";
import { feedbackBounds } from "../../../protocols/index.ts";
import {
  type ClassReading,
  countAnswer,
  countReading,
  type GrowingSums,
  growingSums,
  type QualitySums,
  utcDay,
} from "../../../watch/index.ts";
import { sumsKey, type ToldRequest } from "./feedback-record.ts";

/** Of an ended response what is read here (serve's `EndedResponse` has it). */
export interface ToldResponse {
  readonly requestId: string;
  readonly responseId?: string | null;
  readonly atMs: number;
  readonly modelName: string | null;
  readonly model: string | null;
  readonly modelVersion: number | null;
  readonly isShadow: boolean;
  readonly status: number;
  readonly owner: string | null;
  readonly answers: readonly { readonly logProbability: number | null; readonly scoredTokens: number; readonly isForced: boolean }[];
  readonly readings: readonly {
    readonly label: string | null;
    readonly labels: readonly string[];
    readonly probabilities: ArrayLike<number> | null;
  }[];
}

/** Requests remembered between two flushes. */
const mostRemembered = 2000;
/** Classes of a text whose probabilities are remembered, the likeliest. */
const mostClasses = 20;
/** Versions and days that are summed at once. */
const mostSums = 200;

function readingOf(label: string, labels: readonly string[], probabilities: ArrayLike<number>): ClassReading {
  let all = labels.map((name, c): [string, number] => [name, probabilities[c]!]);
  if (all.length > mostClasses) all = all.sort(([, a], [, b]) => b - a).slice(0, mostClasses);
  return { label, probabilities: Object.fromEntries(all.map(([name, p]) => [name, Number(p.toPrecision(6))])) };
}

/** Whether an id is among 1 of 2^level. */
const isChosen = (id: string, level: number): boolean => level === 0 || parseInt(sha256(id).slice(0, 8), 16) < 2 ** (32 - level);

export class FeedbackMemory {
  readonly #process: string;
  #told: ToldRequest[] = [];
  #level = 0;
  /** Totals of this process by their key; `#changed`: those that the record does not have yet. */
  readonly #sums = new Map<string, GrowingSums>();
  #changed = new Set<string>();

  /** `process`: differs from that of every other process, also of one that ran before. */
  constructor(process: string) {
    this.#process = process;
  }

  /** Whether a request waits to be written. */
  has(requestId: string): boolean {
    return this.#told.some(t => t.requestId === requestId || t.responseId === requestId);
  }

  #sumsOf(model: string, version: number | null, atMs: number): GrowingSums {
    const key = sumsKey(model, version, utcDay(atMs), this.#process);
    let sums = this.#sums.get(key);
    if (!sums) {
      // the record has those of days that are over
      if (this.#sums.size >= mostSums) for (const old of this.#sums.keys()) if (!this.#changed.has(old)) this.#sums.delete(old);
      sums = growingSums();
      this.#sums.set(key, sums);
    }
    this.#changed.add(key);
    return sums;
  }

  ended(response: ToldResponse): void {
    const model = response.modelName ?? response.model;
    if (model === null || response.status >= 300) return;
    const { atMs, modelVersion: version, requestId } = response;
    const answers = response.answers.filter(a => !a.isForced && a.logProbability !== null && a.scoredTokens > 0);
    const sums = this.#sumsOf(model, version, atMs);
    sums.responses++;
    for (const a of answers) countAnswer(sums, -a.logProbability! / a.scoredTokens);
    const readings: ClassReading[] = [];
    for (const { label, labels, probabilities } of response.readings) {
      if (label === null || probabilities === null) continue;
      countReading(sums, label, labels, probabilities);
      if (readings.length < feedbackBounds.texts) readings.push(readingOf(label, labels, probabilities));
    }
    // nobody saw a shadow's response
    if (response.isShadow || !isChosen(requestId, this.#level)) return;
    const tokens = answers.reduce((n, a) => n + a.scoredTokens, 0);
    const nll = tokens === 0 ? null : -answers.reduce((sum, a) => sum + a.logProbability!, 0) / tokens;
    sums.remembered++;
    this.#told.push({
      requestId,
      responseId: response.responseId ?? null,
      owner: response.owner,
      facts: { atMs, model, version, readings, nll: nll === null ? null : Number(nll.toPrecision(6)) },
    });
    if (this.#told.length > mostRemembered) {
      this.#level++;
      this.#told = this.#told.filter(t => isChosen(t.requestId, this.#level));
    }
  }

  /** What the record does not have yet; it is this caller's to write, or to give back. */
  take(): { readonly told: readonly ToldRequest[]; readonly sums: ReadonlyMap<string, QualitySums> } {
    const told = this.#told;
    const sums = new Map([...this.#changed].map((key): [string, QualitySums] => [key, structuredClone(this.#sums.get(key)!)]));
    this.#told = [];
    this.#changed = new Set();
    this.#level = 0;
    return { told, sums };
  }

  /** After a write that failed: nothing is lost within the bounds, and nothing counted twice. */
  giveBack({ told, sums }: ReturnType<FeedbackMemory["take"]>): void {
    this.#told = [...told, ...this.#told].slice(-mostRemembered);
    for (const key of sums.keys()) this.#changed.add(key);
  }
}
