/**
 * What runs measured beside their artifacts: learning curves with their speeds, times, the machine. Rows of the run, written in the transaction that
 * records the artifact; no part of a content digest and not covered by the log.
 */
import { storeErrors } from "./errors.ts";
import type { ReadingDb, Writing } from "./records/records.ts";
import type { ArtifactReader, RunDataWriter } from "./stage.ts";
import type { Store } from "./store.ts";

/** Run data that the runner itself writes: what `StoreOptions.environment` says. */
export const environmentFile = "environment.json";

/** Options of a run that has made no artifact: it runs, or it failed. Those of an artifact stand with it. */
const optionsData = "options.json";

export const insertRunOptions = (t: Writing, run: string, options: string) =>
  t.insertInto("run_data").values({ run, name: optionsData, data: options }).execute();
export const deleteRunOptions = (t: Writing, run: string) =>
  t.deleteFrom("run_data").where("run", "=", run).where("name", "=", optionsData).execute();

/** Options of the runs that have no artifact, as JSON, by run; of earlier versions' runs none. */
export async function optionsOfRuns(db: ReadingDb): Promise<ReadonlyMap<string, string>> {
  const rows = await db.selectFrom("run_data").select(["run", "data"]).where("name", "=", optionsData).execute();
  return new Map(rows.map(r => [r.run, r.data]));
}

/** `place` names the stage in errors. Errors: fileName. */
export function runDataWriter(place: string): { readonly writer: RunDataWriter; finish(): ReadonlyMap<string, string> } {
  const data = new Map<string, string>();
  let closed = false;
  return {
    writer: {
      write(name, text) {
        if (closed || data.has(name) || !/^[a-z0-9][a-z0-9.-]{0,63}$/.test(name))
          throw storeErrors.fail("fileName", {
            place: `${place}: run data`,
            expected: closed ? "no writing after the stage has returned" : "a short name of small letters, digits, . and -, each once",
            received: `"${name}"`,
          });
        data.set(name, text);
      },
    },
    finish() {
      closed = true;
      return data;
    },
  };
}

export async function insertRunData(t: Writing, run: string, data: ReadonlyMap<string, string>): Promise<void> {
  for (const [name, text] of data) await t.insertInto("run_data").values({ run, name, data: text }).execute();
}

/**
 * Keeps what was measured of an artifact's training after it was made, with the first run that made it; what stood under that name is replaced. False where the
 * record knows of no such run.
 */
export const keepRunData = (store: Store, artifact: string, name: string, text: string): Promise<boolean> =>
  store.records.write(async t => {
    const made = t.selectFrom("runs").select("runs.id").where("runs.artifact", "=", artifact).where("runs.state", "=", "done");
    const measured = await made
      .innerJoin("run_data", "run_data.run", "runs.id")
      .orderBy("runs.ended_ms")
      .orderBy("runs.id")
      .limit(1)
      .executeTakeFirst();
    const run = measured ?? (await made.orderBy("runs.ended_ms").orderBy("runs.id").limit(1).executeTakeFirst());
    if (!run) return false;
    await t.deleteFrom("run_data").where("run", "=", run.id).where("name", "=", name).execute();
    await insertRunData(t, run.id, new Map([[name, text]]));
    return true;
  });

/** Removes what the runs of an artifact measured. */
export const deleteRunData = (t: Writing, artifact: string) =>
  t
    .deleteFrom("run_data")
    .where("run", "in", e => e.selectFrom("runs").select("id").where("artifact", "=", artifact))
    .execute();

/** Names and texts of what the first run that made the artifact, and measured anything, wrote; empty where none did. */
export async function runDataOf(store: Store, artifact: string): Promise<ReadonlyMap<string, string>> {
  const rows = await store.records.read
    .selectFrom("run_data")
    .innerJoin("runs", "runs.id", "run_data.run")
    .select(["runs.id", "run_data.name", "run_data.data"])
    .where("runs.artifact", "=", artifact)
    .where("runs.state", "=", "done")
    .orderBy("runs.ended_ms")
    .orderBy("runs.id")
    .execute();
  return new Map(rows.filter(r => r.id === rows[0]!.id).map(r => [r.name, r.data]));
}

/** One of them, or the artifact's own file of that name: stages of earlier versions wrote it there. */
export async function readRunData(
  store: Store,
  artifact: Pick<ArtifactReader, "id" | "files" | "read">,
  name: string,
): Promise<string | undefined> {
  const found = (await runDataOf(store, artifact.id)).get(name);
  if (found !== undefined) return found;
  return artifact.files.some(f => f.name === name) ? (await artifact.read(name)).toString("utf8") : undefined;
}
