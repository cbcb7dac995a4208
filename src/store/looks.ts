/**
 * Looks at test sets: each time a model was scored on one, or a release gate decided by such a score. A test set is known by its texts, not by its name, and one
 * that lost or gained a few texts is the same one: parts are compared by bottom-k sketches (Cohen and Kaplan, PODC 2007), so that a document that is forgotten
 * does not begin a new count. Rows of their own: gc and forgetting remove artifacts and their run data, and keep the count. Nothing that the log proves.
 */
import { z } from "zod";
import { sha256 } from "../base/index.ts";
import type { ReadingDb, Writing } from "./records/records.ts";
import { type LookKind, lookKinds } from "./records/schema.ts";
import type { RunDataWriter } from "./stage.ts";
import type { Store } from "./store.ts";

/** Hashes that a sketch keeps: the error of a similarity is at most 0.05 in one standard deviation. */
const sketchSize = 128;
/** Letters of each hash: 64 bits. */
const hashLength = 16;
/** Jaccard similarity from which two test sets are the same one. */
const sameFrom = 0.5;

const testSet = z.object({
  /** SHA-256 over the hashes of its texts, each once. */
  digest: z.string(),
  /** Different texts. */
  size: z.number(),
  /** The least hashes of its texts. */
  sketch: z.array(z.string()),
});
export type TestSet = z.output<typeof testSet>;

const look = z.object({
  kind: z.enum(lookKinds),
  test: testSet,
  /** What was scored, so that the same one is counted as one candidate however often it is. */
  candidate: z.string(),
});
export type TestSetLook = z.output<typeof look>;

const plain = (text: string): string => text.normalize("NFC").trim().replace(/\s+/g, " ");

/** A test set by its texts, in whatever order. */
export function testSetOf(texts: Iterable<string>): TestSet {
  const hashes = new Set<string>();
  for (const text of texts) hashes.add(sha256(plain(text)));
  const sorted = [...hashes].sort();
  return { digest: sha256(sorted.join("\n")), size: sorted.length, sketch: sorted.slice(0, sketchSize).map(h => h.slice(0, hashLength)) };
}

type Sketched = { readonly sketch: readonly string[] };
/** Jaccard similarity of two test sets, exact for those of at most `sketchSize` texts together. */
export function similarityOf(a: Sketched, b: Sketched): number {
  const [own, other] = [new Set(a.sketch), new Set(b.sketch)];
  const union = [...new Set([...a.sketch, ...b.sketch])].sort().slice(0, sketchSize);
  return union.length === 0 ? 1 : union.filter(h => own.has(h) && other.has(h)).length / union.length;
}

/** Run data of a stage that scores a model on a test set; recording its artifact counts the look. */
export const lookFile = "look.json";
export const writeLook = (runData: RunDataWriter, given: TestSetLook): void => runData.write(lookFile, JSON.stringify(given));
export const readLook = (text: string): TestSetLook => look.parse(JSON.parse(text));

/** Counts a look once, whatever is repeated: `key` is the artifact that scored, or what a gate was asked. */
export async function insertLook(t: Writing, key: string, { kind, test, candidate }: TestSetLook, atMs: number): Promise<void> {
  await t
    .insertInto("test_sets")
    .values({ digest: test.digest, size: test.size, sketch: test.sketch.join(" ") })
    .onConflict(c => c.doNothing())
    .execute();
  await t
    .insertInto("looks")
    .values({ test: test.digest, kind, subject: key, candidate, at_ms: atMs })
    .onConflict(c => c.doNothing())
    .execute();
}

export interface Looks {
  /** Digest of the test set. */
  readonly test: string;
  /** Different texts in it. */
  readonly texts: number;
  readonly total: number;
  readonly kinds: Readonly<Record<LookKind, number>>;
  /** Different models, or models with a prompt, that were scored. */
  readonly candidates: number;
}

interface StoredSet {
  readonly digest: string;
  readonly size: number;
  readonly sketch: readonly string[];
}
const storedSets = async (db: ReadingDb): Promise<StoredSet[]> =>
  (await db.selectFrom("test_sets").selectAll().execute()).map(r => ({ ...r, sketch: r.sketch.split(" ") }));

async function looksAtSet(db: ReadingDb, own: StoredSet, sets: readonly StoredSet[]): Promise<Looks> {
  const same = sets.filter(s => s.digest === own.digest || similarityOf(s, own) >= sameFrom).map(s => s.digest);
  const rows = await db.selectFrom("looks").selectAll().where("test", "in", same).execute();
  const seen = new Map(rows.map(r => [`${r.kind} ${r.subject}`, r]));
  const count = (kind: LookKind) => [...seen.values()].filter(r => r.kind === kind).length;
  return {
    test: own.digest,
    texts: own.size,
    total: seen.size,
    kinds: Object.fromEntries(lookKinds.map(kind => [kind, count(kind)])) as Record<LookKind, number>,
    candidates: new Set(rows.filter(r => r.kind !== "gate").map(r => r.candidate)).size,
  };
}

/** Looks at the test set that an artifact scored a model on; undefined where it scored none, or before looks were counted. */
export async function looksOf(db: ReadingDb, artifact: string): Promise<Looks | undefined> {
  const row = await db.selectFrom("looks").select("test").where("subject", "=", artifact).where("kind", "!=", "gate").executeTakeFirst();
  if (!row) return undefined;
  const sets = await storedSets(db);
  return looksAtSet(db, sets.find(s => s.digest === row.test)!, sets);
}

/** Of each test set that content was scored on, those looked at most first; the same set in two versions once. */
export async function looksOfContent(db: ReadingDb, digest: string): Promise<Looks[]> {
  const rows = await db
    .selectFrom("looks")
    .innerJoin("inputs", "inputs.artifact", "looks.subject")
    .select("looks.test")
    .distinct()
    .where("inputs.digest", "=", digest)
    .where("inputs.name", "=", "model")
    .execute();
  if (rows.length === 0) return [];
  const sets = await storedSets(db);
  const found: StoredSet[] = [];
  for (const { test } of rows) {
    const set = sets.find(s => s.digest === test)!;
    if (!found.some(f => similarityOf(f, set) >= sameFrom)) found.push(set);
  }
  return (await Promise.all(found.map(set => looksAtSet(db, set, sets)))).sort((a, b) => b.total - a.total);
}

/**
 * Counts a gate's decision by artifacts that scored as a look at each of their test sets; the same decision again, and one on a record that cannot be written,
 * counts nothing. `key` says what was decided by what.
 */
export async function noteGate(store: Store, key: string, artifacts: readonly string[]): Promise<void> {
  if (store.isReadOnly || artifacts.length === 0) return;
  const db = store.records.read;
  // a group of tasks is made of their results
  const made = await db.selectFrom("inputs").select("source").where("artifact", "in", artifacts).execute();
  const subjects = [...artifacts, ...made.map(m => m.source)];
  const scored = await db.selectFrom("looks").select("test").distinct().where("subject", "in", subjects).execute();
  const known = await db.selectFrom("looks").select("test").where("kind", "=", "gate").where("subject", "=", key).execute();
  const fresh = scored.filter(s => !known.some(k => k.test === s.test));
  if (fresh.length === 0) return;
  await store.records.write(async t => {
    for (const { test } of fresh)
      await t
        .insertInto("looks")
        .values({ test, kind: "gate", subject: key, candidate: key, at_ms: store.clock.now() })
        .onConflict(c => c.doNothing())
        .execute();
  });
}
