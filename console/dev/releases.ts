/** Made-up releases, reports and logged figures of the made-up runs, for developing their pages: shaped like real ones, and not measured. */
import { random, sha256 } from "../../src/base/index.ts";
import { madeUpPicture } from "./classes.ts";
import { type MadeUpRun, madeUpPoints } from "./data.ts";

const hour = 3_600_000;
const idOf = (run: MadeUpRun): string => `mail-small@${run.version}`;

const gatesOf = (run: MadeUpRun) => [
  {
    kind: "metric",
    gate: "acc >= current.acc - 0.01",
    passed: true,
    told: "acc 0.91, current.acc 0.885; left - right 0.025 [0.004, 0.046] on 400 items of folders: shown at 95 %",
  },
  { kind: "metric", gate: "sizeMB <= 500", passed: true, told: `sizeMB ${(run.parameters * 4) / 1e6}` },
  { kind: "from", gate: "from staging", passed: true, told: `mail-small@${run.version} has staging` },
  run.version === 1
    ? { kind: "approval", gate: "2 reviewers", passed: true, told: "2 of 2: ann (signed), bob (signed)" }
    : { kind: "approval", gate: "2 reviewers", passed: false, told: "1 of 2: ann (signed)" },
];

export function madeUpReleases(runs: readonly MadeUpRun[]): object[] {
  const [first, second] = runs;
  if (!first || !second) return [];
  const move = (at: number, alias: string, number: number, previous: number | null, more: object = {}) => ({
    at,
    alias,
    kind: "promote",
    number,
    previous,
    by: "carol",
    reason: null,
    verdict: null,
    ...more,
  });
  return [
    {
      model: "mail-small",
      versions: [second, first].map(r => ({
        id: idOf(r),
        version: r.version,
        artifact: r.artifact,
        createdAt: r.endedMs,
        aliases: r === second ? ["latest", "staging"] : ["prod"],
        isArchived: false,
      })),
      aliases: [
        { alias: "prod", isGuarded: true, holder: 1, goesBackTo: null },
        { alias: "staging", isGuarded: false, holder: 2, goesBackTo: 1 },
      ],
      history: [
        move(second.endedMs + hour / 10, "staging", 2, 1),
        move(first.endedMs + hour / 2, "prod", 1, null, {
          reason: "the first that both reviewers read",
          verdict: { rules: "x", passed: true, gates: gatesOf(first) },
        }),
        move(first.endedMs + hour / 4, "staging", 1, null),
      ],
    },
  ];
}

export function madeUpVerdicts(runs: readonly MadeUpRun[], id: string): object | undefined {
  const run = runs.find(r => idOf(r) === id);
  if (!run) return undefined;
  const gates = gatesOf(run);
  const approval = (by: string) => ({
    alias: "prod",
    role: "reviewer",
    by,
    note: null,
    signedBy: sha256(by).slice(0, 16),
    isVerified: true,
    at: run.endedMs + hour / 5,
  });
  return {
    id,
    digest: sha256(id),
    gates: [{ alias: "prod", holder: 1, rules: "x", passed: gates.every(g => g.passed), gates }],
    approvals: run.version === 1 ? [approval("ann"), approval("bob")] : [{ ...approval("ann"), note: "fifty letters read" }],
    signatures: [{ fingerprint: sha256("release").slice(0, 16), by: "carol", isValid: true, at: run.endedMs + hour / 6 }],
    tags: { team: "mail" },
    notes: [{ by: "bob", text: "better on newsletters", at: run.endedMs + hour / 3 }],
  };
}

const item = (n: number, before: string, came: string) => ({
  id: `i${n}`,
  place: `folders.jsonl:${n}`,
  prompt: `Re: the list for Thursday, number ${n}`,
  right: n % 2 === 0 ? "work" : "friends",
  came,
  before,
  gain: 1,
});

/** What else was recorded of the items of the made-up task. */
function madeUpBeside(
  score: (metric: string, value: number, half: number) => object,
  difference: (metric: string, value: number, half: number, p: number) => object,
) {
  const shown = (n: number) => ({ ...item(n, "", n % 2 === 0 ? "friends" : "work"), ms: 4 + (n % 7) });
  const turned = (n: number) => ({ ...item(n, n % 2 === 0 ? "work" : "friends", n % 2 === 0 ? "friends" : "work"), ms: 4 });
  const share = (k: number, half: number) => ({ value: k / 400, low: k / 400 - half, high: k / 400 + half });
  return {
    variants: [
      {
        variant: "typos",
        artifact: `task-result-${sha256("typos").slice(0, 12)}`,
        alike: share(352, 0.032),
        differences: [difference("acc", -0.06, 0.026, 0.0002), difference("f1", -0.051, 0.031, 0.002)],
        turned: Array.from({ length: 25 }, (_, n) => turned(n + 80)),
        numTurned: 48,
      },
      {
        variant: "upper",
        artifact: `task-result-${sha256("upper").slice(0, 12)}`,
        alike: share(391, 0.015),
        differences: [difference("acc", 0.0025, 0.013, 1), difference("f1", 0.004, 0.016, 0.8)],
        turned: Array.from({ length: 9 }, (_, n) => turned(n + 120)),
        numTurned: 9,
      },
    ],
    judgements: [],
    contamination: {
      clean: 318,
      contaminated: 64,
      unknown: 18,
      checks: [{ data: "documents-0c1f9a2b7d3e", set: "own", file: "folders.jsonl", isSameFile: true, action: "mark" }],
      unchecked: [],
      scores: [
        {
          metric: "acc",
          clean: score("acc", 0.893, 0.034),
          contaminated: score("acc", 0.984, 0.015),
          difference: { value: 0.091, low: 0.037, high: 0.138 },
        },
      ],
    },
    worst: Array.from({ length: 25 }, (_, n) => shown(n + 200)),
    slowest: Array.from({ length: 25 }, (_, n) => ({ ...shown(n + 300), ms: 180 - 6 * n })),
  };
}

/** Written answers, which a judge compared. */
function madeUpReplies(at: number, beside: string, score: (metric: string, value: number, half: number) => object) {
  const pair = (n: number, thisFirst: string, otherFirst: string) => ({
    id: `r${n}`,
    place: `replies.jsonl:${n}`,
    prompt: `When does the list for Thursday close, number ${n}?`,
    came: "It closes on Wednesday at noon. Write to Ann if you are late.",
    before: "The list is a list.",
    said: [`One says when and whom to write to.\n[[${thisFirst}]]`, `One is to the point.\n[[${otherFirst}]]`],
  });
  const written = (n: number) => ({ ...item(n, "", "The list is a list."), right: "On Wednesday at noon.", ms: 900 - 20 * n });
  const few = (count: number, from: number, thisFirst: string, otherFirst: string) =>
    Array.from({ length: count }, (_, n) => pair(n + from, thisFirst, otherFirst));
  return {
    task: "replies",
    output: "generate_until",
    artifact: `task-result-${sha256("replies").slice(0, 12)}`,
    at,
    items: 60,
    scores: [score("exact-match", 0.05, 0.045), score("token-f1", 0.412, 0.061)],
    slices: [],
    variants: [],
    judgements: [
      {
        artifact: `judgement-${sha256("replies").slice(0, 12)}`,
        judge: "qwen-judge",
        beside,
        items: 60,
        unread: 2,
        wins: 31,
        losses: 12,
        ties: 15,
        contradictions: 11,
        p: 0.0054,
        preferredFirst: { value: 0.622, low: 0.531, high: 0.705 },
        biasP: 0.012,
        agreement: 0.724,
        kappa: 0.51,
        winRate: { value: 0.664, low: 0.56, high: 0.759 },
        won: few(25, 0, "A", "B"),
        lost: few(12, 31, "B", "A"),
        contradicted: few(11, 43, "A", "A"),
      },
    ],
    worst: Array.from({ length: 25 }, (_, n) => written(n)),
    slowest: Array.from({ length: 25 }, (_, n) => written(n)),
  };
}

/** Three groups, the rates of one class in each; `apart`: how far the last one is from the others. */
function madeUpFairness(apart: number) {
  const rate = (count: number, of: number) => ({
    count,
    of,
    value: count / of,
    low: (0.8 * count) / of,
    high: Math.min(1, (1.2 * count) / of),
  });
  const groups = ["inside", "outside", "unknown"].map((group, g) => {
    const selected = Math.round(60 * (1 - apart * Number(g === 2)));
    return {
      group,
      items: 120 + g,
      isSmall: false,
      outcomes: [
        {
          outcome: "work",
          baseRate: rate(50, 120 + g),
          selectionRate: rate(selected, 120 + g),
          truePositiveRate: rate(Math.round(selected * 0.7), 50),
          falsePositiveRate: rate(Math.round(selected * 0.2), 70 + g),
          precision: rate(Math.round(selected * 0.7), selected),
        },
      ],
    };
  });
  const figure = (measure: string, value: number) => ({
    measure,
    value,
    low: Math.max(0, value - 0.08),
    high: value + 0.11,
    groups: ["inside", "unknown"],
    outcome: "work",
  });
  return {
    by: ["sender"],
    name: "sender",
    items: 363,
    least: 30,
    small: "undefined",
    groups,
    figures: [figure("demographicParity", apart / 2), figure("equalisedOdds", apart * 0.8)],
  };
}

export function madeUpTasks(runs: readonly MadeUpRun[], id: string, against: string | null): object | undefined {
  const run = runs.find(r => idOf(r) === id);
  if (!run) return undefined;
  const score = (metric: string, value: number, half: number) => ({
    metric,
    better: "higher",
    items: 400,
    value,
    low: value - half,
    high: value + half,
    interval: "wilson",
  });
  const difference = (metric: string, value: number, half: number, p: number) => ({
    metric,
    better: "higher",
    items: 400,
    first: 0.885 + value,
    second: 0.885,
    value,
    low: value - half,
    high: value + half,
    p,
    test: "McNemar",
    wins: 16,
    losses: 6,
  });
  const isCompared = against !== null && runs.some(r => idOf(r) === against);
  return {
    id,
    against,
    tasks: [
      {
        task: "folders",
        output: "classify",
        artifact: `task-result-${sha256(id).slice(0, 12)}`,
        at: run.endedMs + hour / 8,
        items: 400,
        scores: [score("acc", 0.91, 0.029), score("f1", 0.897, 0.033)],
        picture: madeUpPicture(id),
        slices: [
          { by: "length", group: "short", items: 212, scores: [score("acc", 0.94, 0.034)] },
          { by: "length", group: "long", items: 188, scores: [score("acc", 0.876, 0.047)] },
        ],
        fairness: [madeUpFairness(0.08)],
        commonThreshold: { items: 360, differ: 17, scores: [score("acc", 0.902, 0.03)], fairness: [madeUpFairness(0.4)] },
        ...madeUpBeside(score, difference),
        ...(isCompared
          ? {
              comparison: {
                differences: [difference("acc", 0.025, 0.021, 0.052), difference("f1", 0.018, 0.024, 0.14)],
                onlyThis: 4,
                onlyOther: 0,
                wins: Array.from({ length: 16 }, (_, n) => item(n, n % 2 === 0 ? "friends" : "work", n % 2 === 0 ? "work" : "friends")),
                losses: Array.from({ length: 6 }, (_, n) =>
                  item(n + 40, n % 2 === 0 ? "work" : "friends", n % 2 === 0 ? "friends" : "work"),
                ),
              },
            }
          : {}),
      },
      madeUpReplies(run.endedMs + hour / 9, "mail-small@1", score),
    ],
  };
}

export function madeUpLogged(run: MadeUpRun, options: unknown, summary: unknown): object {
  const points = madeUpPoints(run) as readonly Readonly<Record<string, number>>[];
  const names = [...new Set(points.flatMap(p => Object.keys(p)))].filter(n => n !== "step");
  const draw = random(run.artifact);
  return {
    artifact: run.artifact,
    stage: "train@1",
    options,
    summary,
    madeFrom: { shards: `shards-${sha256("mail").slice(0, 12)}` },
    steps: points.map(p => p.step),
    units: { loss: "nats per token", heldOut: "nats per token" },
    columns: {
      ...Object.fromEntries(names.map(name => [name, points.map(p => p[name] ?? null)])),
      // what a user's own training logs
      deadNeurons: points.map((_, i) => Math.round(20 * Math.exp(-i / 40) + draw.uniform())),
    },
  };
}

type FakeLabel = string | readonly unknown[];

/** What is labelled on the fake: kept as long as it runs. */
export function fakeLabels(texts: readonly string[], kind: "one" | "several" | "spans" = "one") {
  const votes = new Map<string, Map<string, FakeLabel>>();
  const decisions = new Map<string, { readonly by: string; readonly isVerified: boolean; readonly label: FakeLabel }>();
  const people = () => [...new Set([...votes.values()].flatMap(v => [...v.keys()]))].sort();
  const isDisputed = (own: ReadonlyMap<string, FakeLabel>) => new Set([...own.values()].map(v => JSON.stringify(v))).size > 1;
  const state = () => ({
    name: "folder",
    on: "mail",
    classes: ["work", "friends", "adverts"],
    kind,
    model: kind === "one" ? "folders" : null,
    texts: texts.length,
    disagreements: [...votes].filter(([id, own]) => isDisputed(own) && !decisions.has(id)).length,
    decided: [...votes.values()].filter(v => v.size > 0).length,
    file: "labels/folder/labelled.jsonl",
    agreement: {
      kind: people().length === 2 ? "Cohen" : null,
      kappa: people().length === 2 ? 0.71 : null,
      items: people().length === 2 ? [...votes.values()].filter(v => v.size === 2).length : 0,
      people: people().map(name => ({ name, isVerified: false, labelled: [...votes.values()].filter(v => v.has(name)).length })),
    },
  });
  /** Least sure of the second text, most of the first. */
  const guessOf = (i: number) => {
    const sure = [0.98, 0.34, 0.7, 0.6][i % 4]!;
    return { work: sure, friends: (1 - sure) * 0.6, adverts: (1 - sure) * 0.4 };
  };
  const differing = () =>
    [...votes]
      .filter(([, own]) => isDisputed(own))
      .map(([id, own]) => ({
        id,
        text: texts[Number(id.slice(1))]!,
        votes: [...own].map(([by, label]) => ({ by, isVerified: false, label })),
        decision: decisions.get(id) ?? null,
      }));
  return {
    state,
    differing,
    batch: (by: string) => {
      const open = texts.map((text, i) => ({ id: `t${i}`, text, guess: guessOf(i) })).filter(({ id }) => !votes.get(id)?.has(by));
      const of = texts.filter((_, i) => !votes.get(`t${i}`)?.size).length;
      const items = open.toSorted((a, b) => a.guess.work - b.guess.work).slice(0, 64);
      return {
        ...state(),
        left: open.length,
        items: kind === "one" ? items : items.map(({ id, text }) => ({ id, text, guess: null })),
        asked: kind === "one" ? { version: "folders@2", failure: null, of, texts: of } : null,
      };
    },
    give: ({ id, label, by, adjudicated }: { id: string; label: FakeLabel | null; by: string; adjudicated?: boolean }) => {
      if (adjudicated) {
        if (label === null) decisions.delete(id);
        else decisions.set(id, { by, isVerified: false, label });
        return state();
      }
      const own = votes.get(id) ?? new Map<string, FakeLabel>();
      if (label === null) own.delete(by);
      else own.set(by, label);
      votes.set(id, own);
      return state();
    },
  };
}
