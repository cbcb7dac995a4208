/** Data on their way out and in: cards and exports, documents that are forgotten, sources that are added; from the command line as it is built. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { random } from "../src/base/index.ts";
import { jsonLines, loam, loamProcess } from "./support/child.ts";
import { type Disk, noDisks, smallDisk } from "./support/mount.ts";
import { temporaryFolder } from "./support/project.ts";

/** A letter of its own; `edit` adds to it, so that it is nearly another's copy. */
function letter(n: number, edit = ""): string {
  const draw = random(`letter ${n}`);
  const words = Array.from({ length: 60 }, () => `w${draw.below(2000)}`);
  return [...words, ...(edit === "" ? [] : [edit])].join(" ");
}

const head = `# the project
data:
  # the letters
  letters:
    source: { folder: texts, reader: text }   # a folder
    steps: [clean, { deduplicate: { fuzzy: true } }]
    split: { heldOut: 0.2 }
`;
const rest = `tokenizer: { vocab: 300, from: letters }
models:
  tiny:
    layers: 1
    width: 32
    heads: 2
    context: 32
    train: { on: letters, tokens: 2000, rows: 4, rate: 0.02 }
    evaluate: { baselines: [gzip] }
device: { threads: 1 }
`;

function project(folder = temporaryFolder("release"), more = ""): string {
  mkdirSync(join(folder, "texts"), { recursive: true });
  for (let n = 0; n < 30; n++) writeFileSync(join(folder, `texts/${String(n).padStart(2, "0")}.txt`), letter(n));
  // Three that are nearly letter 3: the longest stays.
  for (const [name, edit] of [
    ["copy-a", "and a postscript of some length"],
    ["copy-b", "and a postscript"],
    ["copy-c", "and"],
  ] as const)
    writeFileSync(join(folder, `texts/${name}.txt`), letter(3, edit));
  writeFileSync(join(folder, "loam.yaml"), head + more + rest);
  return folder;
}

const runIn = (cwd: string) => {
  const run = async (...args: string[]) => {
    const ended = await loam(args, { cwd });
    expect(ended.code, ended.stderr).toBe(0);
    return ended.stdout;
  };
  return { run, last: async <T>(...args: string[]) => jsonLines(await run(...args, "--json")).at(-1) as T };
};

test("an export is whole, says what it holds, and is read again as a source with the same texts", async () => {
  const cwd = project();
  const { run, last } = runIn(cwd);
  await run("data", "run");
  expect(await run("data", "card")).toContain("| texts | text | 33 |");
  const told = await last<{ files: { path: string; documents: number }[] }>("data", "export", "--to", "out/letters", "--dropped");
  expect(told.files.map(f => f.path)).toEqual([
    "data/test-00000-of-00001.parquet",
    "data/train-00000-of-00001.parquet",
    "dropped/dropped-00000-of-00001.parquet",
  ]);
  expect(readdirSync(join(cwd, "out/letters")).sort()).toEqual([
    "README.md",
    "card.json",
    "croissant.json",
    "data",
    "dropped",
    "loam-export.json",
  ]);
  const card = JSON.parse(readFileSync(join(cwd, "out/letters/card.json"), "utf8")) as { funnel: { what: string; documents: number }[] };
  expect(card.funnel.find(r => r.what === "kept")!.documents).toBe(30);

  await run("data", "export", "--to", "plain", "--format", "jsonl.gz", "--sides", "train", "--attributes", "none");
  const again = project();
  writeFileSync(
    join(again, "loam.yaml"),
    `data:\n  letters: { source: { folder: ${JSON.stringify(join(cwd, "plain"))}, files: train.jsonl.gz, reader: jsonl }, steps: [], split: { heldOut: 0 } }\n${rest}`,
  );
  await runIn(again).run("data", "run");
  const texts = async (folder: string) => {
    await runIn(folder).run("data", "export", "--to", "flat", "--format", "jsonl", "--sides", "train");
    return readFileSync(join(folder, "flat/train.jsonl"), "utf8")
      .trim()
      .split("\n")
      .map(l => (JSON.parse(l) as { text: string }).text);
  };
  expect((await texts(again)).sort()).toEqual((await texts(cwd)).sort());
});

test("wrong wishes for an export are answered with the right words, and nothing is written", async () => {
  const cwd = project();
  await runIn(cwd).run("data", "run");
  for (const [args, sentence] of [
    [[], "expected --to FOLDER, got no --to"],
    [["--to", "out", "--format", "parqet"], 'Did you mean "parquet"?'],
    [["--to", "out", "--sides", "train,test"], 'expected train, held-out or both, got "test"'],
    [["--to", "out", "--attributes", "nobody"], "expected an attribute of its documents"],
    [["--to", "out", "--shard-size", "3"], "at least 1000"],
    [["--to", "s3://bucket/x"], "expected a folder of this machine"],
    [["--to", "texts"], "got 33 other files: 00.txt, 01.txt, 02.txt, ..."],
    [["--to", ".", "--force"], "expected a folder of its own"],
  ] as const) {
    const ended = await loam(["data", "export", ...args], { cwd });
    expect([ended.code, ended.stderr]).toEqual([2, expect.stringContaining(sentence)]);
  }
  expect(readdirSync(cwd).sort()).toEqual([".loam", "loam.yaml", "texts"]);
  writeFileSync(join(cwd, "README.md"), "mine");
  const card = await loam(["data", "card", "--out", "."], { cwd });
  expect([card.code, card.stderr]).toEqual([2, expect.stringContaining("or an earlier card, got files of others")]);
  expect(readFileSync(join(cwd, "README.md"), "utf8")).toBe("mine");
  for (const _ of [1, 2]) await runIn(cwd).run("data", "card", "--out", "card");
  expect(readdirSync(join(cwd, "card")).sort()).toEqual(["README.md", "card.json", "croissant.json"]);
  const within = await loam(["data", "export", "--to", "texts/export"], { cwd });
  expect([within.code, within.stderr]).toEqual([0, expect.stringContaining("the next run may take the export for texts")]);
});

const onDisk = async (body: (disk: Disk) => Promise<void>) => {
  const disk = smallDisk("600k");
  try {
    await body(disk);
  } finally {
    disk.remove();
  }
};
test.skipIf(noDisks)(
  `a disk that fills up leaves no half of an export, and the one before as it was${noDisks ? ` (skipped: ${noDisks})` : ""}`,
  () =>
    onDisk(async disk => {
      const cwd = project();
      const { run } = runIn(cwd);
      await run("data", "run");
      await run("data", "export", "--to", join(disk.folder, "out"), "--format", "jsonl", "--sides", "held-out");
      const before = readFileSync(join(disk.folder, "out/loam-export.json"), "utf8");
      writeFileSync(join(cwd, "texts/large.txt"), Array.from({ length: 200_000 }, (_, i) => `w${(i * 7919) % 200_003}`).join(" "));
      await run("data", "run");
      const full = await loamProcess(["data", "export", "--to", join(disk.folder, "out"), "--format", "jsonl"], { cwd });
      expect([full.code, full.stderr]).toEqual([3, expect.stringContaining("the disk is full")]);
      expect(readFileSync(join(disk.folder, "out/loam-export.json"), "utf8")).toBe(before);
      expect(readdirSync(disk.folder)).toEqual(["out"]);
    }),
);

test("who is forgotten leaves no text behind, and the next best takes the place", async () => {
  const cwd = project();
  const { run, last } = runIn(cwd);
  await run("run");
  const file = join(cwd, "loam.yaml");
  const before = readFileSync(file, "utf8");

  // What earlier runs of other things left: answers of an endpoint, and a data set that is no longer in the project.
  for (const name of ["answers/one.json", "kept/letters-of-old/part"]) {
    mkdirSync(join(cwd, ".loam", name, ".."), { recursive: true });
    writeFileSync(join(cwd, ".loam", name), "postscript of some length");
  }
  const asked = await loam(["data", "forget", "letters:copy-a"], { cwd });
  expect([asked.code, asked.stderr]).toEqual([2, expect.stringContaining("expected --yes, since nobody can be asked here")]);
  expect(asked.stdout).toContain("stays for 3 copies");
  expect(asked.stdout).toMatch(/tiny@1/);
  expect(readFileSync(file, "utf8")).toBe(before);

  const told = await last<{ forgotten: { artifact: string; heirs: object[]; held: { versions: string[] }[] }[]; removed: string[] }>(
    "data",
    "forget",
    "copy-a",
    "--yes",
  );
  expect(told.forgotten[0]!.heirs).toEqual([
    { id: "letters:03", side: "dropped", survivor: "letters:copy-b" },
    { id: "letters:copy-b", side: expect.stringMatching(/train|held-out/) },
    { id: "letters:copy-c", side: "dropped", survivor: "letters:copy-b" },
  ]);
  expect(told.forgotten[0]!.held.flatMap(h => h.versions)).toContain("tiny@1");
  expect(told.removed).toEqual(expect.arrayContaining([".loam/answers", ".loam/kept/letters-of-old"]));
  const after = readFileSync(file, "utf8");
  expect(after.split("\n").filter(l => !before.split("\n").includes(l))).toEqual(['    forget: ["letters:copy-a"]']);
  expect(before.split("\n").every(l => after.split("\n").includes(l))).toBe(true);

  const { openArtifact, openStore } = await import("../src/store/index.ts");
  const store = await openStore({ root: cwd });
  try {
    const artifact = await openArtifact(store, told.forgotten[0]!.artifact);
    for (const f of artifact.files) expect((await artifact.read(f.name)).includes("postscript of some length"), f.name).toBe(false);
  } finally {
    await store.close();
  }
  expect(await run("data", "forget", "copy-a", "--yes")).toContain("forgotten already");
  const { funnel } = await last<{ funnel: { what: string; step?: string; documents: number }[] }>("data", "report");
  expect(funnel.find(r => r.step === "deduplicate")!.documents).toBe(funnel.find(r => r.what === "kept")!.documents);

  // With a new version the old files go.
  await run("run");
  await run("gc", "--apply");
  const gone = await openStore({ root: cwd });
  try {
    for await (const blob of gone.blobs.list())
      expect((await gone.blobs.read(blob.digest)).includes("postscript of some length"), blob.digest).toBe(false);
  } finally {
    await gone.close();
  }
  const files = readdirSync(join(cwd, ".loam"), { recursive: true, withFileTypes: true }).filter(f => f.isFile());
  expect(files.length).toBeGreaterThan(5);
  for (const f of files) {
    const path = join(f.parentPath, f.name);
    expect(readFileSync(path).includes("postscript of some length"), path).toBe(false);
  }
});

test("a copy's copies go with it where that is asked for, and ids are hashed", async () => {
  const cwd = project(undefined, '    keep: ["letters:03", "letters:05"] # both\n');
  const { run, last } = runIn(cwd);
  await run("data", "run");
  await last("data", "forget", "copy-c", "--copies", "--hashed", "--yes");
  const { data } = parse(readFileSync(join(cwd, "loam.yaml"), "utf8")) as { data: { letters: { forget: string[]; keep: string[] } } };
  expect(data.letters.forget.length).toBe(4);
  expect(data.letters.keep).toEqual(["letters:05"]);
  expect(data.letters.forget.every(e => /^#[0-9a-f]{20}$/.test(e))).toBe(true);
  const report = await last<{ funnel: { what: string; documents: number }[] }>("data", "report");
  expect(report.funnel.find(r => r.what === "kept")!.documents).toBe(29);
});

test("a new data set is begun with one command", async () => {
  const cwd = project();
  mkdirSync(join(cwd, "more"));
  for (let n = 50; n < 60; n++) writeFileSync(join(cwd, `more/${n}.md`), `# Letter\n\n${letter(n)}`);
  const { run, last } = runIn(cwd);
  await last("data", "add", "more", "--to", "others", "--yes");
  const { data } = parse(readFileSync(join(cwd, "loam.yaml"), "utf8")) as { data: Record<string, object> };
  expect(data.others).toEqual({ source: { folder: "more", reader: "markdown" } });
  const report = await last<{ funnel: { what: string; documents: number }[] }>("data", "report", "others");
  expect(report.funnel.find(r => r.what === "read")!.documents).toBe(10);
  expect(await run("data", "card", "others")).toContain("No licence is known of the sources: more.");
  // No model is made of it, and it is not rubbish for that.
  await run("gc", "--apply");
  await run("data", "export", "others", "--to", "out");
});

test("a second source joins the first; ids in lists follow, and nothing else of the file changes", async () => {
  const cwd = project(undefined, '    keep: ["letters:03"]\n');
  const { run, last } = runIn(cwd);
  await run("data", "run");
  mkdirSync(join(cwd, "more"));
  for (let n = 50; n < 60; n++) writeFileSync(join(cwd, `more/${n}.txt`), letter(n));
  await last("data", "add", "more", "--as", "new", "--yes");
  const text = readFileSync(join(cwd, "loam.yaml"), "utf8");
  expect(text).toContain(
    "    sources:\n      texts: { folder: texts, reader: text }   # a folder\n      new: { folder: more, reader: text }\n",
  );
  expect(text).toContain('keep: ["letters:texts/03"]');
  await last("data", "add", "more/5*.txt", "--as", "again", "--yes");
  const report = await last<{ funnel: { what: string; documents: number }[] }>("data", "report");
  expect(report.funnel.find(r => r.what === "read")!.documents).toBe(53);
  expect(report.funnel.find(r => r.what === "kept")!.documents).toBe(41);
  expect(existsSync(join(cwd, ".loam"))).toBe(true);
});

test("a source that cannot be read leaves loam.yaml as it was, and the data set goes on", async () => {
  const cwd = project();
  const { run } = runIn(cwd);
  await run("data", "run");
  const before = readFileSync(join(cwd, "loam.yaml"), "utf8");
  mkdirSync(join(cwd, "broken"));
  writeFileSync(join(cwd, "broken", "a.parquet"), "no such thing");
  const { code, stderr } = await loam(["data", "add", "broken", "--as", "broken", "--yes"], { cwd });
  expect(code).toBe(1);
  expect(stderr).toContain("loam.yaml is as it was");
  expect(readFileSync(join(cwd, "loam.yaml"), "utf8")).toBe(before);
  await run("data", "forget", "03", "--yes");
});
