import { expect, test } from "vitest";
import type { FormState } from "../nn/index.ts";
import { openDevice } from "../tensor/index.ts";
import { createEngine, type Engine } from "./engine.ts";
import { byteTokenizer, fakeEndToken, tinyModel } from "./fakes.ts";
import { forcedTokens } from "./forced-tokens.ts";
import { formStart } from "./forms.ts";
import type { GenerationRequest } from "./generation.ts";
import type { ServedTokenizer } from "./served-model.ts";

/** Bytes, and some pieces in place of bytes that no test says; a text is written with the longest piece that fits. */
const pieces = new Map(['{"', '":"', '","', "na", "name", "ty", "type", '"}', "é"].map((text, i) => [128 + i, Buffer.from(text)]));
const wordTokenizer: ServedTokenizer = {
  ...byteTokenizer,
  bytesOf: id => pieces.get(id) ?? byteTokenizer.bytesOf?.(id),
  encode: text => {
    const bytes = Buffer.from(text);
    const ids: number[] = [];
    for (let at = 0; at < bytes.length; ) {
      const fits = [...pieces].filter(([, p]) => bytes.subarray(at, at + p.length).equals(p)).sort((a, b) => b[1].length - a[1].length)[0];
      ids.push(fits ? fits[0] : bytes[at]!);
      at += fits ? fits[1].length : 1;
    }
    return ids;
  },
  decode: ids => Buffer.concat(Array.from(ids).map(id => pieces.get(id) ?? (id < 256 ? Buffer.of(id) : Buffer.of()))).toString("utf8"),
};
const idOf = (text: string): number => [...pieces].find(([, p]) => p.toString() === text)![0];
const schema = {
  type: "object",
  properties: { name: { type: "string", maxLength: 3 }, type: { enum: ["x", "yy"] } },
  required: ["name", "type"],
  additionalProperties: false,
};
const form = formStart(wordTokenizer, { kind: "schema", schema }, "response_format");
const after = (text: string): FormState => [...Buffer.from(text)].reduce<FormState>((s, b) => s.next(b)!, form);

test("text without a choice is said in the tokenizer's tokens; the last of them is left open, except at the end", () => {
  expect(forcedTokens(wordTokenizer, form)).toEqual([idOf('{"'), idOf("name")]);
  expect(forcedTokens(wordTokenizer, after('{"name":"ab"'))).toEqual([44, 34, idOf("type")]);
  // one or two characters may come: the model decides
  expect(forcedTokens(wordTokenizer, after('{"name":"ab'))).toEqual([]);
  expect(forcedTokens(wordTokenizer, after('{"name":"abc","type":"'))).toEqual([]);
  const closed = formStart(wordTokenizer, { kind: "regex", pattern: "(a|b)name" }, "guided_regex");
  expect(forcedTokens(wordTokenizer, closed.next(97)!)).toEqual([]);
  const longer = formStart(wordTokenizer, { kind: "regex", pattern: "(a|b)namename" }, "guided_regex");
  expect(forcedTokens(wordTokenizer, longer.next(97)!)).toEqual([idOf("name"), idOf("name")]);
});

test("text that may end, and characters that are cut, are left to the model", () => {
  const open = formStart(wordTokenizer, { kind: "regex", pattern: "name(name)?" }, "guided_regex");
  expect(forcedTokens(wordTokenizer, open)).toEqual([]);
  // é or ê: only its first byte is certain
  const cut = formStart(wordTokenizer, { kind: "regex", pattern: "nanatyna(é|ê)" }, "guided_regex");
  expect(forcedTokens(wordTokenizer, cut)).toEqual([idOf("na"), idOf("na"), idOf("ty")]);
});

test("a tokenizer that writes a text otherwise than it says is followed as far as it spells it", () => {
  const spaced: ServedTokenizer = { ...wordTokenizer, encode: (text, o) => [32, ...Array.from(wordTokenizer.encode(text, o))] };
  expect(forcedTokens(spaced, form)).toEqual([]);
});

const device = openDevice("cpu", { threads: 1 });
const model = await tinyModel(device, { tokenizer: wordTokenizer });
async function tokensOf(engine: Engine, request: GenerationRequest) {
  const tokens: number[] = [];
  for await (const event of engine.submit(request)) {
    tokens.push(...event.tokens.map(t => t.token));
    if (event.kind === "end") return { tokens, finishReason: event.finishReason };
  }
  throw new Error("no end");
}
/** The same form, which does not tell what is certain. */
const silent = (state: FormState): FormState => ({
  mask: state.mask,
  isAccepting: state.isAccepting,
  isComplete: state.isComplete,
  next: token => {
    const next = state.next(token);
    return next && silent(next);
  },
});

test("a form's certain tokens cost no steps of their own, and are the same with log-probabilities, in company, and drafted", async () => {
  const requests: GenerationRequest[] = Array.from({ length: 12 }, (_, seed) => ({
    tokens: [fakeEndToken, 65 + seed],
    maxTokens: seed === 5 ? 2 : 60,
    seed,
    form,
    sampling: { temperature: seed % 2 },
  }));
  const engine = createEngine({ model, device, slots: 4, widths: [8, 32] });
  await engine.ready;
  let rows = 0;
  engine.observe({
    step: decoded => {
      rows += decoded;
    },
  });
  const alone = [];
  for (const q of requests) alone.push(await tokensOf(engine, q));
  await new Promise(resolve => setImmediate(resolve));
  const jumped = rows;
  rows = 0;
  for (const [i, { tokens, finishReason }] of alone.entries()) {
    expect(tokens.slice(0, 2)).toEqual([idOf('{"'), idOf("name")]);
    if (i === 5) expect([finishReason, tokens.length]).toEqual(["length", 2]);
    else expect(Object.keys(JSON.parse(wordTokenizer.decode(tokens)) as object)).toEqual(["name", "type"]);
  }
  const bare = (list: readonly { tokens: readonly number[] }[]) => list.map(a => a.tokens);
  expect(bare(await Promise.all(requests.map(q => tokensOf(engine, q))))).toEqual(bare(alone));
  expect(bare(await Promise.all(requests.map(q => tokensOf(engine, { ...q, likelihoods: 0 }))))).toEqual(bare(alone));
  await new Promise(resolve => setImmediate(resolve));
  rows = 0;
  for (const q of requests) await tokensOf(engine, { ...q, form: silent(form) });
  await new Promise(resolve => setImmediate(resolve));
  expect(jumped).toBeLessThan(rows * 0.8);
  await engine.close();

  const drafted = createEngine({ model, device, slots: 4, widths: [8, 32], draft: { model, tokens: 3 } });
  await drafted.ready;
  const greedy = requests.filter(q => q.sampling!.temperature === 0);
  for (const q of greedy) expect((await tokensOf(drafted, q)).tokens).toEqual(alone[q.seed as number]!.tokens);
  await drafted.close();
});
