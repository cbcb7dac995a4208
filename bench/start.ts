/** How long a user waits for the command line and for the second `npm start`, measured from outside as they would: by starting them. */
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packageFolder } from "../src/project/package.ts";
import { type BenchContext, type BenchResult, digits, median } from "./harness.ts";

const helps = 10;
const starts = 5;
/** Looks at /readyz this often. */
const lookMs = 10;
const givenUpMs = 120_000;

function helpMs(args: readonly string[]): number {
  const began = performance.now();
  const { status } = spawnSync(process.execPath, args, { cwd: packageFolder, stdio: "ignore" });
  if (status !== 0) throw new Error(`node ${args.join(" ")}: expected exit code 0, got ${status}`);
  return performance.now() - began;
}

/** Verbs that only look; in a project without results some end with an error, after all that they load is loaded. */
const looks = ["models", "trace x", "data report", "gateway keys list"] as const;
const lookBar = 0.35;

/** Processor seconds, user and system, of a command in a folder. */
function processorSeconds(args: readonly string[], cwd: string): number {
  const program = join(packageFolder, "bin", "loam.js");
  const bash = `TIMEFORMAT='%U %S'; time "$0" "$@" >/dev/null 2>&1`;
  const { stderr } = spawnSync("bash", ["-c", bash, process.execPath, program, ...args], { cwd, encoding: "utf8" });
  const [user, system] = stderr.trim().split("\n").at(-1)!.split(" ").map(Number);
  return user! + system!;
}

/** Median processor seconds of each verb in a new project. */
function lookSeconds(): Record<string, number> {
  const folder = mkdtempSync(join(tmpdir(), "loam-bench-start-"));
  try {
    spawnSync(process.execPath, [join(packageFolder, "bin", "loam.js"), "init", "letters"], { cwd: folder, stdio: "ignore" });
    const project = join(folder, "letters");
    return Object.fromEntries(
      looks.map(verb => [verb, digits(median(Array.from({ length: helps }, () => processorSeconds(verb.split(" "), project))))]),
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const serveBar = 1.5;
/** A model of seconds: what is served weighs nothing beside the server. */
const tinyYaml = `name: tiny
data: { letters: { source: { folder: texts, reader: text }, steps: [clean] } }
tokenizer: { vocab: 300, from: letters }
models:
  tiny: { layers: 1, width: 32, heads: 2, context: 32, train: { on: letters, tokens: 20000, rate: 0.02 } }
serve: { model: tiny@latest }
`;

/** Processor seconds that a process has taken so far, its threads with it. Linux counts in hundredths. */
function takenSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  // the program's name in brackets may hold spaces
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** Median processor seconds of `loam serve` until /readyz answers 200, in a project with a tiny model. */
async function serveSeconds(): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "loam-bench-serve-"));
  const program = join(packageFolder, "bin", "loam.js");
  try {
    spawnSync(process.execPath, [program, "init", "tiny"], { cwd: folder, stdio: "ignore" });
    const project = join(folder, "tiny");
    writeFileSync(join(project, "loam.yaml"), tinyYaml);
    const made = spawnSync(process.execPath, [program, "run"], { cwd: project, stdio: ["ignore", "ignore", "inherit"] });
    if (made.status !== 0) throw new Error(`loam run: expected exit code 0, got ${made.status}`);
    const seconds: number[] = [];
    for (let i = 0; i < starts; i++) {
      const port = await freePort();
      const child = spawn(process.execPath, [program, "serve", "--port", String(port)], { cwd: project, stdio: "ignore" });
      const ended = new Promise<void>(resolve => child.once("close", () => resolve()));
      try {
        await untilReady(port, () => child.exitCode === null, "loam serve");
        seconds.push(takenSeconds(child.pid!));
      } finally {
        child.kill("SIGINT");
        await ended;
      }
    }
    return digits(median(seconds));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Waits until /readyz answers 200. */
async function untilReady(port: number, isRunning: () => boolean, name: string): Promise<void> {
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

const freePort = (): Promise<number> =>
  new Promise(resolve => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });

/** Milliseconds from `npm start` to the first 200 of /readyz. */
async function startMs(): Promise<number> {
  const port = await freePort();
  const began = performance.now();
  const child = spawn("npm", ["start", "--", "--no-open", "--port", String(port)], {
    cwd: packageFolder,
    stdio: "ignore",
    shell: process.platform === "win32",
    detached: process.platform !== "win32",
  });
  const ended = new Promise<void>(resolve => child.once("close", () => resolve()));
  let isOver = false;
  void ended.then(() => {
    isOver = true;
  });
  try {
    await untilReady(port, () => !isOver, "npm start");
    return performance.now() - began;
  } finally {
    // the whole group, as a terminal does
    if (process.platform === "win32") child.kill();
    else if (!isOver) process.kill(-child.pid!, "SIGINT");
    await ended;
  }
}

export async function run({ say }: BenchContext): Promise<BenchResult> {
  say("a first npm start, so that the next ones are second ones (minutes, where the life has not been run yet)");
  const first = spawnSync("npm", ["start", "--", "--no-serve"], {
    cwd: packageFolder,
    stdio: ["ignore", "ignore", "inherit"],
    shell: process.platform === "win32",
  });
  if (first.status !== 0) throw new Error(`npm start -- --no-serve: expected exit code 0, got ${first.status}`);
  const help: number[] = [];
  const bare: number[] = [];
  for (let i = -1; i < helps; i++) {
    const [a, b] = [helpMs(["bin/loam.js", "--help"]), helpMs(["-e", "0"])];
    if (i >= 0) {
      help.push(a);
      bare.push(b);
    }
  }
  say(`processor seconds of ${looks.join(", ")}`);
  const processor = lookSeconds();
  // the time that a process has taken is read from /proc
  const serve = process.platform === "linux" ? await serveSeconds() : undefined;
  const second: number[] = [];
  for (let i = 0; i < starts; i++) {
    say(`npm start, ${i + 1} of ${starts}`);
    second.push(await startMs());
  }
  const [helpSeconds, startSeconds] = [digits(median(help) / 1000), digits(median(second) / 1000)];
  return {
    method: `wall clock from starting the program: node bin/loam.js --help to its end (median of ${helps}), npm start to the first 200 of /readyz (median of ${starts}), everything made before; processor seconds of verbs in a new project by bash's time (median of ${helps}), of loam serve with a tiny model until the first 200 of /readyz by /proc (median of ${starts})`,
    ours: {
      processorSeconds: { ...processor, ...(serve === undefined ? {} : { serve }) },
      helpSeconds,
      secondStartSeconds: startSeconds,
      secondStartsSeconds: second.map(ms => digits(ms / 1000)),
    },
    peers: { "node -e 0 (seconds)": digits(median(bare) / 1000) },
    ratios: {},
    bars: [
      { name: "node bin/loam.js --help", want: "< 0.4 s", got: helpSeconds, holds: helpSeconds < 0.4 },
      ...looks.map(verb => ({
        name: `processor time of loam ${verb}`,
        want: `< ${lookBar} s`,
        got: processor[verb]!,
        holds: processor[verb]! < lookBar,
      })),
      ...(serve === undefined
        ? []
        : [{ name: "processor time of loam serve until /readyz answers", want: `<= ${serveBar} s`, got: serve, holds: serve <= serveBar }]),
      { name: "second npm start until /readyz answers", want: "< 5 s", got: startSeconds, holds: startSeconds < 5 },
    ],
  };
}
