/** Masks of a recipe through the command line: what is shown before is what is trained on, and what the page says of it afterwards. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { jsonLines, loam, start } from "../../../test/support/child.ts";
import { signedIn } from "../../../test/support/login.ts";
import { openArtifact, openStore } from "../../store/index.ts";

const folder = mkdtempSync(join(tmpdir(), "loam-preview-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const things = ["cat", "dog", "house", "tree", "sea", "sun", "car", "hat"];
const lines = (records: readonly object[]): string => records.map(r => `${JSON.stringify(r)}\n`).join("");
const yaml = `name: masks
data:
  notes:
    source: { folder: notes, reader: csv }
    steps: [clean]
    split: { heldOut: 0.2 }
tokenizer: { vocab: 300, from: notes }
models:
  toy: { layers: 1, width: 16, heads: 2, context: 96, train: { on: notes, tokens: 3200, rows: 8, rate: 0.02 }, evaluate: { baselines: [gzip] } }
  long:
    base: toy
    tune: { task: instruct, on: ./pairs.jsonl, format: completion, columns: { completion: chosen }, method: full, length: 128 }
  asked:
    base: toy
    tune: { task: instruct, on: notes, columns: { user: "How was {{thing}}?", assistant: text }, method: full, length: 96, epochs: 1, sample: 30, validation: 0.2 }
  better:
    base: toy
    tune: { task: preference, on: ./pairs.jsonl, method: full, length: 96, epochs: 1, validation: 0 }
  classes:
    base: toy
    tune: { task: classify, on: notes, label: thing }
serve: { models: { asked: {} }, port: 0, slots: 2 }
device: { threads: 1 }
`;

interface Preview {
  readonly examples: number;
  readonly tokens: number;
  readonly trainedTokens: number;
  readonly validation: number;
  readonly problems: readonly object[];
  readonly shown: readonly {
    readonly place: string;
    readonly tokens: number;
    readonly trained: number;
    readonly runs: readonly { readonly trained: boolean; readonly text: string }[];
  }[];
}

beforeAll(() => {
  mkdirSync(join(folder, "notes"));
  const rows = Array.from({ length: 80 }, (_, i) => `the ${things[i % 8]} of day ${i} was ${i % 3 ? "fine" : "dull"},${things[i % 8]}`);
  writeFileSync(join(folder, "notes", "notes.csv"), `text,thing\n${rows.join("\n")}\n`);
  writeFileSync(
    join(folder, "pairs.jsonl"),
    lines(things.slice(0, 3).map(t => ({ prompt: `How is the ${t}?`, chosen: `The ${t} is fine.`, rejected: "No idea." }))),
  );
  writeFileSync(join(folder, "loam.yaml"), yaml);
});

const preview = async (...args: string[]) => {
  const { code, stdout, stderr } = await loam(["tune", "preview", ...args, "--json"], { cwd: folder });
  return { code, stderr, said: jsonLines(stdout).at(-1) as unknown as Preview & { readonly error?: { readonly message: string } } };
};

test("a data set's masks are those that the model is then trained with, and that its page shows", async () => {
  const early = await preview("asked");
  expect(early.code).not.toBe(0);
  expect(early.stderr + JSON.stringify(early.said)).toContain("loam data run notes");

  const { code, stdout, stderr } = await loam(["tune", "asked", "--json"], { cwd: folder });
  expect(code, stderr).toBe(0);
  const { artifacts } = jsonLines(stdout).at(-1) as { artifacts: Record<string, string> };
  const { said, ...ended } = await preview("asked", "-n", "2");
  expect(ended.code, ended.stderr).toBe(0);
  const store = await openStore({ root: folder });
  try {
    const { summary } = await openArtifact(store, artifacts["examples/asked"]!);
    expect([said.examples, said.validation]).toEqual([summary.train, summary.validation]);
  } finally {
    await store.close();
  }
  expect(said.problems).toEqual([]);
  expect(said.shown).toHaveLength(2);
  for (const { place, runs } of said.shown) {
    expect(place).toMatch(/^notes\/train: /);
    const learnt = runs.filter(r => r.trained).map(r => r.text);
    expect(learnt).toHaveLength(1);
    const [, thing] = /^the (\w+) of day \d+ was (?:fine|dull)/.exec(learnt[0]!)!;
    expect(
      runs
        .filter(r => !r.trained)
        .map(r => r.text)
        .join(""),
    ).toContain(`How was ${thing}?`);
  }

  const server = start(["serve", "--json"], { cwd: folder });
  try {
    const [, url] = await server.says(/"event":"serving","url":"([^"]+)"/);
    const headers = await signedIn(folder, url!);
    const shown = (await (await fetch(`${url}/api/runs/${artifacts.asked}/examples`, { headers })).json()) as Preview & {
      readonly of: number;
    };
    expect([shown.of, shown.tokens, shown.trainedTokens]).toEqual([said.examples, said.tokens, said.trainedTokens]);
    expect(shown.shown.slice(0, 2)).toEqual(said.shown);
    expect((await fetch(`${url}/api/runs/${artifacts.toy}/examples`, { headers })).status).toBe(404);
  } finally {
    server.kill("SIGINT");
    await server.ended;
  }

  const pairs = await preview("better");
  expect(pairs.said.examples).toBe(6);
  expect(pairs.said.shown.map(s => s.place)).toEqual(["./pairs.jsonl:1: chosen", "./pairs.jsonl:1: rejected", "./pairs.jsonl:2: chosen"]);

  // and so is their file without a recipe, of one line or all
  const asFile = await preview("pairs.jsonl", "--model", "toy");
  expect(asFile.code, asFile.stderr).toBe(0);
  expect(asFile.said.shown.map(s => s.runs)).toEqual(pairs.said.shown.map(s => s.runs));
  const second = await preview("pairs.jsonl", "--model", "toy", "--line", "2");
  expect(second.said.shown.map(s => s.place)).toEqual(["pairs.jsonl:2: chosen", "pairs.jsonl:2: rejected"]);

  // a file of examples as a base without a version reads it
  writeFileSync(join(folder, "own.jsonl"), lines([{ prompt: "How was the cat?", completion: "fine" }]));
  const { said: own, ...named } = await preview("own.jsonl", "--model", "toy");
  expect(named.code, named.stderr).toBe(0);
  expect(own.examples).toBe(1);
  expect(own.shown[0]!.runs.filter(r => r.trained).map(r => r.text)).toEqual([expect.stringContaining("fine")]);

  // people see the same
  const { stdout: text } = await loam(["tune", "preview", "asked", "-n", "1"], { cwd: folder });
  expect(text).toMatch(/⟦the \w+ of day/);
  expect(text).toMatch(new RegExp(`${said.examples} examples \\(table\\) that asked is trained on, toy read: `));

  // and on a page, token by token
  const onPage = await preview("asked", "-n", "2", "--page", "masks.html");
  expect(onPage.code, onPage.stderr).toBe(0);
  expect(onPage.said).toEqual(said);
  const page = readFileSync(join(folder, "masks.html"), "utf8");
  const boxes = [...page.matchAll(/<(b|i)(?: class="s")? title="[^"]*: id ([\d, ]+), (trained|read)">/g)];
  const tokens = (trained: boolean) =>
    boxes.filter(b => (b[3] === "trained") === trained).reduce((n, [, , ids]) => n + ids!.split(",").length, 0);
  const sum = (of: (e: Preview["shown"][number]) => number) => said.shown.reduce((n, e) => n + of(e), 0);
  expect([tokens(true), tokens(true) + tokens(false)]).toEqual([sum(e => e.trained), sum(e => e.tokens)]);
});

test("what has no masks, or is told twice, is refused by name", async () => {
  expect((await preview("classes")).stderr).toMatch(/asked, better\), got "classes", whose task is classify/);
  expect((await preview("asks")).stderr).toContain('got "asks". Did you mean "asked"?');
  expect((await preview("nobody")).stderr).toContain('got "nobody"');
  expect((await preview("long")).stderr).toContain(
    "loam.yaml: models.long.tune.length: expected at most 96 tokens, the context of toy, got 128",
  );
  expect((await preview("asked", "--length", "20")).stderr).toContain("--length: expected none beside a model of loam.yaml");
});
