/** Holds the tables against the log: every row says what its entry said, and there is none besides. */
import { canonicalJson } from "../base/index.ts";
import { type ArtifactRecord, artifactRows } from "./artifact.ts";
import { expectActs } from "./check-acts.ts";
import type { Findings } from "./findings.ts";
import type { CheckedLogEntry } from "./log/check-log.ts";
import { loopStepCheck } from "./log/loop-steps.ts";
import { isList } from "./members.ts";
import type { ReadingDb } from "./records/records.ts";

export interface ExpectedBlob {
  readonly sizeBytes: number;
  /** One artifact that has it, for sentences. */
  readonly artifact: string;
  readonly name: string;
}

/** What the log, read from its beginning, says should be there now. */
interface Expected {
  readonly artifacts: ReadonlySet<string>;
  readonly versions: number;
  /** Blobs that artifacts need: files of those that are kept, lists of documents of all. */
  blobs(): ReadonlyMap<string, ExpectedBlob>;
  /** Takes a page of entries, and compares the artifacts among them. */
  take(entries: readonly CheckedLogEntry[]): Promise<void>;
  /** Compares what can only be told at the end. */
  finish(): Promise<void>;
}

type Row = Readonly<Record<string, unknown>>;
const releaseKey = (r: object): string => (({ model, alias, position }: Row) => `${model}@${alias} ${position}`)(r as Row);
const markName = (r: object): string => (({ model, number, kind, key }: Row) => `${model}@${number} ${kind} ${key}`)(r as Row);

export type CompareRows = (table: string, key: (row: Row) => string, want: readonly Row[], got: readonly Row[]) => void;

/** Compares the rows of a table that share a key with those expected, column by column. */
const compareRows =
  (findings: Findings): CompareRows =>
  (table, key, want, got) => {
    const left = new Map(got.map(row => [key(row), row]));
    for (const row of want) {
      const place = `${table} ${key(row)}`;
      const there = left.get(key(row));
      left.delete(key(row));
      if (!there) findings.add(place, "the row that the log recorded", "none");
      else
        for (const column of Object.keys(row))
          if (there[column] !== row[column]) findings.add(`${place}: ${column}`, row[column], there[column]);
    }
    for (const [name, row] of left) findings.add(`${table} ${name}`, "no row that the log does not know", row);
  };

export function expectRows(db: ReadingDb, findings: Findings): Expected {
  const artifacts = new Set<string>();
  const releasedMs = new Map<string, number>();
  const versions = new Map<string, Row>();
  const aliases = new Map<string, Row>();
  const releases = new Map<string, Row>();
  const guards = new Map<string, Row>();
  const marks = new Map<string, Row>();
  const compare = compareRows(findings);
  const acts = expectActs(db, findings, compare);
  const checkLoopStep = loopStepCheck(artifacts, findings);
  const files: { artifact: string; name: string; digest: string; sizeBytes: number }[] = [];

  const compareArtifacts = async (records: readonly ArtifactRecord[]): Promise<void> => {
    const ids = records.map(a => a.id);
    const rows = records.map(artifactRows);
    const stored = await db.selectFrom("artifacts").selectAll().where("id", "in", ids).execute();
    // Rows under an unknown id are found at the end, by their number.
    compare(
      "artifacts",
      r => String(r.id),
      rows.map(r => r.artifact),
      stored,
    );
    const named = (r: Row) => `${r.artifact} ${r.name}`;
    compare(
      "artifact_files",
      named,
      rows.flatMap(r => r.files),
      await db.selectFrom("artifact_files").selectAll().where("artifact", "in", ids).execute(),
    );
    compare(
      "inputs",
      named,
      rows.flatMap(r => r.inputs),
      await db.selectFrom("inputs").selectAll().where("artifact", "in", ids).execute(),
    );
  };

  return {
    artifacts,
    get versions() {
      return versions.size;
    },
    blobs() {
      const blobs = new Map<string, ExpectedBlob>();
      for (const f of files) if (!releasedMs.has(f.artifact) || isList(f.name)) blobs.set(f.digest, f);
      return blobs;
    },
    async take(entries) {
      const records: ArtifactRecord[] = [];
      for (const { place, position, entry } of entries) {
        if (entry.type === "artifact") {
          const a = entry.artifact;
          if (artifacts.has(a.id)) findings.add(place, "an artifact that is new", a.id);
          artifacts.add(a.id);
          records.push(a);
          files.push(...a.files.map(f => ({ artifact: a.id, name: f.name, digest: f.digest, sizeBytes: f.sizeBytes })));
        } else if (entry.type === "released") releasedMs.set(entry.artifact, entry.atMs);
        else if (entry.type === "restored") releasedMs.delete(entry.artifact);
        else if (entry.type === "version") {
          const { model, number, artifact, digest, scores, atMs } = entry;
          versions.set(`${model}@${number}`, { model, number, artifact, digest, scores: canonicalJson(scores), created_ms: atMs });
        } else if (entry.type === "alias") {
          const { model, alias, number, atMs } = entry;
          aliases.set(`${model}@${alias}`, { model, alias, number, set_ms: atMs });
        } else if (entry.type === "release") {
          const { type: _, atMs, verdict, ...row } = entry;
          const { model, alias, number } = row;
          if (number === null) aliases.delete(`${model}@${alias}`);
          else aliases.set(`${model}@${alias}`, { model, alias, number, set_ms: atMs });
          releases.set(releaseKey(row), { ...row, verdict: canonicalJson(verdict), at_ms: atMs });
        } else if (entry.type === "guard") {
          if (entry.rules === null) guards.delete(entry.alias);
          else guards.set(entry.alias, { alias: entry.alias, rules: canonicalJson(entry.rules), set_ms: entry.atMs });
        } else if (entry.type === "loop") checkLoopStep(entry, place);
        else if (entry.type === "act" || entry.type === "redaction" || entry.type === "anchor") acts.take(entry, place, position);
        else {
          const { type: _, atMs, value, ...row } = entry;
          if (value === null) marks.delete(markName(row));
          else marks.set(markName(row), { ...row, value: canonicalJson(value), at_ms: atMs });
        }
      }
      if (records.length > 0) await compareArtifacts(records);
    },
    async finish() {
      for (const { id, released_ms } of await db.selectFrom("artifacts").select(["id", "released_ms"]).execute())
        if (!artifacts.has(id)) findings.add(`artifacts ${id}`, "no row that the log does not know", "one");
        else if (released_ms !== (releasedMs.get(id) ?? null))
          findings.add(`artifacts ${id}: released_ms`, releasedMs.get(id) ?? null, released_ms);
      for (const table of ["artifact_files", "inputs"] as const)
        for (const { artifact } of await db.selectFrom(table).select("artifact").distinct().execute())
          if (!artifacts.has(artifact)) findings.add(`${table} ${artifact}`, "no rows of an artifact that the log does not know", "some");
      compare("versions", r => `${r.model}@${r.number}`, [...versions.values()], await db.selectFrom("versions").selectAll().execute());
      compare("aliases", r => `${r.model}@${r.alias}`, [...aliases.values()], await db.selectFrom("aliases").selectAll().execute());
      compare("releases", releaseKey, [...releases.values()], await db.selectFrom("releases").selectAll().execute());
      compare("guards", r => String(r.alias), [...guards.values()], await db.selectFrom("guards").selectAll().execute());
      await acts.finish();
      compare("marks", markName, [...marks.values()], await db.selectFrom("marks").selectAll().execute());
    },
  };
}
