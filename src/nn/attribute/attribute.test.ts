import { expect, test } from "vitest";
import { random } from "../../base/index.ts";
import { add, compile, constant, grad, mul, openDevice, reshape, sub, sum, type Tensor } from "../../tensor/index.ts";
import { type Decoder, type DecoderConfig, decoderLogits, decoderSpec, gpt2Config, llamaConfig } from "../decoder.ts";
import { initialise } from "../parameters.ts";
import { type AttributionModel, type AttributionRequest, attribute } from "./attribute.ts";
import { LayeredGradient, type TakeTurn } from "./layered-gradient.ts";
import { integratePath } from "./path.ts";

const device = openDevice("cpu", { threads: 1 });
const size = { vocab: 37, width: 24, layers: 2, heads: 4, context: 64 } as const;
const configs: Readonly<Record<string, DecoderConfig>> = {
  "GPT-2": { ...gpt2Config(size), deviation: 0.2 },
  Llama: { ...llamaConfig({ ...size, kvHeads: 2 }), deviation: 0.2 },
  "Llama with a window, query-key norm and a cap": {
    ...llamaConfig({ ...size, kvHeads: 2 }),
    qkNorm: true,
    window: 5,
    logitCap: 15,
    deviation: 0.2,
  },
};
const modelOf = async (config: DecoderConfig): Promise<AttributionModel> => ({
  config,
  device,
  parameters: await initialise(decoderSpec(config), device, "attribution"),
});
const models = new Map(await Promise.all(Object.entries(configs).map(async ([name, c]) => [name, await modelOf(c)] as const)));
const r = random("attribution");
const draw = (n: number) => Array.from({ length: n }, () => r.below(size.vocab));
const [prompt, answer] = [draw(7), draw(3)];
const base: AttributionRequest = { prompt, answer, targets: [[0]], score: "logprob", baseline: "mean", steps: 0, tolerance: 0 };
const add_ = (a: ArrayLike<number>, b: ArrayLike<number>) => Array.from(a, (x, i) => x + b[i]!);
const far = (a: ArrayLike<number>, b: ArrayLike<number>) => Math.max(...Array.from(a, (x, i) => Math.abs(x - b[i]!)));
const total = (a: ArrayLike<number>) => Array.from(a).reduce((x, y) => x + y, 0);

/** Log-probabilities of the answer by the whole program, from the place `from` on. */
async function scoresOf(model: AttributionModel, tokens: readonly number[], from: number): Promise<number[]> {
  const program = compile((p: Decoder, t: Tensor) => decoderLogits(model.config, p, t), { device });
  const logits = await program(model.parameters, await device.array(Int32Array.from(tokens), "i32", [1, tokens.length]));
  const all = (await logits.read()) as Float32Array;
  program.dispose();
  const { vocab } = model.config;
  return tokens.slice(from).map((t, i) => {
    const row = all.subarray((from + i - 1) * vocab, (from + i) * vocab);
    return row[t]! - Math.log(row.reduce((s, x) => s + Math.exp(x), 0));
  });
}

for (const [name, model] of models) {
  test(`${name}: what is attributed is the served function: scores of an answer are the whole program's`, async () => {
    const got = await attribute(model, { ...base, targets: [[0], [1], [2], [0, 1, 2]] });
    const want = await scoresOf(model, [...prompt, ...answer], prompt.length);
    expect(
      far(
        [0, 1, 2].map(i => got.scores.get(i)!),
        want,
      ),
    ).toBeLessThan(1e-5);
    expect(Math.abs(got.targets[3]!.score - total(want))).toBeLessThan(2e-5);
  });

  test(`${name}: gradient x input is the slope of the score as a token's embedding is scaled`, async () => {
    const gradient = new LayeredGradient(model.config, model.parameters, device, "logprob");
    const turn: TakeTurn = run => run();
    const [own] = (await attribute(model, base)).targets;
    // from a baseline of zero, a prompt of the first n tokens at share s is those n scaled by s
    const slope = async (n: number) => {
      const text = await gradient.text([...prompt, ...answer], n, "zero");
      const at = async (share: number) => (await gradient.at(text, share, [{ indices: [prompt.length] }], false, turn))[0]!.score;
      const h = 1e-2;
      const value = (8 * ((await at(1 + h)) - (await at(1 - h))) - ((await at(1 + 2 * h)) - (await at(1 - 2 * h)))) / (12 * h);
      gradient.release(text);
      return value;
    };
    const slopes: number[] = [];
    for (let n = 1; n <= prompt.length; n++) slopes.push(await slope(n));
    const each = slopes.map((s, i) => s - (slopes[i - 1] ?? 0));
    expect(far(own!.gradientTimesInput, each)).toBeLessThan(2e-3);
    expect(Math.max(...own!.gradientTimesInput.map(Math.abs))).toBeGreaterThan(0.02);
    gradient.dispose();
  });

  test(`${name}: integrated gradients are complete, and more looks are nearer`, async () => {
    for (const baseline of ["mean", { token: 5 }] as const) {
      const errors: number[] = [];
      for (const steps of [4, 64]) {
        const { targets } = await attribute(model, { ...base, baseline, targets: [[0, 1, 2]], steps });
        const { sum: s, difference, error } = targets[0]!.completeness!;
        expect(error).toBe(Math.abs(s - difference));
        expect(s).toBeCloseTo(total(targets[0]!.integratedGradients!), 10);
        expect(difference).toBe(targets[0]!.score - targets[0]!.baselineScore!);
        errors.push(error);
      }
      expect(errors[1]!).toBeLessThan(5e-3);
      expect(errors[1]!).toBeLessThan(errors[0]!);
    }
  });

  test(`${name}: an answer's attribution is the sum of its tokens'`, async () => {
    const { targets } = await attribute(model, { ...base, targets: [[0, 1, 2], [0], [1], [2]], steps: 3 });
    const [whole, a, b, c] = targets;
    for (const of of ["gradientTimesInput", "integratedGradients"] as const)
      expect(far(whole![of]!, add_(add_(a![of]!, b![of]!), c![of]!))).toBeLessThan(1e-5);
  });

  test(`${name}: padding and what stands behind the target change nothing`, async () => {
    const long = draw(30);
    const short = await attribute(model, { ...base, prompt, answer: answer.slice(0, 1), steps: 2 });
    const more = await attribute(model, { ...base, prompt, answer: [...answer, ...long], steps: 2 });
    expect(far(short.targets[0]!.gradientTimesInput, more.targets[0]!.gradientTimesInput)).toBeLessThan(1e-5);
    expect(far(short.targets[0]!.integratedGradients!, more.targets[0]!.integratedGradients!)).toBeLessThan(1e-5);
  });

  test(`${name}: a token that is the baseline itself gets exactly nothing, and from a prompt of it nothing is left to explain`, async () => {
    const token = prompt[2]!;
    const { targets } = await attribute(model, { ...base, baseline: { token }, steps: 2 });
    for (const [i, t] of prompt.entries()) if (t === token) expect(Math.abs(targets[0]!.integratedGradients![i]!)).toBe(0);
    const same = await attribute(model, { ...base, prompt: prompt.map(() => token), baseline: { token }, steps: 2 });
    expect(same.targets[0]!.completeness).toEqual({ sum: 0, difference: 0, error: 0 });
  });
}

test("a linear model's attribution is exact at any number of steps", async () => {
  const [t, c] = [6, 5];
  const numbers = (seed: string, n: number) => {
    const q = random(seed);
    return Array.from({ length: n }, () => q.normal());
  };
  const [w, x, b] = [numbers("w", t * c), numbers("x", t * c), numbers("b", t * c)];
  const weights = reshape(constant(w), [t, c]);
  const score = (y: Tensor) => sum(mul(weights, y));
  const program = compile(
    (input: Tensor, baseline: Tensor, at: Tensor) => {
      const path = add(baseline, mul(at, sub(input, baseline)));
      return { score: score(path), along: sum(mul(grad(score)(path), sub(input, baseline)), -1) };
    },
    { device },
  );
  const [input, baseline] = [
    await device.array(Float32Array.from(x), "f32", [t, c]),
    await device.array(Float32Array.from(b), "f32", [t, c]),
  ];
  const exact = Array.from({ length: t }, (_, i) =>
    w.slice(i * c, (i + 1) * c).reduce((s, v, j) => s + v * (x[i * c + j]! - b[i * c + j]!), 0),
  );
  for (const steps of [2, 5, 16]) {
    const look = async (at: number) => {
      const out = await program(input, baseline, at);
      return [{ score: await out.score.item(), along: await out.along.numbers() }];
    };
    const { totals, looks } = await integratePath(look, { steps, tolerance: 1e-3 });
    expect(far(totals[0]!, exact)).toBeLessThan(1e-5);
    // what holds is not looked at again
    expect(looks).toBe(Math.min(steps, 9));
  }
});

test("an abrupt change on the path is found, where as many even looks miss it", async () => {
  const [place, width] = [0.3711, 1e-4];
  const sigmoid = (x: number) => 1 / (1 + Math.exp(-x / width));
  let seen: number[] = [];
  // two tokens: one makes the jump, one rises evenly
  const look = async (at: number) => {
    seen.push(at);
    const s = sigmoid(at - place);
    return [{ score: 5 * s + at, along: Float64Array.of((5 * s * (1 - s)) / width, 1) }];
  };
  const { totals } = await integratePath(look, { steps: 64, tolerance: 0.02 });
  expect(Math.abs(totals[0]![0]! - 5)).toBeLessThan(0.02);
  expect(totals[0]![1]).toBeCloseTo(1, 10);
  expect(seen.length).toBeLessThanOrEqual(64);
  expect(new Set(seen).size).toBe(seen.length);
  seen = [];
  const even = Array.from({ length: 64 }, (_, i) => (i + 0.5) / 64).reduce((sum, at) => {
    const s = sigmoid(at - place);
    return sum + (5 * s * (1 - s)) / width / 64;
  }, 0);
  expect(Math.abs(even - 5)).toBeGreaterThan(1);
});

test("a baseline without a finite gradient is an error, not a number", async () => {
  const look = async (at: number) => [{ score: at, along: Float64Array.of(at === 0 ? Number.NaN : 1) }];
  await expect(integratePath(look, { steps: 8, tolerance: 0 })).rejects.toThrow("expected one from which the model has a gradient");
});

test("runs take turns, one block each; a signal ends it between two of them", async () => {
  const model = models.get("Llama")!;
  let turns = 0;
  const turn: TakeTurn = async run => {
    turns++;
    return run();
  };
  await attribute(model, { ...base, steps: 2 }, { turn });
  const { layers } = model.config;
  // the prompt and the baseline: start, blocks, end, blocks back, sums
  expect(turns).toBe(2 * (3 + 2 * layers));
  const stop = new AbortController();
  turns = 0;
  const stopping: TakeTurn = async run => {
    if (++turns === 4) stop.abort(new Error("left"));
    return run();
  };
  await expect(attribute(model, { ...base, steps: 8 }, { turn: stopping, signal: stop.signal })).rejects.toThrow("left");
  expect(turns).toBeLessThanOrEqual(5);
});

test("what the text or the model does not have is an error by name", async () => {
  const model = models.get("GPT-2")!;
  const wrong: readonly (readonly [Partial<AttributionRequest>, string])[] = [
    [{ prompt: [] }, "prompt: expected at least one token"],
    [{ prompt: draw(64) }, "prompt: expected at most 64 tokens with the answer, got 67"],
    [{ prompt: [99] }, "token ids from 0 to 36, got 99"],
    [{ targets: [] }, "targets: expected at least one place"],
    [{ targets: [[3]] }, "places of the answer, 0 to 2, got 3"],
    [{ baseline: { token: 40 } }, "baseline: expected a token id from 0 to 36, got 40"],
    [{ steps: 1 }, "steps: expected 0, or a whole number from 2, got 1"],
    [{ tolerance: -1 }, "tolerance: expected a number from 0, got -1"],
  ];
  for (const [change, message] of wrong) await expect(attribute(model, { ...base, ...change })).rejects.toThrow(message);
});

test("occlusion is the fall of the whole program's score where a token's embedding is the baseline's", async () => {
  for (const model of models.values()) {
    const token = 5;
    const { targets } = await attribute(model, { ...base, baseline: { token }, occlusion: true, targets: [[0], [0, 1, 2]] });
    const replaced = async (i: number) => scoresOf(model, [...prompt.map((t, k) => (k === i ? token : t)), ...answer], prompt.length);
    const own = await scoresOf(model, [...prompt, ...answer], prompt.length);
    for (const i of prompt.keys()) {
      const other = await replaced(i);
      expect(Math.abs(targets[0]!.occlusion![i]! - (own[0]! - other[0]!))).toBeLessThan(2e-5);
      expect(Math.abs(targets[1]!.occlusion![i]! - (total(own) - total(other)))).toBeLessThan(4e-5);
    }
  }
});

test("units are taken away as one", async () => {
  const model = models.get("Llama")!;
  const units = [[0, 1], [2], [3, 4, 5, 6]];
  const { targets } = await attribute(model, { ...base, baseline: { token: 5 }, occlusion: true, units });
  const own = await scoresOf(model, [...prompt, ...answer], prompt.length);
  for (const [u, places] of units.entries()) {
    const other = await scoresOf(model, [...prompt.map((t, k) => (places.includes(k) ? 5 : t)), ...answer], prompt.length);
    expect(Math.abs(targets[0]!.occlusion![u]! - (own[0]! - other[0]!))).toBeLessThan(2e-5);
  }
});

test("against another answer, scores and attributions are the differences of the two", async () => {
  for (const model of models.values()) {
    const against = draw(2);
    const all = { ...base, targets: [[0, 1, 2]], steps: 96, occlusion: true };
    const [both] = (await attribute(model, { ...all, against })).targets;
    const [own] = (await attribute(model, all)).targets;
    const [other] = (await attribute(model, { ...all, answer: against, targets: [[0, 1]] })).targets;
    const less = (a: ArrayLike<number>, b: ArrayLike<number>) => Array.from(a, (x, i) => x - b[i]!);
    expect(Math.abs(both!.score - (own!.score - other!.score))).toBeLessThan(1e-5);
    for (const of of ["gradientTimesInput", "occlusion"] as const) expect(far(both![of]!, less(own![of]!, other![of]!))).toBeLessThan(4e-5);
    expect(both!.completeness!.error).toBeLessThan(0.02);
    // the same answer on both sides leaves nothing to explain
    const [none] = (await attribute(model, { ...all, against: answer })).targets;
    expect(Math.max(...[none!.score, ...none!.gradientTimesInput, ...none!.occlusion!].map(Math.abs))).toBe(0);
  }
});

test("a wrong comparison or unit is an error by name", async () => {
  const model = models.get("GPT-2")!;
  const wrong: readonly (readonly [Partial<AttributionRequest>, string])[] = [
    [{ targets: [[0, 1, 2]], against: [] }, "against: expected at least one token"],
    [{ targets: [[0]], against: [1] }, "targets: expected the whole answer"],
    [{ units: [[7]] }, "units: expected places of the prompt, 0 to 6, got 7"],
    [{ units: [[]] }, "units: expected at least one place each"],
  ];
  for (const [change, message] of wrong) await expect(attribute(model, { ...base, ...change })).rejects.toThrow(message);
});
