/** Forgotten text is in no byte of the project's folder: after finished, failed and killed runs, in tables, files and compressed files. */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { brotliDecompressSync, gunzipSync, inflateSync } from "node:zlib";
import { expect, test } from "vitest";
import { listArtifacts, openArtifact, openStore } from "../src/store/index.ts";
import { jsonLines, loam } from "./support/child.ts";
import { temporaryFolder, toyProject } from "./support/project.ts";

const planted = "quinquagenarian zebrafinch of Ullapool 4711";

const unpackers = [gunzipSync, inflateSync, brotliDecompressSync];
const unpacked = (bytes: Buffer): Buffer[] =>
  unpackers.flatMap(unpack => {
    try {
      return [unpack(bytes)];
    } catch {
      return [];
    }
  });

/** Files below `folder` with the text in their bytes, or in what they unpack to. */
const holdersIn = (folder: string, text = planted): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(e => e.isFile())
    .map(e => join(e.parentPath, e.name))
    .filter(path => {
      const bytes = readFileSync(path);
      return [bytes, ...unpacked(bytes)].some(b => b.includes(text));
    })
    .map(path => relative(folder, path))
    .sort();

/** A process with a stage that keeps what it read in its scratch folder, and a copy in the blobs, and then ends as `how` says. */
function halfRun(cwd: string, name: string, how: "throws" | "killed"): void {
  const code = `import { writeFileSync } from "node:fs";
    import { openStore, runStage, stage, z } from ${JSON.stringify(new URL("../dist/src/store/index.js", import.meta.url).href)};
    const store = await openStore({ root: ${JSON.stringify(cwd)} });
    const reading = stage({ name: ${JSON.stringify(name)}, version: 1, inputs: {}, options: z.object({}), output: "note", async run({ scratch, output }) {
      writeFileSync(scratch + "/texts.txt", ${JSON.stringify(planted)});
      await output.write("texts.txt", ${JSON.stringify(planted)} + " ".repeat(40_000));
      ${how === "killed" ? 'process.kill(process.pid, "SIGKILL"); await new Promise(() => {});' : `throw new Error("cannot read: " + ${JSON.stringify(planted)});`}
    } });
    await runStage(store, reading, { inputs: {}, options: {} }).catch(() => {});
    await store.close();`;
  spawnSync(process.execPath, ["--input-type=module", "-e", code]);
}

test("after `loam data forget`, `loam run` and `loam gc --apply` nothing of the project holds the text", async () => {
  const cwd = toyProject();
  const source = join("texts", "letter-00007.txt");
  writeFileSync(join(cwd, source), `Dear reader, the ${planted} sends its regards from the harbour.\n`);
  const succeed = async (...args: string[]) => {
    const ended = await loam(args, { cwd });
    expect(ended.code, ended.stderr).toBe(0);
    return ended;
  };
  await succeed("run");
  halfRun(cwd, "failing", "throws");
  halfRun(cwd, "dying", "killed");
  const before = holdersIn(cwd);
  expect(before).toContain(source);
  expect(before.filter(p => p.startsWith(join(".loam", "scratch")))).toHaveLength(2);
  expect(before.filter(p => p.startsWith(join(".loam", "record.db")))).not.toEqual([]);

  const forgot = await succeed("data", "forget", "letters:letter-00007", "--yes", "--json");
  expect(holdersIn(join(cwd, ".loam", "scratch"))).toEqual([]);
  expect(forgot.stdout).toContain(JSON.stringify(join(".loam", "scratch")).slice(1, -1));
  rmSync(join(cwd, source));
  await succeed("run");
  await succeed("gc", "--apply");
  expect(holdersIn(cwd)).toEqual([]);
  const proof = await succeed("trace", "--verify");
  expect(proof.stdout).toContain("whole");
});

test("`loam data forget --apply` leaves the text nowhere by itself, but for what an alias holds, and says the commands that remain", async () => {
  const cwd = toyProject();
  const source = join("texts", "letter-00007.txt");
  writeFileSync(join(cwd, source), `Dear reader, the ${planted} sends its regards from the harbour.\n`);
  const succeed = async (...args: string[]) => {
    const ended = await loam(args, { cwd });
    expect(ended.code, ended.stderr).toBe(0);
    return ended;
  };
  await succeed("run");
  halfRun(cwd, "failing", "throws");
  await succeed("models", "promote", "toy@1", "prod");
  const forgot = await succeed("data", "forget", "letters:letter-00007", "--apply", "--yes", "--json");
  const told = jsonLines(forgot.stdout).at(-1) as unknown as { applied: boolean; remaining: string[] };
  expect(told).toMatchObject({
    applied: true,
    remaining: ["loam models promote toy@2 prod", "loam models archive toy@1", "loam gc --apply"],
  });
  rmSync(join(cwd, source));
  expect(holdersIn(cwd)).not.toEqual([]);
  for (const command of told.remaining) await succeed(...command.split(" ").slice(1));
  expect(holdersIn(cwd)).toEqual([]);
});

test("what a failed run left in its scratch folder goes with `loam gc --apply`", async () => {
  const cwd = toyProject();
  await loam(["run", "tokenizer"], { cwd });
  halfRun(cwd, "failing", "throws");
  expect(holdersIn(join(cwd, ".loam", "scratch"))).toHaveLength(1);
  const { code, stdout, stderr } = await loam(["gc", "--apply"], { cwd });
  expect(code, stderr).toBe(0);
  expect(stdout).toMatch(/scratch +[0-9a-f]{12} .* failed/);
  expect(holdersIn(join(cwd, ".loam", "scratch"))).toEqual([]);
});

test("an attribute that the sketch of a data set names is gone with its documents", async () => {
  const cwd = temporaryFolder("forget-sketch");
  const author = "Zacharias Quibble";
  const line = (i: number) => ({
    id: `d${i}`,
    text: `letter ${i} about the river and harbour ${i * 7}`,
    author: i < 2 ? author : `writer ${i % 5}`,
  });
  const texts = Array.from({ length: 60 }, (_, i) => `${JSON.stringify(line(i))}\n`);
  writeFileSync(join(cwd, "docs.jsonl"), texts.join(""));
  const source = "{ files: [docs.jsonl], reader: jsonl, attributes: { author: author } }";
  const split = "split: { heldOut: 0.1, by: document }";
  writeFileSync(
    join(cwd, "loam.yaml"),
    `data: { notes: { source: ${source}, steps: [clean], ${split} } }\nmodels: {}\ntokenizer: { vocab: 300, from: notes }\n`,
  );
  const succeed = async (...args: string[]) => {
    const ended = await loam(args, { cwd });
    expect(ended.code, ended.stderr).toBe(0);
  };
  const store = join(cwd, ".loam");
  await succeed("data", "run");
  const sketches = async () => {
    const opened = await openStore({ root: cwd });
    const found = await listArtifacts(opened, { kind: "sketch", limit: 10 });
    const bytes = await Promise.all(
      found.filter(a => a.releasedMs === null).map(async a => (await openArtifact(opened, a.id)).read("sketch.bin")),
    );
    await opened.close();
    return bytes.map(b => b.includes(author));
  };
  expect(await sketches()).toEqual([true]);
  await succeed("data", "forget", "notes:docs.jsonl#d0", "notes:docs.jsonl#d1", "--apply", "--yes");
  expect(await sketches()).toEqual([false]);
  expect(holdersIn(store, author)).toEqual([]);
});
