/** Where versions come from: the record of a project, a folder, a test. The lifecycle asks for them and gives them back. */
import type { AnyEngine } from "../engines.ts";

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
