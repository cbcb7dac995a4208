/** Loops run, paused, resumed and taken back by calls: each takes the lease of its model, or says who has it. */
import { decideTrigger, FailedLoopWork, type LoopEvent, loopErrors, type TriggerDecision } from "../../loop/index.ts";
import type { Store } from "../../store/index.ts";
import type { Watch } from "../call.ts";
import { isErrorOfMachine } from "../of-machine.ts";
import { thisUser } from "../person.ts";
import type { Workspace } from "../workspace.ts";
import { canaryLabels } from "./canary-labels.ts";
import { childWork, type HeavyWorkName } from "./child-work.ts";
import { takeLease } from "./lease.ts";
import { loopPartOf } from "./loop-part.ts";
import { heavyWork, loopPorts } from "./loop-ports.ts";
import { loopProject } from "./loop-project.ts";
import { readLoop, tellLoop } from "./loop-record.ts";
import { type LoopStatus, loopStatus } from "./loop-status.ts";
import type { RoundPlace } from "./round-work.ts";
import { type LoopRunner, runLoopForEver, runUntilWaiting } from "./run-loop.ts";
import { lookAtSignals } from "./signals.ts";
import { adminTraffic, type LoopTraffic, noTraffic } from "./traffic.ts";

export interface LoopRunOptions {
  /** Begins a round without a signal. */
  readonly force?: boolean | undefined;
  /** Looks and says what would be done. */
  readonly dryRun?: boolean | undefined;
  /** Keeps running until it is stopped. */
  readonly follow?: boolean | undefined;
  /** The model server that is directed; default: `server` of the loop, else the project's own where the policy has a shadow or a canary. */
  readonly server?: string | undefined;
  /** Trains in a process of its own. */
  readonly child?: boolean | undefined;
  /** The user who requests it; default: the user of this machine. */
  readonly by?: string | undefined;
  /** Milliseconds since 1970, for a replay of earlier days; default: the clock. */
  readonly now?: (() => number) | undefined;
}

export interface LoopRunReport extends LoopStatus {
  /** Steps that were made by this call. */
  readonly steps: readonly string[];
  /** What the loop waits for, or came to. */
  readonly why: string;
}

export interface LoopDryRun {
  readonly model: string;
  readonly dryRun: true;
  readonly phase: string;
  readonly newDocuments: number;
  readonly decision: TriggerDecision;
}

/** The server that a loop directs: none where no version gets traffic before it is promoted. */
function trafficOf({ model, policy, project }: RoundPlace, server: string | undefined): LoopTraffic {
  const { host = "127.0.0.1", port = 8080 } = project.config.serve ?? {};
  const url = server ?? policy.server ?? (policy.shadow || policy.canary ? `http://${host}:${port}` : undefined);
  return url === undefined ? noTraffic : adminTraffic({ url, model, folder: project.folder });
}

async function placeOf(at: Workspace, model: string | undefined, watch: Watch): Promise<RoundPlace> {
  return { ...loopProject(at.file, model), store: await at.store(), watch };
}

/** A loop's runner on some traffic. */
export function loopRunnerOf(
  at: RoundPlace,
  traffic: LoopTraffic,
  { child = false, now = Date.now }: Pick<LoopRunOptions, "child" | "now">,
): LoopRunner {
  const heavy = child ? childWork(at.project.folder, at.model) : heavyWork(at, now);
  return { at, now, ports: loopPorts(at, traffic, heavy, canaryLabels(at)) };
}

/** Errors: loop/busy with who has it. */
async function withLease<T>(store: Store, model: string, use: (lost: AbortSignal) => Promise<T>): Promise<T> {
  const lease = await takeLease(store, model);
  if ("heldBy" in lease)
    throw loopErrors.fail("busy", {
      place: `loop.${model}`,
      expected: "a loop that nobody runs",
      received: `one that ${lease.heldBy} runs`,
      hint: "`loam loop status` shows what it does; pause, resume and rollback reach it from here.",
    });
  try {
    return await use(lease.lost);
  } finally {
    await lease.release();
  }
}

/** Errors: loop/policy, loop/busy, loop/state; those of the data sets. */
export async function runModelLoop(
  at: Workspace,
  given: string | undefined,
  options: LoopRunOptions,
  watch: Watch,
): Promise<LoopRunReport | LoopDryRun> {
  const place = await placeOf(at, given, watch);
  const { store, model } = place;
  const now = options.now ?? Date.now;
  if (options.dryRun) {
    const state = await readLoop(store, model);
    const look = await lookAtSignals(place, state, now());
    const { newDocuments } = look;
    return { model, dryRun: true, phase: state.phase, newDocuments, decision: decideTrigger(place.policy, state, look) };
  }
  return withLease(store, model, async lost => {
    const signal = AbortSignal.any([watch.signal, lost]);
    const runner = loopRunnerOf({ ...place, watch: { ...watch, signal } }, trafficOf(place, options.server), { child: options.child, now });
    const tell = (report: { readonly steps: readonly string[]; readonly why: string }) => {
      for (const step of report.steps) watch.emit({ event: "note", message: `loop of ${model}: ${step}` });
    };
    if (options.follow) {
      const onProblem = (error: unknown) =>
        watch.emit({ event: "warning", message: `loam: loop of ${model}: ${(error as Error).message}` });
      await runLoopForEver(runner, signal, { onReport: tell, onProblem });
      signal.throwIfAborted();
    }
    const report = await runUntilWaiting(runner, signal, options.force ? (options.by ?? thisUser()) : undefined);
    return { ...(await loopStatus(store, place)), steps: report.steps, why: report.why };
  });
}

/** The heavy work of the round that is under way, for the process that directs the loop. Errors: loop/state without a round. */
export async function workOnRound(at: Workspace, model: string, work: HeavyWorkName, watch: Watch): Promise<object> {
  const place = await placeOf(at, model, watch);
  const { round } = await readLoop(place.store, model);
  if (!round) throw loopErrors.fail("state", { place: `loop.${model}`, expected: "a round under way", received: "none" });
  try {
    return { result: await heavyWork(place, Date.now)[work](round, watch.signal) };
  } catch (error) {
    if (!(error instanceof FailedLoopWork)) throw error;
    const { message: why, coreSeconds, money, cause } = error;
    return { failed: { why, coreSeconds, money, isOfMachine: isErrorOfMachine(cause) } };
  }
}

export interface LoopWord {
  readonly by?: string | undefined;
  readonly reason?: string | undefined;
}

const wishes: Readonly<Record<"pause" | "resume" | "rollback", (by: string, why: string) => LoopEvent>> = {
  pause: (by, why) => ({ type: "pause", by, why }),
  resume: by => ({ type: "resume", by }),
  rollback: (by, why) => ({ type: "rollback", by, why }),
};

/** A person's word: it is written down, and whoever directs the loop follows it. `changed`: false where the state did not let it do anything. */
export async function tellLoopWord(
  at: Workspace,
  given: string | undefined,
  wish: keyof typeof wishes,
  { by = thisUser(), reason = "no reason given" }: LoopWord,
): Promise<LoopStatus & { readonly changed: boolean }> {
  const { model, policy } = loopProject(at.file, given);
  const store = await at.store();
  const { steps } = await tellLoop(store, model, policy, wishes[wish](by, reason), Date.now());
  return { ...(await loopStatus(store, { model, policy })), changed: steps.length > 0 };
}

/** Errors: loop/policy. */
export const loopStatusOf = async (at: Workspace, given: string | undefined): Promise<LoopStatus> =>
  loopStatus(await at.store(), loopPartOf(at.file.config, given));
