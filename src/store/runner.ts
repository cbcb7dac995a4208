/**
 * Runs a stage, or finds what it made before. The recipe key (stage, version, options, digests of inputs, program) is looked up; where it is
 * new, one process takes the recipe's lock, runs the stage, stores its files as blobs, and records artifact, edges, run and log entry in one
 * transaction: an artifact is recorded whole or not at all. Knows nothing of what a stage does.
 */
import { existsSync, mkdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { z } from "zod";
import { canonicalJson, check, fileError, isLoamError, type Json, type Progress, redact, silent } from "../base/index.ts";
import {
  type ArtifactInfo,
  type ArtifactRecord,
  artifactId,
  byName,
  contentDigest,
  type FileRecord,
  insertArtifact,
  newestOfRecipe,
  newestRow,
  recipeKey,
} from "./artifact.ts";
import { insertSmall } from "./blobs/small.ts";
import { storeErrors } from "./errors.ts";
import { gcLock } from "./gc.ts";
import { acquireLock, type HeldLock, type LockInfo, liveLocks, lockSentence } from "./locks.ts";
import { thisOwner } from "./owner.ts";
import { artifactReader } from "./reader.ts";
import type { Writing } from "./records/records.ts";
import type { RunState } from "./records/schema.ts";
import type { ArtifactReader, Stage, Summary } from "./stage.ts";
import { commit, type Store } from "./store.ts";
import { artifactWriter, type Written } from "./writer.ts";

export interface PlanOptions<Inputs extends string, Schema extends z.ZodType> {
  readonly inputs: Readonly<Record<Inputs, ArtifactReader>>;
  /** Checked against the stage's schema; what it gives out is hashed and handed to the stage. */
  readonly options: z.input<Schema>;
  /** Hash of a traced program that is part of the recipe. */
  readonly program?: string | undefined;
  /** Run even where the recipe has an artifact. */
  readonly force?: boolean | undefined;
}

interface Waiting {
  readonly progress?: Progress | undefined;
  readonly signal?: AbortSignal | undefined;
  /** How long to wait for another living process that makes the same artifact; for ever where it is not said. */
  readonly waitMs?: number | undefined;
}

export interface RunOptions<Inputs extends string, Schema extends z.ZodType> extends PlanOptions<Inputs, Schema>, Waiting {}

/** Why a stage would run. */
export type Why = "new" | "forced" | "files missing";

export interface Plan {
  readonly action: "run" | "reuse";
  readonly why?: Why;
  readonly recipe: string;
  /** The id that the artifact has or would have. */
  readonly id: string;
  readonly artifact?: ArtifactReader;
  /** Files that are no longer among the blobs. */
  readonly missing: readonly string[];
  /** A living process that is making it now. */
  readonly running?: LockInfo;
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

interface Prepared<Options> {
  readonly place: string;
  readonly recipe: string;
  readonly options: Options;
  readonly optionsJson: Json;
  readonly inputs: { readonly name: string; readonly artifact: string; readonly digest: string }[];
}

function prepare<I extends string, S extends z.ZodType>(stage: Stage<I, S>, o: PlanOptions<I, S>): Prepared<z.output<S>> {
  const place = `${stage.name}@${stage.version}`;
  const given = o.inputs as Readonly<Record<string, ArtifactReader>>;
  for (const [name, kind] of Object.entries<string>(stage.inputs)) {
    const received = given[name]?.kind;
    if (received !== kind)
      throw storeErrors.fail("input", {
        place: `${place}: inputs.${name}`,
        expected: `an artifact of kind "${kind}"`,
        received: received === undefined ? "none" : `${given[name]!.id} of kind "${received}"`,
      });
  }
  for (const name of Object.keys(given))
    if (!(name in stage.inputs))
      throw storeErrors.fail("input", {
        place: `${place}: inputs.${name}`,
        expected: `only ${Object.keys(stage.inputs).join(", ") || "no inputs"}`,
        received: `"${name}"`,
      });
  const options = check(stage.options, o.options, `${place}: options`);
  const optionsJson: Json = JSON.parse(canonicalJson(options ?? null));
  const inputs = byName(Object.entries(given).map(([name, a]) => ({ name, artifact: a.id, digest: a.digest })));
  const recipe = recipeKey({
    stage: { name: stage.name, version: stage.version },
    options: optionsJson,
    inputs: Object.fromEntries(inputs.map(e => [e.name, e.digest])),
    program: o.program,
  });
  return { place, recipe, options, optionsJson, inputs };
}

/** Names of files that the blobs no longer hold at their length. */
async function missingFiles(store: Store, files: readonly FileRecord[]): Promise<string[]> {
  const sizes = await Promise.all(files.map(f => store.blobs.size(f.digest)));
  return files.filter((f, i) => sizes[i] !== f.sizeBytes).map(f => f.name);
}

interface Found {
  readonly newest: ArtifactInfo | undefined;
  readonly missing: readonly string[];
  readonly why: Why | undefined;
}

async function lookUp(store: Store, recipe: string, force: boolean): Promise<Found> {
  const newest = await newestOfRecipe(store.records.read, recipe);
  if (!newest) return { newest, missing: [], why: "new" };
  const missing = await missingFiles(store, newest.files);
  return { newest, missing, why: force ? "forced" : missing.length > 0 || newest.releasedMs !== null ? "files missing" : undefined };
}

/** Says what `runStage` would do, and changes nothing. */
export async function planStage<I extends string, S extends z.ZodType>(
  store: Store,
  stage: Stage<I, S>,
  o: PlanOptions<I, S>,
): Promise<Plan> {
  const { recipe } = prepare(stage, o);
  const { newest, missing, why } = await lookUp(store, recipe, o.force ?? false);
  const running = (await liveLocks(store.records.read)).find(lock => lock.name === recipe);
  return {
    action: why ? "run" : "reuse",
    ...(why ? { why } : {}),
    recipe,
    id: newest?.id ?? artifactId(stage.output, recipe),
    ...(newest && !why ? { artifact: artifactReader(store.blobs, newest) } : {}),
    missing,
    ...(running ? { running } : {}),
  };
}

/** The id of a new artifact: the recipe's short key, numbered where the recipe has given other content before, longer where two keys collide. */
async function freeId(t: Writing, kind: string, recipe: string): Promise<string> {
  const earlier = await t.selectFrom("artifacts").select("id").where("recipe", "=", recipe).execute();
  const first = earlier.find(a => !a.id.includes("."));
  if (first) return `${first.id}.${earlier.length + 1}`;
  for (let digits = 12; ; digits += 4) {
    const id = artifactId(kind, recipe, digits);
    if (!(await t.selectFrom("artifacts").select("id").where("id", "=", id).executeTakeFirst())) return id;
  }
}

/** Ends a run's row; `artifact` or `error` says how. */
const endRun = (t: Writing, id: string, state: RunState, endedMs: number, more: { artifact?: string; error?: string }) =>
  t
    .updateTable("runs")
    .set({ state, ended_ms: endedMs, ...more })
    .where("id", "=", id)
    .execute();

/** Longest error text kept with a run. */
const errorLength = 500;

/** Takes the recipe's lock and opens the run's row; `newestId` is the recipe's newest artifact at that moment. */
async function lockRecipe(
  store: Store,
  stage: Stage,
  { place, recipe }: Pick<Prepared<unknown>, "place" | "recipe">,
  o: Waiting,
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
    onWait: lock => o.progress?.({ stage: stage.name, message: `waiting for ${lockSentence(lock, store.clock)}` }),
    refused: lock =>
      storeErrors.fail("locked", {
        place,
        expected: "to be the only one who makes this artifact",
        received: lockSentence(lock, store.clock),
        hint: "Wait for it to end, or stop that process.",
      }),
    async onAcquire(t, token, takenOver) {
      for (const dead of takenOver) await endRun(t, dead.token, "lost", store.clock.now(), { error: "the process ended without a word" });
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
        })
        .execute();
    },
  });
  return { lock, newestId };
}

/**
 * Makes or finds the artifact of a stage over inputs and options.
 * Errors: input; config, unknownKey (base) for options; locked, lockLost; whatever the stage throws, after the run is marked failed.
 */
export async function runStage<I extends string, S extends z.ZodType>(
  store: Store,
  stage: Stage<I, S>,
  o: RunOptions<I, S>,
): Promise<RunResult> {
  const began = store.clock.monotonic();
  const took = () => store.clock.monotonic() - began;
  const prepared = prepare(stage, o);
  const { recipe } = prepared;
  const reuse = (found: ArtifactInfo): RunResult => ({
    artifact: artifactReader(store.blobs, found),
    action: "reused",
    tookMs: took(),
    repeated: false,
  });
  const first = await lookUp(store, recipe, o.force ?? false);
  if (first.newest && !first.why) return reuse(first.newest);

  const { lock, newestId } = await lockRecipe(store, stage, prepared, o);
  const end = (state: RunState, more: { artifact?: string; error?: string }) =>
    lock.finish(t => endRun(t, lock.token, state, store.clock.now(), more));
  try {
    // Someone may have made it while we waited; a forced run is forced all the same.
    const { newest, why } = newestId === first.newest?.id ? first : await lookUp(store, recipe, o.force ?? false);
    if (newest && !why) {
      await end("done", { artifact: newest.id });
      return reuse(newest);
    }
    const scratch = join(store.scratchFolder, recipe);
    const { written, summary } = await runInside(store, stage, o, prepared, lock, scratch);
    const { info, differsFrom, repeated } = await record(store, stage, prepared, o.program, lock, written, summary);
    // The artifact is recorded; a scratch folder that cannot be removed is for gc.
    if (existsSync(scratch)) await rm(scratch, { recursive: true, force: true }).catch(() => {});
    if (differsFrom)
      o.progress?.({ stage: stage.name, message: `not deterministic: ${info.id} differs from ${differsFrom.id}, made by the same recipe` });
    return {
      artifact: artifactReader(store.blobs, info),
      action: "made",
      ...(why ? { why } : {}),
      tookMs: took(),
      ...(differsFrom ? { differsFrom } : {}),
      repeated,
    };
  } catch (error) {
    const interrupted = o.signal?.aborted || isLoamError(error, "base/interrupted");
    const text = redact(error instanceof Error ? error.message : String(error)).slice(0, errorLength);
    // The first error is the one to tell, even where the record cannot be written any more.
    await end(interrupted ? "interrupted" : "failed", { error: text }).catch(() => {});
    throw error;
  } finally {
    await lock.release().catch(() => {});
  }
}

async function runInside<I extends string, S extends z.ZodType>(
  store: Store,
  stage: Stage<I, S>,
  o: RunOptions<I, S>,
  prepared: Prepared<z.output<S>>,
  lock: HeldLock,
  scratch: string,
): Promise<{ written: Written; summary: Summary }> {
  const signal = o.signal ? AbortSignal.any([o.signal, lock.lost]) : lock.lost;
  signal.throwIfAborted();
  const writer = artifactWriter(store.blobs, prepared.place);
  const summary = await stage.run({
    inputs: o.inputs,
    options: prepared.options,
    output: writer.output,
    progress: o.progress ?? silent,
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
    return { written: writer.finish(), summary: JSON.parse(canonicalJson(summary)) as Summary };
  } catch (error) {
    // A summary with NaN or the like: name the stage, or nobody finds it.
    throw isLoamError(error) ? error : new TypeError(`${prepared.place}: summary: ${(error as Error).message}`, { cause: error });
  }
}

async function record<I extends string, S extends z.ZodType>(
  store: Store,
  stage: Stage<I, S>,
  prepared: Prepared<z.output<S>>,
  program: string | undefined,
  lock: HeldLock,
  { files, small }: Written,
  summary: Summary,
): Promise<{ info: ArtifactInfo; differsFrom?: { id: string; digest: string }; repeated: boolean }> {
  const digest = contentDigest(files);
  const { recipe } = prepared;
  return commit(
    store,
    async (t, append) => {
      const atMs = store.clock.now();
      const before = await newestOfRecipe(t, recipe);
      if (small.size > 0) await insertSmall(t, small);
      if (before?.digest === digest) {
        if (before.releasedMs !== null) {
          await t.updateTable("artifacts").set({ released_ms: null }).where("id", "=", before.id).execute();
          append({ type: "restored", atMs, artifact: before.id });
        }
        await endRun(t, lock.token, "done", atMs, { artifact: before.id });
        return { info: { ...before, releasedMs: null }, repeated: true };
      }
      const artifact: ArtifactRecord = {
        id: await freeId(t, stage.output, recipe),
        kind: stage.output,
        recipe,
        digest,
        stage: { name: stage.name, version: stage.version },
        options: prepared.optionsJson,
        program: program ?? null,
        summary,
        createdMs: atMs,
        differsFrom: before?.id ?? null,
        files,
        inputs: prepared.inputs,
      };
      await insertArtifact(t, artifact);
      append({ type: "artifact", atMs, artifact });
      await endRun(t, lock.token, "done", atMs, { artifact: artifact.id });
      const differs = before ? { differsFrom: { id: before.id, digest: before.digest } } : {};
      return { info: { ...artifact, releasedMs: null }, ...differs, repeated: false };
    },
    lock.finish,
  );
}
