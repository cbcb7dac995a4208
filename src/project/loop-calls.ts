/** `project.loop`: models that are trained again by themselves. A method loads what it needs when it is called. */
import { type Call, type CallOptions, callOf } from "./call.ts";
import type {
  CompareOptions,
  LoopDryRun,
  LoopRunOptions,
  LoopRunReport,
  LoopStatus,
  LoopWord,
  VersionComparison,
} from "./looping/index.ts";
import type { Workspace } from "./workspace.ts";

const loops = () => import("./looping/index.ts");

/** `model`: one under `loop:` of loam.yaml; default: the only one. */
export class LoopCalls {
  readonly #at: Workspace;

  constructor(at: Workspace) {
    this.#at = at;
  }

  /** What a loop is doing: its phase, the evidence of its rounds, who directs it. Errors: loop/policy. */
  status(model?: string, options: CallOptions = {}): Call<LoopStatus> {
    return callOf(async () => (await loops()).loopStatusOf(this.#at, model), options);
  }

  /**
   * Looks at the signals and does what is pending, until the loop waits: for new documents, an approval, requests, or a time. With `dryRun` it says what a
   * look comes to and changes nothing. Errors: loop/policy, loop/busy, loop/state.
   */
  run(model?: string, options: LoopRunOptions & CallOptions = {}): Call<LoopRunReport | LoopDryRun> {
    return callOf(async watch => (await loops()).runModelLoop(this.#at, model, options, watch), options);
  }

  /** Stops a loop from beginning anything; a test under way ends, and its traffic goes back. */
  async pause(model?: string, word: LoopWord = {}): Promise<LoopStatus & { readonly changed: boolean }> {
    return (await loops()).tellLoopWord(this.#at, model, "pause", word);
  }

  async resume(model?: string, word: LoopWord = {}): Promise<LoopStatus & { readonly changed: boolean }> {
    return (await loops()).tellLoopWord(this.#at, model, "resume", word);
  }

  /**
   * An A/B test of two versions on the traffic of the project's server, by the canary's test; with `dryRun` only its power. A stop ends it. Errors:
   * project/argument, loop/busy, loop/server.
   */
  compare(first: string, second: string, options: CompareOptions & CallOptions = {}): Call<VersionComparison> {
    return callOf(async watch => (await loops()).compareOnTraffic(this.#at, [first, second], options, watch), options);
  }

  /** Takes back the round under way, or the last one that was promoted; whoever directs the loop does it. */
  async rollback(model?: string, word: LoopWord = {}): Promise<LoopStatus & { readonly changed: boolean }> {
    return (await loops()).tellLoopWord(this.#at, model, "rollback", word);
  }
}
