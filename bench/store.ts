/**
 * How fast artifacts are recorded durably, and whether any that was acknowledged is lost when the writer is killed.
 * An artifact here is a stage's whole way: look up, lock, run, two small files, record with its log entry, unlock. The same file is the
 * writer that is killed: it starts itself with `--writer`.
 */
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { listArtifacts, openStore, runStage, type Store, stage, verify } from "../src/store/index.ts";

const kills = 200;
const self = fileURLToPath(import.meta.url);

/** Two files of `bytes` each, different for every `n`. */
const note = stage({
  name: "bench-note",
  version: 1,
  inputs: {},
  options: z.strictObject({ n: z.string(), bytes: z.number() }),
  output: "note",
  async run({ options, output }) {
    await output.write("note.txt", `${options.n} `.repeat(options.bytes / (options.n.length + 1)));
    await output.write("config.json", JSON.stringify(options).padEnd(options.bytes));
    return { bytes: options.bytes };
  },
});
const record = (store: Store, n: string, bytes: number) => runStage(store, note, { inputs: {}, options: { n, bytes } });

/** Artifacts a second: `count` of them, `atOnce` under way at any time. */
async function rate(store: Store, name: string, count: number, atOnce: number, bytes: number): Promise<number> {
  let next = 0;
  const began = performance.now();
  const worker = async () => {
    while (next < count) await record(store, `${name}-${next++}`, bytes);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return (count / (performance.now() - began)) * 1000;
}

async function writer(root: string, what: string, count: number): Promise<void> {
  const store = await openStore({ root });
  if (what === "for-ever")
    for (let i = 0; ; i++) {
      const { artifact } = await record(store, `${process.pid}-${i}`, i % 5 ? 1_000 : 20_000);
      process.stdout.write(`${artifact.id}\n`);
    }
  await rate(store, `${process.pid}`, count, what === "together" ? 16 : 1, what === "large" ? 20_000 : 1_000);
  await store.close();
}

/** fsync and fdatasync calls for one artifact, counted by the kernel's own tracer; null where there is none. */
function flushesPerArtifact(folder: string, what: "serial" | "together" | "large", count: number): number | null {
  const log = join(folder, `${what}.strace`);
  const traced = (n: number): number => {
    const root = mkdtempSync(join(folder, "strace-"));
    execFileSync(
      "strace",
      ["-f", "-c", "-e", "trace=fsync,fdatasync", "-o", log, process.execPath, self, "--writer", root, what, String(n)],
      { stdio: "ignore" },
    );
    return (
      readFileSync(log, "utf8")
        .split("\n")
        .map(line => line.trim().split(/\s+/))
        // % time, seconds, usecs/call, calls, [errors,] name
        .filter(columns => columns.at(-1) === "fsync" || columns.at(-1) === "fdatasync")
        .reduce((sum, columns) => sum + Number(columns[3]), 0)
    );
  };
  try {
    execFileSync("strace", ["-V"], { stdio: "ignore" });
  } catch {
    return null;
  }
  // Opening and closing flush as well: the difference of two counts is what the artifacts cost.
  return (traced(count + 50) - traced(50)) / count;
}

/** Kills two writers at a time on one project; answers what they had been told was recorded. */
async function killWriters(root: string): Promise<{ acknowledged: string[]; killed: number }> {
  const acknowledged: string[] = [];
  let killed = 0;
  const one = () =>
    new Promise<void>(done => {
      const child = spawn(process.execPath, [self, "--writer", root, "for-ever", "0"], { stdio: ["ignore", "pipe", "inherit"] });
      let begun = false;
      createInterface({ input: child.stdout }).on("line", id => {
        acknowledged.push(id);
        // At a random moment of its work, not before it has begun any.
        if (!begun) setTimeout(() => child.kill("SIGKILL"), Math.random() * 120);
        begun = true;
      });
      child.once("close", () => {
        killed++;
        done();
      });
    });
  while (killed < kills) await Promise.all([one(), one()]);
  return { acknowledged, killed };
}

export async function run() {
  const folder = mkdtempSync(join(tmpdir(), "loam-bench-store-"));
  try {
    const store = await openStore({ root: join(folder, "rate") });
    await rate(store, "warm", 300, 1, 1_000);
    const serial = await rate(store, "serial", 1_500, 1, 1_000);
    const together = await rate(store, "together", 3_000, 16, 1_000);
    const large = await rate(store, "large", 300, 1, 20_000);
    const verifyBegan = performance.now();
    const checked = await verify(store, { content: true });
    const verifyMs = performance.now() - verifyBegan;
    await store.close();

    const root = join(folder, "kill");
    const { acknowledged, killed } = await killWriters(root);
    const after = await openStore({ root });
    const recorded = new Set((await listArtifacts(after)).map(a => a.id));
    const lost = acknowledged.filter(id => !recorded.has(id)).length;
    const verified = await verify(after, { content: true });
    await after.close();

    return {
      method:
        "a stage's whole way (look up, lock, run, two files, record, log, unlock) on SQLite and a folder; 1,500 one after the other and 3,000 with 16 under way; " +
        `then ${killed} SIGKILLs of writers, two at a time on one project, at random moments`,
      ours: {
        serialPerSecond: serial,
        togetherPerSecond: together,
        serialLargePerSecond: large,
        flushesPerArtifactSerial: flushesPerArtifact(folder, "serial", 300),
        flushesPerArtifactLarge: flushesPerArtifact(folder, "large", 300),
        flushesPerArtifactTogether: flushesPerArtifact(folder, "together", 300),
        verifiedArtifacts: checked.artifacts,
        verifyMs,
        kills: killed,
        acknowledged: acknowledged.length,
        recorded: recorded.size,
        lost,
        findingsAfterKills: verified.findings.length,
      },
      peers: {},
      ratios: {},
      bars: [
        { name: "artifacts recorded per second, durable, one after the other", want: ">= 300", got: serial, holds: serial >= 300 },
        { name: "artifacts recorded per second, durable, 16 under way", want: ">= 300", got: together, holds: together >= 300 },
        { name: `acknowledged artifacts lost in ${killed} kills`, want: "0", got: lost, holds: lost === 0 && killed >= kills },
        { name: "record verifies after the kills", want: "0 findings", got: verified.findings.length, holds: verified.ok && checked.ok },
      ],
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (process.argv[2] === "--writer") await writer(process.argv[3]!, process.argv[4]!, Number(process.argv[5]));
