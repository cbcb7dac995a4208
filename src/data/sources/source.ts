/**
 * What a source is: files somewhere (a package, a folder, a bucket, a query's rows) and the reader that makes records of them.
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

export const readerNames = ["email", "text", "jsonl", "html", "csv", "parquet", "warc", "markdown", "docx", "pdf", "huggingface"] as const;
export type ReaderName = (typeof readerNames)[number];

/** What reads the rows of a query. */
const rowReaders: readonly ReaderName[] = ["jsonl", "email"];
const someTexts = z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]);

/** What makes records of fields. */
const recordReaders: readonly (ReaderName | undefined)[] = ["jsonl", "csv", "parquet", "huggingface", undefined];
const attributeName = z
  .string()
  .min(1)
  .refine(name => name !== "id", "another name than id, which is the document's own");
const attributeForm = z.strictObject({ field: z.string().min(1), case: z.enum(["keep", "lower"]).default("keep") });
export type AttributeForm = z.output<typeof attributeForm>;

/** The `source:` part of `loam.yaml`. */
export const sourceOptions = z
  .strictObject({
    /** An installed package; its `data` folder where it has one. */
    npm: z.string().min(1).optional(),
    /** A folder, relative to the project. */
    folder: z.string().min(1).optional(),
    /** Objects of a bucket: `s3://bucket/prefix?endpoint=...&region=...`; credentials come from the environment. */
    s3: z.string().min(1).optional(),
    /** A database: a SQLite file, or PostgreSQL by its URL without a password or by the variable of the environment that holds it. */
    sql: z.union([z.strictObject({ sqlite: z.string().min(1) }), z.strictObject({ postgres: z.string().min(1) })]).optional(),
    /** A data set as Hugging Face lays it out: a folder with `data` and a card. */
    huggingface: z.string().min(1).optional(),
    /** Patterns below the package, the folder, the prefix or the project; by default every file whose ending the reader takes. */
    files: someTexts.optional(),
    /** SQL: one statement that reads. */
    query: z.string().min(1).optional(),
    /** SQL: the column that names a row; by default `id`, else its text does. */
    key: z.string().min(1).optional(),
    /** SQL: a name for what the rows are now, instead of a pass over them that finds out. */
    version: z.union([z.string().min(1), z.number()]).optional(),
    /** Hugging Face: splits that are read; by default all. */
    split: someTexts.optional(),
    /** Hugging Face: the configuration; by default the one that is the default. */
    config: z.string().min(1).optional(),
    /** Of a query: `jsonl` by default, or `email`; of a data set of Hugging Face its files say it. */
    reader: z.enum(readerNames).optional(),
    /**
     * Records: the field that holds the text (or the raw mail), `text` by default; several, an empty line between; or a template,
     * `{title}: {body}`.
     */
    field: someTexts.optional(),
    /**
     * Records: attributes by the field that each comes from, where it is to have another name. `{ field, case }` writes texts one way too: no white
     * space around them, one space between words, and with `lower` small letters. Fields that are not named here keep their names.
     */
    attributes: z.record(attributeName, z.union([z.string().min(1), attributeForm])).optional(),
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
  .superRefine((s, context) => {
    const refuse = (message: string, path: string[] = []) => context.addIssue({ code: "custom", message, path });
    const kinds = (["npm", "folder", "s3", "sql", "huggingface"] as const).filter(k => s[k] !== undefined);
    if (kinds.length > 1) refuse(`either ${kinds.slice(0, -1).join(", ")} or ${kinds.at(-1)}, not both`);
    if (kinds.length === 0 && s.files === undefined) refuse("one of npm, folder, files, s3, sql or huggingface");
    for (const [kind, names] of [
      ["sql", ["query", "key", "version"]],
      ["huggingface", ["split", "config"]],
    ] as const)
      for (const name of names) if (s[name] !== undefined && s[kind] === undefined) refuse(`is for ${kind} only`, [name]);
    if (s.attributes !== undefined && !recordReaders.includes(s.reader))
      refuse(`is for records with fields, not ${s.reader}`, ["attributes"]);
    if (s.sql !== undefined && s.query === undefined) refuse("one statement that reads", ["query"]);
    if ((s.sql !== undefined || s.huggingface !== undefined) && s.files !== undefined)
      refuse(`not with ${s.sql ? "sql" : "huggingface"}`, ["files"]);
    if (s.sql !== undefined && s.reader !== undefined && !rowReaders.includes(s.reader))
      refuse(`${rowReaders.join(" or ")} with sql`, ["reader"]);
    if (s.huggingface === undefined ? s.reader === "huggingface" : s.reader !== undefined && s.reader !== "huggingface")
      refuse("the files of a Hugging Face data set say their reader", ["reader"]);
    if (s.reader === undefined && s.sql === undefined && s.huggingface === undefined)
      refuse(`one of ${readerNames.filter(n => n !== "huggingface").join(", ")}`, ["reader"]);
    if (s.sql && "postgres" in s.sql && /^postgres(?:ql)?:\/\/[^/@]*:[^/@]*@/i.test(s.sql.postgres))
      refuse("no password in the project: set PGPASSWORD, or name the variable of the environment that holds the URL", ["sql", "postgres"]);
  })
  .transform(s => ({ ...s, reader: s.reader ?? (s.huggingface === undefined ? ("jsonl" as const) : ("huggingface" as const)) }));
export type SourceOptions = z.output<typeof sourceOptions>;

/** `sources:`, several by name: letters, digits, `-` and `_`, because the names stand in ids. */
export const sourcesOptions = z
  .record(z.string().regex(/^[a-z0-9][a-z0-9_-]*$/i, "a short name of letters, digits, - and _"), sourceOptions)
  .refine(s => Object.keys(s).length > 0, { message: "at least one source" });
export type SourcesOptions = z.output<typeof sourcesOptions>;
