/** What is recorded of an artifact, as plain data: the row, its files and the artifacts it was made from. Reads and writes its tables. */
import { canonicalJson, hashOf, type Json } from "../base/index.ts";
import { storeErrors } from "./errors.ts";
import type { ReadingDb, Writing } from "./records/records.ts";
import type { Tables } from "./records/schema.ts";
import type { Summary } from "./stage.ts";

export interface FileRecord {
  readonly name: string;
  readonly digest: string;
  readonly sizeBytes: number;
}

export interface InputRecord {
  /** The stage's name for it. */
  readonly name: string;
  readonly artifact: string;
  readonly digest: string;
}

/** Exactly this is the log's entry for an artifact; the tables must say the same. Files and inputs in order of their names. */
export interface ArtifactRecord {
  readonly id: string;
  readonly kind: string;
  readonly recipe: string;
  readonly digest: string;
  readonly stage: { readonly name: string; readonly version: number };
  readonly options: Json;
  /** Hash of the traced program, where a model of the user's own is part of the recipe. */
  readonly program: string | null;
  readonly summary: Summary;
  readonly createdMs: number;
  /** The newest earlier artifact of the same recipe, where its content was another: the stage is not deterministic. */
  readonly differsFrom: string | null;
  readonly files: readonly FileRecord[];
  readonly inputs: readonly InputRecord[];
}

/** An artifact as it stands now. */
export interface ArtifactInfo extends ArtifactRecord {
  /** When gc gave its files up; null while they are kept. */
  readonly releasedMs: number | null;
}

export const byName = <T extends { readonly name: string }>(items: Iterable<T>): T[] =>
  [...items].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));

/** Content digest of an artifact: SHA-256 over the canonical list of (name, blob digest, size), in order of names. */
export const contentDigest = (files: readonly FileRecord[]): string => hashOf(byName(files).map(f => [f.name, f.digest, f.sizeBytes]));

export interface Recipe {
  readonly stage: { readonly name: string; readonly version: number };
  readonly options: Json;
  /** Input name -> content digest. Not the artifact's id: the same content made another way is the same input. */
  readonly inputs: Readonly<Record<string, string>>;
  readonly program?: string | undefined;
}

/** The recipe key: what would change the output, hashed. */
export const recipeKey = (recipe: Recipe): string => hashOf({ ...recipe, format: 1 });

/** `<kind>-<12 hex>`; 48 bits, so ids stay apart up to about a million artifacts of a kind; `recordArtifact` lengthens one that would not. */
export const artifactId = (kind: string, recipe: string, digits = 12): string => `${kind}-${recipe.slice(0, digits)}`;

/** The rows that say what the record says; `released_ms` is the only column that may change later. */
export const artifactRows = (a: ArtifactRecord) => ({
  artifact: {
    id: a.id,
    kind: a.kind,
    recipe: a.recipe,
    digest: a.digest,
    stage: a.stage.name,
    stage_version: a.stage.version,
    options: canonicalJson(a.options),
    program: a.program,
    summary: canonicalJson(a.summary),
    created_ms: a.createdMs,
    differs_from: a.differsFrom,
  },
  files: a.files.map(f => ({ artifact: a.id, name: f.name, digest: f.digest, size_bytes: f.sizeBytes })),
  inputs: a.inputs.map(e => ({ artifact: a.id, name: e.name, source: e.artifact, digest: e.digest })),
});

export async function insertArtifact(t: Writing, a: ArtifactRecord): Promise<void> {
  const rows = artifactRows(a);
  await t
    .insertInto("artifacts")
    .values({ ...rows.artifact, released_ms: null })
    .execute();
  // In portions: SQLite takes 32,766 parameters a statement, PostgreSQL 65,535.
  for (let i = 0; i < rows.files.length; i += 5000)
    await t
      .insertInto("artifact_files")
      .values(rows.files.slice(i, i + 5000))
      .execute();
  if (rows.inputs.length > 0) await t.insertInto("inputs").values(rows.inputs).execute();
}

/** JSON of a column; text that is none was not written by Loam. */
export function parseColumn<T>(text: string, place: string): T {
  try {
    return JSON.parse(text) as T;
  } catch (cause) {
    throw storeErrors.fail(
      "recordsCorrupt",
      {
        place,
        expected: "JSON",
        received: text.slice(0, 40),
        hint: "The artifact store was changed from outside: `loam trace --verify` names what.",
      },
      cause,
    );
  }
}

function byArtifact<T extends { readonly artifact: string }>(rows: readonly T[]): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const row of rows) {
    const group = groups.get(row.artifact);
    if (group) group.push(row);
    else groups.set(row.artifact, [row]);
  }
  return groups;
}

/** Whole artifacts of rows, in the rows' order. */
export async function completeArtifacts(db: ReadingDb, rows: readonly Tables["artifacts"][]): Promise<ArtifactInfo[]> {
  const done: ArtifactInfo[] = [];
  for (let i = 0; i < rows.length; i += 1000) done.push(...(await completePage(db, rows.slice(i, i + 1000))));
  return done;
}

async function completePage(db: ReadingDb, rows: readonly Tables["artifacts"][]): Promise<ArtifactInfo[]> {
  const ids = rows.map(r => r.id);
  const files = byArtifact(await db.selectFrom("artifact_files").selectAll().where("artifact", "in", ids).execute());
  const inputs = byArtifact(await db.selectFrom("inputs").selectAll().where("artifact", "in", ids).execute());
  return rows.map(r => ({
    id: r.id,
    kind: r.kind,
    recipe: r.recipe,
    digest: r.digest,
    stage: { name: r.stage, version: r.stage_version },
    options: parseColumn<Json>(r.options, `artifacts.${r.id}.options`),
    program: r.program,
    summary: parseColumn<Summary>(r.summary, `artifacts.${r.id}.summary`),
    createdMs: r.created_ms,
    differsFrom: r.differs_from,
    // Sorted here, not by the database: PostgreSQL's order depends on its locale.
    files: byName((files.get(r.id) ?? []).map(f => ({ name: f.name, digest: f.digest, sizeBytes: f.size_bytes }))),
    inputs: byName((inputs.get(r.id) ?? []).map(e => ({ name: e.name, artifact: e.source, digest: e.digest }))),
    releasedMs: r.released_ms,
  }));
}

export async function artifactById(db: ReadingDb, id: string): Promise<ArtifactInfo | undefined> {
  const row = await db.selectFrom("artifacts").selectAll().where("id", "=", id).executeTakeFirst();
  return row && (await completeArtifacts(db, [row]))[0];
}

/** The newest of the rows of one recipe: a recipe that gave other content again numbers its artifacts `.2`, `.3`, ... */
export function newestRow<T extends { readonly id: string }>(rows: readonly T[]): T | undefined {
  const number = (row: T) => Number(/\.(\d+)$/.exec(row.id)?.[1] ?? 1);
  return [...rows].sort((a, b) => number(b) - number(a))[0];
}

export async function newestOfRecipe(db: ReadingDb, recipe: string): Promise<ArtifactInfo | undefined> {
  const newest = newestRow(await db.selectFrom("artifacts").selectAll().where("recipe", "=", recipe).execute());
  return newest && (await completeArtifacts(db, [newest]))[0];
}
