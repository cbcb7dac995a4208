import { expect, test } from "vitest";
import { random } from "../../base/index.ts";
import { type FormState, maskLogits } from "./constraint.ts";
import { samplingOptions } from "./options.ts";
import { sampleToken } from "./sample.ts";

const out = Number.NEGATIVE_INFINITY;
const state = (ids: readonly number[], isAccepting: boolean, size = 70): FormState => {
  const mask = new Uint32Array((size + 31) >>> 5);
  for (const id of ids) mask[id >>> 5]! |= 1 << (id & 31);
  return { mask, isAccepting, isComplete: false, next: () => undefined };
};

test("scores of tokens that may come stay, all others are out, and an end is possible exactly where the form may end", () => {
  const logits = Float32Array.from({ length: 70 }, (_, i) => i / 10);
  const ids = [0, 31, 32, 63, 64, 69];
  for (const isAccepting of [true, false]) {
    const got = maskLogits(logits, state(ids, isAccepting), [5, 32]);
    for (let i = 0; i < 70; i++) {
      const may = i === 5 || i === 32 ? isAccepting : ids.includes(i);
      expect([i, got[i]]).toEqual([i, may ? logits[i] : out]);
    }
  }
  // rows beyond the vocabulary are no tokens
  expect(maskLogits(new Float32Array(100), state([69], false), [])[80]).toBe(out);
});

test("whatever the options, a token that is masked is never drawn", () => {
  const rng = random("masked");
  const ids = [3, 40, 41, 66];
  const options = [
    {},
    { temperature: 2, topK: 50 },
    { topP: 0.01 },
    { minP: 0.9, temperature: 0.1 },
    { temperature: 0, repetitionPenalty: 3, presencePenalty: 2 },
    {
      logitBias: new Map([
        [7, 100],
        [40, -100],
      ]),
    },
  ];
  for (let i = 0; i < 300; i++) {
    const logits = Float32Array.from({ length: 70 }, () => (rng.uniform() - 0.5) * 20);
    const masked = maskLogits(logits, state(ids, false), [3]);
    const history = { prompt: [7, 40], answer: [41, 41] };
    expect([40, 41, 66]).toContain(sampleToken(masked, history, samplingOptions(options[i % options.length]!), rng));
  }
});
