/**
 * Attributions beside the answers of an engine, on the weights that it serves: one at a time, a few may wait, and each block of the model is a
 * run of its own. While answers are written a run starts only after a step of theirs, so between two steps of the engine there is one run at
 * most, and a step is delayed by no more than the longest of them, which every result tells.
 */
import { systemClock, type Tree, treeLeaves } from "../../base/index.ts";
import { type Attribution, type AttributionRequest, attribute, type TakeTurn } from "../../nn/index.ts";
import type { DeviceArray } from "../../tensor/index.ts";
import type { Engine } from "../engine.ts";
import { serveErrors } from "../errors.ts";
import { limits } from "../limits.ts";

interface Attributed extends Attribution {
  /** Milliseconds since it began, without its wait. */
  readonly totalMs: number;
  /** Of the longest run: what it can have delayed others by. */
  readonly longestMs: number;
  readonly runs: number;
}

/** How often it is looked whether anybody still computes, where no step tells (ms). */
const lookMs = 50;

/** What is needed of an engine. */
export type AttributedEngine = Pick<Engine, "model" | "device" | "state" | "stats" | "observe">;

export class Attributor {
  static readonly #all = new WeakMap<AttributedEngine, Attributor>();
  readonly #engine: AttributedEngine;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(engine: AttributedEngine) {
    this.#engine = engine;
  }

  /** The one of an engine. */
  static of(engine: AttributedEngine): Attributor {
    const found = Attributor.#all.get(engine) ?? new Attributor(engine);
    Attributor.#all.set(engine, found);
    return found;
  }

  /** Waits for its turn and attributes. Errors: serve/unsupported for quantised weights, serve/queueFull, serve/draining, serve/notReady, serve/cancelled, nn/attribution. */
  async attribute(request: AttributionRequest, signal: AbortSignal): Promise<Attributed> {
    this.#checkEngine();
    this.#checkWeights();
    if (this.#waiting >= limits.attributions)
      throw serveErrors.fail("queueFull", {
        place: this.#engine.model.id,
        expected: `at most ${limits.attributions} attributions that run or wait`,
        received: "one more",
        hint: "Retry when one has ended.",
      });
    this.#waiting++;
    const mine = this.#last.then(() => this.#run(request, signal));
    this.#last = mine.catch(() => {});
    try {
      return await mine;
    } catch (error) {
      if (!signal.aborted) throw error;
      throw serveErrors.fail("cancelled", { message: "the request was cancelled" }, error);
    } finally {
      this.#waiting--;
    }
  }

  #checkEngine(): void {
    const { state, model } = this.#engine;
    if (state === "closed")
      throw serveErrors.fail("draining", { place: model.id, message: "the model is no longer served", hint: "Send the request again." });
    if (state !== "ready" && state !== "draining")
      throw serveErrors.fail("notReady", { place: model.id, message: `the model is ${state}`, hint: "Retry in a moment." });
  }

  /** Rounding has no slope, so neither have programs over quantised weights. */
  #checkWeights(): void {
    const { model } = this.#engine;
    if (model.parent !== undefined)
      throw serveErrors.fail("unsupported", {
        place: model.id,
        message: "an adapter's answers are not attributed",
        hint: `Merge it into its model, or ask ${model.parent}.`,
      });
    const other = treeLeaves<DeviceArray>(model.parameters as Tree<DeviceArray>).find(a => a.dtype !== "f32");
    if (!other) return;
    throw serveErrors.fail("unsupported", {
      place: "model",
      expected: "a model whose weights are served as float32",
      received: `${model.id}, which has ${other.dtype} among them`,
      hint: "Serve it without quantisation.",
    });
  }

  async #run(request: AttributionRequest, signal: AbortSignal): Promise<Attributed> {
    const { config, parameters } = this.#engine.model;
    const { device } = this.#engine;
    const started = systemClock.monotonic();
    let longestMs = 0;
    let runs = 0;
    let stepped: (() => void) | undefined;
    const leave = this.#engine.observe({ step: () => stepped?.() });
    const isBusy = () => {
      const { running, blocked, queued, slots } = this.#engine.stats();
      return running > blocked || (queued > 0 && running < slots);
    };
    const afterStep = async () => {
      if (!isBusy()) return;
      await new Promise<void>(resolve => {
        // whoever stops reading, leaves or fails makes no step, and neither does an engine that was closed
        const timer = setInterval(() => {
          if (!isBusy() || signal.aborted || this.#engine.state === "closed") stepped?.();
        }, lookMs);
        stepped = () => {
          clearInterval(timer);
          stepped = undefined;
          resolve();
        };
      });
    };
    const turn: TakeTurn = async run => {
      await afterStep();
      signal.throwIfAborted();
      this.#checkEngine();
      const startMs = systemClock.monotonic();
      const result = await run();
      longestMs = Math.max(longestMs, systemClock.monotonic() - startMs);
      runs++;
      return result;
    };
    try {
      signal.throwIfAborted();
      const found = await attribute({ config, parameters, device }, request, { turn, signal });
      return { ...found, totalMs: systemClock.monotonic() - started, longestMs, runs };
    } finally {
      leave();
    }
  }
}
