/** Appends to the tamper-evident log inside the transaction that records what the entry says, and answers for what it holds. */
import { canonicalJson } from "../../base/index.ts";
import { storeErrors } from "../errors.ts";
import type { ReadingDb, Writing } from "../records/records.ts";
import type { LogEntry } from "./entries.ts";
import { chainHead, type TreeHead } from "./heads.ts";
import { appendLeaf, emptyRoot, type Frontier, inclusionProof, leafHash, rootOfFrontier } from "./merkle.ts";

/** The head of a log without entries. */
export const emptyHead: TreeHead = { size: 0, root: emptyRoot, head: chainHead(0, emptyRoot, "") };

/** What the next append needs; its row is made with the first entry. Errors: logBroken when it contradicts itself. */
async function stateOf(db: ReadingDb): Promise<TreeHead & { readonly frontier: Frontier }> {
  const row = await db.selectFrom("log_head").selectAll().where("id", "=", 1).executeTakeFirst();
  if (!row) return { ...emptyHead, frontier: [] };
  const frontier: Frontier = row.frontier === "" ? [] : row.frontier.split(" ");
  if (rootOfFrontier(frontier) !== row.root)
    throw storeErrors.fail("logBroken", {
      place: "log",
      expected: `a frontier with root ${row.root}`,
      received: rootOfFrontier(frontier),
      hint: "The artifact store was changed from outside: `loam trace --verify` names what. Restore the database from a copy.",
    });
  return { size: row.size, root: row.root, head: row.head, frontier };
}

export async function treeHead(db: ReadingDb): Promise<TreeHead> {
  const { size, root, head } = await stateOf(db);
  return { size, root, head };
}

/** Appends entries in the caller's transaction; answers the new head, which belongs in the file of heads after the commit. */
export async function appendEntries(t: Writing, entries: readonly LogEntry[]): Promise<TreeHead> {
  let { size, root, head, frontier } = await stateOf(t);
  const isFirst = size === 0;
  for (const entry of entries) {
    const text = canonicalJson(entry);
    const leaf = leafHash(text);
    frontier = appendLeaf(frontier, size, leaf);
    root = rootOfFrontier(frontier);
    head = chainHead(size + 1, root, head);
    await t.insertInto("log").values({ position: size, entry: text, leaf, root, head }).execute();
    size++;
  }
  const row = { size, frontier: frontier.join(" "), root, head };
  if (isFirst)
    await t
      .insertInto("log_head")
      .values({ id: 1, ...row })
      .execute();
  else await t.updateTable("log_head").set(row).where("id", "=", 1).execute();
  return { size, root, head };
}

export interface InclusionProof {
  /** Position of the entry, from 0. */
  readonly index: number;
  readonly entry: string;
  readonly leaf: string;
  readonly tree: TreeHead;
  /** The siblings from the leaf up; `checkInclusion` of `merkle.ts` accepts them. */
  readonly path: readonly string[];
}

/** Proof that the entry at `index` is in the log, for whoever holds only a tree head. */
export async function proveEntry(db: ReadingDb, index: number): Promise<InclusionProof | undefined> {
  const tree = await treeHead(db);
  const row = await db.selectFrom("log").selectAll().where("position", "=", index).executeTakeFirst();
  if (!row) return undefined;
  const leaves = (await db.selectFrom("log").select("leaf").where("position", "<", tree.size).orderBy("position").execute()).map(
    r => r.leaf,
  );
  return { index, entry: row.entry, leaf: row.leaf, tree, path: inclusionProof(leaves, index) };
}
