/** Responses whose spans are judged before they are said, by judges of tests. */
import { afterAll, expect, test } from "vitest";
import { isLoamError } from "../src/base/index.ts";
import { decoderSpec, initialise } from "../src/nn/index.ts";
import { createEngine, type Engine, type EngineOptions } from "../src/serve/engine.ts";
import { byteTokenizer, fakeEndToken, scriptedProgram, tinyConfig, tinyModel } from "../src/serve/fakes.ts";
import { formStart } from "../src/serve/forms.ts";
import type { GenerationRequest, Usage } from "../src/serve/generation.ts";
import type { SpanGuard } from "../src/serve/span-guard.ts";
import { openDevice } from "../src/tensor/index.ts";

const device = openDevice("cpu", { threads: 1 });
const engines: Engine[] = [];
afterAll(() => Promise.all(engines.map(e => e.close())));

const model = await tinyModel(device);
const smallConfig = { ...tinyConfig, width: 16, hidden: 32, layers: 1, headSize: 8 };
const draft = await tinyModel(device, {
  id: "draft@1",
  config: smallConfig,
  parameters: await initialise(decoderSpec(smallConfig), device, "draft"),
});

const guardOf = (isBad: (text: string) => boolean, more: Partial<SpanGuard> = {}): SpanGuard & { readonly judged: string[] } => {
  const judged: string[] = [];
  return {
    tokens: 6,
    attempts: 3,
    refuses: async text => {
      judged.push(text);
      // verdicts come late and at different times
      await new Promise(resolve => setTimeout(resolve, text.length % 3));
      return isBad(text);
    },
    judged,
    ...more,
  };
};

async function engineOf(spanGuard: SpanGuard | undefined, more: Partial<EngineOptions> = {}): Promise<Engine> {
  const engine = createEngine({ model, device, room: 128, slots: 4, spanGuard, ...more });
  engines.push(engine);
  await engine.ready;
  return engine;
}

interface Said {
  readonly events: readonly string[];
  readonly text: string;
  readonly tokens: readonly number[];
  readonly logProbabilities: readonly (number | undefined)[];
  readonly finishReason: string;
  readonly usage: Usage;
}

async function say(engine: Engine, request: GenerationRequest): Promise<Said> {
  const events: string[] = [];
  const tokens: number[] = [];
  const logProbabilities: (number | undefined)[] = [];
  for await (const event of engine.submit(request)) {
    events.push(event.text);
    tokens.push(...event.tokens.map(t => t.token));
    logProbabilities.push(...event.tokens.map(t => t.likelihood?.logProbability));
    if (event.kind === "end")
      return { events, text: events.join(""), tokens, logProbabilities, finishReason: event.finishReason, usage: event.usage };
  }
  throw new Error("no end");
}

const kinds = ["plain", "drafted", "log-probabilities", "form", "stop"] as const;
const optionsOf = (kind: (typeof kinds)[number]): Partial<EngineOptions> =>
  kind === "drafted" ? { draft: { model: draft, tokens: 3 }, greedyRounds: 4 } : {};
const form = formStart(byteTokenizer, { kind: "regex", pattern: "[a-z]{8,20}[0-9]{1,4}" }, "guided_regex");
const requestOf = (kind: (typeof kinds)[number], i: number): GenerationRequest => ({
  tokens: [fakeEndToken, 97 + i],
  maxTokens: 17 + (i % 9),
  seed: i,
  ...(i % 3 === 0 ? { sampling: { temperature: 0 } } : {}),
  ...(kind === "log-probabilities" ? { likelihoods: 2 } : {}),
  ...(kind === "form" ? { form } : {}),
  ...(kind === "stop" ? { stop: ["e", "t\u0000"], minTokens: i % 4 } : {}),
});
const requests = (kind: (typeof kinds)[number]) => Array.from({ length: 12 }, (_, i) => requestOf(kind, i));
const sayAll = (engine: Engine, kind: (typeof kinds)[number]) => Promise.all(requests(kind).map(r => say(engine, r)));

test.each(kinds)("a response of which no span is refused is the same event by event as without a guard: %s", async kind => {
  const guard = guardOf(() => false);
  expect(await sayAll(await engineOf(guard, optionsOf(kind)), kind)).toEqual(
    await sayAll(await engineOf(undefined, optionsOf(kind)), kind),
  );
  expect(guard.judged.length).toBeGreaterThan(12);
});

const isBad = (text: string) => /[g-k]/.test(text);

test.each(kinds)("what is refused is never said, whoever else is served, and other responses stay what they are: %s", async kind => {
  const guard = guardOf(isBad);
  const engine = await engineOf(guard, optionsOf(kind));
  const free = await sayAll(await engineOf(undefined, optionsOf(kind)), kind);
  const together = await sayAll(engine, kind);
  expect(guard.judged.some(isBad)).toBe(true);
  for (const [i, said] of together.entries()) {
    const { text, tokens, logProbabilities, usage, finishReason } = said;
    expect(isBad(text), JSON.stringify(text)).toBe(false);
    const request = requestOf(kind, i);
    // the end token and a stop string are counted and not said
    const unsaid = usage.completionTokens - tokens.length;
    expect(finishReason === "stop" ? unsaid <= 2 : unsaid).toBe(finishReason === "stop" ? true : 0);
    expect(usage.completionTokens).toBeLessThanOrEqual(request.maxTokens!);
    if (kind === "log-probabilities") expect(logProbabilities.every(p => p !== undefined)).toBe(true);
    expect(byteTokenizer.decode(tokens)).toBe(text);
    if (!isBad(free[i]!.text)) expect(said).toEqual(free[i]);
    for (const stop of request.stop ?? [])
      if (tokens.length > (request.minTokens ?? 0)) expect(text.slice(request.minTokens).includes(stop)).toBe(false);
  }
  const alone: Said[] = [];
  for (const r of requests(kind)) alone.push(await say(engine, r));
  // how many tokens of the prompt the cache had is the one thing that company changes
  const without = ({ usage: { cachedTokens: _, draftedTokens: __, acceptedTokens: ___, ...usage }, ...rest }: Said) => ({ ...rest, usage });
  expect(alone.map(without)).toEqual(together.map(without));
});

test("log-probabilities are those of the tokens that are said", async () => {
  const engine = await engineOf(guardOf(isBad));
  const free = await engineOf(undefined);
  for (const seed of [1, 2, 4]) {
    const prompt = [fakeEndToken, 97 + seed];
    const said = await say(engine, { tokens: prompt, maxTokens: 20, seed, likelihoods: 0 });
    if (said.tokens.length === 0) continue;
    const given = await say(free, { tokens: prompt, forced: said.tokens, maxTokens: said.tokens.length, likelihoods: 0 });
    expect(said.logProbabilities).toEqual(given.logProbabilities);
  }
});

const likely = (...tokens: readonly string[]) => {
  const row = new Float32Array(byteTokenizer.vocabSize);
  for (const [i, t] of tokens.entries()) row[t.charCodeAt(0)] = 50 - 10 * i;
  return row;
};
const scripted = (logits: () => Float32Array) => ({ open: async () => scriptedProgram({ slots: 2, room: 64, logits }) });

test("a greedy response begins a refused span with the next likeliest token, and ends at its beginning after the attempts", async () => {
  const engine = await engineOf(
    guardOf(t => t.startsWith("a")),
    scripted(() => likely("a", "b")),
  );
  const greedy = { tokens: [1], sampling: { temperature: 0 } };
  expect(await say(engine, { ...greedy, maxTokens: 6 })).toMatchObject({ text: "baaaaa", finishReason: "length" });
  const never = guardOf(t => t.length > 6, { attempts: 2 });
  const other = await engineOf(
    never,
    scripted(() => likely("a", "b")),
  );
  expect(await say(other, { ...greedy, maxTokens: 20 })).toMatchObject({
    text: "aaaaaa",
    finishReason: "content_filter",
    usage: { promptTokens: 1, completionTokens: 6 },
  });
  expect(never.judged).toEqual(["aaaaaa", "aaaaaaaaaaaa", "aaaaaabaaaaa"]);
});

test("a sampled span is drawn again from other random numbers, the same ones for the same seed", async () => {
  const firsts: string[] = [];
  for (let run = 0; run < 2; run++) {
    const guard = guardOf(t => !t.startsWith("b"), { tokens: 1, attempts: 50 });
    const engine = await engineOf(
      guard,
      scripted(() => likely("a").fill(0, 0, 97).fill(20, 97, 100)),
    );
    expect((await say(engine, { tokens: [1], maxTokens: 1, seed: 7 })).text).toBe("b");
    firsts.push(guard.judged.join(""));
  }
  expect(firsts[0]!.length).toBeGreaterThan(1);
  expect(firsts[0]).toBe(firsts[1]);
});

test("a span ends behind a sentence, is judged with what its sentence has before it, and a stop string is not judged", async () => {
  const text = "It is so. It was so long ago that nobody knows. END";
  const engine = (guard: SpanGuard) =>
    engineOf(guard, { open: async () => scriptedProgram({ slots: 2, room: 128, logits: (_, at) => likely(text[at] ?? "x") }) });
  const guard = guardOf(() => false, { tokens: 24 });
  expect((await say(await engine(guard), { tokens: [1], maxTokens: 60, sampling: { temperature: 0 }, stop: ["END"] })).text).toBe(
    "It is so. It was so long ago that nobody knows. ",
  );
  expect(guard.judged).toEqual(["It is so.", " It was so long ago that", " It was so long ago that nobody knows."]);
});

test("a judge that fails ends the response with an error, without what it had not judged", async () => {
  const refuses = async (text: string) => {
    if (text.length > 6) throw new Error("out of order");
    return false;
  };
  const engine = await engineOf(
    { tokens: 6, attempts: 3, refuses },
    scripted(() => likely("a")),
  );
  const said: string[] = [];
  const failed = await (async () => {
    for await (const { text } of engine.submit({ tokens: [1], maxTokens: 20, sampling: { temperature: 0 } })) said.push(text);
  })().catch((e: unknown) => e);
  expect([said.join(""), isLoamError(failed) && failed.code]).toEqual(["aaaaaa", "serve/moderation"]);
  expect(engine.stats()).toMatchObject({ running: 0, queued: 0 });
});

test("a response that is cancelled while it is judged leaves its slot, and the verdict changes nothing", async () => {
  let verdict = (_: boolean) => {};
  const refuses = () => new Promise<boolean>(resolve => (verdict = resolve));
  const engine = await engineOf(
    { tokens: 2, attempts: 3, refuses },
    scripted(() => likely("a")),
  );
  const generation = engine.submit({ tokens: [1], maxTokens: 20 });
  await expect.poll(() => engine.stats().cacheTokens).toBe(2);
  generation.cancel();
  expect(engine.stats().running).toBe(0);
  verdict(true);
  expect((await say(engine, { tokens: [1], maxTokens: 0 })).text).toBe("");
});

test("a beam search is refused", async () => {
  const engine = await engineOf(guardOf(() => false));
  expect(() => engine.submit({ tokens: [1], beams: { width: 2 } })).toThrow("serve.moderate");
});
