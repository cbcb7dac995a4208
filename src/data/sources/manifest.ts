/** What a source holds now: its list of files, and the identity that follows from it. */

import type { ManifestEntry } from "./file.ts";
import { type HashOptions, identityOf } from "./hashes.ts";
import { openSource } from "./open.ts";
import type { SourceOptions } from "./options.ts";

export interface SourceManifest {
  readonly origin: string;
  /** The folder its files lie below; empty where they lie in none. */
  readonly root: string;
  readonly files: readonly ManifestEntry[];
  /** SHA-256 over origin, paths and content hashes: what a recipe rests on. */
  readonly identity: string;
}

/** Lists and fingerprints a source. Errors: those of `OpenSource.list` and `data/sourceChanged`. */
export async function manifestOf(source: SourceOptions, options: HashOptions & { readonly folder: string }): Promise<SourceManifest> {
  const open = await openSource(source, options.folder);
  try {
    const files = await open.list(options);
    return { origin: open.origin, root: open.root, files, identity: identityOf(open.origin, files) };
  } finally {
    await open.close();
  }
}
