/**
 * Which images serve: the stable one, the canary, the shadow. A state machine over the status: it moves by what the spec's names resolve to, what the canary's
 * test says, and whether a rollout is stuck. Pure.
 */
import { type CanaryTest, canaryWeights, failedTest, judgeCanaryTest } from "./canary-test.ts";
import { type DeploymentObject, imageOf, isRolledOut, isStuck } from "./objects.ts";
import type { CanaryStatus, ChosenImage, LoamModel, LoamModelStatus, RejectedImage } from "./spec.ts";

/** What a version or alias stands for now, or why nobody knows. */
export type Resolution = ChosenImage | { readonly from: string; readonly reason: string; readonly message: string };
export const isChosen = (r: Resolution | undefined): r is ChosenImage => r !== undefined && "image" in r;

export interface Resolutions {
  readonly wished: Resolution;
  /** Where the canary has a version of its own. */
  readonly canary?: Resolution | undefined;
  readonly shadow?: Resolution | undefined;
}

interface ChoiceInput {
  readonly model: LoamModel;
  readonly resolved: Resolutions;
  readonly stable: DeploymentObject | undefined;
  readonly canary: DeploymentObject | undefined;
  readonly test: CanaryTest | undefined;
  /** Most restarts of a container of a canary pod. */
  readonly canaryRestarts: number;
  readonly nowMs: number;
}

export type ImageChoice = Pick<LoamModelStatus, "stable" | "baseline" | "lastReady" | "canary" | "shadow" | "rejected">;

const keptRejections = 5;
/** A canary whose container crashed so often has failed, whatever its requests say. */
const mostRestarts = 3;

const rejectedNow = (rejected: readonly RejectedImage[], image: string, generation: number): boolean =>
  rejected.some(r => r.image === image && r.generation >= generation);

const withRejected = (rejected: readonly RejectedImage[], one: RejectedImage): readonly RejectedImage[] =>
  [...rejected.filter(r => r.image !== one.image), one].slice(-keptRejections);

/** The image that stands without a canary, and the one that is to prove itself. */
interface Candidates {
  readonly stable: ChosenImage | undefined;
  readonly candidate: ChosenImage | undefined;
  readonly baseline: string | undefined;
}

function candidatesOf({ model: { spec }, resolved }: ChoiceInput, status: LoamModelStatus): Candidates {
  const wished = isChosen(resolved.wished) ? resolved.wished : undefined;
  const { stable, baseline } = status;
  if (!spec.canary) return { stable: wished ?? stable, candidate: undefined, baseline: undefined };
  const isOwn = spec.canary.version !== undefined || spec.canary.alias !== undefined;
  if (!isOwn) return { stable: stable ?? wished, candidate: wished, baseline: undefined };
  // a canary of its own starts from the spec's version; once promoted it stays until that version changes
  const isMoved = wished !== undefined && wished.image !== baseline;
  return {
    stable: stable === undefined || isMoved ? (wished ?? stable) : stable,
    candidate: isChosen(resolved.canary) ? resolved.canary : undefined,
    baseline: wished?.image ?? baseline,
  };
}

type CanaryOutcome =
  | { readonly type: "running"; readonly canary: CanaryStatus }
  | { readonly type: "passed"; readonly message: string }
  | { readonly type: "failed"; readonly reason: string; readonly message: string };

function judgeCanary(candidate: ChosenImage, input: ChoiceInput, weights: readonly number[]): CanaryOutcome {
  const { model, test, canary, canaryRestarts, nowMs } = input;
  const spec = model.spec.canary!;
  if (canaryRestarts >= mostRestarts)
    return { type: "failed", reason: "Crashed", message: `a container of the canary restarted ${canaryRestarts} times` };
  if (canary && imageOf(canary) === candidate.image && isStuck(canary))
    return { type: "failed", reason: "NotReady", message: `its pods were not ready in ${model.spec.progressDeadlineSeconds} s` };
  const running = { ...candidate, phase: "Running" as const };
  if (test?.image !== candidate.image)
    return {
      type: "running",
      canary: { ...running, step: 0, weight: weights[0]!, verdict: "undecided", message: "it starts", requests: 0 },
    };
  const judgement = judgeCanaryTest(test);
  const requests = judgement.requests.treatment;
  if (judgement.verdict === "harm") return { type: "failed", reason: "Harm", message: judgement.reason };
  if (judgement.verdict === "no harm") return { type: "passed", message: judgement.reason };
  const failed = failedTest(test, spec, judgement.isEnded, nowMs);
  if (failed !== undefined)
    return spec.undecided === "promote" ? { type: "passed", message: failed } : { type: "failed", reason: "Undecided", message: failed };
  const step = Math.min(weights.length - 1, Math.floor(requests / spec.requests));
  const said = { verdict: judgement.verdict, message: judgement.reason, requests };
  return { type: "running", canary: { ...running, step, weight: weights[step]!, ...said, test: JSON.stringify(test) } };
}

/** Back to the last image that was ready, where the rollout of this one is stuck. */
function afterStuck(choice: ImageChoice, { model, stable }: ChoiceInput): ImageChoice {
  const { stable: now, lastReady, rejected = [] } = choice;
  const isBack = now !== undefined && lastReady !== undefined && lastReady.image !== now.image && model.spec.rollback === "automatic";
  if (!(isBack && stable && imageOf(stable) === now.image && isStuck(stable))) return choice;
  const message = `its pods were not ready in ${model.spec.progressDeadlineSeconds} s`;
  const one = { image: now.image, generation: model.metadata.generation ?? 0, reason: "NotReady", message };
  return { ...choice, stable: lastReady, rejected: withRejected(rejected, one) };
}

export function chooseImages(input: ChoiceInput): ImageChoice {
  const { model, resolved, stable: deployed } = input;
  const status = model.status ?? {};
  const generation = model.metadata.generation ?? 0;
  const rejected = status.rejected ?? [];
  const { stable: wished, candidate, baseline } = candidatesOf(input, status);
  // what was rejected under this spec does not come back by itself
  const stable = wished && status.stable && rejectedNow(rejected, wished.image, generation) ? status.stable : wished;
  const isReady =
    deployed !== undefined && status.stable !== undefined && imageOf(deployed) === status.stable.image && isRolledOut(deployed);
  const lastReady = isReady ? status.stable : status.lastReady;
  const shadow = model.spec.shadow && (isChosen(resolved.shadow) ? resolved.shadow : status.shadow);
  const same: ImageChoice = { stable, ...(baseline === undefined ? {} : { baseline }), lastReady, shadow, rejected } as ImageChoice;
  const { canary } = status;
  if (canary?.phase === "Promoting" && stable?.image === canary.image && model.spec.canary)
    // its pods stay until those of the stable Deployment are ready
    return afterStuck(isReady && status.stable?.image === canary.image ? same : { ...same, canary }, input);
  if (!candidate || !stable || candidate.image === stable.image || rejectedNow(rejected, candidate.image, generation))
    return afterStuck(same, input);
  // before the first version is ready there is nothing to compare with
  if (lastReady === undefined)
    return model.spec.canary?.version === undefined && model.spec.canary?.alias === undefined ? { ...same, stable: candidate } : same;
  const outcome = judgeCanary(candidate, input, canaryWeights(model.spec.canary!));
  if (outcome.type === "running") return { ...same, canary: outcome.canary };
  if (outcome.type === "failed")
    return {
      ...same,
      rejected: withRejected(rejected, { image: candidate.image, generation, reason: outcome.reason, message: outcome.message }),
    };
  const promoting: CanaryStatus = {
    ...(canary ?? { ...candidate, step: 0, weight: canaryWeights(model.spec.canary!)[0]!, requests: 0 }),
    phase: "Promoting",
    verdict: "no harm",
    message: outcome.message,
  };
  return { ...same, stable: candidate, canary: promoting };
}
