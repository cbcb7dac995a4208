/** Retrieval and similarity as tasks: figures of others, every form of a file, one question a text, and what cannot be. */
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { random } from "../../base/index.ts";
import { taskBaselines } from "../baselines/task-baselines.ts";
import { evaluateTask } from "../evaluate-task.ts";
import { keptAnswers, rememberedAnswers } from "../models/kept-answers.ts";
import type { EvaluatedModel } from "../models/model.ts";
import { differenceOf, pairItems } from "../results/compare.ts";
import { parseCondition } from "../results/condition.ts";
import { gateVerdict } from "../results/gate.ts";
import { headOf } from "../results/item.ts";
import { measureOf } from "../results/measures.ts";
import { parseResults } from "../results/read-results.ts";
import { scoreOf, sliceScores } from "../results/score.ts";
import { readTask } from "../tasks/read-task.ts";
import { itemChange } from "../tasks/variants.ts";

const folder = mkdtempSync(join(tmpdir(), "loam-embedding-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const lines = (rows: readonly object[]): string => rows.map(r => `${JSON.stringify(r)}\n`).join("");
const write = (name: string, text: string): void => writeFileSync(join(folder, name), text);
let files = 0;
function task(yaml: string) {
  const path = join(folder, `t${files++}.yaml`);
  writeFileSync(path, yaml);
  return readTask(path);
}
type Loaded = Awaited<ReturnType<typeof task>>;

/** Vectors that count the letters of a text, or those of `given`; a hundred texts at a time, in an order of its own. Counts what it is asked. */
function letters(given: Readonly<Record<string, readonly number[]>> = {}, dieAt = Number.POSITIVE_INFINITY) {
  const model = {
    id: "letters",
    fingerprint: "letters",
    asked: [] as string[],
    embed: async (
      requests: readonly { readonly text: string }[],
      each: (i: number, answer: { vector: readonly number[]; ms: number }) => void,
    ) => {
      for (const i of [...requests.keys()].reverse()) {
        if (model.asked.length >= dieAt) throw new Error("killed");
        const { text } = requests[i]!;
        model.asked.push(text);
        const counts = Array.from({ length: 26 }, (_, k) => [...text.toLowerCase()].filter(c => c.charCodeAt(0) === 97 + k).length);
        each(i, { vector: given[text] ?? counts.map(c => c + 0.01), ms: 2 });
      }
    },
  };
  return model satisfies EvaluatedModel;
}
const ask = (loaded: Loaded, model: EvaluatedModel = letters(), answers = rememberedAnswers()) => evaluateTask({ loaded, model, answers });

const documents = [
  { _id: "d1", title: "Cats", text: "the cat sat on the mat" },
  { _id: "d2", title: "", text: "a dog in the fog" },
  { _id: "d3", text: "fish and chips" },
  { _id: "d4", title: "Zoo", text: "zebras zigzag" },
];
const queries = [
  { qid: "q1", question: "cat mat", answers: { d1: 1, d2: 2, d3: 0 }, about: "pets" },
  { qid: "q2", question: "fog dog", answers: { d2: 1 }, about: "pets" },
  { qid: "q3", question: "chips", answers: { d3: 1 }, about: "food" },
  { qid: "q4", question: "nobody knows", answers: { d4: 0 }, about: "none" },
];
write("corpus.jsonl", lines(documents));
write("queries.jsonl", lines(queries));
const judgements = queries.flatMap(q => Object.entries(q.answers).map(([d, worth]) => [q.qid, d, worth] as const));
write("judged.tsv", `query-id\tcorpus-id\tscore\n${judgements.map(j => j.join("\t")).join("\n")}\n`);
write("judged.jsonl", lines(judgements.map(([q, d, worth]) => ({ query_id: q, doc_id: d, relevance: worth }))));
write("judged.qrels", judgements.map(([q, d, worth]) => `${q} 0 ${d}  ${worth}\n`).join(""));

const search = (data: string, retrieval: string, more = "") =>
  `task: search\noutput: retrieval\ndata: { test: queries.jsonl, documents: corpus.jsonl${data} }\nprompt: question\nid: qid\nretrieval: { documents: documents, ${retrieval} }\n${more}`;
const byField = search("", "relevant: answers", "slices: [about]\n");

test("what answers may stand in a field, or in judgements as BEIR, JSON lines and TREC have them: the same results", async () => {
  const { items } = await ask(await task(byField));
  expect(items.map(i => [i.id, i.came, i.right])).toEqual([
    ["q1", "d1", "d1 at 1, d2 at 2 of 4"],
    ["q2", "d2", "d2 at 1 of 4"],
    ["q3", "d3", "d3 at 1 of 4"],
  ]);
  expect(items[0]!.found).toEqual([
    [1, 0, 1],
    [2, 1, 1],
  ]);
  expect(items[0]!.ranked!.map(r => r[0])).toEqual(["d1", "d2", "d3", "d4"]);
  for (const file of ["judged.tsv", "judged.jsonl", "judged.qrels"]) {
    const loaded = await task(search(`, judged: ${file}`, "judgements: judged"));
    expect((await ask(loaded)).items.map(i => ({ ...i, attributes: {} }))).toEqual(items.map(i => ({ ...i, attributes: {} })));
  }
  // one id, a list of them, and the same as JSON in a table
  const alone = queries.slice(0, 3).map((q, i) => ({ ...q, answers: i === 0 ? ["d1", "d2"] : Object.keys(q.answers)[0] }));
  write("alone.jsonl", lines(alone));
  const cell = (text: string) => `"${text.replaceAll('"', '""')}"`;
  const written = alone.map(q => `${q.qid},${q.question},${cell(Array.isArray(q.answers) ? JSON.stringify(q.answers) : q.answers!)}`);
  write("alone.csv", `qid,question,answers\n${written.join("\n")}\n`);
  const found = async (file: string) =>
    (await ask(await task(byField.replace("queries.jsonl", file).replace("slices: [about]", "")))).items.map(i => i.found);
  expect(await found("alone.jsonl")).toEqual([
    [
      [1, 0, 1],
      [1, 1, 1],
    ],
    [[1, 0, 1]],
    [[1, 0, 1]],
  ]);
  expect(await found("alone.csv")).toEqual(await found("alone.jsonl"));
});

test("a document is read as its title and text, or as the task says; a query with what stands before it", async () => {
  const model = letters();
  await ask(await task(byField.replace("prompt:", "description: 'find: '\nprompt:")), model);
  expect(model.asked.toSorted()).toEqual([
    "Cats the cat sat on the mat",
    "Zoo zebras zigzag",
    "a dog in the fog",
    "find: cat mat",
    "find: chips",
    "find: fog dog",
    "fish and chips",
  ]);
  const other = letters();
  await ask(await task(search("", "relevant: answers, text: '{{_id}}: {{text}}'")), other);
  expect(other.asked).toContain("d4: zebras zigzag");
});

test("each text is asked once, and what was kept is not asked again, whatever task it is of", async () => {
  const kept = join(folder, "kept");
  write("twice.jsonl", lines([...documents, { _id: "d5", text: "fish and chips" }, { _id: "d6", text: "chips" }]));
  const loaded = await task(byField.replace("corpus.jsonl", "twice.jsonl"));
  const dying = letters({}, 4);
  await expect(ask(loaded, dying, keptAnswers(kept, dying))).rejects.toThrow("killed");
  const next = letters();
  const { items, known } = await ask(loaded, next, keptAnswers(kept, next));
  expect([known, next.asked.length, new Set([...dying.asked, ...next.asked]).size]).toEqual([4, 3, 7]);
  expect(items).toEqual((await ask(loaded)).items);
  // the text that two documents have shares a place
  expect(items[2]!.found).toEqual([[1, 1, 2]]);
  const other = letters();
  write("one.json", JSON.stringify([{ a: "chips", b: "fish and chips", score: 4 }]));
  const one = await task("task: one\ndata: { test: one.json }\noutput: similarity\nprompt: a\nsimilarity: { to: b }\ntarget: score\n");
  await ask(one, other, keptAnswers(kept, other));
  expect(other.asked).toEqual([]);
  // four bytes a number, not twenty digits
  const file = readFileSync(join(kept, readdirSync(kept)[0]!), "utf8").split("\n")[0]!;
  expect(file.length).toBeLessThan(26 * 8);
});

test("a vector that is refused is not kept: the next attempt asks for it again", async () => {
  const kept = join(folder, "refused");
  const loaded = await task(byField);
  const zero = letters({ chips: Array(26).fill(0) });
  await expect(ask(loaded, zero, keptAnswers(kept, zero))).rejects.toThrow(/a direction/);
  const next = letters();
  await ask(loaded, next, keptAnswers(kept, next));
  expect(next.asked).toContain("chips");
});

test("a document with the query's own id is no candidate where the task says so", async () => {
  write("same.jsonl", lines(documents.map(d => ({ ...d, qid: d._id, question: d.text, answers: ["d1", "d2"] }))));
  const loaded = await task(search("", "relevant: answers, skipOwn: true").replace("queries.jsonl", "same.jsonl"));
  const { items } = await ask(loaded);
  for (const i of items) {
    expect(i.ranked!.map(r => r[0])).not.toContain(i.id);
    expect(i.found).toHaveLength(i.id === "d1" || i.id === "d2" ? 1 : 2);
  }
});

test("a corpus of several tiles is ranked as if all scores were sorted", async () => {
  const draw = random("corpus");
  const given: Record<string, number[]> = {};
  const vector = (text: string) => {
    given[text] ??= Array.from({ length: 9 }, () => draw.below(5) - 2 + 0.5);
    return text;
  };
  // every tenth document says what another one says
  const many = Array.from({ length: 150 }, (_, i) => ({ _id: `m${i}`, text: vector(`text ${i % 10 === 0 ? 7 : i}`) }));
  const asks = Array.from({ length: 11 }, (_, i) => ({
    qid: `a${i}`,
    question: vector(`ask ${i}`),
    answers: [`m${i * 13}`, `m${i}`, "m7"],
  }));
  write("many.jsonl", lines(many));
  write("asks.jsonl", lines(asks));
  const yaml = byField.replace("queries.jsonl", "asks.jsonl").replace("corpus.jsonl", "many.jsonl").replace("slices: [about]", "");
  const { items } = await ask(await task(yaml), letters(given));
  const length = (v: readonly number[]) => Math.sqrt(v.reduce((s, x) => s + x * x, 0));
  for (const [i, { question, answers }] of asks.entries()) {
    const q = given[question]!;
    const scores = many.map(({ text }) => {
      const d = given[text]!;
      return d.reduce((s, x, k) => s + x * q[k]!, 0) / (length(q) * length(d));
    });
    const order = [...scores.keys()].sort((a, b) => scores[b]! - scores[a]! || a - b);
    expect(items[i]!.ranked!.map(r => r[0])).toEqual(order.slice(0, 10).map(d => many[d]!._id));
    const places = [...new Set(answers)].map(id => {
      const own = scores[many.findIndex(m => m._id === id)]!;
      return [1, scores.filter(s => s > own).length, scores.filter(s => s === own).length];
    });
    expect(items[i]!.found!.map(f => [...f])).toEqual(places.sort((a, b) => a[1]! - b[1]!));
  }
});

test("slices, intervals, a paired comparison and gates are those of every task; BM25 stands beside", async () => {
  const loaded = await task(byField);
  const head = headOf(loaded.task);
  const mine = (await ask(loaded)).items;
  const worse = (await ask(loaded, letters({ "fog dog": Array.from({ length: 26 }, (_, k) => (k === 25 ? 1 : 0)) }))).items;
  const measure = measureOf("ndcg@3", head);
  const score = scoreOf(measure, mine);
  expect(score.items).toBe(3);
  expect(score.value).toBeCloseTo(((1 + 2 / Math.log2(3)) / (2 + 1 / Math.log2(3)) + 1 + 1) / 3, 12);
  expect(score.low).toBeLessThanOrEqual(score.value);
  expect(sliceScores(mine, [{ by: "about", parts: 3 }], [measure]).map(s => [s.group, s.items])).toEqual([["pets", 2]]);
  expect(differenceOf(measure, pairItems(mine, worse, "search"))).toMatchObject({ wins: 1, losses: 0, test: "permutation" });
  const condition = parseCondition("recall@1 < other.recall@1 - 0.1", { against: ["against", "other"], tasks: ["search"] });
  expect(gateVerdict(condition, head, { items: worse }, { items: mine }).fails).toBe(true);
  expect(gateVerdict(condition, head, { items: mine }, { items: worse }).fails).toBe(false);
  const [bm25, ...others] = taskBaselines(loaded, mine);
  expect([bm25!.name, others]).toEqual(["bm25", []]);
  expect(bm25!.items.map(i => i.came)).toEqual(["d1", "d2", "d3"]);
  expect(taskBaselines(await task(`${byField}baselines: {}\n`), mine)).toEqual([]);
  expect(taskBaselines(await task(`${byField}baselines: { short: { rank: bm25, b: 0 } }\n`), mine).map(b => b.name)).toEqual(["short"]);
});

test("a variant changes the queries and neither the documents nor what answers", async () => {
  const plain = await task(byField);
  const change = await itemChange(plain.task, "upper");
  const model = letters();
  const { items } = await evaluateTask({ loaded: plain, model, answers: rememberedAnswers(), change });
  expect(model.asked).toContain("CAT MAT");
  expect(model.asked).toContain("fish and chips");
  expect(items.map(i => i.found)).toEqual((await ask(plain)).items.map(i => i.found));
});

interface Golden {
  readonly pairs: readonly {
    readonly score: readonly number[];
    readonly cosine: readonly number[];
    readonly spearman: number;
    readonly pearson: number;
  }[];
}
const golden: Golden = JSON.parse(readFileSync(new URL("embedding-tasks.golden.json", import.meta.url), "utf8"));

test("correlations of cosines with scores are SciPy's, ties averaged", async () => {
  for (const [n, { score, cosine, spearman, pearson }] of golden.pairs.entries()) {
    // a unit vector against one that has the cosine with it
    const vectors = Object.fromEntries(
      cosine.flatMap((c, i) => [
        [`a${i}`, [7, 0]],
        [`b${i}`, [3 * c, 3 * Math.sqrt(1 - c * c)]],
      ]),
    );
    write("pairs.jsonl", lines(score.map((s, i) => ({ first: `a${i}`, second: `b${i}`, score: i % 2 ? s : String(s) }))));
    const loaded = await task(
      "task: pairs\ndata: { test: pairs.jsonl }\noutput: similarity\nprompt: first\nsimilarity: { to: second }\ntarget: score\n",
    );
    const { items } = await ask(loaded, letters(vectors));
    const figure = (name: string) => scoreOf(measureOf(name, headOf(loaded.task)), items);
    // vectors are float32
    for (const [i, c] of cosine.entries()) expect(items[i]!.cosine).toBeCloseTo(c, 6);
    if (n < 2) expect(figure("spearman").value).toBeCloseTo(spearman, 12);
    expect(figure("pearson").value).toBeCloseTo(pearson, 6);
    // the very cosines of the golden file, ties and all
    const exact = items.map((i, k) => ({ ...i, cosine: cosine[k]! }));
    expect(scoreOf(measureOf("spearman", headOf(loaded.task)), exact).value).toBeCloseTo(spearman, 12);
    expect(scoreOf(measureOf("pearson", headOf(loaded.task)), exact).value).toBeCloseTo(pearson, 12);
  }
});

test("what cannot be is told by place: ids that are none, texts that are empty, vectors without a direction", async () => {
  const failing = async (yaml: string, model?: EvaluatedModel) => task(yaml).then(loaded => ask(loaded, model));
  write("wrong.jsonl", lines([{ ...queries[0], answers: ["d11"] }]));
  await expect(failing(byField.replace("queries.jsonl", "wrong.jsonl"))).rejects.toThrow(
    /wrong\.jsonl:1: answers.*"d11".*Did you mean "d1"\?/s,
  );
  write("again.jsonl", lines([...documents, documents[1]!]));
  await expect(failing(byField.replace("corpus.jsonl", "again.jsonl"))).rejects.toThrow(/again\.jsonl:5.*"d2", as at again\.jsonl:2/s);
  write("empty.jsonl", lines([...documents, { _id: "d9", text: " " }]));
  await expect(failing(byField.replace("corpus.jsonl", "empty.jsonl"))).rejects.toThrow(/empty\.jsonl:5.*a document with text/s);
  await expect(failing(byField.replace("documents: documents,", "documents: documents, id: id,"))).rejects.toThrow(
    /corpus\.jsonl:1.*Did you mean "_id"/s,
  );
  await expect(failing(byField.replace("relevant: answers", "relevant: answer"))).rejects.toThrow(
    /queries\.jsonl:1.*Did you mean "answers"/s,
  );
  write("other.tsv", "query-id\tcorpus-id\tscore\nq77\td1\t1\n");
  await expect(failing(search(", judged: other.tsv", "judgements: judged"))).rejects.toThrow(/a query that a document answers.*none of 4/s);
  write("short.qrels", "q1 d1 1\n");
  await expect(failing(search(", judged: short.qrels", "judgements: judged"))).rejects.toThrow(/short\.qrels:1.*four columns/s);
  await expect(failing(byField, letters({ "fish and chips": Array(26).fill(0) }))).rejects.toThrow(
    /corpus\.jsonl:3.*a direction.*26 zeros/s,
  );
  await expect(failing(byField, letters({ chips: [1, 2] }))).rejects.toThrow(/a vector of 26 numbers|a vector of 2 numbers/);
  await expect(failing(byField, letters({ chips: Array(26).fill(Number.NaN) }))).rejects.toThrow(/queries\.jsonl:3.*a finite vector/s);
  await expect(failing(byField, { id: "writer", fingerprint: "w", generate: async () => {} })).rejects.toThrow(
    /retrieval \(embed\).*generate/s,
  );
  for (const [wrong, told] of [
    [search("", "relevant: answers, judgements: documents"), /one of `relevant`/],
    [search("", "judgements: nowhere"), /one of the splits of data: test, documents/],
    [`${byField}fewShot: { count: 1 }\n`, /vectors take no examples/],
    [`${byField}baselines: { copy: question }\n`, /documents are ranked/],
    ["task: t\ndata: { test: queries.jsonl }\noutput: retrieval\nprompt: question\n", /retrieval\.documents/],
    ["task: t\ndata: { test: queries.jsonl }\noutput: similarity\nprompt: question\ntarget: qid\n", /similarity\.to/],
  ] as const)
    await expect(failing(wrong)).rejects.toThrow(told);
  expect(() => measureOf("ndgc@10", { task: "search", output: "retrieval" })).toThrow(/Did you mean "ndcg@10"\?/);
  expect(() => measureOf("ndcg@0", { task: "search", output: "retrieval" })).toThrow(/Did you mean "ndcg@10"\?/);
  write("words.jsonl", lines([{ first: "a", second: "b", score: "very" }]));
  await expect(
    failing("task: t\ndata: { test: words.jsonl }\noutput: similarity\nprompt: first\nsimilarity: { to: second }\ntarget: score\n"),
  ).rejects.toThrow(/words\.jsonl:1: target.*a number, how alike.*very/s);
  expect(() => parseResults('{"place":"a:1","cosine":null}\n', "items.jsonl")).toThrow(/items\.jsonl:1: a:1.*a finite cosine/s);
});

test("vectors are found again in a file of many blocks, each as float32 has it, whatever stands at its end", () => {
  const model = { fingerprint: "long" };
  const path = join(folder, "long");
  const vector = (i: number) => Array.from({ length: 300 }, (_, k) => Math.sin(i * 300 + k));
  const first = keptAnswers(path, model);
  for (let i = 0; i < 1500; i++) first.put("embed", { text: `é${i}` }, { vector: vector(i), ms: 1.5 });
  appendFileSync(join(path, readdirSync(path)[0]!), '["torn');
  const again = keptAnswers(path, model);
  for (const i of [0, 1, 699, 1499]) {
    const want = { vector: vector(i).map(Math.fround), ms: 1.5 };
    expect([first.get("embed", { text: `é${i}` }), again.get("embed", { text: `é${i}` })]).toEqual([want, want]);
  }
  expect(again.get("embed", { text: "é1500" })).toBeUndefined();
});
