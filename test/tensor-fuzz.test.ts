/**
 * Random use and misuse of the tensor module in child processes: every round ends with the reference evaluator's value or a LoamError; a signal
 * is a failure that names its seed. `LOAM_FUZZ_SECONDS` (default 20) bounds the rounds, of which the quick suite has fewer, `LOAM_FUZZ_SEED` starts them elsewhere: a seed alone with
 * `LOAM_FUZZ_ROUNDS=1` repeats what was found.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";
import { expect, test } from "vitest";
import { rounds as roundsOf } from "./support/deep.ts";

const packages = fileURLToPath(new URL("../node_modules", import.meta.url));
const entry = fileURLToPath(new URL("./support/tensor-fuzz.ts", import.meta.url));
const number = (name: string, otherwise: number) => Number(process.env[name] ?? otherwise);
const atMost = roundsOf(2000, 300);
const [seed, rounds, seconds] = [number("LOAM_FUZZ_SEED", 1), number("LOAM_FUZZ_ROUNDS", atMost), number("LOAM_FUZZ_SECONDS", 20)];

interface Line {
  readonly seed?: number;
  readonly failed?: number;
  readonly error?: string;
  readonly outcomes?: Readonly<Record<string, number>>;
}

/** Runs the rounds in a process of their own; what it said, and how it ended. */
async function fuzz(file: string) {
  const child = spawn(process.execPath, [file, String(seed), String(rounds), String(seconds)], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, NODE_PATH: packages },
  });
  let [out, err] = ["", ""];
  child.stdout.on("data", chunk => (out += chunk));
  child.stderr.on("data", chunk => (err += chunk));
  const end = await new Promise<string>(done => child.on("close", (code, signal) => done(signal ?? `exit ${code}`)));
  const lines = out
    .trim()
    .split("\n")
    .map(l => JSON.parse(l) as Line);
  return { lines, end, err };
}

test(`random use and misuse of tensors ends with the reference's value or a LoamError (seed ${seed})`, async () => {
  const folder = mkdtempSync(join(tmpdir(), "loam-fuzz-"));
  try {
    const bundle = buildSync({
      entryPoints: [entry],
      bundle: true,
      write: false,
      platform: "node",
      format: "esm",
      banner: { js: `import { createRequire as of } from "node:module"; const require = of(${JSON.stringify(join(packages, "_.js"))});` },
      external: ["koffi", "onnxruntime-node"],
    });
    const file = join(folder, "fuzz.mjs");
    writeFileSync(file, bundle.outputFiles[0]!.text);
    const { lines, end, err } = await fuzz(file);
    const last = lines.findLast(l => l.seed !== undefined)?.seed;
    expect(end, `the process ended in round LOAM_FUZZ_SEED=${last}: ${err.slice(-2000)}`).toBe("exit 0");
    expect(lines.filter(l => l.failed !== undefined).map(l => `LOAM_FUZZ_SEED=${l.failed}: ${l.error}`)).toEqual([]);
    // it has tried something: each kind of round has ended with values, too
    const outcomes = lines.at(-1)!.outcomes!;
    if (rounds > 100)
      for (const kind of ["program", "arrays", "junk"]) expect(outcomes[`${kind} value`] ?? 0, JSON.stringify(outcomes)).toBeGreaterThan(0);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
