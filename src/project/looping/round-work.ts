/** The heavy work of a round: its documents, the training, the judgement. What was made before is found again by its recipe, so a round that was cut off goes on. */
import { cpuUsage } from "node:process";
import { defined, type Json } from "../../base/index.ts";
import {
  type AssembledRound,
  type Evidence,
  FailedLoopWork,
  gateLevel,
  type JudgedRound,
  type LoopRound,
  type LossName,
  type LossSample,
  loopErrors,
  lossGates,
  lossSample,
  type PairedLoss,
  type TrainedRound,
} from "../../loop/index.ts";
import { judgeRelease, type ReleaseGate } from "../../registry/index.ts";
import {
  type ArtifactReader,
  aliasGuardOf,
  listModels,
  listRuns,
  openArtifact,
  registerVersion,
  resolveVersion,
  runStage,
  type Store,
} from "../../store/index.ts";
import { type Judgement, readJudgement } from "../../tune/index.ts";
import type { Watch } from "../call.ts";
import { costRatesOf } from "../cost/index.ts";
import { runLinks } from "../run-links.ts";
import { feedbackLabels } from "./feedback-labels.ts";
import { baseOfLoop, currentDocuments, judgementOf, type LoopProject, recipeLinks } from "./loop-project.ts";
import { classesOf, copiesStage, recentIds, roundDocumentsStage } from "./round-documents.ts";

export interface RoundPlace extends LoopProject {
  readonly store: Store;
  readonly watch: Watch;
}

/** Where the new documents of a round begin and end, and how they are read. */
export const documentWindow = ({ rows, policy }: Pick<LoopProject, "rows" | "policy">, sinceMs: number | null, untilMs: number) => ({
  rows,
  time: policy.data.time,
  ...defined({ feedback: policy.data.feedback }),
  sinceMs,
  untilMs,
});

const artifactsOf = (evidence: Evidence | undefined): Readonly<Record<string, string>> =>
  (evidence?.artifacts ?? {}) as Readonly<Record<string, string>>;

/** The documents of a round. */
async function roundDocuments(store: Store, round: LoopRound): Promise<ArtifactReader> {
  const id = artifactsOf(round.evidence.data).documents;
  if (id === undefined) throw loopErrors.fail("state", { place: `round ${round.number}`, expected: "its documents", received: "none" });
  return openArtifact(store, id);
}

const versionArtifact = async (store: Store, model: string, version: number): Promise<ArtifactReader> =>
  openArtifact(store, (await resolveVersion(store.records.read, model, String(version))).artifact);

/** What was said of requests, as labels of new documents. */
export const saidOf = (at: RoundPlace, base: ArtifactReader): Promise<ArtifactReader> =>
  feedbackLabels(at, () => classesOf(base, { rows: at.rows, time: at.policy.data.time }));

/** Which of the new documents are copies of the model's own; found once for each state of the data sets. */
export const copiesOf = async ({ store, watch }: RoundPlace, base: ArtifactReader, fresh: ArtifactReader): Promise<ArtifactReader> =>
  (await runStage(store, copiesStage, { inputs: { base, fresh }, options: {}, signal: watch.signal })).artifact;

export async function assembleRound(at: RoundPlace, round: LoopRound): Promise<AssembledRound> {
  const { store, watch, policy } = at;
  const { base, fresh } = await currentDocuments(at, store, watch);
  if (!fresh) throw loopErrors.fail("data", { place: `loop.${at.model}`, expected: `documents of ${policy.data.new}`, received: "none" });
  const { replay, recent, seed } = policy.data;
  const options = { ...documentWindow(at, round.sinceMs, round.untilMs), replay, recent, seed };
  const copies = await copiesOf(at, base, fresh);
  const inputs = { base, fresh, copies, said: await saidOf(at, base) };
  const { artifact } = await runStage(store, roundDocumentsStage, { inputs, options, signal: watch.signal });
  const { summary } = artifact;
  const count = Number(summary.fresh) + Number(summary.recent);
  if (count < policy.data.least)
    throw loopErrors.fail("data", {
      place: `loop.${at.model}`,
      expected: `${policy.data.least} new labelled documents or more`,
      received: String(count),
      hint: "Documents without a class or a time, and copies of the model's own test documents, do not count.",
    });
  const evidence: Evidence = {
    artifacts: { documents: artifact.id, base: base.id, fresh: fresh.id, said: inputs.said.id },
    digest: artifact.digest,
    ...summary,
  };
  return { untilMs: Number(summary.untilMs), evidence };
}

/** Aborts with the budget's error once this process has used so many core-seconds. */
function underBudget(
  signal: AbortSignal,
  most: number | undefined,
  place: string,
): { readonly signal: AbortSignal; check(): void; stop(): number } {
  const start = cpuUsage();
  const used = () => {
    const { user, system } = cpuUsage(start);
    return (user + system) / 1e6;
  };
  const limit = new AbortController();
  const look = () => {
    if (most !== undefined && used() > most && !limit.signal.aborted)
      limit.abort(
        loopErrors.fail("budget", {
          place,
          expected: `at most ${most.toFixed(1)} core-seconds a round`,
          received: `${used().toFixed(1)} so far`,
        }),
      );
  };
  const timer = setInterval(look, 200);
  timer.unref();
  return {
    signal: AbortSignal.any([signal, limit.signal]),
    check() {
      look();
      limit.signal.throwIfAborted();
    },
    stop() {
      clearInterval(timer);
      return used();
    },
  };
}

/** Core-seconds of the runs that made an artifact; null where none kept a ledger. */
async function coreSecondsOf(store: Store, artifact: string): Promise<number | null> {
  const runs = (await listRuns(store, { limit: 500 })).filter(r => r.artifact === artifact && r.ledger !== undefined);
  return runs.length === 0 ? null : runs.reduce((sum, r) => sum + r.ledger!.used.coreSeconds, 0);
}

/** The version of an artifact; registered where no version of the model is it. */
async function registeredOnce(store: Store, model: string, artifact: ArtifactReader): Promise<number> {
  const versions = (await listModels(store)).find(m => m.model === model)?.versions ?? [];
  const known = versions.find(v => v.artifact === artifact.id);
  const { validationF1 } = artifact.summary;
  const scores = typeof validationF1 === "number" ? { validationF1 } : {};
  return (known ?? (await registerVersion(store, model, artifact.id, scores))).number;
}

/** `budget`: what it may cost, in the policy's unit. Errors: loop/budget; those of training. */
export async function trainRound(at: RoundPlace, round: LoopRound, budget: number | undefined): Promise<TrainedRound> {
  const { store, model, policy, project } = at;
  const { usdPerCoreHour } = costRatesOf(project.config.prices).price;
  const perCoreSecond = policy.budget.unit === "money" ? usdPerCoreHour / 3600 : 1;
  const most = budget === undefined ? undefined : budget / perCoreSecond;
  const limited = underBudget(at.watch.signal, most, `loop.${model}: round ${round.number}`);
  const watch: Watch = { ...at.watch, signal: limited.signal };
  const dataSet = "loop-round";
  const isWarm = policy.start === "current" && round.current !== null;
  try {
    const documents = await roundDocuments(store, round);
    const from = isWarm ? await versionArtifact(store, model, round.current!) : await baseOfLoop(at, store, watch);
    const base = "loop-base";
    const links = recipeLinks(at, base, dataSet, watch);
    const upTo = links.findIndex(l => l.label === model);
    const before = new Map([
      [base, from],
      [`data/${dataSet}`, documents],
    ]);
    const { made } = await runLinks(store, links.slice(0, upTo + 1), { before }, watch);
    const artifact = made.get(model)!;
    limited.check();
    const version = await registeredOnce(store, model, artifact);
    const coreSeconds = (await coreSecondsOf(store, artifact.id)) ?? limited.stop();
    const evidence: Evidence = {
      artifacts: { model: artifact.id, base: from.id, documents: documents.id },
      digest: artifact.digest,
      start: isWarm ? `${model}@${round.current}` : at.base,
    };
    return { version, artifact: artifact.id, coreSeconds, money: (coreSeconds * usdPerCoreHour) / 3600, evidence };
  } catch (error) {
    if (at.watch.signal.aborted) throw error;
    // the budget's own error, not what a stage made of it
    const reason: unknown = limited.signal.aborted ? limited.signal.reason : error;
    const coreSeconds = limited.stop();
    const cost = { coreSeconds, money: (coreSeconds * usdPerCoreHour) / 3600 };
    throw new FailedLoopWork(reason instanceof Error ? reason.message : String(reason), cost, reason);
  } finally {
    limited.stop();
  }
}

/** By document: nats of the true class, 1 where another one was told, or the loss of the kind's own judge, a token or a number. */
const lossOf: Readonly<Record<LossName, (j: Judgement, i: number) => number>> = {
  logLoss: ({ bits }, i) => bits[i]! * Math.LN2,
  errorRate: ({ wrong }, i) => wrong?.[i] ?? 0,
  loss: ({ bits, bytes }, i) => bits[i]! / bytes[i]!,
};

/** A judge of examples names them by their place: data set, side and document. */
const documentId = (place: string, dataSet: string): string => {
  const prefix = `${dataSet}/held-out: `;
  return place.startsWith(prefix) ? place.slice(prefix.length) : place;
};

async function lossesOf(judgement: ArtifactReader, metric: LossName, dataSet: string) {
  const found = await readJudgement(judgement);
  return found.ids.map((id, i) => ({ id: documentId(id, dataSet), group: found.groups[i]!, loss: lossOf[metric](found, i) }));
}

/** What a version loses on the held-out side of documents. */
export async function lossesOn(at: RoundPlace, model: ArtifactReader, documents: ArtifactReader, metric: LossName): Promise<LossSample> {
  const losses = await lossesOf(await judgementOf(at, at.store, model, documents, at.watch), metric, at.dataSet);
  return lossSample(losses.map(l => l.loss));
}

/** RoundCandidate and current version on the same documents, with the release's own evaluation where its conditions read one. */
async function judgedPairs(at: RoundPlace, candidate: ArtifactReader, current: ArtifactReader, documents: ArtifactReader) {
  const { metric } = at.policy.gates;
  const [own, other] = [
    await judgementOf(at, at.store, candidate, documents, at.watch),
    await judgementOf(at, at.store, current, documents, at.watch),
  ];
  const known = new Map((await lossesOf(other, metric, at.dataSet)).map(l => [l.id, l.loss]));
  const pairs = (await lossesOf(own, metric, at.dataSet)).map(
    ({ id, group, loss }): PairedLoss => ({ id, group, candidate: loss, current: known.get(id)! }),
  );
  return { pairs, judgements: { candidate: own.id, current: other.id } };
}

/** Evaluates a version on the round's test sets as its release's conditions read it (`test.f1`). */
async function evaluateForRelease(at: RoundPlace, model: ArtifactReader, documents: ArtifactReader): Promise<void> {
  const dataSet = "loop-round";
  const links = recipeLinks(at, "loop-base", dataSet, at.watch);
  const after = links.findIndex(l => l.label === at.model) + 1;
  const before = new Map([
    [at.model, model],
    [`data/${dataSet}`, documents],
  ]);
  await runLinks(at.store, links.slice(after), { before }, at.watch);
}

const gateFigures = (gates: readonly ReleaseGate[]): Json => gates.map(({ gate, passed, told }) => ({ gate, passed, told }));

/** The release's verdict on a version: what is missing beside approvals, and whether those are. */
export async function releaseOf(at: Pick<RoundPlace, "store" | "model" | "policy">, version: number) {
  const db = at.store.records.read;
  const guard = await aliasGuardOf(db, at.model, at.policy.alias);
  const verdict = await judgeRelease(at.store, guard, at.policy.alias, await resolveVersion(db, at.model, String(version)));
  const failed = verdict.gates.filter(g => !g.passed);
  return { verdict, needsApproval: failed.some(g => g.kind === "approval"), refusals: failed.filter(g => g.kind !== "approval") };
}

export async function judgeRound(at: RoundPlace, round: LoopRound): Promise<JudgedRound> {
  const { store, model, policy } = at;
  const documents = await roundDocuments(store, round);
  const candidate = await openArtifact(store, round.candidate!.artifact);
  const conditions = at.project.config.releases[policy.alias]?.requires ?? [];
  const current = round.current === null ? undefined : await versionArtifact(store, model, round.current);
  if (conditions.length > 0) for (const one of [candidate, ...(current ? [current] : [])]) await evaluateForRelease(at, one, documents);
  const judged = current && (await judgedPairs(at, candidate, current, documents));
  const recent = await recentIds(documents);
  const gates = judged
    ? lossGates(
        { frozen: judged.pairs.filter(p => !recent.has(p.id)), recent: judged.pairs.filter(p => recent.has(p.id)) },
        policy.gates,
        gateLevel(policy.gates.alpha, round.trigger, round.gatesBefore ?? 0),
      )
    : [];
  const { verdict, needsApproval, refusals } = await releaseOf(at, round.candidate!.version);
  const failed = [
    ...gates.filter(g => !g.passed).map(g => `${g.set} test set: ${g.told}`),
    ...refusals.map(g => `"${g.gate}" (${g.told})`),
  ];
  const evidence: Evidence = {
    artifacts: { documents: documents.id, model: candidate.id, ...defined({ ...judged?.judgements }) },
    gates: gates.map(g => ({ ...g })),
    release: gateFigures(verdict.gates),
  };
  return { passed: failed.length === 0, needsApproval, why: failed.join("; ") || "every gate is passed", evidence };
}
