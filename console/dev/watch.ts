/** Made-up answers of the page Watch: two versions of a model, of which the newer one is slower and meets other texts than it was trained on. */
import type { WatchDrift, WatchHistory, WatchLoop, WatchQuality, WatchSamples, WatchStatus } from "../src/generated/watch.ts";

const minute = 60_000;
const day = 86_400_000;
const steps: Readonly<Record<string, number>> = { "1m": minute, "15m": 15 * minute, "6h": 360 * minute };

const figuresOf = (isNew: boolean): Record<string, number | null> => ({
  requests: isNew ? 3.1 : 11.4,
  "latency-p50": isNew ? 212 : 148,
  "latency-p95": isNew ? 940 : 410,
  "tokens-per-second": isNew ? 64 : 231,
  errors: isNew ? 0.041 : 0.004,
});

export function madeUpWatch(versions: readonly string[]): WatchStatus {
  const now = Date.now();
  return {
    lookedAt: now - (now % minute),
    servers: [{ id: "1b6c", seenAt: now - 3_000 }],
    models: versions.map((model, i) => ({ model, requests: i === 0 ? 186 : 684, errors: i === 0 ? 8 : 3, figures: figuresOf(i === 0) })),
    alarms: versions[0]
      ? [
          {
            id: "a2",
            monitor: "errors",
            kind: "slo",
            model: versions[0],
            severity: "page",
            since: now - 11 * minute,
            endedAt: null,
            resolution: null,
            evidence: { burnRate: 41.3, limit: 14.4, window: "1 h", errors: 8, requests: 186 },
          },
          {
            id: "a1",
            monitor: "latency-p95",
            kind: "chart",
            model: versions.at(-1)!,
            severity: "ticket",
            since: now - 2 * day,
            endedAt: now - 2 * day + 25 * minute,
            resolution: "cleared",
            evidence: { side: "above", cusum: 6.2, averageRunLength: 10_080 },
          },
        ]
      : [],
    objectives: versions[0]
      ? [
          {
            name: "answered",
            model: null,
            objective: 0.995,
            windowMs: 30 * day,
            reached: 0.9967,
            budgetLeft: 0.34,
            alerts: [
              { severity: "page", longMs: 60 * minute, shortMs: 5 * minute, long: 41.3, short: 44, limit: 14.4 },
              { severity: "ticket", longMs: 3 * day, shortMs: 360 * minute, long: 0.8, short: 2.1, limit: 1 },
            ],
          },
        ]
      : [],
  };
}

/** Waves over the day, with a rise at the end where it is the newer version's. */
export function madeUpHistory(metric: string, model: string, step: string, isNew: boolean): WatchHistory {
  const stepMs = steps[step] ?? minute;
  const last = Math.floor(Date.now() / stepMs) * stepMs;
  const base = figuresOf(isNew)[metric] ?? null;
  const points = Array.from({ length: 60 }, (_, i): WatchHistory["points"][number] => {
    const wave = 1 + 0.25 * Math.sin(i / 6) + 0.06 * Math.sin(i * 2.3);
    const rise = isNew && metric !== "requests" && i > 46 ? 1.6 : 1;
    return [last - (59 - i) * stepMs, base === null ? null : Number((base * wave * rise).toFixed(4)), 12];
  });
  return { metric, model, stepMs, points };
}

export const madeUpDrift = (versions: readonly string[]): WatchDrift[] =>
  versions.slice(0, 1).map(model => ({
    model,
    reference: "sketch-4f0a",
    verdict: "drift",
    alpha: 0.05,
    events: { reference: 1281, window: 186 },
    season: {
      version: model,
      seasons: [1, 2, 3, 4],
      fromMs: Date.now() - 35 * 24 * 60 * minute,
      coverage: 0.97,
      verdict: "drift",
      events: { reference: 702, window: 180 },
      usual: [],
      unusual: ["length"],
      unknown: [],
    },
    why: null,
    features: [
      {
        name: "length",
        type: "number",
        kind: "covariate",
        verdict: "drift",
        reference: { values: 1281 },
        window: { values: 186 },
        needed: 90,
        test: "Kolmogorov-Smirnov",
        p: 0.00003,
        adjustedP: 0.0001,
        effect: { value: 0.21, low: 0.13, high: 0.29 },
        measure: "D",
        numbers: {
          reference: { mean: 214, quantiles: [38, 84, 160, 290, 480] },
          window: { mean: 301, quantiles: [52, 120, 248, 410, 690] },
        },
        since: Date.now() - 5 * 3_600_000,
      },
      {
        name: "language",
        type: "category",
        kind: "covariate",
        verdict: "no drift",
        reference: { values: 1281 },
        window: { values: 186 },
        needed: 120,
        test: "chi-square",
        p: 0.21,
        adjustedP: 0.42,
        effect: { value: 0.03, low: 0, high: 0.08 },
        measure: "total variation",
        moved: [
          { value: "en", reference: 0.93, window: 0.9, q: 0.4 },
          { value: "de", reference: 0.05, window: 0.08, q: 0.4 },
        ],
      },
      {
        name: "label",
        type: "category",
        kind: "prediction",
        verdict: "too few",
        reference: { values: 1281 },
        window: { values: 31 },
        needed: 140,
        test: "chi-square",
        p: 0.6,
        adjustedP: 0.6,
        effect: { value: 0.05, low: 0, high: 0.2 },
        measure: "total variation",
        moved: [
          { value: "ham", reference: 0.71, window: 0.66, q: 0.6 },
          { value: "spam", reference: 0.29, window: 0.34, q: 0.6 },
        ],
      },
    ],
  }));

const periodOf = (responses: number, shift: number) => ({
  responses,
  true: {
    requests: Math.round(responses / 12),
    trusted: Math.round(responses / 30),
    classified: Math.round(responses / 12),
    accuracy: { value: 0.94 - shift, low: 0.88 - shift, high: 0.97 - shift },
    macroF1: { value: 0.93 - shift, low: 0.87 - shift, high: 0.97 - shift },
    logLoss: { value: 0.17 + shift, low: 0.11 + shift, high: 0.25 + shift },
    calibrationError: 0.03,
    score: null,
  },
  estimated: {
    texts: responses,
    accuracy: { value: 0.96 - shift, low: 0.94 - shift, high: 0.98 - shift },
    macroF1: 0.95 - shift,
    logLoss: { value: 0.12 + shift, low: 0.1 + shift, high: 0.14 + shift },
    nll: null,
  },
  selection: { share: 0.083, confidenceLabelled: 0.9, confidenceAll: 0.96 - shift, p: 0.2 },
});

export function madeUpQuality(versions: readonly string[]): WatchQuality[] {
  const [name] = versions[0]?.split("@") ?? [];
  if (name === undefined) return [];
  const today = Math.floor(Date.now() / day) * day;
  const days = Array.from({ length: 9 }, (_, i) => ({
    day: new Date(today - i * day).toISOString().slice(0, 10),
    ...periodOf(190, i < 3 ? 0.04 : 0.005 * (i % 3)),
  }));
  return [
    {
      model: name,
      fromDay: days.at(-1)!.day,
      versions: versions.map((v, i) => ({
        version: Number(v.split("@")[1]),
        ...periodOf(i === 0 ? 1710 : 620, i === 0 ? 0.02 : 0),
        days: i === 0 ? days : [],
        evaluation: i === 0 ? { accuracy: 0.978, logLoss: 0.099 } : null,
      })),
    },
  ];
}

/** A loop whose last round was rolled back, and that trains again. */
export function madeUpLoops(versions: readonly string[]): WatchLoop[] {
  const [newest, older] = versions;
  if (newest === undefined) return [];
  const [now, model] = [Date.now(), newest.split("@")[0]!];
  const round = { trigger: "quality", coreSeconds: 41.5 };
  return [
    {
      model,
      alias: "prod",
      current: older ?? newest,
      phase: "training",
      since: now - 4 * minute,
      paused: null,
      directedBy: "pid 4711 on this machine",
      look: {
        at: now - 6 * minute,
        newDocuments: 412,
        why: "log loss 0.212 on 412 labelled documents, 0.099 on the version's own test set",
      },
      problem: null,
      rounds: [
        {
          ...round,
          number: 2,
          startedAt: now - 6 * minute,
          endedAt: null,
          candidate: null,
          outcome: null,
          why: "log loss 0.212 on 412 labelled documents",
          evidence: { data: { fresh: 309, replay: 309, recent: 103 } },
        },
        {
          ...round,
          number: 1,
          startedAt: now - 3 * day,
          endedAt: now - 3 * day + 40 * minute,
          candidate: newest,
          outcome: "rolled back",
          why: "harm: errors 4.1 %, control 0.9 %",
          evidence: { gates: { recent: "difference -0.041 [-0.062, -0.020]" }, canary: { requests: 812, errors: 0.041 } },
        },
      ],
    },
  ];
}

/** Examples of the requests of the alarm that is active; of others none are kept. */
export const madeUpSamples = (versions: readonly string[], alarm: string | null): WatchSamples => ({
  isKept: true,
  samples:
    alarm === "a2" && versions[0]
      ? [
          {
            id: "s1",
            model: versions[0],
            at: Date.now() - 3 * minute,
            expires: Date.now() + 7 * day,
            endpoint: "chat",
            outcome: "stop",
            prompt: "Summarise the mail of [NAME] ([EMAIL]) in one sentence.",
            answer: "[NAME] asks for the figures of the third quarter.",
            label: null,
            signs: [],
            redacted: 3,
          },
        ]
      : [],
});
