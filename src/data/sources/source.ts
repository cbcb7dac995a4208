/**
 * What a source is: files somewhere (a package, a folder, a bucket, a query's rows) and the reader that makes records of them.
 * A record that cannot be read is set aside with its place and reason; it never stops the run.
 */
import type { DocumentAttributes } from "../document.ts";
import type { LedgerEdit } from "../ledger.ts";
import type { SourceFile } from "./file.ts";
import type { SourceOptions } from "./options.ts";

/** What a reader makes of one record. */
export type ReadRecord =
  | {
      readonly ok: true;
      /** The document's id within the source; stable while the record stays where it is and what it is. */
      readonly key: string;
      readonly place: string;
      readonly text: string;
      readonly attributes: DocumentAttributes;
      /** What the reader had to change or guess. */
      readonly edits: readonly LedgerEdit[];
    }
  | { readonly ok: false; readonly place: string; readonly reason: string; readonly message: string };

export interface Reader {
  readonly name: string;
  /** Raise it when the same file would give other records. */
  readonly version: number;
  /** Files taken when the source names no `files`, by their ending. */
  readonly extensions: readonly string[];
  records(file: SourceFile, options: SourceOptions): AsyncIterable<ReadRecord>;
}
