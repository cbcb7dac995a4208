import { expect, test } from "vitest";
import { noWork } from "../../ledger/index.ts";
import { type ProgramTrace, readTrainingProfile, trainingProfileOf } from "./training-profile.ts";

const kernel = (name: string, op: string, ts: number, dur: number, inputs: number[][] = [], outputs: number[][] = []) => ({
  name: `${name}_kernel_time`,
  cat: "Node",
  ts,
  dur,
  args: { op_name: op, input_type_shape: inputs.map(float => ({ float })), output_type_shape: outputs.map(float => ({ float })) },
});
const run = (ts: number, dur: number) => ({ name: "model_run", cat: "Session", ts, dur });
const work = { ...noWork, products: 2e6 };
const notes: ProgramTrace["notes"] = [
  { nodes: ["n0", "n1"], what: "product [100, 100] x [100, 100]", kind: "product", work, bytes: 120_000 },
  { nodes: ["n2"], what: "chain of mul, add [100, 100]", kind: "chain", work: { ...noWork, elementwise: 20_000 }, bytes: 80_000 },
];
/** Four runs, the first of which warms up; one kernel of the third is held up. */
const events = [
  ...[0, 1, 2, 3].flatMap(i => [
    run(1000 * i, 100),
    kernel("n0", "Transpose", 1000 * i, 5, [[100, 100]], [[100, 100]]),
    kernel("n1", "MatMul", 1000 * i + 10, i === 0 ? 900 : i === 2 ? 60 : 20),
    kernel("n2", "elements_2", 1000 * i + 80, 4),
    kernel(
      "MatMul_With_Transpose",
      "FusedMatMul",
      1000 * i + 90,
      10,
      [
        [50, 10],
        [50, 20],
      ],
      [[10, 20]],
    ),
  ]),
];
const trace = (isBf16: boolean): ProgramTrace => ({ program: "gradient", events, notes, isBf16 });
const given = {
  steps: 3,
  stepMs: 0.12,
  threads: 2,
  peak: { f32: 100, bf16: 200, method: "made up" },
  programs: [{ program: "gradient", ms: 0.1 }],
};

test("a kernel's time is its median over the timed steps, and its rate what was counted over that", () => {
  const { kernels, kernelMs } = trainingProfileOf([trace(false)], 1, given);
  const [product] = kernels;
  // 2 MFLOP in 20 microseconds, of two threads of 100 GFLOP/s
  expect(product).toMatchObject({ what: notes[0]!.what, ms: 0.02, count: 1, gflops: 100, gigabytesPerSecond: 6, shareOfPeak: 0.5 });
  expect(kernelMs).toBeCloseTo(0.039, 9);
  expect(kernels.reduce((n, k) => n + k.share, 0)).toBeCloseTo(1, 9);
});

test("operators that the engine fused are described by their shapes, and layout operators have no FLOPs", () => {
  const { kernels } = trainingProfileOf([trace(false)], 1, given);
  // 50 rows of 10 and of 20, transposed: 2 x 10 x 50 x 20 in 10 microseconds
  expect(kernels.find(k => k.what === "product [10, 50] x [50, 20]")).toMatchObject({ kind: "product", gflops: 2 });
  expect(kernels.find(k => k.what === "Transpose [100, 100]")).toMatchObject({ kind: "layout", gflops: null, shareOfPeak: null });
});

test("products of bf16 are a share of the bf16 peak, and a machine without a known peak has no share", () => {
  expect(trainingProfileOf([trace(true)], 1, given).kernels[0]!.shareOfPeak).toBe(0.25);
  expect(trainingProfileOf([trace(false)], 1, { ...given, peak: null }).kernels[0]!.shareOfPeak).toBeNull();
});

test("further micro-batches run once less a step than there are, and a profile reads back as it was written", () => {
  const profile = trainingProfileOf([{ ...trace(false), program: "accumulate" }], 2, given);
  expect(profile.timeline.map(p => p.program)).toEqual(["accumulate"]);
  expect(trainingProfileOf([{ ...trace(false), program: "accumulate" }], 4, { ...given, steps: 1 }).kernels[0]!.count).toBe(3);
  expect(readTrainingProfile(JSON.stringify(profile))).toEqual(profile);
  expect(readTrainingProfile("{}")).toBeUndefined();
});
