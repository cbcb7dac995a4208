/**
 * The `forget:` list of a data set: ids of documents that are no part of it, whatever the steps say. An entry is the id, or `#` and the
 * beginning of the id's SHA-256, for ids that must not stand in a file themselves (a path with a name in it).
 */
import { sha256 } from "../../base/index.ts";

/** Digits that Loam writes. */
const digits = 20;

/** The entry that stands for an id without naming it. */
export const hashedEntry = (id: string): string => `#${sha256(id).slice(0, digits)}`;

/** Answers for each id the entry that says it is forgotten, undefined for all others; hashes only where an entry is one. */
export function forgottenReason(entries: readonly string[]): (id: string) => string | undefined {
  const ids = new Set(entries.filter(e => !e.startsWith("#")));
  // By length, so that a lookup is one cut a length.
  const hashes = new Map<number, Set<string>>();
  for (const e of entries)
    if (e.startsWith("#")) {
      const known = hashes.get(e.length);
      if (known) known.add(e);
      else hashes.set(e.length, new Set([e]));
    }
  if (hashes.size === 0) return id => (ids.has(id) ? id : undefined);
  return id => {
    if (ids.has(id)) return id;
    const whole = `#${sha256(id)}`;
    for (const [length, known] of hashes) {
      const entry = whole.slice(0, length);
      if (known.has(entry)) return entry;
    }
    return undefined;
  };
}
