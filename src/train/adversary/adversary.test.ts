/** Adversarial gradients: the projection by hand, reversal against finite differences, and training that equalises what the adversary reads. */
import { afterAll, describe, expect, test } from "vitest";
import { random } from "../../base/index.ts";
import { negativeLogLikelihood, ParameterSpec } from "../../nn/index.ts";
import { add, constant, evaluate, mul, openDevice, reshape, sum, type Tensor, valueAndGrad } from "../../tensor/index.ts";
import { adamw, grouped, single } from "../optimizer.ts";
import { createTrainer } from "../trainer.ts";
import { gradientOnly, projectedGradient, reversed } from "./adversarial-gradients.ts";
import { adversaryLoss, adversarySpecs, isOfAdversary } from "./adversary.ts";

const device = openDevice("cpu", { threads: 1 });
afterAll(() => device.dispose());

const valuesOf = (tensors: readonly Tensor[]): number[][] => evaluate(tensors, new Map()).map(a => Array.from(a));

describe("the projection", () => {
  const draw = random(7);
  const normals = (n: number) => Array.from({ length: n }, () => draw.normal());
  const [wTask, bTask, wAdversary, bAdversary] = [normals(6), normals(2), normals(6), normals(2)];
  const [headTask, headAdversary] = [normals(3), normals(3)];
  const weight = 0.7;
  const made = projectedGradient(
    { weight, isAdversary: isOfAdversary },
    {
      task: { w: constant(wTask), b: constant(bTask), "adversary.w": constant(headTask) },
      adversary: { w: constant(wAdversary), b: constant(bAdversary), "adversary.w": constant(headAdversary) },
    },
  ) as Readonly<Record<string, Tensor>>;
  const [w, b, head] = valuesOf([made.w!, made.b!, made["adversary.w"]!]);
  const [task, adversary] = [
    [...wTask, ...bTask],
    [...wAdversary, ...bAdversary],
  ];
  const dot = (x: readonly number[], y: readonly number[]) => x.reduce((s, v, i) => s + v * y[i]!, 0);

  test("is of the concatenated gradient, not of each parameter by itself", () => {
    const along = dot(task, adversary) / dot(adversary, adversary);
    const wanted = task.map((g, i) => g - (along + weight) * adversary[i]!);
    for (const [i, g] of [...w!, ...b!].entries()) expect(g).toBeCloseTo(wanted[i]!, 5);
  });
  test("leaves no component that helps the adversary beyond weight times its gradient", () => {
    expect(dot([...w!, ...b!], adversary)).toBeCloseTo(-weight * dot(adversary, adversary), 4);
  });
  test("gives the adversary its own gradient", () => {
    for (const [i, g] of head!.entries()) expect(g).toBeCloseTo(headAdversary[i]!, 6);
  });
  test("of an adversary without a gradient is the task's own", () => {
    const zero = projectedGradient(
      { weight, isAdversary: isOfAdversary },
      { task: { w: constant(wTask) }, adversary: { w: constant(wTask.map(() => 0)) } },
    ) as Readonly<Record<string, Tensor>>;
    for (const [i, g] of valuesOf([zero.w!])[0]!.entries()) expect(g).toBeCloseTo(wTask[i]!, 6);
  });
});

const options = { classes: 3, groups: [2, 4], goal: "equalisedOdds" } as const;
const rows = 5;

describe("the adversary", () => {
  const draw = random(3);
  const batch = {
    targets: constant([0, 2, 1, 1, 0], "i32"),
    groups: [constant([0, 1, 1, 0, 1], "i32"), constant([3, 0, 2, 1, 1], "i32")],
    weights: constant([1, 1, 0.5, 2, 0]),
  };
  const start = Array.from({ length: rows * 3 }, () => draw.normal());
  const heads = Object.fromEntries(
    Object.entries(adversarySpecs(options)).map(([path, spec]) => {
      const size = spec.shape.reduce((a, b) => a * b, 1);
      const values = Array.from({ length: size }, () => 0.5 * draw.normal());
      return [path, reshape(constant(path.endsWith("slope") ? [0.4] : values), spec.shape)];
    }),
  );
  const lossAt = (logits: Tensor) => adversaryLoss(options, heads, { ...batch, logits });

  test("at its start guesses every group alike", () => {
    const blank = Object.fromEntries(
      Object.entries(adversarySpecs(options)).map(([path, spec]) => [
        path,
        reshape(
          constant(new Float32Array(spec.shape.reduce((a, b) => a * b, 1)), "f32", [spec.shape.reduce((a, b) => a * b, 1)]),
          spec.shape,
        ),
      ]),
    );
    const [[loss]] = valuesOf([
      adversaryLoss(options, blank, {
        ...batch,
        logits: constant([start.slice(0, 3), start.slice(3, 6), start.slice(6, 9), start.slice(9, 12), start.slice(12)]),
      }),
    ]) as [number[]];
    expect(loss).toBeCloseTo(4.5 * (Math.log(2) + Math.log(4)), 4);
  });
  test("reversed, its gradient is minus weight times the finite difference of its loss, and its loss is the same", () => {
    const weight = 1.3;
    const shape = (x: readonly number[]) => reshape(constant([...x]), [rows, 3]);
    const f = valueAndGrad((x: Tensor) => lossAt(reversed(reshape(x, [rows, 3]), weight)));
    const [value, gradient] = f(constant(start));
    const [[loss], got] = valuesOf([value, gradient]) as [number[], number[]];
    const plain = (x: readonly number[]) => valuesOf([lossAt(shape(x))])[0]![0]!;
    expect(loss).toBeCloseTo(plain(start), 5);
    const step = 1e-2;
    for (let i = 0; i < start.length; i++) {
      const moved = (by: number) => plain(start.map((x, j) => (j === i ? x + by : x)));
      expect(got[i]).toBeCloseTo((-weight * (moved(step) - moved(-step))) / (2 * step), 3);
    }
  });
  test("for demographic parity is blind to the true class", () => {
    const blind = { ...options, goal: "demographicParity" } as const;
    const own = Object.fromEntries(
      Object.entries(adversarySpecs(blind)).map(([path, spec]) => {
        const size = spec.shape.reduce((a, b) => a * b, 1);
        return [path, reshape(constant(Array.from({ length: size }, () => draw.normal())), spec.shape)];
      }),
    );
    const logits = reshape(constant(start), [rows, 3]);
    const other = { ...batch, targets: constant([2, 2, 2, 2, 2], "i32") };
    const [a, b] = valuesOf([
      adversaryLoss(blind, own, { ...batch, groups: batch.groups, logits }),
      adversaryLoss(blind, own, { ...other, logits }),
    ]);
    expect(a).toEqual(b);
  });
  test("adds a gradient and no value where only that is wanted", () => {
    const [value, gradient] = valueAndGrad((x: Tensor) => gradientOnly(sum(mul(x, x))))(constant([1, 2]));
    expect(valuesOf([value, gradient])).toEqual([[0], [2, 4]]);
  });
});

describe("training against an adversary", () => {
  // y depends on x; the proxy z of the group helps a little: a plain model uses it
  const draw = random(11);
  const n = 512;
  const items = Array.from({ length: n }, () => {
    const group = draw.below(2);
    const x = draw.normal();
    const z = (group ? 1 : -1) + 0.3 * draw.normal();
    return { group, x, z, target: Number(x + 0.8 * (group ? 1 : -1) + 0.5 * draw.normal() > 0) };
  });
  const adversary = { classes: 2, groups: [2], goal: "demographicParity" } as const;
  const specs = {
    "model.weight": new ParameterSpec([2, 2], { kind: "constant", value: 0 }, { decays: false, isHidden: false }),
    ...adversarySpecs(adversary),
  };
  type Batch = { x: Tensor; targets: Tensor; groups: Tensor; weights: Tensor };

  async function gapOf(method: "none" | "projection" | "reversal", accumulate = 1): Promise<{ gap: number; weights: number[] }> {
    const weight = 3;
    const trainer = await createTrainer<typeof specs, Batch>({
      device,
      specs,
      loss(parameters, b, scale) {
        const p = parameters as unknown as Readonly<Record<string, Tensor>>;
        const w = reshape(p["model.weight"]!, [1, 2, 2]);
        const logits = sum(mul(reshape(b.x, [n / accumulate, 2, 1]), w), 1);
        const loss = mul(crossEntropyOf(logits, b), scale);
        if (method === "none") return loss;
        const seen = method === "reversal" ? reversed(logits, weight) : logits;
        const own = mul(adversaryLoss(adversary, p, { ...b, groups: [b.groups], logits: seen }), scale);
        return method === "reversal" ? { loss: add(loss, gradientOnly(own)), measures: {} } : { loss, measures: {}, adversary: own };
      },
      batch: {
        x: { shape: [n / accumulate, 2], dtype: "f32" },
        targets: { shape: [n / accumulate], dtype: "i32" },
        groups: { shape: [n / accumulate], dtype: "i32" },
        weights: { shape: [n / accumulate], dtype: "f32" },
      },
      ...(method === "projection" ? { adversarial: { weight, isAdversary: isOfAdversary } } : {}),
      optimizer: grouped(
        [{ parameters: ["adversary.*"], optimizer: single(adamw({ rateFactor: 5, weightDecay: 0 })) }],
        single(adamw({ weightDecay: 0 })),
      ),
      rate: 0.03,
      steps: 150,
      accumulate,
      clip: 0,
    });
    const size = n / accumulate;
    const batches = Array.from({ length: accumulate }, (_, k) => {
      const own = items.slice(k * size, (k + 1) * size);
      return {
        arrays: {
          x: Float32Array.from(own.flatMap(i => [i.x, i.z])),
          targets: Int32Array.from(own, i => i.target),
          groups: Int32Array.from(own, i => i.group),
          weights: new Float32Array(size).fill(1),
        },
        weight: size,
      };
    });
    for (let step = 0; step < 150; step++) await trainer.step(batches);
    const parameters = trainer.finish() as unknown as Readonly<Record<string, { read(): Promise<ArrayLike<number>>; dispose(): void }>>;
    const w = Array.from(await parameters["model.weight"]!.read());
    for (const a of Object.values(parameters)) a.dispose();
    const isSelected = (i: (typeof items)[number]) => i.x * (w[1]! - w[0]!) + i.z * (w[3]! - w[2]!) > 0;
    const rate = (group: number) => {
      const own = items.filter(i => i.group === group);
      return own.filter(isSelected).length / own.length;
    };
    return { gap: Math.abs(rate(1) - rate(0)), weights: w };
  }

  test("narrows the gap that a plain training leaves, by projection and by reversal", async () => {
    const plain = await gapOf("none");
    expect(plain.gap).toBeGreaterThan(0.3);
    for (const method of ["projection", "reversal"] as const) expect((await gapOf(method)).gap).toBeLessThan(plain.gap / 2);
  });
  test("over several micro-batches projects the sum of their gradients: the same as one batch", async () => {
    const [whole, parts] = [await gapOf("projection"), await gapOf("projection", 4)];
    for (const [i, w] of whole.weights.entries()) expect(parts.weights[i]).toBeCloseTo(w, 2);
  });
});

const crossEntropyOf = (logits: Tensor, b: { readonly targets: Tensor; readonly weights: Tensor }): Tensor =>
  sum(mul(negativeLogLikelihood(logits, b.targets), b.weights));
