/**
 * Scratch folders of runs that are over without an artifact: checkpoints, and texts that a curation had read. A run that goes on finds its own; what
 * a failed run left goes with the next run of its stage, with `gc`, and, whatever it is, where documents are forgotten.
 */
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { isLoamError } from "../base/index.ts";
import { storeErrors } from "./errors.ts";
import { acquireLock, gcLock, lockSentence } from "./locks.ts";
import { endLost } from "./runs.ts";
import type { Store } from "./store.ts";

/** States of a run that does not go on by itself: asked for again, it begins with other inputs, options or code. */
const failedStates = ["failed", "refused"] as const;

export const scratchFolders = (store: Store): Promise<string[]> => readdir(store.scratchFolder).catch(() => []);

/** Did the recipe's newest run fail? */
export async function hasFailed(store: Store, recipe: string): Promise<boolean> {
  const newest = await store.records.read
    .selectFrom("runs")
    .select("state")
    .where("recipe", "=", recipe)
    .orderBy("started_ms", "desc")
    .limit(1)
    .executeTakeFirst();
  return newest !== undefined && (failedStates as readonly string[]).includes(newest.state);
}

/** Removes a recipe's scratch folder under the recipe's lock; false where a run has it. */
async function removeScratchOf(store: Store, recipe: string): Promise<boolean> {
  try {
    const lock = await acquireLock({
      records: store.records,
      clock: store.clock,
      name: recipe,
      what: "removing scratch",
      waitMs: 0,
      alsoFree: [gcLock],
      onAcquire: (t, _, takenOver) => endLost(t, takenOver, store.clock.now()),
      refused: holder =>
        storeErrors.fail("inUse", { place: recipe, expected: "no run of it", received: lockSentence(holder, store.clock) }),
    });
    try {
      await rm(join(store.scratchFolder, recipe), { recursive: true, force: true });
      return true;
    } finally {
      await lock.release();
    }
  } catch (error) {
    if (isLoamError(error, "store/inUse")) return false;
    throw error;
  }
}

/** Removes the scratch folders of all runs that are not under way; answers the recipes of those that are. */
export async function removeScratch(store: Store): Promise<{ readonly removed: readonly string[]; readonly inUse: readonly string[] }> {
  const [removed, inUse]: [string[], string[]] = [[], []];
  for (const recipe of await scratchFolders(store)) ((await removeScratchOf(store, recipe)) ? removed : inUse).push(recipe);
  return { removed, inUse };
}

/** Removes what failed runs of a stage have left; called when a run of it has made its artifact. */
export async function removeFailedScratch(store: Store, stage: string): Promise<void> {
  for (const recipe of await scratchFolders(store)) {
    const run = await store.records.read.selectFrom("runs").select("stage").where("recipe", "=", recipe).limit(1).executeTakeFirst();
    if (run?.stage === stage && (await hasFailed(store, recipe))) await removeScratchOf(store, recipe);
  }
}

/** Removes the error texts of runs that ended without an artifact: they may quote what the run had read. */
export const removeRunErrors = (store: Store): Promise<unknown> =>
  store.records.write(t =>
    t
      .updateTable("runs")
      .set({ error: "removed when documents were forgotten" })
      .where("state", "in", ["failed", "refused", "interrupted"])
      .where("error", "is not", null)
      .execute(),
  );
