/**
 * A low-rank adapter in memory (Hu et al. 2021, LoRA): for some projections of some layers two thin matrices whose product is added to the
 * weight, so that one model in memory serves many tasks. It knows the model's sizes and nothing of files or devices.
 */
import { hashOf, sha256 } from "../../base/index.ts";
import { showShape } from "../../tensor/index.ts";
import { type DecoderConfig, decoderSpec } from "../decoder.ts";
import { nnErrors } from "../errors.ts";
import type { LinearSpec } from "../layers.ts";
import type { AdapterBase } from "./base.ts";

/** Projections of a block that can be adapted: paths below `blocks.N`. */
export const projections = [
  "attention.query",
  "attention.key",
  "attention.value",
  "attention.output",
  "feedForward.gate",
  "feedForward.up",
  "feedForward.down",
] as const;
export type Projection = (typeof projections)[number];

/** What is added to a projection: y + (x downᵀ) up. */
export interface LowRank {
  readonly rank: number;
  /** [rank, in] */
  readonly down: Float32Array;
  /** [rank, out], the scale (alpha / rank) multiplied in. */
  readonly up: Float32Array;
}
export type LayerAdapter = { readonly [P in Projection]?: LowRank };
export interface Adapter {
  /** One entry a layer of the model. */
  readonly layers: readonly LayerAdapter[];
  /** The greatest of its projections. */
  readonly rank: number;
  /** Identity of its numbers. */
  readonly digest: string;
  /** What its files say of the model that it was made for. */
  readonly base?: AdapterBase;
}

/** Sizes of a model's projections; those that its blocks do not have (a gate) are absent. */
export type ProjectionSizes = ReadonlyMap<Projection, { readonly input: number; readonly output: number }>;

/** Whatever lies at a projection's path in a block. */
export const atProjection = (block: unknown, projection: Projection): unknown => {
  const [group, name] = projection.split(".") as [string, string];
  return (block as Readonly<Record<string, Readonly<Record<string, unknown>>>>)[group]?.[name];
};

export function projectionSizes(config: DecoderConfig): ProjectionSizes {
  const block = decoderSpec({ ...config, layers: 1 }).blocks[0];
  return new Map(
    projections.flatMap(p => {
      const linear = atProjection(block, p) as LinearSpec | undefined;
      if (!linear) return [];
      const [input, output] = linear.weight.shape as [number, number];
      return [[p, { input, output }] as const];
    }),
  );
}

/**
 * Checks an adapter's numbers against a model and names it by them. Errors: nn/adapter for a layer or a projection that the model does not
 * have, a shape that does not fit, or a number that is not finite.
 */
export function adapterOf(config: DecoderConfig, layers: readonly LayerAdapter[], place = "adapter"): Adapter {
  const sizes = projectionSizes(config);
  if (layers.length !== config.layers)
    throw nnErrors.fail("adapter", { place, expected: `${config.layers} layers, as the model has`, received: String(layers.length) });
  let rank = 0;
  const parts: [string, string, string][] = [];
  for (const [i, layer] of layers.entries())
    for (const projection of projections) {
      const part = layer[projection];
      if (!part) continue;
      const path = `blocks.${i}.${projection}`;
      const size = sizes.get(projection);
      if (!size)
        throw nnErrors.fail("adapter", { place: `${place}: ${path}`, expected: "a projection that the model has", received: "another" });
      checkNumbers(part.down, [part.rank, size.input], `${place}: ${path}.down`);
      checkNumbers(part.up, [part.rank, size.output], `${place}: ${path}.up`);
      rank = Math.max(rank, part.rank);
      parts.push([path, sha256(bytesOf(part.down)), sha256(bytesOf(part.up))]);
    }
  if (rank === 0) throw nnErrors.fail("adapter", { place, expected: "at least one projection that it changes", received: "none" });
  return { layers, rank, digest: hashOf(parts) };
}

const bytesOf = (a: Float32Array): Uint8Array => new Uint8Array(a.buffer, a.byteOffset, a.byteLength);

/** One number that is not finite would reach every row of a batch. */
function checkNumbers(data: Float32Array, shape: readonly [number, number], place: string): void {
  if (data.length !== shape[0] * shape[1])
    throw nnErrors.fail("adapter", { place, expected: showShape(shape), received: `${data.length} elements` });
  const at = data.findIndex(x => !Number.isFinite(x));
  if (at >= 0) throw nnErrors.fail("adapter", { place, expected: "finite numbers", received: `${data[at]} at element ${at}` });
}
