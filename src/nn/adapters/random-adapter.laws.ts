/** What the tests of adapters share: small models of three families, and random adapters for them. */
import { random } from "../../base/index.ts";
import { type DecoderConfig, gpt2Config, llamaConfig } from "../decoder.ts";
import { type Adapter, adapterOf, type LayerAdapter, type Projection, projectionSizes } from "./adapter.ts";

export const size = { vocab: 97, width: 64, layers: 2, heads: 4, context: 64, hidden: 96 } as const;
export const families: Readonly<Record<string, DecoderConfig>> = {
  "gpt2 (biases, tied)": { ...gpt2Config(size), deviation: 0.15 },
  "llama (grouped queries)": { ...llamaConfig({ ...size, kvHeads: 2 }), deviation: 0.15 },
  "qwen2 (biases of queries, keys, values)": { ...llamaConfig({ ...size, kvHeads: 2 }), qkvBias: true, deviation: 0.15 },
};

export interface RandomAdapterOptions {
  readonly rank?: number;
  /** Only these; all when absent. */
  readonly only?: readonly Projection[];
  /** Size of what it adds. */
  readonly deviation?: number;
}
/** An adapter of random numbers: one of a trained one's form, without its sense. */
export function randomAdapter(
  config: DecoderConfig,
  seed: string,
  { rank = 4, only, deviation = 0.3 }: RandomAdapterOptions = {},
): Adapter {
  const r = random(seed);
  const numbers = (n: number) => Float32Array.from({ length: n }, () => deviation * r.normal());
  const layers = Array.from({ length: config.layers }, () => {
    const layer: { -readonly [P in Projection]?: LayerAdapter[P] } = {};
    for (const [projection, { input, output }] of projectionSizes(config))
      if (only?.includes(projection) ?? true) layer[projection] = { rank, down: numbers(rank * input), up: numbers(rank * output) };
    return layer;
  });
  return adapterOf(config, layers);
}

export const randomTokens = (config: DecoderConfig, seed: string, count: number): number[] => {
  const r = random(seed);
  return Array.from({ length: count }, () => r.below(config.vocab));
};
