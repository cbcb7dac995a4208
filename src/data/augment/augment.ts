/**
 * Augmentation of the train side: documents in, further documents out, each marked with its parent and what made it. Variants come in the order
 * of documents, rows and copies, whatever is asked at a time; a failure ends the whole, and nothing of a variant that failed is given out.
 */
import { defined, hashOf, type Random, random } from "../../base/index.ts";
import type { Document, DocumentAttributes } from "../document.ts";
import { dataErrors } from "../errors.ts";
import { noResources, type Resources } from "../resources.ts";
import { type AugmentGuard, heldOutGuard } from "./guard.ts";
import type { AugmentMethod, Variant } from "./method.ts";
import { methods } from "./methods.ts";
import type { AugmentOptions } from "./options.ts";
import { type AugmentSelection, selectDocuments } from "./selection.ts";
import { cachedWriter } from "./upstream/cache.ts";
import { openAiCompatible } from "./upstream/openai-compatible.ts";
import type { Writer } from "./upstream/writer.ts";

export interface AugmentInput {
  /** The train documents; gone through twice or, where `maxShare` cuts, three times, in the same order. */
  documents(): AsyncIterable<Document> | Iterable<Document>;
  /** The held-out documents: nothing that is like one of them is made. */
  heldOut(): AsyncIterable<Document> | Iterable<Document>;
  readonly resources?: Resources;
  /** A folder for answers of the endpoint, kept between runs. */
  readonly cache?: string;
  /** In place of the endpoint of the options. */
  readonly writer?: Writer;
  /** Where the endpoint's key is looked for; the process's own without it. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal;
  /** After every document. */
  readonly onProgress?: (progress: { readonly documents: number; readonly of: number; readonly made: number }) => void;
}

export interface RowReport {
  readonly as: string;
  readonly method: string;
  /** Variants that the row asks for, and those that `maxShare` leaves. */
  readonly wished: number;
  readonly tried: number;
  readonly made: number;
  /** Why others were not made, by name. */
  readonly rejected: Readonly<Record<string, number>>;
}

export interface AugmentReport {
  /** Train documents that were there before. */
  readonly documents: number;
  readonly made: number;
  /** Of all train documents then. */
  readonly share: number;
  /** The most that `maxShare` allows. */
  readonly limit: number;
  readonly rows: readonly RowReport[];
  readonly requests: { readonly asked: number; readonly cached: number; readonly refused: number; readonly tokens: number };
}

export interface Augmentation {
  /** Can be gone through once. Errors: `data/leakage`, `data/upstream`, `data/resource`, the signal's reason. */
  readonly documents: AsyncGenerator<Document>;
  /** As far as it has gone. */
  report(): AugmentReport;
}

interface Row {
  readonly as: string;
  readonly method: AugmentMethod;
  readonly options: Readonly<Record<string, unknown>>;
  state: unknown;
  tried: number;
  made: number;
  readonly rejected: Map<string, number>;
}

interface Job {
  readonly document: Document;
  readonly row: Row;
  readonly copy: number;
  readonly result: Promise<{ readonly variant: Variant } | { readonly error: unknown }>;
}

/** Refusals without any answer after which a run ends. */
const maxRefusals = 8;

/** Variants that may wait for their turn, for each request at a time. */
const waiting = 16;

/** `parent+method.k`. Ids of sources may hold such signs too, so parents are named in an attribute. */
export const variantId = (parent: string, as: string, copy: number): string => `${parent}+${as}.${copy}`;

export function augment(o: AugmentOptions, input: AugmentInput): Augmentation {
  const rows = o.methods.map(
    (r): Row => ({ as: r.as, method: methods[r.method], options: r.options, state: undefined, tried: 0, made: 0, rejected: new Map() }),
  );
  const requests = { asked: 0, cached: 0, tokens: 0 };
  const stop = new AbortController();
  const signal = input.signal ? AbortSignal.any([input.signal, stop.signal]) : stop.signal;
  let selection: AugmentSelection | undefined;

  let refusals = 0;
  let lastRefusal = "";
  /** A document that is too long is its own misfortune; where nothing at all is answered, the options are at fault. */
  const checkRefusals = () => {
    if (refusals === 0 || requests.asked + requests.cached > 0) return;
    throw dataErrors.fail("upstream", {
      place: `augment.endpoint (${o.endpoint?.model})`,
      expected: "answers",
      received: `${refusals} refusals and no answer, the last with ${lastRefusal}`,
      hint: "Check what the server says; lower maxTokens or maxBytes where a prompt is too long for the model.",
    });
  };

  const writer = (): Writer => {
    const endpoint = input.writer ?? openAiCompatible(o.endpoint!, { signal, ...defined({ environment: input.environment }) });
    const kept = input.cache === undefined ? endpoint : cachedWriter(endpoint, input.cache);
    return {
      identity: kept.identity,
      async write(ask) {
        const answer = await kept.write(ask);
        if (answer.refusal !== undefined) {
          refusals++;
          lastRefusal = answer.refusal;
          if (refusals >= maxRefusals) checkRefusals();
          return answer;
        }
        requests[answer.isCached ? "cached" : "asked"]++;
        requests.tokens += answer.tokens;
        return answer;
      },
    };
  };

  async function* run(): AsyncGenerator<Document> {
    const asks = rows.some(r => r.method.kind === "asking");
    const asked = asks ? writer() : undefined;
    const guard = await heldOutGuard(input.heldOut(), o.heldOut);
    for (const r of rows) r.state = await r.method.prepare?.(r.options, input.resources ?? noResources);
    const drawFor = (row: Row, document: Document, copy: number) => random(hashOf([o.seed, row.as, document.id, copy]));
    selection = await selectDocuments(
      () => input.documents(),
      o,
      (document, { row: at, copy }) => {
        const row = rows[at]!;
        if (row.method.kind !== "plain") return true;
        const variant = row.method.vary(document, drawFor(row, document, copy), row.options, row.state);
        return accept(variant, new Set([document.text]), guard).rejected === undefined;
      },
    );
    const budget = budgetOf(o);
    const width = asks ? (o.endpoint?.concurrency ?? 1) : 1;
    const pending: Job[] = [];
    let seen = 0;
    let made = 0;
    /** Texts of the parent that is at work. */
    let parent = "";
    let texts = new Set<string>();

    const isAsking = (job: Job) => job.row.method.kind === "asking";
    /** What is made at once waits only for what was asked before it. */
    const isFull = () =>
      pending.length > 0 && (!isAsking(pending[0]!) || pending.length > waiting * width || pending.filter(isAsking).length >= width);
    const settle = async (): Promise<Document | undefined> => {
      const job = pending.shift()!;
      const { document, row, copy } = job;
      const result = await job.result;
      if ("error" in result) throw result.error;
      if (document.id !== parent) [parent, texts] = [document.id, new Set([document.text])];
      const done = accept(result.variant, texts, guard);
      row.tried++;
      if (done.rejected !== undefined) {
        row.rejected.set(done.rejected, (row.rejected.get(done.rejected) ?? 0) + 1);
        return undefined;
      }
      texts.add(done.text);
      row.made++;
      made++;
      const marks: DocumentAttributes = { augmentedFrom: document.id, augmentation: `${row.as}/${o.seed}` };
      return {
        id: variantId(document.id, row.as, copy),
        text: done.text,
        source: document.source,
        attributes: { ...document.attributes, ...done.attributes, ...marks },
      };
    };
    try {
      for await (const document of input.documents()) {
        signal.throwIfAborted();
        guard.admit(document.id);
        for (const { row: at, copy } of selection.wishesFor(document)) {
          const row = rows[at]!;
          pending.push({ document, row, copy, result: start(document, row, drawFor(row, document, copy), asked, budget) });
          while (isFull()) {
            const next = await settle();
            if (next) yield next;
          }
        }
        input.onProgress?.({ documents: ++seen, of: selection.documents, made });
      }
      while (pending.length > 0) {
        const next = await settle();
        if (next) yield next;
      }
      checkRefusals();
    } finally {
      // Whoever stops listening, or fails, also stops what is still being asked.
      stop.abort();
      await Promise.all(pending.map(job => job.result));
    }
  }

  return {
    documents: run(),
    report() {
      const made = rows.reduce((sum, r) => sum + r.made, 0);
      const documents = selection?.documents ?? 0;
      return {
        documents,
        made,
        share: made > 0 ? made / (documents + made) : 0,
        limit: selection?.limit ?? 0,
        rows: rows.map((r, i) => ({
          as: r.as,
          method: r.method.name,
          wished: selection?.wished[i] ?? 0,
          tried: r.tried,
          made: r.made,
          rejected: Object.fromEntries([...r.rejected].sort(([a], [b]) => (a < b ? -1 : 1))),
        })),
        requests: { ...requests, refused: refusals },
      };
    },
  };
}

/** Begins a variant; never rejects, so that one that fails early is told in its turn. */
async function start(
  document: Document,
  { method, options, state }: Row,
  draw: Random,
  writer: Writer | undefined,
  budget: (cost: Cost) => boolean,
): Promise<{ readonly variant: Variant } | { readonly error: unknown }> {
  try {
    if (method.kind === "plain") return { variant: method.vary(document, draw, options, state) };
    if (!budget(method.reckon(document, options))) return { variant: { rejected: "budget" } };
    return { variant: await method.vary(document, draw, options, state, writer!) };
  } catch (error) {
    return { error };
  }
}

interface Cost {
  readonly requests: number;
  readonly tokens: number;
}

/** Whether a cost still fits; it is taken where it does. Asked in the order of documents, so the same ones fit in every run. */
function budgetOf(o: AugmentOptions): (cost: Cost) => boolean {
  const { requests = Number.POSITIVE_INFINITY, tokens = Number.POSITIVE_INFINITY } = o.endpoint?.budget ?? {};
  const left = { requests, tokens };
  return cost => {
    if (cost.requests > left.requests || cost.tokens > left.tokens) return false;
    left.requests -= cost.requests;
    left.tokens -= cost.tokens;
    return true;
  };
}

function accept(variant: Variant, texts: ReadonlySet<string>, guard: AugmentGuard): Variant {
  if (variant.rejected !== undefined) return variant;
  if (variant.text.trim() === "") return { rejected: "empty" };
  if (texts.has(variant.text)) return { rejected: "repeated" };
  return guard.isLikeHeldOut(variant.text) ? { rejected: "like-held-out" } : variant;
}

/** Whether the same text is made again from the same train documents: without methods that ask, whose answers only a cache repeats. */
export const isRepeatable = (o: AugmentOptions): boolean => o.methods.every(r => methods[r.method].kind === "plain");
