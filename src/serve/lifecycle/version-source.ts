/** Where versions come from: the record of a project, a folder, a test. The lifecycle asks for them and gives them back. */
import type { AnyEngine } from "../engines.ts";
import { serveErrors } from "../errors.ts";
import { wantedVersions } from "./policy.ts";

export interface OpenVersion {
  /** Under way or ready; its failure to get ready is the version's failure to load. */
  readonly engine: AnyEngine;
  /** Names that the record gives the version: they become labels where nobody has set one of that name. */
  readonly labels?: readonly string[];
  /** Ends the engine and gives the memory of the weights back. */
  close(): Promise<void>;
}

export interface VersionSource {
  /** Numbers of all versions that there are. */
  versions(name: string): Promise<readonly number[]>;
  /** What the record's aliases point at now, for labels that came from it. */
  aliases?(name: string): Promise<Readonly<Record<string, number>>>;
  /** Starts loading one. */
  open(name: string, version: number): Promise<OpenVersion>;
}

/** The newest version that a source has of a name. Errors: serve/unknownModel. */
export async function newestOf(source: Pick<VersionSource, "versions">, name: string): Promise<number> {
  const newest = wantedVersions({ kind: "latest", count: 1 }, await source.versions(name))[0];
  if (newest !== undefined) return newest;
  throw serveErrors.fail("unknownModel", {
    place: "model",
    expected: "a model that there is",
    received: JSON.stringify(name.slice(0, 100)),
  });
}

/** Errors: serve/unknownModel, serve/unknownVersion where the source has no such version. */
export async function checkThere(source: Pick<VersionSource, "versions">, name: string, version: number): Promise<void> {
  const there = await source.versions(name);
  if (there.length === 0) await newestOf(source, name);
  if (there.includes(version)) return;
  throw serveErrors.fail("unknownVersion", {
    place: "model",
    expected: `a version of ${name} that there is: ${there.toSorted((a, b) => a - b).join(", ")}`,
    received: String(version),
  });
}
