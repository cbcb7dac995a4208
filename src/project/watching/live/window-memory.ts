/**
 * What a server has counted and not written yet. A batch that was taken stays as it is until the record has it, so that one whose fate is unknown is written again
 * under the same number; what comes meanwhile is counted beside it. Bounded in minutes and models, whatever happens to the record.
 */
import { countResponse, emptyWindow, mergeWindows, type ResponseFacts } from "../../../watch/index.ts";
import { minuteMs, startOf, type WindowsByModel } from "./scopes.ts";

/** Minutes that wait for a record that is away; the oldest are lost beyond it. */
export const mostWaitingMinutes = 120;
/** Names that a window tells apart; what comes beyond is counted under `otherModels`. */
const mostModels = 64;
const otherModels = "other models";

export interface WindowBatch {
  /** 1 more for each batch of the server. */
  readonly number: number;
  readonly minutes: ReadonlyMap<number, WindowsByModel>;
}

export class WindowMemory {
  #open = new Map<number, WindowsByModel>();
  #pending: WindowBatch | undefined;
  #number = 0;
  /** Responses that were counted and lost, for the record was away too long. */
  lost = 0;

  /** Counts a response that ended at a time, in constant time. */
  count(atMs: number, model: string, facts: ResponseFacts): void {
    countResponse(this.#window(startOf(atMs, minuteMs), model), facts);
  }
  /** A minute in which a model is served, though nobody asks it. */
  begin(atMs: number, models: Iterable<string>): void {
    for (const model of models) this.#window(startOf(atMs, minuteMs), model);
  }
  get hasMinutes(): boolean {
    return this.#open.size > 0 || this.#pending !== undefined;
  }

  #window(minute: number, model: string) {
    let windows = this.#open.get(minute);
    if (!windows) {
      windows = {};
      this.#open.set(minute, windows);
      this.#drop();
    }
    const name = Object.hasOwn(windows, model) || Object.keys(windows).length < mostModels ? model : otherModels;
    if (!Object.hasOwn(windows, name)) windows[name] = emptyWindow();
    return windows[name]!;
  }

  #drop(): void {
    while (this.#open.size > mostWaitingMinutes) {
      const oldest = Math.min(...this.#open.keys());
      for (const w of Object.values(this.#open.get(oldest)!)) this.lost += w.requests;
      this.#open.delete(oldest);
    }
  }

  /** The batch to write: the one before again, until it is `written`. */
  take(): WindowBatch | undefined {
    if (this.#pending) return this.#pending;
    if (this.#open.size === 0) return undefined;
    this.#pending = { number: ++this.#number, minutes: this.#open };
    this.#open = new Map();
    return this.#pending;
  }
  written(batch: WindowBatch): void {
    if (this.#pending === batch) this.#pending = undefined;
  }
}

/** Both together, model by model. */
export function mergeModels(a: WindowsByModel, b: WindowsByModel): WindowsByModel {
  const merged = { ...a };
  for (const [model, window] of Object.entries(b))
    merged[model] = Object.hasOwn(merged, model) ? mergeWindows(merged[model]!, window) : window;
  return merged;
}
