/** What is written in the log: one entry for everything that is recorded or given up. Its canonical JSON is the leaf of the tree. */
import type { ArtifactRecord } from "../artifact.ts";
import type { Summary } from "../stage.ts";

export type LogEntry =
  | { readonly type: "artifact"; readonly atMs: number; readonly artifact: ArtifactRecord }
  | {
      readonly type: "version";
      readonly atMs: number;
      readonly model: string;
      readonly number: number;
      readonly artifact: string;
      readonly digest: string;
      readonly scores: Summary;
    }
  | { readonly type: "alias"; readonly atMs: number; readonly model: string; readonly alias: string; readonly number: number }
  /** The files of an artifact were given up by gc; its record stays. */
  | { readonly type: "released"; readonly atMs: number; readonly artifact: string }
  /** The same content was made again after that. */
  | { readonly type: "restored"; readonly atMs: number; readonly artifact: string };

/** For sentences: `artifact tokens-1f0c...`, `version mail-small@3`. */
export function entryName(e: LogEntry): string {
  if (e.type === "artifact") return `artifact ${e.artifact.id}`;
  if (e.type === "version") return `version ${e.model}@${e.number}`;
  if (e.type === "alias") return `alias ${e.model}@${e.alias}`;
  return `${e.type} ${e.artifact}`;
}
