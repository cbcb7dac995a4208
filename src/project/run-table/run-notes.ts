/** What people say of runs: one note and any number of tags each, with who wrote it and when; kept in the artifact store beside the runs. Nothing that the log proves. */
import type { Json } from "../../base/index.ts";
import { changeState, type ReadingDb, type Store, statesOf } from "../../store/index.ts";
import { projectErrors, wrongArgument } from "../errors.ts";
import type { RunAnnotation } from "./run-row.ts";

const scope = "run-notes";
const mostNote = 10_000;
const mostTags = 50;

export const noAnnotation: RunAnnotation = { note: null, tags: [] };

export interface AnnotateRun {
  /** Replaces the note; null or an empty text removes it; absent leaves it. */
  readonly note?: string | null | undefined;
  readonly addTags?: readonly string[] | undefined;
  readonly removeTags?: readonly string[] | undefined;
  /** Who writes. */
  readonly by: string;
}

const isTag = (tag: string): boolean => /^[^\s,\p{Cc}](?:[^,\p{Cc}]{0,62}[^\s,\p{Cc}])?$/u.test(tag);

/** Errors: project/argument. */
function checked({ note, addTags = [], removeTags = [], by }: AnnotateRun): void {
  if (!/^[^\p{Cc}]{1,64}$/u.test(by)) throw wrongArgument("by", "a name of 1 to 64 characters", JSON.stringify(by.slice(0, 70)));
  if (note && note.length > mostNote)
    throw wrongArgument("note", `at most ${mostNote.toLocaleString("en-US")} characters`, `${note.length}`);
  const bad = [...addTags, ...removeTags].find(t => !isTag(t));
  if (bad !== undefined) throw wrongArgument("tag", "1 to 64 characters without commas", JSON.stringify(bad.slice(0, 70)));
}

// plain data that this file alone has written
const annotationOf = (value: Json | undefined): RunAnnotation => (value as RunAnnotation | undefined) ?? noAnnotation;

/** By the id of the run. */
export const runAnnotations = async (db: ReadingDb): Promise<ReadonlyMap<string, RunAnnotation>> =>
  new Map((await statesOf(db, scope)).map(({ key, value }) => [key, annotationOf(value)]));

/** Differs as soon as somebody has written. */
export async function annotationRevision(db: ReadingDb): Promise<string> {
  const { newest, count } = await db
    .selectFrom("states")
    .select(e => [e.fn.max<number | null>("at_ms").as("newest"), e.fn.countAll<number>().as("count")])
    .where("scope", "=", scope)
    .executeTakeFirstOrThrow();
  return `${newest ?? 0} ${count}`;
}

async function checkRun(db: ReadingDb, id: string): Promise<void> {
  const run = await db.selectFrom("runs").select("id").where("id", "=", id).executeTakeFirst();
  const known = run ?? (await db.selectFrom("artifacts").select("id").where("id", "=", id).executeTakeFirst());
  if (known) return;
  throw projectErrors.fail("nothing", {
    place: "run",
    expected: "the id of a run",
    received: JSON.stringify(id.slice(0, 60)),
    hint: "`loam runs` lists them.",
  });
}

/** Writes a note and tags; gives what stands then. Errors: project/nothing for an unknown run; project/argument. */
export async function annotateRun(store: Store, id: string, given: AnnotateRun): Promise<RunAnnotation> {
  checked(given);
  await checkRun(store.records.read, id);
  const { note, addTags = [], removeTags = [], by } = given;
  const at = store.clock.now();
  return changeState(store, scope, id, kept => {
    const before = annotationOf(kept);
    const tags = new Map(before.tags.map(t => [t.tag, t]));
    for (const tag of removeTags) tags.delete(tag);
    for (const tag of addTags) if (!tags.has(tag)) tags.set(tag, { tag, by, at });
    if (tags.size > mostTags) throw wrongArgument("tag", `at most ${mostTags} tags per run`, `${tags.size}`);
    const text = note === undefined ? undefined : (note ?? "").trim();
    const next: RunAnnotation = {
      note: text === undefined || text === before.note?.text ? before.note : text === "" ? null : { text, by, at },
      tags: [...tags.values()].sort((a, b) => (a.tag < b.tag ? -1 : 1)),
    };
    const isEmpty = next.note === null && next.tags.length === 0;
    const value = { note: next.note && { ...next.note }, tags: next.tags.map(t => ({ ...t })) };
    return { value: isEmpty ? null : value, answer: next };
  });
}
