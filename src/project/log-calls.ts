/** `project.log`: who did what, and the log for auditors. A method loads what it needs when it is called. */
import type { DeedFilter, RecordedAct } from "../store/index.ts";
import type {
  ActGiven,
  ExportedLog,
  LogCheckpoint,
  LogKeyOptions,
  LogList,
  LogProof,
  WitnessedLog,
  WitnessOptions,
} from "./accountability/index.ts";
import { type Call, type CallOptions, callOf } from "./call.ts";
import type { Workspace } from "./workspace.ts";

const work = () => import("./accountability/index.ts");

export class LogCalls {
  readonly #at: Workspace;

  constructor(at: Workspace) {
    this.#at = at;
  }

  /** Acts, releases, approvals, gates and steps of loops, the newest first. */
  list(options: DeedFilter & CallOptions = {}): Call<LogList> {
    return callOf(async () => (await work()).listLog(this.#at, options), options);
  }

  /** Records an act by hand, such as an incident. Errors: store/act. */
  async record(act: ActGiven): Promise<RecordedAct> {
    return (await work()).recordProjectAct(this.#at, act);
  }

  /** Proof that an act, or the entry at a position, is in the log, with what opens its commitments. Errors: project/nothing. */
  async prove(id: string): Promise<LogProof> {
    return (await work()).proveAct(this.#at, id);
  }

  /** The log's head as a signed checkpoint (C2SP tlog-checkpoint). Errors: registry/key, store/note. */
  async checkpoint(options: LogKeyOptions): Promise<LogCheckpoint> {
    return (await work()).signLog(this.#at, options);
  }

  /** Writes the log as static files (C2SP tlog-tiles); into an earlier export what is new. Errors: project/damaged; those of `checkpoint`. */
  export(folder: string, options: LogKeyOptions & CallOptions): Call<ExportedLog> {
    return callOf(async () => (await work()).exportLog(this.#at, folder, options), options);
  }

  /** Co-signs the checkpoint of an exported log as a witness. Errors: project/damaged where what was seen before is not its beginning. */
  async witness(folder: string, options: WitnessOptions): Promise<WitnessedLog> {
    return (await work()).witnessLog(this.#at, folder, options);
  }
}
