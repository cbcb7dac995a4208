/** Bits per byte of a decoder on held-out documents: each document coded alone, every byte and the end mark count. */
import type { Progress } from "../base/index.ts";
import { type ArraysOf, type DecoderConfig, type DecoderSpec, decoderLogits, negativeLogLikelihood, type TensorsOf } from "../nn/index.ts";
import { argmax, cast, compile, type Device, type DeviceArray, mul, reshape, type Tensor } from "../tensor/index.ts";
import { layWindows, likelihoodWindows, type Window } from "./windows.ts";

export interface ModelBitsOptions {
  readonly device: Device;
  readonly config: DecoderConfig;
  readonly parameters: ArraysOf<DecoderSpec>;
  readonly documents: readonly ArrayLike<number>[];
  readonly end: number;
  /** Rows a batch. */
  readonly rows?: number;
  readonly signal?: AbortSignal | undefined;
  readonly progress?: Progress;
}

interface Laid {
  readonly tokens: Int32Array;
  readonly targets: Int32Array;
  readonly segments: Int32Array;
  readonly positions: Int32Array;
  readonly weights: Float32Array;
}

/** One batch of rows as arrays; unused places weigh nothing. */
function lay(rows: readonly (readonly Window[])[], count: number, length: number, o: Pick<ModelBitsOptions, "documents" | "end">): Laid {
  const n = count * length;
  const b: Laid = {
    tokens: new Int32Array(n),
    targets: new Int32Array(n),
    segments: new Int32Array(n).fill(-1),
    positions: new Int32Array(n),
    weights: new Float32Array(n),
  };
  rows.forEach((windows, row) => {
    let at = row * length;
    windows.forEach((w, segment) => {
      const document = o.documents[w.document]!;
      for (let k = 0; k < w.size; k++, at++) {
        const input = w.from + k;
        b.tokens[at] = input === 0 ? o.end : document[input - 1]!;
        b.targets[at] = input === document.length ? o.end : document[input]!;
        b.segments[at] = segment;
        b.positions[at] = k;
        b.weights[at] = k >= w.scoredFrom ? 1 : 0;
      }
    });
  });
  return b;
}

/** What a model makes of each scored token: index 0 of a document is its first token, the end mark comes last. */
type OnToken = (document: number, token: number, nats: number, isLikeliest: boolean) => void;

type Scoring = Pick<ModelBitsOptions, "device" | "config" | "end" | "rows">;
type ScoredTexts = Pick<ModelBitsOptions, "parameters" | "documents" | "signal" | "progress">;

/** Scores every token of documents once, a batch of windows at a time. `likeliest`: whether the target is the model's likeliest token, too. */
function tokenScorer({ device, config, end, rows = 16 }: Scoring, likeliest: boolean) {
  const length = config.context;
  const program = compile(
    (p: TensorsOf<DecoderSpec>, b: { tokens: Tensor; targets: Tensor; segments: Tensor; positions: Tensor; weights: Tensor }) => {
      const logits = decoderLogits(config, p, b.tokens, {
        segments: b.segments,
        positions: b.positions,
        attentionBlock: Math.min(128, length),
      });
      const nats = reshape(mul(negativeLogLikelihood(logits, b.targets), b.weights), [rows * length]);
      return likeliest ? { nats, written: reshape(cast(argmax(logits), "i32"), [rows * length]) } : { nats };
    },
    { device, name: "bits" },
  );
  async function score(o: ScoredTexts, onToken: OnToken): Promise<void> {
    const windows = o.documents.flatMap((d, i) => likelihoodWindows(i, d.length, length, Math.max(1, length >> 1)));
    const laid = layWindows(windows, length);
    for (let first = 0; first < laid.length; first += rows) {
      o.signal?.throwIfAborted();
      const part = laid.slice(first, first + rows);
      const host = lay(part, rows, length, { documents: o.documents, end });
      const on = (data: Int32Array | Float32Array, dtype: "i32" | "f32") => device.array(data, dtype, [rows, length]);
      const [tokens, targets, segments] = [await on(host.tokens, "i32"), await on(host.targets, "i32"), await on(host.segments, "i32")];
      const given = { tokens, targets, segments, positions: await on(host.positions, "i32"), weights: await on(host.weights, "f32") };
      const out: { readonly nats: DeviceArray; readonly written?: DeviceArray } = await program(o.parameters, given);
      const [nats, written] = [await out.nats.numbers(), await out.written?.numbers()];
      part.forEach((list, row) => {
        let at = row * length;
        for (const w of list) {
          for (let k = w.scoredFrom; k < w.size; k++)
            onToken(w.document, w.from + k, nats[at + k]!, written?.[at + k] === host.targets[at + k]);
          at += w.size;
        }
      });
      for (const a of [out.nats, ...(out.written ? [out.written] : []), ...Object.values(given)]) a.dispose();
      o.progress?.({ stage: "evaluate", done: Math.min(1, (first + rows) / laid.length), message: "held-out bits" });
    }
  }
  return { score, dispose: () => program.dispose() };
}

/** Total bits, and bits of each document. Errors: abort. */
export async function modelBits(o: ModelBitsOptions): Promise<{ bits: number; perDocument: Float64Array }> {
  const perDocument = new Float64Array(o.documents.length);
  const scorer = tokenScorer(o, false);
  try {
    await scorer.score(o, (document, _, nats) => {
      perDocument[document]! += nats / Math.LN2;
    });
  } finally {
    scorer.dispose();
  }
  return { bits: perDocument.reduce((a, b) => a + b, 0), perDocument };
}

/** What a model makes of a document. */
export interface DocumentLikelihood {
  /** Mean nats per token, the end mark included. */
  readonly nats: number;
  /** Of each token, without the end mark: was it the likeliest, given the tokens before it? */
  readonly likeliest: Uint8Array;
}

export interface LikelihoodScorer {
  /** Of each document, coded alone. Errors: abort. */
  of(parameters: ArraysOf<DecoderSpec>, documents: readonly ArrayLike<number>[], signal?: AbortSignal): Promise<DocumentLikelihood[]>;
  dispose(): void;
}

/** The likelihood of documents under a decoder, and which of their tokens greedy decoding would write; built once, for parameters that change. */
export function likelihoodScorer(given: Scoring): LikelihoodScorer {
  const scorer = tokenScorer(given, true);
  return {
    async of(parameters, documents, signal) {
      const nats = new Float64Array(documents.length);
      const likeliest = documents.map(d => new Uint8Array(d.length));
      await scorer.score({ parameters, documents, signal }, (document, token, own, isLikeliest) => {
        nats[document]! += own;
        if (isLikeliest && token < likeliest[document]!.length) likeliest[document]![token] = 1;
      });
      return likeliest.map((tokens, i) => ({ nats: nats[i]! / (tokens.length + 1), likeliest: tokens }));
    },
    dispose: scorer.dispose,
  };
}
