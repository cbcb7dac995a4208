/** How long a user waits for the command line and for the second `npm start`, measured from outside as they would: by starting them. */
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packageFolder } from "../src/project/package.ts";
import { type BenchContext, type BenchResult, digits, median } from "./harness.ts";
import { freePort, processorSeconds, takenBy, tinyProject, untilReady } from "./tiny-project.ts";

const helps = 10;
const starts = 5;

function helpMs(args: readonly string[]): number {
  const began = performance.now();
  const { status } = spawnSync(process.execPath, args, { cwd: packageFolder, stdio: "ignore" });
  if (status !== 0) throw new Error(`node ${args.join(" ")}: expected exit code 0, got ${status}`);
  return performance.now() - began;
}

/** Verbs that only look; in a project without results some end with an error, after all that they load is loaded. */
const looks = ["models", "trace x", "data report", "gateway keys list"] as const;
const lookBar = 0.35;

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
/** Median processor seconds of `loam serve` until /readyz answers 200, in a project with a tiny model. */
async function serveSeconds(): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "loam-bench-serve-"));
  const program = join(packageFolder, "bin", "loam.js");
  try {
    const project = tinyProject(join(folder, "tiny"));
    const seconds: number[] = [];
    for (let i = 0; i < starts; i++) {
      const port = await freePort();
      const child = spawn(process.execPath, [program, "serve", "--port", String(port)], { cwd: project, stdio: "ignore" });
      const ended = new Promise<void>(resolve => child.once("close", () => resolve()));
      try {
        await untilReady(port, () => child.exitCode === null, "loam serve");
        seconds.push(takenBy(child.pid!).seconds);
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
