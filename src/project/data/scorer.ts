/**
 * A decoder as a scorer: bits of each text, every token and the end mark counted, the text coded alone. Long texts are cut into windows that
 * overlap by half (`windowsOf`), as evaluation does. A window has a row of its own, in a batch of rows of one width that depends on the window
 * alone, so a text's bits do not depend on the texts beside it, not by one bit.
 */
import type { Scorer } from "../../data/index.ts";
import { likelihoodWindows, type Window } from "../../evaluate/index.ts";
import { type ArraysOf, type Decoder, type DecoderConfig, type DecoderSpec, decoderLogits, negativeLogLikelihood } from "../../nn/index.ts";
import { rowWidth, rowWidths } from "../../serve/index.ts";
import { compile, type Device, reshape, type Tensor } from "../../tensor/index.ts";

interface DecoderScorerParts {
  readonly device: Device;
  readonly config: DecoderConfig;
  /** Owned by the caller. */
  readonly parameters: ArraysOf<DecoderSpec>;
  readonly tokenizer: { encode(text: string, options: { addSpecialTokens: false; readSpecialTokens: false }): ArrayLike<number> };
  /** The token before a text and after it. */
  readonly end: number;
  /** Between two batches; stops with its reason. */
  readonly signal?: AbortSignal | undefined;
}

interface DecoderScorer extends Scorer, Disposable {}

/** Positions a batch: enough that products are large, few enough that logits stay small. */
const batchPositions = 2048;

/** Errors of `score`: the signal's reason, text/tooLong. Its programs live until it is disposed. */
export function decoderScorer({ device, config, parameters, tokenizer, end, signal }: DecoderScorerParts): DecoderScorer {
  const widths = rowWidths(config.context);
  /** Tokens and targets [R, T] -> nats [R x T]. */
  const program = compile(
    (p: Decoder, tokens: Tensor, targets: Tensor) => {
      const logits = decoderLogits(config, p, tokens, { attentionBlock: Math.min(128, tokens.shape[1]!) });
      return reshape(negativeLogLikelihood(logits, targets), [-1]);
    },
    { device, name: "score" },
  );

  /** Bits of windows of one width, in their order. */
  async function bitsOf(windows: readonly Window[], width: number, documents: readonly ArrayLike<number>[]): Promise<number[]> {
    const rows = Math.max(1, Math.floor(batchPositions / width));
    const bits: number[] = [];
    for (let first = 0; first < windows.length; first += rows) {
      signal?.throwIfAborted();
      const part = windows.slice(first, first + rows);
      const tokens = new Int32Array(rows * width).fill(end);
      const targets = new Int32Array(rows * width).fill(end);
      part.forEach(({ document, from, size }, row) => {
        const ids = documents[document]!;
        for (let k = 0; k < size; k++) {
          const at = from + k;
          tokens[row * width + k] = at === 0 ? end : ids[at - 1]!;
          targets[row * width + k] = at === ids.length ? end : ids[at]!;
        }
      });
      const given = [await device.array(tokens, "i32", [rows, width]), await device.array(targets, "i32", [rows, width])] as const;
      const out = await program(parameters, ...given);
      const nats = await out.numbers();
      for (const a of [out, ...given]) a.dispose();
      part.forEach(({ size, scoredFrom }, row) => {
        let sum = 0;
        for (let k = scoredFrom; k < size; k++) sum += nats[row * width + k]!;
        bits.push(sum / Math.LN2);
      });
    }
    return bits;
  }

  return {
    async score(texts) {
      const documents = texts.map(t => tokenizer.encode(t, { addSpecialTokens: false, readSpecialTokens: false }));
      const windows = documents.flatMap((d, i) => likelihoodWindows(i, d.length, config.context, Math.max(1, config.context >> 1)));
      const bits = new Float64Array(windows.length);
      for (const width of widths) {
        const places = windows.flatMap((w, i) => (rowWidth(widths, w.size) === width ? [i] : []));
        const found = await bitsOf(
          places.map(i => windows[i]!),
          width,
          documents,
        );
        places.forEach((place, i) => {
          bits[place] = found[i]!;
        });
      }
      const totals = new Float64Array(texts.length);
      windows.forEach((w, i) => {
        totals[w.document]! += bits[i]!;
      });
      return texts.map((t, i) => ({ bits: totals[i]!, bytes: Buffer.byteLength(t) }));
    },
    [Symbol.dispose]: () => program.dispose(),
  };
}
