/** A sketch of texts that nothing was trained on: a file of JSON lines, a file of a text a line, or a folder of files. */
import { readdirSync, statSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { fileError, readText, sha256 } from "../../../base/index.ts";
import type { Tokenizer } from "../../../text/index.ts";
import { addToSketch, emptySketch, type Sketch, type SketchValues, textValuesOf, tokenValuesOf } from "../../../watch/index.ts";
import { projectErrors } from "../../errors.ts";
import { languageTeller, privateClasses } from "../../sketches/index.ts";

interface NewText {
  readonly text: string;
  /** Further members of its JSON line. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Texts that are read at most: enough for any test here. */
const mostTexts = 200_000;

function linesOf(path: string, shown: string, field: string): NewText[] {
  const lines = readText(path).split(/\r?\n/);
  if (!/\.(?:jsonl|ndjson)$/.test(path)) return lines.filter(l => l.trim() !== "").map(text => ({ text, fields: {} }));
  return lines.flatMap((line, i): NewText[] => {
    if (line.trim() === "") return [];
    let fields: unknown;
    try {
      fields = JSON.parse(line);
    } catch (error) {
      throw projectErrors.fail("argument", { place: `${shown}:${i + 1}`, expected: "JSON", received: line.slice(0, 40) }, error);
    }
    const text = typeof fields === "object" && fields !== null ? (fields as Record<string, unknown>)[field] : undefined;
    if (typeof text !== "string")
      throw projectErrors.fail("argument", {
        place: `${shown}:${i + 1}`,
        expected: `a text in the field "${field}"`,
        received: text === undefined ? "none" : typeof text,
        hint: "Name the field that holds the text: --field NAME.",
      });
    return [{ text, fields: fields as Record<string, unknown> }];
  });
}

function textsOf(path: string, shown: string, field: string): NewText[] {
  try {
    if (!statSync(path).isDirectory()) return linesOf(path, shown, field);
    return readdirSync(path, { recursive: true, withFileTypes: true })
      .filter(e => e.isFile() && !e.name.startsWith("."))
      .map(e => join(e.parentPath, e.name))
      .sort()
      .map(file => ({ text: readText(file), fields: {} }));
  } catch (error) {
    throw fileError(error, shown);
  }
}

interface NewTextsOptions {
  readonly cwd: string;
  readonly path: string;
  /** Member of a JSON line that holds the text. Default: `text`. */
  readonly field?: string | undefined;
  /** Member that holds what is right. Default: `label`. */
  readonly label?: string | undefined;
  /** Of the reference, where its tokens are compared. */
  readonly tokenizer?: Tokenizer | undefined;
}

/** With the features of the reference. Errors: those of the file; project/argument with the line. */
export async function newTextsSketch(reference: Sketch, o: NewTextsOptions): Promise<Sketch> {
  const { field = "text", label = "label" } = o;
  const texts = textsOf(resolve(o.cwd, o.path), basename(o.path), field);
  if (texts.length === 0) throw projectErrors.fail("argument", { place: o.path, expected: "a text or more", received: "none" });
  const { spec } = reference;
  const has = (name: string) => Object.hasOwn(spec.features, name);
  // what cannot be found of new texts is left out, and the report says so
  const features = Object.fromEntries(
    Object.entries(spec.features).filter(
      ([name, f]) =>
        !(f.type === "tokens" || f.type === "vector" || name.endsWith("token-count")) ||
        (o.tokenizer !== undefined && !name.startsWith("answer-")),
    ),
  );
  const attribute = (name: string) => name.slice("attribute ".length);
  const known = Object.keys(features).filter(name => {
    if (name.startsWith("attribute ")) return texts.some(t => Object.hasOwn(t.fields, attribute(name)));
    if (name === "label") return texts.some(t => Object.hasOwn(t.fields, label));
    return !name.startsWith("answer-");
  });
  const sketch = emptySketch({
    tokenizer: o.tokenizer === undefined ? null : spec.tokenizer,
    features: Object.fromEntries(known.map(name => [name, spec.features[name]!])),
  });
  const tell = has("language") ? await languageTeller() : undefined;
  for (const [i, { text, fields }] of texts.slice(0, mostTexts).entries()) {
    const values: Record<string, SketchValues[string]> = { ...textValuesOf("input", text) };
    if (tell) values.language = tell(text);
    if (has("private")) values.private = privateClasses(text);
    if (o.tokenizer)
      Object.assign(values, tokenValuesOf("input", o.tokenizer.encode(text, { addSpecialTokens: false, readSpecialTokens: false })));
    for (const name of known.filter(n => n.startsWith("attribute ")))
      values[name] = fields[attribute(name)] === undefined ? null : String(fields[attribute(name)]);
    if (known.includes("label")) {
      const right = fields[label];
      values.label = right === undefined ? null : spec.features.label!.type === "number" ? Number(right) : String(right);
    }
    addToSketch(sketch, values, `${i} ${sha256(text)}`);
  }
  return sketch;
}
