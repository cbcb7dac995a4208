/** Records what a run has made: blobs, artifact, edges, the run's end and the log entry in one transaction, and the lock given back in it. */
import type { z } from "zod";
import {
  type ArtifactInfo,
  type ArtifactRecord,
  artifactId,
  completeArtifacts,
  contentDigest,
  insertArtifact,
  newestRow,
} from "./artifact.ts";
import { blobRows, insertSmall } from "./blobs/small.ts";
import type { HeldLock } from "./locks.ts";
import { insertLook, lookFile, readLook } from "./looks.ts";
import type { Prepared } from "./plan.ts";
import type { Writing } from "./records/records.ts";
import { insertRunData } from "./run-data.ts";
import { endRun } from "./runs.ts";
import type { Stage, Summary } from "./stage.ts";
import { commit, type Store } from "./store.ts";
import type { WrittenFile } from "./writer.ts";

/** The id of a new artifact: the recipe's short key, numbered where the recipe has given other content before, longer where two keys collide. */
async function freeId(t: Writing, kind: string, recipe: string, earlier: readonly { readonly id: string }[]): Promise<string> {
  const first = earlier.find(a => !a.id.includes("."));
  if (first) return `${first.id}.${earlier.length + 1}`;
  for (let digits = 12; ; digits += 4) {
    const id = artifactId(kind, recipe, digits);
    if (!(await t.selectFrom("artifacts").select("id").where("id", "=", id).executeTakeFirst())) return id;
  }
}

/** What a stage gave when it returned. */
export interface MadeByRun {
  readonly written: WrittenFile;
  readonly summary: Summary;
  readonly runData: ReadonlyMap<string, string>;
  /** What the run used, as its row keeps it; asked for when everything is ready to be recorded. */
  readonly ledger: () => string;
}

interface Recorded {
  readonly info: ArtifactInfo;
  /** The recipe's newest artifact before, where its content was another. */
  readonly differsFrom?: { readonly id: string; readonly digest: string };
  /** Nothing new: the content was recorded before. */
  readonly repeated: boolean;
}

/** Errors: lockLost, and then nothing is recorded; diskFull, readOnly (base); recordsUnreachable. */
export async function recordArtifact(
  store: Store,
  stage: Stage<never, z.ZodType>,
  prepared: Prepared<unknown>,
  program: string | undefined,
  lock: HeldLock,
  { written: { files, small }, summary, runData, ledger }: MadeByRun,
): Promise<Recorded> {
  const digest = contentDigest(files);
  const { recipe } = prepared;
  const rows = await blobRows(small, store.ring);
  return commit(
    store,
    async (t, append) => {
      const atMs = store.clock.now();
      const earlier = await t.selectFrom("artifacts").selectAll().where("recipe", "=", recipe).execute();
      const newest = newestRow(earlier);
      const before = newest && (await completeArtifacts(t, [newest]))[0];
      if (rows.size > 0) await insertSmall(t, rows);
      await insertRunData(t, lock.token, runData);
      const looked = runData.get(lookFile);
      const countLook = (id: string) => (looked === undefined ? undefined : insertLook(t, id, readLook(looked), atMs));
      if (before?.digest === digest) {
        if (before.releasedMs !== null) {
          await t.updateTable("artifacts").set({ released_ms: null }).where("id", "=", before.id).execute();
          append({ type: "restored", atMs, artifact: before.id });
        }
        await countLook(before.id);
        await endRun(t, lock.token, "done", atMs, { artifact: before.id, ledger: ledger() });
        return { info: { ...before, releasedMs: null }, repeated: true };
      }
      const artifact: ArtifactRecord = {
        id: await freeId(t, stage.output, recipe, earlier),
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
      await countLook(artifact.id);
      await endRun(t, lock.token, "done", atMs, { artifact: artifact.id, ledger: ledger() });
      const differs = before ? { differsFrom: { id: before.id, digest: before.digest } } : {};
      return { info: { ...artifact, releasedMs: null }, ...differs, repeated: false };
    },
    lock.finish,
  );
}
