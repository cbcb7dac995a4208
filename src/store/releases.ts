/**
 * Moves of aliases, each one transaction with its entry in the log: what had an alias when, who moved it, and what its guard said. A rollback
 * undoes the newest move that is not undone yet, so a second one goes further back instead of forth again.
 */
import { canonicalJson, type Json } from "../base/index.ts";
import { parseColumn } from "./artifact.ts";
import { type ContentOptions, checkContent } from "./content.ts";
import { storeErrors } from "./errors.ts";
import { aliasGuardOf } from "./guards.ts";
import type { ReleaseEntry } from "./log/entries.ts";
import { isArchived } from "./marks.ts";
import { checkAlias, resolveVersion } from "./models.ts";
import type { ReadingDb, Writing } from "./records/records.ts";
import { type Append, commit, type Store } from "./store.ts";

export type Release = ReleaseEntry;

/** Moves of a model's aliases, or of one of them, the oldest first. */
export async function releasesOf(db: ReadingDb, model: string, alias?: string): Promise<Release[]> {
  const rows = await db
    .selectFrom("releases")
    .selectAll()
    .where("model", "=", model)
    .$if(alias !== undefined, q => q.where("alias", "=", alias!))
    .execute();
  return rows
    .map(({ at_ms: atMs, verdict, ...r }) => ({
      ...r,
      verdict: parseColumn<Json>(verdict, `releases.${r.model}@${r.alias}.${r.position}`),
      atMs,
    }))
    .sort((a, b) => a.atMs - b.atMs || a.position - b.position);
}

/** The version that has an alias; null where none has. */
export async function holderOf(db: ReadingDb, model: string, alias: string): Promise<number | null> {
  const row = await db.selectFrom("aliases").select("number").where("model", "=", model).where("alias", "=", alias).executeTakeFirst();
  return row?.number ?? null;
}

/** Versions that rollbacks would go to, the nearest last. Pure over an alias's moves in order. */
export function earlierHolders(moves: readonly Pick<Release, "kind" | "number" | "previous">[]): number[] {
  const earlier: number[] = [];
  for (const { kind, number, previous } of moves)
    if (kind === "rollback") while (earlier.length > 0 && earlier.pop() !== number);
    else if (previous !== null && previous !== number) earlier.push(previous);
  return earlier;
}

/** Where a rollback of an alias would go: the version before, archived ones passed over. */
export async function rollbackTarget(db: ReadingDb, model: string, alias: string): Promise<number | undefined> {
  const holder = await holderOf(db, model, alias);
  for (const number of earlierHolders(await byPosition(db, model, alias)).reverse())
    if (number !== holder && !(await isArchived(db, model, number))) return number;
  return undefined;
}

const byPosition = async (db: ReadingDb, model: string, alias: string): Promise<Release[]> =>
  (await releasesOf(db, model, alias)).sort((a, b) => a.position - b.position);

export interface Mover {
  readonly by?: string | undefined;
  readonly reason?: string | undefined;
}

interface Move extends Pick<Release, "model" | "alias" | "kind" | "number" | "verdict">, Mover {}

/** Writes a move and its log entry in a transaction that has checked it. */
export async function recordMove(store: Store, t: Writing, append: Append, move: Move): Promise<Release> {
  const { model, alias, kind, number, verdict } = move;
  const previous = await holderOf(t, model, alias);
  const atMs = store.clock.now();
  const last = (await byPosition(t, model, alias)).at(-1);
  const release: Release = {
    atMs,
    model,
    alias,
    position: (last?.position ?? -1) + 1,
    kind,
    number,
    previous,
    by: move.by ?? null,
    reason: move.reason ?? null,
    verdict,
  };
  if (number === null) await t.deleteFrom("aliases").where("model", "=", model).where("alias", "=", alias).execute();
  else
    await t
      .insertInto("aliases")
      .values({ model, alias, number, set_ms: atMs })
      .onConflict(c => c.columns(["model", "alias"]).doUpdateSet({ number, set_ms: atMs }))
      .execute();
  const { atMs: _, verdict: __, ...row } = release;
  await t
    .insertInto("releases")
    .values({ ...row, verdict: canonicalJson(verdict), at_ms: atMs })
    .execute();
  append({ type: "release", ...release });
  return release;
}

/** Errors: notFound; conflict for an archived version. */
export async function checkMayHave(t: ReadingDb, model: string, alias: string, number: number): Promise<void> {
  await resolveVersion(t, model, String(number));
  if (await isArchived(t, model, number))
    throw storeErrors.fail("conflict", {
      place: `${model}@${alias}`,
      expected: "a version that is not archived",
      received: `${model}@${number}, which is`,
    });
}

async function refuseGuarded(t: ReadingDb, model: string, alias: string, number: number | null): Promise<void> {
  if (!(await aliasGuardOf(t, model, alias))) return;
  throw storeErrors.fail("guarded", {
    place: `${model}@${alias}`,
    expected: "a promotion that its guard lets pass",
    received: `an alias ${number === null ? "taken away" : "set"} by hand`,
    hint: `\`loam models promote ${model}@VERSION ${alias}\` judges and moves it; \`loam models rollback ${model} ${alias}\` goes back.`,
  });
}

/**
 * Points an alias that nothing guards at a version whose files are as recorded; null takes it away. Errors: name, notFound; guarded; conflict;
 * blobDamaged, blobMissing by version and file.
 */
export async function setAlias(
  store: Store,
  model: string,
  alias: string,
  number: number | null,
  { progress, signal, ...mover }: Mover & Omit<ContentOptions, "as"> = {},
): Promise<Release> {
  checkAlias(alias);
  await refuseGuarded(store.records.read, model, alias, number);
  if (number !== null) {
    const { artifact } = await resolveVersion(store.records.read, model, String(number));
    await checkContent(store, artifact, { as: `${model}@${number}`, progress, signal });
  }
  return commit(store, async (t, append) => {
    await refuseGuarded(t, model, alias, number);
    if (number === null) {
      if ((await holderOf(t, model, alias)) === null) await resolveVersion(t, model, alias);
    } else await checkMayHave(t, model, alias, number);
    return recordMove(store, t, append, { ...mover, model, alias, kind: number === null ? "remove" : "set", number, verdict: null });
  });
}

/** A rollback, to the version that its caller has looked at. */
export interface Rollback extends Mover {
  /** Where it should go: another version by then is a conflict. Wherever it goes, where absent. */
  readonly to?: number | undefined;
}

/**
 * Gives an alias back to the version that had it before, in one transaction with its log entry; no guard is asked, for it had it, and no file is read:
 * the registry's `rollback` does. Errors: notFound where none had it before, or where its files were given up; conflict.
 */
export async function rollbackAlias(store: Store, model: string, alias: string, { to, ...mover }: Rollback = {}): Promise<Release> {
  checkAlias(alias);
  return commit(store, async (t, append) => {
    await resolveVersion(t, model);
    const number = await rollbackTarget(t, model, alias);
    if (number === undefined)
      throw storeErrors.fail("notFound", {
        place: `${model}@${alias}`,
        expected: "a version that had the alias before",
        received: "none",
        hint: `\`loam models show ${model}\` has its history.`,
      });
    if (to !== undefined && to !== number)
      throw storeErrors.fail("conflict", {
        place: `${model}@${alias}`,
        expected: `a rollback to ${model}@${to}`,
        received: `one to ${model}@${number}`,
        hint: "Somebody moved it meanwhile: look at what is there now, then roll back again.",
      });
    const { artifact } = await resolveVersion(t, model, String(number));
    const kept = await t.selectFrom("artifacts").select("released_ms").where("id", "=", artifact).executeTakeFirst();
    if (kept?.released_ms !== null)
      throw storeErrors.fail("notFound", {
        place: `${model}@${number}`,
        expected: "its files",
        received: "a record whose files gc has removed",
        hint: "Make them again with `loam run`, or promote another version.",
      });
    return recordMove(store, t, append, { ...mover, model, alias, kind: "rollback", number, verdict: null });
  });
}
