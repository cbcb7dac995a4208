/**
 * Model versions: a name, a number, the artifact it stands for and its scores. Numbers only ever grow, and a version never changes; `latest` is the
 * highest, other aliases are moved by `releases.ts`.
 */
import { canonicalJson, nearest } from "../base/index.ts";
import { artifactById, parseColumn } from "./artifact.ts";
import { storeErrors } from "./errors.ts";
import type { ReadingDb } from "./records/records.ts";
import type { Tables } from "./records/schema.ts";
import type { Summary } from "./stage.ts";
import { commit, type Store } from "./store.ts";

export interface ModelVersion {
  readonly model: string;
  readonly number: number;
  readonly artifact: string;
  readonly digest: string;
  readonly scores: Summary;
  readonly createdMs: number;
  /** `latest` among them where it is. */
  readonly aliases: readonly string[];
}

export interface ModelInfo {
  readonly model: string;
  /** Newest first. */
  readonly versions: readonly ModelVersion[];
}

const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

function checkName(what: string, name: string): void {
  if (!namePattern.test(name))
    throw storeErrors.fail("name", {
      place: what,
      expected: "1 to 128 letters, digits, dots, dashes or underscores, a letter or digit first",
      received: `"${name}"`,
    });
}

const versionOf = (row: Tables["versions"], aliases: readonly string[]): ModelVersion => ({
  model: row.model,
  number: row.number,
  artifact: row.artifact,
  digest: row.digest,
  scores: parseColumn<Summary>(row.scores, `versions.${row.model}@${row.number}.scores`),
  createdMs: row.created_ms,
  aliases,
});

/** Every model with its versions and their scores, models in order of their names. */
export async function listModels(store: Pick<Store, "records">): Promise<ModelInfo[]> {
  const db = store.records.read;
  const rows = await db.selectFrom("versions").selectAll().execute();
  const aliases = await db.selectFrom("aliases").selectAll().execute();
  return [...new Set(rows.map(r => r.model))].sort().map(model => {
    const own = rows.filter(r => r.model === model).sort((a, b) => b.number - a.number);
    const namesOf = (number: number) => aliases.filter(a => a.model === model && a.number === number).map(a => a.alias);
    return { model, versions: own.map((r, i) => versionOf(r, [...(i === 0 ? ["latest"] : []), ...namesOf(r.number).sort()])) };
  });
}

/**
 * Gives the artifact the next number under a name, atomically. Where the newest version is this artifact with these scores already, that
 * version is answered and nothing is written, so a life that is run again makes no new versions. Errors: name; notFound.
 */
export async function registerVersion(store: Store, model: string, artifact: string, scores: Summary): Promise<ModelVersion> {
  checkName("model", model);
  const number = await commit(store, async (t, append) => {
    const found = await artifactById(t, artifact);
    if (!found) throw storeErrors.fail("notFound", { place: `model ${model}`, expected: "a recorded artifact", received: `"${artifact}"` });
    const last = await t
      .selectFrom("versions")
      .selectAll()
      .where("model", "=", model)
      .orderBy("number", "desc")
      .limit(1)
      .executeTakeFirst();
    const text = canonicalJson(scores);
    if (last && last.artifact === artifact && last.scores === text) return last.number;
    const next = (last?.number ?? 0) + 1;
    const atMs = store.clock.now();
    await t
      .insertInto("versions")
      .values({ model, number: next, artifact, digest: found.digest, scores: text, created_ms: atMs })
      .execute();
    append({ type: "version", atMs, model, number: next, artifact, digest: found.digest, scores });
    return next;
  });
  return resolveVersion(store.records.read, model, String(number));
}

/** Errors: name for one that is no alias: `latest` is the newest version, a number is a version. */
export function checkAlias(alias: string): void {
  checkName("alias", alias);
  if (alias === "latest" || /^\d+$/.test(alias))
    throw storeErrors.fail("name", { place: "alias", expected: "a name other than latest and numbers", received: `"${alias}"` });
}

async function versionRow(db: ReadingDb, model: string, which: string): Promise<Tables["versions"]> {
  const ofModel = db.selectFrom("versions").selectAll().where("model", "=", model);
  const last = await ofModel.orderBy("number", "desc").limit(1).executeTakeFirst();
  if (!last) {
    const names = (await db.selectFrom("versions").select("model").distinct().execute()).map(r => r.model);
    const near = nearest(model, names);
    throw storeErrors.fail("notFound", {
      place: `${model}@${which}`,
      expected: "a model of this record",
      received: `"${model}"`,
      hint: `${near ? `Did you mean "${near}"?` : names.length ? `Registered: ${names.sort().join(", ")}.` : "No model is registered yet."} \`loam train NAME\` or \`loam tune NAME\` registers one that loam.yaml describes`,
    });
  }
  if (which === "latest") return last;
  const alias = await db.selectFrom("aliases").selectAll().where("model", "=", model).where("alias", "=", which).executeTakeFirst();
  const number = alias?.number ?? (/^[1-9]\d{0,8}$/.test(which) ? Number(which) : undefined);
  const row = number === undefined ? undefined : await ofModel.where("number", "=", number).executeTakeFirst();
  if (!row)
    throw storeErrors.fail("notFound", {
      place: `${model}@${which}`,
      expected: `a version from 1 to ${last.number}, or an alias`,
      received: `"${which}"`,
      hint: `Try ${model}@latest.`,
    });
  return row;
}

/** `which` is a number, `latest` or an alias. Errors: notFound. */
export async function resolveVersion(db: ReadingDb, model: string, which = "latest"): Promise<ModelVersion> {
  const row = await versionRow(db, model, which);
  const aliases = await db.selectFrom("aliases").select("alias").where("model", "=", model).where("number", "=", row.number).execute();
  const isLatest = (await versionRow(db, model, "latest")).number === row.number;
  return versionOf(row, [...(isLatest ? ["latest"] : []), ...aliases.map(a => a.alias).sort()]);
}
