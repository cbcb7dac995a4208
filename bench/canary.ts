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
  readonly noHarm: number;
  readonly mismatch: number;
  /** Requests an arm until harm, of runs that found it, rising. */
  readonly until: readonly number[];
}

function repeat(runs: number, name: string, options: ComparisonOptions, request: (draw: Random) => Request): Runs {
  const until: number[] = [];
  let [mismatch, noHarm] = [0, 0];
  for (let run = 0; run < runs; run++) {
    const draw = random(`${name}/${run}`);
    const state = follow(options, draw, request(draw));
    if (state.ended === "harm") until.push((state.requests.control + state.requests.treatment) / 2);
    if (state.ended === "no harm") noHarm++;
    if (judgeComparison(state).ratioMismatch.isMismatch) mismatch++;
  }
  return { harm: until.length / runs, noHarm: noHarm / runs, mismatch: mismatch / runs, until: until.sort((a, b) => a - b) };
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

/** What is done without such a test: a z-test of two proportions, one-sided at 0.05, looked at as often. Requests an arm until it says harm. */
function repeatedTest(
  runs: number,
  name: string,
  control: number,
  treatment: number,
): { readonly harm: number; readonly within500: number } {
  let [harm, within500] = [0, 0];
  for (let run = 0; run < runs; run++) {
    const draw = random(`${name}/${run}`);
    const [n, bad] = [
      { control: 0, treatment: 0 },
      { control: 0, treatment: 0 },
    ];
    for (let i = 1; i <= 4000; i++) {
      const arm = chosen(draw);
      n[arm]++;
      bad[arm] += failed(draw, arm === "control" ? control : treatment);
      const both = (bad.control + bad.treatment) / i;
      const deviation = Math.sqrt(both * (1 - both) * (1 / n.control + 1 / n.treatment));
      if (i % 10 || i < 100 || !((bad.treatment / n.treatment - bad.control / n.control) / deviation > 1.645)) continue;
      harm++;
      if (i <= 1000) within500++;
      break;
    }
  }
  return { harm: harm / runs, within500: within500 / runs };
}

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
  const weighted = { ...four, errors: { ...endless, weight: 3 } };
  const badWeighted = repeat(runs, "bad four", { metrics: weighted, ...long }, () => whole({ errors: 0.05 }));
  const badTenth = repeat(runs, "bad tenth", { metrics: { errors }, share: 0.1, longest: { requests: 20_000 } }, () =>
    single(0.01, 0.05, 0.1),
  );
  say("latency and quality");
  const slow = repeat(runs, "slow", { metrics: four, ...long }, () => whole({ latency: 2 }));
  const worse = repeat(runs, "worse", { metrics: four, ...long }, () => whole({ quality: 0.7 }));
  say("worse by exactly the margin");
  const edge = (name: string, metric: ComparisonMetric, treatment: Parameters<typeof whole>[0]) =>
    repeat(runs, `edge ${name}`, { metrics: { [name]: metric }, ...long }, () => (draw, index) => {
      const request = whole(treatment)(draw, index);
      return { ...request, values: { [name]: request.values[name] } };
    });
  const edges = {
    errors: edge("errors", { ...errors, tolerated: 0.02 }, { errors: 0.03 }),
    latency: edge("latency", four.latency!, { latency: 1.2 }),
    quality: edge("quality", four.quality!, { quality: 0.85 }),
  };
  say("users");
  const users = repeat(runs, "users", { metrics: { errors: endless }, ...long }, returning(true));
  const pretended = repeat(runs, "users", { metrics: { errors: endless }, ...long }, returning(false));
  say("assignment");
  const skewed = repeat(runs, "skewed", { metrics: { errors: endless }, ...long }, () => single(0.01, 0.01, 0.4));
  const { user } = process.cpuUsage(began);
  say("a z-test looked at as often");
  const [equalZ, badZ] = [repeatedTest(runs, "equal", 0.01, 0.01), repeatedTest(runs, "bad", 0.01, 0.05)];

  return {
    method: `${runs} seeded runs each, looked at after every 10 requests, up to 4,000 requests of both arms, alpha 0.05; "four": errors, guard blocks, 95th percentile of latency (ratio 1.2) and quality (margin 0.05) together`,
    ours: {
      "equal arms, errors alone": { rolledBack: equal.harm },
      "equal arms, four metrics": { rolledBack: equalFour.harm },
      "equal arms, a tenth of traffic": { rolledBack: equalTenth.harm },
      "errors 1 % and 5 %": told(bad),
      "errors 1 % and 5 %, four metrics": told(badFour),
      "errors 1 % and 5 %, four metrics, half of alpha for errors": told(badWeighted),
      "errors 1 % and 5 %, a tenth of traffic (mean of both arms)": told(badTenth),
      "latency doubled, four metrics": told(slow),
      "quality 0.9 and 0.7, four metrics": told(worse),
      "worse by exactly the margin": Object.fromEntries(
        Object.entries(edges).map(([name, { harm, noHarm }]) => [name, { harm: digits(harm), noHarm: digits(noHarm) }]),
      ),
      "300 returning users, a tenth fail always, equal arms": { rolledBack: users.harm },
      "the same with each request taken for a user of its own": { rolledBack: pretended.harm },
      "40 % of users where 50 % are declared": { mismatch: skewed.mismatch },
      "processor seconds": digits(user / 1e6),
    },
    peers: {
      "z-test of two proportions at 0.05, looked at after every 10 requests from 100 on": {
        "equal arms rolled back": digits(equalZ.harm),
        "errors 1 % to 5 % left within 500 requests an arm": digits(badZ.within500),
      },
    },
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
      atMost("worse by exactly the margin: no harm, most of three metrics", Math.max(...Object.values(edges).map(e => e.noHarm)), 0.05),
      atMost("worse by exactly the margin: harm, most of three metrics", Math.max(...Object.values(edges).map(e => e.harm)), 0.05),
      {
        name: "sample-ratio mismatch 40 : 60 of 50 : 50 reported",
        want: ">= 0.99",
        got: digits(skewed.mismatch),
        holds: skewed.mismatch >= 0.99,
      },
    ],
    notes: [
      `with four metrics, errors 1 % to 5 % are left within 500 requests an arm in ${digits(within(badFour, 500))} of runs: each has a quarter of alpha; where errors have half of it, in ${digits(within(badWeighted, 500))}`,
    ],
  };
};
