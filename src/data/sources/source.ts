/**
 * What a source is: files somewhere (an npm package, a folder, patterns under the project) and the reader that makes records of them.
 * A record that cannot be read is set aside with its place and reason; it never stops the run.
 */
import { z } from "zod";
import type { Attributes } from "../document.ts";
import type { Edit } from "../ledger.ts";
import type { SourceFile } from "./file.ts";

/** What a reader makes of one record. */
export type ReadRecord =
  | {
      readonly ok: true;
      /** The document's id within the source; stable while the record stays where it is and what it is. */
      readonly key: string;
      readonly place: string;
      readonly text: string;
      readonly attributes: Attributes;
      /** What the reader had to change or guess. */
      readonly edits: readonly Edit[];
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

export const readerNames = ["email", "text", "jsonl", "html", "csv", "parquet", "warc", "markdown", "docx"] as const;
export type ReaderName = (typeof readerNames)[number];

/** The `source:` part of `loam.yaml`. */
export const sourceOptions = z
  .strictObject({
    /** An installed package; its `data` folder where it has one. */
    npm: z.string().min(1).optional(),
    /** A folder, relative to the project. */
    folder: z.string().min(1).optional(),
    /** Patterns below the package, the folder or the project; by default every file whose ending the reader takes. */
    files: z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]).optional(),
    reader: z.enum(readerNames),
    /** Records: the field that holds the text (or the raw mail); several, an empty line between; or a template, `{title}: {body}`. */
    field: z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]).default("text"),
    /** Pages: their main text (default) or everything that is seen. */
    extract: z.enum(["main", "all"]).optional(),
    /** CSV: what parts the columns; by default a tab in `.tsv`, else a comma. */
    delimiter: z.string().length(1).optional(),
    /** Label -> patterns of paths; by default the mail reader takes folders named like spam and ham. */
    labels: z.record(z.string(), z.union([z.string(), z.array(z.string())])).optional(),
    /** Character set of text files that say none. */
    encoding: z.string().default("utf-8"),
    /** Records that may be set aside: a count from 1 up, or a share below 1. */
    maxBad: z.number().min(0).default(0.1),
  })
  .refine(s => !(s.npm && s.folder), { message: "either npm or folder, not both" })
  .refine(s => s.npm || s.folder || s.files, { message: "one of npm, folder or files" });
export type SourceOptions = z.output<typeof sourceOptions>;
