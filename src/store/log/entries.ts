/** What is written in the log: one entry for everything that is recorded or given up. Its canonical JSON is the leaf of the tree. */
import type { Json } from "../../base/index.ts";
import type { ArtifactRecord } from "../artifact.ts";
import type { ActKind, MarkKind, ReleaseKind } from "../records/schema.ts";
import type { Summary } from "../stage.ts";
import type { ActField } from "./commitments.ts";

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
  /** Written by earlier Loams; an alias has moved as a `release` since. */
  | { readonly type: "alias"; readonly atMs: number; readonly model: string; readonly alias: string; readonly number: number }
  | ({ readonly type: "release" } & ReleaseEntry)
  | { readonly type: "guard"; readonly atMs: number; readonly alias: string; readonly rules: Json }
  | ({ readonly type: "mark"; readonly value: Json } & MarkKey & { readonly atMs: number })
  | ({ readonly type: "loop" } & LoopLogEntry)
  /** Somebody acted; see `acts.ts`. A commitment for each field that was given. */
  | {
      readonly type: "act";
      readonly id: string;
      readonly act: ActKind;
      readonly atMs: number;
      readonly commitments: Readonly<Partial<Record<ActField, string>>>;
    }
  /** Fields of acts were erased: what opened their commitments is gone. */
  | { readonly type: "redaction"; readonly atMs: number; readonly fields: Readonly<Record<string, readonly ActField[]>> }
  /** The newest entry of another hash chain, so that one that is cut or rewritten no longer fits. */
  | ({ readonly type: "anchor"; readonly atMs: number } & Anchor)
  /** The files of an artifact were given up by gc; its record stays. */
  | { readonly type: "released"; readonly atMs: number; readonly artifact: string }
  /** The same content was made again after that. */
  | { readonly type: "restored"; readonly atMs: number; readonly artifact: string };

export interface ReleaseEntry {
  readonly atMs: number;
  readonly model: string;
  readonly alias: string;
  /** Of the alias's moves, from 0. */
  readonly position: number;
  readonly kind: ReleaseKind;
  /** The version that has the alias from now on, and the one that had it. */
  readonly number: number | null;
  readonly previous: number | null;
  /** Who moved it, as they said. */
  readonly by: string | null;
  readonly reason: string | null;
  /** What the guard's conditions came to; null where none was asked. */
  readonly verdict: Json;
}

/** A step of a retraining loop. */
export interface LoopLogEntry {
  readonly atMs: number;
  readonly model: string;
  readonly round: number;
  readonly step: string;
  /** Figures by name; `artifacts` names those that they were read from, by id. */
  readonly evidence: Json;
}

export interface Anchor {
  /** Names the chain: `gateway/changes`. */
  readonly chain: string;
  /** Of its newest entry, from 0. */
  readonly position: number;
  readonly head: string;
}

export interface MarkKey {
  readonly model: string;
  readonly number: number;
  readonly kind: MarkKind;
  readonly key: string;
}

/** For sentences: `artifact tokens-1f0c...`, `version mail-small@3`. */
export function entryName(e: LogEntry): string {
  if (e.type === "artifact") return `artifact ${e.artifact.id}`;
  if (e.type === "version") return `version ${e.model}@${e.number}`;
  if (e.type === "alias" || e.type === "release") return `${e.type} ${e.model}@${e.alias}`;
  if (e.type === "guard") return `guard ${e.alias}`;
  if (e.type === "mark") return `${e.kind} ${e.model}@${e.number}`;
  if (e.type === "loop") return `loop ${e.model} round ${e.round}: ${e.step}`;
  if (e.type === "act") return `${e.act} ${e.id}`;
  if (e.type === "redaction") return `redaction of ${Object.keys(e.fields).length} acts`;
  if (e.type === "anchor") return `anchor ${e.chain} ${e.position}`;
  return `${e.type} ${e.artifact}`;
}
