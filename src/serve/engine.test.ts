import { expect, test } from "vitest";
import { defined, random } from "../base/index.ts";
import type { TokenLikelihood } from "../nn/index.ts";
import { openDevice } from "../tensor/index.ts";
import { createEngine, type Engine, type EngineOptions, type Generation } from "./engine.ts";
import { EngineHistory } from "./engine-history.ts";
import { byteTokenizer, type FakeScript, fakeEndToken, type ScriptedProgram, scriptedProgram, tinyModel } from "./fakes.ts";
import type { GenerationRequest } from "./generation.ts";

const device = openDevice("cpu", { threads: 1 });
const model = await tinyModel(device);

/** An engine over a scripted program. */
async function scripted(script: FakeScript, options: Partial<EngineOptions> = {}): Promise<{ engine: Engine; program: ScriptedProgram }> {
  const program = scriptedProgram(script);
  const engine = createEngine({ model, device, open: async () => program, ...options });
  await engine.ready;
  return { engine, program };
}
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
/** What an answer says: all of it but how much of its prompt was found in the cache. */
const said = ({ usage: { cachedTokens: _, ...usage }, ...rest }: Answer) => ({ ...rest, usage });
/** A gate that holds steps until it is opened for so many. */
function turnstile() {
  let open = 0;
  let waiting: (() => void) | undefined;
  return {
    gate: () => {
      if (open-- > 0) return;
      open = 0;
      return new Promise<void>(resolve => {
        waiting = resolve;
      });
    },
    async pass(n: number) {
      open += n;
      if (waiting) {
        open--;
        waiting();
        waiting = undefined;
      }
      for (let i = 0; i < 8 * n; i++) await new Promise(resolve => setImmediate(resolve));
    },
  };
}

test("the same request and seed give the same bytes whatever else is in the batch", async () => {
  const r = random("mixed");
  const words = () => Array.from({ length: 1 + r.below(90) }, () => r.below(256));
  const requests: GenerationRequest[] = Array.from({ length: 24 }, (_, i) => ({
    tokens: [fakeEndToken, ...words()],
    maxTokens: 1 + r.below(40),
    seed: i % 3 ? i : `text ${i}`,
    choice: i % 2,
    likelihoods: i % 4 === 0 ? 3 : 0,
    stop: i % 5 === 0 ? ["e", "xyz"] : [],
    sampling: [
      { temperature: 0 },
      { temperature: 1.3, topP: 0.9 },
      { topK: 5, repetitionPenalty: 1.2 },
      { minP: 0.1, frequencyPenalty: 0.4 },
    ][i % 4]!,
  }));
  const engine = createEngine({ model, device, slots: 4, widths: [8, 32], chunkTokens: 32 });
  await engine.ready;
  const alone: Answer[] = [];
  for (const q of requests) alone.push(await answer(engine.submit(q)));
  // together, in another order, with some that leave in the middle
  const order = [...random("order").permutation(requests.length)];
  const company = Array.from({ length: 6 }, (_, i) => engine.submit({ tokens: words(), maxTokens: 60, seed: i }));
  const together = await Promise.all(
    order.map(async (i, place) => {
      const generation = engine.submit(requests[i]!);
      if (place % 4 === 0) setTimeout(() => company[place / 4]?.cancel(), 2 * place);
      return answer(generation);
    }),
  );
  for (const [place, i] of order.entries()) expect(said(together[place]!)).toEqual(said(alone[i]!));
  await engine.close();
});

test("the same request gives the same bytes with and without what others have computed and what was guessed", async () => {
  const r = random("prefixes");
  const word = (n: number) => Array.from({ length: n }, () => r.below(256));
  const [system, question, twice] = [[fakeEndToken, ...word(50)], word(30), word(4)];
  const prompts = [
    [...system, ...question],
    [...system, ...word(17)],
    system,
    // says the same over and over: what the lookup guesses well
    [fakeEndToken, ...twice, ...twice, ...twice, ...twice, ...twice],
    [fakeEndToken, ...word(3)],
  ];
  const requests: GenerationRequest[] = Array.from({ length: 30 }, (_, i) => ({
    tokens: prompts[i % prompts.length]!,
    maxTokens: 5 + r.below(40),
    seed: i,
    stopTokens: [],
    likelihoods: 2,
    stop: i % 7 === 0 ? ["a"] : [],
    sampling: [{ temperature: 0 }, { temperature: 0.3 }, { temperature: 0, repetitionPenalty: 1.1 }][i % 3]!,
  }));
  const options = { model, device, slots: 4, widths: [8, 32], chunkTokens: 32 };
  const plain = createEngine({ ...options, prefixCache: false, lookup: false });
  await plain.ready;
  const want: Answer[] = [];
  for (const q of requests) want.push(await answer(plain.submit(q)));
  expect(want.every(a => a.usage.cachedTokens === undefined)).toBe(true);
  await plain.close();

  const engine = createEngine(options);
  await engine.ready;
  const seen = { reused: 0, guessed: 0, right: 0 };
  engine.observe({
    reused: n => {
      seen.reused += n;
    },
    verified: (guessed, right) => {
      seen.guessed += guessed;
      seen.right += right;
    },
  });
  // one after the other, which guesses; then a talk that goes on; then all at once, with some that leave
  for (const [i, q] of requests.entries()) expect(said(await answer(engine.submit(q)))).toEqual(said(want[i]!));
  expect(seen.reused).toBeGreaterThan(30 * 10);
  expect(seen.right).toBeGreaterThan(0);
  expect(seen.guessed).toBeGreaterThan(seen.right);
  const first = want[0]!;
  const talk = { ...requests[0]!, tokens: [...requests[0]!.tokens, ...first.tokens, ...question], seed: 5 };
  await answer(engine.submit(requests[0]!));
  const next = await answer(engine.submit(talk));
  expect(next.usage.cachedTokens).toBeGreaterThan(requests[0]!.tokens.length);
  const company = prompts.map((tokens, seed) => engine.submit({ tokens, maxTokens: 60, seed }));
  const together = await Promise.all(
    [...random("order").permutation(requests.length)].map(async (i, place) => {
      const generation = engine.submit(requests[i]!);
      if (place % 6 === 0) setTimeout(() => company[place / 6]?.cancel(), 2 * place);
      return [i, await answer(generation)] as const;
    }),
  );
  for (const [i, a] of together) expect(said(a)).toEqual(said(want[i]!));
  await engine.close();
});

test("answers are the same when positions run out and the newest are put back, searches among them", async () => {
  const r = random("crowd");
  const requests: GenerationRequest[] = Array.from({ length: 16 }, (_, i) => ({
    tokens: [fakeEndToken, ...Array.from({ length: 1 + r.below(60) }, () => r.below(256))],
    maxTokens: 20 + r.below(60),
    seed: i,
    stopTokens: [],
    likelihoods: 1,
    sampling: [{ temperature: 0 }, { temperature: 1 }, { mirostatTau: 4, repetitionPenalty: 1.1 }][i % 3]!,
    ...(i % 5 === 4 ? { maxTokens: 20, beams: { width: 2, groups: 1 + (i % 2) } } : {}),
  }));
  const options = { model, device, slots: 6, widths: [8, 32], chunkTokens: 32 };
  const ask = (engine: Engine) => Promise.all(requests.map(q => answer(engine.submit(q))));
  const wide = createEngine({ ...options, prefixCache: false, lookup: false });
  await wide.ready;
  const want = (await ask(wide)).map(said);
  await wide.close();
  for (const prefixCache of [true, false]) {
    const engine = createEngine({ ...options, prefixCache, cacheTokens: model.config.context });
    await engine.ready;
    const seen = { preempted: 0, started: 0, mostTokens: 0 };
    engine.observe({
      preempted: () => seen.preempted++,
      started: () => seen.started++,
      step: () => {
        seen.mostTokens = Math.max(seen.mostTokens, engine.stats().cacheTokens);
      },
    });
    const got = await ask(engine);
    expect(got.map(said)).toEqual(want);
    expect(got.every(a => (a.usage.cachedTokens ?? 0) < a.usage.promptTokens)).toBe(true);
    expect(seen.preempted).toBeGreaterThan(0);
    expect(seen.started).toBe(requests.length);
    expect(seen.mostTokens).toBeLessThanOrEqual(model.config.context);
    expect(engine.stats()).toMatchObject({ running: 0, queued: 0, cacheTokens: 0, cacheRoom: model.config.context });
    await engine.close();
  }
});

test("an engine with fewer positions than one answer may take, or a search with more than there are, is refused", async () => {
  const few = createEngine({ model, device, slots: 2, widths: [8, 32], cacheTokens: 100 });
  await expect(few.ready).rejects.toThrow("cache.tokens: expected a whole number from 192 (one slot) to 384 (all slots), got 100.");
  await few.close();
  const engine = createEngine({ model, device, slots: 2, widths: [8, 32], cacheTokens: 200 });
  await engine.ready;
  expect(() => engine.submit({ tokens: [1], maxTokens: 120, beams: { width: 2 } })).toThrow(
    "beam_width: expected at most 200 KV-cache tokens for all beams, got 2 beams of up to 121. Ask for fewer beams or fewer tokens.",
  );
  await engine.close();
});

test("several answers to one prompt compute it once", async () => {
  const engine = createEngine({ model, device, slots: 4, widths: [8, 32], chunkTokens: 32 });
  await engine.ready;
  const chunks: number[] = [];
  engine.observe({ step: (_, chunkTokens) => chunks.push(chunkTokens) });
  const tokens = [fakeEndToken, ...Array.from({ length: 99 }, (_, i) => i)];
  await Promise.all(engine.submitAll([0, 1, 2, 3].map(choice => ({ tokens, choice, seed: 1, maxTokens: 4, stopTokens: [] }))).map(answer));
  expect(engine.stats().running).toBe(0);
  // planned chunks of the first, and what others had planned before they found it done
  expect(chunks.reduce((a, b) => a + b, 0)).toBeLessThan(4 * 100 - 150);
  await engine.close();
});

test("tenants do not share what is computed", async () => {
  const engine = createEngine({ model, device, slots: 2, widths: [8, 32] });
  await engine.ready;
  const request = { tokens: [fakeEndToken, ...Buffer.from("a text that is long enough to be worth it")], maxTokens: 3, seed: 1 };
  const cached = async (cacheSalt?: string) => (await answer(engine.submit({ ...request, ...defined({ cacheSalt }) }))).usage.cachedTokens;
  expect(await cached("a")).toBeUndefined();
  expect(await cached("b")).toBeUndefined();
  expect(await cached("a")).toBe(request.tokens.length - 1);
  expect(await cached()).toBeUndefined();
  await engine.close();
});

test("what a cancelled request has computed is not computed again", async () => {
  const engine = createEngine({ model, device, slots: 2, widths: [8, 32] });
  await engine.ready;
  const tokens = [fakeEndToken, ...Array.from({ length: 80 }, (_, i) => i)];
  for await (const event of engine.submit({ tokens, seed: 1, stopTokens: [] })) if (event.kind === "text") break;
  expect(engine.stats().running).toBe(0);
  expect((await answer(engine.submit({ tokens, maxTokens: 2, seed: 1 }))).usage.cachedTokens).toBe(tokens.length - 1);
  await engine.close();
});

test("an answer that is given beforehand is read in a few steps, with the log-probabilities of writing it", async () => {
  const engine = createEngine({ model, device, slots: 2, widths: [8, 32] });
  await engine.ready;
  const request = { tokens: [fakeEndToken, 72, 105], maxTokens: 30, seed: 3, stopTokens: [], likelihoods: 2 };
  const written = await answer(engine.submit(request));
  let steps = 0;
  engine.observe({ step: () => steps++ });
  const read = await answer(engine.submit({ ...request, forced: written.tokens }));
  expect(read.likelihoods).toEqual(written.likelihoods);
  expect(steps).toBeLessThan(8);
  await engine.close();
});

test("a client that leaves frees its slot at once; the others go on", async () => {
  const t = turnstile();
  const { engine } = await scripted({ slots: 2, gate: t.gate });
  const [a, b, c] = [1, 2, 3].map(seed => engine.submit({ tokens: [seed], maxTokens: 5, seed })) as [Generation, Generation, Generation];
  await t.pass(2);
  expect(engine.stats()).toMatchObject({ running: 2, queued: 1 });
  a.cancel();
  expect(engine.stats()).toMatchObject({ running: 1, queued: 1 });
  await expect(answer(a)).rejects.toMatchObject({ code: "serve/cancelled" });
  const [rb, rc] = [answer(b), answer(c)];
  await t.pass(20);
  expect((await rb).usage).toEqual({ promptTokens: 1, completionTokens: 5 });
  expect((await rc).usage).toEqual({ promptTokens: 1, completionTokens: 5 });
  expect(engine.stats()).toMatchObject({ running: 0, queued: 0 });
  await t.pass(1);
  await engine.close();
});

test("leaving the iteration, a signal, and a signal in the queue all cancel", async () => {
  const { engine } = await scripted({ slots: 1 });
  for await (const event of engine.submit({ tokens: [1], seed: 1 })) if (event.kind === "text") break;
  expect(engine.stats().running).toBe(0);
  const stop = new AbortController();
  const running = engine.submit({ tokens: [1], seed: 1, signal: stop.signal });
  const queued = engine.submit({ tokens: [1], seed: 1, signal: stop.signal });
  setImmediate(() => stop.abort());
  await expect(answer(running)).rejects.toMatchObject({ code: "serve/cancelled" });
  await expect(answer(queued)).rejects.toMatchObject({ code: "serve/cancelled" });
  await expect(answer(engine.submit({ tokens: [1], signal: AbortSignal.abort() }))).rejects.toMatchObject({ code: "serve/cancelled" });
  expect(engine.stats()).toMatchObject({ running: 0, queued: 0, requests: 4 });
  await engine.close();
});

test("a full queue refuses with a time to retry, and all or nothing", async () => {
  const t = turnstile();
  const { engine } = await scripted({ slots: 1, gate: t.gate }, { queueSequences: 2 });
  const request = { tokens: [1], maxTokens: 3 };
  engine.submitAll([request, request]);
  expect(() => engine.submitAll([request, request])).toThrow(
    "tiny@1: expected a queue of at most 2 answers and 1024 prompt tokens, got 2 waiting and 2 more. Retry in 2 s.",
  );
  expect(engine.stats().requests).toBe(2);
  engine.submit(request);
  expect(() => engine.submit(request)).toThrow("got 3 waiting and 1 more");
  expect(() => engine.submitAll([{ tokens: new Array(63).fill(1) }])).toThrow("Retry in");
  void t.pass(50);
  await engine.close();
});

test("a prompt that fills the context is answered with one token less than would overflow it", async () => {
  const { engine } = await scripted({ slots: 1, room: 16 });
  const whole = await answer(engine.submit({ tokens: new Array(15).fill(65), seed: 3, stopTokens: [] }));
  expect(whole.usage).toEqual({ promptTokens: 15, completionTokens: 1 });
  expect(whole.finishReason).toBe("length");
  const rest = await answer(engine.submit({ tokens: [65], seed: 3, stopTokens: [] }));
  expect(rest.usage).toEqual({ promptTokens: 1, completionTokens: 15 });
  expect(() => engine.submit({ tokens: new Array(16).fill(65) })).toThrow(
    "This model's maximum context length is 16 tokens. However, you requested 17 tokens (16 in the prompt, at least 1 in the completion). Shorten the prompt.",
  );
  expect(() => engine.submit({ tokens: [65, 66], maxTokens: 15 })).toThrow(
    "17 tokens (2 in the prompt, 15 in the completion). Ask tiny@1 for at most 14, or shorten",
  );
  expect(() => engine.submit({ tokens: [1, 257] })).toThrow(
    "prompt: expected token ids from 0 to 256 (a vocabulary of 257), got 257, which is out of vocabulary.",
  );
  expect(() => engine.submit({ tokens: [] })).toThrow("prompt: expected at least one token, got none.");
  expect(() => engine.submit({ tokens: [1], sampling: { topP: 3 } })).toThrow("sampling.topP");
  expect(await answer(engine.submit({ tokens: [65], maxTokens: 0 }))).toMatchObject({ text: "", finishReason: "length" });
  await engine.close();
});

test("a reader that falls behind pauses alone, goes on where it was, and loses its slot when it stays away", async () => {
  const { engine } = await scripted({ slots: 2, room: 1200 }, { stalledMs: 200 });
  const request: GenerationRequest = { tokens: [1], maxTokens: 1000, seed: 5, stopTokens: [], likelihoods: 0 };
  const whole = await answer(engine.submit(request));
  const slow = engine.submit(request);
  await expect.poll(() => engine.stats().blocked).toBe(1);
  // someone else is served meanwhile
  expect((await answer(engine.submit({ tokens: [2], maxTokens: 50, stopTokens: [], seed: 1 }))).usage.completionTokens).toBe(50);
  expect(engine.stats()).toMatchObject({ running: 1, blocked: 1 });
  expect(await answer(slow)).toEqual(whole);

  const gone = engine.submit(request);
  await expect.poll(() => engine.stats().blocked).toBe(1);
  await expect.poll(() => engine.stats().running).toBe(0);
  await expect(answer(gone)).rejects.toMatchObject({ code: "serve/slowReader" });
  await engine.close();
});

test("logits that break down fail their own answer, and the slot is cleared before its next owner", async () => {
  const nan = new Float32Array(257).fill(Number.NaN);
  const { engine, program } = await scripted({ slots: 2, logits: token => (token === 99 ? nan : undefined) });
  const good = answer(
    engine.submit({ tokens: [1], maxTokens: 30, stopTokens: [], seed: 1, sampling: { logitBias: new Map([[99, -1000]]) } }),
  );
  await expect(answer(engine.submit({ tokens: [5, 99], seed: 2 }))).rejects.toMatchObject({ code: "serve/program", status: 500 });
  expect((await good).usage.completionTokens).toBe(30);
  await expect.poll(() => program.cleared).toEqual([1]);
  await engine.close();
});

test("a failing step ends the answers it was for; three in a row end the engine", async () => {
  let failing = 1;
  const { engine, program } = await scripted({
    slots: 2,
    logits: () => {
      if (failing-- > 0) throw new Error("the device is gone");
      return undefined;
    },
  });
  const seen: string[] = [];
  engine.observe({ finished: outcome => seen.push(outcome) });
  await expect(answer(engine.submit({ tokens: [1] }))).rejects.toMatchObject({ code: "serve/program" });
  expect((await answer(engine.submit({ tokens: [1], maxTokens: 2, stopTokens: [] }))).usage.completionTokens).toBe(2);
  expect(program.cleared.length).toBe(1);
  failing = 3;
  const ends = await Promise.allSettled([1, 2, 3, 4, 5, 6].map(t => answer(engine.submit({ tokens: [t] }))));
  expect(ends.every(e => e.status === "rejected")).toBe(true);
  expect(engine.state).toBe("failed");
  expect(seen).toEqual(["error", "length", ...new Array(6).fill("error")]);
  expect(() => engine.submit({ tokens: [1] })).toThrow("tiny@1: the engine has failed.");
  await engine.close();
});

test("a run that the device fails ends its own answers; the others of the same step say what they would have said", async () => {
  const script: FakeScript = { slots: 3, widths: [4, 16] };
  const calm = await scripted(script);
  const request = (seed: number): GenerationRequest => ({ tokens: [seed], maxTokens: 20, seed, stopTokens: [] });
  const want = await Promise.all([1, 2].map(seed => answer(calm.engine.submit(request(seed)))));
  await calm.engine.close();

  const program = scriptedProgram(script);
  const { prefill } = program;
  let failing = 1;
  const engine = createEngine({
    model,
    device,
    open: async () => ({
      ...program,
      prefill: (...of) => (failing-- > 0 ? Promise.reject(new Error("out of memory")) : prefill(...of)),
    }),
  });
  await engine.ready;
  const others = Promise.all([1, 2].map(seed => answer(engine.submit(request(seed)))));
  const long = { tokens: new Array(9).fill(7), maxTokens: 3, seed: 1, stopTokens: [] };
  await expect(answer(engine.submit(long))).rejects.toMatchObject({ code: "serve/program" });
  expect(await others).toEqual(want);
  expect((await answer(engine.submit(long))).usage.completionTokens).toBe(3);
  expect(engine.state).toBe("ready");
  await engine.close();
});

test("an engine whose program cannot be built says so and takes no work", async () => {
  const engine = createEngine({ model, device, slots: 0 });
  expect(() => engine.submit({ tokens: [1] })).toThrow("the model is still loading");
  await expect(engine.ready).rejects.toThrow("cache.slots: expected a whole number from 1, got 0.");
  expect(engine.state).toBe("failed");
  await engine.close();
});

test("draining finishes what was taken and takes nothing new; closing ends the rest with an error", async () => {
  const { engine } = await scripted({ slots: 1 });
  const [a, b] = [
    engine.submit({ tokens: [1], maxTokens: 8, stopTokens: [] }),
    engine.submit({ tokens: [1], maxTokens: 8, stopTokens: [] }),
  ];
  const drained = engine.drain();
  expect(() => engine.submit({ tokens: [1] })).toThrow("tiny@1: the server is shutting down. Send the request to another one.");
  expect((await answer(a)).usage.completionTokens).toBe(8);
  expect((await answer(b)).usage.completionTokens).toBe(8);
  await drained;
  await engine.close();

  const second = await scripted({ slots: 1 });
  const cut = answer(second.engine.submit({ tokens: [1] }));
  const waiting = answer(second.engine.submit({ tokens: [1] }));
  const ends = Promise.allSettled([cut, waiting]);
  await second.engine.close();
  for (const e of await ends) expect(e).toMatchObject({ status: "rejected", reason: { code: "serve/draining" } });
});

test("observers hear of every answer; the history counts its tokens", async () => {
  const { engine } = await scripted({ slots: 2 });
  let now = 5_000;
  const history = new EngineHistory(engine, { now: () => now, monotonic: () => now });
  const heard = { submitted: 0, started: 0, first: 0, next: 0, finished: 0, decoded: 0, chunks: 0 };
  engine.observe({
    submitted: () => heard.submitted++,
    started: () => heard.started++,
    firstToken: () => heard.first++,
    nextToken: () => heard.next++,
    finished: () => heard.finished++,
    step: (decoded, chunkTokens) => {
      heard.decoded += decoded;
      heard.chunks += chunkTokens;
    },
  });
  await Promise.all([5, 6, 7].map(n => answer(engine.submit({ tokens: new Array(n).fill(1), maxTokens: 4, stopTokens: [], seed: n }))));
  // the last step is told of when all of it is done, which is after its tokens are out
  await expect.poll(() => heard).toEqual({ submitted: 3, started: 3, first: 3, next: 9, finished: 3, decoded: 9, chunks: 18 });
  now = 7_500;
  expect(history.points()).toEqual([
    { t: 5000, running: 0, queued: 0, tokensPerSecond: 12 },
    { t: 6000, running: 0, queued: 0, tokensPerSecond: 0 },
  ]);
  now += 10_000_000;
  expect(history.points().length).toBe(300);
  await engine.close();
});

test("the byte tokenizer's stream joined is its decode", () => {
  const ids = Array.from(byteTokenizer.encode("héllo — 😀 end"));
  const stream = byteTokenizer.stream();
  expect(ids.map(i => stream.push(i)).join("") + stream.end()).toBe(byteTokenizer.decode(ids));
});
