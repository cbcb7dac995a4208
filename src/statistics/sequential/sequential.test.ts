/** A comparison of two arms: few wrong verdicts however often one looks, users as clusters, the same from batches in any order and through JSON. */
import { expect, test } from "vitest";
import { type Random, random } from "../../base/index.ts";
import { armScore, betAbove, betBelow, startBets } from "./betting.ts";
import { bucketValue, quantileBounds, valueBucket } from "./buckets.ts";
import {
  type ComparisonArm,
  type ComparisonObservation,
  type ComparisonOptions,
  comparisonPower,
  judgeComparison,
  observeComparison,
  openComparison,
} from "./index.ts";
import { logRatioEvidence } from "./ratio.ts";

const armOf = (draw: Random, share = 0.5): ComparisonArm => (draw.uniform() < share ? "treatment" : "control");
const hits = (draw: Random, rate: number) => (draw.uniform() < rate ? 1 : 0);
/** A margin that is never shown, so that the test runs on. */
const errors = { kind: "rate", margin: 0.0001 } as const;

function endOf(options: ComparisonOptions, seed: string, request: (draw: Random, at: number) => Omit<ComparisonObservation, "atMs">) {
  const draw = random(seed);
  let state = openComparison(options);
  for (let at = 0; !state.ended; )
    state = observeComparison(
      state,
      Array.from({ length: 25 }, () => ({ ...request(draw, at), atMs: at++ })),
    );
  return judgeComparison(state);
}

test("a bet is fair: the mean wealth over both arms is 1 where nothing differs, whatever the loss, the base and the share", () => {
  for (const share of [0.05, 0.5, 0.8])
    for (const base of [0, 0.02, 0.5, 1])
      for (const loss of [0, 0.3, 1])
        for (const bet of [betAbove, betBelow]) {
          const total = (isTreatment: boolean) =>
            bet(startBets("rate"), armScore(isTreatment, share, loss, base), 0).logWealth.reduce((sum, w) => sum + Math.exp(w), 0);
          expect(share * total(true) + (1 - share) * total(false)).toBeCloseTo(1, 12);
          expect(total(true)).toBeGreaterThan(0);
        }
});

test("equal arms are called harmful in at most 5 % of runs, looked at all along, also where the error rate changes with time", () => {
  let harm = 0;
  const runs = 150;
  for (let run = 0; run < runs; run++) {
    const options = {
      metrics: { errors, quality: { kind: "mean", low: 0, high: 5, better: "higher", margin: 0.0001, tolerated: 0 } },
      longest: { requests: 800 },
    } as const;
    const { verdict } = endOf(options, `equal ${run}`, (draw, at) => ({
      arm: armOf(draw),
      values: { errors: hits(draw, at < 400 ? 0.02 : 0.2), quality: 5 * draw.uniform() ** (at < 400 ? 1 : 3) },
    }));
    if (verdict === "harm") harm++;
  }
  // 7.5 at most are expected; three deviations of a binomial are 8
  expect(harm).toBeLessThanOrEqual(15);
});

test("errors of 1 % against 5 % are found, and told by name", () => {
  const found = Array.from({ length: 20 }, (_, run) =>
    endOf({ metrics: { errors: { kind: "rate", margin: 0.02 } }, longest: { requests: 3000 } }, `bad ${run}`, draw => {
      const arm = armOf(draw);
      return { arm, values: { errors: hits(draw, arm === "treatment" ? 0.05 : 0.01) } };
    }),
  );
  expect(found.filter(f => f.verdict === "harm").length).toBeGreaterThanOrEqual(18);
  expect(found[0]).toMatchObject({ verdict: "harm", isEnded: true, reason: "the treatment is worse in errors" });
});

test("a treatment within the margins is called no harm; one below the quality margin never", () => {
  const options: ComparisonOptions = {
    metrics: {
      quality: { kind: "mean", low: 0, high: 1, better: "higher", margin: 0.1 },
      latency: { kind: "quantile", quantile: 0.5, ratio: 1.5 },
    },
    longest: { requests: 6000 },
  };
  const verdicts = (quality: number) =>
    Array.from(
      { length: 12 },
      (_, run) =>
        endOf(options, `quality ${run}`, draw => {
          const arm = armOf(draw);
          return { arm, values: { quality: hits(draw, arm === "treatment" ? quality : 0.8), latency: Math.exp(0.3 * draw.normal()) } };
        }).verdict,
    );
  expect(verdicts(0.8)).toEqual(new Array(12).fill("no harm"));
  const worse = verdicts(0.62);
  expect(worse).not.toContain("no harm");
  expect(worse.filter(v => v === "harm").length).toBeGreaterThanOrEqual(8);
});

test("latency above the declared ratio is harm; below it, it is not", () => {
  const slow = (times: number, seed: string) =>
    endOf({ metrics: { p95: { kind: "quantile", quantile: 0.95, ratio: 1.3 } }, longest: { requests: 4000 } }, seed, draw => {
      const arm = armOf(draw);
      return { arm, values: { p95: 200 * (arm === "treatment" ? times : 1) * Math.exp(0.4 * draw.normal()) } };
    });
  const doubled = Array.from({ length: 10 }, (_, i) => slow(2, `slow ${i}`));
  expect(doubled.filter(j => j.verdict === "harm").length).toBeGreaterThanOrEqual(9);
  for (let i = 0; i < 10; i++) expect(slow(1.1, `fine ${i}`).verdict).not.toBe("harm");
  const [{ control, treatment, bounds }] = doubled[0]!.metrics as [(typeof doubled)[0]["metrics"][0]];
  expect(treatment! / control!).toBeGreaterThan(1.5);
  expect(bounds!.control[0]).toBeLessThanOrEqual(control!);
  expect(bounds!.treatment[1] ?? Number.POSITIVE_INFINITY).toBeGreaterThanOrEqual(treatment!);
});

test("users whose requests are alike raise no alarm as users; as requests they do", () => {
  const rolledBack = (isNamed: boolean) => {
    let harm = 0;
    for (let run = 0; run < 60; run++) {
      const make = random(`users ${run}`);
      const users = Array.from({ length: 60 }, () => ({ arm: armOf(make), fails: hits(make, 0.15) }));
      const { verdict } = endOf({ metrics: { errors }, longest: { requests: 1500 } }, `requests ${run}`, draw => {
        const at = draw.below(users.length);
        return { arm: users[at]!.arm, ...(isNamed ? { user: `user ${at}` } : {}), values: { errors: users[at]!.fails } };
      });
      if (verdict === "harm") harm++;
    }
    return harm;
  };
  expect(rolledBack(true)).toBeLessThanOrEqual(8);
  expect(rolledBack(false)).toBeGreaterThan(15);
});

test("a user is one observation: their window's mean, once", () => {
  const request = (atMs: number, fails: number, user = "ann"): ComparisonObservation => ({
    arm: "control",
    user,
    atMs,
    values: { errors: fails },
  });
  const options = { metrics: { errors }, longest: { requests: 100 }, userWindow: { requests: 4 } };
  const batch = [request(1, 1), request(2, 0), request(3, 0), request(4, 0), request(5, 1), request(6, 1)];
  const once = judgeComparison(observeComparison(openComparison(options), batch));
  expect(once.metrics[0]).toMatchObject({ users: { control: 1 }, control: 0.25 });
  const again = observeComparison(openComparison({ ...options, countUsers: "per-window" }), [...batch, request(7, 1), request(8, 1)]);
  expect(judgeComparison(again).metrics[0]).toMatchObject({ users: { control: 2 }, control: 0.625 });
  // a window that time closes
  const timed = observeComparison(openComparison({ ...options, userWindow: { ms: 10 } }), [request(1, 1), request(20, 0, "ben")]);
  expect(judgeComparison(timed).metrics[0]!.users.control).toBe(1);
  expect(JSON.stringify(timed)).not.toMatch(/ann|ben/);
});

test("late values of a user count once, though the user's requests were counted before", () => {
  const options: ComparisonOptions = {
    metrics: { errors, rating: { kind: "mean", low: 0, high: 1, better: "higher", margin: 0.1, isLate: true } },
    longest: { requests: 100 },
    userWindow: { requests: 1 },
  };
  const at = (atMs: number, values: ComparisonObservation["values"]): ComparisonObservation => ({
    arm: "treatment",
    user: "ann",
    atMs,
    values,
  });
  const judged = judgeComparison(
    observeComparison(openComparison(options), [at(1, { errors: 0 }), at(500, { rating: 1 }), at(501, { rating: 0 })]),
  );
  expect(judged.requests.treatment).toBe(1);
  expect(judged.users.treatment).toBe(1);
  expect(judged.metrics.map(m => m.users.treatment)).toEqual([1, 1]);
  expect(judged.metrics[1]!.treatment).toBe(1);
});

const mixed = (count: number, seed: string): ComparisonObservation[] => {
  const draw = random(seed);
  return Array.from({ length: count }, (_, i) => {
    const user = draw.below(80);
    return {
      arm: user % 2 ? "treatment" : "control",
      id: `request ${i}`,
      ...(user < 60 ? { user: `user ${user}` } : {}),
      atMs: Math.floor(i / 4),
      values: { errors: hits(draw, 0.1), latency: Math.exp(draw.normal()) },
    };
  });
};
const mixedOptions: ComparisonOptions = {
  metrics: { errors, latency: { kind: "quantile", quantile: 0.9, ratio: 1.2 } },
  longest: { requests: 5000 },
};

test("a batch of several servers gives the same state in any order, and a state survives JSON", () => {
  const all = mixed(400, "order");
  const whole = observeComparison(openComparison(mixedOptions), all);
  const shuffled = Array.from(random(3).permutation(all.length), at => all[at]!);
  expect(observeComparison(openComparison(mixedOptions), shuffled)).toEqual(whole);
  let pieces = openComparison(mixedOptions);
  for (let at = 0; at < 400; at += 40) pieces = observeComparison(JSON.parse(JSON.stringify(pieces)), all.slice(at, at + 40));
  expect(pieces).toEqual(whole);
});

test("the state stays small with many users", () => {
  let state = openComparison(mixedOptions);
  const draw = random("many");
  for (let i = 0; i < 100; i++)
    state = observeComparison(
      state,
      Array.from({ length: 200 }, (_, k) => ({
        arm: armOf(draw),
        user: `${i} ${k}`,
        atMs: i,
        values: { errors: 0, latency: Math.exp(3 * draw.normal()) },
      })),
    );
  expect(Object.keys(state.open).length).toBeLessThanOrEqual(4096);
  const counted = { ...state, open: {} };
  expect(JSON.stringify(counted).length).toBeLessThan(120_000);
});

test("the warm-up is left out until both arms have had it", () => {
  const options = { metrics: { errors }, longest: { requests: 100 }, warmup: { requests: 2, ms: 10 } };
  const at = (atMs: number, arm: ComparisonArm): ComparisonObservation => ({ arm, atMs, values: { errors: 1 } });
  const warm = [at(0, "control"), at(1, "control"), at(2, "control"), at(3, "treatment"), at(12, "treatment")];
  const before = observeComparison(openComparison(options), warm);
  expect(judgeComparison(before)).toMatchObject({
    reason: "more requests are needed",
    requests: { control: 3, treatment: 2 },
    users: { control: 0, treatment: 0 },
  });
  expect(judgeComparison(observeComparison(before, [at(13, "control")])).users.control).toBe(1);
});

test("at its longest run, by requests or by time, the verdict stays undecided and nothing more is taken", () => {
  const at = (atMs: number): ComparisonObservation => ({ arm: "control", user: `u${atMs}`, atMs, values: { errors: 0 } });
  for (const longest of [{ requests: 3 }, { requests: 99, ms: 2 }]) {
    const state = observeComparison(openComparison({ metrics: { errors }, longest }), [at(0), at(1), at(2)]);
    expect(judgeComparison(state)).toMatchObject({
      verdict: "undecided",
      isEnded: true,
      reason: "the declared longest run is over",
      users: { control: 3 },
    });
    expect(observeComparison(state, [at(3)])).toBe(state);
    expect(judgeComparison(state).metrics[0]!.users.control).toBe(3);
  }
});

test("a sample-ratio mismatch is found, and forbids no harm", () => {
  const options: ComparisonOptions = {
    metrics: { quality: { kind: "mean", low: 0, high: 1, better: "higher", margin: 0.1 } },
    longest: { requests: 4000 },
  };
  const judged = endOf(options, "ratio", draw => ({ arm: armOf(draw, 0.35), values: { quality: hits(draw, 0.5) } }));
  expect(judged).toMatchObject({ verdict: "undecided", isEnded: true, ratioMismatch: { isMismatch: true, expected: 0.5 } });
  expect(judged.reason).toContain("not in the declared ratio");
  const fair = endOf(options, "ratio", draw => ({ arm: armOf(draw), values: { quality: hits(draw, 0.5) } }));
  expect(fair).toMatchObject({ verdict: "no harm", ratioMismatch: { isMismatch: false } });
});

test("few users who come back in many windows are no sample-ratio mismatch", () => {
  const options: ComparisonOptions = {
    metrics: { errors },
    longest: { requests: 4000 },
    countUsers: "per-window",
    userWindow: { requests: 2 },
  };
  const judged = endOf(options, "back", draw => {
    const user = draw.below(10);
    return { arm: user < 8 ? "treatment" : "control", user: `user ${user}`, values: { errors: 0 } };
  });
  expect(judged).toMatchObject({ users: { control: 2, treatment: 8 }, ratioMismatch: { isMismatch: false } });
  expect(judged.metrics[0]!.users.treatment).toBeGreaterThan(1000);
});

test("the ratio's Bayes factor is 1 on average over the next user", () => {
  for (const share of [0.1, 0.5])
    for (const [control, treatment] of [
      [0, 0],
      [40, 3],
    ] as const) {
      const now = Math.exp(logRatioEvidence(control, treatment, share));
      const next =
        share * Math.exp(logRatioEvidence(control, treatment + 1, share)) +
        (1 - share) * Math.exp(logRatioEvidence(control + 1, treatment, share));
      expect(next / now).toBeCloseTo(1, 9);
    }
});

test("quantile bounds hold the true quantile at every look in at least 95 % of runs", () => {
  let missed = 0;
  for (let run = 0; run < 100; run++) {
    const draw = random(`bounds ${run}`);
    const buckets: Record<string, number> = {};
    let isOut = false;
    for (let n = 1; n <= 600; n++) {
      const bucket = valueBucket(Math.exp(draw.normal()));
      buckets[bucket] = (buckets[bucket] ?? 0) + 1;
      if (n % 5) continue;
      // the median of this distribution is 1
      const [low, high] = quantileBounds(buckets, n, 0.5, 0.05);
      isOut ||= low > 1 || (high ?? 2) < 1;
    }
    if (isOut) missed++;
  }
  expect(missed).toBeLessThanOrEqual(11);
  for (const value of [1e-3, 1, 250, 6e5]) {
    expect(bucketValue(valueBucket(value), "low")).toBeLessThanOrEqual(value * (1 + 1e-9));
    expect(bucketValue(valueBucket(value), "high")).toBeGreaterThan(value * (1 - 1e-9));
  }
});

test("the interval of a difference holds it, and narrows", () => {
  const judged = endOf({ metrics: { errors: { kind: "rate", margin: 0.25, tolerated: 0.25 } }, longest: { requests: 3000 } }, "a", draw => {
    const arm = armOf(draw);
    return { arm, values: { errors: hits(draw, arm === "treatment" ? 0.35 : 0.1) } };
  });
  const [{ difference }] = judged.metrics as [(typeof judged.metrics)[0]];
  expect(difference!.low).toBeLessThan(0.25);
  expect(difference!.high).toBeGreaterThan(0.25);
  expect(difference!.high - difference!.low).toBeLessThan(0.2);
});

test("power says how long a test takes, and the same again from the same seed", () => {
  const options: ComparisonOptions = { metrics: { errors: { kind: "rate", margin: 0.05 } }, longest: { requests: 3000 } };
  const bad = comparisonPower(options, { effects: { errors: { control: 0.01, treatment: 0.1 } }, draws: 30 });
  expect(bad.harm).toBeGreaterThan(0.9);
  expect(bad.requestsUntilHarm.half!).toBeLessThan(bad.requestsUntilHarm.ninetyPercent!);
  expect(bad.requestsUntilNoHarm.half).toBeNull();
  expect(comparisonPower(options, { effects: { errors: { control: 0.01, treatment: 0.1 } }, draws: 30 })).toEqual(bad);
  const alike = comparisonPower(options, {
    effects: { errors: { control: 0.01, treatment: 0.1 } },
    requestsPerUser: 5,
    correlation: 1,
    draws: 30,
  });
  expect(alike.requestsUntilHarm.half!).toBeGreaterThan(bad.requestsUntilHarm.half!);
});

test("what makes no sense is refused by place", () => {
  const open = (change: Partial<ComparisonOptions>) => () => openComparison({ metrics: { errors }, longest: { requests: 10 }, ...change });
  expect(open({ metrics: {} })).toThrow(/metrics: expected one metric or more/);
  expect(open({ share: 0 })).toThrow(/share/);
  expect(open({ metrics: { m: { kind: "mean", low: 1, high: 1, better: "higher", margin: 0.1 } } })).toThrow(/metrics\.m\.low/);
  expect(open({ metrics: { m: { kind: "rate", margin: 0.1, tolerated: 0.2 } } })).toThrow(/metrics\.m\.tolerated/);
  expect(open({ metrics: { m: { kind: "quantile", quantile: 1, ratio: 1 } } })).toThrow(/metrics\.m\.quantile/);
  const state = open({})();
  expect(() => observeComparison(state, [{ arm: "control", atMs: 1, values: { errors: Number.NaN } }])).toThrow(
    /values\.errors: expected a finite number/,
  );
  expect(() => observeComparison(state, [{ arm: "control", atMs: Number.NaN, values: {} }])).toThrow(/atMs/);
  expect(() => observeComparison(state, [{ arm: "control", atMs: 1, values: { nothing: 1 } }])).toThrow(
    /values\.nothing: expected a metric of errors/,
  );
  // a clock that jumps back, and requests without a value, are counted
  const jumped = observeComparison(observeComparison(state, [{ arm: "control", atMs: 100, values: {} }]), [
    { arm: "control", atMs: 5, values: { errors: 0 } },
  ]);
  expect(jumped).toMatchObject({ lastMs: 100, requests: { control: 2 } });
});
