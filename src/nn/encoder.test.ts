import { expect, test } from "vitest";
import { compile, type DeviceArray, gather, openDevice, reshape, type Tensor } from "../tensor/index.ts";
import { bertConfig, type Encoder, encoderSpec, encoderStates, maskedLogits, meanPooled } from "./encoder.ts";
import { initialise } from "./parameters.ts";

const device = openDevice("cpu", { threads: 1 });
const c = { ...bertConfig({ vocab: 23, width: 16, layers: 2, heads: 4, context: 10 }), deviation: 0.2 };
const parameters = await initialise(encoderSpec(c), device, "encoder");
const ints = (list: readonly number[]) => device.array(Int32Array.from(list), "i32", [1, list.length]);
const ones = (n: number) => Array<number>(n).fill(1);
const numbers = async (a: Promise<DeviceArray>) => (await a).numbers();

const states = compile((p: Encoder, t: Tensor, present: Tensor) => encoderStates(c, p, t, { present }), { device });
const pooled = compile((p: Encoder, t: Tensor, present: Tensor) => meanPooled(encoderStates(c, p, t, { present }), present), { device });
const tokens = [3, 9, 14, 2, 20];
const padded = (noise: readonly number[]) => [...tokens, ...noise];
const present = [1, 1, 1, 1, 1, 0, 0, 0];
const apart = (a: Float64Array, b: Float64Array) => Math.max(...a.map((v, i) => Math.abs(v - b[i]!)));

test("padding changes no state of a real token and no pooled vector, whatever it holds", async () => {
  const alone = await numbers(states(parameters, await ints(tokens), await ints(ones(5))));
  const sentence = await numbers(pooled(parameters, await ints(tokens), await ints(ones(5))));
  for (const noise of [
    [0, 0, 0],
    [7, 22, 1],
  ]) {
    const inside = await numbers(states(parameters, await ints(padded(noise)), await ints(present)));
    expect(apart(inside.subarray(0, 5 * c.width), alone)).toBeLessThan(1e-5);
    expect(apart(await numbers(pooled(parameters, await ints(padded(noise)), await ints(present))), sentence)).toBeLessThan(1e-6);
  }
  const seen = await numbers(states(parameters, await ints(padded([7, 22, 1])), await ints(ones(8))));
  expect(apart(seen.subarray(0, 5 * c.width), alone)).toBeGreaterThan(1e-2);
});

test("every token sees both sides: changing any one changes the states of all", async () => {
  const before = await numbers(states(parameters, await ints(tokens), await ints(ones(5))));
  for (let i = 0; i < tokens.length; i++) {
    const after = await numbers(states(parameters, await ints(tokens.map((t, j) => (j === i ? t + 1 : t))), await ints(ones(5))));
    for (let j = 0; j < tokens.length; j++)
      expect(apart(after.subarray(j * c.width, (j + 1) * c.width), before.subarray(j * c.width, (j + 1) * c.width))).toBeGreaterThan(1e-3);
  }
});

test("pooled vectors have length 1", async () => {
  const v = await numbers(pooled(parameters, await ints(tokens), await ints(ones(5))));
  expect(Math.hypot(...v)).toBeCloseTo(1, 6);
});

test("the kind of sentence counts, and none given is kind 0", async () => {
  const typed = compile((p: Encoder, t: Tensor, types: Tensor) => encoderStates(c, p, t, { types }), { device });
  const plain = compile((p: Encoder, t: Tensor) => encoderStates(c, p, t), { device });
  const none = await numbers(plain(parameters, await ints(tokens)));
  expect(apart(await numbers(typed(parameters, await ints(tokens), await ints([0, 0, 0, 0, 0]))), none)).toBeLessThan(1e-5);
  expect(apart(await numbers(typed(parameters, await ints(tokens), await ints([0, 0, 0, 1, 1]))), none)).toBeGreaterThan(1e-2);
});

test("masked logits of a few positions are those positions of all", async () => {
  const all = compile((p: Encoder, t: Tensor) => maskedLogits(c, p, encoderStates(c, p, t)), { device });
  const some = compile(
    (p: Encoder, t: Tensor, at: Tensor) => maskedLogits(c, p, gather(reshape(encoderStates(c, p, t), [5, c.width]), at)),
    { device },
  );
  const [whole, picked] = [
    await numbers(all(parameters, await ints(tokens))),
    await numbers(some(parameters, await ints(tokens), await device.array([3, 1], "i32"))),
  ];
  const row = (i: number) => whole.subarray(i * c.vocab, (i + 1) * c.vocab);
  expect(apart(picked, Float64Array.of(...row(3), ...row(1)))).toBeLessThan(1e-5);
});
