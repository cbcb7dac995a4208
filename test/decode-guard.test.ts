/** Answers that are decoded under a blocklist, judged by the gateway's own guard `blocklist`. */
import { afterAll, expect, test } from "vitest";
import { isLoamError } from "../src/base/index.ts";
import { listFilter } from "../src/gateway/guards/blocklist/filter.ts";
import { decoderSpec, initialise } from "../src/nn/index.ts";
import { createEngine, type Engine } from "../src/serve/engine.ts";
import { byteTokenizer, fakeEndToken, scriptedProgram, tinyConfig, tinyModel } from "../src/serve/fakes.ts";
import { formStart } from "../src/serve/forms.ts";
import type { GenerationRequest } from "../src/serve/generation.ts";
import type { ServedTokenizer } from "../src/serve/served-model.ts";
import { openDevice } from "../src/tensor/index.ts";
import { type Blocklist, readBlocklist } from "../src/text/index.ts";
import { rounds } from "./support/deep.ts";

const device = openDevice("cpu", { threads: 1 });
const engines: Engine[] = [];
afterAll(() => Promise.all(engines.map(e => e.close())));

const listOf = (words: readonly string[], patterns: readonly string[] = [], wholeWords = true): Promise<Blocklist> =>
  readBlocklist({ words, files: [], patterns, wholeWords }, ".", "list", place => new Error(place));

const isBlocked = ({ finders }: Blocklist, text: string): boolean => {
  const filter = listFilter({ finders, action: "block", mask: "#", form: "text" });
  const pushed = filter.push(text);
  const ended = filter.end();
  if (pushed instanceof Promise || ended instanceof Promise) throw new TypeError("a list judges at once");
  return pushed.isBlocked === true || ended.isBlocked === true;
};

const utf8 = (text: string) => new TextEncoder().encode(text);
/** Parts of blocked words and of their disguises, single bytes and parts of characters, and what they are followed by. */
const fragments: readonly Uint8Array[] = [
  ..."bombcat nighfl.-*0@,4!%:\n",
  ..." bo,mb,bomb,BOMB,ｂｏ,ｍｂ,b0,b.,o.,m., b, o, m,Ym9t,Yg==,626f,6d62,%62,ombs,shell,pro,ject , nightfall,night,fall".split(","),
  ..."ca,ts,c4t,c*t,о,\u200b,\u0301,concat,  ,the, dog,b - o - m - b,𝓫𝓸𝓶𝓫,booo,oomb".split(","),
].map(utf8);
const bytes = [...fragments, ...[0xf0, 0x9f, 0x98, 0x80, 0xef, 0xbd, 0x82, 0xc3, 0xff].map(b => Uint8Array.of(b))];
const endToken = bytes.length;
const tokenizer: ServedTokenizer = {
  ...byteTokenizer,
  vocabSize: bytes.length + 1,
  specials: new Map([["<|end|>", endToken]]),
  bytesOf: id => bytes[id],
  decode: ids => Buffer.concat(Array.from(ids, id => bytes[id] ?? new Uint8Array())).toString("utf8"),
  stream: () => {
    const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
    return { push: id => decoder.decode(bytes[id] ?? new Uint8Array(), { stream: true }), end: () => decoder.decode() };
  },
};

async function engineOf(blocklist: Blocklist | undefined, logits = () => new Float32Array(tokenizer.vocabSize)): Promise<Engine> {
  const program = scriptedProgram({ slots: 32, room: 64, logits });
  const model = await tinyModel(device, { tokenizer, startToken: endToken, stopTokens: [endToken] });
  const engine = createEngine({ model, device, open: async () => program, queueSequences: 20_000, ...(blocklist ? { blocklist } : {}) });
  engines.push(engine);
  await engine.ready;
  return engine;
}

async function say(engine: Engine, request: GenerationRequest) {
  let text = "";
  const tokens: number[] = [];
  for await (const event of engine.submit(request)) {
    text += event.text;
    tokens.push(...event.tokens.map(t => t.token));
    if (event.kind === "end") return { text, tokens, finishReason: event.finishReason };
  }
  throw new Error("no end");
}

const words = ["bomb", "project nightfall", "cat"];
const promptsOf = (i: number): number[] => [endToken, ...(i % 3 === 0 ? [i % fragments.length] : [])];
const requestOf = (i: number): GenerationRequest => ({
  tokens: promptsOf(i),
  maxTokens: 4 + (i % 11),
  seed: i,
  ...(i % 5 === 0 ? { stop: ["shell", "s"] } : {}),
  ...(i % 7 === 0 ? { sampling: { topK: 9, temperature: 1.5 } } : {}),
});

test("of 10,000 sampled responses the gateway blocks none; those without a finding are the same to the byte as without the guard", async () => {
  const list = await listOf(words, ["d\\wg"]);
  const [free, guarded] = [await engineOf(undefined), await engineOf(list)];
  let [blockedWithout, same] = [0, 0];
  const count = rounds(10_000, 2_000);
  for (let from = 0; from < count; from += 500) {
    const all = Array.from({ length: 500 }, (_, k) => requestOf(from + k));
    const [before, after] = await Promise.all([Promise.all(all.map(r => say(free, r))), Promise.all(all.map(r => say(guarded, r)))]);
    for (const [k, one] of after.entries()) {
      expect(isBlocked(list, one.text), `${from + k}: ${JSON.stringify(one.text)}`).toBe(false);
      const other = before[k]!;
      if (isBlocked(list, other.text)) blockedWithout++;
      const ends = other.tokens.map((_, n) => tokenizer.decode(other.tokens.slice(0, n + 1)));
      const prompt = tokenizer.decode(all[k]!.tokens);
      const isClean = all[k]!.stop === undefined && ![...ends, ...ends.map(e => prompt + e)].some(e => isBlocked(list, e));
      if (!isClean) continue;
      same++;
      expect(one).toEqual(other);
    }
  }
  expect(blockedWithout).toBeGreaterThan(count / 10);
  expect(same).toBeGreaterThan(count / 10);
});

test("where only a blocked phrase is likely, the response goes on with something else, or ends", async () => {
  const bomb = fragments.findIndex(f => Buffer.from(f).toString() === "bomb");
  const logits = () => {
    const row = new Float32Array(tokenizer.vocabSize);
    row[bomb] = 50;
    row[endToken] = 20;
    return row;
  };
  const engine = await engineOf(await listOf(words), logits);
  expect(await say(engine, { tokens: [endToken], maxTokens: 9, seed: 1 })).toMatchObject({ text: "", finishReason: "stop" });
  const free = await engineOf(undefined, logits);
  expect((await say(free, { tokens: [endToken], maxTokens: 3, seed: 1 })).text).toBe("bombbombbomb");
});

test("a list that refuses every character leaves the end", async () => {
  const engine = await engineOf(await listOf(["x"], [".", "\\n"]));
  for (let seed = 0; seed < 20; seed++) {
    const { text } = await say(engine, { tokens: [endToken], maxTokens: 9, seed });
    // what shows nothing is no character for a list
    expect(text.replace(/\u200b|\u0301/g, "")).toBe("");
  }
});

const model = await tinyModel(device);
const smallConfig = { ...tinyConfig, width: 16, hidden: 32, layers: 1, headSize: 8 };
const draft = await tinyModel(device, {
  id: "draft@1",
  config: smallConfig,
  parameters: await initialise(decoderSpec(smallConfig), device, "draft"),
});
const pairs = ["[a-m][n-z]", "[0-9]{2}", "[^ -~][^ -~]"];

test.each(["plain", "drafted", "beams", "log-probabilities", "form"])("no response has what is blocked: %s", async kind => {
  const list = await listOf(["zz"], pairs, false);
  const engine = createEngine({
    model,
    device,
    room: 96,
    slots: 4,
    blocklist: list,
    ...(kind === "drafted" ? { draft: { model: draft, tokens: 3 }, greedyRounds: 4 } : {}),
  });
  engines.push(engine);
  await engine.ready;
  const form = formStart(byteTokenizer, { kind: "regex", pattern: "[a-z]{8,20}[0-9]{1,4}" }, "guided_regex");
  const texts = await Promise.all(
    Array.from({ length: 12 }, (_, i) =>
      say(engine, {
        tokens: [fakeEndToken, 97 + i],
        maxTokens: 24,
        seed: i,
        ...(i % 3 === 0 ? { sampling: { temperature: 0 } } : {}),
        ...(kind === "beams" ? { beams: { width: 3 } } : {}),
        ...(kind === "log-probabilities" ? { likelihoods: 3 } : {}),
        ...(kind === "form" ? { form } : {}),
      }),
    ),
  );
  for (const { text, finishReason } of texts) {
    expect(isBlocked(list, text), JSON.stringify(text)).toBe(false);
    if (kind === "form" && finishReason === "stop") expect(text).toMatch(/^[a-z]{8,20}[0-9]$/);
  }
  expect(texts.filter(t => t.text.length > 3).length).toBeGreaterThan(6);
});

test("a form that asks for nothing but a blocked phrase fails its own response and says so", async () => {
  const engine = createEngine({ model, device, room: 96, slots: 4, blocklist: await listOf(["bomb"]) });
  engines.push(engine);
  await engine.ready;
  const form = formStart(byteTokenizer, { kind: "choice", choices: ["bomb"] }, "guided_choice");
  const failed = await say(engine, { tokens: [fakeEndToken], form, seed: 1 }).catch((e: unknown) => e);
  expect(isLoamError(failed) && [failed.code, failed.problem.message]).toEqual([
    "serve/unsupported",
    expect.stringContaining("blocked phrase"),
  ]);
  expect((await say(engine, { tokens: [fakeEndToken], seed: 1, maxTokens: 4 })).text.length).toBeGreaterThan(0);
});
