/** `cost` of slices and of groups of tasks: parts of what a task's own decisions cost, each task at a threshold of its own. */
import { expect, test } from "vitest";
import { random } from "../../base/index.ts";
import type { CostRule } from "../classification/index.ts";
import { parseCondition } from "./condition.ts";
import { asChoosing, costDifference } from "./cost-threshold.ts";
import { gateVerdict } from "./gate.ts";
import { groupHeadOf, groupItems, groupScores } from "./group.ts";
import { groupDifferences } from "./group-compare.ts";
import type { ItemResult, ResultHead } from "./item.ts";
import { measureOf } from "./measures.ts";
import { scoreOf, sliceScores } from "./score.ts";

const rule: CostRule = { positive: "spam", falsePositive: 1, falseNegative: 3 };
const draw = random("cost groups");
/** Answers whose scores part the labels by so many standard deviations. */
const answers = (n: number, part: number): ItemResult[] =>
  Array.from({ length: n }, (_, i) => {
    const isSpam = i % 3 === 0;
    return {
      id: `i${i}`,
      place: `t:${i}`,
      prompt: "",
      right: "",
      came: "",
      ms: 1,
      attributes: { from: i % 5 < 2 ? "list" : "friend" },
      choices: ["ham", "spam"],
      gold: [Number(isSpam)],
      logLikelihoods: [0, (isSpam ? part : 0) + draw.normal()],
    };
  });
const heads: ResultHead[] = ["mails", "posts"].map(task => ({ task, output: "classify", positive: "spam", costs: rule }));
const measures = ["cost", "acc"].flatMap(metric => [true, false].map(isWeighted => ({ metric, isWeighted, tasks: ["mails", "posts"] })));
const group = groupHeadOf({ name: "all", tasks: ["mails", "posts"], measures }, heads);
/** A model's answers to both tasks, those that choose too; the two tasks' scores lie elsewhere. */
function model(part: number) {
  const moved = (list: ItemResult[], by: number) => list.map(i => ({ ...i, logLikelihoods: i.logLikelihoods!.map((x, k) => x + k * by) }));
  const mails = { items: answers(90, part), choosing: answers(60, part) };
  const posts = { items: moved(answers(45, part), 4), choosing: moved(answers(60, part), 4) };
  return { mails, posts };
}
type Model = ReturnType<typeof model>;
const drawn = ({ items, choosing }: Model["mails"]) => [...items, ...asChoosing(choosing)];
const grouped = (m: Model) =>
  groupItems(
    group,
    (["mails", "posts"] as const).map(task => ({ task, items: drawn(m[task]) })),
  );
const cost = measureOf("cost", heads[0]!);
const costOf = (side: Model["mails"]) => scoreOf(cost, drawn(side));
const [good, poor] = [model(2.2), model(0.4)];

test("a group's cost is the mean of its tasks' costs, each at its own threshold, by their items or alike; what chooses counts for nothing else", () => {
  const scores = new Map(groupScores(group, grouped(good)).map(s => [s.name, s]));
  const [mails, posts] = [costOf(good.mails), costOf(good.posts)];
  expect([mails.items, posts.items]).toEqual([90, 45]);
  expect(scores.get("cost")).toMatchObject({
    items: 135,
    better: "lower",
    interval: "bootstrap",
    value: expect.closeTo((90 * mails.value + 45 * posts.value) / 135, 12),
  });
  expect(scores.get("cost:alike")!.value).toBeCloseTo((mails.value + posts.value) / 2, 12);
  for (const s of [scores.get("cost")!, scores.get("cost:alike")!]) expect(s.low < s.value && s.value < s.high).toBe(true);
  // other measures are as if nothing chose
  const alone = groupItems(group, [
    { task: "mails", items: good.mails.items },
    { task: "posts", items: good.posts.items },
  ]);
  const others = groupHeadOf({ name: "all", tasks: ["mails", "posts"], measures: measures.filter(m => m.metric === "acc") }, heads);
  expect([scores.get("acc"), scores.get("acc:alike")]).toEqual(groupScores(others, alone));
});

test("beside another model the difference is paired: wins and losses are items, p is small where one tells labels apart and not where both do", () => {
  const { differences, onlyFirst, changed } = groupDifferences(group, grouped(good), grouped(poor));
  const [byItems, alike] = differences;
  const tasks = (["mails", "posts"] as const).map(task => costDifference(rule, good[task], poor[task], task));
  expect(byItems!.value).toBeCloseTo((90 * tasks[0]!.value + 45 * tasks[1]!.value) / 135, 12);
  expect(alike!.value).toBeCloseTo((tasks[0]!.value + tasks[1]!.value) / 2, 12);
  expect([byItems!.items, byItems!.wins, byItems!.losses, onlyFirst]).toEqual([
    135,
    tasks[0]!.wins + tasks[1]!.wins,
    tasks[0]!.losses + tasks[1]!.losses,
    0,
  ]);
  expect(changed.filter(c => c.gain > 0)).toHaveLength(byItems!.wins);
  expect(byItems!.high).toBeLessThan(0);
  expect(byItems!.p).toBeLessThan(0.01);
  expect(groupDifferences(group, grouped(good), grouped(good)).differences[0]).toMatchObject({ value: 0, p: 1, wins: 0, losses: 0 });
});

test("a condition on a group's cost decides as one on a task does, and needs what chooses of every task", () => {
  const verdict = (source: string, a: Model, b: Model) =>
    gateVerdict(parseCondition(source, { against: ["prod"], tasks: ["all"] }), group, { items: grouped(a) }, { items: grouped(b) });
  expect(verdict("cost > prod.cost + 0.02", poor, good)).toMatchObject({ evidence: "shown", fails: true, items: 135 });
  expect(verdict("cost:alike > prod.cost:alike + 0.02", good, poor)).toMatchObject({ evidence: "excluded", fails: false });
  const lacking = { ...good, posts: { ...good.posts, choosing: [] } };
  expect(() => verdict("cost > prod.cost", lacking, good)).toThrow(
    /posts: cost: expected the answers to the items that choose the threshold/,
  );
});

test("a slice costs what its items do at the task's threshold: slices add up to the task", () => {
  const slices = sliceScores(good.mails.items, [{ by: "from", parts: 3 }], [cost], asChoosing(good.mails.choosing));
  expect(slices.map(s => [s.group, s.items, s.scores[0]!.items])).toEqual([
    ["friend", 54, 54],
    ["list", 36, 36],
  ]);
  const sum = slices.reduce((all, s) => all + s.items * s.scores[0]!.value, 0);
  expect(sum / 90).toBeCloseTo(costOf(good.mails).value, 12);
});

test("what a model told by a threshold that is its own costs is a mean of what it told: nothing chooses", () => {
  const told = good.mails.items.map((i, at) => ({ ...i, told: at % 2 }));
  const measure = measureOf("cost", { ...heads[0]!, costs: { ...rule, isTold: true } });
  const mean = told.reduce((sum, { gold, told: t }) => sum + (gold![0] === t ? 0 : gold![0] === 1 ? 3 : 1), 0) / 90;
  expect(scoreOf(measure, told)).toMatchObject({ value: expect.closeTo(mean, 12), items: 90 });
});
