/**
 * What to do about one LoamModel, as a pure function of it and of what was observed: decide here, do in `carry-out.ts`. The status comes first where it holds a
 * decision (which images serve), so that a crash between two writes leaves the decision, not half of its consequences.
 */
import { canonicalJson } from "../../base/index.ts";
import { type KubernetesObject, type KubernetesResource, kubernetesResources } from "../../kubernetes/index.ts";
import { type CanaryTest, canaryWeights, openCanaryTest, type PodReading, readCanaryTest } from "./canary-test.ts";
import { appliedAnnotation, stableReplicas, type Track, tracks, type WishedObject, wishedObjects } from "./children.ts";
import { chooseImages, type ImageChoice, isChosen, type Resolutions } from "./choose.ts";
import { conditionsOf, type Said } from "./conditions.ts";
import { containsAll } from "./contains.ts";
import { type DeploymentObject, imageOf, isRolledOut, isStuck } from "./objects.ts";
import type { LoamModel, LoamModelStatus } from "./spec.ts";

export const finalizer = "loam.dev/drain";

export interface ObservedModel {
  readonly nowMs: number;
  readonly resolved: Resolutions;
  readonly deployments: Readonly<Partial<Record<Track, DeploymentObject>>>;
  /** By name. */
  readonly services: Readonly<Record<string, KubernetesObject>>;
  readonly autoscaler?: KubernetesObject | undefined;
  /** Of the pods' counters, where one was made just now. */
  readonly reading?: PodReading | undefined;
  readonly canaryRestarts: number;
}

export type OperatorAction =
  | {
      readonly type: "apply";
      readonly resource: KubernetesResource;
      readonly object: KubernetesObject;
      readonly over: KubernetesObject | undefined;
    }
  | { readonly type: "delete"; readonly resource: KubernetesResource; readonly object: KubernetesObject; readonly foreground: boolean }
  | { readonly type: "finalizers"; readonly model: LoamModel; readonly finalizers: readonly string[] }
  | { readonly type: "status"; readonly model: LoamModel; readonly status: LoamModelStatus };

export interface LoamModelEvent {
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly note: string;
}

export interface ModelPlan {
  readonly actions: readonly OperatorAction[];
  readonly events: readonly LoamModelEvent[];
  /** A status that tells how far a rollout is, and nothing else: nobody waits for it. */
  readonly isProgressOnly: boolean;
  /** When to look again without a change; null: only at a change. */
  readonly againMs: number | null;
}

/** Aliases are resolved again after so long. */
export const resolveAgainMs = 15_000;

/** Written by this program, into a status that no one else may write. */
export const canaryTestOf = ({ status }: LoamModel): CanaryTest | undefined =>
  status?.canary?.test === undefined ? undefined : (JSON.parse(status.canary.test) as CanaryTest);

/** The test after this reading: a new one where the canary or what is wished of it changed. */
function nextTest(model: LoamModel, o: ObservedModel): CanaryTest | undefined {
  const { canary } = model.spec;
  const running = model.status?.canary;
  if (!canary || running?.phase !== "Running") return undefined;
  const generation = model.metadata.generation ?? 0;
  const before = canaryTestOf(model);
  const isOwn = before?.image === running.image && before.generation === generation;
  if (isOwn && !o.reading) return before;
  const open = isOwn ? before : openCanaryTest(canary, running.image, generation, o.nowMs);
  return o.reading ? readCanaryTest(open, o.reading) : open;
}

function observedOf({ resource, object }: WishedObject, o: ObservedModel): KubernetesObject | undefined {
  const name = object.metadata.name!;
  if (resource === kubernetesResources.deployments) return Object.values(o.deployments).find(d => d.metadata.name === name);
  if (resource === kubernetesResources.services) return o.services[name];
  return o.autoscaler;
}

const isApplied = (have: KubernetesObject, want: KubernetesObject): boolean =>
  have.metadata.annotations?.[appliedAnnotation] === want.metadata.annotations?.[appliedAnnotation] && containsAll(have, want);

const isOwned = (object: KubernetesObject, model: LoamModel): boolean =>
  (object.metadata.ownerReferences ?? []).some(r => r.uid === model.metadata.uid);

function childActions(model: LoamModel, status: LoamModelStatus, o: ObservedModel): OperatorAction[] {
  const wished = wishedObjects(model, status, o.deployments.stable);
  const actions: OperatorAction[] = [];
  for (const w of wished) {
    const over = observedOf(w, o);
    if (!over || !isApplied(over, w.object)) actions.push({ type: "apply", resource: w.resource, object: w.object, over });
  }
  const keep = new Set(wished.map(w => `${w.resource.plural}/${w.object.metadata.name}`));
  const there: (readonly [KubernetesResource, KubernetesObject | undefined])[] = [
    ...Object.values(o.deployments).map(d => [kubernetesResources.deployments, d] as const),
    ...Object.values(o.services).map(s => [kubernetesResources.services, s] as const),
    [kubernetesResources.horizontalPodAutoscalers, o.autoscaler],
  ];
  for (const [resource, object] of there)
    if (
      object &&
      object.metadata.deletionTimestamp === undefined &&
      !keep.has(`${resource.plural}/${object.metadata.name}`) &&
      isOwned(object, model)
    )
      actions.push({ type: "delete", resource, object, foreground: false });
  return actions;
}

const plural = (n: number, what: string) => `${n} ${what}${n === 1 ? "" : "s"}`;

function resolvedSaid({ wished, canary, shadow }: Resolutions): Said {
  const failed = [wished, canary, shadow].find(r => r !== undefined && !isChosen(r));
  if (failed && !isChosen(failed))
    return { type: "Resolved", status: "False", reason: failed.reason, message: `${failed.from}: ${failed.message}` };
  return { type: "Resolved", status: "True", reason: "Resolved", message: isChosen(wished) ? wished.image : "" };
}

function canarySaid(model: LoamModel, choice: ImageChoice): readonly Said[] {
  if (!model.spec.canary) return [];
  const { canary } = choice;
  if (canary)
    return [
      {
        type: "Canary",
        status: "True",
        reason: canary.phase,
        message: `${canary.from} at ${canary.weight} % of the pods, step ${canary.step + 1} of ${canaryWeights(model.spec.canary).length}: ${canary.message}`,
      },
    ];
  const last = choice.rejected?.at(-1);
  const isLast = last !== undefined && last.generation >= (model.metadata.generation ?? 0);
  return isLast
    ? [{ type: "Canary", status: "False", reason: "RolledBack", message: `${last.image}: ${last.reason}: ${last.message}` }]
    : [{ type: "Canary", status: "False", reason: "None", message: "no canary is running" }];
}

function rolloutSaid(choice: ImageChoice, deployed: DeploymentObject | undefined, replicas: number): Said {
  const { stable, canary } = choice;
  if (!stable) return { type: "Progressing", status: "False", reason: "NoImage", message: "no image is known" };
  if (!deployed || imageOf(deployed) !== stable.image)
    return { type: "Progressing", status: "True", reason: "RollingOut", message: `${stable.from} replaces what ran before` };
  if (isStuck(deployed))
    return { type: "Progressing", status: "False", reason: "DeadlineExceeded", message: `pods of ${stable.from} are not ready` };
  if (!isRolledOut(deployed) || (deployed.spec.replicas ?? 1) !== replicas) {
    const { updatedReplicas = 0 } = deployed.status ?? {};
    return {
      type: "Progressing",
      status: "True",
      reason: "RollingOut",
      message: `${updatedReplicas} of ${plural(replicas, "pod")} run version ${stable.from}`,
    };
  }
  if (canary)
    return {
      type: "Progressing",
      status: "True",
      reason: "Canary",
      message: `the canary ${canary.from} is ${canary.phase === "Running" ? "judged" : "promoted"}`,
    };
  return { type: "Progressing", status: "False", reason: "Complete", message: `version ${stable.from} serves` };
}

function nextStatus(model: LoamModel, o: ObservedModel, choice: ImageChoice): LoamModelStatus {
  const before = model.status ?? {};
  const { stable: deployed } = o.deployments;
  const replicas = stableReplicas(model, deployed);
  const resolved = resolvedSaid(o.resolved);
  const rollout = rolloutSaid(choice, deployed, replicas);
  const isServing = rollout.reason === "Complete" || rollout.reason === "Canary";
  const ready: Said = isServing
    ? { type: "Ready", status: "True", reason: "Serving", message: `${plural(replicas, "pod")} of version ${choice.stable!.from}` }
    : { type: "Ready", status: "False", reason: rollout.reason, message: rollout.message };
  const generation = model.metadata.generation ?? 0;
  const live = [o.deployments.stable, o.deployments.canary];
  const status: LoamModelStatus = {
    ...choice,
    observedGeneration: generation,
    replicas: live.reduce((sum, d) => sum + (d?.status?.replicas ?? 0), 0),
    readyReplicas: live.reduce((sum, d) => sum + (d?.status?.readyReplicas ?? 0), 0),
    conditions: conditionsOf([ready, resolved, rollout, ...canarySaid(model, choice)], before.conditions ?? [], generation, o.nowMs),
  };
  // as JSON has it: what is undefined is not there
  return JSON.parse(JSON.stringify(status)) as LoamModelStatus;
}

function eventsOf(before: LoamModelStatus, now: LoamModelStatus): readonly LoamModelEvent[] {
  const events: LoamModelEvent[] = [];
  const [was, is] = [before.canary, now.canary];
  for (const r of now.rejected ?? [])
    if (!(before.rejected ?? []).some(b => b.image === r.image && b.generation === r.generation))
      events.push({ type: "Warning", reason: "RolledBack", note: `${r.image}: ${r.reason}: ${r.message}` });
  if (is && is.image !== was?.image) events.push({ type: "Normal", reason: "CanaryStarted", note: `${is.image} at ${is.weight} %` });
  if (is && is.image === was?.image && is.step > was.step)
    events.push({ type: "Normal", reason: "CanaryStep", note: `${is.image} at ${is.weight} %` });
  if (is?.phase === "Promoting" && was?.phase !== "Promoting")
    events.push({ type: "Normal", reason: "CanaryPassed", note: `${is.image}: ${is.message}` });
  if (now.stable && now.stable.image !== before.stable?.image)
    events.push({ type: "Normal", reason: "Rollout", note: `${before.stable?.image ?? "nothing"} -> ${now.stable.image}` });
  const resolved = (s: LoamModelStatus) => s.conditions?.find(c => c.type === "Resolved");
  if (resolved(now)?.status === "False" && resolved(before)?.status !== "False")
    events.push({ type: "Warning", reason: resolved(now)!.reason, note: resolved(now)!.message });
  return events;
}

/** Deployments go first, their pods with their own grace; then the object itself may. */
function planDeletion(model: LoamModel, { deployments }: ObservedModel): ModelPlan {
  if (!model.metadata.finalizers?.includes(finalizer)) return { actions: [], events: [], isProgressOnly: false, againMs: null };
  const left = tracks.flatMap(t => deployments[t] ?? []).filter(d => isOwned(d, model));
  const actions: OperatorAction[] = left
    .filter(d => d.metadata.deletionTimestamp === undefined)
    .map(object => ({ type: "delete", resource: kubernetesResources.deployments, object, foreground: true }));
  if (left.length === 0) actions.push({ type: "finalizers", model, finalizers: model.metadata.finalizers.filter(f => f !== finalizer) });
  return { actions, events: [], isProgressOnly: false, againMs: null };
}

const decisionOf = ({ stable, baseline, canary, shadow, rejected }: LoamModelStatus) => ({
  stable,
  baseline,
  canary,
  shadow,
  rejected: rejected ?? [],
});

export function decideModel(model: LoamModel, o: ObservedModel): ModelPlan {
  if (model.metadata.deletionTimestamp !== undefined) return planDeletion(model, o);
  const finalizers = model.metadata.finalizers ?? [];
  // its answer is the next change, which brings the rest
  if (!finalizers.includes(finalizer))
    return {
      actions: [{ type: "finalizers", model, finalizers: [...finalizers, finalizer] }],
      events: [],
      isProgressOnly: false,
      againMs: null,
    };
  const test = nextTest(model, o);
  const { stable, canary } = o.deployments;
  const choice = chooseImages({ model, resolved: o.resolved, stable, canary, test, canaryRestarts: o.canaryRestarts, nowMs: o.nowMs });
  const before = model.status ?? {};
  const status = nextStatus(model, o, choice);
  const children = childActions(model, status, o);
  const isDecision = canonicalJson(decisionOf(before)) !== canonicalJson(decisionOf(status));
  const isChanged = canonicalJson(before) !== canonicalJson(status);
  const say: OperatorAction[] = isChanged ? [{ type: "status", model, status }] : [];
  const { spec } = model;
  const hasAlias = [spec.alias, spec.canary?.alias, spec.shadow?.alias].some(a => a !== undefined);
  const isUnresolved = [o.resolved.wished, o.resolved.canary, o.resolved.shadow].some(r => r !== undefined && !isChosen(r));
  const waits = [
    ...(hasAlias || isUnresolved ? [resolveAgainMs] : []),
    ...(status.canary?.phase === "Running" ? [(spec.canary?.intervalSeconds ?? 10) * 1000] : []),
  ];
  const events = eventsOf(before, status);
  return {
    actions: isDecision ? [...say, ...children] : [...children, ...say],
    events,
    isProgressOnly: isChanged && !isDecision && children.length === 0 && events.length === 0,
    againMs: waits.length === 0 ? null : Math.min(...waits),
  };
}
