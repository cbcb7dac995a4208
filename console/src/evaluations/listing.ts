/** The list of evaluations: filtered and sorted by what the address says, and tables as CSV. */
import { csvText } from "../../../src/base/csv.ts";
import type { DiffItem, ListedEvaluation } from "../generated/evaluations.ts";

export const sorts = ["newest", "oldest", "task", "kind", "model", "score", "items"] as const;

export interface ListWanted {
  readonly sort: string;
  readonly find: string;
  readonly kind: string;
  readonly model: string;
}

const mainOf = (e: ListedEvaluation): number => e.scores[0]?.value ?? Number.NEGATIVE_INFINITY;
const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
const orders: Readonly<Record<string, (a: ListedEvaluation, b: ListedEvaluation) => number>> = {
  newest: (a, b) => b.at - a.at,
  oldest: (a, b) => a.at - b.at,
  task: (a, b) => byText(a.task, b.task),
  kind: (a, b) => byText(a.kind, b.kind),
  model: (a, b) => byText(a.model, b.model),
  // figures of one measure stand together, the larger first
  score: (a, b) => byText(a.scores[0]?.metric ?? "~", b.scores[0]?.metric ?? "~") || mainOf(b) - mainOf(a),
  items: (a, b) => (b.items ?? -1) - (a.items ?? -1),
};

export function wantedEvaluations(all: readonly ListedEvaluation[], { sort, find, kind, model }: ListWanted): ListedEvaluation[] {
  const words = find.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = (e: ListedEvaluation) => {
    const text = [e.task, e.kind, e.model, e.variant ?? "", e.artifact, ...e.scores.map(s => s.metric)].join(" ").toLowerCase();
    return (kind === "" || e.kind === kind) && (model === "" || e.model === model) && words.every(w => text.includes(w));
  };
  const order = orders[sort] ?? orders.newest!;
  return all.filter(fits).toSorted((a, b) => order(a, b) || b.at - a.at || byText(a.artifact, b.artifact));
}

/** Those that can be compared with one: of its task and kind, that keep items. */
export const comparable = (all: readonly ListedEvaluation[], one: ListedEvaluation): ListedEvaluation[] =>
  one.hasItems ? all.filter(e => e.hasItems && e.task === one.task && e.artifact !== one.artifact) : [];

export const listCsv = (list: readonly ListedEvaluation[]): string =>
  csvText([
    ["artifact", "kind", "task", "variant", "model", "measure", "value", "items", "at"],
    ...list.flatMap(e =>
      (e.scores.length > 0 ? e.scores : [null]).map(s => [
        ...[e.artifact, e.kind, e.task, e.variant, e.model],
        ...[s?.metric ?? null, s?.value ?? null, e.items, new Date(e.at).toISOString()],
      ]),
    ),
  ]);

export const diffCsv = (items: readonly DiffItem[], first: string, second: string, metric: string): string =>
  csvText([
    ["id", "place", "change", "gain", `${metric} of ${first}`, `${metric} of ${second}`, "prompt", "expected", first, second],
    ...items.map(i => [i.id, i.place, i.change, i.gain, ...i.scores, i.prompt, i.right, i.first, i.second]),
  ]);
