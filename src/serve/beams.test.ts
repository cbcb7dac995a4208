import { expect, test } from "vitest";
import { random } from "../base/index.ts";
import { BeamSearch, beamOptions, beamScores, type Decoder, decoderLogits, samplingOptions, type TokenLikelihood } from "../nn/index.ts";
import { compile, openDevice, type Tensor } from "../tensor/index.ts";
import { createEngine, type Generation } from "./engine.ts";
import { byteTokenizer, fakeEndToken, scriptedProgram, tinyModel } from "./fakes.ts";
import { formStart } from "./forms.ts";
import type { GenerationRequest } from "./generation.ts";

const device = openDevice("cpu", { threads: 1 });
const model = await tinyModel(device);
const training = compile((p: Decoder, t: Tensor) => decoderLogits(model.config, p, t), { device });

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
const wordsOf = (seed: string, n: number): number[] => {
  const r = random(seed);
  return [fakeEndToken, ...Array.from({ length: n }, () => r.below(256))];
};
/** One search's answers. */
const ask = (request: GenerationRequest, answers: number): GenerationRequest[] => Array.from({ length: answers }, () => request);

/** Judge: the same search over the logits of the training program, the whole text every time. */
async function judged(request: GenerationRequest, answers: number) {
  const { context, vocab } = model.config;
  const search = new BeamSearch(beamOptions(request.beams), {
    maxTokens: request.maxTokens!,
    stopTokens: new Set(request.stopTokens ?? [fakeEndToken]),
    isOver: text => (request.stop ?? []).some(s => byteTokenizer.decode(text).includes(s)),
  });
  while (!search.isOver) {
    const rows: Float64Array[] = [];
    for (const text of search.beams) {
      const all = [...request.tokens, ...text];
      const padded = Int32Array.from({ length: context }, (_, i) => all[i] ?? 0);
      const logits = (await (await training(model.parameters, await device.array(padded, "i32", [1, context]))).read()) as Float32Array;
      const row = logits.slice((all.length - 1) * vocab, all.length * vocab);
      rows.push(beamScores(row, { prompt: request.tokens, answer: text }, samplingOptions(request.sampling)));
    }
    search.advance(rows);
  }
  return search.best(answers);
}

const requests: { request: GenerationRequest; answers: number }[] = [
  { request: { tokens: wordsOf("a", 5), maxTokens: 10, beams: { width: 4, earlyStopping: true } }, answers: 4 },
  {
    request: { tokens: wordsOf("b", 40), maxTokens: 14, beams: { width: 3, lengthPenalty: 2 }, stopTokens: [101, 32, 110, 7, 200] },
    answers: 2,
  },
  {
    request: {
      tokens: wordsOf("c", 1),
      maxTokens: 8,
      beams: { width: 4, groups: 2, diversityPenalty: 0.7 },
      sampling: { repetitionPenalty: 1.2, frequencyPenalty: 0.3 },
    },
    answers: 3,
  },
  { request: { tokens: wordsOf("d", 17), maxTokens: 6, beams: { width: 1 } }, answers: 1 },
  { request: { tokens: wordsOf("e", 3), maxTokens: 1, beams: { width: 4, earlyStopping: "never" } }, answers: 4 },
];

test("a search in the engine finds what it finds over the training program; alone, in company, after others", async () => {
  const engine = createEngine({ model, device, slots: 5, widths: [8, 32] });
  await engine.ready;
  const submit = ({ request, answers }: (typeof requests)[number]) => Promise.all(engine.submitAll(ask(request, answers)).map(answer));
  const alone = [];
  for (const r of requests) {
    const found = await submit(r);
    const want = await judged(r.request, r.answers);
    const stops = new Set(r.request.stopTokens ?? [fakeEndToken]);
    expect(found.map(a => a.tokens)).toEqual(want.map(h => h.tokens.filter(t => !stops.has(t))));
    for (const [i, a] of found.entries()) {
      expect(a.finishReason).toBe(stops.has(want[i]!.tokens.at(-1)!) ? "stop" : "length");
      expect(a.usage.completionTokens).toBe(want[i]!.tokens.length);
    }
    alone.push(found.map(a => a.text));
  }
  const company = Array.from({ length: 5 }, (_, i) => answer(engine.submit({ tokens: wordsOf(`x${i}`, 20), maxTokens: 30, seed: i })));
  const together = await Promise.all([...requests, ...requests].map(submit));
  expect(together.map(t => t.map(a => a.text))).toEqual([...alone, ...alone]);
  expect((await Promise.all(company)).every(a => a.usage.completionTokens > 0)).toBe(true);
  expect(engine.stats()).toMatchObject({ running: 0, queued: 0, cacheTokens: 0 });
  await engine.close();
});

/** Log-probability of each token of an answer, by the training program. */
async function logProbabilities(prompt: readonly number[], answer: readonly number[]): Promise<number[]> {
  const { context, vocab } = model.config;
  const all = [...prompt, ...answer];
  const padded = Int32Array.from({ length: context }, (_, i) => all[i] ?? 0);
  const logits = (await (await training(model.parameters, await device.array(padded, "i32", [1, context]))).read()) as Float32Array;
  return answer.map((token, i) => {
    const row = logits.slice((prompt.length + i - 1) * vocab, (prompt.length + i) * vocab);
    return beamScores(row, { prompt, answer: [] }, samplingOptions({}))[token]!;
  });
}

test("a search for answers of a form finds them all, in the order of their scores, when it is wide enough", async () => {
  const engine = createEngine({ model, device, slots: 5, widths: [8, 32] });
  await engine.ready;
  const texts = ["ab", "abc", "cd", "x"];
  const form = formStart(byteTokenizer, { kind: "choice", choices: texts }, "guided_choice");
  for (const [seed, groups] of [
    ["f", 1],
    ["g", 1],
    ["h", 2],
  ] as const) {
    const prompt = wordsOf(seed, 9);
    const all = await Promise.all(
      texts.map(async text => {
        // only "ab" may go on, so only it needs an end
        const tokens = [...Buffer.from(text), ...(text === "ab" ? [fakeEndToken] : [])];
        const sum = (await logProbabilities(prompt, tokens)).reduce((a, b) => a + b, 0);
        return { text, score: sum / tokens.length };
      }),
    );
    const request: GenerationRequest = { tokens: prompt, maxTokens: 10, form, likelihoods: 0, beams: { width: 4, groups } };
    const found = await Promise.all(engine.submitAll(ask(request, 4)).map(answer));
    // two groups find the same answers
    const want = all.sort((a, b) => b.score - a.score).map(a => a.text);
    if (groups === 1) expect(found.map(f => f.text)).toEqual(want);
    else expect(new Set(found.map(f => f.text)).size).toBeGreaterThan(1);
    for (const f of found) {
      expect(texts).toContain(f.text);
      expect(f.finishReason).toBe("stop");
    }
  }
  await engine.close();
});

test("answers of a form found by beams are those of reading them; put back in between they are the same; an end cuts them as others", async () => {
  const schema = {
    type: "object",
    properties: { a: { type: "integer" }, b: { enum: ["x", "yz"] } },
    required: ["a", "b"],
    additionalProperties: false,
  };
  const form = formStart(byteTokenizer, { kind: "schema", schema }, "response_format");
  const searches: GenerationRequest[] = [1, 2, 3].map(n => ({
    tokens: wordsOf(`json ${n}`, 10 * n),
    maxTokens: 30,
    form,
    beams: { width: 3, groups: n === 3 ? 3 : 1, diversityPenalty: n === 3 ? 0.5 : 0 },
  }));
  const run = async (cacheTokens?: number) => {
    const engine = createEngine({ model, device, slots: 6, widths: [8, 32], ...(cacheTokens ? { cacheTokens } : {}) });
    await engine.ready;
    let preempted = 0;
    engine.observe({ preempted: () => preempted++ });
    const found = await Promise.all(searches.map(q => Promise.all(engine.submitAll(ask(q, 3)).map(answer))));
    await engine.close();
    return { preempted, texts: found.map(of => of.map(a => a.text)), found };
  };
  const wide = await run();
  for (const of of wide.found)
    for (const a of of)
      if (a.finishReason === "stop") expect(Object.keys(JSON.parse(a.text) as object)).toEqual(["a", "b"]);
      else expect(a.usage.completionTokens).toBe(30);
  expect(wide.found.flat().some(a => a.finishReason === "stop")).toBe(true);
  const narrow = await run(model.config.context);
  expect(narrow.texts).toEqual(wide.texts);
  expect(narrow.preempted).toBeGreaterThan(0);
});

test("a search for a text that the vocabulary cannot spell ends as the request's fault", async () => {
  const tokenizer = { ...byteTokenizer, bytesOf: (id: number) => (id === 122 ? undefined : byteTokenizer.bytesOf?.(id)) };
  const engine = createEngine({ model: { ...model, tokenizer }, device, slots: 4, widths: [8, 32] });
  await engine.ready;
  const form = formStart(tokenizer, { kind: "regex", pattern: "a{3}z" }, "guided_regex");
  const found = await Promise.allSettled(engine.submitAll(ask({ tokens: [5], maxTokens: 9, form, beams: { width: 2 } }, 2)).map(answer));
  for (const f of found) expect(f).toMatchObject({ status: "rejected", reason: { code: "serve/unsupported" } });
  await engine.close();
});

test("the log-probabilities of a search's answers are those of reading them, to the bit", async () => {
  const engine = createEngine({ model, device, slots: 4, widths: [8, 32] });
  await engine.ready;
  const request: GenerationRequest = { tokens: wordsOf("l", 12), maxTokens: 9, stopTokens: [], likelihoods: 2, beams: { width: 4 } };
  const found = await Promise.all(engine.submitAll(ask(request, 4)).map(answer));
  const means = found.map(a => a.likelihoods.reduce((s, l) => s + l!.logProbability, 0) / a.tokens.length);
  expect(means).toEqual([...means].sort((a, b) => b - a));
  expect(new Set(found.map(a => a.tokens.join())).size).toBe(4);
  const { beams: _, ...plain } = request;
  for (const a of found) expect((await answer(engine.submit({ ...plain, forced: a.tokens }))).likelihoods).toEqual(a.likelihoods);
  await engine.close();
});

test("a search ends at a stop text that lies across tokens, and does not say it", async () => {
  const engine = createEngine({ model, device, slots: 4, widths: [8, 32] });
  await engine.ready;
  const request: GenerationRequest = { tokens: wordsOf("s", 12), maxTokens: 12, stopTokens: [], beams: { width: 3 } };
  const [free] = await Promise.all(engine.submitAll(ask(request, 1)).map(answer));
  const stop = free!.text.slice(3, 5);
  const [cut] = await Promise.all(engine.submitAll(ask({ ...request, stop: [stop] }, 1)).map(answer));
  const [want] = await judged({ ...request, stop: [stop] }, 1);
  expect(cut!.text).not.toContain(stop);
  expect(cut!.usage.completionTokens).toBe(want!.tokens.length);
  expect(byteTokenizer.decode(want!.tokens).startsWith(cut!.text)).toBe(true);
  await engine.close();
});

test("a wide search waits for slots and gets them, though narrow ones keep coming; then they go on", async () => {
  const program = scriptedProgram({ slots: 4 });
  const engine = createEngine({ model, device, open: async () => program });
  await engine.ready;
  const narrow = (seed: number) => answer(engine.submit({ tokens: [seed], maxTokens: 6, seed, stopTokens: [] }));
  const before = [1, 2, 3].map(narrow);
  const order: string[] = [];
  const wide = Promise.all(engine.submitAll(ask({ tokens: [9], maxTokens: 5, stopTokens: [], beams: { width: 4 } }, 2)).map(answer)).then(
    found => {
      order.push("wide");
      return found;
    },
  );
  const after = [4, 5, 6, 7].map(seed => narrow(seed).then(() => order.push("narrow")));
  expect((await wide).map(a => a.usage.completionTokens)).toEqual([5, 5]);
  await Promise.all([...before, ...after]);
  expect(order[0]).toBe("wide");
  await engine.close();
});

test("a search goes on while one of its answers is still wanted, and frees its slots with the last", async () => {
  let open = () => {};
  const gate = new Promise<void>(resolve => {
    open = resolve;
  });
  const program = scriptedProgram({ slots: 3, gate: () => gate });
  const engine = createEngine({ model, device, open: async () => program });
  await engine.ready;
  const ended: string[] = [];
  engine.observe({ finished: outcome => ended.push(outcome) });
  const request = { tokens: [9, 9], maxTokens: 4, stopTokens: [], beams: { width: 3 } };
  const [a, b] = engine.submitAll(ask(request, 2)) as [Generation, Generation];
  await new Promise(resolve => setImmediate(resolve));
  expect(engine.stats()).toMatchObject({ running: 1, queued: 0 });
  a.cancel();
  expect(engine.stats().running).toBe(1);
  open();
  expect((await answer(b)).usage.completionTokens).toBe(4);
  await expect(answer(a)).rejects.toMatchObject({ code: "serve/cancelled" });
  expect(ended).toEqual(["cancelled", "length"]);
  const [c, d] = engine.submitAll(ask(request, 2)) as [Generation, Generation];
  c.cancel();
  d.cancel();
  expect(engine.stats()).toMatchObject({ running: 0, queued: 0 });
  expect((await answer(engine.submit({ tokens: [1], maxTokens: 2, stopTokens: [] }))).usage.completionTokens).toBe(2);
  await engine.close();
});

test("logits that break down end a search with an error, and its slots are cleared", async () => {
  const nan = new Float32Array(257).fill(Number.NaN);
  let steps = 0;
  const program = scriptedProgram({ slots: 3, logits: () => (++steps > 4 ? nan : undefined) });
  const engine = createEngine({ model, device, open: async () => program });
  await engine.ready;
  const found = await Promise.allSettled(
    engine.submitAll(ask({ tokens: [9, 9], maxTokens: 9, stopTokens: [], beams: { width: 3 } }, 3)).map(answer),
  );
  for (const f of found) expect(f).toMatchObject({ status: "rejected", reason: { code: "serve/program" } });
  await expect.poll(() => program.cleared.length).toBeGreaterThan(0);
  expect(engine.stats().running).toBe(0);
  await engine.close();
});

test("a search wider than the slots, or asked for more than it keeps, is refused", async () => {
  const engine = createEngine({ model, device, open: async () => scriptedProgram({ slots: 3 }) });
  await engine.ready;
  const one = { tokens: [1], maxTokens: 4 };
  expect(() => engine.submitAll(ask({ ...one, beams: { width: 4 } }, 1))).toThrow(
    "beam_width: expected at most 3 (the concurrent sequences of tiny@1), got 4.",
  );
  expect(() => engine.submitAll(ask({ ...one, beams: { width: 2 } }, 3))).toThrow(
    "n: expected at most 2 answers of a search of 2 beams, got 3.",
  );
  expect(() => engine.submitAll(ask({ ...one, beams: { width: 2, groups: 3 } }, 1))).toThrow("beams.groups");
  expect(engine.stats().queued).toBe(0);
  await engine.close();
});
