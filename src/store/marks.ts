/** What people say of a version after it was made: tags, notes, stage, approvals, signatures. The version itself never changes; a mark is logged. */
import { canonicalJson, type Json } from "../base/index.ts";
import { parseColumn } from "./artifact.ts";
import type { MarkKey } from "./log/entries.ts";
import { resolveVersion } from "./models.ts";
import type { ReadingDb, Writing } from "./records/records.ts";
import { commit, type Store } from "./store.ts";

export interface EvaluationMark extends MarkKey {
  readonly value: Json;
  readonly atMs: number;
}

/** All marks of a model's version, or of all its versions; the oldest first. */
export async function evaluationMarks(db: ReadingDb, model: string, number?: number): Promise<EvaluationMark[]> {
  const rows = await db
    .selectFrom("marks")
    .selectAll()
    .where("model", "=", model)
    .$if(number !== undefined, q => q.where("number", "=", number!))
    .execute();
  return rows
    .map(r => ({
      model: r.model,
      number: r.number,
      kind: r.kind,
      key: r.key,
      value: parseColumn<Json>(r.value, `marks.${r.model}@${r.number}.${r.kind}`),
      atMs: r.at_ms,
    }))
    .sort((a, b) => a.atMs - b.atMs || (a.key < b.key ? -1 : 1));
}

export interface MarkGiven extends Omit<MarkKey, "key"> {
  /** Of `next` the key is the number of such marks, so that none is overwritten. */
  readonly key: string | "next";
  /** null takes the mark away. */
  readonly value: Json;
}

/**
 * Sets a mark; answers whether that changed anything. `check` runs in the same transaction and may refuse. Errors: notFound, and those of
 * `check`.
 */
export async function setMark(store: Store, given: MarkGiven, check?: (db: Writing) => Promise<void>): Promise<boolean> {
  return commit(store, async (t, append) => {
    const { model, number, kind, value } = given;
    await resolveVersion(t, model, String(number));
    await check?.(t);
    const own = (await evaluationMarks(t, model, number)).filter(m => m.kind === kind);
    const key = given.key === "next" ? String(own.reduce((most, m) => Math.max(most, Number(m.key)), 0) + 1) : given.key;
    const before = own.find(m => m.key === key)?.value ?? null;
    if (canonicalJson(before) === canonicalJson(value)) return false;
    const atMs = store.clock.now();
    const row = { model, number, kind, key };
    await t
      .deleteFrom("marks")
      .where("model", "=", model)
      .where("number", "=", number)
      .where("kind", "=", kind)
      .where("key", "=", key)
      .execute();
    if (value !== null)
      await t
        .insertInto("marks")
        .values({ ...row, value: canonicalJson(value), at_ms: atMs })
        .execute();
    append({ type: "mark", ...row, value, atMs });
    return true;
  });
}

/** An archived version keeps its place and its files' record, but gets no alias. */
export const isArchived = async (db: ReadingDb, model: string, number: number): Promise<boolean> =>
  (await evaluationMarks(db, model, number)).some(m => m.kind === "stage" && m.value === "archived");
