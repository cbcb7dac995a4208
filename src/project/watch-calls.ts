/** `project.watch`: what monitors know of the project's models. A method loads what it needs when it is called. */
import { resolve } from "node:path";
import type { DashboardOptions } from "../watch/index.ts";
import { type Call, type CallOptions, callOf } from "./call.ts";
import type { LabelledRequest, ModelQuality, QualityOptions } from "./watching/feedback/index.ts";
import type { Workspace } from "./workspace.ts";
import type { WrittenDashboards } from "./write-dashboards.ts";

const feedback = () => import("./watching/feedback/index.ts");

export class WatchCalls {
  readonly #at: Workspace;

  constructor(at: Workspace) {
    this.#at = at;
  }

  /**
   * How good a model (default: all of which something is known) is on its traffic, by version and day: figures of labelled requests with intervals, the
   * estimate of all requests without labels, and what was last evaluated.
   */
  quality(model?: string, options: QualityOptions & CallOptions = {}): Call<readonly ModelQuality[]> {
    return callOf(async () => (await feedback()).modelQuality(await this.#at.store(), model, options), options);
  }

  /** Labelled requests of a model, whose newest label came after a time (ms since 1970): ids, classes, sources. */
  async labelled(model: string, sinceMs = 0): Promise<readonly LabelledRequest[]> {
    return (await feedback()).labelledSince(await this.#at.store(), model, sinceMs);
  }

  /** Forgets requests and labels of an owner of requests: `user:ann`, `team:research`. */
  async forget(owner: string): Promise<{ readonly labelled: number; readonly requests: number }> {
    return (await feedback()).removeOwner(await this.#at.store(), owner);
  }

  /** Writes Grafana dashboards, Prometheus rules with their tests and example configurations into a folder. Errors: watch/setting. */
  async dashboards(to: string, options: DashboardOptions = {}): Promise<WrittenDashboards> {
    return (await import("./write-dashboards.ts")).writeDashboards(resolve(this.#at.cwd, to), options);
  }
}
