/** Where a loop's state lies: one state of the record a model. An event changes it in one transaction, with the log entries of the steps that it made. */
import type { Json } from "../../base/index.ts";
import { advanceLoop, idleState, type LoopEvent, type LoopPolicy, type LoopState } from "../../loop/index.ts";
import { changeState, type LogEntry, readState, type Store } from "../../store/index.ts";

export const loopScope = (model: string): string => `loop/${model}`;
const key = "state";

// states of this scope are written here alone
const stateOf = (value: Json | undefined): LoopState => (value === undefined ? idleState : (value as unknown as LoopState));

export const readLoop = async (store: Store, model: string): Promise<LoopState> =>
  stateOf(await readState(store.records.read, loopScope(model), key));

export interface ToldLoop {
  readonly state: LoopState;
  readonly steps: readonly string[];
}

/** The state after an event: written, and its steps with it, or as it was where the event does not fit it. */
export const tellLoop = (
  store: Store,
  model: string,
  policy: Pick<LoopPolicy, "shadow" | "canary" | "failures">,
  event: LoopEvent,
  nowMs: number,
): Promise<ToldLoop> =>
  changeState(store, loopScope(model), key, value => {
    const before = stateOf(value);
    const { state, steps } = advanceLoop(before, event, nowMs, policy);
    const entries = steps.map(
      ({ round, step, evidence }): LogEntry => ({
        type: "loop",
        atMs: store.clock.now(),
        model,
        round,
        step,
        evidence: evidence as Json,
      }),
    );
    return {
      value: state === before ? undefined : (JSON.parse(JSON.stringify(state)) as Json),
      answer: { state, steps: steps.map(s => s.step) },
      entries,
    };
  });
