import { afterAll, expect, test } from "vitest";
import { defined } from "../../base/index.ts";
import { openDevice } from "../../tensor/index.ts";
import { chatTemplate } from "../../text/index.ts";
import { createEngine } from "../engine.ts";
import { fakeEndToken, tinyModel } from "../fakes.ts";
import { limits } from "../limits.ts";
import { createApp } from "./app.ts";

const device = openDevice("cpu", { threads: 1 });
const engine = createEngine({ model: await tinyModel(device, { chatTemplate: chatTemplate() }), device, slots: 4 });
await engine.ready;
const failures: unknown[] = [];
const app = createApp({ engines: [engine], onFailure: e => failures.push(e) });
afterAll(async () => {
  expect(failures).toEqual([]);
  await engine.close();
});

async function ask<T>(path: string, body: object, signal?: AbortSignal) {
  const response = await app.fetch(
    new Request(`http://127.0.0.1${path}`, {
      method: "POST",
      headers: { "content-type": "application/json", host: "127.0.0.1" },
      body: JSON.stringify({ model: "tiny", ...body }),
      ...defined({ signal }),
    }),
  );
  return { status: response.status, body: (await response.json()) as T };
}
interface Told {
  readonly prompt: readonly { id: number; token: string }[];
  readonly answer: readonly { id: number; token: string; score: number }[];
  readonly steps: number;
  readonly attributions: readonly {
    target: string | number;
    score: number;
    gradient_x_input?: number[];
    integrated_gradients?: number[];
    completeness?: { baseline_score: number; difference: number; sum: number; error: number; tolerance: number; is_complete: boolean };
  }[];
  readonly timing: { runs: number; longest_run_ms: number; total_ms: number };
}
const told = async (body: object): Promise<Told> => {
  const got = await ask<Told>("/v1/attributions", body);
  expect(got).toMatchObject({ status: 200 });
  return got.body;
};
interface Completion {
  readonly choices: readonly { text: string }[];
}
interface Scores {
  readonly data: readonly { tokens: { logprob: number }[] }[];
}
const sum = (list: readonly number[]) => list.reduce((a, b) => a + b, 0);

test("the answer that the model gives is attributed, and its scores are those of /v1/score", async () => {
  const got = await told({ prompt: "To be", max_tokens: 3, steps: 48 });
  const greedy = await ask<Completion>("/v1/completions", { prompt: "To be", max_tokens: 3, temperature: 0 });
  expect(got.answer.map(t => t.token).join("")).toBe(greedy.body.choices[0]!.text);
  expect(got.prompt.map(t => t.id)).toEqual([fakeEndToken, ...Buffer.from("To be")]);
  const scored = await ask<Scores>("/v1/score", { prompt: "To be", input: got.answer.map(t => t.id) });
  const want = scored.body.data[0]!.tokens.map(t => t.logprob);
  for (const [i, t] of got.answer.entries()) expect(Math.abs(t.score - want[i]!)).toBeLessThan(1e-4);
  const [whole] = got.attributions;
  expect(whole!.target).toBe("answer");
  expect(Math.abs(whole!.score - sum(want))).toBeLessThan(3e-4);
  const c = whole!.completeness!;
  expect(whole!.integrated_gradients!.length).toBe(got.prompt.length);
  expect(Math.abs(sum(whole!.integrated_gradients!) - (whole!.score - c.baseline_score))).toBeCloseTo(c.error, 6);
  expect(c.is_complete).toBe(c.error <= c.tolerance);
  expect(c.error).toBeLessThan(0.2);
});

test("tokens by themselves add up to the answer as one", async () => {
  const base = { prompt: "To be", answer: " or", methods: ["gradient_x_input"] };
  const [one, each, some] = [await told(base), await told({ ...base, targets: "each" }), await told({ ...base, targets: [2, 0] })];
  expect(each.attributions.map(a => a.target)).toEqual([0, 1, 2]);
  expect(some.attributions.map(a => a.target)).toEqual([2, 0]);
  const added = one.attributions[0]!.gradient_x_input!.map((_, i) => sum(each.attributions.map(a => a.gradient_x_input![i]!)));
  for (const [i, x] of one.attributions[0]!.gradient_x_input!.entries()) expect(Math.abs(x - added[i]!)).toBeLessThan(1e-4);
  for (const [i, x] of some.attributions[0]!.gradient_x_input!.entries())
    expect(Math.abs(x - each.attributions[2]!.gradient_x_input![i]!)).toBeLessThan(1e-5);
  expect(one.attributions[0]!.integrated_gradients).toBeUndefined();
});

test("a chat is attributed through its template", async () => {
  const got = await told({ messages: [{ role: "user", content: "Hi" }], answer: "x", methods: ["gradient_x_input"] });
  expect(got.prompt.map(t => t.token).join("")).toContain("user");
  expect(got.attributions[0]!.gradient_x_input!.length).toBe(got.prompt.length);
});

test("answers written meanwhile are the same to the byte, and all that wait get theirs", async () => {
  const completion = { prompt: "Once upon", max_tokens: 60, seed: 5, temperature: 0.9 };
  const alone = await ask<Completion>("/v1/completions", completion);
  const text = (r: typeof alone) => r.body.choices[0]!.text;
  const [a, b, c, d] = await Promise.all([
    told({ prompt: "To be or not", answer: " to", steps: 8, tolerance: 0 }),
    told({ prompt: "To be or not", answer: " to", steps: 8, tolerance: 0 }),
    ask<Completion>("/v1/completions", completion),
    ask<Completion>("/v1/completions", completion),
  ]);
  expect(a.attributions).toEqual(b.attributions);
  expect([text(c), text(d)]).toEqual([text(alone), text(alone)]);
  // 8 looks at 2 blocks: start, blocks, end, blocks back, sums
  expect(a.timing.runs).toBe(8 * (3 + 2 * 2));
  expect(a.timing.longest_run_ms).toBeLessThanOrEqual(a.timing.total_ms + 1);
});

test("one that is left ends, and the next has its turn", async () => {
  const leaving = new AbortController();
  const left = ask<unknown>("/v1/attributions", { prompt: "To be or not", answer: " to", steps: 500, tolerance: 0 }, leaving.signal);
  const next = told({ prompt: "To be", answer: " or", methods: ["gradient_x_input"] });
  setTimeout(() => leaving.abort(), 30);
  expect((await left).status).toBe(499);
  expect((await next).attributions.length).toBe(1);
});

test("more than may wait are asked to come again", async () => {
  const many = Array.from({ length: limits.attributions + 2 }, () =>
    ask<unknown>("/v1/attributions", { prompt: "To be", answer: " or", methods: ["gradient_x_input"] }),
  );
  const statuses = (await Promise.all(many)).map(r => r.status).sort();
  expect(statuses.filter(s => s === 429).length).toBe(2);
  expect(statuses.filter(s => s === 200).length).toBe(limits.attributions);
});

test("what cannot be attributed is refused by name before anything is computed", async () => {
  const error = async (body: object) => {
    const got = await ask<{ error: { param: string; message: string } }>("/v1/attributions", body);
    const { error: e } = got.body;
    return [got.status, e.param, e.message] as const;
  };
  const base = { prompt: "To be", answer: " or" };
  for (const [body, param] of [
    [{}, "prompt"],
    [{ ...base, messages: [{ role: "user", content: "x" }] }, "prompt"],
    [{ ...base, steps: 1 }, "steps"],
    [{ ...base, steps: 512, targets: "each", prompt: "x".repeat(180) }, "steps"],
    [{ ...base, targets: [9] }, "targets"],
    [{ ...base, methods: ["saliency"] }, "methods"],
    [{ ...base, baseline: "blur" }, "baseline"],
    [{ ...base, baseline: 999 }, "prompt"],
    [{ ...base, prompt: [5000] }, "prompt"],
    [{ ...base, tolerance: -1 }, "tolerance"],
    [{ ...base, score: "loss" }, "score"],
  ] as const) {
    const [status, at, message] = await error(body);
    expect([status, at?.split(/[.[]/)[0]], message).toEqual([400, param]);
  }
  expect((await error({ ...base, prompt: "x".repeat(400) }))[2]).toContain("at most 192 tokens");
});

test("occlusion, another answer, words and faithfulness are in the response", async () => {
  interface More extends Told {
    readonly against: readonly { token: string; score: number }[];
    readonly units: readonly { tokens: number[]; text: string }[];
  }
  const got = (await told({
    prompt: "To be or",
    answer: "a",
    against: "b",
    methods: ["gradient_x_input", "occlusion"],
    units: "word",
    faithfulness: true,
  })) as More;
  const [row] = got.attributions as unknown as readonly {
    score: number;
    occlusion: number[];
    faithfulness: Record<string, Record<string, number>>;
  }[];
  expect(got.units.map(u => u.text).join("")).toContain("To be or");
  expect(got.units.flatMap(u => u.tokens)).toEqual([...got.prompt.keys()]);
  expect(row!.occlusion.length).toBe(got.units.length);
  expect(row!.score).toBeCloseTo(got.answer[0]!.score - got.against[0]!.score, 5);
  expect(Object.keys(row!.faithfulness)).toEqual(["gradient_x_input", "occlusion"]);
  for (const f of Object.values(row!.faithfulness)) expect(Object.values(f).every(Number.isFinite)).toBe(true);
});
