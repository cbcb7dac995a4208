/** What a loop is doing, for people and programs: the state in the record, who directs it, what the last look came to. */
import type { Json } from "../../base/index.ts";
import type { LoopPolicy, LoopState } from "../../loop/index.ts";
import { changeState, holderOf, leaseHolder, readState, type Store } from "../../store/index.ts";
import { loopLeaseKey } from "./lease.ts";
import type { LoopPart } from "./loop-part.ts";
import { loopScope, readLoop } from "./loop-record.ts";

const lookKey = "look";

export interface LastLook {
  /** Of the first look of all: the schedule counts from there before the first round. */
  readonly firstMs: number;
  readonly atMs: number;
  readonly newDocuments: number;
  /** Why no round began, or what began it. */
  readonly why: string;
}

export interface LoopStatus extends LoopState {
  readonly model: string;
  readonly alias: string;
  /** The version that has the alias. */
  readonly current: number | null;
  /** Who directs it; null: nobody does now. */
  readonly directedBy: string | null;
  readonly look: LastLook | null;
  readonly policy: LoopPolicy;
}

// states of this scope are written here alone
const lookOf = (value: Json | undefined) => value as unknown as LastLook | undefined;

export const lastLook = async (store: Store, model: string): Promise<LastLook | undefined> =>
  lookOf(await readState(store.records.read, loopScope(model), lookKey));

export const noteLook = (store: Store, model: string, look: Omit<LastLook, "firstMs">): Promise<void> =>
  changeState<void>(store, loopScope(model), lookKey, value => ({
    value: { firstMs: lookOf(value)?.firstMs ?? look.atMs, ...look },
    answer: undefined,
  }));

export async function loopStatus(store: Store, { model, policy }: Pick<LoopPart, "model" | "policy">): Promise<LoopStatus> {
  const db = store.records.read;
  const scope = loopScope(model);
  return {
    model,
    alias: policy.alias,
    current: await holderOf(db, model, policy.alias),
    directedBy: leaseHolder(await readState(db, scope, loopLeaseKey)) ?? null,
    look: (await lastLook(store, model)) ?? null,
    ...(await readLoop(store, model)),
    policy,
  };
}
