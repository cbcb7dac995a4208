/** Paraphrases of a task's items: own ones and a model's, asked of an HTTP server that speaks the chat contract. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, expect, onTestFinished, test } from "vitest";
import { evaluateTask } from "../evaluate-task.ts";
import { endpointModel } from "../models/endpoint.ts";
import { keptAnswers, rememberedAnswers } from "../models/kept-answers.ts";
import type { EvaluatedModel } from "../models/model.ts";
import { pairItems } from "../results/compare.ts";
import { taskQuestions } from "../tasks/ask.ts";
import { readTask } from "../tasks/read-task.ts";
import { faultsOf, paraphrasesOf, wordingChange } from "./paraphrases.ts";
import { wordingFault } from "./wording-fault.ts";

const folder = mkdtempSync(join(tmpdir(), "loam-paraphrase-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const places = ["river", "market", "station", "garden", "harbour", "library"];
const rows = Array.from({ length: 24 }, (_, i) => ({
  n: i,
  question: `How many people walked to the ${places[i % 6]} on day ${i + 100}?`,
  note: `Not asked ${i}.`,
  again: i % 2 ? [`On day ${i + 100}, what number of persons went by foot to the ${places[i % 6]}?`] : [],
  answer: `about forty ${places[(i + 1) % 6]}s`,
}));
writeFileSync(join(folder, "items.jsonl"), rows.map(r => `${JSON.stringify(r)}\n`).join(""));
const base =
  'task: walks\ndata: { test: items.jsonl }\nid: n\nprompt: "Question: {{question}}\\nAnswer:"\noutput: generate_until\ntarget: answer\n';
let files = 0;
function read(yaml: string) {
  const path = join(folder, `t${files++}.yaml`);
  writeFileSync(path, yaml);
  return readTask(path);
}

/** What a server says to a request that it does not take. */
interface Refused {
  readonly status: number;
  readonly body: object;
}

/** An endpoint that rewrites what stands behind the instruction, or refuses; it keeps the bodies that it was sent. */
async function rewriter(rewrite: (text: string) => string | Refused) {
  const bodies: { messages: { content: string }[]; temperature: number; seed: number; max_tokens: number }[] = [];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const piece of request) body += String(piece);
    const sent = JSON.parse(body) as (typeof bodies)[number];
    bodies.push(sent);
    const content = rewrite(sent.messages.at(-1)!.content.split("\n\n").at(-1)!);
    response.setHeader("content-type", "application/json");
    if (typeof content !== "string") return response.writeHead(content.status).end(JSON.stringify(content.body));
    return response.end(
      JSON.stringify({ choices: [{ message: { role: "assistant", content } }], usage: { completion_tokens: content.length } }),
    );
  });
  await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  return { bodies, writer: endpointModel({ url, model: "writer", retryMs: 1 }) };
}
/** `How many people walked to the X on day N?` in other words. */
const inOtherWords = (text: string) =>
  text.replace("How many people walked", "What number of people went on foot").replace(" on day", ", day");

test("a model writes every item anew at temperature 0, once: a second run asks nobody, and gives the same", async () => {
  const loaded = await read(base);
  const { bodies, writer } = await rewriter(inOtherWords);
  const kept = join(folder, "answers");
  const first = await paraphrasesOf({ loaded, writer, answers: keptAnswers(kept, writer) });
  expect(first.field).toBe("question");
  expect(first.wordings.map(w => w.after)).toEqual(rows.map(r => inOtherWords(r.question)));
  expect(bodies).toHaveLength(24);
  expect(bodies.every(b => b.temperature === 0 && b.seed === 1)).toBe(true);
  const again = await paraphrasesOf({ loaded, writer, answers: keptAnswers(kept, writer) });
  expect([bodies.length, again.known, again.digest]).toEqual([24, 24, first.digest]);
});

test("what does not pass is left out and counted by what is wrong with it; the others are asked, and pair with the items as they are", async () => {
  const loaded = await read(`${base}paraphrases: { maxTokens: 200 }\n`);
  const spoilt = (text: string): string => {
    const n = Number(/day (\d+)/.exec(text)![1]) - 100;
    const place = places[(n + 1) % 6];
    return (
      [
        "",
        text.toUpperCase(),
        inOtherWords(text).replace(/\d+/, "a certain one"),
        `${inOtherWords(text)} Or 7?`,
        inOtherWords(text).replace("?", `, about forty ${place}s?`),
        `Sure! ${text}`,
        `${text} ${"and so on ".repeat(30)}`,
      ][n % 12] ?? inOtherWords(text)
    );
  };
  const { writer } = await rewriter(spoilt);
  const made = await paraphrasesOf({ loaded, writer, answers: rememberedAnswers() });
  expect(Object.fromEntries(faultsOf(made.wordings))).toEqual({
    empty: 2,
    same: 2,
    "fact-lost": 2,
    "fact-new": 2,
    "answer-new": 2,
    "too-like": 2,
    cut: 2,
  });
  const prompts: string[] = [];
  const model: EvaluatedModel = {
    id: "spy",
    fingerprint: "spy",
    generate: async (requests, each) => {
      for (const [i, r] of requests.entries()) {
        prompts.push(r.prompt);
        each(i, { texts: ["x"], tokens: 1, ms: 1 });
      }
    },
  };
  const asItIs = await evaluateTask({ loaded, model, answers: rememberedAnswers() });
  prompts.length = 0;
  const varied = await evaluateTask({ loaded, model, answers: rememberedAnswers(), change: wordingChange(made) });
  const taken = made.wordings.filter(w => w.fault === undefined);
  expect(prompts).toEqual(taken.map(w => `Question: ${w.after}\nAnswer:`));
  const paired = pairItems(varied.items, asItIs.items, "walks");
  expect([paired.first.length, paired.onlyFirst, paired.onlySecond]).toEqual([10, 0, 14]);
  expect(paired.first.map(i => i.place)).toEqual(paired.second.map(i => i.place));
});

/** How servers say that a request is longer than their context. */
const tooLong: readonly Refused[] = [
  { status: 400, body: { error: { message: "Too long.", type: "invalid_request_error", param: null, code: "context_length_exceeded" } } },
  {
    status: 400,
    body: {
      error: {
        message: "'max_tokens' is too large: 512. This model's maximum context length is 600 tokens and your request has 300 input tokens.",
        type: "BadRequestError",
        code: 400,
      },
    },
  },
  { status: 400, body: { error: { message: "request (900 tokens) does not fit", type: "exceed_context_size_error", code: 400 } } },
  { status: 500, body: { error: { message: "Context size has been exceeded.", type: "server_error", code: 500 } } },
  { status: 422, body: { error: "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 512.", error_type: "validation" } },
  { status: 413, body: { type: "error", error: { type: "request_too_large", message: "Request exceeds the maximum size" } } },
];

test.each(tooLong)("a text that the writer has no room for is left out by name, the others are asked: $status $body", async refusal => {
  const loaded = await read(base);
  const isLong = (text: string) => / (?:garden|harbour) /.test(text);
  const { bodies, writer } = await rewriter(text => (isLong(text) ? refusal : inOtherWords(text)));
  const kept = join(folder, `long${files}`);
  const made = await paraphrasesOf({ loaded, writer, answers: keptAnswers(kept, writer) });
  const left = made.wordings.filter(w => w.fault !== undefined);
  expect(left.map(w => [w.item.id, w.fault, w.after])).toEqual(rows.filter(r => isLong(r.question)).map(r => [String(r.n), "long", ""]));
  expect(made.wordings.filter(w => w.fault === undefined).map(w => w.after)).toEqual(
    rows.filter(r => !isLong(r.question)).map(r => inOtherWords(r.question)),
  );
  // each was asked once, without trying again
  expect(bodies).toHaveLength(24);
  // a writer with more room is asked for those alone
  const more = await rewriter(inOtherWords);
  const now = await paraphrasesOf({ loaded, writer: more.writer, answers: keptAnswers(kept, writer) });
  expect([more.bodies.length, faultsOf(now.wordings).size]).toEqual([8, 0]);
});

test("another refusal is an error of the whole, and so is a text too long where nobody asked to leave it out", async () => {
  const loaded = await read(base);
  const wrong = await rewriter(() => ({ status: 400, body: { error: { message: "max_tokens must be positive", code: "invalid_value" } } }));
  await expect(paraphrasesOf({ loaded, writer: wrong.writer, answers: rememberedAnswers() })).rejects.toMatchObject({
    code: "evaluate/endpoint",
  });
  const full = await rewriter(() => tooLong[0]!);
  await expect(paraphrasesOf({ loaded, writer: full.writer, answers: rememberedAnswers() })).rejects.toThrow(
    /got none of 24: longer than the writer reads 24.*paraphrases\.maxTokens/,
  );
  const asking = await read(`${base}chat: true\n`);
  await expect(evaluateTask({ loaded: asking, model: full.writer, answers: rememberedAnswers() })).rejects.toThrow(
    /walks: items\.jsonl:\d+: expected a text that the model has room for, with the answer to it, got 400 Too long\./,
  );
});

test("wordings that come with the items are taken, the first that passes; a model writes those that are missing, and nobody is asked for them without one", async () => {
  const loaded = await read(`${base}paraphrases: { from: again }\n`);
  const alone = await paraphrasesOf({ loaded, answers: rememberedAnswers() });
  expect(Object.fromEntries(faultsOf(alone.wordings))).toEqual({ none: 12 });
  expect(alone.wordings.filter(w => w.fault === undefined).map(w => w.after)).toEqual(rows.flatMap(r => r.again));
  const { bodies, writer } = await rewriter(inOtherWords);
  const both = await paraphrasesOf({ loaded, writer, answers: rememberedAnswers() });
  expect([bodies.length, faultsOf(both.wordings).size]).toEqual([12, 0]);
  expect(new Set(both.wordings.map(w => w.by))).toEqual(new Set(["item", "model"]));
  writeFileSync(
    join(folder, "two.jsonl"),
    JSON.stringify({
      n: 1,
      question: "Is 5 more than 3?",
      again: ["is 5 more than 3", "Is five more than three?", "Does 5 exceed 3?"],
      answer: "yes",
    }),
  );
  const two = await paraphrasesOf({
    loaded: await read(`${base.replace("items.jsonl", "two.jsonl")}paraphrases: { from: again }\n`),
    answers: rememberedAnswers(),
  });
  expect(two.wordings[0]).toMatchObject({ after: "Does 5 exceed 3?", by: "item" });
});

test("examples before an item are those it has as it is, whoever else is left out", async () => {
  const loaded = await read(`${base}paraphrases: { from: again }\nfewShot: { count: 2, sampler: harness, spare: true }\n`);
  const made = await paraphrasesOf({ loaded, answers: rememberedAnswers() });
  const examples = (context: string) => context.slice(0, context.lastIndexOf("Question: "));
  const asItIs = new Map(taskQuestions(loaded).map(a => [a.item.id, examples(a.context)]));
  const varied = taskQuestions(loaded, wordingChange(made));
  expect(varied).toHaveLength(12);
  for (const a of varied) expect(examples(a.context)).toBe(asItIs.get(a.item.id));
});

test("naming where other words come from makes no recorded result stale", async () => {
  expect((await read(`${base}paraphrases: { from: again }\n`)).digest).toBe((await read(base)).digest);
});

test("a task that cannot be put in other words says why, before anybody is asked", async () => {
  const { bodies, writer } = await rewriter(inOtherWords);
  const refused = async (yaml: string, by: EvaluatedModel | undefined = writer) =>
    paraphrasesOf({ loaded: await read(yaml), writer: by, answers: rememberedAnswers() });
  const tail = base.slice(base.indexOf("output"));
  const head = 'task: walks\ndata: { test: items.jsonl }\nid: n\nprompt: "{{question}} {{note}}"\n';
  await expect(refused(head + tail)).rejects.toThrow(/walks: paraphrases\.of: expected the field .* The prompt reads question, note/);
  await expect(refused(`${base}paraphrases: { of: qestion }\n`)).rejects.toThrow(/a text field of the items .*Did you mean "question"/);
  await expect(refused(`${base}paraphrases: { from: agian }\n`)).rejects.toThrow(/paraphrases\.from: .*Did you mean "again"/);
  await expect(refused(base, { id: "mute", fingerprint: "m" })).rejects.toThrow(/mute: expected a model that writes texts/);
  await expect(paraphrasesOf({ loaded: await read(base), answers: rememberedAnswers() })).rejects.toThrow(/`--paraphraser MODEL`/);
  await expect(refused(base.replace("target: answer", 'target: "{{question}}!"'))).rejects.toThrow(
    /paraphrases\.of: expected a field of which no right answer or choice is made, got "question"/,
  );
  await expect(refused(`${base}paraphrases: { from: n }\n`)).rejects.toThrow(/items\.jsonl:1: n: expected a text in other words/);
  await expect(refused(base.replace("generate_until", "loglikelihood_rolling"))).rejects.toThrow(/a task with a prompt/);
  expect(bodies).toHaveLength(0);
  const copy = await rewriter(text => text);
  await expect(refused(base, copy.writer)).rejects.toThrow(
    /expected an item whose other wording passes the checks, got none of 24: the same text 24/,
  );
});

const words = fc.array(fc.constantFrom("red", "blue", "house", "goes", "near", "water", "tall", "old"), { minLength: 3, maxLength: 12 });

test("case, marks and blanks make no other wording, whoever wrote it; a number is never lost or invented", () => {
  fc.assert(
    fc.property(words, fc.constantFrom("item" as const, "model" as const), fc.nat(99), (list, by, n) => {
      const text = `${list.join(" ")} ${n}`;
      expect(wordingFault(text, ` ${list.join(", ").toUpperCase()}  ${n}! `, [], by)).toBe("same");
      expect(wordingFault(text, `other words than those ${n + 1}`, [], "item")).toBe("fact-lost");
      expect(wordingFault(list.join(" "), `other words than those ${n}`, [], "item")).toBe("fact-new");
      expect(wordingFault(text, "  \n", [], by)).toBe("empty");
    }),
  );
});

test("an answer stands in both texts or in none, as words and not as letters within one; alphabets without blanks too", () => {
  const fault = (text: string, after: string, answer: string) => wordingFault(text, after, [answer], "item");
  expect(fault("Ann saw Bob. Who was seen?", "Whom did Ann see?", " Bob")).toBe("answer-lost");
  expect(fault("Who was seen by Ann?", "Did Ann see Bob, or whom?", "bob.")).toBe("answer-new");
  expect(fault("A mail from Hamburg", "News out of Hamburg", "ham")).toBeUndefined();
  expect(fault("Which letter comes first?", "What is a first letter?", "A")).toBeUndefined();
  expect(fault("中国的首都是哪里？", "北京是中国的首都吗？", "北京")).toBe("answer-new");
  expect(fault("The New York office", "An office in New York City", "New York")).toBeUndefined();
});
