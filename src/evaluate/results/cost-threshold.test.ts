/** Thresholds by what mistakes cost, through a task and its splits: who chooses, who is told of, and that the two are never the same. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { random } from "../../base/index.ts";
import { choiceWith } from "../classification/index.ts";
import { evaluateTask } from "../evaluate-task.ts";
import { rememberedAnswers } from "../models/kept-answers.ts";
import type { EvaluatedModel } from "../models/model.ts";
import { taskQuestions } from "../tasks/ask.ts";
import { type LoadedTask, readTask } from "../tasks/read-task.ts";
import { scoredBy } from "./cost-measure.ts";
import { choosingOf, costDifference, costThreshold } from "./cost-threshold.ts";

const folder = mkdtempSync(join(tmpdir(), "loam-costs-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;
function read(yaml: string): Promise<LoadedTask> {
  const path = join(folder, `t${files++}.yaml`);
  writeFileSync(path, yaml);
  return readTask(path);
}
/** Mails with a score that the model takes for their probability; a fifth is of the other label than its score says. */
const mails = (name: string, count: number) => {
  const draw = random(name);
  return Array.from({ length: count }, (_, i) => {
    const score = draw.uniform();
    return { text: `${name} ${i}`, score, label: score > 0.5 !== draw.uniform() < 0.2 ? "spam" : "ham" };
  });
};
const write = (file: string, list: readonly object[]) =>
  writeFileSync(join(folder, file), list.map(r => `${JSON.stringify(r)}\n`).join(""));
const [test_, validation] = [mails("test", 200), mails("validation", 120)];
write("test.jsonl", test_);
write("validation.jsonl", validation);
write(
  "one-side.jsonl",
  validation.filter(m => m.label === "ham"),
);
write("both.jsonl", [...validation, test_[3]!]);
const base =
  "task: mails\ndata: { test: test.jsonl, validation: validation.jsonl, oneSide: one-side.jsonl, both: both.jsonl }\nprompt: text\noutput: classify\nlabels: { ham: ham, spam: spam }\ntarget: label\npositive: spam\n";
const costs = (more: string) => `${base}costs: { from: validation, ${more} }\n`;

const scores = new Map([...test_, ...validation].map(m => [m.text, m.score]));
/** A model that says of a mail what a function makes of its score. */
const saying = (spamOf: (score: number, text: string) => number): EvaluatedModel => ({
  id: "m",
  fingerprint: "m",
  classify: async (requests, each) => {
    for (const [i, r] of requests.entries()) {
      const spam = spamOf(scores.get(r.text)!, r.text);
      each(i, { probabilities: { ham: 1 - spam, spam }, ms: 1 });
    }
  },
});
const model = saying(score => score);
async function deciding(loaded: LoadedTask, who: EvaluatedModel) {
  const { choosing, rule } = choosingOf(loaded)!;
  const asked = async (of: LoadedTask) => (await evaluateTask({ loaded: of, model: who, answers: rememberedAnswers() })).items;
  const [items, chose] = [await asked(loaded), await asked(choosing)];
  return { items, choosing: chose, threshold: costThreshold(loaded, rule, chose, items) };
}
const thresholdOf = async (loaded: LoadedTask) => (await deciding(loaded, model)).threshold;
/** Mean cost of taking all from `at` on for spam. */
const costOf = (list: typeof test_, at: number, falsePositive: number, falseNegative: number) =>
  list.reduce((s, m) => s + (m.score >= at ? (m.label === "ham" ? falsePositive : 0) : m.label === "spam" ? falseNegative : 0), 0) /
  list.length;

test.each([
  [1, 1],
  [20, 1],
  [1, 20],
] as const)(
  "a false alarm of %d and a miss of %d: no threshold costs the choosing split less, and the figures are the other split's",
  async (fp, fn) => {
    const t = await thresholdOf(await read(costs(`falsePositive: ${fp}, falseNegative: ${fn}`)));
    expect(t).toMatchObject({ positive: "spam", chosenBy: "validation", toldOf: "test", chosenOn: 120 });
    const row = (by: string) => t.rows.find(r => r.by === by)!;
    const at = row("cheapest").threshold ?? Number.POSITIVE_INFINITY;
    const least = Math.min(...[...validation.map(m => m.score), Number.POSITIVE_INFINITY].map(s => costOf(validation, s, fp, fn)));
    expect(row("cheapest").chosenAt).toBeCloseTo(least, 9);
    expect(row("cheapest").cost).toBeCloseTo(costOf(test_, at, fp, fn), 9);
    expect(row("a half").cost).toBeCloseTo(costOf(test_, 0.5, fp, fn), 9);
    expect(t.saving.value).toBeCloseTo(row("a half").cost - row("cheapest").cost, 9);
    expect(t.saving.low <= t.saving.value && t.saving.value <= t.saving.high).toBe(true);
    // where one mistake is dear the threshold moves away from it, beyond chance
    if (fp !== fn) expect(t.saving.low).toBeGreaterThan(0);
  },
);

test("of two models each has a threshold of its own: one that tells labels apart as well costs as much, however sure it says it is", async () => {
  const loaded = await read(costs("falsePositive: 1, falseNegative: 3"));
  const plain = await deciding(loaded, model);
  const meek = await deciding(
    loaded,
    saying(score => 0.05 + score / 4),
  );
  const [at, lower] = [plain, meek].map(d => d.threshold.rows[0]!.threshold!);
  expect(lower).toBeCloseTo(0.05 + at! / 4, 9);
  expect(costDifference(plain.threshold, plain, meek, "mails")).toMatchObject({
    metric: "cost",
    better: "lower",
    items: 200,
    value: 0,
    p: 1,
    wins: 0,
  });
  // at the other's threshold it would take nothing for spam, and look worse than it is
  const borrowed = choiceWith(scoredBy(plain.threshold, meek.items), at!, plain.threshold).cost;
  expect(borrowed).toBeCloseTo((3 * test_.filter(m => m.label === "spam").length) / 200, 9);
  expect(plain.threshold.rows[0]!.cost - borrowed).toBeLessThan(-0.1);
});

test("the difference is that of the mean costs told, its test is paired, and the other way round it is the other way round", async () => {
  const loaded = await read(`${costs("falsePositive: 1, falseNegative: 1")}cluster: label\n`);
  const alone = await read(costs("falsePositive: 1, falseNegative: 1"));
  const noise = random("noise");
  const known = new Map([...scores.keys()].map(text => [text, noise.uniform()]));
  const blurred = saying((score, text) => 0.1 * score + 0.9 * known.get(text)!);
  const [good, worse] = [await deciding(alone, model), await deciding(alone, blurred)];
  const d = costDifference(good.threshold, good, worse, "mails");
  expect([d.first, d.second]).toEqual([good.threshold.rows[0]!.cost, worse.threshold.rows[0]!.cost].map(c => expect.closeTo(c, 9)));
  expect(d).toMatchObject({ test: "permutation", value: expect.closeTo(d.first - d.second, 9) });
  expect(d.high).toBeLessThan(0);
  expect(d.p).toBeLessThan(0.05);
  const turned = costDifference(good.threshold, worse, good, "mails");
  expect([turned.value, turned.p, turned.wins, turned.losses]).toEqual([expect.closeTo(-d.value, 9), d.p, d.losses, d.wins]);
  // two clusters have four exchanges: nothing is shown by them
  expect(costDifference(good.threshold, await deciding(loaded, model), await deciding(loaded, blurred), "mails").p).toBeGreaterThan(0.2);
});

test("the items that are told of choose nothing: with other labels they move no threshold", async () => {
  const yaml = costs("falsePositive: 3, falseNegative: 1");
  const before = await thresholdOf(await read(yaml));
  write(
    "turned.jsonl",
    test_.map(m => ({ ...m, label: m.label === "spam" ? "ham" : "spam" })),
  );
  const after = await thresholdOf(await read(yaml.replace("test: test.jsonl", "test: turned.jsonl")));
  expect(after.rows.map(r => r.threshold)).toEqual(before.rows.map(r => r.threshold));
  expect(after.rows[0]!.cost).not.toBe(before.rows[0]!.cost);
});

test("the choosing items are asked as the others are: with the same examples, never the item itself", async () => {
  for (const from of ["", ", from: validation"]) {
    const loaded = await read(`${costs("falsePositive: 3, falseNegative: 1")}fewShot: { count: 3${from} }\n`);
    const { choosing } = choosingOf(loaded)!;
    const pool = from ? validation : test_;
    for (const a of taskQuestions(choosing)) {
      const examples = a.context.slice(0, -a.prompt.length);
      expect(pool.filter(m => examples.includes(`${m.text} `))).toHaveLength(3);
      expect(examples).not.toContain(`${a.prompt} `);
    }
  }
});

test("costs are not asked: naming them makes no recorded result stale", async () => {
  expect((await read(costs("falsePositive: 3, falseNegative: 1"))).digest).toBe((await read(base)).digest);
});

test.each([
  [
    "from: test, falsePositive: 1, falseNegative: 1",
    /costs\.from: expected a split of data beside the one that is asked: validation, oneSide, both/,
  ],
  ["from: nowhere, falsePositive: 1, falseNegative: 1", /costs\.from: expected a split of data/],
  [
    "from: both, falsePositive: 1, falseNegative: 1",
    /mails: costs\.from: expected items that the split that is asked has not, got 1 of both, the first at both\.jsonl:121/,
  ],
  [
    "from: oneSide, falsePositive: 1, falseNegative: 1",
    /mails: costs\.from: expected items of "spam" and of another label in the split "oneSide"/,
  ],
  ["from: validation, positive: spm, falsePositive: 1, falseNegative: 1", /costs\.positive: expected one of the labels ham, spam/],
  ["from: validation, falsePositive: 0, falseNegative: 0", /a cost above 0/],
  ["from: validation, falsePositive: -1, falseNegative: 1", /costs\.falsePositive/],
] as const)("costs: { %s } is refused by name", async (rule, message) => {
  const refused = async () => choosingOf(await read(`${base}costs: { ${rule} }\n`));
  await expect(refused()).rejects.toThrow(message);
});

test("only labels have a threshold", async () => {
  const yaml = costs("falsePositive: 1, falseNegative: 1").replace("output: classify", "output: generate_until");
  await expect(read(yaml)).rejects.toThrow(/costs: expected the output classify/);
});
