/** Thresholds by what mistakes cost: of the model, and of the one that it is held beside, each chosen by its own answers to the same items. */
import {
  type CostThreshold,
  type choosingOf,
  corrected,
  costDifference,
  costThreshold,
  type Difference,
  type ItemResult,
  type LoadedTask,
} from "../../evaluate/index.ts";
import type { OpenEvaluated } from "./open-model.ts";
import { type Asking, choosingKind, type RecordedResult, recordedResult } from "./record.ts";
import { recordedCosts } from "./record-costs.ts";

/** `artifact`: the answers to the items that chose. */
export type ChosenThreshold = CostThreshold & { readonly artifact: string };

export type TaskThreshold = ChosenThreshold & {
  /** The other model's own threshold, and what either costs at the cheapest of its own: the model minus the other. */
  readonly against?: {
    readonly id: string;
    readonly threshold: ChosenThreshold;
    readonly difference: Difference & { readonly pHolm?: number };
  };
};

interface Side {
  readonly who: OpenEvaluated;
  /** Of the items that are told of. */
  readonly result: RecordedResult;
}

/** What a task's costs come to, and each side's answers to the items that chose, which conditions on `cost` draw too. */
export interface TaskCosts {
  readonly threshold: TaskThreshold;
  readonly choosing: readonly ItemResult[];
  readonly againstChoosing?: readonly ItemResult[];
}

/** Asks each side the items that choose, and records what they choose for. Errors: those of the model and the record; evaluate/score; the signal's reason. */
export async function taskCosts(
  loaded: LoadedTask,
  { choosing, rule }: NonNullable<ReturnType<typeof choosingOf>>,
  model: Side,
  against: Side | undefined,
  shared: Pick<Asking, "fresh" | "progress" | "signal">,
): Promise<TaskCosts> {
  const decided = async ({ who: { store, model }, result }: Side) => {
    const { items, artifact } = await recordedResult({ ...shared, store, model, loaded: choosing, kind: choosingKind });
    if (model.artifact !== undefined)
      await recordedCosts({
        store,
        model: model.artifact,
        task: loaded.task.task,
        result: result.artifact,
        choosing: artifact,
        costs: rule,
      });
    const threshold: ChosenThreshold = { ...costThreshold(loaded, rule, items, result.items), artifact };
    return { items: result.items, choosing: items, threshold };
  };
  const own = await decided(model);
  if (!against) return own;
  const other = await decided(against);
  const difference = costDifference(rule, own, other, loaded.task.task);
  return {
    threshold: { ...own.threshold, against: { id: against.who.model.id, threshold: other.threshold, difference } },
    choosing: own.choosing,
    againstChoosing: other.choosing,
  };
}

/** The differences of all tasks' costs together: corrected by Holm. */
export function costsCorrected<R extends { readonly threshold?: TaskThreshold }>(reports: readonly R[]): R[] {
  const own = reports.filter(r => r.threshold?.against);
  const p = corrected(own.map(r => r.threshold!.against!.difference));
  return reports.map(r => {
    const at = own.indexOf(r);
    if (at < 0) return r;
    const { against, ...threshold } = r.threshold!;
    return { ...r, threshold: { ...threshold, against: { ...against!, difference: { ...against!.difference, pHolm: p[at]! } } } };
  });
}
