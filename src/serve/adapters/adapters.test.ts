import { expect, test } from "vitest";
import { mergeAdapter } from "../../nn/index.ts";
import { openDevice } from "../../tensor/index.ts";
import { createEngine, type Engine, type EngineOptions, type Generation } from "../engine.ts";
import { Engines } from "../engines.ts";
import { fakeEndToken, scriptedProgram, tinyModel } from "../fakes.ts";
import type { GenerationRequest } from "../generation.ts";
import { randomAdapter } from "./random-adapter.laws.ts";

const device = openDevice("cpu", { threads: 1 });
const model = await tinyModel(device);
const room = { count: 2, rank: 8 } as const;

async function adapting(options: Partial<EngineOptions> = {}): Promise<Engine> {
  const engine = createEngine({ model, device, slots: 4, widths: [8, 32], adapters: room, ...options });
  await engine.ready;
  return engine;
}
async function answer(generation: Generation) {
  const tokens: number[] = [];
  for await (const event of generation) {
    tokens.push(...event.tokens.map(t => t.token));
    if (event.kind === "end") return { tokens, cached: event.usage.cachedTokens ?? 0 };
  }
  throw new Error("no end");
}
const ask = (text: string, more: Partial<GenerationRequest> = {}): GenerationRequest => ({
  tokens: [fakeEndToken, ...Buffer.from(text)],
  maxTokens: 12,
  sampling: { temperature: 0 },
  stopTokens: [],
  ...more,
});
const tokensOf = async (generation: Generation) => (await answer(generation)).tokens;

test("a request with an adapter is answered as the merged model answers it, and one without as the model", async () => {
  const engine = await adapting();
  const adapter = randomAdapter("a");
  await engine.addAdapter("a", adapter);
  const merged = createEngine({ model: { ...model, parameters: await mergeAdapter(model.parameters, adapter, device) }, device });
  const plain = createEngine({ model, device });
  await Promise.all([merged.ready, plain.ready]);
  const adapted = await tokensOf(engine.submit(ask("What is", { adapter: "a" })));
  expect(adapted).toEqual(await tokensOf(merged.submit(ask("What is"))));
  expect(await tokensOf(engine.submit(ask("What is")))).toEqual(await tokensOf(plain.submit(ask("What is"))));
  expect(adapted).not.toEqual(await tokensOf(plain.submit(ask("What is"))));
  await Promise.all([engine.close(), merged.close(), plain.close()]);
});

test("rows with different adapters and without one say in one batch what each says alone: sampled, scored, by beams, on known prefixes", async () => {
  const engine = await adapting({ chunkTokens: 32 });
  await engine.addAdapter("a", randomAdapter("a"));
  await engine.addAdapter("b", randomAdapter("b", 7));
  const long = "A long beginning that several requests have in common, so that it is known. ";
  const requests = [undefined, "a", "b"].flatMap(adapter => [
    ask("Hello", { ...(adapter ? { adapter } : {}), sampling: { temperature: 1.2 }, seed: 3 }),
    ask(`${long}And then`, adapter ? { adapter } : {}),
    ask(`${long}Or else`, adapter ? { adapter } : {}),
    ask("Beams", { ...(adapter ? { adapter } : {}), beams: { width: 2 } }),
    ask("Given", { ...(adapter ? { adapter } : {}), forced: [...Buffer.from("answer")], maxTokens: 6, likelihoods: 2 }),
  ]);
  const lone = await adapting({ prefixCache: false, lookup: false });
  // in the other order, so in other places
  await lone.addAdapter("b", randomAdapter("b", 7));
  await lone.addAdapter("a", randomAdapter("a"));
  const alone: number[][] = [];
  for (const r of requests) alone.push(await tokensOf(lone.submit(r)));
  const together = await Promise.all(requests.map((_, i) => tokensOf(engine.submit(requests[(i * 7) % requests.length]!))));
  expect(together).toEqual(requests.map((_, i) => alone[(i * 7) % requests.length]));
  expect(new Set(alone.map(t => t.join())).size).toBeGreaterThan(10);
  await Promise.all([engine.close(), lone.close()]);
});

test("a beginning that is known with one adapter is nobody's with another, but is there for the same numbers under another name", async () => {
  const engine = await adapting();
  await engine.addAdapter("a", randomAdapter("a"));
  await engine.addAdapter("b", randomAdapter("b"));
  const text = "The same beginning of forty characters....";
  const cached = async (adapter?: string) => (await answer(engine.submit(ask(text, adapter ? { adapter } : {})))).cached;
  expect([await cached("a"), await cached("b"), await cached(), await cached("a")]).toEqual([0, 0, 0, text.length]);
  await engine.removeAdapter("a");
  await engine.addAdapter("again", randomAdapter("a"));
  expect(await cached("again")).toBe(text.length);
  await engine.close();
});

test("a cache_salt that ends in an adapter's digest is not given the adapter's keys and values", async () => {
  const engine = await adapting();
  const adapter = randomAdapter("a");
  await engine.addAdapter("a", adapter);
  const text = "The same beginning of forty characters....";
  const own = await answer(engine.submit(ask(text)));
  await answer(engine.submit(ask(text, { adapter: "a" })));
  for (const cacheSalt of [`\0${adapter.digest}`, `${adapter.digest}\0`, adapter.digest])
    expect(await answer(engine.submit(ask(text, { cacheSalt })))).toEqual(own);
  await engine.close();
});

test("an adapter that is removed is nobody's at once, and its place is free when the answers under way are over", async () => {
  const engine = await adapting({ adapters: { count: 1, rank: 8 } });
  await engine.addAdapter("a", randomAdapter("a"));
  const want = await tokensOf(engine.submit(ask("Long", { adapter: "a", maxTokens: 60 })));
  const running = answer(engine.submit(ask("Long", { adapter: "a", maxTokens: 60 })));
  let isGone = false;
  const gone = engine.removeAdapter("a").then(() => {
    isGone = true;
  });
  expect(() => engine.submit(ask("New", { adapter: "a" }))).toThrow("an adapter of tiny@1: it has none");
  await expect(engine.addAdapter("b", randomAdapter("b"))).rejects.toThrow("at most 1 adapters");
  // others are served meanwhile
  await tokensOf(engine.submit(ask("Other", { maxTokens: 3 })));
  expect(isGone).toBe(false);
  expect((await running).tokens).toEqual(want);
  await gone;
  await engine.addAdapter("b", randomAdapter("b"));
  expect(await tokensOf(engine.submit(ask("Long", { adapter: "b" })))).not.toEqual(want.slice(0, 12));
  await engine.close();
});

test("a request may name an adapter before it is written, and waits for nothing but the write", async () => {
  const engine = await adapting();
  const added = engine.addAdapter("a", randomAdapter("a"));
  const early = tokensOf(engine.submit(ask("Early", { adapter: "a" })));
  await added;
  expect(await early).toEqual(await tokensOf(engine.submit(ask("Early", { adapter: "a" }))));
  await engine.close();
});

test("what there is no room for, or what has a name that is taken, is refused; the engine goes on", async () => {
  const engine = await adapting();
  await engine.addAdapter("a", randomAdapter("a"));
  const refused = (name: string, rank = 4) => expect(engine.addAdapter(name, randomAdapter(name, rank))).rejects;
  await refused("a").toThrow("a: expected a name that is free, got one that an adapter has.");
  await refused("great", 9).toThrow("great: expected a rank of at most 8, got 9.");
  await engine.addAdapter("b", randomAdapter("b"));
  await refused("c").toThrow("c: expected at most 2 adapters, got one more beside a, b.");
  const without = createEngine({ model, device });
  await without.ready;
  await expect(without.addAdapter("a", randomAdapter("a"))).rejects.toThrow("a model with room for adapters");
  expect(without.adapterRoom).toEqual({ count: 0, rank: 0 });
  await expect(engine.removeAdapter("x")).rejects.toMatchObject({ code: "serve/unknownModel" });
  await Promise.all([engine.close(), without.close()]);
});

test("an adapter that the device does not take is not there, and one under way when the engine closes is refused", async () => {
  let isBroken = true;
  const adapters = {
    ...room,
    write: async () => {
      if (isBroken) throw new Error("no memory");
    },
  };
  const engine = await adapting({ open: async () => ({ ...scriptedProgram({ slots: 2 }), adapters }) });
  await expect(engine.addAdapter("a", randomAdapter("a"))).rejects.toThrow("no memory");
  expect(engine.adapters).toEqual([]);
  isBroken = false;
  await engine.addAdapter("a", randomAdapter("a"));
  expect(engine.adapters.map(a => [a.name, a.place])).toEqual([["a", 1]]);
  const closing = engine.close();
  await expect(engine.addAdapter("b", randomAdapter("b"))).rejects.toMatchObject({ code: "serve/draining" });
  await closing;
});

test("a server finds an adapter by its name as a model with a fingerprint of its own, which follows its numbers and nothing else", async () => {
  const engines = new Engines([await adapting()]);
  const [base] = engines.all() as [Engine];
  await engines.adapters.add(base, "org/a", randomAdapter("a"));
  await engines.adapters.add(base, "b", randomAdapter("b"));
  const [a, b] = [engines.find("org/a"), engines.find("b")];
  expect([a.model.id, a.model.parent, a.room]).toEqual(["org/a", "tiny@1", base.room]);
  expect(new Set([a.fingerprint, b.fingerprint, base.fingerprint]).size).toBe(3);
  expect(await tokensOf(a.submit(ask("Who")))).toEqual(await tokensOf(base.submit(ask("Who", { adapter: "org/a" }))));
  const before = a.fingerprint;
  await engines.adapters.remove("org/a");
  expect(() => engines.find("org/a")).toThrow(/expected one of tiny@1, tiny, b/);
  await engines.adapters.add(base, "renamed", randomAdapter("a"));
  expect(engines.find("renamed").fingerprint).toBe(before);
  for (const name of ["tiny", "b", "a@1", "a:b", "../a", "", "x".repeat(129)])
    await expect(engines.adapters.add(base, name, randomAdapter("c")), name).rejects.toMatchObject({ code: "serve/adapter" });
  await engines.close();
});
