/**
 * How close a model in another form is to the full one, on a text: perplexity of both, the mean divergence of their next-token
 * distributions (KL, nats), and how often the likeliest token is the same. Tokens are read in windows; the first of each is not predicted. The
 * other form is run as it is served.
 */
import { pauses } from "../../base/index.ts";
import { type Decoder, type DecoderConfig, type DecoderParameters, decoderLogits, openDecoder } from "../../nn/index.ts";
import { compile, type Device, type Tensor } from "../../tensor/index.ts";

export interface Closeness {
  /** Tokens predicted. */
  readonly tokens: number;
  readonly perplexity: number;
  readonly fullPerplexity: number;
  /** Mean KL(full || other), nats a token. */
  readonly divergence: number;
  /** Share of tokens at which both find the same one likeliest. */
  readonly agreement: number;
}

/** Tokens a window: the logits of one window of a vocabulary of 50,000 are 50 MB. */
const windowTokens = 256;

/** Sum of exp(x - most) of a row, and its greatest element's place. */
function rowStats(row: Float32Array): { readonly most: number; readonly total: number; readonly best: number } {
  let best = 0;
  for (let i = 1; i < row.length; i++) if (row[i]! > row[best]!) best = i;
  const most = row[best]!;
  let total = 0;
  for (let i = 0; i < row.length; i++) total += Math.exp(row[i]! - most);
  return { most, total, best };
}

/** Compares over all whole windows of `ids`; at least one. */
export async function closeness(
  config: DecoderConfig,
  device: Device,
  full: DecoderParameters,
  other: DecoderParameters,
  ids: readonly number[],
  onWindow?: (done: number) => void,
): Promise<Closeness> {
  const width = Math.min(windowTokens, config.context, ids.length);
  const small = config.positions === "rotary" ? { ...config, context: width } : config;
  const program = compile((p: Decoder, tokens: Tensor) => decoderLogits(small, p, tokens), { device, constant: [0], name: "closeness" });
  const served = await openDecoder(small, other, device, { room: width, widths: [width], verifyWidth: width });
  const pause = pauses();
  let [count, nats, fullNats, divergence, same] = [0, 0, 0, 0, 0];
  try {
    for (let start = 0; start + width <= ids.length; start += width) {
      const window = ids.slice(start, start + width);
      const tokens = await device.array(Int32Array.from(window), "i32", [1, width]);
      const a = await program(full, tokens);
      const p = (a.memory.host() ?? (await a.read())) as Float32Array;
      const q = await served.verify(other, 0, window, 0);
      for (let t = 0; t + 1 < width; t++) {
        await pause();
        const [rowP, rowQ] = [p.subarray(t * config.vocab, (t + 1) * config.vocab), q.row(t)];
        const [sp, sq] = [rowStats(rowP), rowStats(rowQ)];
        const [logP, logQ] = [sp.most + Math.log(sp.total), sq.most + Math.log(sq.total)];
        const next = ids[start + t + 1]!;
        fullNats += logP - rowP[next]!;
        nats += logQ - rowQ[next]!;
        // sum of P (log p - log q) = sum of P (x_p - x_q) - log Z_p + log Z_q
        let distance = 0;
        for (let i = 0; i < rowP.length; i++) distance += Math.exp(rowP[i]! - logP) * (rowP[i]! - rowQ[i]!);
        divergence += distance - logP + logQ;
        same += sp.best === sq.best ? 1 : 0;
        count++;
      }
      q.release();
      for (const x of [a, tokens]) x.dispose();
      onWindow?.(Math.min(1, (start + width) / ids.length));
    }
  } finally {
    program.dispose();
    served.dispose();
  }
  return {
    tokens: count,
    perplexity: Math.exp(nats / count),
    fullPerplexity: Math.exp(fullNats / count),
    divergence: divergence / count,
    agreement: same / count,
  };
}
