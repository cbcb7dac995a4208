/**
 * Batches: a file of requests, answered one line after another while nobody else wants the engines. A line goes through the same application as
 * a client's request, and through the gateway before it where there is one, in the name of whoever began the batch. Lines that were answered are
 * in the folder, so a batch that was interrupted goes on where it was.
 */
import { appendFileSync, createReadStream, existsSync, readFileSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { z } from "zod";
import type { Engines } from "../../engines.ts";
import { serveErrors } from "../../errors.ts";
import { limits } from "../../limits.ts";
import { jsonDepth } from "../body.ts";
import { newId } from "../exchange.ts";
import type { Owned } from "../owner.ts";
import type { FileStore } from "./file-store.ts";

export const batchEndpoints = ["/v1/chat/completions", "/v1/completions", "/v1/responses", "/v1/embeddings"] as const;

type BatchStatus = "validating" | "failed" | "in_progress" | "finalizing" | "completed" | "cancelling" | "cancelled";

interface BatchError {
  readonly code: string;
  readonly message: string;
  readonly param: string | null;
  readonly line: number | null;
}

/** As OpenAI writes it; times are seconds since 1970. */
export interface Batch extends Owned {
  readonly id: string;
  readonly object: "batch";
  readonly endpoint: string;
  errors: { readonly object: "list"; readonly data: readonly BatchError[] } | null;
  readonly input_file_id: string;
  readonly completion_window: string;
  status: BatchStatus;
  output_file_id: string | null;
  error_file_id: string | null;
  readonly created_at: number;
  in_progress_at: number | null;
  finalizing_at: number | null;
  completed_at: number | null;
  failed_at: number | null;
  cancelling_at: number | null;
  cancelled_at: number | null;
  readonly expires_at: number | null;
  readonly expired_at: null;
  request_counts: { total: number; completed: number; failed: number };
  readonly metadata: Readonly<Record<string, string>> | null;
  /** The gateway's note about the caller who created it; not shown, and absent in a batch of before. */
  readonly caller?: string | null;
}

const lineSchema = z.object({
  custom_id: z.string().min(1).max(512),
  method: z.literal("POST"),
  url: z.string(),
  body: z.record(z.string(), z.unknown()),
});
type Line = z.output<typeof lineSchema>;

interface BatchPorts {
  readonly store: FileStore;
  readonly engines: Engines;
  readonly created: () => number;
  readonly ask: (request: Request, batch: Batch) => Promise<Response>;
  readonly onFailure: (error: unknown, place: string) => void;
}

/** Errors of a file that are told; a file of nonsense has as many as lines. */
const toldErrors = 100;
/** Milliseconds between two looks at engines that are busy. */
const lookMs = 25;
/** Longest wait in milliseconds that a line is told and keeps; one that is told a longer one has its answer. */
const mostWaitMs = 60_000;
/** Milliseconds that a line is waited for at the gateway before the next one may go: one that a limit holds up stops nobody. */
const letInMs = 50;

const outputName = (b: Batch): string => `${b.id}.output.jsonl`;
const errorName = (b: Batch): string => `${b.id}.errors.jsonl`;
const ownerOf = ({ owner = null }: Owned): string | null => owner;
const isOver = (s: BatchStatus): boolean => ["failed", "completed", "cancelled"].includes(s);

export class BatchRunner {
  readonly #ports: BatchPorts;
  readonly #batches = new Map<string, Batch>();
  /** Owners whose batches are being answered: one batch of each at a time, so that none waits for another's. */
  readonly #answering = new Set<string | null>();
  /** Ends when the line that was taken up last is with an engine: owners take turns, line by line. */
  #turn: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(ports: BatchPorts) {
    this.#ports = ports;
    for (const batch of ports.store.batches<Batch>()) this.#batches.set(batch.id, batch);
    this.#wake();
  }

  /** Oldest first. */
  list(): Batch[] {
    return [...this.#batches.values()];
  }
  get(id: string): Batch | undefined {
    return this.#batches.get(id);
  }

  /** Errors: serve/batchesFull. */
  create(batch: Batch): void {
    const own = this.list().filter(b => ownerOf(b) === ownerOf(batch));
    const over = own.filter(b => isOver(b.status));
    if (own.length - over.length >= limits.openBatches)
      throw serveErrors.fail("batchesFull", {
        place: "input_file_id",
        expected: `at most ${limits.openBatches} batches of each owner that are not over`,
        received: "one more",
        hint: "Wait for one to end, or cancel one.",
      });
    for (const old of over.slice(0, Math.max(0, own.length + 1 - limits.keptBatches))) {
      this.#batches.delete(old.id);
      this.#ports.store.removeBatch(old);
    }
    this.#batches.set(batch.id, batch);
    this.#ports.store.saveBatch(batch);
    this.#wake();
  }

  cancel(batch: Batch): void {
    if (isOver(batch.status) || batch.status === "finalizing") return;
    this.#save(batch, { status: "cancelling", cancelling_at: this.#ports.created() });
    this.#wake();
  }

  /** Begins no further line. */
  close(): void {
    this.#isClosed = true;
  }

  #save(batch: Batch, change: Partial<Batch>): void {
    Object.assign(batch, change);
    this.#ports.store.saveBatch(batch);
  }

  #wake(): void {
    if (this.#isClosed) return;
    for (const owner of new Set(this.list().flatMap(b => (isOver(b.status) ? [] : [ownerOf(b)])))) {
      if (this.#answering.has(owner)) continue;
      this.#answering.add(owner);
      this.#run(owner)
        .catch(error => this.#ports.onFailure(error, "batches"))
        .finally(() => {
          this.#answering.delete(owner);
          // one that came while this ended
          if (!this.#ports.engines.isDraining && this.#next(owner)) this.#wake();
        });
    }
  }

  async #run(owner: string | null): Promise<void> {
    // whoever created a batch is answered first
    await new Promise(resolve => setImmediate(resolve));
    for (let next = this.#next(owner); next && !this.#isClosed; next = this.#next(owner)) {
      const batch = next;
      try {
        await this.#one(batch);
      } catch (error) {
        this.#ports.onFailure(error, batch.id);
        const told: BatchError = { code: "internal_error", message: "the batch failed in the server", param: null, line: null };
        this.#save(batch, { status: "failed", failed_at: this.#ports.created(), errors: { object: "list", data: [told] } });
      }
      if (this.#ports.engines.isDraining) return;
    }
  }

  #next(owner: string | null): Batch | undefined {
    return this.list().find(b => ownerOf(b) === owner && !isOver(b.status));
  }

  async #one(batch: Batch): Promise<void> {
    const { created } = this.#ports;
    if (batch.status === "validating") {
      const { errors, total } = await this.#check(batch);
      if (errors.length > 0) {
        this.#save(batch, { status: "failed", failed_at: created(), errors: { object: "list", data: errors } });
        return;
      }
      const counts = { total, completed: 0, failed: 0 };
      this.#save(batch, batch.status === "validating" ? { status: "in_progress", in_progress_at: created(), request_counts: counts } : {});
    }
    await this.#answer(batch);
    if (this.#isClosed || this.#ports.engines.isDraining) return;
    this.#finish(batch);
  }

  async *#lines(batch: Batch): AsyncGenerator<{ readonly text: string; readonly number: number }> {
    const lines = createInterface({ input: createReadStream(this.#ports.store.path(`${batch.input_file_id}.data`)), crlfDelay: Infinity });
    let number = 0;
    for await (const text of lines) {
      number++;
      if (text.trim() !== "") yield { text, number };
    }
  }

  async #check(batch: Batch): Promise<{ readonly errors: readonly BatchError[]; readonly total: number }> {
    const errors: BatchError[] = [];
    const ids = new Set<string>();
    let total = 0;
    const wrong = (line: number, message: string, param: string | null = null) => {
      errors.push({ code: "invalid_request", message, param, line });
    };
    for await (const { text, number } of this.#lines(batch)) {
      if (errors.length >= toldErrors) break;
      total++;
      const line = readLine(text);
      if (typeof line === "string") wrong(number, line);
      else if (line.url !== batch.endpoint) wrong(number, `expected the batch's endpoint ${batch.endpoint}`, "url");
      else if (line.body.stream === true) wrong(number, "answers of a batch are not streamed", "body.stream");
      else if (ids.has(line.custom_id)) wrong(number, "the custom_id stands in an earlier line too", "custom_id");
      else ids.add(line.custom_id);
      if (total > limits.batchLines) {
        wrong(number, `expected at most ${limits.batchLines} requests`);
        break;
      }
    }
    if (total === 0) errors.push({ code: "empty_file", message: "the file has no request", param: null, line: null });
    return { errors, total };
  }

  /** Ids of lines that are answered. A line that was cut off in the middle of writing is taken back. */
  #answered(name: string): Set<string> {
    const path = this.#ports.store.path(name);
    if (!existsSync(path)) return new Set();
    const text = readFileSync(path, "utf8");
    const whole = text.slice(0, text.lastIndexOf("\n") + 1);
    if (whole.length < text.length) writeFileSync(path, whole);
    return new Set(whole.split("\n").flatMap(line => (line ? [(JSON.parse(line) as { custom_id: string }).custom_id] : [])));
  }

  async #answer(batch: Batch): Promise<void> {
    const done = this.#answered(outputName(batch));
    const failed = this.#answered(errorName(batch));
    batch.request_counts = { total: batch.request_counts.total, completed: done.size, failed: failed.size };
    const running = new Set<Promise<void>>();
    try {
      for await (const { text } of this.#lines(batch)) {
        const line = readLine(text);
        if (typeof line === "string" || done.has(line.custom_id) || failed.has(line.custom_id)) continue;
        // its own lines that a limit holds up are waited for outside of the turn, so that they keep nobody else waiting
        while (running.size >= limits.batchConcurrency && !this.#isStopped(batch)) await Promise.race([...running, pause(lookMs)]);
        const isTaken = await this.#inTurn(async () => {
          while (!this.#isIdle() && !this.#isStopped(batch)) await pause(lookMs);
          if (this.#isStopped(batch)) return false;
          const answer: Promise<void> = this.#ask(batch, line).finally(() => running.delete(answer));
          running.add(answer);
          await this.#untilTaken(batch, answer);
          return true;
        });
        if (!isTaken) return;
      }
    } finally {
      await Promise.allSettled(running);
    }
  }

  /** One after another, in the order of asking. */
  #inTurn<T>(take: () => Promise<T>): Promise<T> {
    const taken = this.#turn.then(take);
    this.#turn = taken.then(
      () => {},
      () => {},
    );
    return taken;
  }

  /** The engine takes a line before the next look, so that lines leave room for clients: at once, or as soon as the gateway has let it in or denied it. */
  async #untilTaken(batch: Batch, answer: Promise<void>): Promise<void> {
    const before = this.#taken();
    await new Promise(resolve => setImmediate(resolve));
    if (!batch.caller) return;
    let isOver = false;
    const over = () => {
      isOver = true;
    };
    answer.then(over, over);
    const endMs = performance.now() + letInMs;
    while (!isOver && this.#taken() <= before && performance.now() < endMs) await pause(1);
  }

  /** Rises with each request that an engine takes. */
  #taken(): number {
    const { engines } = this.#ports;
    const decoded = engines
      .all()
      .map(e => e.stats())
      .map(s => s.requests + s.queued);
    const encoded = engines
      .encoders()
      .map(e => e.stats())
      .map(s => s.texts + s.running + s.queued);
    return [...decoded, ...encoded].reduce((sum, n) => sum + n, 0);
  }

  #isStopped(batch: Batch): boolean {
    return this.#isClosed || this.#ports.engines.isDraining || batch.status === "cancelling";
  }

  /** Models are loaded, nobody waits, a slot is free, and the batches themselves do not fill all of them. */
  #isIdle(): boolean {
    const { engines } = this.#ports;
    if (!engines.isReady) return false;
    const decoders = engines.all().map(e => e.stats());
    return (
      decoders.every(s => s.queued === 0 && (s.slots === 0 || s.running < s.slots)) && engines.encoders().every(e => e.stats().queued === 0)
    );
  }

  async #ask(batch: Batch, line: Line): Promise<void> {
    const { ask, store } = this.#ports;
    for (;;) {
      const request = new Request(`http://127.0.0.1${line.url}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(line.body),
      });
      const response = await ask(request, batch);
      // clients of their own were there first, or a limit has room again soon
      if (response.status === 429 || response.status === 503) {
        const toldMs = Number(response.headers.get("retry-after-ms") ?? 0);
        if (response.headers.get("x-should-retry") !== "false" && toldMs <= mostWaitMs) {
          await response.body?.cancel();
          const endMs = performance.now() + Math.max(toldMs, 4 * lookMs);
          while (performance.now() < endMs && !this.#isStopped(batch)) await pause(4 * lookMs);
          if (this.#isStopped(batch)) return;
          continue;
        }
      }
      const body = (await response.json()) as unknown;
      const isWhole = response.status === 200;
      const row = {
        id: newId("batch_req"),
        custom_id: line.custom_id,
        response: { status_code: response.status, request_id: response.headers.get("x-request-id") ?? "", body },
        error: null,
      };
      appendFileSync(store.path(isWhole ? outputName(batch) : errorName(batch)), `${JSON.stringify(row)}\n`, { mode: 0o600 });
      if (isWhole) batch.request_counts.completed++;
      else batch.request_counts.failed++;
      return;
    }
  }

  #finish(batch: Batch): void {
    const { store, created } = this.#ports;
    const isCancelled = batch.status === "cancelling";
    if (!isCancelled) this.#save(batch, { status: "finalizing", finalizing_at: created() });
    const adopt = (name: string, known: string | null, what: string): string | null =>
      known ?? (existsSync(store.path(name)) ? store.adopt(batch, name, `${batch.id}_${what}.jsonl`, "batch_output", created()).id : null);
    const output_file_id = adopt(outputName(batch), batch.output_file_id, "output");
    const error_file_id = adopt(errorName(batch), batch.error_file_id, "error");
    const end = isCancelled
      ? { status: "cancelled" as const, cancelled_at: created() }
      : { status: "completed" as const, completed_at: created() };
    this.#save(batch, { ...end, output_file_id, error_file_id });
  }
}

const pause = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms));

/** A line, or what is wrong with it. */
function readLine(text: string): Line | string {
  if (jsonDepth(text) > limits.jsonDepth + 1) return `expected at most ${limits.jsonDepth} levels of nesting`;
  try {
    const found = lineSchema.safeParse(JSON.parse(text));
    return found.success
      ? found.data
      : `expected custom_id, method "POST", url and body: ${found.error.issues[0]?.path.join(".") || "line"}`;
  } catch {
    return "the line is not JSON";
  }
}
