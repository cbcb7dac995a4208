/** `loam eval` on a tuned classifier, as a user starts it: beside its base, in other words, and with the threshold that its mistakes ask for. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, expect, onTestFinished, test } from "vitest";
import { random } from "../src/base/index.ts";
import { type Ended, jsonLines, loam } from "./support/child.ts";

const yaml = `name: moods
data: { notes: { source: { folder: notes, reader: csv }, steps: [clean] } }
tokenizer: { vocab: 300, from: notes }
models:
  toy: { layers: 1, width: 32, heads: 2, context: 64, train: { on: notes, tokens: 8000, rows: 8, rate: 0.02 } }
  mood:
    base: toy
    tune: { task: classify, on: notes, label: mood, length: 48, epochs: 4, rate: 0.01, pooling: mean, validation: 0.2 }
device: { threads: 1 }
`;
const words = { glad: ["sun", "cake", "dance", "smile"], low: ["rain", "grey", "alone", "cold"] } as const;
const moods = (name: string, count: number) => {
  const draw = random(name);
  return Array.from({ length: count }, (_, i) => {
    const mood = i % 2 ? "glad" : "low";
    const text = Array.from({ length: 6 }, () => [...words[mood], "the", "day", "house", "walk"][draw.below(8)]).join(" ");
    return { note: `${name} ${i} ${text}`, mood };
  });
};

let cwd: string;
beforeAll(async () => {
  cwd = mkdtempSync(join(tmpdir(), "loam-moods-"));
  mkdirSync(join(cwd, "notes"));
  mkdirSync(join(cwd, "tasks"));
  const rows = moods("note", 240).map(r => `"${r.note}",${r.mood}`);
  writeFileSync(join(cwd, "notes", "notes.csv"), `text,mood\n${rows.join("\n")}\n`);
  writeFileSync(join(cwd, "loam.yaml"), yaml);
  for (const part of ["asked", "chooses"])
    writeFileSync(
      join(cwd, "tasks", `${part}.jsonl`),
      moods(part, 40)
        .map(r => `${JSON.stringify(r)}\n`)
        .join(""),
    );
  const task = (name: string, more: string) =>
    writeFileSync(
      join(cwd, "tasks", `${name}.yaml`),
      `task: ${name}\ndata: { test: asked.jsonl, validation: chooses.jsonl }\nprompt: note\noutput: classify\nlabels: { glad: glad, low: low }\ntarget: mood\npositive: low\nmetrics: [acc, f1]\n${more}`,
    );
  task("moods", "");
  task("dear", "costs: { from: validation, falsePositive: 20, falseNegative: 1 }\n");
  const { code, stderr } = await loam(["tune", "mood"], { cwd });
  expect(code, stderr).toBe(0);
  return () => rmSync(cwd, { recursive: true, force: true });
});

interface Chosen {
  readonly chosenBy: string;
  readonly toldOf: string;
  readonly chosenOn: number;
  readonly artifact: string;
  readonly rows: readonly { readonly by: string; readonly cost: number }[];
}
interface Task {
  readonly isKnown: boolean;
  readonly scores: readonly { readonly metric: string; readonly value: number }[];
  readonly comparison?: { readonly against: string; readonly differences: readonly { readonly second: number; readonly wins: number }[] };
  readonly variants: readonly {
    readonly variant: string;
    readonly alike: { readonly value: number };
    readonly differences: readonly { readonly items: number; readonly low: number; readonly high: number }[];
    readonly paraphrases?: {
      readonly taken: number;
      readonly written: number;
      readonly leftOut: Readonly<Record<string, number>>;
      readonly notAsked: readonly { readonly place: string; readonly fault: string }[];
    };
  }[];
  readonly threshold?: Chosen & {
    readonly against?: {
      readonly id: string;
      readonly threshold: Chosen;
      readonly difference: { readonly metric: string; readonly p: number; readonly pHolm: number };
    };
  };
}
const taskOf = ({ stdout }: Ended): Task => (jsonLines(stdout).find(line => "tasks" in line) as unknown as { tasks: Task[] }).tasks[0]!;
const gateOf = ({ stdout }: Ended): unknown =>
  (jsonLines(stdout).find(line => "gates" in line) as unknown as { gates: unknown[] }).gates[0];
const evaluate = (...args: string[]) => loam(["eval", ...args, "--model", "mood", "--json"], { cwd });

test("a base that no version names is held beside what was tuned from it, as loam.yaml stands; changed, it is named with what to do", async () => {
  const ran = await evaluate("moods", "--against", "toy", "--fail-if", "acc < toy.acc");
  expect(ran.code, ran.stderr).toBe(0);
  const { comparison, scores } = taskOf(ran);
  expect(comparison).toMatchObject({ against: "toy" });
  expect(comparison!.differences[0]!.second).toBeLessThan(scores[0]!.value);
  const models = await loam(["models"], { cwd });
  expect(models.stdout + models.stderr).not.toContain("toy@");
  writeFileSync(join(cwd, "loam.yaml"), yaml.replace("tokens: 8000", "tokens: 9000"));
  onTestFinished(() => writeFileSync(join(cwd, "loam.yaml"), yaml));
  const stale = await evaluate("moods", "--against", "toy");
  expect(stale.code).not.toBe(0);
  expect(stale.stdout + stale.stderr).toContain("`loam train toy` makes what is missing and names it.");
});

test("a model behind an endpoint writes the items' other words once; what does not pass is counted, and a page shows what was asked", async () => {
  const state = { asked: 0 };
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const piece of request) body += String(piece);
    state.asked++;
    const text = (JSON.parse(body) as { messages: { content: string }[] }).messages.at(-1)!.content.split("\n\n").at(-1)!;
    const [name, number, ...rest] = text.split(" ");
    // every fourth loses its number
    const content = `Noted: ${rest.toReversed().join(" ")}, ${name} ${Number(number) % 4 === 0 ? "none" : number}`;
    response.setHeader("content-type", "application/json").end(JSON.stringify({ choices: [{ message: { role: "assistant", content } }] }));
  });
  await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const writer = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1#writer`;
  const page = join(cwd, "words.html");
  const ask = () => evaluate("moods", "--variants", "paraphrase", "--paraphraser", writer, "--report", page);
  const first = await ask();
  expect(first.code, first.stderr).toBe(0);
  const [variant] = taskOf(first).variants;
  expect(variant!.paraphrases).toMatchObject({ taken: 30, written: 30, leftOut: { "fact-lost": 10 } });
  expect(variant!.differences[0]).toMatchObject({ items: 30 });
  expect(variant!.alike.value).toBeGreaterThan(0.5);
  expect(readFileSync(page, "utf8")).toContain("a number or address lost 10");
  expect(state.asked).toBe(40);
  expect(taskOf(await ask()).variants).toEqual([variant]);
  expect(state.asked).toBe(40);
  const alone = await evaluate("moods", "--variants", "paraphrase");
  expect([alone.code, alone.stdout.includes("--paraphraser MODEL")]).toEqual([2, true]);
  const idle = await evaluate("moods", "--paraphraser", writer);
  expect([idle.code, idle.stdout.includes("--variants paraphrase")]).toEqual([2, true]);
  // a small decoder writes letters of its own: each is left out, and the reason is said
  writeFileSync(
    join(cwd, "tasks", "plain.yaml"),
    `${readFileSync(join(cwd, "tasks", "moods.yaml"), "utf8").replace("task: moods", "task: plain")}paraphrases: { chat: false, instruction: So, maxTokens: 8 }\n`,
  );
  const small = await evaluate("plain", "--variants", "paraphrase", "--paraphraser", "toy");
  expect([small.code, small.stdout]).toEqual([2, expect.stringMatching(/none of 40: [a-z]/)]);
  // what its context has no room for is no error of all: these are counted beside the others
  const rows = moods("asked", 40).map((r, i) => (i < 3 ? { ...r, note: `${r.note} ${"and the day in the house ".repeat(12)}` } : r));
  writeFileSync(join(cwd, "tasks", "longer.jsonl"), rows.map(r => `${JSON.stringify(r)}\n`).join(""));
  writeFileSync(
    join(cwd, "tasks", "longer.yaml"),
    readFileSync(join(cwd, "tasks", "plain.yaml"), "utf8")
      .replace("task: plain", "task: longer")
      .replace("asked.jsonl", "longer.jsonl"),
  );
  const longer = await evaluate("longer", "--variants", "paraphrase", "--paraphraser", "toy");
  expect([longer.code, longer.stdout]).toEqual([2, expect.stringMatching(/none of 40: [^"]*longer than the writer reads 3\b/)]);
});

test("an item whose text the writer has no room for is named in the lines, the document and the page; the others are asked", async () => {
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const piece of request) body += String(piece);
    const text = (JSON.parse(body) as { messages: { content: string }[] }).messages.at(-1)!.content.split("\n\n").at(-1)!;
    const [name, number, ...rest] = text.split(" ");
    response.setHeader("content-type", "application/json");
    if (Number(number) >= 32)
      response
        .writeHead(400)
        .end(JSON.stringify({ error: { message: "Shorten it.", type: "invalid_request_error", code: "context_length_exceeded" } }));
    else
      response.end(
        JSON.stringify({
          choices: [{ message: { role: "assistant", content: `Noted: ${rest.toReversed().join(" ")}, ${name} ${number}` } }],
        }),
      );
  });
  await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const writer = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1#brief`;
  const page = join(cwd, "brief.html");
  const ran = await evaluate("moods", "--variants", "paraphrase", "--paraphraser", writer, "--report", page);
  expect(ran.code, ran.stderr).toBe(0);
  const [variant] = taskOf(ran).variants;
  expect(variant!.paraphrases).toMatchObject({ taken: 32, leftOut: { long: 8 } });
  expect(variant!.paraphrases!.notAsked.map(i => [i.place, i.fault])).toEqual(
    Array.from({ length: 8 }, (_, i) => [`asked.jsonl:${33 + i}`, "long"]),
  );
  expect(variant!.differences[0]).toMatchObject({ items: 32 });
  expect(ran.stderr).toMatch(/not asked, longer than the writer reads: asked\.jsonl:33, .*asked\.jsonl:37 and 3 more/);
  expect(readFileSync(page, "utf8")).toContain("longer than the writer reads 8");
});

test("a threshold is chosen on one split and told on another, and what chose is no result of the task", async () => {
  const first = await evaluate("dear");
  expect(first.code, first.stderr).toBe(0);
  const { threshold, scores } = taskOf(first);
  expect(threshold).toMatchObject({ chosenBy: "validation", toldOf: "test", chosenOn: 40 });
  const card = await loam(["models", "show", "mood", "--json"], { cwd });
  expect(card.stdout).not.toContain(threshold!.artifact);
  const again = taskOf(await evaluate("dear"));
  expect(again).toMatchObject({ isKnown: true, scores, threshold });
  const shown = await loam(["eval", "dear", "--model", "mood"], { cwd });
  expect(shown.stderr + shown.stdout).toMatch(/Threshold for low: .* chosen on 40 validation items, evaluated on 40 test ones/);
  // the model beside it has one of its own, chosen by its own answers to the same items
  const page = join(cwd, "dear.html");
  const both = await evaluate("dear", "--against", "toy", "--report", page, "--fail-if", "cost > toy.cost + 20");
  expect(both.code, both.stderr).toBe(0);
  const { against, ...own } = taskOf(both).threshold!;
  expect(own).toEqual(threshold);
  expect(against).toMatchObject({ id: "toy", threshold: { chosenBy: "validation", toldOf: "test", chosenOn: 40 } });
  expect(against!.threshold.artifact).not.toBe(threshold!.artifact);
  const costs = [own, against!.threshold].map(t => t.rows.find(r => r.by === "cheapest")!.cost);
  expect(against!.difference).toMatchObject({ metric: "cost", better: "lower", items: 40, first: costs[0], second: costs[1] });
  expect(against!.difference.pHolm).toBe(against!.difference.p);
  expect(both.stderr).toMatch(/Threshold of toy for low: /);
  expect(both.stderr).toMatch(/cost of an item against toy, each at its own cheapest:\n {4}cost /);
  expect(readFileSync(page, "utf8")).toContain("toy, whose threshold is chosen by its own answers to the same items");
  // conditions ask what is told, and one that holds ends with 1; a task without costs has no such measure
  const failing = await evaluate("dear", "--against", "toy", "--fail-if", "dear.cost < toy.dear.cost + 20");
  for (const [ran, condition, evidence, fails] of [
    [both, "cost > toy.cost + 20", "excluded", false],
    [failing, "dear.cost < toy.dear.cost + 20", "shown", true],
  ] as const)
    expect(gateOf(ran)).toMatchObject({ condition, evidence, fails, items: 40, figures: { cost: costs[0], "against.cost": costs[1] } });
  expect(failing.code).toBe(1);
  const none = await evaluate("moods", "--fail-if", "cost > 1");
  expect(none.code).toBe(2);
  expect(none.stdout + none.stderr).toContain("a task with `costs`");
});
