/** Parts of loam.yaml that can be changed and run from a form: models, tuned models, data sets. Comments and layout of the file stay. */
import { defined, isLoamError, type Json, parseYaml, readText, sha256, writeFileAtomic } from "../../base/index.ts";
import { valueIn } from "../../tune/index.ts";
import { editYaml, type YamlValue } from "../edit/edit-yaml.ts";
import { projectErrors, wrongArgument } from "../errors.ts";
import { jsonSchemaOf } from "../json-schema/index.ts";
import { type ProjectFile, parseProject, projectFile } from "../project-file.ts";
import { withPoint } from "../searching/winner.ts";
import { fileDiff } from "./file-diff.ts";
import { entrySchema, type FormField, formFields } from "./form-fields.ts";

export type PartKind = "model" | "tuned" | "data";

export interface ProjectPart {
  /** `models.mail-small`, `data.mail`. */
  readonly path: string;
  readonly kind: PartKind;
  readonly name: string;
  /** Words behind `loam` that run it. */
  readonly command: readonly string[];
}

export interface PartForm extends ProjectPart {
  /** False: the file does not have it yet; the values are a proposal. */
  readonly isThere: boolean;
  readonly fields: readonly FormField[];
  /** Of the file as it is: what is written must have been made from it. */
  readonly digest: string;
}

export interface PartChange {
  /** Inside the part. */
  readonly path: string;
  /** As YAML; null takes the key out. */
  readonly value: string | null;
}

export interface PartEdit {
  readonly changes: readonly PartChange[];
  /** Label set whose file the part learns from: its data set is added where the file has none. */
  readonly labels?: string | undefined;
}

export interface EditedPart {
  /** Changed lines with some around them; ` `, `-` or `+` before each. */
  readonly diff: readonly string[];
  /** What is wrong with the changed file, by the checks of every command; null: nothing. */
  readonly problem: {
    readonly code: string;
    readonly message: string;
    readonly place?: string | undefined;
    readonly hint?: string | undefined;
  } | null;
  /** Of the file as it is now. */
  readonly digest: string;
  readonly isWritten: boolean;
}

const commandOf = (kind: PartKind, name: string): string[] =>
  kind === "data" ? ["data", "run", name] : kind === "tuned" ? ["tune", name] : ["train", "--model", name];
const partOf = (kind: PartKind, name: string): ProjectPart => ({
  path: `${kind === "data" ? "data" : "models"}.${name}`,
  kind,
  name,
  command: commandOf(kind, name),
});

export const projectParts = ({ config }: Pick<ProjectFile, "config">): ProjectPart[] => [
  ...Object.keys(config.models).map(name => partOf("model", name)),
  ...Object.keys(config.tuned).map(name => partOf("tuned", name)),
  ...Object.keys(config.data).map(name => partOf("data", name)),
];

const pathPattern = /^(models|data)\.([A-Za-z0-9][A-Za-z0-9-]*)$/;

/** The data set that reads what people labelled, and the data set to add where there is none. */
function labelledData({ config }: Pick<ProjectFile, "config">, set: string): { readonly name: string; readonly isThere: boolean } {
  if (!Object.hasOwn(config.labels, set))
    throw wrongArgument("labels", `a label set (${Object.keys(config.labels).join(", ") || "none is defined"})`, `"${set}"`);
  const folder = `labels/${set}`;
  const found = Object.entries(config.data).find(([, d]) =>
    [d.source, ...Object.values(d.sources ?? {})].some(s => s && "folder" in s && String(s.folder).replace(/^\.\/|\/$/g, "") === folder),
  );
  if (found) return { name: found[0], isThere: true };
  const name = Object.hasOwn(config.data, `${set}-labelled`) ? `${set}-labels` : `${set}-labelled`;
  return { name, isThere: false };
}

/** A new tuned model: a classifier on a label set. */
function proposal(project: Pick<ProjectFile, "config">, labels: string | undefined, bases: readonly string[]): Json {
  const base = bases[0] ?? "";
  if (labels === undefined) return { base, tune: { task: "classify" } };
  return { base, tune: { task: "classify", on: labelledData(project, labels).name, label: "label" } };
}

let schema: { readonly [key: string]: Json } | undefined;
/** Made once: it takes a while. */
function rootSchema(): { readonly [key: string]: Json } {
  // a JSON Schema is a map
  schema ??= jsonSchemaOf("loam") as { readonly [key: string]: Json };
  return schema;
}

interface FormAsked {
  readonly labels?: string | undefined;
  /** Models that a new tuned model may be made of; the first is proposed. */
  readonly bases?: readonly string[] | undefined;
}

/** Errors: project/argument for a path that is none; project/nothing for a data set that the file lacks; those of reading the file. */
export function partForm(project: ProjectFile, path: string, { labels, bases = [] }: FormAsked = {}): PartForm {
  const [, top = "", name = ""] = pathPattern.exec(path) ?? [];
  if (top === "") throw wrongArgument("path", "models.NAME or data.NAME", JSON.stringify(path.slice(0, 60)));
  const text = readText(project.file);
  const raw = valueIn(parseYaml(text, projectFile) as Json, [top, name]);
  if (raw === undefined && top === "data")
    throw projectErrors.fail("nothing", { place: path, message: "loam.yaml has no such data set", hint: "`loam data add` adds one." });
  const value = raw ?? proposal(project, labels, bases);
  const root = rootSchema();
  const isTuned = top === "models" && typeof value === "object" && value !== null && "base" in value;
  const fields = formFields(root, entrySchema(root, top), value);
  return {
    ...partOf(top === "data" ? "data" : isTuned ? "tuned" : "model", name),
    isThere: raw !== undefined,
    fields,
    digest: sha256(text),
  };
}

const labelledSource = (set: string): YamlValue => ({
  source: { folder: `labels/${set}`, reader: "jsonl" },
  steps: ["clean"],
  split: { heldOut: 0.25 },
});

function editedText(project: ProjectFile, text: string, path: string, { changes, labels }: PartEdit): string {
  const [, top = "", name = ""] = pathPattern.exec(path) ?? [];
  if (top === "") throw wrongArgument("path", "models.NAME or data.NAME", JSON.stringify(path.slice(0, 60)));
  let next = text;
  if (labels !== undefined) {
    const data = labelledData(project, labels);
    if (!data.isThere)
      next = Object.hasOwn(parseYaml(next, projectFile) as object, "data")
        ? editYaml(next, { kind: "set", path: ["data"], key: data.name, value: labelledSource(labels) }, projectFile)
        : editYaml(next, { kind: "set", path: [], key: "data", value: { [data.name]: labelledSource(labels) } }, projectFile);
  }
  for (const { path: inner, value } of changes) {
    const keys = [top, name, ...inner.split(".")];
    if (value === null) {
      if (valueIn(parseYaml(next, projectFile) as Json, keys) === undefined) continue;
      next = editYaml(next, { kind: "remove", path: keys.slice(0, -1), key: keys.at(-1)! }, projectFile);
    } else next = withPoint(next, name, { [top === "data" ? keys.join(".") : inner]: parseYaml(value, inner) as Json }, projectFile);
  }
  return next;
}

function problemOf(text: string): EditedPart["problem"] {
  try {
    parseProject(text, projectFile);
    return null;
  } catch (error) {
    if (!isLoamError(error)) throw error;
    const { place, hint } = error.problem;
    return { code: error.code, message: error.message, ...defined({ place, hint }) };
  }
}

/**
 * What changes of a part make of loam.yaml; with `write` they are written, if the file is still that of `digest` and the changed one is right. Errors:
 * project/argument where the file cannot be changed safely, base/syntax for a value that is no YAML, project/changed where somebody wrote the file meanwhile.
 */
export function editPart(
  project: ProjectFile,
  path: string,
  edit: PartEdit,
  { write = false, digest }: { readonly write?: boolean | undefined; readonly digest?: string | undefined } = {},
): EditedPart {
  const text = readText(project.file);
  const next = editedText(project, text, path, edit);
  const problem = problemOf(next);
  const isWritten = write && problem === null && next !== text;
  if (write && digest !== undefined && digest !== sha256(text))
    throw projectErrors.fail("changed", {
      place: projectFile,
      message: "the file has changed since the form was opened",
      hint: "Open the form again.",
    });
  if (isWritten) writeFileAtomic(project.file, next);
  return { diff: fileDiff(text, next), problem, digest: sha256(isWritten ? next : text), isWritten };
}
