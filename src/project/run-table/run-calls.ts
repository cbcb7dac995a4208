/** `project.runs`: runs as a table, and what people say of them. A method loads what it needs when it is called. */
import { type Call, type CallOptions, callOf } from "../call.ts";
import { thisUser } from "../person.ts";
import type { Workspace } from "../workspace.ts";
import type { RunQuery, RunTable } from "./query-runs.ts";
import type { AnnotateRun } from "./run-notes.ts";
import type { RunAnnotation } from "./run-row.ts";

const work = () => import("./index.ts");

export class RunCalls {
  readonly #at: Workspace;

  constructor(at: Workspace) {
    this.#at = at;
  }

  /**
   * Runs of the project's artifact store, filtered, searched, sorted and grouped.
   * Errors: project/argument for a bad filter or an unknown column.
   *
   * @example const { rows } = await project.runs.list({ filter: "loss < 2 and kind = training", sort: "loss" });
   */
  list(query: RunQuery & CallOptions = {}): Call<RunTable> {
    const { signal: _, abandon: __, ...own } = query;
    return callOf(async () => {
      const { queryRuns, readRuns } = await work();
      return queryRuns(await readRuns(await this.#at.store(), this.#at.file.config.prices), own);
    }, query);
  }

  /** Writes a note and tags of a run; default of `by`: the user of this machine. Errors: project/nothing, project/argument. */
  async annotate(id: string, given: Omit<AnnotateRun, "by"> & { readonly by?: string | undefined }): Promise<RunAnnotation> {
    const { annotateRun } = await work();
    return annotateRun(await this.#at.store(), id, { ...given, by: given.by ?? thisUser() });
  }
}
