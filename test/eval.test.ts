/** `loam eval` as a user starts it: exit codes, conditions both ways, kills in the middle, and the same model behind a server of its own. */

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, expect, onTestFinished, test } from "vitest";
import { answers } from "../console/src/generated/server.ts";
import { letters } from "../src/project/init/letters.ts";
import { releaseSource } from "../src/project/serving/release-source.ts";
import type { ModelCard } from "../src/registry/index.ts";
import { openStore } from "../src/store/index.ts";
import { type Ended, jsonLines, loam, start, startProcess } from "./support/child.ts";
import { copyProject, temporaryFolder, trainedToy, writeToy } from "./support/project.ts";

let cwd: string;

const texts = letters(60, "toy");
/** Items of a few words, from the so manieth on: a context of 32 tokens holds them. */
const items = (count: number, first = 0) =>
  Array.from({ length: count }, (_, i) => {
    const words = texts[i % texts.length]!.split(/\s+/);
    const at = first + 2 * Math.floor(i / texts.length);
    const [start, right] = [words.slice(at, at + 2).join(" "), words[at + 2]!];
    return JSON.stringify({ n: i, start, endings: [right, "zzgq", "Xylo"], right: 0, kind: i % 2 ? "odd" : "even" });
  }).join("\n");

const task = (name: string, more: string) =>
  `task: ${name}\ndata: { test: ${name === "many" ? "many" : "few"}.jsonl }\nid: n\nprompt: start\n${more}`;
const tasks = {
  ends: task("ends", "output: multiple_choice\nchoices: endings\ntarget: right\nslices: [kind]\n"),
  many: task("many", "output: multiple_choice\nchoices: endings\ntarget: right\n"),
  next: task("next", 'output: loglikelihood\ntarget: "{{endings[0]}}"\n'),
  text: 'task: text\ndata: { test: few.jsonl }\nid: n\noutput: loglikelihood_rolling\ntarget: "{{start}} {{endings[0]}}"\n',
  writes: task("writes", 'output: generate_until\ntarget: "{{endings[0]}}"\ngenerate: { maxTokens: 6, stop: [" "] }\n'),
};

beforeAll(async () => {
  cwd = await trainedToy({}, mkdtempSync(join(tmpdir(), "loam-eval-")));
  mkdirSync(join(cwd, "tasks"));
  writeFileSync(join(cwd, "tasks", "few.jsonl"), items(24));
  writeFileSync(join(cwd, "tasks", "many.jsonl"), items(1200, 1));
  for (const [name, yaml] of Object.entries(tasks)) writeFileSync(join(cwd, "tasks", `${name}.yaml`), yaml);
  return () => rmSync(cwd, { recursive: true, force: true });
});

/** A server of the chat and completions contracts whose words follow from the request; `asked` counts. */
async function speaker(
  chat: (text: string) => string,
  completion: () => string,
  hear: (messages: readonly { readonly role: string; readonly content: string }[]) => void = () => {},
) {
  const state = { asked: 0, url: "" };
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const piece of request) body += String(piece);
    state.asked++;
    const { messages } = JSON.parse(body) as { messages?: { role: string; content: string }[] };
    if (messages) hear(messages);
    const choice = messages ? { message: { role: "assistant", content: chat(messages.at(-1)!.content) } } : { text: completion() };
    response.setHeader("content-type", "application/json").end(JSON.stringify({ choices: [choice], usage: { completion_tokens: 1 } }));
  });
  await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  state.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  return state;
}

interface Figure {
  readonly items: number;
  readonly value: number;
}
interface Document {
  readonly tasks: readonly {
    readonly task: string;
    readonly artifact: string;
    readonly items: number;
    readonly isKnown: boolean;
    readonly kept: number;
    readonly scores: readonly { readonly metric: string; readonly value: number; readonly low: number; readonly high: number }[];
    readonly slices: readonly { readonly group: string; readonly items: number }[];
    readonly variants: readonly {
      readonly variant: string;
      readonly alike?: { readonly value: number; readonly low: number; readonly high: number };
      readonly differences: readonly { readonly value: number }[];
      readonly turned: readonly { readonly came: string; readonly before: string }[];
    }[];
    readonly worst: readonly { readonly id: string }[];
    readonly slowest: readonly { readonly id: string }[];
    readonly judgement?: { readonly winRate: { readonly value: number; readonly low: number }; readonly isKnown: boolean } & Readonly<
      Record<"wins" | "losses" | "ties" | "contradictions" | "unread" | "kappa", number>
    >;
    readonly contamination?: {
      readonly clean: number;
      readonly contaminated: number;
      readonly unknown: number;
      readonly checks: readonly { readonly set: string; readonly isSameFile: boolean; readonly of?: string }[];
      readonly scores: readonly { readonly clean?: Figure; readonly contaminated?: Figure }[];
    };
    readonly comparison?: { readonly differences: readonly { readonly metric: string; readonly value: number; readonly p: number }[] };
  }[];
  readonly groups?: readonly {
    readonly group: string;
    readonly tasks: readonly string[];
    readonly scores: readonly { readonly metric: string; readonly items: number; readonly isWeighted: boolean; readonly value: number }[];
    readonly comparison?: { readonly differences: readonly { readonly metric: string; readonly value: number }[] };
  }[];
  readonly gates: readonly { readonly task: string; readonly items: number; readonly fails: boolean; readonly evidence: string }[];
  readonly failed: number;
}
const documentOf = ({ stdout }: Ended): Document => jsonLines(stdout).find(line => "tasks" in line) as unknown as Document;
const evaluate = (...args: string[]) => loam(["eval", ...args, "--json"], { cwd });

/** What the console is told of a project's newest version, as it gets it: through JSON and its contract. */
async function onPage(root: string) {
  const store = await openStore({ root });
  try {
    const source = releaseSource(store);
    const through = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
    const [model] = answers["GET /api/releases"].parse(through(await source.releases()));
    return answers["GET /api/reports/{version}"].parse(through(await source.report(model!.versions[0]!.id, undefined))).tasks;
  } finally {
    await store.close();
  }
}

test("figures with intervals once, and from the record the second time", async () => {
  const first = await evaluate("ends", "next", "text");
  expect(first.code, first.stderr).toBe(0);
  const { tasks: made, failed } = documentOf(first);
  expect(made.map(t => [t.task, t.items, t.isKnown])).toEqual([
    ["ends", 24, false],
    ["next", 24, false],
    ["text", 24, false],
  ]);
  const acc = made[0]!.scores[0]!;
  // a model of these letters knows their words from words of nobody
  expect(acc).toMatchObject({ metric: "acc" });
  expect(acc.value).toBeGreaterThan(0.6);
  expect(acc.low).toBeLessThan(acc.value);
  expect(made[0]!.slices.map(s => [s.group, s.items])).toEqual([
    ["even", 12],
    ["odd", 12],
  ]);
  expect(failed).toBe(0);
  const second = documentOf(await evaluate("ends", "next", "text"));
  expect(second.tasks.map(t => t.isKnown)).toEqual([true, true, true]);
  expect(second.tasks.map(t => t.scores)).toEqual(made.map(t => t.scores));
});

test("a group of lm-evaluation-harness: its tasks, and its measures over all of them, by items or alike", async () => {
  const folder = join(cwd, "tasks", "letters");
  mkdirSync(folder);
  writeFileSync(join(folder, "even.jsonl"), items(8));
  // others than those of `many`, whose answers would be kept already
  writeFileSync(join(folder, "odd.jsonl"), items(24, 2));
  const template =
    "dataset_path: json\noutput_type: multiple_choice\ndoc_to_text: start\ndoc_to_choice: endings\ndoc_to_target: right\ntest_split: test\nmetric_list: [{ metric: acc }]\n";
  writeFileSync(join(folder, "_template_yaml"), template);
  for (const side of ["even", "odd"])
    writeFileSync(
      join(folder, `${side}.yaml`),
      `include: _template_yaml\ntask: letters_${side}\ntag: letters_tasks\ndataset_kwargs: { data_files: { test: ${side}.jsonl } }\n`,
    );
  const metrics = "aggregate_metric_list: [{ metric: acc, weight_by_size: True }, { metric: acc, weight_by_size: False }]\n";
  writeFileSync(join(folder, "_letters.yaml"), `group: letters\ntask: [letters_tasks]\n${metrics}`);
  const ran = await evaluate(join(folder, "_letters.yaml"));
  expect(ran.code, ran.stderr).toBe(0);
  const { tasks: made, groups } = documentOf(ran);
  expect(made.map(t => [t.task, t.items])).toEqual([
    ["letters_even", 8],
    ["letters_odd", 24],
  ]);
  const [even, odd] = made.map(t => t.scores[0]!.value) as [number, number];
  expect(groups).toMatchObject([{ group: "letters", tasks: ["letters_even", "letters_odd"] }]);
  const [byItems, alike] = groups![0]!.scores;
  expect(byItems).toMatchObject({ metric: "acc", items: 32, tasks: 2, isWeighted: true });
  expect(byItems!.value).toBeCloseTo((8 * even + 24 * odd) / 32, 12);
  expect(alike!.value).toBeCloseTo((even + odd) / 2, 12);
  expect(ran.stderr).toMatch(/ {2}letters: 2 tasks {2}\(group-result-[0-9a-f]+\)\n {4}acc .* higher is better; 2 tasks by their items/);
  // conditions: the group as a whole where none is named, a task by its name, the figure of tasks alike
  const page = join(temporaryFolder("groups"), "report.html");
  const conditions = ["acc < against.acc - 0.01", "letters.acc:alike < against.letters.acc:alike - 0.01", "letters_even.acc > 2"];
  const gated = await evaluate(
    join(folder, "_letters.yaml"),
    ...["--against", "toy@latest", "--report", page],
    ...conditions.flatMap(c => ["--fail-if", c]),
  );
  expect(gated.code, gated.stderr).toBe(0);
  expect(documentOf(gated).gates).toMatchObject([
    { task: "letters", items: 32, evidence: "excluded", figures: { acc: byItems!.value } },
    { task: "letters", items: 32, evidence: "excluded", figures: { "acc:alike": alike!.value } },
    { task: "letters_even", items: 8 },
  ]);
  expect(documentOf(gated).groups![0]!.comparison).toMatchObject({
    differences: [
      { metric: "acc", value: 0 },
      { metric: "acc:alike", value: 0 },
    ],
  });
  const html = readFileSync(page, "utf8");
  expect(html.indexOf(">letters</h2>")).toBeGreaterThan(0);
  expect(html.indexOf(">letters</h2>")).toBeLessThan(html.indexOf(">letters_even</h2>"));
  expect(html).toContain('<a href="#of-letters_odd">letters_odd</a>');
  const fails = await evaluate(join(folder, "_letters.yaml"), "--fail-if", "acc > 0.1");
  expect([fails.code, documentOf(fails).gates.length]).toEqual([1, 1]);
  const mixed = await evaluate(join(folder, "_letters.yaml"), "--fail-if", "letters_even.acc < letters_odd.acc");
  expect([mixed.code, mixed.stdout + mixed.stderr]).toEqual([2, expect.stringContaining("measures of one task or group")]);
  // what was evaluated is in the record, and the version's card tells it
  const card = await loam(["models", "show", "toy@latest", "--json"], { cwd });
  expect(card.stdout).toContain("group-result-");
  // a look at some items of each, then the whole again: what was told last counts, without asking
  const onCard = async () => (await onPage(cwd)).find(t => t.task === "letters")!.items;
  expect((await evaluate(join(folder, "_letters.yaml"), "--limit", "2")).code).toBe(0);
  expect(await onCard()).toBe(4);
  expect(documentOf(await evaluate(join(folder, "_letters.yaml"))).tasks.map(t => t.isKnown)).toEqual([true, true]);
  expect(await onCard()).toBe(32);
  writeFileSync(join(folder, "_letters.yaml"), "group: letters\ntask: [letters_tasks]\naggregate_metric_list: [{ metric: accc }]\n");
  const wrong = await evaluate(join(folder, "_letters.yaml"));
  expect(wrong.code).toBe(2);
  expect(wrong.stderr).toContain('Did you mean "acc"?');
});

test("a condition that holds ends with 1 and the whole document, one that does not with 0, one that is none with 2", async () => {
  const holds = await evaluate("ends", "--fail-if", "acc > 0.1");
  expect(holds.code).toBe(1);
  expect(documentOf(holds)).toMatchObject({ failed: 1, gates: [{ fails: true, evidence: "shown" }], error: { code: "evaluate/gate" } });
  expect(jsonLines(holds.stdout).filter(line => "error" in line || "tasks" in line)).toHaveLength(1);
  expect(holds.stderr + holds.stdout).toContain('\\"acc > 0.1\\" holds');
  const not = await evaluate("ends", "--fail-if", "acc < 0.1");
  expect([not.code, documentOf(not).failed]).toEqual([0, 0]);
  const both = await evaluate("ends", "--fail-if", "acc < 0.1", "--fail-if", "acc > 0.1");
  expect([both.code, documentOf(both).failed]).toEqual([1, 1]);
  // its own figure is what no number of items decides: which error is meant is the caller's choice
  const against = ["ends", "--against", "toy@latest", "--fail-if"];
  expect((await evaluate(...against, "acc < against.acc")).code).toBe(0);
  for (const [wrong, says] of [
    ["acc <", "--fail-if"],
    ["ac < 0.1", 'Did you mean \\"acc\\"'],
    ["acc < against.acc", "--against"],
  ] as const) {
    const { code, stdout, stderr } = await evaluate("ends", "--fail-if", wrong);
    expect([wrong, code]).toEqual([wrong, 2]);
    expect(stdout + stderr).toContain(says);
  }
  expect((await evaluate("endz")).stdout).toContain('Did you mean \\"ends\\"');
});

test("a condition on a type of stereotype decides by the items of that type, and the report writes its name whole", async () => {
  const folder = temporaryFolder("pairs");
  const pair = (type: string, more: string, less: string) => ({
    sent_more: more,
    sent_less: less,
    stereo_antistereo: "stereo",
    bias_type: type,
  });
  const long = "physical-appearance-and-age";
  const pairs = [
    pair(long, "Old people forget.", "Young people forget."),
    pair(long, "Tall people win.", "Short people win."),
    pair("gender", "The girl cried.", "The boy cried."),
  ];
  writeFileSync(join(folder, "pairs.jsonl"), pairs.map(p => `${JSON.stringify(p)}\n`).join(""));
  writeFileSync(join(folder, "pairs.yaml"), "task: pairs\ndata: { test: pairs.jsonl }\noutput: crows_pairs\n");
  const told = await evaluate(join(folder, "pairs.yaml"), "--fail-if", `pct_stereotype:${long} > 2`);
  expect(told.code, told.stderr).toBe(0);
  expect(documentOf(told).gates).toMatchObject([
    { task: "pairs", fails: false, figures: { [`pct_stereotype:${long}`]: expect.any(Number) } },
  ]);
  expect(told.stderr).toMatch(new RegExp(`^ {4}${long} +2 {2}pct_stereotype`, "m"));
  const misspelt = await evaluate(join(folder, "pairs.yaml"), "--fail-if", "pct_stereotype:gendr > 2");
  expect([misspelt.code, misspelt.stdout]).toEqual([2, expect.stringContaining('Did you mean \\"pct_stereotype:gender\\"?')]);
});

test("a bare alias is the evaluated model's, in --against and in conditions; without a task all of the project's are asked", async () => {
  const folder = temporaryFolder("alias");
  copyProject(cwd, folder);
  for (const name of readdirSync(join(folder, "tasks")))
    if (/\.yaml$/.test(name) && name !== "ends.yaml") rmSync(join(folder, "tasks", name));
  const run = async (...args: string[]) => {
    // models of the person who runs the tests are none of theirs
    const ended = await loam([...args, "--json"], { cwd: folder, env: { LOAM_HOME: join(folder, "home") } });
    return { ...ended, result: jsonLines(ended.stdout).at(-1) as Record<string, unknown> };
  };
  // the command of a pipeline, before and after there is such an alias
  const command = ["eval", "--against", "prod", "--fail-if", "acc < prod.acc - 0.01"];
  const before = await run(...command);
  expect([before.code, before.result]).toMatchObject([
    2,
    {
      error: {
        code: "project/argument",
        sentence: expect.stringMatching(/expected a model \(toy\), or an alias of toy: latest, got "prod"/),
      },
    },
  ]);
  expect((await run("models", "promote", "toy@1", "prod")).code).toBe(0);
  const after = await run(...command);
  expect([after.code, after.result], after.stderr).toMatchObject([
    0,
    { model: "toy@1", against: "toy@1", tasks: [{ task: "ends" }], gates: [{ condition: "acc < prod.acc - 0.01", evidence: "excluded" }] },
  ]);
  expect((await run("eval", "--against", "prod", "--fail-if", "acc <= prod.acc")).code).toBe(1);
});

test("killed in the middle, an evaluation goes on with the answers that it had and ends with the same figures", async () => {
  const folder = temporaryFolder("answers");
  const answers = join(cwd, ".loam", "answers");
  const lines = () => {
    try {
      return readdirSync(answers).reduce((n, f) => n + readFileSync(join(answers, f), "utf8").split("\n").length - 1, 0);
    } catch {
      return 0;
    }
  };
  const before = lines();
  const run = startProcess(["eval", "many", "--json"], { cwd });
  await run.says(/"message":"many: ([1-9]\d*) of 1[,.]?200 items/);
  run.kill("SIGKILL");
  const killed = await run.ended;
  expect(killed.signal).toBe("SIGKILL");
  expect(killed.stdout).not.toContain('"tasks"');
  const saved = lines() - before;
  expect(saved).toBeGreaterThan(0);
  expect(saved).toBeLessThan(1200);

  const again = await evaluate("many");
  expect(again.code, again.stderr).toBe(0);
  const [done] = documentOf(again).tasks;
  // a line that the kill has torn is asked again
  expect(done!.kept).toBeGreaterThanOrEqual(saved - 1);
  expect(done!.kept).toBeLessThan(1200);
  const report = join(folder, "report.html");
  const fresh = documentOf(await evaluate("many", "--fresh", "--report", report)).tasks[0]!;
  expect(fresh).toMatchObject({ isKnown: false, kept: 0, items: 1200 });
  // rows of other shapes sum in another order: figures that count are equal
  expect(fresh.scores).toEqual(done!.scores);
  expect(readFileSync(report, "utf8")).toContain("many");
});

test("stopped with --fresh, it says that the same command asks everything again; without, that it goes on", async () => {
  const stopped = async (...more: string[]) => {
    const run = start(["eval", "many", ...more, "--json"], { cwd });
    await run.says(/"message":"many: ([1-9]\d*) of 1[,.]?200 items/);
    run.kill("SIGINT");
    const { code, stderr } = await run.ended;
    expect(code, stderr).toBe(130);
    return stderr;
  };
  expect(await stopped("--fresh")).toMatch(/loam: stopped\. .*no answer is kept.*asks everything again: name only the tasks that are left/);
  writeFileSync(join(cwd, "tasks", "many.jsonl"), items(1200, 2));
  expect(await stopped()).toMatch(/loam: stopped\. What is done is kept; run the same command again to go on\./);
  writeFileSync(join(cwd, "tasks", "many.jsonl"), items(1200, 1));
});

test("behind a server of its own, the same model has the same scores and writes the same", async () => {
  const server = start(["serve", "toy@latest", "--port", "0", "--json"], { cwd });
  const [line] = await server.says(/\{"event":"serving".*\}/);
  const { url, model } = JSON.parse(line) as { url: string; model: string };
  const names = ["ends", "next", "text", "writes"];
  const local = documentOf(await evaluate(...names)).tasks;
  const ended = await evaluate(...names, "--model", `${url}/v1#${model}`, "--against", "toy@latest");
  expect(ended.code, ended.stderr).toBe(0);
  for (const [i, remote] of documentOf(ended).tasks.entries()) {
    expect(remote.task).toBe(local[i]!.task);
    for (const [k, { metric, value }] of remote.scores.entries()) {
      expect(metric).toBe(local[i]!.scores[k]!.metric);
      // float32 sums in another order
      expect(Math.abs(value / local[i]!.scores[k]!.value - 1) || 0, `${remote.task} ${metric}`).toBeLessThan(1e-4);
    }
    for (const d of remote.comparison!.differences.filter(d => ["acc", "acc_norm", "exact-match"].includes(d.metric)))
      expect(d, remote.task).toMatchObject({ value: 0, p: 1 });
  }
  // both are listed, and the same items of both are compared by the names that the list gives
  const listed = await loam(["evaluations", "--task", "ends", "--json"], { cwd });
  const { evaluations } = jsonLines(listed.stdout).at(-1) as { evaluations: { artifact: string; version: string | null }[] };
  const remote = evaluations.find(e => e.version === null)!;
  expect(evaluations.find(e => e.version === "toy@1")).toMatchObject({ kind: "task", items: 24, hasItems: true });
  const diff = await loam(["evaluations", "diff", remote.artifact, "toy@latest", "--task", "ends", "-n", "3", "--json"], { cwd });
  expect(jsonLines(diff.stdout).at(-1), diff.stderr).toMatchObject({
    task: "ends",
    metric: "acc",
    first: remote.artifact,
    counts: { fixed: 0, broken: 0, same: 24 },
    total: 24,
  });
  const unclear = await loam(["evaluations", "diff", remote.artifact, "toy@latest"], { cwd });
  expect([unclear.code, unclear.stderr]).toEqual([2, expect.stringMatching(/task: expected one of .*ends.*, got \d+ tasks of toy@1/)]);
  const nobody = await evaluate("ends", "--model", `${url}/v1#nobody`);
  expect(nobody.code).not.toBe(0);
  expect(nobody.stdout).toContain("nobody");
  server.kill("SIGTERM");
  await server.ended;
  const gone = await evaluate("next", "--fresh", "--limit", "2", "--model", `${url}/v1#${model}`);
  expect(gone.code).not.toBe(0);
  expect(gone.stdout).toContain("evaluate/endpoint");
});

test("--fewshot-as-multiturn: examples are turns of the chat, of a task that has some", async () => {
  writeFileSync(
    join(cwd, "tasks", "shots.yaml"),
    task(
      "shots",
      'output: generate_until\nchat: true\ntarget: "{{endings[0]}}"\nfewShot: { count: 2, sampler: first }\ngenerate: { maxTokens: 4 }\n',
    ),
  );
  const seen: string[][] = [];
  const endpoint = await speaker(
    () => "word",
    () => "",
    messages => void seen.push(messages.map(m => m.role)),
  );
  const ask = (...more: string[]) => loam(["eval", "shots", "--model", `${endpoint.url}#it`, "--limit", "3", ...more, "--json"], { cwd });
  const plain = await ask();
  expect(plain.code, plain.stderr).toBe(0);
  expect(seen).toEqual([["user"], ["user"], ["user"]]);
  const turns = await ask("--fewshot-as-multiturn");
  expect(turns.code, turns.stderr).toBe(0);
  expect(seen.slice(3)).toEqual(Array.from({ length: 3 }, () => ["user", "assistant", "user", "assistant", "user"]));
  const none = await loam(["eval", "next", "--fewshot-as-multiturn"], { cwd });
  expect(none.code).toBe(2);
  expect(none.stderr).toContain("expected a task with examples (fewShot), got next");
});

test("variants tell how many items are answered alike, and the page has what the document has", async () => {
  const ended = await evaluate("ends", "--variants", "upper,typos", "--items", "30");
  expect(ended.code, ended.stderr).toBe(0);
  const { variants, worst, slowest } = documentOf(ended).tasks[0]!;
  expect(variants.map(v => v.variant)).toEqual(["upper", "typos"]);
  for (const v of variants) {
    expect(v.turned.length).toBe(Math.round(24 * (1 - v.alike!.value)));
    expect(v.turned.every(t => t.came !== t.before)).toBe(true);
    expect(v.alike!.low).toBeLessThan(v.alike!.value + 1e-9);
  }
  const page = (await onPage(cwd)).find(t => t.task === "ends")!;
  const byName = variants.toSorted((a, b) => (a.variant < b.variant ? -1 : 1));
  expect(page.variants.map(v => [v.variant, v.alike, v.differences[0]!.value, v.numTurned])).toEqual(
    byName.map(v => [v.variant, v.alike, v.differences[0]!.value, v.turned.length]),
  );
  expect(page.worst.map(i => i.id)).toEqual(worst.map(i => i.id).slice(0, 25));
  expect(page.slowest.map(i => i.id)).toEqual(slowest.map(i => i.id).slice(0, 25));
});

test("a judge behind an endpoint compares two models in both orders, once, and its win rate can be a condition", async () => {
  // it finds the answer with the right word better, and stands for nobody's place
  const part = (text: string, name: string) => new RegExp(`<${name}>\n([\\s\\S]*?)\n</${name}>`).exec(text)?.[1] ?? "";
  const judge = await speaker(
    text => {
      const [a, b] = ["answer_A", "answer_B"].map(name => part(text, name).includes("nobody"));
      return `Reasons.\n[[${a === b ? "tie" : a ? "B" : "A"}]]`;
    },
    () => " nobody says this",
  );
  const judged = (...more: string[]) => evaluate("writes", "--against", `${judge.url}#other`, "--judge", `${judge.url}#judge`, ...more);
  const first = await judged();
  expect(first.code, first.stderr).toBe(0);
  const [{ judgement }] = documentOf(first).tasks as [Document["tasks"][number]];
  expect(judgement).toMatchObject({ wins: 24, losses: 0, ties: 0, contradictions: 0, unread: 0, isKnown: false, winRate: { value: 1 } });
  const { asked } = judge;
  expect(asked).toBe(24 + 48);
  const again = await judged("--fail-if", "win_rate < 0.5");
  expect([again.code, documentOf(again).tasks[0]!.judgement!.isKnown, judge.asked]).toEqual([0, true, asked]);
  expect((await judged("--fail-if", "win_rate > 0.5")).code).toBe(1);
  // whoever looks at the version sees the same verdicts, and what the judge wrote
  const told = (await onPage(cwd)).find(t => t.task === "writes")!.judgements;
  expect(told).toMatchObject([{ judge: "judge", beside: "other", wins: 24, losses: 0, ties: 0, agreement: 1, winRate: { value: 1 } }]);
  expect(told[0]!.won[0]!.said).toEqual(["Reasons.\n[[A]]", "Reasons.\n[[B]]"]);
  const alone = await evaluate("writes", "--judge", `${judge.url}#judge`);
  expect(alone.code).toBe(2);
  expect(alone.stdout).toContain("--against");
});

test("the measures that a task names are told of the version too, those of today; one that it has not asks nobody", async () => {
  const write = (metrics: string) =>
    writeFileSync(join(cwd, "tasks", "named.yaml"), `${tasks.many.replace("many.jsonl", "few.jsonl").replace("many", "named")}${metrics}`);
  const told = async () => {
    const card = await loam(["models", "show", "toy", "--json"], { cwd });
    const { evaluations } = jsonLines(card.stdout)[0] as unknown as ModelCard;
    const page = await onPage(cwd);
    const [own, shown] = [evaluations.find(e => e.task === "named")!, page.find(t => t.task === "named")!];
    expect(shown.scores.map(s => s.metric)).toEqual(own.scores.map(s => s.metric));
    return [own.scores, shown.slices.map(s => s.group)] as const;
  };
  write("metrics: [acc_bytes, brier]\nslices: [{ length: prompt, parts: 2 }]\n");
  const first = documentOf(await evaluate("named")).tasks[0]!;
  expect(first.scores.map(s => s.metric)).toEqual(["acc_bytes", "brier"]);
  expect(await told()).toEqual([first.scores, first.slices.map(s => s.group)]);
  write("metrics: [log_loss]\n");
  const second = documentOf(await evaluate("named")).tasks[0]!;
  expect([second.kept, second.scores.map(s => s.metric)]).toEqual([24, ["log_loss"]]);
  expect((await told())[0]).toEqual(second.scores);
  // what is told last counts, also where it was told before; nothing is asked again for it
  write("metrics: [acc_bytes, brier]\nslices: [{ length: prompt, parts: 2 }]\n");
  const third = documentOf(await evaluate("named")).tasks[0]!;
  expect([third.isKnown, third.scores]).toEqual([true, first.scores]);
  expect(await told()).toEqual([first.scores, first.slices.map(s => s.group)]);
  const fourth = documentOf(await evaluate("named")).tasks[0]!;
  expect([fourth.isKnown, fourth.artifact]).toEqual([true, third.artifact]);
  // a look at a few items, then at all of them again
  expect(documentOf(await evaluate("named", "--limit", "3")).tasks[0]!.items).toBe(3);
  expect((await told())[0].map(s => s.items)).toEqual([3, 3]);
  expect(documentOf(await evaluate("named")).tasks[0]!.isKnown).toBe(true);
  expect((await told())[0]).toEqual(first.scores);
  write("metrics: [acc_bites]\n");
  const nobody = await speaker(
    () => "",
    () => "",
  );
  const refused = await evaluate("named", "--model", `${nobody.url}#nobody`);
  expect([refused.code, nobody.asked]).toEqual([2, 0]);
  expect(refused.stdout).toMatch(/expected a measure of multiple_choice: acc, .*Did you mean .*acc_bytes/);
  rmSync(join(cwd, "tasks", "named.yaml"));
});

/** A toy with a task of which half of the items stand in its texts; `mark` has its data searched for them. */
function seenProject() {
  const own = writeToy(temporaryFolder("seen"));
  const sentence = (text: string) => text.split(/\s+/).slice(3, 23);
  const rows = [
    ...texts.slice(0, 12).map(sentence),
    ...Array.from({ length: 12 }, (_, i) =>
      Array.from({ length: 20 }, (_, k) => `${"bdfgklmnprst"[(i + k) % 12]}${"aeiou"[(i * k + k) % 5]}${"lmnrs"[(i + 2 * k) % 5]}um${i}`),
    ),
  ].map(words => JSON.stringify({ question: words.slice(0, 14).join(" "), answer: words.slice(14).join(" ") }));
  mkdirSync(join(own, "tasks"));
  writeFileSync(join(own, "tasks", "seen.jsonl"), rows.join("\n"));
  writeFileSync(
    join(own, "tasks", "seen.yaml"),
    "task: seen\ndata: { test: seen.jsonl }\nprompt: question\noutput: loglikelihood\ntarget: answer\n",
  );
  const mark = () => {
    const yaml = readFileSync(join(own, "loam.yaml"), "utf8");
    const step = "{ decontaminate: { action: mark, sets: [{ name: own, file: tasks/seen.jsonl, prompt: question, answer: answer }] } }";
    writeFileSync(join(own, "loam.yaml"), yaml.replace("steps: [clean]", `steps: [clean, ${step}]`));
  };
  return { own, rows, mark };
}

test("items that the training data holds are told apart: found by the task's file in the data's recipe", async () => {
  const { own, rows, mark } = seenProject();
  mark();
  const made = await loam(["run"], { cwd: own });
  expect(made.code, made.stderr).toBe(0);
  const ended = await loam(["eval", "seen", "--json", "--report", "seen.html"], { cwd: own });
  expect(ended.code, ended.stderr).toBe(0);
  // a set that nobody checked is known before another task is asked
  const misnamed = `${readFileSync(join(own, "tasks", "seen.yaml"), "utf8").replace("task: seen", "task: misnamed")}contamination: { set: owm }\n`;
  writeFileSync(join(own, "tasks", "misnamed.yaml"), misnamed);
  const refused = await loam(["eval", "seen", "misnamed", "--fresh", "--json"], { cwd: own });
  expect(refused.code).toBe(2);
  expect(refused.stdout).toMatch(/misnamed: contamination\.set: expected a set that the data of toy@1 was checked against: own, got ..owm/);
  expect(refused.stdout).not.toContain('"progress"');
  const { contamination } = documentOf(ended).tasks[0]!;
  expect(contamination).toMatchObject({ unknown: 0, checks: [{ set: "own", isSameFile: true }] });
  // letters that were held out were not trained on
  expect(contamination!.contaminated).toBeGreaterThan(6);
  expect(contamination!.contaminated).toBeLessThanOrEqual(12);
  expect(contamination!.clean + contamination!.contaminated).toBe(24);
  expect(contamination!.scores[0]).toMatchObject({
    clean: { items: contamination!.clean },
    contaminated: { items: contamination!.contaminated },
  });
  expect(readFileSync(join(own, "seen.html"), "utf8")).toContain("Seen in training");
  const told = (await onPage(own))[0]!.contamination!;
  expect(told).toMatchObject({ ...contamination, scores: contamination!.scores.map(() => ({})) });
  expect(told.scores.map(s => [s.clean?.value, s.contaminated?.value])).toEqual(
    contamination!.scores.map(s => [s.clean?.value, s.contaminated?.value]),
  );

  // another file has no marks, and a set that is none is told so
  writeFileSync(join(own, "tasks", "seen.jsonl"), `${rows.join("\n")}\n`);
  const other = await loam(["eval", "seen", "--json"], { cwd: own });
  expect(documentOf(other).tasks[0]!.contamination).toBeUndefined();
  writeFileSync(
    join(own, "tasks", "seen.yaml"),
    "task: seen\ndata: { test: seen.jsonl }\nprompt: question\noutput: loglikelihood\ntarget: answer\ncontamination: { set: owm }\n",
  );
  const wrong = await loam(["eval", "seen", "--json"], { cwd: own });
  expect(wrong.code).toBe(2);
  expect(wrong.stdout).toContain("own");
  expect(wrong.stdout).toContain("owm");
});

test("texts that are marked after the model was made of them tell what it has seen: it is neither trained nor asked again", async () => {
  const { own, mark } = seenProject();
  const trained = await loam(["run"], { cwd: own });
  expect(trained.code, trained.stderr).toBe(0);
  const before = documentOf(await loam(["eval", "seen", "--json"], { cwd: own })).tasks[0]!;
  expect([before.isKnown, before.contamination]).toEqual([false, undefined]);
  mark();
  const run = await loam(["data", "run"], { cwd: own });
  expect(run.code, run.stderr).toBe(0);
  const after = documentOf(await loam(["eval", "seen", "--json"], { cwd: own })).tasks[0]!;
  expect([after.isKnown, after.artifact]).toEqual([true, before.artifact]);
  expect(after.contamination).toMatchObject({ unknown: 0, checks: [{ set: "own", isSameFile: true }], unchecked: [] });
  const { clean, contaminated, checks } = after.contamination!;
  expect(clean + contaminated).toBe(24);
  expect(contaminated).toBeGreaterThan(6);
  expect(contaminated).toBeLessThanOrEqual(12);
  expect(checks[0]!.of).toMatch(/^documents-/);
  expect((await onPage(own))[0]!.contamination).toMatchObject({ clean, contaminated, checks });
  // a text that the model never read holds an item, and is marked: the model has not seen it for that
  const items = readFileSync(join(own, "tasks", "seen.jsonl"), "utf8").split("\n");
  const { question, answer } = JSON.parse(items[20]!) as { question: string; answer: string };
  writeFileSync(join(own, "texts", "new-00001.txt"), `${question} ${answer}\n`);
  const more = await loam(["data", "run"], { cwd: own });
  expect(more.code, more.stderr).toBe(0);
  const later = documentOf(await loam(["eval", "seen", "--json"], { cwd: own })).tasks[0]!.contamination;
  expect(later).toMatchObject({ clean, contaminated });
});
