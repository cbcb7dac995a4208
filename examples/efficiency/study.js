// The runs of a study, in order: what is done lies as a file each in the study's folder, so that a study goes on where it was stopped or killed. A run that
// was cut off is made again as a whole: its cost is that of a whole run.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { costToReach, ladderOf, nextLength } from "./curve.js";
import { byteEnd, writeStudyProject } from "./mails.js";
import {
  architectureOf,
  candidates,
  dataSetOf,
  dataSets,
  efficient,
  levers,
  longestStep,
  nanoGpt,
  plain,
  recipeOf,
  rungs,
  scales,
  timedLevers,
  torchSweepShare,
  withCandidate,
  withOnly,
  without,
} from "./plan.js";
import { isUnclear, meanRatio } from "./saving.js";

const child = fileURLToPath(new URL("child.js", import.meta.url));
const peers = fileURLToPath(new URL("../../bench/peers/", import.meta.url));
const hash = value => createHash("sha256").update(JSON.stringify(value)).digest("hex").slice(0, 12);

/** Rises when results of an earlier form would be misread. */
const formatVersion = 1;

/** At most so many tasks at once. */
function limiter(most) {
  let running = 0;
  const waiting = [];
  return async task => {
    if (running >= most) await new Promise(resolve => waiting.push(resolve));
    running++;
    try {
      return await task();
    } finally {
      running--;
      waiting.shift()?.();
    }
  };
}

/** Runs a program; its standard input stays open, so that it ends with this process. Gives its standard output. */
function programOutput(file, args, { env = {}, signal } = {}) {
  return new Promise((resolve, reject) => {
    const program = spawn(file, args, { stdio: ["pipe", "pipe", "pipe"], env: { ...process.env, ...env }, signal, killSignal: "SIGKILL" });
    let [out, err] = ["", ""];
    program.stdin.on("error", () => {});
    program.stdout.on("data", data => (out += data));
    program.stderr.on("data", data => (err = `${err}${data}`.slice(-2000)));
    program.on("error", reject);
    program.on("close", (code, killed) =>
      code === 0 ? resolve(out) : reject(new Error(`ended with ${killed ?? code}: ${err.trim() || "no message"}`)),
    );
  });
}

/** Results as files: `kept(kind, name, identity, make)` gives what lies there, or makes it and lays it there. */
export class Results {
  constructor({ folder, say = () => {}, workers = availableParallelism(), signal }) {
    Object.assign(this, {
      folder,
      say,
      workers,
      signal,
      limited: limiter(workers),
      pending: new Map(),
      made: 0,
      found: 0,
      began: performance.now(),
    });
    mkdirSync(join(folder, "runs"), { recursive: true });
  }

  /** Who asks for what is being made waits for it. */
  kept(name, identity, tell, make) {
    const path = join(this.folder, "runs", `${name}-${hash({ formatVersion, identity })}.json`);
    const one = this.pending.get(path) ?? this.keep(name, path, tell, make);
    this.pending.set(path, one);
    return one;
  }

  async keep(name, path, tell, make) {
    if (existsSync(path)) {
      this.found++;
      return JSON.parse(readFileSync(path, "utf8"));
    }
    return this.limited(async () => {
      this.signal?.throwIfAborted();
      try {
        await make(path);
      } catch (error) {
        this.signal?.throwIfAborted();
        throw new Error(`efficiency: ${name}: ${error.message}`, { cause: error });
      }
      const result = JSON.parse(readFileSync(path, "utf8"));
      this.made++;
      const minutes = (performance.now() - this.began) / 60_000;
      this.say(`${minutes.toFixed(1).padStart(6)} min  ${String(this.made + this.found).padStart(3)}  ${name.padEnd(34)} ${tell(result)}`);
      return result;
    });
  }

  /** A job of child.js. */
  job(name, job, { env, tell = () => "" } = {}) {
    return this.kept(name, { ...job, folder: undefined, env }, tell, path =>
      programOutput(process.execPath, [child, JSON.stringify({ ...job, folder: this.folder }), path], { env, signal: this.signal }),
    );
  }
}

const tellRun = r =>
  r.diverged
    ? `diverged, ${r.coreSeconds.toFixed(1)} core-seconds`
    : `${r.points.at(-1).bitsPerByte.toFixed(4)} bits per byte, ${r.coreSeconds.toFixed(1)} core-seconds`;

/** Points of a run, its last one only where the schedule decays (the recipe evaluates nothing else then). */
const bitsOf = run => run.points.map(p => p.bitsPerByte);
const finalBits = run => (run.diverged ? Number.POSITIVE_INFINITY : run.points.at(-1).bitsPerByte);

/** The arms of Loam: runs of recipes on data sets. */
class Arms {
  constructor(results, scale, data) {
    Object.assign(this, { results, scale, data });
  }

  /** One run; `name` is what people read. */
  run(name, settings, { tokens, trial, seed, isEvaluatedOnce }, env) {
    const { shards, tokenizer } = this.data[dataSetOf(settings)];
    const recipe = recipeOf(settings, this.scale, { ...trial, tokens, seed, isEvaluatedOnce });
    const job = { kind: "train", data: { shards, tokenizer }, model: architectureOf(settings, this.scale), recipe };
    return this.results.job(name, job, { tell: tellRun, ...(env ? { env } : {}) });
  }

  /** The best rate and batch of a recipe; what finding them costs. */
  sweep(name, settings) {
    return sweepOf(this.scale.trials[settings.optimizer], (trial, share) => {
      const tokens = this.scale.tokens * share;
      return this.run(`sweep-${name}-${trial.rate}-${trial.rows}-${tokens}`, settings, { tokens, trial, seed: 1, isEvaluatedOnce: true });
    });
  }

  /** Trains lengths of a ladder until two of them, or the evaluations of one, enclose the target. Gives the points and what they say. */
  async reach(name, settings, { trial, seed, target, first }) {
    const { scale } = this;
    const ladder = ladderOf({
      tokens: scale.tokens,
      tokensPerStep: longestStep(settings, scale),
      factor: scale.ladderFactor,
      least: scale.leastShare,
      most: 2,
    });
    const runs = new Map();
    for (;;) {
      const done = new Map([...runs].map(([length, run]) => [length, bitsOf(run)]));
      const tokens = nextLength({ ladder, first, done, target });
      if (tokens === undefined) break;
      runs.set(tokens, await this.run(`${name}-${tokens}-seed-${seed}`, settings, { tokens, trial, seed }));
    }
    const points = [...runs.values()].flatMap(r => r.points);
    return { seed, target, points, ...costToReach(points, target) };
  }
}

/** Successive halving over trials: `run(trial, share)` gives a run. `chosen` is what the best run of the last rung had. */
async function sweepOf(given, run, rungsOf = rungs) {
  const trials = [];
  let left = given;
  for (const { share, kept } of rungsOf) {
    const runs = await Promise.all(left.map(trial => run(trial, share)));
    const rung = left.map((trial, i) => ({ trial, bitsPerByte: finalBits(runs[i]), coreSeconds: runs[i].coreSeconds }));
    trials.push(...rung.map(({ trial, ...found }) => ({ ...trial, share, ...found })));
    rung.sort((a, b) => a.bitsPerByte - b.bitsPerByte);
    left = rung.slice(0, Math.max(1, Math.ceil(given.length * kept))).map(r => r.trial);
  }
  return { trials, chosen: left[0], coreSeconds: trials.reduce((n, t) => n + t.coreSeconds, 0) };
}

/** PyTorch by the Python of bench/peers, or of LOAM_PYTHON: undefined with a reason where it is not there. */
async function findTorch() {
  const python = process.env.LOAM_PYTHON ?? join(peers, ".venv", "bin", "python");
  const script = join(peers, "nano_gpt.py");
  if (!existsSync(script)) return { reason: "bench/peers/nano_gpt.py is not there: it comes with Loam's repository, not with its package" };
  if (!existsSync(python)) return { reason: "PyTorch is not installed: run `npm run bench -- peers`, or set LOAM_PYTHON" };
  try {
    return { python, script, version: (await programOutput(python, ["-c", "import torch; print(torch.__version__)"])).trim() };
  } catch (error) {
    return { reason: `PyTorch does not start: ${error.message.split("\n").at(-1)}` };
  }
}

/** Baseline 1: nanoGPT's set-up in PyTorch, swept like the others; the same bytes. */
async function torchBaseline(results, scale, mails) {
  const torch = await findTorch();
  if (torch.reason) return { skipped: torch.reason };
  const place = name => join(results.folder, name);
  const run = (name, { iterations, rate, seed }) => {
    const config = { ...nanoGpt({ iterations, rate, seed }), vocab: byteEnd + 1, end: byteEnd, threads: 1 };
    return results.kept(name, { config, torch: torch.version, mails: mails.digest }, tellRun, async path => {
      const given = {
        ...config,
        train: place("train.u16"),
        heldOut: place("held-out.u16"),
        offsets: place("held-out.offsets.json"),
        endWithParent: true,
      };
      const said = JSON.parse(
        (await programOutput(torch.python, [torch.script, JSON.stringify(given)], { signal: results.signal })).trim().split("\n").at(-1),
      );
      const { bits, coreSeconds, torch: version, parameters } = said;
      const bitsPerByte = bits.reduce((a, b) => a + b, 0) / mails.heldOutBytes;
      const diverged = !Number.isFinite(bitsPerByte);
      const points = diverged ? [] : [{ tokens: iterations * config.block * config.batch, coreSeconds, bitsPerByte, bits }];
      writeFileSync(`${path}.part`, JSON.stringify({ points, coreSeconds, diverged, torch: version, parameters }));
      renameSync(`${path}.part`, path);
    });
  };
  const { iterations, rates } = scale.torch;
  const short = Math.round(iterations * torchSweepShare);
  const sweep = await sweepOf(
    rates.map(rate => ({ rate })),
    ({ rate }) => run(`sweep-pytorch-${rate}`, { iterations: short, rate, seed: 1 }),
    [{ share: torchSweepShare, kept: 0 }],
  );
  const runs = await Promise.all(
    seedsOf(scale.seeds).map(seed => run(`pytorch-seed-${seed}`, { iterations, rate: sweep.chosen.rate, seed })),
  );
  return { torch: torch.version, sweep, runs };
}

const seedsOf = count => Array.from({ length: count }, (_, i) => i + 1);

/** Ratio of the cost without a lever to the cost with it, over seeds in which both reached the target; more seeds where it is unclear. */
async function leverEffect(name, scale, costOf) {
  const pairs = await Promise.all(seedsOf(scale.seeds).map(costOf));
  const told = list => list.filter(p => p.ratio !== undefined);
  const first = told(pairs);
  if (scale.extraSeeds > 0 && first.length > 1 && isUnclear(meanRatio(first.map(p => p.ratio))))
    for (let k = 1; k <= scale.extraSeeds; k++) pairs.push(await costOf(scale.seeds + k));
  return { name, pairs };
}

/** Core-seconds of a step with and without what changes no loss, interleaved rounds (three, where the scale says nothing else); one at a time, on a machine that does nothing else. */
async function timed(arms, lever, trial) {
  const { scale } = arms;
  const tokens = scale.timedSteps * trial.rows * scale.architecture.context;
  const rounds = [];
  for (const seed of seedsOf(scale.timedRounds ?? 3)) {
    const on = await arms.run(`timed-on-${seed}`, efficient, { tokens, trial, seed });
    const off = await arms.run(`timed-without-${lever.name}-${seed}`, efficient, { tokens, trial, seed }, lever.environment);
    rounds.push({ on: on.stepSeconds, off: off.stepSeconds });
  }
  return { name: lever.name, about: lever.about, rounds };
}

/** Everything of a study; what is there already is read. Gives the raw results, for `documentOf`. */
export async function runStudy({ folder, scaleName, say, workers, signal }) {
  const scale = scales[scaleName];
  const results = new Results({ folder, say, workers, signal });
  writeStudyProject(folder, scale);
  const mails = await results.job(
    "mails",
    {
      kind: "prepare",
      scale: { vocab: scale.vocab, mailBytes: scale.mailBytes, heldOutBytes: scale.heldOutBytes, mailFolder: scale.mailFolder },
    },
    { tell: r => `${r.trainMails} train mails, ${r.heldOutBytes} held-out bytes` },
  );
  const data = {};
  for (const set of Object.keys(dataSets)) {
    const tell = r => `${r.documents} mails, ${r.tokens} tokens`;
    data[set] = await results.job(
      `data-${set}`,
      { kind: "curate", set, of: dataSets[set], vocab: scale.vocab, mails: mails.digest },
      { tell },
    );
  }
  const arms = new Arms(results, scale, data);
  const pytorch = await torchBaseline(results, scale, mails);

  const plainSweep = await arms.sweep("plain", plain);
  const efficientSweep = await arms.sweep("efficient", efficient);
  const trialOf = s => (s.optimizer === "muon" ? efficientSweep.chosen : plainSweep.chosen);
  const plainRun = seed => arms.run(`plain-seed-${seed}`, plain, { tokens: scale.tokens, trial: plainSweep.chosen, seed });
  const plainRuns = await Promise.all(seedsOf(scale.seeds).map(plainRun));
  const targetOf = async seed => finalBits(await plainRun(seed));
  const reach = async (name, s, seed, first) => arms.reach(name, s, { trial: trialOf(s), seed, target: await targetOf(seed), first });

  const firstLength = scale.tokens / 8;
  const ours = await Promise.all(seedsOf(scale.seeds).map(seed => reach("efficient", efficient, seed, firstLength)));
  const oursToTorch = pytorch.skipped
    ? []
    : await Promise.all(
        pytorch.runs.map((run, i) =>
          arms.reach("efficient", efficient, {
            trial: efficientSweep.chosen,
            seed: i + 1,
            target: finalBits(run),
            first: scale.tokens * scale.leastShare,
          }),
        ),
      );

  const chosen = levers.filter(l => scale.levers === undefined || scale.levers.includes(l.name));
  const leaveOneOut = [];
  for (const lever of chosen)
    leaveOneOut.push(
      leverEffect(lever.name, scale, async seed => {
        const whole = await reach("efficient", efficient, seed, firstLength);
        const one = await reach(`without-${lever.name}`, without(lever), seed, firstLength);
        return ratioOf(one, whole, seed, one);
      }),
    );
  const addOneIn = [];
  if (scale.addOneIn)
    for (const lever of chosen)
      addOneIn.push(
        leverEffect(lever.name, scale, async seed => {
          const one = await reach(`with-${lever.name}`, withOnly(lever), seed, scale.tokens);
          const run = await plainRun(seed);
          return ratioOf({ kind: "within", coreSeconds: run.coreSeconds }, one, seed, one);
        }),
      );
  const added = candidates
    .filter(c => scale.candidates === undefined || scale.candidates.includes(c.name))
    .map(candidate =>
      leverEffect(candidate.name, scale, async seed => {
        const whole = await reach("efficient", efficient, seed, firstLength);
        const one = await reach(`plus-${slug(candidate.name)}`, withCandidate(candidate), seed, firstLength);
        return ratioOf(whole, one, seed, one);
      }),
    );
  const effects = {
    leaveOneOut: await Promise.all(leaveOneOut),
    addOneIn: await Promise.all(addOneIn),
    candidates: await Promise.all(added),
  };
  const timings = [];
  for (const lever of timedLevers) timings.push(await timed(arms, lever, efficientSweep.chosen));
  return {
    scaleName,
    scale,
    mails,
    data,
    pytorch,
    plainSweep,
    efficientSweep,
    plainRuns,
    ours,
    oursToTorch,
    effects,
    timings,
    workers: results.workers,
  };
}

const slug = name => name.toLowerCase().replace(/[^a-z0-9]+/g, "-");

/** Cost of the first over cost of the second where both are known; a bound where one never reached the target. Beside it the points of the arm. */
function ratioOf(slow, fast, seed, { points }) {
  const ratio = slow.coreSeconds / fast.coreSeconds;
  if (slow.kind === "within" && fast.kind === "within") return { seed, points, ratio };
  if (slow.kind === "above" && fast.kind === "within") return { seed, points, atLeast: ratio };
  return { seed, points, unknown: `${slow.kind} / ${fast.kind}` };
}
