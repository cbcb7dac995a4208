/**
 * The engine of one model: a queue, slots, and a loop that decides (`scheduler.ts`), does (`runner.ts`) and repeats. Requests come and go
 * between steps; nothing here depends on who else is served but the time it takes. Idea of the loop: vLLM; of one noun a file: nano-vllm.
 */
import { type Clock, systemClock, type Tree, treeLeaves } from "../base/index.ts";
import { type CachedDecoderOptions, type FinishReason, type Likelihood, samplingOptions } from "../nn/index.ts";
import type { Device, DeviceArray } from "../tensor/index.ts";
import { answerTokens, type Capacity, checkQueue } from "./admission.ts";
import { serveErrors } from "./errors.ts";
import { limits } from "./limits.ts";
import type { EngineObserver, Outcome } from "./observer.ts";
import { Pace } from "./pace.ts";
import { openProgram, type Program } from "./program.ts";
import { Runner } from "./runner.ts";
import { decide, isIdle, type Plan, type SchedulerView } from "./scheduler.ts";
import { type GenerationEvent, type GenerationRequest, Sequence } from "./sequence.ts";
import type { ServedModel } from "./served-model.ts";

export interface EngineOptions extends CachedDecoderOptions {
  readonly model: ServedModel;
  /** Holds the model's parameters. */
  readonly device: Device;
  /** Width of all chunks of one step; 64 when absent. Less is smoother for those who decode, more is faster for those who start. */
  readonly chunkTokens?: number;
  /** Sequences that may wait. */
  readonly queueSequences?: number;
  /** A reader that is behind for longer loses its slot. */
  readonly stalledMs?: number;
  readonly clock?: Clock;
  /** Makes the program; tests give a small one of their own. */
  readonly open?: (model: ServedModel, device: Device, options: CachedDecoderOptions) => Promise<Program>;
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
  /** Positions of the cache in use, of all. */
  readonly cacheTokens: number;
  readonly cacheRoom: number;
  readonly cacheBytes: number;
  /** Sequences since the start. */
  readonly requests: number;
}

/** Steps in a row that may fail before the engine gives up: one may be a passing lack of memory. */
const failuresUntilFailed = 3;

export class Engine {
  readonly model: ServedModel;
  /** Resolves when the programs are built and warmed up; rejects when that failed. */
  readonly ready: Promise<void>;
  readonly #options: EngineOptions;
  readonly #clock: Clock;
  readonly #observers = new Set<EngineObserver>();
  readonly #waiting: Sequence[] = [];
  readonly #running = new Map<number, Sequence>();
  readonly #dirty = new Set<number>();
  #slots: (Sequence | undefined)[] = [];
  #program: Program | undefined;
  #state: EngineState = "loading";
  #loop: Promise<void> = Promise.resolve();
  #wake: () => void = () => {};
  #whenEmpty: (() => void)[] = [];
  #nextId = 1;
  #requests = 0;
  readonly #pace = new Pace();

  constructor(options: EngineOptions) {
    this.model = options.model;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.ready = this.#open();
    // whoever does not wait for it still finds the state "failed"
    this.ready.catch(() => {});
  }

  get state(): EngineState {
    return this.#state;
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
    return treeLeaves<DeviceArray>(this.model.parameters as Tree<DeviceArray>).reduce((n, a) => n + a.size, 0);
  }

  /** Adds a watcher; the result removes it. */
  observe(observer: EngineObserver): () => void {
    this.#observers.add(observer);
    return () => this.#observers.delete(observer);
  }

  stats(): EngineStats {
    const running = [...this.#running.values()];
    const { slots = 0, room = 0, cacheBytes = 0 } = this.#program ?? {};
    return {
      state: this.#state,
      slots,
      running: running.length,
      queued: this.#waiting.length,
      blocked: running.filter(s => s.blockedMs !== undefined).length,
      cacheTokens: running.reduce((n, s) => n + s.computed, 0),
      cacheRoom: slots * room,
      cacheBytes,
      requests: this.#requests,
    };
  }

  /** Seconds after which a new request will likely find room in the queue. */
  get retryAfterSeconds(): number {
    return this.#pace.retryAfterSeconds(this.#waiting.length);
  }

  /** Queues one answer. Errors as of `submitAll`. */
  submit(request: GenerationRequest): Generation {
    return this.submitAll([request])[0]!;
  }

  /**
   * Queues several answers, all or none. Errors: serve/notReady, serve/draining, serve/queueFull, serve/contextLength, serve/parameter and
   * nn/sampling for tokens and options out of range.
   */
  submitAll(requests: readonly GenerationRequest[]): Generation[] {
    const program = this.#accepting();
    const made = requests.map(r => this.#sequence(program, r));
    const promptTokens = (all: readonly Sequence[]) => all.reduce((n, s) => n + s.usage.promptTokens, 0);
    checkQueue(
      this.#capacity(program),
      { running: this.#running.size, waiting: this.#waiting.length, waitingTokens: promptTokens(this.#waiting) },
      { sequences: made.length, tokens: promptTokens(made) },
      this.retryAfterSeconds,
    );
    for (const [i, sequence] of made.entries()) {
      this.#requests++;
      this.#tell(o => o.submitted?.(sequence.usage.promptTokens));
      if (requests[i]!.maxTokens === 0) {
        sequence.endAtLength();
        this.#tell(o => o.finished?.("length", sequence.usage, 0));
      } else this.#waiting.push(sequence);
    }
    // answers to one request share its signal: one listener for all of them
    for (const signal of new Set(requests.map(r => r.signal))) {
      const cancel = () => {
        for (const [i, sequence] of made.entries()) if (requests[i]!.signal === signal) this.#cancel(sequence);
      };
      if (signal?.aborted) cancel();
      else signal?.addEventListener("abort", cancel, { once: true });
    }
    this.#wake();
    return made.map(sequence => ({
      id: sequence.id,
      cancel: () => this.#cancel(sequence),
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

  #sequence(program: Program, request: GenerationRequest): Sequence {
    const sequence: Sequence = new Sequence({
      id: this.#nextId++,
      request,
      sampling: samplingOptions(request.sampling),
      maxTokens: answerTokens(this.#capacity(program), request),
      stopTokens: new Set(request.stopTokens ?? this.model.stopTokens ?? []),
      stream: this.model.tokenizer.stream({ skipSpecialTokens: true }),
      output: {
        capacity: limits.bufferedEvents,
        onRoom: () => {
          sequence.blockedMs = undefined;
          this.#wake();
        },
        onLeave: () => this.#cancel(sequence),
      },
      nowMs: this.#clock.monotonic(),
    });
    return sequence;
  }

  #capacity({ vocab, room, slots }: Program): Capacity {
    return { model: this.model.id, vocab, room, slots, queueSequences: this.#options.queueSequences ?? limits.queueSequences };
  }

  async #open(): Promise<void> {
    try {
      const { model, device, open = openProgram } = this.#options;
      const program = await open(model, device, this.#options);
      if (this.#state === "closed") {
        program.dispose();
        return;
      }
      this.#slots = new Array<Sequence | undefined>(program.slots).fill(undefined);
      this.#program = program;
      this.#state = this.#state === "loading" ? "ready" : this.#state;
      this.#loop = this.#run(program).catch(error => this.#fail(error));
    } catch (error) {
      this.#state = "failed";
      throw error;
    }
  }

  async #run(program: Program): Promise<void> {
    const runner = new Runner({
      program,
      slots: this.#slots,
      onToken: (s, token, likelihood) => this.#onToken(s, token, likelihood),
      onFailure: (s, error) => this.#onFailure(s, error),
    });
    const schedule = { chunkTokens: this.#options.chunkTokens ?? 64, widths: program.widths, room: program.room };
    let step = 0;
    let failures = 0;
    while (this.#state === "ready" || this.#state === "draining") {
      for (const slot of this.#dirty) {
        await program.clear(slot);
        this.#dirty.delete(slot);
      }
      const plan = decide(this.#view(), schedule);
      if (isIdle(plan)) {
        await new Promise<void>(resolve => {
          this.#wake = resolve;
        });
        continue;
      }
      this.#admit(plan);
      if (plan.decode.length + plan.chunks.length === 0) continue;
      const startMs = this.#clock.monotonic();
      try {
        await runner.run(plan, step++);
        failures = 0;
      } catch (error) {
        this.#onStepFailure(plan, error, ++failures);
      }
      const ms = this.#clock.monotonic() - startMs;
      const chunkTokens = plan.chunks.reduce((n, c) => n + c.chunk.count, 0);
      this.#tell(o => o.step?.(plan.decode.length, chunkTokens, ms));
      // a device that answers at once must not keep the sockets waiting
      await new Promise(resolve => setImmediate(resolve));
    }
  }

  #view(): SchedulerView {
    const freeSlots: number[] = [];
    for (let i = 0; i < this.#slots.length; i++) if (!this.#slots[i] && !this.#dirty.has(i)) freeSlots.push(i);
    return {
      freeSlots,
      waiting: this.#waiting,
      running: [...this.#running.values()].map(s => ({
        id: s.id,
        group: s.group,
        slot: s.slot!,
        computed: s.computed,
        known: s.tokens.length,
        isBlocked: s.blockedMs !== undefined,
        lastChunk: s.lastChunk,
      })),
    };
  }

  #admit({ admit }: Plan): void {
    if (admit.length === 0) return;
    const slotOf = new Map(admit.map(a => [a.id, a.slot]));
    const nowMs = this.#clock.monotonic();
    const taken = this.#waiting.filter(s => slotOf.has(s.id));
    this.#waiting.splice(0, this.#waiting.length, ...this.#waiting.filter(s => !slotOf.has(s.id)));
    for (const sequence of taken) {
      sequence.slot = slotOf.get(sequence.id)!;
      this.#slots[sequence.slot] = sequence;
      this.#running.set(sequence.id, sequence);
      this.#tell(o => o.started?.(nowMs - sequence.submittedMs));
    }
  }

  #onToken(sequence: Sequence, token: number, likelihood: Likelihood | undefined): void {
    const nowMs = this.#clock.monotonic();
    const { lastTokenMs } = sequence;
    sequence.lastTokenMs = nowMs;
    const reason = sequence.accept(token, likelihood);
    this.#tell(o => (lastTokenMs === undefined ? o.firstToken?.(nowMs - sequence.submittedMs) : o.nextToken?.(nowMs - lastTokenMs)));
    if (reason !== undefined) this.#leave(sequence, reason);
    else if (sequence.output.isFull) this.#block(sequence, nowMs);
  }

  #block(sequence: Sequence, nowMs: number): void {
    sequence.blockedMs = nowMs;
    const stalledMs = this.#options.stalledMs ?? limits.stalledMs;
    const timer = setTimeout(() => {
      if (sequence.isOver || sequence.blockedMs !== nowMs) return;
      sequence.fail(
        serveErrors.fail("slowReader", { message: `nothing was read for ${stalledMs} ms`, hint: "Read the stream as it comes." }),
      );
      this.#leave(sequence, "slow reader");
    }, stalledMs);
    timer.unref();
  }

  #onFailure(sequence: Sequence, error: unknown): void {
    if (sequence.slot !== undefined) this.#dirty.add(sequence.slot);
    sequence.fail(serveErrors.fail("program", { place: this.model.id, message: "the numbers of this answer broke down" }, error));
    this.#leave(sequence, "error");
  }

  #onStepFailure(plan: Plan, error: unknown, failures: number): void {
    const failure = () => serveErrors.fail("program", { place: this.model.id, message: "a step failed on the device" }, error);
    for (const { id, slot } of [...plan.decode, ...plan.chunks]) {
      const sequence = this.#running.get(id);
      if (!sequence) continue;
      this.#dirty.add(slot);
      sequence.fail(failure());
      this.#leave(sequence, "error");
    }
    if (failures >= failuresUntilFailed) this.#fail(error);
  }

  #fail(error: unknown): void {
    if (this.#state !== "closed") this.#state = "failed";
    this.abortAll(serveErrors.fail("program", { place: this.model.id, message: "the engine has failed" }, error));
  }

  #cancel(sequence: Sequence): void {
    if (sequence.isOver) return;
    sequence.fail(serveErrors.fail("cancelled", { message: "the generation was cancelled" }));
    this.#leave(sequence, "cancelled");
  }

  /** Takes a sequence that is over out of queue or slot. */
  #leave(sequence: Sequence, outcome: Outcome | FinishReason): void {
    const nowMs = this.#clock.monotonic();
    const at = this.#waiting.indexOf(sequence);
    if (at >= 0) this.#waiting.splice(at, 1);
    if (this.#running.delete(sequence.id)) {
      this.#slots[sequence.slot!] = undefined;
      this.#pace.left(nowMs, this.#waiting.length);
    }
    this.#tell(o => o.finished?.(outcome, sequence.usage, nowMs - sequence.submittedMs));
    this.#wake();
    this.#checkEmpty();
  }

  #checkEmpty(): void {
    if (this.#waiting.length + this.#running.size > 0) return;
    for (const resolve of this.#whenEmpty.splice(0)) resolve();
  }

  #tell(say: (o: EngineObserver) => void): void {
    for (const o of this.#observers) say(o);
  }

  /** Takes no new work from now on; resolves when nothing waits or runs. */
  async drain(): Promise<void> {
    if (this.#state === "loading" || this.#state === "ready") this.#state = "draining";
    if (this.#waiting.length + this.#running.size > 0) await new Promise<void>(resolve => this.#whenEmpty.push(resolve));
  }

  /** Ends everything that waits or runs with an error. */
  abortAll(error: unknown): void {
    for (const sequence of [...this.#waiting, ...this.#running.values()]) {
      sequence.fail(error);
      this.#leave(sequence, "error");
    }
  }

  /** Ends everything and frees the programs and the cache, when the step in flight is done. The parameters stay. */
  async close(): Promise<void> {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.abortAll(serveErrors.fail("draining", { place: this.model.id, message: "the server is shutting down" }));
    this.#wake();
    await this.ready.catch(() => {});
    await this.#loop;
    this.#program?.dispose();
  }
}

/** Starts an engine; it loads and warms up by itself. See `Engine.ready`. */
export const createEngine = (options: EngineOptions): Engine => new Engine(options);
