import { losses, lossOf, paretoRanks, type Trial } from "../trial.ts";
import type { SamplingSituation } from "./sampler.ts";

/** Trials in order, the best first, as far as anything is known of them; failed and running ones not. */
export function ordered({ trials, objectives }: Pick<SamplingSituation, "trials" | "objectives">): Trial[] {
  const done = trials.filter(t => t.state === "done");
  if (objectives.length === 1) done.sort((a, b) => lossOf(a.values![0]!, objectives[0]!) - lossOf(b.values![0]!, objectives[0]!));
  else {
    const rows = done.map(t => losses(t.values!, objectives));
    const ranks = paretoRanks(rows);
    const lonely = crowding(rows, ranks);
    const order = done.map((_, i) => i).sort((a, b) => ranks[a]! - ranks[b]! || lonely[b]! - lonely[a]!);
    done.splice(0, done.length, ...order.map(i => done[i]!));
  }
  // Behind all that are done: those that went further first, then the better ones.
  const pruned = trials
    .filter(t => t.state === "pruned")
    .map(trial => ({ trial, last: trial.reports.at(-1) }))
    .sort(
      (a, b) =>
        (b.last?.step ?? -1) - (a.last?.step ?? -1) ||
        lossOf(a.last?.value ?? 0, objectives[0]!) - lossOf(b.last?.value ?? 0, objectives[0]!),
    );
  return [...done, ...pruned.map(p => p.trial)];
}

/** How far the neighbours on a front are (Deb et al. 2002): infinite at its ends. */
function crowding(rows: readonly (readonly number[])[], ranks: readonly number[]): number[] {
  const out = rows.map(() => 0);
  for (const rank of new Set(ranks)) {
    const front = rows.flatMap((_, i) => (ranks[i] === rank ? [i] : []));
    for (let k = 0; k < (rows[0]?.length ?? 0); k++) {
      front.sort((a, b) => rows[a]![k]! - rows[b]![k]!);
      const span = rows[front.at(-1)!]![k]! - rows[front[0]!]![k]! || 1;
      for (const [at, i] of front.entries())
        out[i] =
          at === 0 || at === front.length - 1
            ? Number.POSITIVE_INFINITY
            : out[i]! + (rows[front[at + 1]!]![k]! - rows[front[at - 1]!]![k]!) / span;
    }
  }
  return out;
}
