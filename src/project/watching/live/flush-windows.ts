/** Writes what a server has counted into the record, exactly once: its number is kept in the same transaction, and a batch whose number is there is not written again. */
import { changeStates, type Store } from "../../../store/index.ts";
import { timeKey, watchScopes, windowsJson } from "./scopes.ts";
import type { WindowBatch } from "./window-memory.ts";

export interface WatchingServer {
  /** Differs from every other process', also from the same one after a restart. */
  readonly id: string;
  readonly startedMs: number;
}

/** What the record says of a server. */
export interface ServerState {
  readonly startedMs: number;
  readonly seenMs: number;
  /** Of its last batch. */
  readonly number: number;
}

/** Errors: those of the record; the batch is written or not, and may be given again. */
export const flushWindows = (store: Store, { id, startedMs }: WatchingServer, batch: WindowBatch, nowMs: number): Promise<void> =>
  changeStates(store, async states => {
    // written by this function alone
    const before = (await states.read(watchScopes.servers, id)) as ServerState | undefined;
    if (before && before.number >= batch.number) return;
    const rows = [...batch.minutes].map(([minute, windows]) => [`${timeKey(minute)}/${id}/${batch.number}`, windowsJson(windows)] as const);
    await states.putAll(watchScopes.windows, new Map(rows));
    await states.put(watchScopes.servers, id, { startedMs, seenMs: nowMs, number: batch.number });
  });
