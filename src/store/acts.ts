/**
 * Acts: who did what, on what, with which evidence, for which purpose. The log keeps the time, the kind and a salted commitment of each field
 * (`log/commitments.ts`); the fields themselves lie in a table beside it and can be erased, which the log records as well. What other entries of the log
 * say (releases, approvals, steps of a loop) is shown in the same terms by `actsOf` and not written twice.
 */
import { randomBytes } from "node:crypto";
import { canonicalJson, defined, sha256 } from "../base/index.ts";
import { parseColumn } from "./artifact.ts";
import { storeErrors } from "./errors.ts";
import { type ActField, actFields, commitmentOf, newOpening, type Opening } from "./log/commitments.ts";
import type { Anchor } from "./log/entries.ts";
import { treeHead } from "./log/log.ts";
import { leafHash } from "./log/merkle.ts";
import type { ReadingDb, Writing } from "./records/records.ts";
import { type ActKind, actKinds, type Tables } from "./records/schema.ts";
import { type Append, commit, type Store } from "./store.ts";

/** What happened. All texts may name people: they are erasable and never stand in the log. */
export interface Act {
  readonly kind: ActKind;
  /** The person, key or process that acted. */
  readonly who: string;
  /** The deed in the caller's words: `approve`, `export`, `policy.put`. */
  readonly what: string;
  /** What it was done to: an id, a name. */
  readonly on: string;
  /** SHA-256 digests in hex, by name, of what shows it: a file, an answer, an artifact's content. */
  readonly evidence?: Readonly<Record<string, string>> | undefined;
  readonly purpose?: string | undefined;
  readonly note?: string | undefined;
}

export interface RecordedAct {
  readonly id: string;
  /** Of its entry in the log, from 0. */
  readonly position: number;
  /** The leaf of its entry: what a report cites. */
  readonly leaf: string;
  readonly atMs: number;
}

/** An act as it is kept. A field that was erased is absent and named in `erased`. */
export interface ShownAct extends RecordedAct {
  readonly kind: ActKind;
  readonly who?: string;
  readonly what?: string;
  readonly on?: string;
  readonly evidence?: Readonly<Record<string, string>>;
  readonly purpose?: string;
  readonly note?: string;
  readonly erased: readonly ActField[];
}

/** Characters of a text: an act is a line, not a document. */
const mostCharacters = 4_000;
const mostEvidence = 64;

const wrong = (place: string, expected: string, received: unknown) =>
  storeErrors.fail("act", { place, expected, received: (JSON.stringify(received) ?? "nothing").slice(0, 80) });

function checkAct(act: Act): void {
  if (!actKinds.includes(act.kind)) throw wrong("act.kind", `one of ${actKinds.join(", ")}`, act.kind);
  for (const field of ["who", "what", "on", "purpose", "note"] as const) {
    const value = act[field];
    if (value === undefined && (field === "purpose" || field === "note")) continue;
    if (typeof value !== "string" || value.trim() === "" || value.length > mostCharacters)
      throw wrong(`act.${field}`, `a text of 1 to ${mostCharacters} characters`, value);
    if (/\p{Surrogate}/u.test(value)) throw wrong(`act.${field}`, "a text without half a surrogate pair", value);
  }
  const evidence = Object.entries(act.evidence ?? {});
  if (evidence.length > mostEvidence) throw wrong("act.evidence", `at most ${mostEvidence} digests`, evidence.length);
  for (const [name, digest] of evidence)
    if (typeof digest !== "string" || !/^[0-9a-f]{64}$/.test(digest))
      throw wrong(`act.evidence.${name}`, "a SHA-256 digest in hex", digest);
}

function openingsOf(act: Act): Opening[] {
  return actFields.flatMap(field => {
    const value = act[field];
    return value === undefined ? [] : [newOpening(field, canonicalJson(value))];
  });
}

/** Adds acts to a transaction. `before`: entries that the caller has appended in it already. Errors: act. */
async function addActs(t: Writing, append: Append, atMs: number, acts: readonly Act[], before = 0): Promise<RecordedAct[]> {
  const { size } = await treeHead(t);
  const recorded: RecordedAct[] = [];
  for (const act of acts) {
    const id = `act-${randomBytes(8).toString("hex")}`;
    const openings = openingsOf(act);
    const commitments = Object.fromEntries(openings.map(o => [o.field, commitmentOf(o)]));
    const entry = { type: "act", id, act: act.kind, atMs, commitments } as const;
    append(entry);
    const position = size + before + recorded.length;
    await t.insertInto("acts").values({ id, position, kind: act.kind, at_ms: atMs }).execute();
    await t
      .insertInto("act_fields")
      .values(openings.map(o => ({ act: id, ...o, digest: sha256(o.value) })))
      .execute();
    recorded.push({ id, position, leaf: leafHash(canonicalJson(entry)), atMs });
  }
  return recorded;
}

/** Records acts, all or none, durably, in this order. Errors: act; recordsUnreachable, recordsBusy; readOnly, diskFull (base). */
export async function recordActs(store: Store, acts: readonly Act[]): Promise<RecordedAct[]> {
  for (const act of acts) checkAct(act);
  return acts.length === 0 ? [] : commit(store, (t, append) => addActs(t, append, store.clock.now(), acts));
}

/** Records one act; see `recordActs`. */
export const recordAct = async (store: Store, act: Act): Promise<RecordedAct> => (await recordActs(store, [act]))[0]!;

/**
 * Anchors the newest entry of another hash chain in the log, with the acts that its entries since the last anchor stand for. Answers false, and writes
 * nothing, where the log has an anchor of this entry or of a later one: whether the chain still fits it is the caller's to look at. Errors: those of `recordActs`.
 */
export async function anchorChain(store: Store, anchor: Anchor, acts: readonly Act[] = []): Promise<boolean> {
  for (const act of acts) checkAct(act);
  return commit(store, async (t, append) => {
    const last = await lastAnchor(t, anchor.chain);
    if (last && last.position >= anchor.position) return false;
    const atMs = store.clock.now();
    await addActs(t, append, atMs, acts);
    const { chain, position, head } = anchor;
    await t.insertInto("anchors").values({ chain, position, head, at_ms: atMs }).execute();
    append({ type: "anchor", atMs, chain, position, head });
    return true;
  });
}

export interface StoredAnchor extends Anchor {
  readonly atMs: number;
}

/** Anchors of a chain, the oldest first. */
export const anchorsOf = async (db: ReadingDb, chain: string): Promise<StoredAnchor[]> =>
  (await db.selectFrom("anchors").selectAll().where("chain", "=", chain).orderBy("position").execute()).map(shownAnchor);

export async function lastAnchor(db: ReadingDb, chain: string): Promise<StoredAnchor | undefined> {
  const row = await db.selectFrom("anchors").selectAll().where("chain", "=", chain).orderBy("position", "desc").limit(1).executeTakeFirst();
  return row && shownAnchor(row);
}

const shownAnchor = (r: Tables["anchors"]): StoredAnchor => ({ chain: r.chain, position: r.position, head: r.head, atMs: r.at_ms });

export interface ActFilter {
  readonly kind?: ActKind | undefined;
  /** Only acts by, or on, exactly this. */
  readonly who?: string | undefined;
  readonly on?: string | undefined;
  readonly sinceMs?: number | undefined;
  /** The newest so many; default: 100. */
  readonly most?: number | undefined;
}

const idsWith = (db: ReadingDb, field: ActField, value: string) =>
  db
    .selectFrom("act_fields")
    .select("act")
    .where("field", "=", field)
    .where("digest", "=", sha256(canonicalJson(value)));

/** Acts, the newest first. */
export async function listActs(db: ReadingDb, { kind, who, on, sinceMs, most = 100 }: ActFilter = {}): Promise<ShownAct[]> {
  let query = db.selectFrom("acts").innerJoin("log", "log.position", "acts.position").orderBy("acts.position", "desc").limit(most);
  if (kind !== undefined) query = query.where("acts.kind", "=", kind);
  if (sinceMs !== undefined) query = query.where("acts.at_ms", ">=", sinceMs);
  if (who !== undefined) query = query.where("acts.id", "in", idsWith(db, "who", who));
  if (on !== undefined) query = query.where("acts.id", "in", idsWith(db, "on", on));
  const rows = await query.select(["acts.id", "acts.position", "acts.kind", "acts.at_ms", "log.entry", "log.leaf"]).execute();
  return showActs(db, rows);
}

interface ActRow {
  readonly id: string;
  readonly position: number;
  readonly kind: ActKind;
  readonly at_ms: number;
  readonly entry: string;
  readonly leaf: string;
}

/** Acts whose fields are read in one statement: databases take some ten thousand parameters. */
const actsAtOnce = 500;

async function showActs(db: ReadingDb, rows: readonly ActRow[]): Promise<ShownAct[]> {
  const fields = new Map<string, Map<ActField, unknown>>();
  for (let at = 0; at < rows.length; at += actsAtOnce) {
    const ids = rows.slice(at, at + actsAtOnce).map(r => r.id);
    for (const f of await db.selectFrom("act_fields").select(["act", "field", "value"]).where("act", "in", ids).execute()) {
      const own = fields.get(f.act) ?? new Map<ActField, unknown>();
      fields.set(f.act, own.set(f.field, parseColumn(f.value, `act_fields.${f.act}.${f.field}`)));
    }
  }
  return rows.map(r => {
    const own = fields.get(r.id) ?? new Map<ActField, unknown>();
    const { commitments } = parseColumn<{ commitments: Record<string, string> }>(r.entry, `log.${r.position}`);
    // what was recorded passed `checkAct`, and `verify` holds it against the log
    const shown = Object.fromEntries(own) as Pick<Act, ActField>;
    const erased = actFields.filter(f => commitments[f] !== undefined && !own.has(f));
    return { id: r.id, position: r.position, leaf: r.leaf, atMs: r.at_ms, kind: r.kind, ...defined(shown), erased };
  });
}

export interface ActErasure {
  /** Acts that lost a field. */
  readonly acts: readonly string[];
  /** Fields that were erased, all acts together. */
  readonly fields: number;
}

/** Fields that may name the person that an act is about, beside the one that does. */
const personal: readonly ActField[] = ["who", "on", "note"];

/**
 * Erases a person from the acts: where `who` or `on` is exactly this text, that field and the act's note, with their salts. Time, kind, deed, purpose and
 * evidence stay, and so do the commitments, which then say nothing. The log records which fields of which acts were erased.
 */
export const eraseFromActs = (store: Store, person: string): Promise<ActErasure> =>
  commit(store, async (t, append) => {
    const named = await t
      .selectFrom("act_fields")
      .select(["act", "field"])
      .where("digest", "=", sha256(canonicalJson(person)))
      .where("field", "in", personal)
      .execute();
    const acts = [...new Set(named.map(r => r.act))];
    const byAct: Record<string, ActField[]> = {};
    let fields = 0;
    for (const act of acts) {
      const own: ActField[] = [...named.filter(r => r.act === act).map(r => r.field), "note"];
      const rows = await t.selectFrom("act_fields").select("field").where("act", "=", act).where("field", "in", own).execute();
      byAct[act] = rows.map(r => r.field).sort();
      fields += rows.length;
      await t.deleteFrom("act_fields").where("act", "=", act).where("field", "in", byAct[act]).execute();
    }
    if (acts.length > 0) append({ type: "redaction", atMs: store.clock.now(), fields: byAct });
    return { acts, fields };
  });

/** What opens a commitment of an act. `value` is canonical JSON; see `log/commitments.ts`. */
export interface ActOpening {
  readonly field: ActField;
  readonly salt: string;
  readonly value: string;
}

/** Of the act at a position of the log: what was not erased. */
export const openingsOfAct = (db: ReadingDb, position: number): Promise<ActOpening[]> =>
  db
    .selectFrom("act_fields")
    .innerJoin("acts", "acts.id", "act_fields.act")
    .select(["field", "salt", "value"])
    .where("acts.position", "=", position)
    .orderBy("field")
    .execute();
