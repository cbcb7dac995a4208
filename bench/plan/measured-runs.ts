/**
 * Training runs of Megatron-LM whose speed was published: what a plan is scored against. Layers and widths of 2021 and 2022 are in the papers' tables; those of
 * the H100 rows follow from the parameters and the heads' size of the published table (it prints neither width nor layers).
 * Sources: Narayanan et al. 2021 (table 1); Korthikanti et al. 2022 (table 5); Megatron-LM's README of 2020 (model parallel and data parallel tables,
 * milliseconds) and of today (H100 weak scaling).
 */
import type { Recompute } from "../../src/train/index.ts";

export interface MeasuredRun {
  readonly name: string;
  readonly source: "H100 2024" | "A100 2021" | "V100 2020" | "A100 2020" | "A100 2022";
  readonly accelerator: "h100-80gb" | "a100-80gb" | "a100-40gb" | "v100-32gb";
  readonly layers: number;
  readonly width: number;
  readonly heads: number;
  readonly vocab: number;
  readonly length: number;
  readonly isTied: boolean;
  readonly data: number;
  readonly tensor: number;
  readonly pipeline: number;
  readonly rows: number;
  /** Where it was published; else the fastest that fits is taken. */
  readonly microRows?: number;
  readonly recompute: Recompute;
  /** Software of 2024: fused attention, split sequences, collectives beside computation, split optimiser state. */
  readonly isOverlapped: boolean;
  readonly isSequenceSplit: boolean;
  /** What was published: TFLOP/s of one accelerator by 72 or 96 B s l h^2 (1 + ...), or milliseconds of a step. */
  readonly teraflops?: number;
  readonly milliseconds?: number;
}

type Row = readonly number[];
const h100: readonly (readonly [string, ...Row])[] = [
  // name, layers, width, tensor, pipeline, data, rows, TFLOP/s
  ["1.7B", 24, 2048, 1, 1, 48, 192, 408.8],
  ["7.1B", 30, 4096, 2, 1, 48, 192, 465.9],
  ["16B", 32, 6144, 4, 1, 48, 192, 489.1],
  ["32B", 48, 7168, 8, 1, 48, 192, 459.6],
  ["70B", 84, 8192, 8, 2, 48, 384, 419.7],
  ["119B", 92, 10240, 8, 4, 48, 768, 420.5],
  ["177B", 96, 12288, 8, 6, 48, 1152, 432.8],
  ["314B", 96, 16384, 8, 8, 48, 1536, 474.4],
  ["462B", 112, 18432, 8, 16, 48, 3072, 459.9],
];
const a100: readonly (readonly [string, ...Row])[] = [
  // name, layers, width, heads, tensor, pipeline, accelerators, rows, TFLOP/s
  ["1.7B", 24, 2304, 24, 1, 1, 32, 512, 137],
  ["3.6B", 30, 3072, 32, 2, 1, 64, 512, 138],
  ["7.5B", 36, 4096, 32, 4, 1, 128, 512, 142],
  ["18B", 40, 6144, 48, 8, 1, 256, 1024, 135],
  ["39B", 48, 8192, 64, 8, 2, 512, 1536, 138],
  ["76B", 60, 10240, 80, 8, 4, 1024, 1792, 140],
  ["145B", 80, 12288, 96, 8, 8, 1536, 2304, 148],
  ["310B", 96, 16384, 128, 8, 16, 1920, 2160, 155],
  ["530B", 105, 20480, 128, 8, 35, 2520, 2520, 163],
  ["1T", 128, 25600, 160, 8, 64, 3072, 3072, 163],
];
const sizes2020: readonly (readonly [string, ...Row])[] = [
  // name, layers, width, heads, tensor, V100 ms (8 rows), A100 ms (16 rows), A100 with 128-fold data parallelism and 2048 rows
  ["1B", 24, 1920, 15, 1, 1121, 1076, 1153],
  ["2B", 30, 2304, 18, 2, 1093, 1026, 1101],
  ["4B", 36, 3072, 24, 4, 1238, 1162, 1242],
  ["8B", 42, 4096, 32, 8, 1407, 1343, 1380],
];
const a100In2022: readonly (readonly [string, ...Row])[] = [
  // name, layers, width, heads, pipeline, rows, micro rows, seconds of an iteration by its model FLOPs utilisation (percent)
  ["22B", 48, 6144, 64, 1, 4, 4, 41.5],
  ["175B", 96, 12288, 96, 8, 64, 1, 51.4],
  ["530B", 105, 20480, 128, 35, 280, 1, 56.0],
  ["1T", 128, 25600, 160, 64, 512, 1, 56.3],
];

const common = { vocab: 51_200, isTied: true, isOverlapped: false, isSequenceSplit: false, recompute: "all" } as const;
const at = (row: Row, i: number): number => row[i]!;

export const measuredRuns: readonly MeasuredRun[] = [
  ...h100.map(
    ([name, ...r]): MeasuredRun => ({
      ...common,
      name,
      source: "H100 2024",
      accelerator: "h100-80gb",
      layers: at(r, 0),
      width: at(r, 1),
      heads: at(r, 1) / 128,
      vocab: 131_072,
      length: 4096,
      isTied: false,
      tensor: at(r, 2),
      pipeline: at(r, 3),
      data: at(r, 4),
      rows: at(r, 5),
      recompute: "none",
      isOverlapped: true,
      isSequenceSplit: true,
      teraflops: at(r, 6),
    }),
  ),
  ...a100.map(
    ([name, ...r]): MeasuredRun => ({
      ...common,
      name,
      source: "A100 2021",
      accelerator: "a100-80gb",
      layers: at(r, 0),
      width: at(r, 1),
      heads: at(r, 2),
      length: 2048,
      tensor: at(r, 3),
      pipeline: at(r, 4),
      data: at(r, 5) / at(r, 3) / at(r, 4),
      rows: at(r, 6),
      teraflops: at(r, 7),
    }),
  ),
  ...sizes2020.flatMap(([name, ...r]): MeasuredRun[] => {
    const size = { ...common, name, layers: at(r, 0), width: at(r, 1), heads: at(r, 2), tensor: at(r, 3), length: 1024, pipeline: 1 };
    return [
      { ...size, source: "V100 2020", accelerator: "v100-32gb", data: 1, rows: 8, microRows: 8, milliseconds: at(r, 4) },
      { ...size, source: "A100 2020", accelerator: "a100-40gb", data: 1, rows: 16, microRows: 16, milliseconds: at(r, 5) },
      { ...size, source: "A100 2020", accelerator: "a100-40gb", data: 128, rows: 2048, microRows: 16, milliseconds: at(r, 6) },
    ];
  }),
  {
    ...common,
    name: "GPT-3 175B",
    source: "A100 2021",
    accelerator: "a100-80gb",
    layers: 96,
    width: 12_288,
    heads: 96,
    length: 2048,
    tensor: 8,
    pipeline: 16,
    data: 8,
    rows: 1536,
    milliseconds: 32_000,
  },
  ...a100In2022.map(([name, ...r]): MeasuredRun => {
    const [layers, width, rows] = [at(r, 0), at(r, 1), at(r, 4)];
    const length = 2048;
    const flops = 72 * rows * length * layers * width ** 2 * (1 + length / (6 * width) + common.vocab / (12 * layers * width));
    const count = 8 * at(r, 3);
    return {
      ...common,
      name,
      source: "A100 2022",
      accelerator: "a100-80gb",
      layers,
      width,
      heads: at(r, 2),
      length,
      tensor: 8,
      pipeline: at(r, 3),
      data: 1,
      rows,
      microRows: at(r, 5),
      recompute: "attention",
      isSequenceSplit: true,
      milliseconds: (1000 * flops) / count / 312e12 / (at(r, 6) / 100),
    };
  }),
];

/** FLOPs of a step as the source counts them: recomputation counts where everything was recomputed. */
export const countedFlops = ({ rows, length, layers, width, vocab, recompute }: MeasuredRun): number =>
  recompute === "all"
    ? 96 * rows * length * layers * width ** 2 * (1 + length / (6 * width) + vocab / (16 * layers * width))
    : 72 * rows * length * layers * width ** 2 * (1 + length / (6 * width) + vocab / (12 * layers * width));
