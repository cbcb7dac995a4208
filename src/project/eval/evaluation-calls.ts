/** `project.evaluations`: what was evaluated, and two evaluations of one task compared by item. A method loads what it needs when it is called. */
import type { DiffWanted, EvaluationDiff } from "../../registry/index.ts";
import { resolveVersion, type Store } from "../../store/index.ts";
import { type Call, type CallOptions, callOf } from "../call.ts";
import { wrongArgument } from "../errors.ts";
import type { Workspace } from "../workspace.ts";
import type { ListedEvaluation } from "./listed.ts";

export interface CompareEvaluationsOptions extends DiffWanted, CallOptions {
  /** Task, where a version is named that was evaluated on several. */
  readonly task?: string | undefined;
}

/** An evaluation as it was listed: of an artifact, or the newest of a version (`NAME@WHICH`). Errors: project/argument, store/notFound. */
async function evaluationOf(store: Store, all: readonly ListedEvaluation[], name: string, task: string | undefined): Promise<string> {
  if (!name.includes("@")) return name;
  const [model = "", which = ""] = name.split("@");
  const { number } = await resolveVersion(store.records.read, model, which || "latest");
  const id = `${model}@${number}`;
  const own = all.filter(e => e.version === id && e.hasItems && e.variant === null && (task === undefined || e.task === task));
  const tasks = [...new Set(own.map(e => e.task))];
  if (tasks.length === 1) return own[0]!.artifact;
  throw wrongArgument(
    "task",
    tasks.length === 0 ? `an evaluation of ${id} that keeps its items` : `one of ${tasks.join(", ")}`,
    task === undefined ? (tasks.length === 0 ? "none" : `${tasks.length} tasks of ${id}`) : `"${task}"`,
  );
}

export class EvaluationCalls {
  readonly #at: Workspace;

  constructor(at: Workspace) {
    this.#at = at;
  }

  /** Every evaluation of the project's artifact store, the newest first: of versions and of endpoints, of every kind. */
  list(options: CallOptions = {}): Call<ListedEvaluation[]> {
    return callOf(async () => (await import("./listed.ts")).listedEvaluations(await this.#at.store())(), options);
  }

  /**
   * Two evaluations of one task, first minus second, item by item. Each is named by its artifact, or by a version (`mail@2`, `mail@prod`): its newest
   * evaluation of the task. Errors: project/argument where the task is not clear; evaluate/compare where one keeps no items; store/notFound.
   *
   * @example const { counts, differences } = await project.evaluations.compare("spam@2", "spam@1");
   */
  compare(first: string, second: string, options: CompareEvaluationsOptions = {}): Call<EvaluationDiff> {
    const { task, signal: _, abandon: __, ...wanted } = options;
    return callOf(async () => {
      const store = await this.#at.store();
      const [{ listedEvaluations }, { evaluationDiff, wantedItems }] = await Promise.all([
        import("./listed.ts"),
        import("../../registry/index.ts"),
      ]);
      const all = first.includes("@") || second.includes("@") ? await listedEvaluations(store)() : [];
      const diff = await evaluationDiff(store, await evaluationOf(store, all, first, task), await evaluationOf(store, all, second, task));
      return { ...diff, items: wantedItems(diff.items, wanted) };
    }, options);
  }
}
