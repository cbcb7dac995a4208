/** A project with a model of seconds, what a process has taken, and when a server is ready: for benches of starts and images. */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { basename, dirname, join } from "node:path";
import { packageFolder } from "../src/project/package.ts";

const program = join(packageFolder, "bin", "loam.js");

/** The shape of the quick model of examples/mail, and the smallest that trains. */
export const quickModel =
  "family: llama, layers: 3, width: 192, heads: 3, hidden: 768, context: 256, tied: true, activation: relu2, qkNorm: true";
const tinyModel = "layers: 1, width: 32, heads: 2, context: 32";

/** Makes and trains it in a new folder; its model is `tiny`. */
export function tinyProject(folder: string, model = tinyModel, vocab = 300): string {
  mkdirSync(dirname(folder), { recursive: true });
  spawnSync(process.execPath, [program, "init", basename(folder)], { cwd: dirname(folder), stdio: "ignore" });
  writeFileSync(
    join(folder, "loam.yaml"),
    `name: tiny
data: { letters: { source: { folder: texts, reader: text }, steps: [clean] } }
tokenizer: { vocab: ${vocab}, from: letters }
models:
  tiny: { ${model}, train: { on: letters, tokens: 20000, rate: 0.02 } }
serve: { model: tiny@latest }
`,
  );
  const made = spawnSync(process.execPath, [program, "run"], { cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
  if (made.status !== 0) throw new Error(`loam run: expected exit code 0, got ${made.status}`);
  return folder;
}

/** Processor seconds, user and system, of a command of `loam` in a folder, whatever it ends with. */
export function processorSeconds(args: readonly string[], cwd: string, env: Readonly<Record<string, string>> = {}): number {
  const bash = `TIMEFORMAT='%U %S'; time "$0" "$@" >/dev/null 2>&1`;
  const { stderr } = spawnSync("bash", ["-c", bash, process.execPath, program, ...args], {
    cwd,
    encoding: "utf8",
    env: { ...process.env, ...env },
  });
  const [user, system] = stderr.trim().split("\n").at(-1)!.split(" ").map(Number);
  return user! + system!;
}

/** Processor seconds that a process has taken so far, its threads with it (Linux counts in hundredths), and its memory. */
export function takenBy(pid: number): { readonly seconds: number; readonly residentBytes: number } {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  // the program's name in brackets may hold spaces
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const resident = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return { seconds: (Number(fields[11]) + Number(fields[12])) / 100, residentBytes: Number(resident) * 1024 };
}

export const freePort = (): Promise<number> =>
  new Promise(resolve => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });

/** Looks at /readyz this often. */
const lookMs = 10;
const givenUpMs = 120_000;

/** Waits until /readyz answers 200. */
export async function untilReady(port: number, isRunning: () => boolean, name: string): Promise<void> {
  const began = performance.now();
  while (performance.now() - began < givenUpMs && isRunning()) {
    const ready = await fetch(`http://127.0.0.1:${port}/readyz`).then(
      r => r.status === 200,
      () => false,
    );
    if (ready) return;
    await new Promise(resolve => setTimeout(resolve, lookMs));
  }
  throw new Error(`${name}: expected an answer of /readyz within ${givenUpMs / 1000} s, got none`);
}
