/**
 * Reads the log from its beginning and holds it against itself and against the file of heads: leaf = hash of the text, root = root of the
 * leaves so far, head = link of the chain. A change in one column is named where it is; a history rewritten from some entry on is named at
 * that entry, once.
 */
import type { Findings } from "../findings.ts";
import type { ReadingDb } from "../records/records.ts";
import type { Tables } from "../records/schema.ts";
import { entryName, type LogEntry } from "./entries.ts";
import { chainHead, readHeads, type TreeHead } from "./heads.ts";
import { emptyHead } from "./log.ts";
import { appendLeaf, type Frontier, leafHash, rootOfFrontier } from "./merkle.ts";

/** Log entries read at a time. */
const page = 500;
/** Commits whose head may be missing from the file: each process that is killed between its commit and that line leaves one. */
const headsMayLack = 64;

export interface CheckedLogEntry {
  readonly place: string;
  readonly position: number;
  readonly entry: LogEntry;
}

function parse(text: string): LogEntry | undefined {
  try {
    return JSON.parse(text) as LogEntry;
  } catch {
    return undefined;
  }
}

function nameOf(entry: LogEntry | undefined): string | undefined {
  try {
    return entry && entryName(entry);
  } catch {
    return undefined;
  }
}

interface CheckLogOptions {
  readonly headsPath: string;
  /** Whether every head of this log should be in the file: not so for a database that other machines write as well. */
  readonly headsAreAll: boolean;
  readonly findings: Findings;
  /** Given the entries whose text the log vouches for, in order, a page at a time. */
  readonly onEntries: (entries: readonly CheckedLogEntry[]) => Promise<void>;
}

/** `db` is a snapshot: what is recorded meanwhile is not looked at. */
export async function checkLog(db: ReadingDb, o: CheckLogOptions): Promise<TreeHead> {
  const { findings } = o;
  // The file is read before the snapshot's first query, so that no head in it is newer than the log we see.
  const kept = new Map<number, { line: number; head: TreeHead }[]>();
  let largest = 0;
  for (const { line, head } of readHeads(o.headsPath)) {
    if (typeof head === "string") findings.add(`heads file, line ${line}`, "size, root and head", head);
    else {
      kept.set(head.size, [...(kept.get(head.size) ?? []), { line, head }]);
      largest = Math.max(largest, head.size);
    }
  }
  let current: TreeHead = emptyHead;
  let frontier: Frontier = [];
  /** From here on the tree is not what it was; what is stored is followed, so that the rest can still be looked at. */
  let broken = false;
  let headsDiffer = false;
  const step = (row: Tables["log"], leaf: string) => {
    const next = appendLeaf(frontier, current.size, leaf);
    const root = rootOfFrontier(next);
    return { next, root, head: chainHead(current.size + 1, root, current.head), fits: row.root === root };
  };
  const checkTree = (row: Tables["log"], leaf: string, place: string): boolean => {
    const byText = step(row, leaf);
    // Where text and leaf disagree, the root says which of them is the old one.
    const textStands = row.leaf === leaf || byText.fits;
    if (row.leaf !== leaf) {
      if (byText.fits) findings.add(`${place}: leaf`, leaf, row.leaf);
      else findings.add(place, `a text with the leaf hash ${row.leaf}`, `one with ${leaf}`);
    }
    const { next, root, head, fits } = textStands ? byText : step(row, row.leaf);
    if (!fits) {
      findings.add(`${place}: root`, root, row.root);
      // Where the chain vouches for the root we computed, only this column was changed.
      broken = row.head !== head;
    } else if (row.head !== head) findings.add(`${place}: head`, head, row.head);
    frontier = next;
    current = broken ? { size: current.size + 1, root: row.root, head: row.head } : { size: current.size + 1, root, head };
    return textStands;
  };
  /** Moves over a row; answers whether its text is what was once recorded. */
  const check = (row: Tables["log"], place: string): boolean => {
    if (row.position !== current.size) {
      if (!broken) findings.add("log", `an entry at position ${current.size}`, `the next one at ${row.position}`);
      broken = true;
    }
    const leaf = leafHash(row.entry);
    let stands = row.leaf === leaf;
    if (!broken) stands = checkTree(row, leaf, place);
    else {
      if (!stands) findings.add(place, `a text with the leaf hash ${row.leaf}`, `one with ${leaf}`);
      current = { size: row.position + 1, root: row.root, head: row.head };
    }
    for (const { line, head: said } of kept.get(current.size) ?? [])
      if (said.root !== current.root || said.head !== current.head) {
        // A rewritten log differs from every later line as well: the first is enough.
        if (!headsDiffer)
          findings.add(
            `heads file, line ${line}`,
            `${current.size} ${current.root} ${current.head}`,
            `${said.size} ${said.root} ${said.head}`,
          );
        headsDiffer = true;
      }
    kept.delete(current.size);
    return stands;
  };

  for (let from = 0; ; ) {
    const rows = await db.selectFrom("log").selectAll().where("position", ">=", from).orderBy("position").limit(page).execute();
    const entries: CheckedLogEntry[] = [];
    for (const row of rows) {
      const entry = parse(row.entry);
      const name = nameOf(entry);
      const place = `log entry ${row.position}${name ? ` (${name})` : ""}`;
      const stands = check(row, place);
      if (stands && entry && name) entries.push({ place, position: row.position, entry });
      else if (stands) findings.add(place, "an entry that can be read", row.entry);
      from = row.position + 1;
    }
    await o.onEntries(entries);
    if (rows.length < page) break;
  }

  for (const [size, lines] of kept)
    for (const { line } of lines)
      if (size > current.size) findings.add("log", `at least the ${size} entries of line ${line} of the heads file`, `${current.size}`);
      else findings.add(`heads file, line ${line}`, `a size from 1 to ${current.size}`, `${size}`);
  if (o.headsAreAll && current.size - largest > headsMayLack)
    findings.add("heads file", `heads up to about entry ${current.size}`, `none after entry ${largest}`);
  const stored = await db.selectFrom("log_head").selectAll().where("id", "=", 1).executeTakeFirst();
  if ((stored?.size ?? 0) !== current.size) findings.add("log_head: size", `${current.size}`, stored ? `${stored.size}` : "no row");
  else if (stored && !broken) {
    const want = { root: current.root, head: current.head, frontier: frontier.join(" ") };
    for (const column of ["root", "head", "frontier"] as const)
      if (stored[column] !== want[column]) findings.add(`log_head: ${column}`, want[column], stored[column]);
  }
  return current;
}
