/**
 * The log: acts recorded per second, durably, beside artifacts; proofs judged by Go's transparency-dev modules; and whether edits, cuts and reorders of a log
 * are found by a checkpoint that somebody else holds. The same file is the second writer: it starts itself with `--writer`.
 */
import { spawn, spawnSync } from "node:child_process";
import { generateKeyPairSync, sign } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import {
  type Act,
  checkConsistency,
  consistencyProof,
  cosign,
  inclusionProof,
  leafHash,
  type NoteSigner,
  openStore,
  recordAct,
  recordActs,
  rootOf,
  runStage,
  type Store,
  signCheckpoint,
  stage,
  verifierKey,
} from "../src/store/index.ts";
import type { BenchContext, BenchResult } from "./harness.ts";

const self = fileURLToPath(import.meta.url);
const act = (i: number): Act => ({ kind: "review", who: "ann", what: "approve", on: `case ${i}`, purpose: "moderation" });

const note = stage({
  name: "bench-note",
  version: 1,
  inputs: {},
  options: z.strictObject({ n: z.string() }),
  output: "note",
  async run({ options, output }) {
    await output.write("note.txt", options.n);
    return {};
  },
});

/** How often a second `work` ends: `count` times, `atOnce` under way. */
async function rate(count: number, atOnce: number, work: (i: number) => Promise<unknown>): Promise<number> {
  let next = 0;
  const began = performance.now();
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      while (next < count) await work(next++);
    }),
  );
  return Math.round((count / (performance.now() - began)) * 1000);
}

/** Acts or artifacts a second of two processes on one record together: from the first that begins to the last that ends. */
async function shared(root: string, what: "acts" | "artifacts", count: number): Promise<number> {
  const one = () =>
    new Promise<{ begin: number; end: number }>((done, failed) => {
      const child = spawn(process.execPath, [self, "--writer", root, what, String(count)], { stdio: ["ignore", "pipe", "inherit"] });
      let text = "";
      child.stdout.on("data", part => {
        text += String(part);
      });
      child.on("error", failed);
      child.on("close", code =>
        code === 0 ? done(JSON.parse(text) as { begin: number; end: number }) : failed(new Error(`exit ${code}`)),
      );
    });
  const spans = await Promise.all([one(), one()]);
  const ms = Math.max(...spans.map(s => s.end)) - Math.min(...spans.map(s => s.begin));
  return Math.round((2 * count * 1000) / ms);
}

async function writer(root: string, what: string, count: number): Promise<void> {
  const store = await openStore({ root });
  const begin = Date.now();
  for (let i = 0; i < count; i++)
    if (what === "acts") await recordAct(store, act(i));
    else await runStage(store, note, { inputs: {}, options: { n: `${process.pid}-${i}` } });
  process.stdout.write(JSON.stringify({ begin, end: Date.now() }));
  await store.close();
}

/** Every edit, cut and swap of the entries that a checkpoint of all of them covers, against that checkpoint; the forger makes the best proof that there is. */
function findChanges(entries: readonly string[]): Record<"edits" | "cuts" | "reorders", { tried: number; found: number }> {
  const leaves = entries.map(leafHash);
  const known = { size: leaves.length, root: rootOf(leaves) };
  // the forged log has grown, so that its length says nothing
  const grown = (changed: readonly string[]): string[] => [...changed, ...Array.from({ length: 3 }, (_, i) => leafHash(`later ${i}`))];
  const isFound = (changed: readonly string[]): boolean => {
    const forged = grown(changed);
    if (forged.length < known.size) return true;
    return !checkConsistency(known.size, forged.length, known.root, rootOf(forged), consistencyProof(forged, known.size));
  };
  const counted = (changes: readonly (readonly string[])[]) => ({ tried: changes.length, found: changes.filter(isFound).length });
  if (isFound(leaves)) throw new Error("the unchanged log is refused");
  return {
    edits: counted(leaves.map((_, i) => leaves.with(i, leafHash(`${entries[i]!} `)))),
    cuts: counted(leaves.map((_, i) => leaves.toSpliced(i, 1))),
    reorders: counted(leaves.slice(1).map((leaf, i) => leaves.with(i, leaf).with(i + 1, leaves[i]!))),
  };
}

interface GoVerdict {
  readonly proofs: number;
  readonly accepted: number;
  readonly changed: number;
  readonly changedAccepted: number;
}

const signerNamed = (name: string): NoteSigner => {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  return { name, publicKey: publicKey.export({ format: "der", type: "spki" }).subarray(-32), sign: data => sign(null, data, privateKey) };
};

/** Inclusion of every entry and consistency with every earlier size, and forty proofs with a changed digit; undefined where Go or its modules are not there. */
async function judgeByGo(entries: readonly string[], folder: string): Promise<GoVerdict | undefined> {
  const program = join(folder, "verify");
  const source = fileURLToPath(new URL("../test/merkle-go", import.meta.url.replace("/dist/", "/")));
  if (spawnSync("go", ["build", "-o", program, "."], { cwd: source, timeout: 180_000 }).status !== 0) return undefined;
  const leaves = entries.map(leafHash);
  const [log, witness] = [signerNamed("example.com/log"), signerNamed("witness.example.org")];
  const head = { origin: log.name, size: leaves.length, root: rootOf(leaves) };
  writeFileSync(join(folder, "checkpoint"), (await signCheckpoint(head, log)) + (await cosign(head, witness, 1)));
  const base = { dir: folder, origin: log.name, key: verifierKey(log, "log"), witness: verifierKey(witness, "witness") };
  const inclusion = entries.map((entry, index) => ({ index, entry, proof: inclusionProof(leaves, index) }));
  const consistency = leaves.map((_, i) => ({
    size: i + 1,
    root: rootOf(leaves.slice(0, i + 1)),
    proof: consistencyProof(leaves, i + 1),
  }));
  const isAccepted = (given: object): boolean => spawnSync(program, { input: JSON.stringify({ ...base, ...given }) }).status === 0;
  const flipped = (hex: string): string => (hex.startsWith("0") ? "1" : "0") + hex.slice(1);
  const changed = inclusion
    .filter(one => one.index % Math.ceil(entries.length / 40) === 0)
    .map(one => ({ inclusion: [{ ...one, proof: one.proof.with(0, flipped(one.proof[0]!)) }] }));
  const proofs = inclusion.length + consistency.length;
  return {
    proofs,
    accepted: isAccepted({ inclusion, consistency }) ? proofs : 0,
    changed: changed.length,
    changedAccepted: changed.filter(isAccepted).length,
  };
}

const entriesOf = async (store: Store): Promise<string[]> =>
  (await store.records.read.selectFrom("log").select("entry").orderBy("position").execute()).map(r => r.entry);

/** Acts and artifacts a second on one record. */
async function measureRates(root: string, { scale, say }: Pick<BenchContext, "scale" | "say">) {
  const n = (count: number) => Math.max(20, Math.round(count * scale));
  const store = await openStore({ root });
  say("acts and artifacts, one process");
  const alone = { acts: [] as number[], artifacts: [] as number[] };
  for (let round = 0; round < 3; round++) {
    alone.acts.push(await rate(n(200), 1, i => recordAct(store, act(i))));
    alone.artifacts.push(await rate(n(200), 1, i => runStage(store, note, { inputs: {}, options: { n: `alone ${round} ${i}` } })));
  }
  const median = (of: readonly number[]) => of.toSorted((a, b) => a - b)[1]!;
  const acts64 = await rate(n(1_000), 64, i => recordAct(store, act(i)));
  const artifacts64 = await rate(n(1_000), 64, i => runStage(store, note, { inputs: {}, options: { n: `at once ${i}` } }));
  const many = n(2_000);
  const began = performance.now();
  await recordActs(
    store,
    Array.from({ length: many }, (_, i) => act(i)),
  );
  const actsInOneTransaction = Math.round((many * 1000) / (performance.now() - began));
  say("two processes");
  const actsOfTwoProcesses = await shared(root, "acts", n(200));
  const artifactsOfTwoProcesses = await shared(root, "artifacts", n(200));
  const rates = {
    acts: median(alone.acts),
    artifacts: median(alone.artifacts),
    acts64,
    artifacts64,
    actsInOneTransaction,
    actsOfTwoProcesses,
    artifactsOfTwoProcesses,
  };
  await store.close();
  return rates;
}

export async function run({ scale, say }: BenchContext): Promise<BenchResult> {
  const folder = mkdtempSync(join(tmpdir(), "loam-bench-merkle-"));
  try {
    const rates = await measureRates(join(folder, "record"), { scale, say });
    say("proofs and changes");
    const logged = await openStore({ root: join(folder, "log") });
    await recordActs(
      logged,
      Array.from({ length: 400 }, (_, i) => act(i)),
    );
    const entries = await entriesOf(logged);
    await logged.close();
    const changes = findChanges(entries);
    const go = await judgeByGo(entries, folder);
    const all = Object.entries(changes);
    return {
      method:
        "Wall time of durable commits on one SQLite record; an artifact is a stage's whole way with a small file. Two processes: from the first begin to the last end. " +
        "Changes: each entry of 400 edited, cut, and swapped with the next, hidden behind later entries, against a checkpoint of the 400.",
      ours: { perSecond: rates, changes, ...(go === undefined ? {} : { go }) },
      peers: go === undefined ? {} : { "transparency-dev/merkle v0.0.2, formats v0.1.1": go },
      ratios: { actsOverArtifacts: rates.acts / rates.artifacts, two: rates.actsOfTwoProcesses / rates.artifactsOfTwoProcesses },
      bars: [
        { name: "acts a second, alone", want: ">= artifacts", got: rates.acts, holds: rates.acts >= rates.artifacts },
        {
          name: "acts a second, two processes",
          want: ">= artifacts",
          got: rates.actsOfTwoProcesses,
          holds: rates.actsOfTwoProcesses >= rates.artifactsOfTwoProcesses,
        },
        ...all.map(([name, { tried, found }]) => ({
          name: `${name} found`,
          want: `${tried} of ${tried}`,
          got: found,
          holds: found === tried,
        })),
        {
          name: "proofs accepted by the Go modules",
          want: "all, and no changed one",
          got: go === undefined ? "no Go here" : `${go.accepted} of ${go.proofs}; ${go.changedAccepted} of ${go.changed} changed ones`,
          holds: go !== undefined && go.accepted === go.proofs && go.changedAccepted === 0,
        },
      ],
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (process.argv[2] === "--writer") await writer(process.argv[3]!, process.argv[4]!, Number(process.argv[5]));
