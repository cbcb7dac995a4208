/** Who changed keys and configuration, when; the chain of hashes is walked, and the first entry that does not fit is said. */
import { resolve } from "node:path";
import { defined, readText, writeFileAtomic } from "../../base/index.ts";
import { type ChangeEntry, changesOf, changesText, verifyEntries } from "../../gateway/index.ts";
import { administered } from "./administration.ts";
import { type GatewayPlace, gatewayOf } from "./gateway-place.ts";

export interface ChangesOptions {
  /** Walk the chain; done anyway where entries are exported or held against a head. */
  readonly verify?: boolean | undefined;
  /** Write all entries to this path as JSON lines. */
  readonly export?: string | undefined;
  /** A hash that was noted before must be among them: shows that the end was cut off. */
  readonly head?: string | undefined;
}

export interface ChangeList {
  /** The oldest first. */
  readonly entries: readonly ChangeEntry[];
  /** Hash of the newest; null where there is none. */
  readonly head: string | null;
  /** What does not fit; null where all does; absent where it was not looked at. */
  readonly finding?: string | null;
}

const listOf = (entries: readonly ChangeEntry[], finding?: string | null): ChangeList => ({
  entries,
  head: entries.at(-1)?.head ?? null,
  ...defined({ finding }),
});

export async function projectChangeList(at: GatewayPlace, { verify = false, export: to, head }: ChangesOptions = {}): Promise<ChangeList> {
  const list = await administered(at, "loam gateway changes", async a => {
    const entries = await a.changes();
    // what is written away was verified; so is what is held against a head
    const verifies = verify || to !== undefined || head !== undefined;
    const anchors = async () => (await import("../accountability/index.ts")).verifyInProject((await gatewayOf(at)).config, entries);
    return listOf(
      entries,
      verifies ? ((await a.verifyChanges()) ?? verifyEntries(entries, head) ?? (at.url === undefined ? await anchors() : null)) : undefined,
    );
  });
  if (to !== undefined) await writeFileAtomic(resolve(at.folder, to), changesText(list.entries));
  return list;
}

/** An exported file, without the state. Errors: base/missingFile, gateway/body. */
export function changesInFile(path: string, shown: string, head?: string): ChangeList {
  const entries = changesOf(readText(path), shown);
  return listOf(entries, verifyEntries(entries, head));
}
