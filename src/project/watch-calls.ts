/** `project.watch`: what monitors know of the project's models. A method loads what it needs when it is called. */
import { resolve } from "node:path";
import type { DashboardOptions } from "../watch/index.ts";
import { type Call, type CallOptions, callOf } from "./call.ts";
import type { DriftQuestion, WatchedDrift } from "./watching/drift/index.ts";
import type { LabelledRequest, ModelQuality, QualityOptions } from "./watching/feedback/index.ts";
import type { ForgottenOwner } from "./watching/forget-owner.ts";
import type { HistoryOptions, WatchedAlarm, WatchHistory, WatchStatus } from "./watching/live/index.ts";
import type { RequestSample, SampleQuestion } from "./watching/samples/index.ts";
import type { Workspace } from "./workspace.ts";
import type { WrittenDashboards } from "./write-dashboards.ts";

const live = () => import("./watching/live/index.ts");
const feedback = () => import("./watching/feedback/index.ts");

export class WatchCalls {
  readonly #at: Workspace;

  constructor(at: Workspace) {
    this.#at = at;
  }

  /** Figures of the last hour by version (default: of all), active alarms, objectives with what is left of their error budgets, servers. */
  status(model?: string, options: CallOptions = {}): Call<WatchStatus> {
    return callOf(async () => {
      const { objectiveRules, readWatchStatus } = await live();
      return readWatchStatus(await this.#at.store(), objectiveRules(this.#at.file.config.slo), model);
    }, options);
  }

  /** Alarms that are active or were, the newest first. */
  alarms(options: CallOptions = {}): Call<readonly WatchedAlarm[]> {
    return callOf(async () => (await live()).watchedAlarms(await this.#at.store()), options);
  }

  /** A figure over time: by minute for two days, by 15 minutes for two weeks, by six hours for two years. Errors: project/argument for an unknown one. */
  history(metric: string, options: HistoryOptions & CallOptions = {}): Call<WatchHistory> {
    return callOf(async () => (await live()).readWatchHistory(await this.#at.store(), metric, options), options);
  }

  /**
   * How good a model (default: all of which something is known) is on its traffic, by version and day: figures of labelled requests with intervals, the
   * estimate of all requests without labels, and what was last evaluated.
   */
  quality(model?: string, options: QualityOptions & CallOptions = {}): Call<readonly ModelQuality[]> {
    return callOf(async () => (await feedback()).modelQuality(await this.#at.store(), model, options), options);
  }

  /**
   * How a data set, a file of new texts or a model's traffic (default: the served model's) differs from what a model was trained on, or from
   * `against`: which features changed, by how much, and since when. Errors: watch/reference for another tokenizer; project/nothing; store/notFound.
   */
  async drift(name?: string, question: DriftQuestion = {}): Promise<WatchedDrift> {
    return (await import("./watching/drift/index.ts")).measureDrift(this.#at, name, question);
  }

  /** Redacted examples of requests, the newest first; none are kept unless `watch.samples` asks for them. Errors: project/argument for an unknown alarm. */
  samples(question: SampleQuestion = {}, options: CallOptions = {}): Call<readonly RequestSample[]> {
    return callOf(async () => (await import("./watching/samples/index.ts")).watchedSamples(await this.#at.store(), question), options);
  }

  /** Labelled requests of a model, whose newest label came after a time (ms since 1970): ids, classes, sources. */
  async labelled(model: string, sinceMs = 0): Promise<readonly LabelledRequest[]> {
    return (await feedback()).labelledSince(await this.#at.store(), model, sinceMs);
  }

  /** Forgets requests, labels and examples of an owner of requests (`user:ann`, `team:research`), and the hours of traffic that hold its requests. */
  async forget(owner: string): Promise<ForgottenOwner> {
    return (await import("./watching/forget-owner.ts")).forgetOwner(await this.#at.store(), owner);
  }

  /** Writes Grafana dashboards, Prometheus rules with their tests and example configurations into a folder. Errors: watch/setting. */
  async dashboards(to: string, options: DashboardOptions = {}): Promise<WrittenDashboards> {
    return (await import("./write-dashboards.ts")).writeDashboards(resolve(this.#at.cwd, to), options);
  }
}
