/** Filters, includes and groups of lm-evaluation-harness. `bench/peers/golden/harness_filters.py` writes what its own filters make of answers. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { evaluateTask } from "../evaluate-task.ts";
import { rememberedAnswers } from "../models/kept-answers.ts";
import type { EvaluatedModel } from "../models/model.ts";
import { groupHeadOf, groupItems, groupScores } from "../results/group.ts";
import { headOf } from "../results/item.ts";
import { measureOf } from "../results/measures.ts";
import { readTask, readTasks } from "./read-task.ts";

const golden: {
  readonly answers: readonly string[][];
  readonly lists: readonly {
    readonly name: string;
    readonly filter: readonly object[];
    readonly results: readonly (string | readonly string[])[];
  }[];
  readonly pairs: readonly (readonly string[])[];
  readonly rules: readonly { readonly rule: object; readonly matches: readonly number[] }[];
} = JSON.parse(readFileSync(new URL("golden/harness-filters.golden.json", import.meta.url), "utf8"));

const root = mkdtempSync(join(tmpdir(), "loam-harness-files-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
function write(name: string, content: string): string {
  mkdirSync(dirname(join(root, name)), { recursive: true });
  writeFileSync(join(root, name), content);
  return join(root, name);
}
const rows = (count: number, of: (i: number) => object) => Array.from({ length: count }, (_, i) => `${JSON.stringify(of(i))}\n`).join("");

/** A model whose answers to an item are those given, in order of the items. */
const saying = (answers: readonly (readonly string[])[]): EvaluatedModel => ({
  id: "saying",
  fingerprint: "saying",
  async generate(requests, each) {
    for (const [i, r] of requests.entries()) each(i, { texts: answers[i]!.slice(0, r.samples), tokens: 1, ms: 1 });
  },
});
/** A model to which the choice is likeliest that an item's prompt ends with. */
const choosing: EvaluatedModel = {
  id: "choosing",
  fingerprint: "choosing",
  async likelihood(requests, each) {
    for (const [i, { context, continuations }] of requests.entries())
      each(i, { choices: continuations.map(c => ({ logLikelihood: context.endsWith(c.trim()) ? -1 : -2, isGreedy: false })), ms: 1 });
  },
};

const asking = (name: string, filters: string, more = "repeats: 3") => `task: ${name}
dataset_path: json
dataset_kwargs: { data_files: { test: sums.jsonl } }
test_split: test
output_type: generate_until
doc_to_text: "Q: {{q}}"
doc_to_target: answer
generation_kwargs: { until: ["\\n\\n"], do_sample: true, temperature: 0.2 }
metric_list: [{ metric: exact_match, aggregation: mean, higher_is_better: true }]
${more}
${filters}
`;

test("answers are read as the harness's own filters read them, each list as a task of its own that asks the same", async () => {
  write(
    "sums.jsonl",
    rows(golden.answers.length, i => ({ q: `sum ${i}`, answer: "18" })),
  );
  const lists = golden.lists.map(({ name, filter }) => ({ name, filter }));
  const { tasks, groups } = await readTasks(write("sums.yaml", asking("sums", `filter_list: ${JSON.stringify(lists)}`)));
  expect(groups).toEqual([]);
  expect(tasks.map(t => t.task.task)).toEqual(golden.lists.map(l => `sums-${l.name.replace("@", "-")}`));
  const answers = rememberedAnswers();
  for (const [k, loaded] of tasks.entries()) {
    const { items, known } = await evaluateTask({ loaded, model: saying(golden.answers), answers });
    expect(known, "the first list asks, the others know").toBe(k === 0 ? 0 : golden.answers.length);
    const { results, name } = golden.lists[k]!;
    expect(
      items.map(i => i.came),
      name,
    ).toEqual(results.map(r => (typeof r === "string" ? r : r[0])));
  }
});

test("an exact match passes over what the harness's passes over", async () => {
  const { pairs, rules } = golden;
  write(
    "pairs.jsonl",
    rows(pairs.length, i => ({ q: `${i}`, answer: pairs[i]![1] })),
  );
  for (const { rule, matches } of rules) {
    const metric = `metric_list: [${JSON.stringify({ metric: "exact_match", ...rule })}]`;
    const yaml = asking("pairs", "", "")
      .replace("sums.jsonl", "pairs.jsonl")
      .replace(/metric_list: .*/, () => metric);
    const loaded = await readTask(write("pairs.yaml", yaml));
    const { items } = await evaluateTask({ loaded, model: saying(pairs.map(p => [p[0]!])), answers: rememberedAnswers() });
    const measure = measureOf("exact-match", headOf(loaded.task));
    expect(items.map(measure.value), JSON.stringify(rule)).toEqual(matches);
  }
  const broken = asking("broken", "").replace(/metric_list: .*/, "metric_list: [{ metric: exact_match, regexes_to_ignore: ['('] }]");
  await expect(readTasks(write("broken.yaml", broken))).rejects.toThrow(
    /broken: match\.ignore\[0\]: expected a regular expression, got "\("/,
  );
});

test("filters that are not known, or in an order that cannot be, are refused with their place", async () => {
  const refused = (name: string, filter: object[], more?: string) =>
    expect(readTasks(write(`${name}.yaml`, asking(name, `filter_list: ${JSON.stringify([{ name: "a", filter }])}`, more)))).rejects;
  await refused("unknown", [{ function: "multi_choice_regex" }]).toThrow(
    /unknown\.yaml: filter_list\[0\]\.filter\[0\]\.function: expected one of regex, .*take_first, got "multi_choice_regex"/,
  );
  await refused("behind", [{ function: "take_first" }, { function: "lowercase" }]).toThrow(
    /filter_list\[0\]\.filter\[1\]: expected nothing/,
  );
  await refused("third", [{ function: "regex", group_select: 2 }, { function: "take_first" }]).toThrow(
    /expected group_select 0 or -1, got 2/,
  );
  await refused("many", [{ function: "take_first_k", k: 8 }, { function: "majority_vote" }]).toThrow(/expected k up to 3.*got 8/);
  await refused("open", [{ function: "lowercase" }]).toThrow(/expected take_first or majority_vote at the end.*got 3 answers/);
  await expect(
    readTasks(
      write(
        "likely.yaml",
        asking("likely", "").replace("generate_until", "multiple_choice").replace("doc_to_text", "doc_to_choice: [a, b]\ndoc_to_text"),
      ),
    ),
  ).rejects.toThrow(/likely\.yaml: repeats: expected 1, or output_type generate_until.*got 3/);
  await expect(readTask(join(root, "sums.yaml"))).rejects.toThrow(/sums\.yaml: expected one task, got 8/);
});

const template = `dataset_path: json
output_type: multiple_choice
doc_to_text: "{{q}}"
doc_to_choice: [A, B]
doc_to_target: label
test_split: test
metric_list: [{ metric: acc }]
metadata: { version: 1 }
`;
/** Items of which `right` are answered rightly by `choosing`. */
const items = (count: number, right: number) => rows(count, i => ({ q: `item ${i} A`, label: i < right ? 0 : 1 }));

/** As the files of MMLU are: a template, leaves that include it and bear a tag, groups of tags, a group of groups. */
function writeExam(): string {
  write("exam/_template_yaml", template);
  for (const [name, tag, count, right] of [
    ["anatomy", "exam_stem_tasks", 10, 9],
    ["physics", "exam_stem_tasks", 30, 15],
    ["law", "exam_humanities_tasks", 20, 4],
  ] as const) {
    write(`exam/leaves/${name}.jsonl`, items(count, right));
    write(
      `exam/leaves/exam_${name}.yaml`,
      `include: ../_template_yaml\ntask: exam_${name}\ntask_alias: ${name}\ntag: ${tag}\ndataset_kwargs: { data_files: { test: ${name}.jsonl } }\n`,
    );
  }
  const mean = (isWeighted: boolean) => `aggregate_metric_list: [{ metric: acc, weight_by_size: ${isWeighted ? "True" : "False"} }]\n`;
  write("exam/_exam_stem.yaml", `group: exam_stem\ngroup_alias: stem\ntask:\n  - exam_stem_tasks\n${mean(true)}`);
  write("exam/_exam_humanities.yaml", `group: exam_humanities\ntask: exam_humanities_tasks\n${mean(false)}metadata: { version: 2 }\n`);
  write("exam/broken.yaml", "task: [");
  return write("exam/_exam.yaml", `group: exam\ntask: [exam_stem, exam_humanities]\n${mean(false)}`);
}

test("a group of groups has their tasks once, and the harness's means: by items, or of tasks alike", async () => {
  const { tasks, groups } = await readTasks(writeExam());
  expect(tasks.map(t => t.task.task)).toEqual(["exam_anatomy", "exam_physics", "exam_law"]);
  expect(groups.map(g => [g.name, g.tasks.length])).toEqual([
    ["exam_stem", 2],
    ["exam_humanities", 1],
    ["exam", 3],
  ]);
  expect(groups[0]!.alias).toBe("stem");
  const results = new Map<string, Awaited<ReturnType<typeof evaluateTask>>["items"]>();
  for (const loaded of tasks)
    results.set(loaded.task.task, (await evaluateTask({ loaded, model: choosing, answers: rememberedAnswers() })).items);
  const scoreOf = (at: number) => {
    const head = groupHeadOf(
      groups[at]!,
      tasks.map(t => headOf(t.task)),
    );
    return groupScores(
      head,
      groupItems(
        head,
        [...results].map(([task, items]) => ({ task, items })),
      ),
    )[0]!;
  };
  // aggregate_subtask_metrics of the harness: sum(metric * size) / sum(size), sizes 1 where nothing is weighted
  expect(scoreOf(0)).toMatchObject({ metric: "acc", tasks: 2, items: 40 });
  expect(scoreOf(0).value).toBeCloseTo((0.9 * 10 + 0.5 * 30) / 40, 12);
  expect(scoreOf(1).value).toBeCloseTo(0.2, 12);
  expect(scoreOf(2).value).toBeCloseTo((0.9 + 0.5 + 0.2) / 3, 12);
  for (const at of [0, 1, 2]) {
    const { value, low, high } = scoreOf(at);
    expect(low).toBeLessThan(value);
    expect(high).toBeGreaterThan(value);
  }
});

test("a template that bears a tag and no name lends the tag to what includes it, and is no member", async () => {
  write("plain/_template.yaml", `tag: plain_tasks\n${template}`);
  for (const name of ["one", "two"]) {
    write(`plain/${name}.jsonl`, items(3, 2));
    write(`plain/${name}.yaml`, `include: _template.yaml\ntask: plain_${name}\ndataset_kwargs: { data_files: { test: ${name}.jsonl } }\n`);
  }
  const { tasks } = await readTasks(write("plain/_plain.yaml", "group: plain\ntask: [plain_tasks]\n"));
  expect(tasks.map(t => t.task.task)).toEqual(["plain_one", "plain_two"]);
});

test("a group's own words about a task win, tasks may stand in it, and several lists of filters have a figure each", async () => {
  writeExam();
  const path = write(
    "exam/_own.yaml",
    `group: own
task:
  - { task: exam_law, description: "Law.\\n\\n" }
  - { task: inline, include_nothing: 1 }
`,
  );
  await expect(readTasks(path)).rejects.toThrow(/include_nothing/);
  write(
    "exam/_own.yaml",
    `group: own\ntask:\n  - { task: exam_law, description: "Law.\\n\\n" }\n  - { group: inner, task: [exam_physics] }\n`,
  );
  const { tasks, groups } = await readTasks(path);
  expect(tasks.map(t => [t.task.task, t.task.description])).toEqual([
    ["exam_law", "Law.\n\n"],
    ["exam_physics", ""],
  ]);
  expect(groups.map(g => g.name)).toEqual(["inner", "own"]);
  const filtered = write(
    "filtered/_all.yaml",
    "group: all\ntask: [one]\naggregate_metric_list:\n  - { metric: exact_match, aggregation: mean, weight_by_size: True }\n",
  );
  write(
    "filtered/sums.jsonl",
    rows(2, i => ({ q: `${i}`, answer: "1" })),
  );
  const twoLists = "filter_list: [{ name: a, filter: [{ function: take_first }] }, { name: b, filter: [{ function: majority_vote }] }]";
  write("filtered/one.yaml", asking("one", twoLists));
  expect((await readTasks(filtered)).groups[0]!.measures).toEqual([
    { metric: "exact-match", filter: "a", isWeighted: true, tasks: ["one-a"] },
    { metric: "exact-match", filter: "b", isWeighted: true, tasks: ["one-b"] },
  ]);
});

test("members that are not there, circles and unknown keys are named", async () => {
  writeExam();
  await expect(readTasks(write("exam/_a.yaml", "group: a\ntask: [exam_physic]\n"))).rejects.toThrow(
    /_a\.yaml: a\.task\[0\]: expected a task, group or tag.*got "exam_physic".*Did you mean "exam_physics"\?/,
  );
  await expect(readTasks(write("exam/_b.yaml", "group: b\ntask: [b]\n"))).rejects.toThrow(
    /expected groups that do not hold themselves, got b > b/,
  );
  await expect(readTasks(write("exam/_c.yaml", "group: c\ntask: [exam_law]\naggregate: 1\n"))).rejects.toThrow(/aggregate/);
  const median = "group: d\ntask: [exam_law]\naggregate_metric_list: [{ metric: acc, aggregation: median }]\n";
  await expect(readTasks(write("exam/_d.yaml", median))).rejects.toThrow(/_d\.yaml: aggregate_metric_list/);
  const filter = "group: e\ntask: [exam_law]\naggregate_metric_list: { metric: acc, filter_list: strict }\n";
  await expect(readTasks(write("exam/_e.yaml", filter))).rejects.toThrow(
    /filter_list: expected a list of filters of its tasks: none, got "strict"/,
  );
  await expect(readTasks(write("exam/loop.yaml", "include: loop.yaml\ntask: x\n"))).rejects.toThrow(
    /loop\.yaml: include: expected a file that/,
  );
});

test("tasks of Loam's shape are members by their names, beside the harness's, and keep what only they can say", async () => {
  write("mixed/own.jsonl", '{"q":"a","label":"yes"}\n{"q":"b","label":"no"}\n');
  write("mixed/chose.jsonl", '{"q":"c","label":"yes"}\n{"q":"d","label":"no"}\n');
  const own = (name: string) =>
    write(
      `mixed/${name}.yaml`,
      `task: ${name}\ndata: { test: own.jsonl, chose: chose.jsonl }\nprompt: q\noutput: classify\nlabels: { "yes": y, "no": n }\ntarget: label\npositive: "yes"\ncosts: { from: chose, falsePositive: 1, falseNegative: 2 }\n`,
    );
  own("first");
  own("second");
  const { tasks, groups } = await readTasks(
    write("mixed/_both.yaml", "group: both\ntask: [first, second]\naggregate_metric_list: { metric: cost, weight_by_size: false }\n"),
  );
  expect(tasks.map(t => [t.task.task, t.items.length, t.choosing?.length, t.task.costs?.falseNegative])).toEqual([
    ["first", 2, 2, 2],
    ["second", 2, 2, 2],
  ]);
  expect(groups).toEqual([
    { name: "both", tasks: ["first", "second"], measures: [{ metric: "cost", isWeighted: false, tasks: ["first", "second"] }] },
  ]);
});
