/**
 * Which project files a record serves. Gc removes what nothing needs, and files say what they need: two of them on one record, a checkout on each of two
 * machines say, must know of each other. What is kept is where a file was seen, which one it was, and when; not what it says.
 */
import { existsSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { dirname, join, resolve } from "node:path";
import { hashOf, sha256 } from "../base/index.ts";
import type { Store, StoreOptions } from "./store.ts";
import { defaultRecords, recordsPlace } from "./url.ts";

export interface SeenProject {
  readonly id: string;
  /** Its name, and behind a `#` what tells it from another machine of that name. */
  readonly host: string;
  readonly folder: string;
  /** SHA-256 of the file's text. */
  readonly file: string;
  readonly seenMs: number;
}

/** This machine: many a virtual one is called `localhost`. */
function thisHost(): string {
  try {
    return `${hostname()}#${sha256(readFileSync("/etc/machine-id")).slice(0, 6)}`;
  } catch {
    return hostname();
  }
}

/** A file that is seen again is noted at most so often (ms). */
const noteEveryMs = 3_600_000;

/** Tells folders of one path on two machines apart, and finds a mounted one again in another container. */
function markOf(root: string): string | undefined {
  try {
    return readFileSync(join(root, ".loam", "project"), "utf8").trim();
  } catch {
    return undefined;
  }
}

function madeMark(root: string): string {
  const mark = sha256(`${hostname()}\n${root}\n${process.pid}\n${process.hrtime.bigint()}`).slice(0, 16);
  try {
    writeFileSync(join(root, ".loam", "project"), `${mark}\n`, { flag: "wx" });
    return mark;
  } catch {
    // another process was first, or nothing can be written here: then the folder stands for itself
    return markOf(root) ?? "";
  }
}

const idOf = (mark: string, folder: string): string => sha256(`${mark}\n${folder}`).slice(0, 16);

/** Notes that a project with this file's text uses the record. */
export async function noteProject(store: Store, text: string): Promise<void> {
  const { root } = store;
  const id = idOf(markOf(root) ?? madeMark(root), root);
  const row = { id, host: thisHost(), folder: root, file: sha256(text), seen_ms: store.clock.now() };
  const known = await store.records.read.selectFrom("projects").selectAll().where("id", "=", id).executeTakeFirst();
  if (known && known.file === row.file && known.host === row.host && row.seen_ms - known.seen_ms < noteEveryMs) return;
  const { id: _, ...rest } = row;
  await store.records.write(t =>
    t
      .insertInto("projects")
      .values(row)
      .onConflict(c => c.column("id").doUpdateSet(rest))
      .execute(),
  );
}

/** Projects but this one that were seen with the record, the one that was seen last first. */
export async function otherProjects(store: Store): Promise<SeenProject[]> {
  const own = idOf(markOf(store.root) ?? "", store.root);
  const rows = await store.records.read.selectFrom("projects").selectAll().where("id", "!=", own).orderBy("seen_ms", "desc").execute();
  return rows.map(({ seen_ms: seenMs, ...r }) => ({ ...r, seenMs }));
}

/** Whether the folder that was seen is here; `elsewhere` is on another machine, or not mounted. */
export function whereIs({ id, host, folder }: SeenProject): "here" | "elsewhere" | "gone" {
  if (existsSync(folder) && idOf(markOf(folder) ?? "", folder) === id) return "here";
  return host === thisHost() ? "gone" : "elsewhere";
}

export async function forgetProjects(store: Store, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await store.records.write(t => t.deleteFrom("projects").where("id", "in", ids).execute());
}

/** A record's place, the same from wherever it is named; of a server without who asks. */
function placeOf({ root, records = defaultRecords }: Pick<StoreOptions, "root" | "records">): string {
  const at = recordsPlace(records, resolve(root));
  if (at.kind === "postgres") {
    const { hostname: host, port, pathname } = new URL(at.url);
    return hashOf([host, port || "5432", pathname, at.schema]);
  }
  try {
    return join(realpathSync(dirname(at.path)), at.path.slice(dirname(at.path).length));
  } catch {
    return at.path;
  }
}

export const isSameRecord = (a: Pick<StoreOptions, "root" | "records">, b: Pick<StoreOptions, "root" | "records">): boolean =>
  placeOf(a) === placeOf(b);
