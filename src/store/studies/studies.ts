/** Studies: searches by name and definition. A definition that changes is another study; what the old one tried stays. */
import { type Json, nearest } from "../../base/index.ts";
import { storeErrors } from "../errors.ts";
import type { ReadingDb } from "../records/records.ts";
import type { Tables } from "../records/schema.ts";
import type { Store } from "../store.ts";

export interface StoredStudy {
  readonly id: string;
  readonly name: string;
  readonly spec: Json;
  /** Artifacts of the reports on the test half, the first one first: each further one is a further look. */
  readonly verdicts: readonly string[];
  readonly createdMs: number;
}

const studyOf = (row: Tables["studies"]): StoredStudy => ({
  id: row.id,
  name: row.name,
  spec: JSON.parse(row.spec) as Json,
  verdicts: JSON.parse(row.verdicts) as string[],
  createdMs: row.created_ms,
});

/** The study of an id, begun where it is not there yet; an id stands for one definition, so the first one stays. */
export async function openStudy(store: Store, given: Pick<StoredStudy, "id" | "name" | "spec">): Promise<StoredStudy> {
  const { id, name, spec } = given;
  await store.records.write(t =>
    t
      .insertInto("studies")
      .values({ id, name, spec: JSON.stringify(spec), verdicts: "[]", created_ms: store.clock.now() })
      .onConflict(c => c.doNothing())
      .execute(),
  );
  return findStudy(store.records.read, id);
}

/** All studies, the oldest first. */
export async function listStudies(db: ReadingDb): Promise<StoredStudy[]> {
  return (await db.selectFrom("studies").selectAll().orderBy("created_ms").orderBy("id").execute()).map(studyOf);
}

/** The study of an id, or the newest one of a name. Errors: store/notFound. */
export async function findStudy(db: ReadingDb, wanted: string): Promise<StoredStudy> {
  const all = await listStudies(db);
  const found = all.find(s => s.id === wanted) ?? all.findLast(s => s.name === wanted);
  if (found) return found;
  const near = nearest(wanted, [...new Set(all.flatMap(s => [s.id, s.name]))]);
  throw storeErrors.fail("notFound", {
    place: "study",
    expected: "a study of this record",
    received: `"${wanted}"`,
    hint: near ? `Did you mean "${near}"?` : all.length > 0 ? "`loam tune studies` lists them." : "`loam tune search NAME` begins one.",
  });
}

/** Notes a report on the test half; one that was noted before is not noted again. Gives all of them. */
export async function noteVerdict(store: Store, study: string, artifact: string): Promise<readonly string[]> {
  return store.records.write(async t => {
    const row = await t.selectFrom("studies").select("verdicts").where("id", "=", study).executeTakeFirstOrThrow();
    const before = JSON.parse(row.verdicts) as string[];
    if (before.includes(artifact)) return before;
    const verdicts = [...before, artifact];
    await t
      .updateTable("studies")
      .set({ verdicts: JSON.stringify(verdicts) })
      .where("id", "=", study)
      .execute();
    return verdicts;
  });
}
