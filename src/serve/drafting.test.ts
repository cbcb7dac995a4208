import { expect, test } from "vitest";
import { rounds } from "../../test/support/deep.ts";
import { random } from "../base/index.ts";
import { decoderSpec, initialise, type TokenLikelihood } from "../nn/index.ts";
import { openDevice } from "../tensor/index.ts";
import { createEngine, type Engine, type Generation } from "./engine.ts";
import { byteTokenizer, type FakeScript, fakeEndToken, scriptedProgram, tinyConfig, tinyModel } from "./fakes.ts";
import { formStart } from "./forms.ts";
import type { GenerationRequest } from "./generation.ts";

const device = openDevice("cpu", { threads: 1 });
const model = await tinyModel(device);
const smallConfig = { ...tinyConfig, width: 16, hidden: 32, layers: 1, headSize: 8, context: 150 };
const drafts = {
  "one that knows little": await tinyModel(device, {
    id: "draft@1",
    config: smallConfig,
    parameters: await initialise(decoderSpec(smallConfig), device, "draft"),
  }),
  "the model itself": model,
};

async function answer(generation: Generation) {
  let text = "";
  const tokens: number[] = [];
  const likelihoods: (TokenLikelihood | undefined)[] = [];
  for await (const event of generation) {
    text += event.text;
    tokens.push(...event.tokens.map(t => t.token));
    likelihoods.push(...event.tokens.map(t => t.likelihood));
    if (event.kind === "end") return { text, tokens, likelihoods, finishReason: event.finishReason, usage: event.usage };
  }
  throw new Error("no end");
}
type Answer = Awaited<ReturnType<typeof answer>>;
const said = ({ usage: { cachedTokens: _, ...usage }, ...rest }: Answer) => ({ ...rest, usage });
/** What it says, whoever guessed. */
const text = ({ usage: { draftedTokens: _, acceptedTokens: __, ...usage }, ...rest }: ReturnType<typeof said>) => ({ ...rest, usage });

const r = random("drafted");
const form = formStart(byteTokenizer, { kind: "regex", pattern: "[a-f]{3,40}(ok|no)" }, "guided_regex");
const requests: GenerationRequest[] = Array.from({ length: 18 }, (_, i) => ({
  tokens: [fakeEndToken, ...Array.from({ length: i % 6 === 0 ? 0 : 1 + r.below(70) }, () => r.below(256))],
  maxTokens: 1 + r.below(50),
  seed: i,
  likelihoods: i % 2,
  stop: i % 7 === 0 ? ["e"] : [],
  stopTokens: i % 5 === 0 ? [fakeEndToken, 7, 70, 170] : [],
  ...(i % 4 === 1 ? { form } : {}),
}));
const greedy = requests.map((q, i) => ({ ...q, sampling: { temperature: 0, repetitionPenalty: 1 + (i % 3) / 10 } }));
const drawn = requests.map((q, i) => ({
  ...q,
  sampling: [{ temperature: 0.7, topK: 20 }, { temperature: 1.2, frequencyPenalty: 0.3 }, { mirostatTau: 4 }][i % 3]!,
}));

const options = { model, device, slots: 4, widths: [8, 32], chunkTokens: 32, greedyRounds: 4 };
async function opened(more: Partial<Parameters<typeof createEngine>[0]>): Promise<Engine> {
  const engine = createEngine({ ...options, ...more });
  await engine.ready;
  return engine;
}
/** Answers one by one, and all at once among others of whom some leave. */
async function alone(engine: Engine, all: readonly GenerationRequest[]) {
  const answers = [];
  for (const q of all) answers.push(said(await answer(engine.submit(q))));
  return answers;
}
async function together(engine: Engine, all: readonly GenerationRequest[]) {
  const company = Array.from({ length: 6 }, (_, seed) =>
    engine.submit({ tokens: [1, 2, 3], maxTokens: 60, seed, ...(seed % 3 === 0 ? { beams: { width: 2 } } : {}) }),
  );
  for (const [i, c] of company.entries()) setTimeout(() => c.cancel(), 3 * i);
  return Promise.all(all.map(async q => said(await answer(engine.submit(q)))));
}

for (const [name, draft] of Object.entries(drafts)) {
  test(`greedy answers are those without a draft model, to the bit, alone and in company: ${name}`, async () => {
    const plain = await opened({});
    const want = await alone(plain, greedy);
    await plain.close();
    const engine = await opened({ draft: { model: draft, tokens: 3 } });
    const seen = { guessed: 0, right: 0 };
    engine.observe({
      verified: (guessed, right) => {
        seen.guessed += guessed;
        seen.right += right;
      },
    });
    const got = await alone(engine, greedy);
    expect(got.map(text)).toEqual(want);
    expect(seen.guessed).toBeGreaterThan(100);
    // a form that ends the answer, or its length, cuts a round short
    if (draft === model) expect(seen.right / seen.guessed).toBeGreaterThan(0.9);
    const sum = (of: "draftedTokens" | "acceptedTokens") => got.reduce((n, a) => n + (a.usage[of] ?? 0), 0);
    expect([sum("draftedTokens"), sum("acceptedTokens")]).toEqual([seen.guessed, seen.right]);
    expect((await together(engine, greedy)).map(text)).toEqual(want);
    await engine.close();
    // rounds when it is alone, steps when it is not
    const few = await opened({ draft: { model: draft, tokens: 3 }, greedyRounds: 1 });
    expect((await together(few, greedy)).map(text)).toEqual(want);
    await few.close();
  });

  test(`drawn answers are the same bytes in any company, with any cache, and when they are put back: ${name}`, async () => {
    const engine = await opened({ draft: { model: draft, tokens: 3 }, prefixCache: false });
    const want = await alone(engine, drawn);
    expect(await together(engine, drawn)).toEqual(want);
    await engine.close();
    const crowded = await opened({ slots: 8, draft: { model: draft, tokens: 3 }, cacheTokens: tinyConfig.context });
    let preempted = 0;
    crowded.observe({ preempted: () => preempted++ });
    expect(await alone(crowded, drawn)).toEqual(want);
    expect(await together(crowded, [...drawn, ...drawn])).toEqual([...want, ...want]);
    expect(preempted).toBeGreaterThan(0);
    await crowded.close();
  });
}

test("a reader that falls behind in the middle of a round changes nothing of the answer", async () => {
  const script: FakeScript = { slots: 2, room: 1200 };
  const open = async () => ({ ...scriptedProgram({ ...script, isUniform: true, roundWidth: 4 }), draft: scriptedProgram(script) });
  const engine = createEngine({ model, device, open });
  await engine.ready;
  const request: GenerationRequest = { tokens: [1], maxTokens: 1000, seed: 5, stopTokens: [], likelihoods: 0 };
  const whole = await answer(engine.submit(request));
  const slow = engine.submit(request);
  await expect.poll(() => engine.stats().blocked).toBe(1);
  expect(await answer(slow)).toEqual(whole);
  await engine.close();
});

test("what is drawn in rounds of several answers is distributed as the large model alone says", async () => {
  const letters = [97, 98, 99];
  const table = (seed: string, deviation: number) => {
    const r = random(seed);
    const rows = new Map([0, ...letters].map(t => [t, letters.map(() => deviation * r.normal())]));
    return (token: number): Float32Array => {
      const logits = new Float32Array(257).fill(Number.NEGATIVE_INFINITY);
      for (const [i, l] of letters.entries()) logits[l] = rows.get(letters.includes(token) ? token : 0)![i]!;
      return logits;
    };
  };
  const [large, small] = [table("large", 1), table("small", 2)];
  const open = async () => ({
    ...scriptedProgram({ slots: 8, logits: large, isUniform: true, roundWidth: 3 }),
    draft: scriptedProgram({ slots: 8, logits: small }),
  });
  const engine = createEngine({ model, device, open, queueSequences: 1000 });
  await engine.ready;
  // Of 2,000 answers the test sees a total variation of 0.09 nine times in ten, of 6,000 one of 0.05.
  const n = rounds(6_000, 2_000);
  const counts = new Map<string, number>();
  // as many at once as a queue takes
  for (let from = 0; from < n; from += 500)
    await Promise.all(
      Array.from({ length: 500 }, async (_, i) => {
        const { text } = await answer(engine.submit({ tokens: [65, 66], maxTokens: 4, seed: from + i, stopTokens: [] }));
        counts.set(text, (counts.get(text) ?? 0) + 1);
      }),
    );
  await engine.close();
  const softmax = (logits: Float32Array) => {
    const w = letters.map(l => Math.exp(logits[l]!));
    return w.map(x => x / w.reduce((a, b) => a + b));
  };
  let square = 0;
  let cells = 0;
  let rare = [0, 0] as [number, number];
  const walk = (said: number[], p: number): void => {
    if (said.length < 4) {
      for (const [i, q] of softmax(large(said.at(-1) ?? 66)).entries()) walk([...said, letters[i]!], p * q);
      return;
    }
    const got = counts.get(String.fromCharCode(...said)) ?? 0;
    if (p * n < 8) rare = [rare[0] + got, rare[1] + p * n];
    else {
      square += (got - p * n) ** 2 / (p * n);
      cells++;
    }
  };
  walk([], 1);
  if (rare[1] > 0) square += (rare[0] - rare[1]) ** 2 / rare[1];
  // 99.9 % quantile of chi-square (Wilson & Hilferty 1931)
  const freedom = cells;
  expect(cells).toBeGreaterThan(20);
  expect(square).toBeLessThan(freedom * (1 - 2 / (9 * freedom) + 3.09 * Math.sqrt(2 / (9 * freedom))) ** 3);
});

test("a round that the device fails ends its own answers, whichever of the two models failed; later ones say what they would have said", async () => {
  const script: FakeScript = { slots: 3 };
  const request = (seed: number): GenerationRequest => ({ tokens: [seed], maxTokens: 9, seed, stopTokens: [] });
  for (const failing of ["draft", "large"] as const) {
    let left = 0;
    const flaky = (of: FakeScript) => {
      const program = scriptedProgram(of);
      const fails = (is: boolean) => is && left-- > 0;
      return {
        ...program,
        decode: (t: Int32Array, p: Int32Array) =>
          fails(t.length === 12 || of === script) ? Promise.reject(new Error("gone")) : program.decode(t, p),
      };
    };
    const wide = { ...script, isUniform: true, roundWidth: 4 };
    const large = failing === "large" ? flaky(wide) : scriptedProgram(wide);
    const draft = failing === "draft" ? flaky(script) : scriptedProgram(script);
    const engine = createEngine({ model, device, open: async () => ({ ...large, draft }) });
    await engine.ready;
    const want = await Promise.all([1, 2].map(seed => answer(engine.submit(request(seed)))));
    left = 1;
    const ends = await Promise.allSettled([1, 2].map(seed => answer(engine.submit(request(seed)))));
    for (const e of ends) expect(e).toMatchObject({ status: "rejected", reason: { code: "serve/program" } });
    expect(await Promise.all([1, 2].map(seed => answer(engine.submit(request(seed)))))).toEqual(want);
    await engine.close();
  }
});

test("a draft model with other tokens is refused, and named with the first that differs", async () => {
  const other = { ...byteTokenizer, bytesOf: (id: number) => (id === 65 ? Uint8Array.of(66) : byteTokenizer.bytesOf?.(id)) };
  const refused = async (tokenizer: typeof byteTokenizer) => {
    const engine = createEngine({ ...options, draft: { model: await tinyModel(device, { id: "other@1", tokenizer }) } });
    await expect(engine.ready).rejects.toThrow();
    await engine.close();
    return engine.ready.catch((error: Error) => error.message);
  };
  expect(await refused(other)).toMatch(
    /^other@1: expected the tokens of tiny@1, for which it is to guess, got token 65 as "A" instead of "A"/,
  );
  expect(await refused({ ...byteTokenizer, vocabSize: 256 })).toContain("256 of them instead of 257");
});

test("the fingerprint names the draft model too: what is drawn depends on it", async () => {
  const engines = await Promise.all([{}, ...Object.values(drafts).map(d => ({ draft: { model: d } }))].map(opened));
  expect(new Set(engines.map(e => e.fingerprint)).size).toBe(3);
  for (const e of engines) await e.close();
});
