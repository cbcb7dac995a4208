/** What a loop looks at between two rounds: labelled documents since the version was made, drift alarms, the time. */
import { isLoamError } from "../../base/index.ts";
import type { DriftSignal, LoopRound, LoopSignals, LoopState, QualitySignal } from "../../loop/index.ts";
import { type ArtifactReader, holderOf, openArtifact, releasesOf, resolveVersion, runStage, statesOf } from "../../store/index.ts";
import { alarmOf } from "../watching/live/alarms-kept.ts";
import { watchScopes } from "../watching/live/scopes.ts";
import { currentDocuments } from "./loop-project.ts";
import { lastLook } from "./loop-status.ts";
import { countNew, windowDocumentsStage } from "./round-documents.ts";
import { copiesOf, documentWindow, lossesOn, type RoundPlace, saidOf } from "./round-work.ts";

export interface LoopLook extends LoopSignals {
  readonly current: number | null;
  readonly moves: number;
}

/** The round that made a version the current one. */
const roundOf = ({ past }: LoopState, version: number): LoopRound | undefined => past.find(r => r.candidate?.version === version);

/** The test set that a version was judged on when it was made: of its round, or of the model's own data set. */
async function homeOf(at: RoundPlace, state: LoopState, version: number, base: ArtifactReader): Promise<ArtifactReader> {
  const artifacts = roundOf(state, version)?.evidence.data?.artifacts as { readonly documents?: string } | undefined;
  return artifacts?.documents === undefined ? base : openArtifact(at.store, artifacts.documents);
}

/** Too few labelled documents of a class say nothing; other errors stand. */
async function qualityOf(
  at: RoundPlace,
  state: LoopState,
  o: {
    readonly current: number;
    readonly base: ArtifactReader;
    readonly fresh: ArtifactReader;
    readonly said: ArtifactReader;
    readonly nowMs: number;
  },
): Promise<QualitySignal | undefined> {
  const { store, model, policy, watch } = at;
  const { metric } = policy.signals.quality!;
  const { artifact } = await resolveVersion(store.records.read, model, String(o.current));
  const version = await openArtifact(store, artifact);
  const options = documentWindow(at, state.usedUntilMs, o.nowMs);
  const window = await runStage(store, windowDocumentsStage, {
    inputs: { base: o.base, fresh: o.fresh, said: o.said },
    options,
    signal: watch.signal,
  });
  try {
    const home = await lossesOn(at, version, await homeOf(at, state, o.current, o.base), metric);
    return { home, now: await lossesOn(at, version, window.artifact, metric) };
  } catch (error) {
    if (["tune/labels", "tune/halves"].some(code => isLoamError(error, code))) return undefined;
    throw error;
  }
}

/** Active drift alarms of a model's versions, as the monitors write them into the record. */
async function driftOf({ store, model }: RoundPlace, current: number | null): Promise<DriftSignal[]> {
  const alarms = (await statesOf(store.records.read, watchScopes.alarms)).map(s => alarmOf(s.value));
  return alarms
    .filter(a => a.kind === "drift" && a.endedMs === null && a.model === `${model}@${current}`)
    .map(({ id, severity, sinceMs, monitor }) => ({ id, severity, since: sinceMs, what: monitor }));
}

/** Labelled documents are counted always; they are judged by once so many came that the policy looks again. */
export async function lookAtSignals(at: RoundPlace, state: LoopState, nowMs: number): Promise<LoopLook> {
  const sinceMs = (await lastLook(at.store, at.model))?.firstMs ?? nowMs;
  const { store, model, policy, watch } = at;
  const db = store.records.read;
  const { base, fresh } = await currentDocuments(at, store, watch);
  const read = fresh && { fresh, copies: await copiesOf(at, base, fresh), said: await saidOf(at, base) };
  const count = async (sinceMs: number | null) => (read ? countNew(read, documentWindow(at, sinceMs, nowMs)) : 0);
  const labelled = await count(state.usedUntilMs);
  const newDocuments = await count(state.triedUntilMs ?? state.usedUntilMs);
  const current = await holderOf(db, model, policy.alias);
  const moves = await releasesOf(db, model, policy.alias);
  const rule = policy.signals.quality;
  const isDue = rule && current !== null && labelled - state.lookedAt >= rule.least;
  const quality = isDue && read ? await qualityOf(at, state, { current, base, ...read, nowMs }) : undefined;
  const drift = policy.signals.drift ? await driftOf(at, current) : undefined;
  return { nowMs, newDocuments, labelled, quality, drift, sinceMs, current, moves: moves.length };
}
