/** One job over threads and over processes: the same bytes whoever works, whoever is killed, in whatever order files come. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { random } from "../src/base/index.ts";
import { openArtifact, openStore } from "../src/store/index.ts";
import { findPostgres, findVersitygw, type RunningServer, startPostgres, startVersitygw } from "../src/store/servers.laws.ts";
import { jsonLines, loam, start, startProcess } from "./support/child.ts";
import { rounds } from "./support/deep.ts";

const base = mkdtempSync(join(tmpdir(), "loam-workers-"));
afterAll(() => rmSync(base, { recursive: true, force: true }));

/** Six sources, each a partition of its own, of texts with copies, near-copies and repeated lines within and across them. */
const sources = 6;
function corpus(): ReadonlyMap<string, string> {
  const draw = random("workers");
  const words = Array.from({ length: 3000 }, (_, i) => `word${i.toString(36)}`);
  const paragraph = () => Array.from({ length: 60 }, () => words[draw.below(words.length)]).join(" ");
  const pool = Array.from({ length: 200 }, () => `${paragraph()}\n\n${paragraph()}`);
  const files = new Map<string, string>();
  for (let s = 0; s < sources; s++) {
    const lines: string[] = [];
    for (let i = 0; i < 400; i++) {
      const own = draw.uniform() < 0.5;
      const text = own
        ? `${paragraph()}\n\n${paragraph()}`
        : pool[draw.below(pool.length)]!.replace(/\S+/g, w => (draw.uniform() < 0.01 ? "changed" : w));
      lines.push(JSON.stringify({ id: `${i}`, text: `${text}\n\nThis footer stands below all texts of the corpus, each and every one.` }));
    }
    files.set(`s${s}.jsonl`, `${lines.join("\n")}\n`);
  }
  return files;
}
const texts = corpus();

const yaml = (store: string, names: readonly number[]) => `name: workers
${store}
data:
  all:
    sources:
${names.map(s => `      s${s}: { folder: texts, files: s${s}.jsonl, reader: jsonl }`).join("\n")}
    steps: [clean, { length: { minWords: 5 } }, { repeats: {} }, { deduplicate: { fuzzy: true } }, gopher-repetition]
tokenizer: { vocab: 300, from: all }
models:
  toy:
    family: llama
    layers: 1
    width: 16
    heads: 1
    hidden: 16
    context: 16
    train: { on: all, tokens: 1000, rows: 2, rate: 0.01, optimizer: { kind: adamw } }
`;

function project(name: string, store = "", order: readonly number[] = [0, 1, 2, 3, 4, 5]): string {
  const folder = join(base, name);
  mkdirSync(join(folder, "texts"), { recursive: true });
  for (const [file, text] of texts) writeFileSync(join(folder, "texts", file), text);
  writeFileSync(join(folder, "loam.yaml"), yaml(store, order));
  return folder;
}

interface Outcome {
  readonly digest: string;
  readonly summary: unknown;
}
async function outcome(folder: string, stdout: string, places: { records?: string; blobs?: string } = {}): Promise<Outcome> {
  const { artifacts } = jsonLines(stdout).at(-1) as { artifacts: Record<string, string> };
  const store = await openStore({ root: folder, ...places });
  try {
    const { digest, summary } = await openArtifact(store, artifacts["data/all"]!);
    return { digest, summary };
  } finally {
    await store.close();
  }
}
const run = async (folder: string, ...args: string[]): Promise<Outcome> => {
  const { code, stdout, stderr } = await loam(["data", "run", "--json", ...args], { cwd: folder });
  expect(code, stderr).toBe(0);
  return outcome(folder, stdout);
};

let alone: Outcome;
beforeAll(async () => {
  alone = await run(project("one"), "--workers", "1");
  expect(alone.summary).toMatchObject({ read: 2400, setAside: 0 });
});

test("2 and 7 threads, and sources in another order, make the bytes that one makes", async () => {
  expect(await run(project("two"), "--workers", "2")).toEqual(alone);
  expect(await run(project("seven", "", [5, 3, 1, 0, 4, 2]), "--workers", "7")).toEqual(alone);
});

test("killed with SIGKILL again and again, a run goes on where it was, to the same bytes", async () => {
  const seed = process.env.LOAM_TEST_SEED ?? String(Date.now());
  const draw = random(`kill ${seed}`);
  const folder = project("killed");
  let kills = 0;
  for (;;) {
    const child = startProcess(["data", "run", "--json", "--workers", "2"], { cwd: folder });
    // the first at once when it works, later ones anywhere, with twice the time each, so that a busy machine comes to an end
    await child.says(/"event":"progress"/).then(
      () => setTimeout(() => child.kill("SIGKILL"), kills === 0 ? 0 : draw.below(300) * 2 ** (kills / rounds(3, 1))),
      () => {},
    );
    const { code, signal, stdout, stderr } = await child.ended;
    if (signal === "SIGKILL") {
      kills++;
      continue;
    }
    expect(code, `seed ${seed}: ${stderr}`).toBe(0);
    expect(await outcome(folder, stdout), `seed ${seed}, ${kills} kills`).toEqual(alone);
    break;
  }
  expect(kills).toBeGreaterThan(0);
});

const postgres = findPostgres();
const gateway = findVersitygw();
const reason = postgres.reason ?? gateway.reason;

test.skipIf(reason)(
  `processes that share only PostgreSQL and an S3 bucket make the same bytes, though workers and the one who started it are killed${reason ? ` (skipped: ${reason})` : ""}`,
  async () => {
    const servers: RunningServer[] = [];
    try {
      const database = await startPostgres(postgres.program!);
      servers.push(database);
      const bucket = await startVersitygw(gateway.program!);
      servers.push(bucket);
      mkdirSync(join(bucket.folder, "bucket-shared"));
      const places = { records: database.url("shared"), blobs: bucket.url("bucket-shared") };
      const store = `store: { records: "${places.records}", blobs: "${places.blobs}" }`;
      const here = project("here", store);
      // A machine of its own: the same project, no other file in common.
      const there = join(base, "there");
      cpSync(here, there, { recursive: true });

      const first = startProcess(["data", "run", "--json", "--shared"], { cwd: here });
      await first.says(/"event":"progress","label":"data\/all"/);
      const victim = startProcess(["data", "work", "--json"], { cwd: there });
      await victim.says(/"event":"progress"/);
      victim.kill("SIGKILL");
      expect((await victim.ended).signal).toBe("SIGKILL");
      first.kill("SIGKILL");
      expect((await first.ended).signal).toBe("SIGKILL");

      const worker = start(["data", "work", "--json"], { cwd: there });
      const again = start(["data", "run", "--json", "--shared"], { cwd: here });
      const { code, stdout, stderr } = await again.ended;
      expect(code, stderr).toBe(0);
      expect(await outcome(here, stdout, places)).toEqual(alone);
      worker.kill("SIGTERM");
      const worked = await worker.ended;
      expect(worked.stderr).toMatch(/data\/all: [1-9]\d* tasks done here/);
      expect((await loam(["data", "work", "--once", "--json"], { cwd: there })).stdout).toContain('"tasks":0');
    } finally {
      for (const server of servers.reverse()) await server.stop();
    }
  },
);
