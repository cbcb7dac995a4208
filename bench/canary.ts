/**
 * The sequential comparison of two arms on simulated traffic: verdicts on equal arms, requests until a bad arm is left, users whose requests are alike, arms
 * that users are not assigned to as declared. Everything is seeded.
 */
import { type Random, random } from "../src/base/index.ts";
import {
  type ComparisonArm,
  type ComparisonMetric,
  type ComparisonObservation,
  type ComparisonOptions,
  type ComparisonState,
  judgeComparison,
  observeComparison,
  openComparison,
} from "../src/statistics/index.ts";
import { type Bar, type BenchContext, type BenchResult, digits, median } from "./harness.ts";

const errors: ComparisonMetric = { kind: "rate", margin: 0.02 };
/** A margin that no run is long enough to show: the test goes on to its longest run, and may find harm all the time. */
const endless: ComparisonMetric = { kind: "rate", margin: 0.0001 };
const four: ComparisonOptions["metrics"] = {
  errors: { ...endless },
  blocks: { ...endless },
  latency: { kind: "quantile", quantile: 0.95, ratio: 1.2 },
  quality: { kind: "mean", low: 0, high: 1, better: "higher", margin: 0.05 },
};

type Request = (
  draw: Random,
  index: number,
) => { readonly arm: ComparisonArm; readonly user?: string; readonly values: ComparisonObservation["values"] };

const chosen = (draw: Random, share = 0.5): ComparisonArm => (draw.uniform() < share ? "treatment" : "control");
const failed = (draw: Random, rate: number): number => (draw.uniform() < rate ? 1 : 0);

/** One test to its end, looked at after every `batch` requests. */
function follow(options: ComparisonOptions, draw: Random, request: Request, batch = 10): ComparisonState {
  let state = openComparison(options);
  for (let i = 0; !state.ended; )
    state = observeComparison(
      state,
      Array.from({ length: batch }, () => ({ ...request(draw, i), atMs: i++ })),
    );
  return state;
}

interface Runs {
  readonly harm: number;
  readonly mismatch: number;
  /** Requests an arm until harm, of runs that found it, rising. */
  readonly until: readonly number[];
}

function repeat(runs: number, name: string, options: ComparisonOptions, request: (draw: Random) => Request): Runs {
  const until: number[] = [];
  let mismatch = 0;
  for (let run = 0; run < runs; run++) {
    const draw = random(`${name}/${run}`);
    const state = follow(options, draw, request(draw));
    if (state.ended === "harm") until.push((state.requests.control + state.requests.treatment) / 2);
    if (judgeComparison(state).ratioMismatch.isMismatch) mismatch++;
  }
  return { harm: until.length / runs, mismatch: mismatch / runs, until: until.sort((a, b) => a - b) };
}

const single =
  (control: number, treatment: number, share = 0.5): Request =>
  draw => {
    const arm = chosen(draw, share);
    return { arm, values: { errors: failed(draw, arm === "control" ? control : treatment) } };
  };

const whole =
  (treatment: { readonly errors?: number; readonly latency?: number; readonly quality?: number }): Request =>
  draw => {
    const arm = chosen(draw);
    const is = arm === "treatment" ? treatment : {};
    return {
      arm,
      values: {
        errors: failed(draw, is.errors ?? 0.01),
        blocks: failed(draw, 0.01),
        latency: (is.latency ?? 1) * Math.exp(0.5 * draw.normal()),
        quality: failed(draw, is.quality ?? 0.9),
      },
    };
  };

/** 300 users who come again and again; a tenth of them fail always, whichever their arm. */
function returning(isNamed: boolean): (draw: Random) => Request {
  return draw => {
    const users = Array.from({ length: 300 }, () => ({ arm: chosen(draw), fails: failed(draw, 0.1) }));
    return () => {
      const at = draw.below(users.length);
      const { arm, fails } = users[at]!;
      return { arm, ...(isNamed ? { user: `user ${at}` } : {}), values: { errors: fails } };
    };
  };
}

const atMost = (name: string, got: number, most: number): Bar => ({ name, want: `<= ${most}`, got: digits(got), holds: got <= most });

export const run = async ({ say, scale }: BenchContext): Promise<BenchResult> => {
  const runs = Math.max(20, Math.round(400 * scale));
  const long = { longest: { requests: 4000 } };
  const within = (r: Runs, most: number) => r.until.filter(n => n <= most).length / runs;
  const told = (r: Runs) => ({
    found: digits(r.harm),
    "median requests an arm": median(r.until),
    "90 % of runs": r.until[Math.ceil(0.9 * runs) - 1] ?? null,
  });
  const began = process.cpuUsage();

  say("equal arms");
  const equal = repeat(runs, "equal", { metrics: { errors: endless }, ...long }, () => single(0.01, 0.01));
  const equalFour = repeat(runs, "equal four", { metrics: four, longest: { requests: 4000 } }, () => whole({}));
  const equalTenth = repeat(runs, "equal tenth", { metrics: { errors: endless }, share: 0.1, ...long }, () => single(0.01, 0.01, 0.1));
  say("errors 1 % and 5 %");
  const bad = repeat(runs, "bad", { metrics: { errors }, ...long }, () => single(0.01, 0.05));
  const badFour = repeat(runs, "bad four", { metrics: four, ...long }, () => whole({ errors: 0.05 }));
  const badTenth = repeat(runs, "bad tenth", { metrics: { errors }, share: 0.1, longest: { requests: 20_000 } }, () =>
    single(0.01, 0.05, 0.1),
  );
  say("latency and quality");
  const slow = repeat(runs, "slow", { metrics: four, ...long }, () => whole({ latency: 2 }));
  const worse = repeat(runs, "worse", { metrics: four, ...long }, () => whole({ quality: 0.7 }));
  say("users");
  const users = repeat(runs, "users", { metrics: { errors: endless }, ...long }, returning(true));
  const pretended = repeat(runs, "users", { metrics: { errors: endless }, ...long }, returning(false));
  say("assignment");
  const skewed = repeat(runs, "skewed", { metrics: { errors: endless }, ...long }, () => single(0.01, 0.01, 0.4));
  const { user } = process.cpuUsage(began);

  return {
    method: `${runs} seeded runs each, looked at after every 10 requests, up to 4,000 requests of both arms, alpha 0.05; "four": errors, guard blocks, 95th percentile of latency (ratio 1.2) and quality (margin 0.05) together`,
    ours: {
      "equal arms, errors alone": { rolledBack: equal.harm },
      "equal arms, four metrics": { rolledBack: equalFour.harm },
      "equal arms, a tenth of traffic": { rolledBack: equalTenth.harm },
      "errors 1 % and 5 %": told(bad),
      "errors 1 % and 5 %, four metrics": told(badFour),
      "errors 1 % and 5 %, a tenth of traffic (mean of both arms)": told(badTenth),
      "latency doubled, four metrics": told(slow),
      "quality 0.9 and 0.7, four metrics": told(worse),
      "300 returning users, a tenth fail always, equal arms": { rolledBack: users.harm },
      "the same with each request taken for a user of its own": { rolledBack: pretended.harm },
      "40 % of users where 50 % are declared": { mismatch: skewed.mismatch },
      "processor seconds": digits(user / 1e6),
    },
    peers: {},
    ratios: {},
    bars: [
      atMost("equal arms rolled back, errors alone", equal.harm, 0.05),
      atMost("equal arms rolled back, four metrics", equalFour.harm, 0.05),
      atMost("equal arms rolled back, a tenth of traffic", equalTenth.harm, 0.05),
      {
        name: "errors 1 % to 5 % left within 500 requests an arm",
        want: ">= 0.9",
        got: digits(within(bad, 500)),
        holds: within(bad, 500) >= 0.9,
      },
      atMost("equal arms rolled back, returning users that differ", users.harm, 0.05),
      atMost("sample-ratio mismatch reported where there is none", equal.mismatch, 0.01),
      {
        name: "sample-ratio mismatch 40 : 60 of 50 : 50 reported",
        want: ">= 0.99",
        got: digits(skewed.mismatch),
        holds: skewed.mismatch >= 0.99,
      },
    ],
    notes: [
      `with four metrics, errors 1 % to 5 % are left within 500 requests an arm in ${digits(within(badFour, 500))} of runs: each has a quarter of alpha`,
    ],
  };
};
