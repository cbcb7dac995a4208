import { expect, test } from "vitest";
import { samplingOptions } from "../nn/index.ts";
import { byteTokenizer, type FakeScript, scriptedProgram } from "./fakes.ts";
import type { GenerationRequest } from "./generation.ts";
import type { Program } from "./program.ts";
import { EngineRunner } from "./runner.ts";
import type { StepPlan } from "./scheduler.ts";
import { Sequence } from "./sequence.ts";

const output = { capacity: 1000, onRoom: () => {}, onLeave: () => {} };
const sequenceIn = (slot: number, request: GenerationRequest, computed: number): Sequence => {
  const s = new Sequence({
    id: 10 + slot,
    request,
    sampling: samplingOptions(request.sampling),
    maxTokens: 20,
    stopTokens: new Set(),
    stream: () => byteTokenizer.stream(),
    output,
    nowMs: 0,
  });
  s.slot = slot;
  s.computed = computed;
  return s;
};
const stateOf = (s: Sequence) => ({
  tokens: [...s.tokens],
  computed: s.computed,
  lastChunk: s.lastChunk,
  random: s.random.state(),
  memory: { ...s.history.memory },
});

/** A runner over three sequences: slots 0 and 1 decode, slot 2 is in its prompt. */
function setting(fail: Partial<Pick<Program, "decode" | "prefill">>, script: Partial<FakeScript> = {}) {
  const mirostat = { mirostatTau: 3, temperature: 1.2 };
  const owners = [
    sequenceIn(0, { tokens: [65], seed: 1, sampling: mirostat }, 0),
    sequenceIn(1, { tokens: [66], seed: 2 }, 0),
    sequenceIn(2, { tokens: [67, 68, 69, 70], seed: 3 }, 0),
  ];
  const broken: number[] = [];
  const runner = new EngineRunner({
    program: { ...scriptedProgram({ slots: 3, ...script }), ...fail },
    slots: owners,
    onToken: (s, token) => void s.accept(token),
    onBroken: ({ id }) => void broken.push(id),
  });
  const plan: StepPlan = {
    preempt: [],
    admit: [],
    decode: [
      { id: 10, slot: 0 },
      { id: 11, slot: 1 },
    ],
    verify: [],
    round: [],
    chunks: [{ id: 12, slot: 2, chunk: { start: 0, count: 4, width: 4 }, end: 4 }],
  };
  return { owners, runner, plan, broken };
}
const gone = () => Promise.reject(new Error("the device is gone"));

test("a run that fails leaves its sequences as they were, random numbers and memory included; the other runs go on", async () => {
  for (const [fail, failing] of [
    [{ decode: gone }, [0, 1]],
    [{ prefill: gone }, [2]],
  ] as const) {
    const { owners, runner, plan } = setting(fail);
    const before = owners.map(stateOf);
    const failed = await runner.run(plan, 7);
    expect(failed.map(f => f.owners.map(o => o.id))).toEqual([failing.map(i => 10 + i)]);
    for (const [i, o] of owners.entries()) {
      const hasFailed = (failing as readonly number[]).includes(i);
      if (hasFailed) expect(stateOf(o)).toEqual(before[i]);
      else expect(o.tokens.length).toBe(before[i]!.tokens.length + 1);
    }
  }
});

test("a sequence that is run again after a failure draws what it would have drawn without one", async () => {
  const calm = setting({});
  await calm.runner.run(calm.plan, 0);
  let times = 0;
  const { owners, runner, plan } = setting({});
  const flaky = setting({ decode: (t, p) => (times++ === 0 ? gone() : scriptedProgram({ slots: 3 }).decode(t, p)) });
  expect((await flaky.runner.run(plan, 0)).length).toBe(1);
  expect((await flaky.runner.run({ ...plan, chunks: [] }, 1)).length).toBe(0);
  await runner.run(plan, 0);
  expect(flaky.owners.map(stateOf)).toEqual(owners.map(stateOf));
  expect(flaky.owners.map(o => o.tokens)).toEqual(calm.owners.map(o => o.tokens));
});

test("logits that break down fail their own sequence of a run", async () => {
  const nan = new Float32Array(257).fill(Number.NaN);
  const { owners, runner, plan, broken } = setting({}, { logits: token => (token === 66 ? nan : undefined) });
  expect(await runner.run(plan, 0)).toEqual([]);
  expect(broken).toEqual([11]);
  expect(owners.map(o => o.tokens.length)).toEqual([2, 1, 5]);
});
