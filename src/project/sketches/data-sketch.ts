/**
 * The sketch of a data set, from its curated documents: what trains a model, as sizes, languages, classes of private data and attributes of few values.
 * It reads the train side once, a document at a time; documents that a mixture leaves out are not in it.
 */
import { z } from "zod";
import { detectLanguage, documentsOf, findPrivate, ledgerLines, loadDetector, readMeasures, readTimes } from "../../data/index.ts";
import { type ArtifactReader, stage } from "../../store/index.ts";
import {
  addToSketch,
  emptySketch,
  type FeatureSpec,
  isSampledId,
  joinSketches,
  type Sketch,
  type SketchValues,
  sketchBytes,
  textFeaturesOf,
  textValuesOf,
  typedData,
} from "../../watch/index.ts";

const sketchFile = "sketch.bin";
/** Documents, chosen by their ids, whose language is looked for where no step has: 50 to 500 microseconds each. */
export const languageDocuments = 2000;
/** The same for private data, which take about as long. */
const privateDocuments = 1000;
/** Characters of such a text that are looked at. */
const lookedCharacters = 4000;
/** Letters that a language can be told by, as the step `language` has it. */
const leastLetters = 20;

/** An attribute with more values than this is no kind of document. */
const mostValues = 30;
/** Of the steps' own making: groups of like documents, and what has a feature of its own. */
const otherAttributes = new Set(["cluster", "language", "languages", "private"]);

/** Tells the language of a text as curation does. */
export async function languageTeller(): Promise<(text: string) => string> {
  const detect = await loadDetector("small");
  return text => detectLanguage(text.slice(0, lookedCharacters), detect, leastLetters).language;
}

/** Classes of private data in the beginning of a text, called as the step `private` calls them. */
export const privateClasses = (text: string): string[] => [
  ...new Set(findPrivate(text.slice(0, lookedCharacters)).map(s => s.type.replaceAll(/[A-Z]/g, c => `-${c.toLowerCase()}`))),
];

/** Classes of private data that the step `private` found in each document; undefined where the data set has no such step. */
async function foundPrivate(documents: ArtifactReader): Promise<ReadonlyMap<string, ReadonlySet<string>> | undefined> {
  if (!(await readMeasures(documents))?.steps.some(s => s.step === "private")) return undefined;
  const found = new Map<string, Set<string>>();
  for await (const line of ledgerLines(documents, "ledger.jsonl")) {
    // most lines are of other steps
    if (!line.includes('"private"')) continue;
    const { document, step, action, rule } = JSON.parse(line) as { document: string; step: string; action: string; rule: string };
    if (step === "private" && action === "edit") (found.get(document) ?? found.set(document, new Set()).get(document)!).add(rule);
  }
  return found;
}

const attributeSpec = (name: string) => ({ tokenizer: null, features: { [`attribute ${name}`]: { type: "category" } } }) as const;

/** Sketches of attributes, one each, of those that turn out to have few values. */
class Attributes {
  readonly #all = new Map<string, Sketch>();

  add(attributes: Readonly<Record<string, unknown>>, id: string): void {
    for (const [name, value] of Object.entries(attributes)) {
      if (otherAttributes.has(name) || (typeof value !== "string" && typeof value !== "boolean")) continue;
      const own = this.#all.get(name) ?? this.#all.set(name, emptySketch(attributeSpec(name))).get(name)!;
      addToSketch(own, { [`attribute ${name}`]: String(value) }, id);
    }
  }

  joinedTo(sketch: Sketch): Sketch {
    let joined = sketch;
    for (const name of [...this.#all.keys()].sort()) {
      const own = this.#all.get(name)!;
      const { values, names, isCut } = typedData(own, `attribute ${name}`, "category")!;
      // each value once is a name of the document
      if (isCut || names.length > mostValues || values <= names.length) continue;
      own.events = joined.events;
      joined = joinSketches(joined, own);
    }
    return joined;
  }
}

const features: Readonly<Record<string, FeatureSpec>> = {
  ...textFeaturesOf("input", "input"),
  language: { type: "category" },
  private: { type: "category", several: true },
};

/** The sketch of the documents of the train side that a model learns from. */
export async function documentsSketch(documents: ArtifactReader, signal?: AbortSignal): Promise<Sketch> {
  const count = Number(documents.summary.trainDocuments ?? 0);
  const times = await readTimes(documents, count);
  const masked = await foundPrivate(documents);
  let tell: ((text: string) => string) | undefined;
  const sketch = emptySketch({ tokenizer: null, features });
  const attributes = new Attributes();
  let place = 0;
  for await (const { id, text, attributes: own } of documentsOf(documents, "train")) {
    signal?.throwIfAborted();
    if (times?.[place++] === 0) continue;
    const values: Record<string, SketchValues[string]> = { ...textValuesOf("input", text) };
    if (typeof own.language === "string") values.language = own.language;
    else if (isSampledId(id, languageDocuments, count)) {
      tell ??= await languageTeller();
      values.language = tell(text);
    }
    if (masked) values.private = [...(masked.get(id) ?? [])];
    else if (isSampledId(id, privateDocuments, count)) values.private = privateClasses(text);
    addToSketch(sketch, values, id);
    attributes.add(own, id);
  }
  return attributes.joinedTo(sketch);
}

export const dataSketchStage = stage({
  name: "sketch-data",
  version: 1,
  inputs: { documents: "documents" },
  options: z.strictObject({}),
  output: "sketch",
  async run({ inputs, output, signal }) {
    const sketch = await documentsSketch(inputs.documents, signal);
    return writeSketch(sketch, output);
  },
});

/** Writes a sketch as an artifact's file; gives its summary. */
export async function writeSketch(sketch: Sketch, output: { write(name: string, data: Uint8Array): Promise<void> }) {
  const bytes = sketchBytes(sketch);
  await output.write(sketchFile, bytes);
  return {
    events: sketch.events,
    features: Object.keys(sketch.spec.features).sort(),
    ...(sketch.spec.tokenizer === null ? {} : { tokenizer: sketch.spec.tokenizer }),
    sizeBytes: bytes.length,
  };
}
