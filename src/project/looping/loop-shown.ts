/** A loop as the console shows it: its state in the record, and the evidence of its rounds. */
import type { LoopPolicy, LoopRound } from "../../loop/index.ts";
import type { WatchSource } from "../../serve/index.ts";
import type { Store } from "../../store/index.ts";
import { readLoop } from "./loop-record.ts";
import { loopStatus } from "./loop-status.ts";

type ShownLoop = Awaited<ReturnType<WatchSource["loops"]>>[number];

const versionOf = (model: string, number: number | null | undefined): string | null =>
  number === null || number === undefined ? null : `${model}@${number}`;

const roundOf = (model: string, r: LoopRound): ShownLoop["rounds"][number] => ({
  number: r.number,
  trigger: r.trigger.kind,
  startedAt: r.startedMs,
  endedAt: r.endedMs ?? null,
  candidate: versionOf(model, r.candidate?.version),
  outcome: r.endedMs === undefined ? null : (r.outcome ?? null),
  why: r.why ?? r.trigger.why,
  coreSeconds: r.coreSeconds,
  evidence: r.evidence,
});

export async function loopShown(store: Store, model: string, policy: LoopPolicy): Promise<ShownLoop> {
  const { alias, current, phase, sinceMs, paused, directedBy, look, problem, round, past } = await loopStatus(store, { model, policy });
  return {
    model,
    alias,
    current: versionOf(model, current),
    phase,
    since: sinceMs === 0 ? null : sinceMs,
    paused: paused && `${paused.by}: ${paused.why}`,
    directedBy,
    look: look && { at: look.atMs, newDocuments: look.newDocuments, why: look.why },
    problem,
    rounds: [...(round ? [round] : []), ...past].map(r => roundOf(model, r)),
  };
}

/** Differs as soon as a loop has taken a step. */
export const loopsRevision = async (store: Store, models: readonly string[]): Promise<string> =>
  JSON.stringify(
    await Promise.all(
      models.map(async model => {
        const { phase, sinceMs, rounds, attempts, paused } = await readLoop(store, model);
        return [phase, sinceMs, rounds, attempts, paused?.atMs];
      }),
    ),
  );
