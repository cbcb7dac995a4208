/**
 * The engine of one sentence encoder, or of a decoder that tells classes: texts wait in a queue, batches of equal width run one after another. A text's vector depends on its
 * tokens alone, to the last bit, whoever is in its batch: its width follows from its length, texts do not mix, and only sizes of a batch that
 * give the same bits are in use (`encoder-program.ts`). Idea of the queue: TensorFlow Serving's batching (max size, time-out, allowed sizes).
 */
import { type Clock, systemClock } from "../../base/index.ts";
import type { Device } from "../../tensor/index.ts";
import { cancellation } from "../cancellation.ts";
import { serveErrors } from "../errors.ts";
import { limits } from "../limits.ts";
import { weightStorage } from "../weight-storage.ts";
import { nextBatch } from "./batcher.ts";
import { openClassifierProgram } from "./classifier-program.ts";
import { type EncoderProgram, type EncoderProgramOptions, openEncoderProgram } from "./encoder-program.ts";
import { type ServedReader, vectorLength } from "./served-encoder.ts";

export interface EmbeddingEngineOptions extends EncoderProgramOptions {
  readonly model: ServedReader;
  /** Holds the model's parameters. */
  readonly device: Device;
  /** How long a text waits for company; 2 ms when absent. */
  readonly maxWaitMs?: number;
  /** Texts that may wait. */
  readonly queueTexts?: number;
  readonly clock?: Clock;
  /** Makes the program; tests give a small one of their own. */
  readonly open?: (model: ServedReader, device: Device, options: EncoderProgramOptions) => Promise<EncoderProgram>;
}

export type EmbeddingState = "loading" | "ready" | "draining" | "failed" | "closed";

export interface EmbeddingStats {
  readonly state: EmbeddingState;
  readonly queued: number;
  /** Texts in the batch that runs. */
  readonly running: number;
  /** Since the start. */
  readonly texts: number;
  readonly batches: number;
}

/** Told of every batch: its texts, their tokens, how long each may be, and how long it took. */
type BatchObserver = (texts: number, tokens: number, width: number, ms: number) => void;

interface Waiting {
  readonly tokens: readonly number[];
  readonly length: number;
  readonly width: number;
  readonly sinceMs: number;
  readonly resolve: (vector: Float32Array) => void;
  readonly reject: (error: unknown) => void;
  readonly signal: AbortSignal | undefined;
}

const defaultMaxWaitMs = 2;

const openReaderProgram: NonNullable<EmbeddingEngineOptions["open"]> = (model, device, options) =>
  model.family === "decoder" ? openClassifierProgram(model, device, options) : openEncoderProgram(model, device, options);

export class EmbeddingEngine {
  readonly model: ServedReader;
  /** Resolves when the programs are built and warmed up; rejects when that failed. */
  readonly ready: Promise<void>;
  readonly #options: EmbeddingEngineOptions;
  readonly #clock: Clock;
  readonly #observers = new Set<BatchObserver>();
  #waiting: Waiting[] = [];
  #running = 0;
  #texts = 0;
  #batches = 0;
  #millisecondsPerText = 0;
  #program: EncoderProgram | undefined;
  #state: EmbeddingState = "loading";
  #loop: Promise<void> = Promise.resolve();
  #wake: () => void = () => {};
  #whenEmpty: (() => void)[] = [];

  constructor(options: EmbeddingEngineOptions) {
    this.model = options.model;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.ready = this.#open();
    // whoever does not wait for it still finds the state "failed"
    this.ready.catch(() => {});
  }

  get state(): EmbeddingState {
    return this.#state;
  }
  /** Identity of what decides the vectors; empty until ready. */
  get fingerprint(): string {
    return this.#program?.fingerprint ?? "";
  }
  /** Elements of a vector; labels of a classifier. */
  get dimensions(): number {
    return vectorLength(this.model);
  }
  /** Elements of all parameters. */
  get numParameters(): number {
    return weightStorage(this.model.parameters).numParameters;
  }
  /** Seconds after which a new request will likely find room. */
  get retryAfterSeconds(): number {
    return Math.min(60, Math.max(1, Math.ceil((this.#waiting.length * this.#millisecondsPerText) / 1000)));
  }

  stats(): EmbeddingStats {
    return { state: this.#state, queued: this.#waiting.length, running: this.#running, texts: this.#texts, batches: this.#batches };
  }

  /** Adds a watcher; the result removes it. */
  observe(observer: BatchObserver): () => void {
    this.#observers.add(observer);
    return () => this.#observers.delete(observer);
  }

  /**
   * A vector for each text of tokens, all or none; of a model without pooling each text's token vectors, one after another. Errors: serve/notReady,
   * serve/draining, serve/queueFull, serve/contextLength,
   * serve/parameter for tokens out of range, serve/cancelled when the signal says so.
   */
  async embed(texts: readonly ArrayLike<number>[], signal?: AbortSignal): Promise<Float32Array[]> {
    const program = this.#accepting();
    const made = texts.map(t => this.#checked(t));
    this.#checkQueue(made.length);
    const sinceMs = this.#clock.monotonic();
    const vectors = made.map(
      tokens =>
        new Promise<Float32Array>((resolve, reject) => {
          const width = program.widths.find(w => w >= tokens.length)!;
          this.#waiting.push({ tokens, length: tokens.length, width, sinceMs, resolve, reject, signal });
        }),
    );
    const cancel = () => {
      const error = cancellation(signal, "the request was cancelled");
      const gone = this.#waiting.filter(w => w.signal === signal);
      this.#waiting = this.#waiting.filter(w => w.signal !== signal);
      for (const w of gone) w.reject(error);
      this.#checkEmpty();
    };
    signal?.addEventListener("abort", cancel, { once: true });
    if (signal?.aborted) cancel();
    this.#texts += made.length;
    this.#wake();
    try {
      return await Promise.all(vectors);
    } finally {
      signal?.removeEventListener("abort", cancel);
      // when one fails the others are not waited for, and must not be reported as unhandled
      for (const v of vectors) v.catch(() => {});
    }
  }

  #accepting(): EncoderProgram {
    const place = this.model.id;
    if (this.#state === "draining" || this.#state === "closed")
      throw serveErrors.fail("draining", { place, message: "the server is shutting down", hint: "Send the request to another one." });
    if (this.#state === "failed")
      throw serveErrors.fail("notReady", { place, message: "the engine has failed", hint: "The server's log names the reason." });
    if (!this.#program) throw serveErrors.fail("notReady", { place, message: "the model is still loading", hint: "Retry in a moment." });
    return this.#program;
  }

  #checked(text: ArrayLike<number>): readonly number[] {
    const { id, longest, config } = this.model;
    const tokens = Array.from(text);
    const strange = tokens.find(t => !Number.isSafeInteger(t) || t < 0 || t >= config.vocab);
    if (strange !== undefined || tokens.length === 0)
      throw serveErrors.fail("parameter", {
        place: "input",
        expected: strange === undefined ? "at least one token a text" : `token ids from 0 to ${config.vocab - 1}`,
        received: strange === undefined ? "none" : `${strange}, which is out of vocabulary`,
      });
    if (tokens.length > longest)
      throw serveErrors.fail("contextLength", {
        place: "input",
        expected: `texts of at most ${longest} tokens (${id})`,
        received: `one of ${tokens.length}, too large`,
        hint: "Shorten it, or set truncate to true to read its start only.",
      });
    return tokens;
  }

  #checkQueue(added: number): void {
    const most = this.#options.queueTexts ?? limits.queueTexts;
    if (this.#waiting.length + added <= most) return;
    throw serveErrors.fail("queueFull", {
      place: this.model.id,
      expected: `a queue of at most ${most} texts`,
      received: `${this.#waiting.length} waiting and ${added} more`,
      hint: `Retry in ${this.retryAfterSeconds} s.`,
    });
  }

  async #open(): Promise<void> {
    try {
      const { model, device, open = openReaderProgram } = this.#options;
      const program = await open(model, device, this.#options);
      if (this.#state === "closed") {
        program.dispose();
        return;
      }
      this.#program = program;
      this.#state = this.#state === "loading" ? "ready" : this.#state;
      this.#loop = this.#run(program);
    } catch (error) {
      this.#state = "failed";
      throw error;
    }
  }

  async #run(program: EncoderProgram): Promise<void> {
    const { maxWaitMs = defaultMaxWaitMs } = this.#options;
    while (this.#state === "ready" || this.#state === "draining") {
      const decision = nextBatch(this.#waiting, this.#clock.monotonic(), { room: program.room, maxWaitMs });
      if (decision.kind !== "run") {
        await this.#pause(decision.kind === "wait" ? decision.ms : undefined);
        continue;
      }
      const chosen = new Set<Waiting>(decision.texts);
      this.#waiting = this.#waiting.filter(w => !chosen.has(w));
      this.#running = chosen.size;
      await this.#batch(program, decision.texts, decision.width);
      this.#running = 0;
      this.#checkEmpty();
      // a device that answers at once must not keep the sockets waiting
      await new Promise(resolve => setImmediate(resolve));
    }
  }

  async #batch(program: EncoderProgram, texts: readonly Waiting[], width: number): Promise<void> {
    const startMs = this.#clock.monotonic();
    try {
      const vectors = await program.run(
        texts.map(t => t.tokens),
        width,
      );
      texts.forEach((t, i) => {
        if (vectors[i]!.every(Number.isFinite)) t.resolve(vectors[i]!);
        else t.reject(serveErrors.fail("program", { place: this.model.id, message: "the numbers of this vector broke down" }));
      });
    } catch (error) {
      for (const t of texts)
        t.reject(serveErrors.fail("program", { place: this.model.id, message: "a batch failed on the device" }, error));
    }
    const ms = this.#clock.monotonic() - startMs;
    this.#batches++;
    this.#millisecondsPerText = this.#millisecondsPerText * 0.8 + (ms / texts.length) * 0.2;
    const tokens = texts.reduce((n, t) => n + t.length, 0);
    for (const o of this.#observers) o(texts.length, tokens, width, ms);
  }

  async #pause(ms: number | undefined): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>(resolve => {
      this.#wake = resolve;
      if (ms !== undefined) timer = setTimeout(resolve, ms);
    });
    clearTimeout(timer);
  }

  #checkEmpty(): void {
    if (this.#waiting.length + this.#running > 0) return;
    for (const resolve of this.#whenEmpty.splice(0)) resolve();
  }

  /** Takes no new work from now on; resolves when nothing waits or runs. */
  async drain(): Promise<void> {
    if (this.#state === "loading" || this.#state === "ready") this.#state = "draining";
    if (this.#waiting.length + this.#running > 0) await new Promise<void>(resolve => this.#whenEmpty.push(resolve));
  }

  /** Ends what waits and frees the programs, when the batch under way is done. The parameters stay. */
  async close(): Promise<void> {
    if (this.#state === "closed") return;
    this.#state = "closed";
    const error = serveErrors.fail("draining", { place: this.model.id, message: "the server is shutting down" });
    for (const w of this.#waiting.splice(0)) w.reject(error);
    this.#wake();
    await this.ready.catch(() => {});
    await this.#loop;
    this.#program?.dispose();
    this.#checkEmpty();
  }
}

/** Starts an engine; it loads and warms up by itself. See `EmbeddingEngine.ready`. */
export const createEmbeddingEngine = (options: EmbeddingEngineOptions): EmbeddingEngine => new EmbeddingEngine(options);
