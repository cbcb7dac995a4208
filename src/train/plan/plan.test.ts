import { describe, expect, test } from "vitest";
import { accelerators } from "./accelerators.ts";
import { rankBytes } from "./memory-model.ts";
import { type PlanRequest, planTraining } from "./plan.ts";
import { type ModelShape, parameterCount, type StepLayout, type StepMethod, stepFlops, stepSecondsOf } from "./step-model.ts";

const a100 = accelerators["a100-80gb"]!;
const gpt3: ModelShape = {
  layers: 96,
  width: 12_288,
  heads: 96,
  hidden: 49_152,
  isGated: false,
  vocab: 51_200,
  length: 2048,
  isTied: true,
};
const small: ModelShape = { ...gpt3, layers: 24, width: 2048, heads: 16, hidden: 8192 };
const plain: StepMethod = { recompute: "none", isFused: true, isSequenceSplit: false, overlaps: false, zero: 0 };
const layout: StepLayout = { data: 1, tensor: 8, pipeline: 16, rows: 64, microRows: 1, chunks: 1 };
const secondsOf = (l: Partial<StepLayout>, m: Partial<StepMethod> = {}, s: ModelShape = gpt3) =>
  stepSecondsOf(a100, s, { ...layout, ...l }, { ...plain, ...m });
const bytesOf = (l: Partial<StepLayout>, m: Partial<StepMethod> = {}, s: ModelShape = gpt3) =>
  rankBytes(a100, s, { ...layout, ...l }, { ...plain, ...m });

describe("the model of a step", () => {
  test("GPT-3 has 175 billion parameters, and its FLOPs are those of Narayanan et al. 2021", () => {
    expect(parameterCount(gpt3) / 1e9).toBeCloseTo(174.6, 1);
    const { layers: l, width: h, length: s, vocab } = gpt3;
    const published = 72 * 1536 * s * l * h ** 2 * (1 + s / (6 * h) + vocab / (12 * l * h));
    expect(stepFlops(gpt3, 1536) / published).toBeCloseTo(1, 6);
  });

  test("the parts of a step add up to it", () => {
    for (const m of [plain, { ...plain, recompute: "all" as const }, { ...plain, zero: 1 as const, overlaps: true }]) {
      const { total, parts } = secondsOf({ data: 4, rows: 256 }, m);
      expect(Object.values(parts).reduce((s, x) => s + x, 0) / total).toBeCloseTo(1, 9);
    }
  });

  test("no step is faster than its FLOPs at the peak", () => {
    for (const microRows of [1, 2, 4, 8])
      for (const tensor of [1, 2, 4, 8])
        for (const pipeline of [1, 2, 4, 8]) {
          const { total } = secondsOf({ tensor, pipeline, microRows });
          expect(total).toBeGreaterThan(stepFlops(gpt3, 64) / (a100.peak * tensor * pipeline));
        }
  });

  test("recomputing everything costs a forward pass and saves most activations", () => {
    const [kept, again] = [secondsOf({}), secondsOf({}, { recompute: "all" })];
    expect(again.total / kept.total).toBeGreaterThan(1.2);
    expect(again.total / kept.total).toBeLessThan(1.45);
    expect(bytesOf({}).activations / bytesOf({}, { recompute: "all" }).activations).toBeGreaterThan(5);
  });

  test("interleaving divides the bubble, more micro-batches thin it out", () => {
    const share = (l: Partial<StepLayout>) => secondsOf(l).parts.bubble / secondsOf(l).total;
    expect(share({ chunks: 2 })).toBeLessThan(0.6 * share({ chunks: 1 }));
    // (p - 1) / m of Narayanan et al. 2021, section 2.2, where the output layer's time is small
    const { parts } = secondsOf({ rows: 512 });
    expect(parts.bubble / (parts.compute + parts.tensor + parts.pipeline)).toBeCloseTo(15 / 512, 2);
  });

  test("a data axis between nodes uses every network card of a node", () => {
    const alone = secondsOf({ data: 16, tensor: 8, pipeline: 1, rows: 64 }, {}, small).parts.data;
    const together = secondsOf({ data: 16, tensor: 1, pipeline: 1, rows: 64 }, {}, small).parts.data;
    // eight times the gradients, eight cards
    expect(together / alone).toBeCloseTo(1, 1);
  });

  test("ZeRO 1, 2 and 3 split optimiser state, gradients and weights in turn", () => {
    const of = (zero: StepMethod["zero"]) => bytesOf({ data: 8, tensor: 1, pipeline: 1 }, { zero }, small);
    const [none, one, two, three] = ([0, 1, 2, 3] as const).map(of) as [
      ReturnType<typeof of>,
      ReturnType<typeof of>,
      ReturnType<typeof of>,
      ReturnType<typeof of>,
    ];
    // 16 bytes a parameter and 2 of gradients in float32 instead of float16 (Rajbhandari et al. 2020)
    expect((none.weights + none.gradients + none.optimizer) / parameterCount(small)).toBeCloseTo(18, 6);
    expect(one).toMatchObject({ weights: none.weights, gradients: none.gradients, optimizer: none.optimizer / 8 });
    expect(two).toMatchObject({ weights: none.weights, gradients: none.gradients / 8, optimizer: none.optimizer / 8 });
    expect(three.weights).toBe(none.weights / 8);
  });
});

describe("a plan", () => {
  const request: PlanRequest = { accelerator: a100, count: 64, shape: small, rows: 512 };

  test("its mesh has as many ranks as asked, divides the model, fits, and no other layout that was timed is faster", () => {
    const { best, others, fitting, tried } = planTraining(request);
    const { data, tensor, pipeline, microRows } = best.layout;
    expect(data * tensor * pipeline).toBe(64);
    expect([16 % tensor, 24 % pipeline, (512 / data) % microRows]).toEqual([0, 0, 0]);
    expect(best.bytes.total).toBeLessThanOrEqual(a100.memoryBytes);
    for (const o of others) expect(o.seconds.total).toBeGreaterThanOrEqual(best.seconds.total);
    expect(new Set([best, ...others].map(o => JSON.stringify([o.layout.data, o.layout.tensor, o.layout.pipeline]))).size).toBe(
      1 + others.length,
    );
    expect(fitting).toBeLessThanOrEqual(tried);
    expect(best.utilisation).toBeLessThan(1);
  });

  test("what is fixed stays fixed", () => {
    const { best } = planTraining({ ...request, mesh: { tensor: 2, pipeline: 4 }, microRows: 4, recompute: "all", zero: 0 });
    expect(best.layout).toMatchObject({ data: 8, tensor: 2, pipeline: 4, microRows: 4 });
    expect(best.method).toMatchObject({ recompute: "all", zero: 0 });
  });

  test("less memory takes a slower layout, and too little names the least that would do", () => {
    const roomy = planTraining({ ...request, shape: gpt3 });
    const tight = planTraining({ ...request, shape: gpt3, accelerator: { ...a100, memoryBytes: 55e9 } });
    expect(tight.best.seconds.total).toBeGreaterThan(roomy.best.seconds.total);
    expect(tight.best.bytes.total).toBeLessThanOrEqual(55e9);
    expect(() => planTraining({ ...request, shape: gpt3, count: 2 })).toThrow(
      /2 x a100-80gb: expected at most 80\.0 GB a rank, got at least \d+\.\d GB/,
    );
  });

  test("a mesh that divides nothing is refused with the numbers that it was to divide", () => {
    const refused = () => planTraining({ ...request, count: 7, rows: 8, mesh: { data: 1 } });
    expect(refused).toThrow(/7 ranks: expected a mesh that divides 16 heads, 24 layers and 8 rows/);
    expect(() => planTraining({ ...request, mesh: { tensor: 3 } })).toThrow(/with \{"tensor":3\}/);
  });
});
