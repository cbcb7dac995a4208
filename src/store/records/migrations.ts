/** The tables' history as a list: a record of any earlier version is brought forward in one transaction, one of a later version is refused. */
import { type Kysely, sql } from "kysely";
import { type Clock, redact } from "../../base/index.ts";
import { storeErrors } from "../errors.ts";
import type { Tables } from "./schema.ts";

interface Migration {
  readonly name: string;
  readonly statements: readonly string[];
}

/** What the two databases call by different names: a type, and the order of texts by their bytes. */
const words = {
  sqlite: { bytes: "blob", bytewise: "collate binary" },
  postgres: { bytes: "bytea", bytewise: 'collate "C"' },
} as const;

/** Only ever appended to; the version of a record is the number of migrations it has had. */
const migrations: readonly Migration[] = [
  {
    name: "artifacts, runs, models, log",
    statements: [
      `create table artifacts (id text primary key, kind text not null, recipe text not null, digest text not null, stage text not null,
        stage_version bigint not null, options text not null, program text, summary text not null, created_ms bigint not null,
        differs_from text, released_ms bigint)`,
      "create index artifacts_recipe on artifacts (recipe)",
      "create index artifacts_digest on artifacts (digest)",
      `create table artifact_files (artifact text not null, name text not null, digest text not null, size_bytes bigint not null,
        primary key (artifact, name))`,
      "create index artifact_files_digest on artifact_files (digest)",
      "create index artifact_files_name on artifact_files (name)",
      `create table inputs (artifact text not null, name text not null, source text not null, digest text not null,
        primary key (artifact, name))`,
      "create index inputs_source on inputs (source)",
      "create index inputs_digest on inputs (digest)",
      `create table runs (id text primary key, recipe text not null, stage text not null, stage_version bigint not null, state text not null,
        owner text not null, started_ms bigint not null, ended_ms bigint, artifact text, error text)`,
      "create index runs_recipe on runs (recipe)",
      "create index runs_started on runs (started_ms)",
      `create table locks (name text primary key, token text not null, owner text not null, what text not null,
        acquired_ms bigint not null, beats bigint not null)`,
      `create table versions (model text not null, number bigint not null, artifact text not null, digest text not null,
        scores text not null, created_ms bigint not null, primary key (model, number))`,
      "create index versions_artifact on versions (artifact)",
      "create table aliases (model text not null, alias text not null, number bigint not null, set_ms bigint not null, primary key (model, alias))",
      "create table log (position bigint primary key, entry text not null, leaf text not null, root text not null, head text not null)",
      "create table small_blobs (digest text primary key, data {bytes} not null)",
      "create table log_head (id bigint primary key, size bigint not null, frontier text not null, root text not null, head text not null)",
    ],
  },
  {
    name: "shared jobs",
    statements: [
      "create table jobs (id text primary key, spec text not null, created_ms bigint not null)",
      `create table tasks (job text not null, wave bigint not null, task bigint not null, token text, owner text, beats bigint not null,
        output text, primary key (job, wave, task))`,
    ],
  },
  {
    name: "studies",
    statements: [
      "create table studies (id text primary key, name text not null, spec text not null, verdicts text not null, created_ms bigint not null)",
      "create index studies_name on studies (name)",
      `create table trials (study text not null, number bigint not null, origin text not null, point text not null, state text not null,
        reports text not null, outcome text, reason text, token text, owner text, beats bigint not null, attempts bigint not null,
        started_ms bigint, ended_ms bigint, primary key (study, number))`,
    ],
  },
  {
    name: "releases",
    statements: [
      `create table releases (model text not null, alias text not null, position bigint not null, kind text not null, number bigint,
        previous bigint, by text, reason text, verdict text not null, at_ms bigint not null, primary key (model, alias, position))`,
      "create table guards (alias text primary key, rules text not null, set_ms bigint not null)",
      `create table marks (model text not null, number bigint not null, kind text not null, key text not null, value text not null,
        at_ms bigint not null, primary key (model, number, kind, key))`,
    ],
  },
  {
    name: "projects",
    statements: [
      "create table projects (id text primary key, host text not null, folder text not null, file text not null, seen_ms bigint not null)",
    ],
  },
  {
    name: "run data",
    statements: [
      "create table run_data (run text not null, name text not null, data text not null, primary key (run, name))",
      "create index runs_artifact on runs (artifact)",
    ],
  },
  {
    name: "looks at test sets",
    statements: [
      "create table test_sets (digest text primary key, size bigint not null, sketch text not null)",
      `create table looks (test text not null, kind text not null, subject text not null, candidate text not null, at_ms bigint not null,
        primary key (test, kind, subject))`,
      "create index looks_subject on looks (subject)",
    ],
  },
  { name: "ledgers of runs", statements: ["alter table runs add column ledger text"] },
  {
    name: "states of monitors and loops",
    statements: [
      `create table states (scope text not null, key text {bytewise} not null, value text not null, at_ms bigint not null,
        primary key (scope, key))`,
    ],
  },
  {
    name: "acts",
    statements: [
      "create table acts (id text primary key, position bigint not null, kind text not null, at_ms bigint not null)",
      "create unique index acts_position on acts (position)",
      `create table act_fields (act text not null, field text not null, salt text not null, value text not null, digest text not null,
        primary key (act, field))`,
      "create index act_fields_digest on act_fields (digest)",
      "create table anchors (chain text not null, position bigint not null, head text not null, at_ms bigint not null, primary key (chain, position))",
    ],
  },
];

const versionTable = "create table if not exists loam_schema (version bigint primary key, name text not null, applied_ms bigint not null)";
const statementFor = (kind: "sqlite" | "postgres", statement: string): string =>
  statement.replace("{bytes}", words[kind].bytes).replace("{bytewise}", words[kind].bytewise);

/** All statements that make an up-to-date record from nothing. */
export const statementsOf = (kind: "sqlite" | "postgres"): string[] => [
  versionTable,
  ...migrations.flatMap(m => m.statements).map(statement => statementFor(kind, statement)),
];

export const schemaVersion: number = migrations.length;

/** Migrations that a record has had. */
export const recordVersion = async (db: Kysely<Tables>): Promise<number> =>
  (await db.selectFrom("loam_schema").select("version").orderBy("version", "desc").limit(1).executeTakeFirst())?.version ?? 0;

/** Brings the tables up to date. Safe when several processes open a new record at once. Errors: recordsNewer, recordsCorrupt. */
export async function migrate(db: Kysely<Tables>, kind: "sqlite" | "postgres", place: string, clock: Clock): Promise<void> {
  const known = await recordVersion(db).catch(error => {
    if (/no such table|does not exist/.test((error as Error).message)) return 0;
    throw error;
  });
  if (known === schemaVersion) return;
  const newer = (version: number) =>
    storeErrors.fail("recordsNewer", {
      place: redact(place),
      expected: `a record of version ${schemaVersion} or earlier`,
      received: `version ${version}`,
      hint: "It was written by a newer Loam: install that one, or keep this project's record apart.",
    });
  if (known > schemaVersion) throw newer(known);
  await db.transaction().execute(async t => {
    await sql`create table if not exists loam_schema (version bigint primary key, name text not null, applied_ms bigint not null)`.execute(
      t,
    );
    const version = await recordVersion(t);
    if (version > schemaVersion) throw newer(version);
    for (let v = version; v < schemaVersion; v++) {
      const migration = migrations[v]!;
      for (const statement of migration.statements) await sql.raw(statementFor(kind, statement)).execute(t);
      await t
        .insertInto("loam_schema")
        .values({ version: v + 1, name: migration.name, applied_ms: clock.now() })
        .execute();
    }
  });
}
