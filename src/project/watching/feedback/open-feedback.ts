/** Feedback of a server or gateway: what it remembers of its responses, and the port by which clients label them. */
import type { FeedbackAnswer, FeedbackInfo, FeedbackPort, GivenFeedback } from "../../../protocols/index.ts";
import type { Store } from "../../../store/index.ts";
import type { FeedbackLabel, RequestFacts } from "../../../watch/index.ts";
import { type FeedbackConfig, feedbackDefaults, isTrustedSource } from "../../../watch/part.ts";
import { FeedbackMemory, type ToldResponse } from "./feedback-memory.ts";
import { feedbackKept, feedbackOf, keepLabel, keepRequests, pruneFeedback, removeLabels } from "./feedback-record.ts";

export interface Feedback {
  /** Told of every response that has ended. */
  ended(response: ToldResponse): void;
  readonly port: FeedbackPort;
  /** Writes what was told into the record; nothing where nothing was told. Calls at once are one. Errors: those of the record; then it is written with the next. */
  flush(): Promise<void>;
}

interface FeedbackOptions {
  readonly store: Store;
  readonly config?: FeedbackConfig | undefined;
  /** Differs from that of every other process. */
  readonly process?: string;
}

/** Labels that an owner may give at once, and a minute. */
const labelsAMinute = 600;
const mostOwners = 10_000;
/** Between two looks for what is past its time. */
const pruneEveryMs = 3_600_000;

/** A token bucket for each owner, the last ones that gave labels. */
class OwnerRates {
  readonly #left = new Map<string | null, { tokens: number; atMs: number }>();

  /** Seconds until the next label is taken; 0: it is taken. */
  take(owner: string | null, nowMs: number): number {
    const before = this.#left.get(owner) ?? { tokens: labelsAMinute, atMs: nowMs };
    this.#left.delete(owner);
    const passed = Math.max(0, nowMs - before.atMs);
    const tokens = Math.min(labelsAMinute, before.tokens + (passed * labelsAMinute) / 60_000);
    this.#left.set(owner, { tokens: tokens >= 1 ? tokens - 1 : tokens, atMs: nowMs });
    if (this.#left.size > mostOwners) this.#left.delete(this.#left.keys().next().value!);
    return tokens >= 1 ? 0 : Math.ceil(((1 - tokens) * 60) / labelsAMinute);
  }
}

const modelOf = ({ model, version }: RequestFacts): string => (version === null ? model : `${model}@${version}`);

const infoOf = (requestId: string, facts: RequestFacts, label: FeedbackLabel): FeedbackInfo => ({
  object: "feedback",
  request_id: requestId,
  model: modelOf(facts),
  source: label.source,
  label: label.label,
  score: label.score,
  confidence: label.confidence,
  index: label.index,
  trusted: label.isTrusted,
  created: Math.floor(label.atMs / 1000),
});

export function openFeedback({ store, config = feedbackDefaults, process = crypto.randomUUID().slice(0, 13) }: FeedbackOptions): Feedback {
  const memory = new FeedbackMemory(process);
  const rates = new OwnerRates();
  let writing: Promise<void> | undefined;
  let prunedMs = Number.NEGATIVE_INFINITY;

  const write = async (): Promise<void> => {
    const taken = memory.take();
    try {
      await keepRequests(store, taken.told, taken.sums);
    } catch (error) {
      memory.giveBack(taken);
      throw error;
    }
    if (store.clock.now() - prunedMs < pruneEveryMs) return;
    prunedMs = store.clock.now();
    await pruneFeedback(store, config);
  };
  const flush = async (): Promise<void> => {
    writing ??= write().finally(() => {
      writing = undefined;
    });
    await writing;
  };
  /** What this process was told and has not written yet is found, too. */
  const written = async (requestId: string): Promise<void> => {
    await writing?.catch(() => {});
    if (memory.has(requestId)) await flush();
  };

  const give = async (owner: string | null, given: GivenFeedback): Promise<FeedbackAnswer> => {
    const { requestId, ...said } = given;
    const atMs = store.clock.now();
    const retryAfterSeconds = rates.take(owner, atMs);
    if (retryAfterSeconds > 0) return { kind: "full", expected: `at most ${labelsAMinute} labels a minute`, retryAfterSeconds };
    await written(requestId);
    const label: FeedbackLabel = { ...said, isTrusted: isTrustedSource(config, given.source, owner), atMs };
    const kept = await keepLabel(store, owner, requestId, label);
    switch (kept.kind) {
      case "unknown":
        return kept;
      case "full":
        return {
          kind: "wrong",
          place: "source",
          expected: `at most ${feedbackKept.labelsOfRequest} labels of a request`,
          received: "one more",
        };
      case "index":
        return {
          kind: "wrong",
          place: "index",
          expected: `one of the request's ${kept.texts} texts: 0 to ${kept.texts - 1}`,
          received: String(given.index),
        };
      case "kept":
        return { kind: "kept", feedback: infoOf(kept.requestId, kept.facts, kept.label), isReplaced: kept.isReplaced };
    }
  };
  return {
    ended: response => memory.ended(response),
    flush,
    port: {
      give,
      list: async (owner, requestId) => {
        await written(requestId);
        const found = await feedbackOf(store, owner, requestId);
        return found?.labels.map(l => infoOf(found.requestId, found.facts, l));
      },
      remove: async (owner, requestId) => {
        await written(requestId);
        return removeLabels(store, owner, requestId);
      },
    },
  };
}
