/**
 * The engine of one model, as those who ask see it: requests are taken or refused, answers are read, cancelled, watched, drained. Who waits and
 * who sits where is `roster.ts`; steps are `step-loop.ts`; how an answer goes out and ends is `delivery.ts`. Requests come and go between
 * steps; nothing depends on who else is served but the time it takes. Idea of the loop: vLLM; of one noun a file: nano-vllm.
 */
import { type Clock, defined, systemClock } from "../base/index.ts";
import { type Adapter, type AdapterRoom, samplingOptions } from "../nn/index.ts";
import type { Device } from "../tensor/index.ts";
import { type Blocklist, phraseGuard } from "../text/index.ts";
import { AdapterPlaces, type PlacedAdapter } from "./adapters/places.ts";
import { admittedTokens, type Capacity, cacheTokensOf, checkQueue } from "./admission.ts";
import { Delivery } from "./delivery.ts";
import { EngineObservers } from "./engine-observers.ts";
import { serveErrors } from "./errors.ts";
import { forcedTokens } from "./forced-tokens.ts";
import type { GenerationEvent, GenerationRequest } from "./generation.ts";
import { joinSearches } from "./join-searches.ts";
import { limits } from "./limits.ts";
import type { EngineObserver } from "./observer.ts";
import { Pace } from "./pace.ts";
import { openProgram, type Program, type ProgramOptions } from "./program.ts";
import { Roster } from "./roster.ts";
import { Sequence } from "./sequence.ts";
import type { ServedModel } from "./served-model.ts";
import { type Siblings, siblingsOf } from "./siblings.ts";
import type { SpanGuard } from "./span-guard.ts";
import { StepLoop } from "./step-loop.ts";
import type { TokenGuard } from "./token-guard.ts";
import { weightStorage } from "./weight-storage.ts";

export interface EngineOptions extends ProgramOptions {
  readonly model: ServedModel;
  /** Holds the model's parameters. */
  readonly device: Device;
  /**
   * Width of all chunks of one step; 8 a slot and 64 at least when absent, so that many who write do not wait for the few who start. Less is
   * smoother for those who decode, more is faster for those who start.
   */
  readonly chunkTokens?: number;
  /**
   * Positions of the cache that all who run may hold together; all that the slots have when absent. With fewer, more slots are served from
   * the same memory as long as few are full; where they fill up, the newest are put back and computed anew. Never changes an answer.
   */
  readonly cacheTokens?: number;
  /** Sequences that may wait. */
  readonly queueSequences?: number;
  /** A reader that is behind for longer loses its slot. */
  readonly stalledMs?: number;
  /** Beginnings that a slot holds are taken over instead of computed; true when absent. Never changes an answer. */
  readonly prefixCache?: boolean;
  /** Guesses from the text itself are verified where a sequence is alone; true when absent. Never changes an answer. */
  readonly lookup?: boolean;
  /**
   * A draft model guesses for greedy answers while so many at most run; 1 when absent, since on a CPU a round of several takes as long as the
   * steps that it saves. Never changes an answer. Answers that are drawn always have rounds: their random numbers depend on it.
   */
  readonly greedyRounds?: number;
  /** Words, phrases and patterns that no answer has; see docs/decode-guard.md. */
  readonly blocklist?: Pick<Blocklist, "finders"> | undefined;
  /** Judges what is said before it is, span by span; see docs/decode-guard.md. */
  readonly spanGuard?: SpanGuard | undefined;
  readonly clock?: Clock;
  /** Makes the program; tests give a small one of their own. */
  readonly open?: (model: ServedModel, device: Device, options: ProgramOptions) => Promise<Program>;
}

export type EngineState = "loading" | "ready" | "draining" | "failed" | "closed";

/** One answer: events in order, until the last. Leaving the iteration cancels it and frees its slot at once. */
export interface Generation extends AsyncIterable<GenerationEvent> {
  readonly id: number;
  cancel(): void;
}

export interface EngineStats {
  readonly state: EngineState;
  readonly slots: number;
  readonly running: number;
  readonly queued: number;
  /** Of the running ones, those whose client is behind. */
  readonly blocked: number;
  /** Positions of the cache in use, of all that may be. */
  readonly cacheTokens: number;
  readonly cacheRoom: number;
  readonly cacheBytes: number;
  /** Sequences since the start. */
  readonly requests: number;
  /** The programs agree to the bit; where they do not, prefixes are not shared and guesses not made (see `Program.isUniform`). */
  readonly isUniform: boolean;
  /** A small model guesses for it. */
  readonly isDrafting?: boolean;
  /** Adapters of those that run and of those that wait. */
  readonly runningAdapters: readonly string[];
  readonly queuedAdapters: readonly string[];
}

/** An engine as those who ask see it. A model with an adapter is another one, of the same steps (`adapters/adapted-engine.ts`). */
export type Engine = Pick<ModelEngine, keyof ModelEngine>;

class ModelEngine {
  readonly model: ServedModel;
  /** Resolves when the programs are built and warmed up; rejects when that failed. */
  readonly ready: Promise<void>;
  readonly #options: EngineOptions;
  readonly #clock: Clock;
  readonly #observers: EngineObservers;
  readonly #delivery: Delivery;
  readonly #adapters: AdapterPlaces;
  /** Without slots until the program is there; nobody waits before. */
  #roster = new Roster(0);
  #program: Program | undefined;
  #cacheTokens = 0;
  #state: EngineState = "loading";
  #loop: Promise<void> = Promise.resolve();
  #wake: () => void = () => {};
  #whenEmpty: (() => void)[] = [];
  #nextId = 1;
  #requests = 0;
  readonly #pace = new Pace();

  constructor(options: EngineOptions) {
    this.model = options.model;
    this.#observers = new EngineObservers(options.model.config.vocab);
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#adapters = new AdapterPlaces(options.model.id, options.adapters);
    this.#delivery = new Delivery({
      place: options.model.id,
      clock: this.#clock,
      stalledMs: options.stalledMs ?? limits.stalledMs,
      tell: this.#observers.tell,
      onOver: sequence => this.#leave(sequence),
      onSpoilt: slot => this.#roster.spoil(slot),
    });
    this.ready = this.#open();
    // whoever does not wait for it still finds the state "failed"
    this.ready.catch(() => {});
  }

  get state(): EngineState {
    return this.#state;
  }
  /** Holds the model's parameters. */
  get device(): Device {
    return this.#options.device;
  }
  /** Identity of what decides the answers; empty until ready. */
  get fingerprint(): string {
    return this.#program?.fingerprint ?? "";
  }
  /** Tokens of prompt and answer together, at most. */
  get room(): number {
    return this.#program?.room ?? this.#options.room ?? this.model.config.context;
  }

  /** Elements of all parameters. */
  get numParameters(): number {
    return weightStorage(this.model.parameters).numParameters;
  }

  /** Adds a watcher; the result removes it. */
  observe(observer: EngineObserver): () => void {
    return this.#observers.add(observer);
  }

  stats(): EngineStats {
    const { running, waiting, cacheTokens } = this.#roster;
    const { slots = 0, cacheBytes = 0, isUniform = false } = this.#program ?? {};
    return {
      state: this.#state,
      slots,
      running: running.length,
      queued: waiting.length,
      blocked: running.filter(s => s.blockedMs !== undefined).length,
      cacheTokens,
      cacheRoom: this.#cacheTokens,
      cacheBytes,
      requests: this.#requests,
      isUniform,
      ...(this.#program?.draft ? { isDrafting: true } : {}),
      runningAdapters: adaptersOf(running),
      queuedAdapters: adaptersOf(waiting),
    };
  }

  /** Seconds after which a new request will likely find room in the queue. */
  get retryAfterSeconds(): number {
    return this.#pace.retryAfterSeconds(this.#roster.waiting.length);
  }

  /** How many adapters of which rank there is room for. */
  get adapterRoom(): AdapterRoom {
    return this.#options.adapters ?? { count: 0, rank: 0 };
  }
  /** The adapters that requests may name. */
  get adapters(): readonly PlacedAdapter[] {
    return this.#adapters.list();
  }
  /**
   * Adds an adapter while others are served: requests may name it at once, and it is there when the promise resolves. Errors: serve/adapter
   * where the name is taken, the rank too great or no place free; serve/notReady, serve/draining.
   */
  async addAdapter(name: string, adapter: Adapter): Promise<void> {
    this.#accepting();
    const added = this.#adapters.add(name, adapter);
    this.#wake();
    await added;
  }
  /** Takes an adapter away: no new request may name it; resolves when those under way are over. Errors: serve/unknownModel. */
  async removeAdapter(name: string): Promise<void> {
    const removed = this.#adapters.remove(name);
    this.#wake();
    await removed;
  }

  /** Queues one answer. Errors as of `submitAll`. */
  submit(request: GenerationRequest): Generation {
    return this.submitAll([request])[0]!;
  }

  /**
   * Queues several answers, all or none. Errors: serve/notReady, serve/draining, serve/queueFull, serve/contextLength, serve/parameter and
   * nn/sampling for tokens and options out of range; serve/unknownModel for an adapter that is not there.
   */
  submitAll(requests: readonly GenerationRequest[]): Generation[] {
    const program = this.#accepting();
    const siblings = siblingsOf(requests);
    const made = requests.map((r, i) => this.#sequence(program, r, siblings[i]!));
    joinSearches(requests, made, {
      model: this.model,
      slots: program.slots,
      cacheTokens: this.#cacheTokens,
      maxTokensOf: r => admittedTokens(this.#capacity(program), r),
      guardOf: r => this.#guardOf(r),
    });
    const { running, waiting } = this.#roster;
    const promptTokens = (all: readonly Sequence[]) => all.reduce((n, s) => n + s.usage.promptTokens, 0);
    try {
      checkQueue(
        this.#capacity(program),
        { running: running.length, waiting: waiting.length, waitingTokens: promptTokens(waiting) },
        { sequences: made.length, tokens: promptTokens(made) },
        this.retryAfterSeconds,
      );
    } catch (error) {
      this.#observers.tell(o => o.rejected?.(made.length));
      throw error;
    }
    for (const [i, sequence] of made.entries()) {
      this.#requests++;
      this.#observers.tell(o => o.submitted?.(sequence));
      if (requests[i]!.maxTokens === 0) this.#delivery.nothing(sequence);
      else if ((sequence.search?.lead ?? sequence) === sequence) this.#roster.wait(sequence);
    }
    // answers to one request share its signal: one listener for all of them
    for (const signal of new Set(requests.map(r => r.signal))) {
      const cancel = () => {
        for (const [i, sequence] of made.entries()) if (requests[i]!.signal === signal) this.#delivery.cancel(sequence, signal);
      };
      if (signal?.aborted) cancel();
      else signal?.addEventListener("abort", cancel, { once: true });
    }
    this.#wake();
    return made.map(sequence => ({
      id: sequence.id,
      cancel: () => this.#delivery.cancel(sequence),
      [Symbol.asyncIterator]: () => sequence.output,
    }));
  }

  #accepting(): Program {
    const place = this.model.id;
    if (this.#state === "draining" || this.#state === "closed")
      throw serveErrors.fail("draining", { place, message: "the server is shutting down", hint: "Send the request to another one." });
    if (this.#state === "failed")
      throw serveErrors.fail("notReady", { place, message: "the engine has failed", hint: "The server's log names the reason." });
    if (!this.#program) throw serveErrors.fail("notReady", { place, message: "the model is still loading", hint: "Retry in a moment." });
    return this.#program;
  }

  #sequence(program: Program, request: GenerationRequest, siblings: Siblings): Sequence {
    const maxTokens = admittedTokens(this.#capacity(program), request);
    const stopTokens = new Set(request.stopTokens ?? this.model.stopTokens ?? []);
    const sequence: Sequence = new Sequence({
      id: this.#nextId++,
      request,
      sampling: samplingOptions({ ...request.sampling, ...earliestEnd(request, stopTokens) }),
      maxTokens,
      siblings,
      stopTokens,
      forcedTokens: form => forcedTokens(this.model.tokenizer, form),
      guard: request.beams ? undefined : this.#guardOf(request),
      spans: this.#spansOf(request),
      stream: () => this.model.tokenizer.stream({ skipSpecialTokens: true, ...defined(textForm(request)) }),
      output: {
        capacity: limits.bufferedEvents,
        onRoom: () => {
          sequence.blockedMs = undefined;
          this.#wake();
        },
        onLeave: () => this.#delivery.cancel(sequence),
      },
      adapter: request.adapter === undefined ? undefined : this.#adapters.of(request.adapter),
      nowMs: this.#clock.monotonic(),
      scores: this.#observers.scores,
    });
    return sequence;
  }

  /** Errors: serve/unsupported for a tokenizer that does not tell the bytes of its tokens. */
  #guardOf({ tokens, stop }: GenerationRequest): TokenGuard | undefined {
    const { blocklist: list } = this.#options;
    if (!list) return undefined;
    const { tokenizer, id } = this.model;
    if (!tokenizer.bytesOf)
      throw serveErrors.fail("unsupported", { place: id, message: "a blocklist needs a tokenizer that tells the bytes of its tokens" });
    const stops = (stop ?? []).filter(s => s !== "");
    return phraseGuard({ list, bytesOf: token => tokenizer.bytesOf?.(token), stops, prompt: tokens });
  }

  /** Errors: serve/unsupported for a beam search, whose answers are there only when all of them are over. */
  #spansOf({ beams, forced }: GenerationRequest) {
    const { spanGuard: guard } = this.#options;
    if (!guard || forced) return undefined;
    if (beams)
      throw serveErrors.fail("unsupported", {
        place: this.model.id,
        message: "beam search is not possible with serve.moderate",
        hint: "Sample.",
      });
    return { guard, onVerdict: () => this.#wake() };
  }

  #capacity({ room, slots }: Program): Capacity {
    return {
      model: this.model.id,
      tokenizer: this.model.tokenizer,
      room,
      slots,
      queueSequences: this.#options.queueSequences ?? limits.queueSequences,
    };
  }

  async #open(): Promise<void> {
    try {
      const { model, device, open = openProgram } = this.#options;
      const program = await open(model, device, this.#options);
      if (this.#state === "closed") {
        program.dispose();
        return;
      }
      this.#program = program;
      this.#cacheTokens = cacheTokensOf(this.#options.cacheTokens, program);
      this.#roster = new Roster(program.slots);
      this.#state = this.#state === "loading" ? "ready" : this.#state;
      this.#loop = this.#steps(program)
        .run()
        .catch(error => this.#fail(error));
    } catch (error) {
      this.#state = "failed";
      throw error;
    }
  }

  #steps(program: Program): StepLoop {
    const { chunkTokens = Math.max(64, 8 * program.slots), prefixCache = true, lookup = true, greedyRounds = 1 } = this.#options;
    return new StepLoop({
      program,
      roster: this.#roster,
      delivery: this.#delivery,
      adapters: this.#adapters,
      clock: this.#clock,
      chunkTokens,
      cacheTokens: this.#cacheTokens,
      prefixCache,
      lookup,
      greedyRounds,
      nextId: () => this.#nextId++,
      isOpen: () => this.#state === "ready" || this.#state === "draining",
      idle: () =>
        new Promise<void>(resolve => {
          this.#wake = resolve;
        }),
      tell: this.#observers.tell,
    });
  }

  #fail(error: unknown): void {
    if (this.#state !== "closed") this.#state = "failed";
    const failed = serveErrors.fail("program", { place: this.model.id, message: "the engine has failed" }, error);
    this.abortAll(failed);
    this.#adapters.close(failed);
  }

  /** An answer is over: its place is free once nobody else's answer needs it. */
  #leave(sequence: Sequence): void {
    const place = sequence.search?.lead ?? sequence;
    if (!sequence.search?.isLive && this.#roster.remove(place)) this.#pace.left(this.#clock.monotonic(), this.#roster.waiting.length);
    this.#wake();
    if (this.#roster.isEmpty) for (const resolve of this.#whenEmpty.splice(0)) resolve();
  }

  /** Takes no new work from now on; resolves when nothing waits or runs. */
  async drain(): Promise<void> {
    if (this.#state === "loading" || this.#state === "ready") this.#state = "draining";
    if (!this.#roster.isEmpty) await new Promise<void>(resolve => this.#whenEmpty.push(resolve));
  }

  /** Ends everything that waits or runs with an error. */
  abortAll(error: unknown): void {
    for (const sequence of [...this.#roster.waiting, ...this.#roster.running].flatMap(s => s.search?.answers ?? [s]))
      this.#delivery.end(sequence, error);
  }

  /** Ends everything and frees the programs and the cache, when the step in flight is done. The parameters stay. */
  async close(): Promise<void> {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.abortAll(serveErrors.fail("draining", { place: this.model.id, message: "the server is shutting down" }));
    this.#wake();
    await this.ready.catch(() => {});
    await this.#loop;
    this.#adapters.close(serveErrors.fail("draining", { place: this.model.id, message: "the server is shutting down" }));
    this.#program?.dispose();
  }
}

const textForm = ({ skipSpecialTokens, isContinuation }: GenerationRequest) => ({ skipSpecialTokens, isContinuation });

/** Tokens that end an answer are impossible while it is too short. */
const earliestEnd = ({ minTokens = 0 }: GenerationRequest, stopTokens: ReadonlySet<number>) =>
  minTokens > 0 ? { minTokens, endTokens: [...stopTokens] } : {};

/** Names of adapters that sequences have, each once. */
const adaptersOf = (all: readonly Sequence[]): readonly string[] => [...new Set(all.flatMap(s => s.adapterName ?? []))];

/** Starts an engine; it loads and warms up by itself. See `Engine.ready`. */
export const createEngine = (options: EngineOptions): Engine => new ModelEngine(options);
