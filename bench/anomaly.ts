/**
 * Anomalies: the monitors on a simulated model with labelled faults, and detectors of vectors on labelled series from PyPI's aeon, beside scikit-learn and PyOD on
 * the very same windows. Python is that of LOAM_WATCH_PYTHON, else bench/peers/.venv-watch.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  componentDistance,
  growIsolationForest,
  isolationScore,
  neighbourDistance,
  neighbourReference,
  responseFeatures,
  robustComponents,
} from "../src/watch/index.ts";
import { type MatchFigures, matchFigures } from "./anomaly/matching.ts";
import { readScores, readWindowSets, type WindowSet, writeWindowSets } from "./anomaly/series.ts";
import { monitorScores, runFaults, runQuiet, simulatedVectors } from "./anomaly/simulated.ts";
import { type Bar, type BenchContext, type BenchResult, digits, median } from "./harness.ts";

const peersFolder = fileURLToPath(new URL(import.meta.url.endsWith(".ts") ? "./peers" : "../../bench/peers", import.meta.url));
const pythonOf = (): string | undefined =>
  [process.env.LOAM_WATCH_PYTHON, join(peersFolder, ".venv-watch", "bin", "python")].find(p => p !== undefined && existsSync(p));

/** Processor microseconds of the features of a response of 200 tokens, with its text. */
function featureCost(): number {
  const tokens = (step: number) => Int32Array.from({ length: 200 }, (_, i) => (i * step) % 5003);
  const text = "The quick brown fox jumps over the lazy dog, and then it sleeps for a while. ".repeat(11);
  const content = { promptTokens: tokens(104_729), answerTokens: tokens(7919), logProbability: -300, prompt: text, answer: text };
  const rounds = Array.from({ length: 7 }, () => {
    const began = process.cpuUsage();
    for (let i = 0; i < 3000; i++) responseFeatures(content);
    const used = process.cpuUsage(began);
    return (used.user + used.system) / 3000;
  });
  return median(rounds.slice(2));
}

type Detectors = Readonly<Record<string, (set: WindowSet) => (row: Float64Array) => number>>;
const ours: Detectors = {
  "isolation forest": ({ fit }) => {
    const forest = growIsolationForest(fit);
    return row => isolationScore(forest, row);
  },
  "robust components": ({ fit }) => {
    const model = robustComponents(fit);
    return row => componentDistance(model, row).distance;
  },
  "nearest neighbours": ({ fit }) => {
    const reference = neighbourReference(fit);
    return row => neighbourDistance(reference, row);
  },
};

type SetFigures = Record<string, { readonly figures: MatchFigures; readonly seconds: number }>;

function ownFigures(set: WindowSet): SetFigures {
  return Object.fromEntries(
    Object.entries(ours).map(([name, fitted]) => {
      const began = process.cpuUsage();
      const scoreOf = fitted(set);
      const scores = set.score.map(scoreOf);
      const used = process.cpuUsage(began);
      return [name, { figures: matchFigures(scores, set.labels), seconds: (used.user + used.system) / 1e6 }];
    }),
  );
}

interface PeerAnswer {
  readonly versions: Readonly<Record<string, string>>;
  readonly sets: Readonly<
    Record<string, Readonly<Record<string, { readonly file?: string; readonly seconds?: number; readonly error?: string }>>>
  >;
}

function askPython(python: string, args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(python, [join(peersFolder, "anomaly.py"), ...args], {
    encoding: "utf8",
    maxBuffer: 1 << 26,
    env: { ...process.env, OMP_NUM_THREADS: "1", OPENBLAS_NUM_THREADS: "1" },
  });
  if (error || status !== 0)
    throw new Error(`${python} anomaly.py ${args[0]}: ${error?.message ?? stderr.trim().split("\n").slice(-3).join(" ")}`);
  return stdout;
}

function peerFigures(
  python: string,
  folder: string,
  sets: readonly WindowSet[],
): { readonly versions: PeerAnswer["versions"]; readonly figures: Record<string, SetFigures> } {
  const { versions, sets: answers } = JSON.parse(askPython(python, [writeWindowSets(folder, sets)])) as PeerAnswer;
  const figures: Record<string, SetFigures> = {};
  for (const set of sets)
    figures[set.name] = Object.fromEntries(
      Object.entries(answers[set.name]!).flatMap(([name, { file, seconds }]) =>
        file ? [[name, { figures: matchFigures(readScores(folder, file), set.labels), seconds: seconds! }]] : [],
      ),
    );
  return { versions, figures };
}

const shown = ({ figures, seconds }: SetFigures[string]) => ({
  ap: digits(figures.averagePrecision),
  f1: digits(figures.bestF1),
  top: figures.isTopHit,
  seconds: digits(seconds),
});
const bestOfSet = (all: SetFigures): readonly [string, number] =>
  Object.entries(all).reduce<[string, number]>(
    (best, [name, { figures }]) => (figures.averagePrecision > best[1] ? [name, figures.averagePrecision] : best),
    ["none", -1],
  );

/** Ours and theirs on every set, and the best of both sides by average precision. */
function compareSets(sets: readonly WindowSet[], own: Record<string, SetFigures>, peers: ReturnType<typeof peerFigures> | undefined) {
  const [mine, theirs, ratios]: [Record<string, unknown>, Record<string, unknown>, Record<string, number>] = [{}, {}, {}];
  for (const { name } of sets) {
    for (const [detector, f] of Object.entries(own[name]!)) mine[`${name}: ${detector}`] = shown(f);
    if (!peers) continue;
    for (const [detector, f] of Object.entries(peers.figures[name]!)) theirs[`${name}: ${detector}`] = shown(f);
    ratios[`${name}: best average precision, ours (${bestOfSet(own[name]!)[0]}) over theirs (${bestOfSet(peers.figures[name]!)[0]})`] =
      digits(bestOfSet(own[name]!)[1] / bestOfSet(peers.figures[name]!)[1]);
  }
  return { mine, theirs, ratios };
}

export async function run({ scale, say }: BenchContext): Promise<BenchResult> {
  const notes: string[] = [];
  say("features");
  const microseconds = featureCost();
  say("faults");
  const faults = runFaults(Math.max(1, Math.round(8 * scale)), 0.1);
  say("quiet days");
  const quiet = runQuiet(Math.max(1, Math.round(10 * scale)), 30, 0.1);
  const loud = runQuiet(Math.max(1, Math.round(4 * scale)), 30, 1);
  say("vectors of the simulated model");
  const simulated = simulatedVectors("vectors");
  const simulatedSet: WindowSet = { name: "simulated", columns: simulated.fit[0]!.length, ...simulated };
  const monitors = matchFigures(monitorScores(simulated.inputs, simulated.fit.length), simulated.labels);
  const python = pythonOf();
  const folder = mkdtempSync(join(tmpdir(), "loam-anomaly-"));
  try {
    const sets = [simulatedSet];
    if (python) {
      askPython(python, ["--data", folder]);
      sets.push(...readWindowSets(folder));
    } else notes.push("Without Python (LOAM_WATCH_PYTHON): no labelled series and no peers.");
    say("detectors of vectors");
    const own = Object.fromEntries(sets.map(set => [set.name, ownFigures(set)]));
    own.simulated!["all monitors"] = { figures: monitors, seconds: Number.NaN };
    say("peers");
    const peers = python ? peerFigures(python, folder, sets) : undefined;
    const { mine, theirs, ratios } = compareSets(sets, own, peers);
    const recall = faults.found / faults.planted;
    const precision = faults.right / faults.raised;
    const bars: Bar[] = [
      {
        name: "features of a response of 200 tokens, microseconds of processor",
        want: "<= 50",
        got: digits(microseconds),
        holds: microseconds <= 50,
      },
      {
        name: "false alarms a day where nothing is wrong, budget 0.1",
        want: "<= 0.1",
        got: quiet["alarms a day"],
        holds: quiet["alarms a day"] <= 0.1,
      },
      {
        name: "false alarms a day where nothing is wrong, budget 1",
        want: "<= 1",
        got: loud["alarms a day"],
        holds: loud["alarms a day"] <= 1,
      },
      { name: "faults found while they last", want: ">= 0.95", got: digits(recall), holds: recall >= 0.95 },
      { name: "alarms that are of a fault", want: ">= 0.9", got: digits(precision), holds: precision >= 0.9 },
      ...Object.entries(ratios).map(([name, ratio]) => ({ name, want: ">= 1", got: ratio, holds: ratio >= 1 })),
    ];
    return {
      method:
        "Simulated: a served model by the minute, daily and weekly season, autoregressive noise, skewed latency; 11 kinds of faults and 4 nuisances at known minutes. Series: windows of 64 of UCR 135, of the ECG of aeon, and of Daphnet with planted faults of sensors (aeon's part of it has no labelled point); fitted on the part before, scored on the rest. A window is labelled where one of its points is; average precision by window, best composite F1 (precision by window, recall by stretch), nothing adjusted; detectors with their defaults.",
      ours: { "microseconds a response": digits(microseconds), faults, quiet, "quiet, budget 1": loud, ...mine },
      peers: { ...(peers ? { versions: peers.versions } : {}), ...theirs },
      ratios,
      bars,
      ...(notes.length > 0 ? { notes } : {}),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
