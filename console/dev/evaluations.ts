/** Made-up evaluations for the fake server: a list of every kind, and two results of one task compared item by item. */
import { sha256 } from "../../src/base/index.ts";
import type { MadeUpRun } from "./data.ts";
import { evaluationOf } from "./data.ts";

const hour = 3_600_000;
const idOf = (run: MadeUpRun): string => `mail-small@${run.version}`;
const resultOf = (run: MadeUpRun): string => `task-result-${sha256(idOf(run)).slice(0, 12)}`;

export function madeUpEvaluations(runs: readonly MadeUpRun[]): object[] {
  const of = (run: MadeUpRun, more: object) => ({
    model: idOf(run),
    version: idOf(run),
    modelArtifact: run.artifact,
    variant: null,
    ...more,
  });
  return runs.toReversed().flatMap(run => [
    of(run, {
      artifact: resultOf(run),
      kind: "task",
      task: "folders",
      at: run.endedMs + hour / 8,
      items: 400,
      scores: [
        { metric: "acc", better: "higher", value: run.version === 1 ? 0.885 : 0.91 },
        { metric: "f1", better: "higher", value: 0.897 },
      ],
      hasItems: true,
    }),
    of(run, {
      artifact: `task-result-${sha256(`typos ${run.version}`).slice(0, 12)}`,
      kind: "variant",
      task: "folders",
      variant: "typos",
      at: run.endedMs + hour / 7,
      items: 400,
      scores: [{ metric: "acc", better: "higher", value: 0.85 }],
      hasItems: true,
    }),
    of(run, {
      artifact: evaluationOf(run),
      kind: "bits per byte",
      task: "bits-per-byte",
      at: run.endedMs,
      items: 487,
      scores: [{ metric: "bits per byte", better: "lower", value: run.bitsPerByte }],
      hasItems: false,
    }),
  ]);
}

const texts = [
  ["It closes on Wednesday at noon.", "It closes at noon on Friday."],
  ["Write to Ann.", "Write to Ann, please."],
] as const;

/** Of 120 items: 16 right only in the first, 6 only in the second. */
const items = Array.from({ length: 120 }, (_, n) => {
  const change = n < 16 ? "fixed" : n < 22 ? "broken" : "same";
  const [first, second] = change === "same" ? (["work", "work"] as const) : texts[n % 2]!;
  const scores = change === "fixed" ? [1, 0] : change === "broken" ? [0, 1] : [1, 1];
  return {
    ...{ id: `i${n}`, place: `folders.jsonl:${n + 1}`, prompt: `Re: the list for Thursday, number ${n}`, right: "work" },
    ...{ first, second, scores, gain: scores[0]! - scores[1]!, change },
    length: n % 3 === 0 ? "long" : "short",
  };
});

/** Undefined where one is none. */
export function madeUpDiff(runs: readonly MadeUpRun[], query: URLSearchParams): object | undefined {
  const all = madeUpEvaluations(runs) as { readonly artifact: string }[];
  const [first, second] = ["first", "second"].map(name => all.find(e => e.artifact === query.get(name)));
  if (!first || !second) return undefined;
  const wanted = query.get("change");
  const find = query.get("find")?.toLowerCase() ?? "";
  const fits = items.filter(
    i =>
      (wanted === null || (wanted === "changed" ? i.change !== "same" : i.change === wanted)) &&
      (query.get("by") !== "length" || i.length === query.get("group")) &&
      `${i.place} ${i.prompt} ${i.first} ${i.second}`.toLowerCase().includes(find),
  );
  const [offset, limit] = [Number(query.get("offset") ?? 0), Number(query.get("limit") ?? 50)];
  return {
    ...{ task: "folders", output: "classify", first, second, metric: "acc" },
    differences: [
      {
        ...{ metric: "acc", better: "higher", items: 120, first: 0.95, second: 0.867, value: 0.083, low: 0.008, high: 0.158 },
        ...{ p: 0.0525, test: "McNemar", wins: 16, losses: 6 },
      },
    ],
    onlyFirst: 4,
    onlySecond: 0,
    counts: { fixed: 16, broken: 6, better: 0, worse: 0, same: 98 },
    groups: [{ by: "length", groups: ["long", "short"] }],
    total: fits.length,
    items: fits.slice(offset, offset + limit).map(({ length: _, ...i }) => i),
  };
}
