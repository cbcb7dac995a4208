import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { hashOf } from "../base/index.ts";
import { evaluateTask } from "./evaluate-task.ts";
import { keptAnswers, rememberedAnswers } from "./models/kept-answers.ts";
import type { EvaluatedModel } from "./models/model.ts";
import { differenceOf, pairItems } from "./results/compare.ts";
import { headOf } from "./results/item.ts";
import { measureOf } from "./results/measures.ts";
import { parseResults } from "./results/read-results.ts";
import { scoreOf, sliceScores } from "./results/score.ts";
import { readTask } from "./tasks/read-task.ts";
import { itemChange } from "./tasks/variants.ts";
import { checkVaried } from "./tasks/varied.ts";

const folder = mkdtempSync(join(tmpdir(), "loam-eval-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const rows = Array.from({ length: 40 }, (_, i) => ({
  question: `How many apples are ${i} apples and one more apple in the basket?`,
  options: [`${i}`, `${i + 1}`, `${i + 2}`],
  right: 1,
  kind: i % 4 === 0 ? "few" : "many",
  thread: `t${i >> 1}`,
}));
writeFileSync(join(folder, "items.jsonl"), rows.map(r => `${JSON.stringify(r)}\n`).join(""));

let files = 0;
function write(yaml: string): Promise<Awaited<ReturnType<typeof readTask>>> {
  const path = join(folder, `t${files++}.yaml`);
  writeFileSync(path, yaml);
  return readTask(path);
}
const sums = `
task: sums
data: { test: items.jsonl }
prompt: "{{question}}\\nAnswer:"
output: multiple_choice
choices: options
target: right
slices: [kind, { length: question, parts: 2 }]
`;

/** Likelihoods that follow from the texts alone; `skill` of 10 items are right. Counts what it is asked. */
function fake(skill: number, dieAt = Number.POSITIVE_INFINITY): EvaluatedModel & { asked: number } {
  const model = {
    id: `fake${skill}`,
    fingerprint: `fake${skill}`,
    asked: 0,
    likelihood: async (
      requests: readonly { context: string; continuations: readonly string[] }[],
      each: (i: number, a: { choices: { logLikelihood: number; isGreedy: boolean }[]; ms: number }) => void,
    ) => {
      // in an order of its own
      for (const i of [...requests.keys()].reverse()) {
        if (model.asked >= dieAt) throw new Error("killed");
        model.asked++;
        const { context, continuations } = requests[i]!;
        const number = Number(/(\d+) apples and/i.exec(context)?.[1] ?? 0);
        const right = number % 10 < skill ? ` ${number + 1}` : ` ${number + 2}`;
        each(i, { choices: continuations.map(c => ({ logLikelihood: c === right ? -1 : -2, isGreedy: c === right })), ms: i });
      }
    },
  };
  return model as never;
}
const ask = async (loaded: Awaited<ReturnType<typeof write>>, model: EvaluatedModel, answers = rememberedAnswers()) =>
  evaluateTask({ loaded, model, answers });
const acc = measureOf("acc", { task: "sums", output: "multiple_choice" });

test("an evaluation that dies goes on where it stopped, torn line and all", async () => {
  const loaded = await write(sums);
  const kept = join(folder, "answers");
  const dying = fake(7, 25);
  await expect(ask(loaded, dying, keptAnswers(kept, dying))).rejects.toThrow("killed");
  appendFileSync(join(kept, readdirSync(kept)[0]!), '["torn');
  const next = fake(7);
  const { items, known } = await ask(loaded, next, keptAnswers(kept, next));
  expect([known, next.asked]).toEqual([25, 15]);
  expect(items).toEqual((await ask(loaded, fake(7))).items);
  // another model shares nothing, and the file is whole again
  expect((await ask(loaded, fake(3), keptAnswers(kept, fake(3)))).known).toBe(0);
  const last = fake(7);
  expect((await ask(loaded, last, keptAnswers(kept, last))).known).toBe(40);
  expect(
    readFileSync(join(kept, readdirSync(kept).find(f => f.startsWith(hashOf("fake7").slice(0, 32)))!), "utf8")
      .split("\n")
      .filter(Boolean),
  ).toHaveLength(41);
});

/** Item 5's first choice has this log-likelihood instead. */
const sick = (logLikelihood: number): EvaluatedModel => {
  const model = fake(7);
  return {
    ...model,
    likelihood: (requests, each, signal) =>
      model.likelihood!(
        requests,
        (i, a) => each(i, i === 5 ? { ...a, choices: a.choices.map((c, k) => (k === 0 ? { ...c, logLikelihood } : c)) } : a),
        signal,
      ),
  };
};

test("a log-likelihood that is not a finite number is refused with task and item, and never kept", async () => {
  const loaded = await write(sums);
  for (const bad of [Number.NaN, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]) {
    const kept = join(folder, `answers${bad}`);
    await expect(ask(loaded, sick(bad), keptAnswers(kept, sick(bad)))).rejects.toMatchObject({
      problem: { code: "evaluate/score" },
      message: expect.stringContaining(`sums: items.jsonl:6, choice 1: expected a finite log-likelihood, got ${bad}`),
    });
    // what was answered before it is kept, it is not
    const well = fake(7);
    expect((await ask(loaded, well, keptAnswers(kept, well))).known).toBe(34);
  }
});

test("an answer that was kept as null is asked again", async () => {
  const loaded = await write(sums);
  const kept = rememberedAnswers();
  await ask(loaded, fake(7), kept);
  const torn: typeof kept = {
    get: (kind, request) => {
      const answer = kept.get(kind, request);
      return JSON.parse(JSON.stringify(answer).replaceAll("-2", "null")) as typeof answer;
    },
    put: kept.put,
  };
  const again = fake(7);
  const { items, known } = await ask(loaded, again, torn);
  expect([known, again.asked]).toEqual([0, 40]);
  expect(items).toEqual((await ask(loaded, fake(7))).items);
});

test("a text's log-likelihood and a classifier's probability are held to the same", async () => {
  const rolling = await write("task: texts\ndata: { test: items.jsonl }\noutput: loglikelihood_rolling\ntarget: question\n");
  const textual = {
    id: "m",
    fingerprint: "m",
    rolling: async (_: unknown, each: (i: number, a: object) => void) => each(0, { logLikelihood: Number.NaN, tokens: 3, ms: 1 }),
  };
  await expect(ask(rolling, textual as EvaluatedModel)).rejects.toThrow("texts: items.jsonl:1: expected a finite log-likelihood, got NaN");
  const kinds = await write(
    'task: kinds\ndata: { test: items.jsonl }\nprompt: "{{question}}"\noutput: classify\nlabels: { few: few, many: many }\ntarget: kind\n',
  );
  const telling = {
    id: "m",
    fingerprint: "m",
    classify: async (_: unknown, each: (i: number, a: object) => void) => each(2, { probabilities: { few: Number.NaN, many: 1 }, ms: 1 }),
  };
  await expect(ask(kinds, telling as EvaluatedModel)).rejects.toThrow(
    "kinds: items.jsonl:3, choice 1: expected a finite probability, got NaN",
  );
});

test("a model that decides by groups is asked with the group of each item, which no variant changes, and results keep the choice by the common threshold", async () => {
  const loaded = await write(
    'task: kinds\ndata: { test: items.jsonl }\nprompt: "{{question}}"\noutput: classify\nlabels: { few: few, many: many }\ntarget: kind\n',
  );
  const groups: unknown[] = [];
  const judge = (groupAttribute?: string): EvaluatedModel => ({
    id: "judge",
    fingerprint: "judge",
    ...(groupAttribute === undefined ? {} : { groupAttribute }),
    async classify(requests, each) {
      groups.push(...requests.map(r => r.group));
      for (const [i, { group }] of requests.entries())
        each(i, {
          probabilities: { few: 0.6, many: 0.4 },
          told: group === "t1" ? "many" : "few",
          ...(group ? { common: "few" } : {}),
          ms: 1,
        });
    },
  });
  const { items } = await ask(loaded, judge("thread"));
  expect(groups).toEqual(rows.map(r => r.thread));
  expect(items.slice(0, 4).map(i => [i.came, i.told, i.commonTold])).toEqual([
    ["few", 0, 0],
    ["few", 0, 0],
    ["many", 1, 0],
    ["many", 1, 0],
  ]);
  groups.length = 0;
  await evaluateTask({ loaded, model: judge("thread"), answers: rememberedAnswers(), change: await itemChange(loaded.task, "upper") });
  expect(groups).toEqual(rows.map(r => r.thread));
  groups.length = 0;
  // a field that no item has is a group of none
  const without = await ask(loaded, judge("club"));
  expect(new Set([...groups, ...without.items.map(i => i.commonTold)])).toEqual(new Set([undefined]));
  groups.length = 0;
  await ask(loaded, judge());
  expect(new Set(groups)).toEqual(new Set([undefined]));
});

test("a variant changed the words of a group: results keep the group that an item has without it", async () => {
  const loaded = await write(
    'task: kinds\ndata: { test: items.jsonl }\nprompt: "{{thread}}: {{question}}"\noutput: classify\nlabels: { few: few, many: many }\ntarget: kind\ngroups: { by: [thread], positive: few }\n',
  );
  const read: string[] = [];
  const model: EvaluatedModel = {
    id: "judge",
    fingerprint: "judge",
    async classify(requests, each) {
      read.push(...requests.map(r => r.text));
      for (const i of requests.keys()) each(i, { probabilities: { few: 0.6, many: 0.4 }, told: "few", ms: 1 });
    },
  };
  const { items } = await evaluateTask({ loaded, model, answers: rememberedAnswers(), change: await itemChange(loaded.task, "upper") });
  expect(items.map(i => i.attributes!.thread)).toEqual(rows.map(r => r.thread));
  // what is asked is in upper case, the group in it too
  for (const [i, { thread }] of rows.entries()) expect(read[i]!.startsWith(`${thread.toUpperCase()}: `)).toBe(true);
});

test("of an item a result shows what was read: a classifier's text from its beginning, a prompt's end", async () => {
  const long = "much ".repeat(400);
  const loaded = await write(
    `task: kinds\ndata: { test: items.jsonl }\nprompt: "${long}{{question}}\\nKind:"\ntext: "{{question}} ${long}"\noutput: classify\nlabels: { few: few, many: many }\ntarget: kind\n`,
  );
  const asked = (kind: "classify" | "likelihood", answer: object): EvaluatedModel => ({
    id: kind,
    fingerprint: kind,
    [kind]: async (requests: readonly unknown[], each: (i: number, a: object) => void) => {
      for (const i of requests.keys()) each(i, { ...answer, ms: 1 });
    },
  });
  const text = asked("classify", { probabilities: { few: 0.4, many: 0.6 } });
  const prompt = asked("likelihood", { choices: [-1, -2].map(logLikelihood => ({ logLikelihood, isGreedy: false })) });
  const [read, written] = [(await ask(loaded, text)).items[0]!, (await ask(loaded, prompt)).items[0]!];
  expect(read.prompt).toMatch(/^How many apples .* basket\? much /);
  expect(written.prompt).toMatch(/much How many apples .* basket\?\nKind:$/);
  expect([read.prompt.length, written.prompt.length]).toEqual([1200, 1200]);
});

test("of a text that is scored as a whole a result shows its beginning, and its bits per byte", async () => {
  const loaded = await write(
    "task: texts\ndata: { test: items.jsonl }\noutput: loglikelihood_rolling\ntarget: question\nslices: [{ length: question }]\n",
  );
  const scoring: EvaluatedModel = {
    id: "m",
    fingerprint: "m",
    rolling: async (requests, each) => {
      // two bits per byte
      for (const [i, { text }] of requests.entries()) each(i, { logLikelihood: -2 * Math.LN2 * Buffer.byteLength(text), tokens: 3, ms: 1 });
    },
  };
  const { items } = await ask(loaded, scoring);
  expect(items.map(i => [i.prompt, i.came])).toEqual(rows.map(r => [r.question, "2.0000 bits per byte"]));
  const { slices } = headOf(loaded.task);
  const bits = measureOf("bits_per_byte", headOf(loaded.task));
  expect(sliceScores(items, slices!, [bits]).map(s => s.group)).toEqual(["62", "63"]);
});

test("items that are read back with null for a figure are refused with their line", async () => {
  const { items } = await ask(await write(sums), fake(7));
  const lines = items.map(i => JSON.stringify(i));
  expect(parseResults(lines.join("\n"), "result")).toEqual(items);
  const torn = lines.with(3, lines[3]!.replace("-2", "null"));
  expect(() => parseResults(torn.join("\n"), "task-result-1/items.jsonl")).toThrow(
    /task-result-1\/items\.jsonl:4: .*expected a finite log-likelihood, got null/,
  );
});

test("figures, slices and what changed between two models", async () => {
  const loaded = await write(sums);
  const [good, bad] = [(await ask(loaded, fake(9))).items, (await ask(loaded, fake(6))).items];
  expect(scoreOf(acc, good)).toMatchObject({ value: 0.9, interval: "wilson" });
  const slices = sliceScores(
    good,
    [
      { by: "kind", parts: 3 },
      { by: "length of question", parts: 2 },
    ],
    [acc],
  );
  expect(slices.map(s => [s.by, s.items])).toEqual([
    ["kind", 30],
    ["kind", 10],
    ["length of question", 30],
    ["length of question", 10],
  ]);
  const d = differenceOf(acc, pairItems(good, bad, "sums"));
  expect(d).toMatchObject({ first: 0.9, second: 0.6, wins: 12, losses: 0, test: "McNemar" });
  expect(d.p).toBeCloseTo(2 ** -11, 9);
  expect(d.low).toBeGreaterThan(0);
  expect(differenceOf(acc, pairItems(good, good, "sums"))).toMatchObject({ value: 0, low: 0, high: 0, p: 1 });
});

test("items that belong together are tested together: p grows", async () => {
  const loaded = await write(`${sums}cluster: thread\n`);
  const [good, bad] = [(await ask(loaded, fake(9))).items, (await ask(loaded, fake(6))).items];
  const d = differenceOf(acc, pairItems(good, bad, "sums"));
  expect(d.test).toBe("permutation");
  expect(d.p).toBeGreaterThan(2 ** -11);
  expect(scoreOf(acc, good).interval).toBe("bootstrap");
});

test("options in another order keep the right one right; texts with typing errors keep the options", async () => {
  const loaded = await write(sums);
  const order = await itemChange(loaded.task, "order");
  for (const item of loaded.items) {
    const { options, right, question } = order(item)!.fields as (typeof rows)[number];
    expect(options[right]).toBe((item.fields as (typeof rows)[number]).options[1]);
    expect(options).not.toEqual(item.fields.options);
    expect(question).toBe(item.fields.question);
  }
  const typos = await itemChange(loaded.task, "typos");
  const changed = loaded.items.map(i => typos(i)!.fields as (typeof rows)[number]);
  expect(changed.map(c => c.options)).toEqual(rows.map(r => r.options));
  expect(changed.filter((c, i) => c.question !== rows[i]!.question).length).toBeGreaterThan(15);
  expect(changed).toEqual(loaded.items.map(i => typos(i)!.fields));
});

test.each([
  [sums.replace("choices: options", "choices: optionss"), 'Did you mean "options"?'],
  [sums.replace("target: right", "target: kind"), 'items.jsonl:1: target: expected one of "0", "1", "2"'],
  [sums.replace("{{question}}", "{{qestion}}"), "items.jsonl:1: prompt: expected one of question"],
  [sums.replace("[kind", "[kinds"), "items.jsonl:1: slices"],
  [sums.replace("output:", "outptu:"), 'Did you mean "output"?'],
  [sums.replace("multiple_choice", "multiple_choise"), 'Did you mean "multiple_choice"?'],
  [`${sums}split: train\n`, "one of the splits of data: test"],
  [sums.replace("items.jsonl", "items.jsnl"), "items.jsnl"],
  [`${sums}fewShot: { count: 40 }\n`, "expected at most 39"],
  [sums.replace("choices: options\n", ""), "choices"],
] as const)("%# a task that is wrong is told so by place", async (yaml, message) => {
  await expect((async () => ask(await write(yaml), fake(5)))()).rejects.toThrow(message);
});

test("a variant that leaves every item as it is asked is refused with the fields that stay", async () => {
  const of = (more: string) =>
    write(
      `task: kinds\ndata: { test: items.jsonl }\nprompt: "{{kind}}: {{right}}"\noutput: classify\nlabels: { few: few, many: many }\ntarget: kind\n${more}`,
    );
  const plain = await of("slices: [thread]\nfewShot: { count: 2, sampler: first }\n");
  const check = async (name: "typos" | "upper", loaded: typeof plain) => checkVaried(loaded, name, await itemChange(loaded.task, name));
  await expect(check("typos", plain)).rejects.toThrow(
    "kinds: --variants typos: expected items of which it changes what is asked, got 40 that it leaves as they are. Fields of targets, choices, ids, clusters and slices stay as they are: kind, thread.",
  );
  await expect(check("upper", await write(sums))).resolves.toBeUndefined();
});

test("a model that cannot do what is asked says so by name", async () => {
  const loaded = await write(sums);
  await expect(ask(loaded, { id: "mute", fingerprint: "m", generate: async () => {} })).rejects.toThrow("one that does generate");
});

test("an example is never the item itself, and does not depend on the other items", async () => {
  const loaded = await write(`${sums}fewShot: { count: 3, seed: 5 }\n`);
  const contexts: string[] = [];
  const spy: EvaluatedModel = {
    id: "spy",
    fingerprint: "spy",
    async likelihood(requests, each) {
      contexts.push(...requests.map(r => r.context));
      for (const i of requests.keys()) each(i, { choices: [1, 2, 3].map(x => ({ logLikelihood: -x, isGreedy: false })), ms: 0 });
    },
  };
  await ask(loaded, spy);
  for (const [i, c] of contexts.entries()) {
    expect(c.split(rows[i]!.question)).toHaveLength(2);
    expect(c.match(/Answer: \d+\n\n/g)).toHaveLength(3);
  }
  const part = await readTask(join(folder, `t${files - 1}.yaml`), 5);
  const few: string[] = contexts.slice(0, 5);
  contexts.length = 0;
  await ask(part, spy);
  expect(contexts).toEqual(few);
});
