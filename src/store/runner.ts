/**
 * Runs a stage, or finds what it made before. The recipe key (stage, version, options, digests of inputs, program) is looked up; where it is
 * new, one process takes the recipe's lock, runs the stage, stores its files as blobs, and records artifact, edges, run and log entry in one
 * transaction: an artifact is recorded whole or not at all. Knows nothing of what a stage does.
 */
import { existsSync, mkdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { z } from "zod";
import { canonicalJson, defined, fileError, isLoamError, type Progress, redact, silent } from "../base/index.ts";
import { type ArtifactInfo, newestRow } from "./artifact.ts";
import { storeErrors } from "./errors.ts";
import { acquireLock, gcLock, type HeldLock, lockSentence } from "./locks.ts";
import { thisOwner } from "./owner.ts";
import { lookUp, type PlanOptions, type Prepared, prepare, type Why } from "./plan.ts";
import { artifactReader } from "./reader.ts";
import { type MadeByRun, recordArtifact } from "./recording.ts";
import type { Writing } from "./records/records.ts";
import type { RunState } from "./records/schema.ts";
import { RunAccount } from "./run-account.ts";
import { environmentFile, insertRunOptions, runDataWriter } from "./run-data.ts";
import { endLost, endRun } from "./runs.ts";
import { removeFailedScratch } from "./scratch.ts";
import type { ArtifactReader, Stage, Summary } from "./stage.ts";
import type { Store } from "./store.ts";
import { artifactWriter } from "./writer.ts";

interface Waiting {
  readonly progress?: Progress | undefined;
  readonly signal?: AbortSignal | undefined;
  /** How long to wait for another living process that makes the same artifact; for ever where it is not said. */
  readonly waitMs?: number | undefined;
}

export interface RunStageOptions<Inputs extends string, Schema extends z.ZodType> extends PlanOptions<Inputs, Schema>, Waiting {
  /** A run since then that was refused for these very inputs is told again (store/refused) instead of being repeated. */
  readonly recall?: { readonly sinceMs: number } | undefined;
  /** The search that the run belongs to, for its ledger. */
  readonly study?: string | undefined;
}

export interface RunResult {
  readonly artifact: ArtifactReader;
  readonly action: "made" | "reused";
  readonly why?: Why;
  readonly tookMs: number;
  /** The earlier artifact of the same recipe that this run did not repeat: the stage is not deterministic. */
  readonly differsFrom?: { readonly id: string; readonly digest: string };
  /** True where a forced run gave the same content again. */
  readonly repeated: boolean;
}

/** Longest error text kept with a run. */
const errorLength = 500;

/** Takes the recipe's lock and opens the run's row; `newestId` is the recipe's newest artifact at that moment. */
async function lockRecipe(
  store: Store,
  stage: Stage,
  { place, recipe, optionsJson }: Pick<Prepared<unknown>, "place" | "recipe" | "optionsJson">,
  o: Waiting & { readonly onBeat: (t: Writing, run: string) => Promise<void> },
): Promise<{ lock: HeldLock; newestId: string | undefined }> {
  let newestId: string | undefined;
  const lock = await acquireLock({
    records: store.records,
    clock: store.clock,
    name: recipe,
    what: place,
    waitMs: o.waitMs ?? Number.POSITIVE_INFINITY,
    signal: o.signal,
    // While gc removes files nobody may begin to write or rely on any.
    alsoFree: [gcLock],
    onBeat: o.onBeat,
    onWait: lock => o.progress?.({ stage: stage.name, message: `waiting for ${lockSentence(lock, store.clock)}` }),
    refused: lock =>
      storeErrors.fail("locked", {
        place,
        expected: "to be the only one who makes this artifact",
        received: lockSentence(lock, store.clock),
        hint: "Wait for it to end, or stop that process.",
      }),
    async onAcquire(t, token, takenOver) {
      await endLost(t, takenOver, store.clock.now());
      newestId = newestRow(await t.selectFrom("artifacts").select("id").where("recipe", "=", recipe).execute())?.id;
      await t
        .insertInto("runs")
        .values({
          id: token,
          recipe,
          stage: stage.name,
          stage_version: stage.version,
          state: "running",
          owner: JSON.stringify(thisOwner()),
          started_ms: store.clock.now(),
          ended_ms: null,
          artifact: null,
          error: null,
          ledger: null,
        })
        .execute();
      await insertRunOptions(t, token, canonicalJson(optionsJson));
    },
  });
  return { lock, newestId };
}

/**
 * Makes or finds the artifact of a stage over inputs and options.
 * Errors: input; config, unknownKey (base) for options; locked, lockLost; refused; whatever the stage throws, after the run is marked failed.
 */
export async function runStage<I extends string, S extends z.ZodType>(
  store: Store,
  stage: Stage<I, S>,
  o: RunStageOptions<I, S>,
): Promise<RunResult> {
  const began = store.clock.monotonic();
  const took = () => store.clock.monotonic() - began;
  const prepared = prepare(stage, o);
  const { recipe } = prepared;
  const reuse = (found: ArtifactInfo): RunResult => ({
    artifact: artifactReader(store, found),
    action: "reused",
    tookMs: took(),
    repeated: false,
  });
  const first = await lookUp(store, recipe, o.force ?? false);
  if (first.newest && !first.why) return reuse(first.newest);
  const recall = () => o.recall && throwRefused(store, prepared, o.recall.sinceMs);
  await recall();

  let account: RunAccount | undefined;
  const onBeat = async (t: Writing, run: string) => account?.save(t, run);
  const { lock, newestId } = await lockRecipe(store, stage, prepared, { ...o, onBeat });
  const end = (state: RunState, more: { artifact?: string; error?: string; ledger?: string }) =>
    lock.finish(t => endRun(t, lock.token, state, store.clock.now(), more));
  try {
    // Someone may have made it while we waited; a forced run is forced all the same.
    const { newest, why } = newestId === first.newest?.id ? first : await lookUp(store, recipe, o.force ?? false);
    if (newest && !why) {
      await end("done", { artifact: newest.id });
      return reuse(newest);
    }
    await recall();
    const scratch = join(store.scratchFolder, recipe);
    const opened = new RunAccount(store, o.study);
    account = opened;
    const made = await opened.run(() => runInside(store, stage, o, prepared, lock, scratch, opened));
    const { info, differsFrom, repeated } = await recordArtifact(store, stage, prepared, o.program, lock, made);
    // The artifact is recorded; a scratch folder that cannot be removed is for gc.
    if (existsSync(scratch)) await rm(scratch, { recursive: true, force: true }).catch(() => {});
    await removeFailedScratch(store, stage.name).catch(() => {});
    if (differsFrom)
      o.progress?.({ stage: stage.name, message: `not deterministic: ${info.id} differs from ${differsFrom.id}, made by the same recipe` });
    return {
      artifact: artifactReader(store, info),
      action: "made",
      ...defined({ why }),
      tookMs: took(),
      ...defined({ differsFrom }),
      repeated,
    };
  } catch (error) {
    const interrupted = o.signal?.aborted || isLoamError(error, "base/interrupted");
    const text = redact(error instanceof Error ? error.message : String(error)).slice(0, errorLength);
    // The first error is the one to tell, even where the record cannot be written any more.
    await end(interrupted ? "interrupted" : isOfInputs(error) ? "refused" : "failed", {
      error: text,
      ...(account ? { ledger: account.text() } : {}),
    }).catch(() => {});
    throw error;
  } finally {
    account?.close();
    await lock.release().catch(() => {});
  }
}

const isOfInputs = (error: unknown): boolean => isLoamError(error) && (error.row.isOfInputs === true || error.code === "store/refused");

/** Errors: store/refused where the recipe's newest run that came to an end of its own was refused. */
async function throwRefused(store: Store, { place, recipe }: Pick<Prepared<unknown>, "place" | "recipe">, sinceMs: number): Promise<void> {
  const newest = await store.records.read
    .selectFrom("runs")
    .select(["state", "error"])
    .where("recipe", "=", recipe)
    .where("state", "in", ["done", "refused"])
    .where("started_ms", ">=", sinceMs)
    .orderBy("ended_ms", "desc")
    .limit(1)
    .executeTakeFirst();
  if (newest?.state === "refused") throw storeErrors.fail("refused", { message: newest.error ?? `${place} refused these inputs` });
}

async function runInside<I extends string, S extends z.ZodType>(
  store: Store,
  stage: Stage<I, S>,
  o: RunStageOptions<I, S>,
  prepared: Prepared<z.output<S>>,
  lock: HeldLock,
  scratch: string,
  account: RunAccount,
): Promise<MadeByRun> {
  const signal = o.signal ? AbortSignal.any([o.signal, lock.lost]) : lock.lost;
  signal.throwIfAborted();
  const writer = artifactWriter(store.blobs, prepared.place);
  const data = runDataWriter(prepared.place);
  if (store.environment) data.writer.write(environmentFile, canonicalJson(await store.environment()));
  const summary = await stage.run({
    inputs: o.inputs,
    options: prepared.options,
    output: writer.output,
    runData: data.writer,
    progress: event => {
      account.note(event);
      (o.progress ?? silent)(event);
    },
    signal,
    /** Made when it is first asked for: most stages need none. */
    get scratch() {
      try {
        mkdirSync(scratch, { recursive: true });
      } catch (error) {
        throw fileError(error, scratch);
      }
      return scratch;
    },
  });
  try {
    await account.measureMachine();
    return {
      written: writer.finish(),
      summary: JSON.parse(canonicalJson(summary)) as Summary,
      runData: data.finish(),
      ledger: () => account.text(),
    };
  } catch (error) {
    // A summary with NaN or the like: name the stage, or nobody finds it.
    throw isLoamError(error) ? error : new TypeError(`${prepared.place}: summary: ${(error as Error).message}`, { cause: error });
  }
}
