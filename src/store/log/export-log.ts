/** Gives the log out: as static files (`tiles.ts`), and as the proof that an earlier tree is its beginning. Reads; writes nothing. */
import { storeErrors } from "../errors.ts";
import type { ReadingDb } from "../records/records.ts";
import type { TreeHead } from "./heads.ts";
import { treeHead } from "./log.ts";
import { consistencyProof, leafHash, rootOf } from "./merkle.ts";
import { entryBundle, hashTiles, type TileFile, tileWidth } from "./tiles.ts";

/** Bundles read in one query. */
const bundlesAtOnce = 8;

async function* entriesOf(db: ReadingDb, size: number): AsyncGenerator<readonly { readonly entry: string }[]> {
  const step = bundlesAtOnce * tileWidth;
  for (let from = 0; from < size; from += step)
    yield await db
      .selectFrom("log")
      .select("entry")
      .where("position", ">=", from)
      .where("position", "<", Math.min(size, from + step))
      .orderBy("position")
      .execute();
}

/**
 * All files of the tree that `db`, a snapshot, holds; answers its head. Hashes are computed from the entries, so what is given out always fits together.
 * Errors: logBroken where it does not fit the recorded root.
 */
export async function* logFiles(db: ReadingDb): AsyncGenerator<TileFile, TreeHead> {
  const head = await treeHead(db);
  const leaves: string[] = [];
  for await (const rows of entriesOf(db, head.size))
    for (let at = 0; at < rows.length; at += tileWidth) {
      const entries = rows.slice(at, at + tileWidth).map(r => r.entry);
      yield* entryBundle(Math.floor(leaves.length / tileWidth), entries);
      for (const entry of entries) leaves.push(leafHash(entry));
    }
  const root = rootOf(leaves);
  if (leaves.length !== head.size || root !== head.root)
    throw storeErrors.fail("logBroken", {
      place: "log",
      expected: `${head.size} entries with the root ${head.root}`,
      received: `${leaves.length} with ${root}`,
      hint: "The artifact store was changed from outside: `loam trace --verify` names what. Restore the database from a copy.",
    });
  yield* hashTiles(leaves);
  return head;
}

/** The root of the first `size` entries, and the proof that they are a beginning of all. Errors: note where there are fewer. */
export async function proveConsistency(
  db: ReadingDb,
  size: number,
): Promise<{ readonly root: string; readonly proof: readonly string[]; readonly tree: TreeHead }> {
  const tree = await treeHead(db);
  if (size > tree.size)
    throw storeErrors.fail("note", { place: "size", expected: `at most the ${tree.size} entries of the log`, received: `${size}` });
  const rows = await db.selectFrom("log").select("leaf").where("position", "<", tree.size).orderBy("position").execute();
  const leaves = rows.map(r => r.leaf);
  return { root: rootOf(leaves.slice(0, size)), proof: consistencyProof(leaves, size), tree };
}
