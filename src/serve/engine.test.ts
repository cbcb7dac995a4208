import { expect, test } from "vitest";
import { random } from "../base/index.ts";
import { openDevice } from "../tensor/index.ts";
import { createEngine, type Engine, type EngineOptions, type Generation } from "./engine.ts";
import { EngineHistory } from "./engine-history.ts";
import { byteTokenizer, endToken, type Script, type ScriptedProgram, scriptedProgram, tinyModel } from "./fakes.ts";
import type { GenerationRequest } from "./sequence.ts";

const device = openDevice("cpu", { threads: 1 });
const model = await tinyModel(device);

/** An engine over a scripted program. */
async function scripted(script: Script, options: Partial<EngineOptions> = {}): Promise<{ engine: Engine; program: ScriptedProgram }> {
  const program = scriptedProgram(script);
  const engine = createEngine({ model, device, open: async () => program, ...options });
  await engine.ready;
  return { engine, program };
}
async function answer(generation: Generation) {
  let text = "";
  const tokens: number[] = [];
  for await (const event of generation) {
    text += event.text;
    tokens.push(...event.tokens.map(t => t.token));
    if (event.kind === "end") return { text, tokens, finishReason: event.finishReason, usage: event.usage };
  }
  throw new Error("no end");
}
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
    tokens: [endToken, ...words()],
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
  const alone = [];
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
  for (const [place, i] of order.entries()) expect(together[place]).toEqual(alone[i]);
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
    "expected at most 16 tokens (the context of tiny@1), got 17: 16 in the prompt, at least 1 in the answer. Shorten the prompt.",
  );
  expect(() => engine.submit({ tokens: [65, 66], maxTokens: 15 })).toThrow(
    "got 17: 2 in the prompt, 15 in the answer. Ask for at most 14, or shorten",
  );
  expect(() => engine.submit({ tokens: [1, 257] })).toThrow("prompt: expected token ids from 0 to 256, got 257.");
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
  expect(heard).toEqual({ submitted: 3, started: 3, first: 3, next: 9, finished: 3, decoded: 9, chunks: 18 });
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
