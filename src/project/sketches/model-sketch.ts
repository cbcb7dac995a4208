/**
 * What a model was trained on, as one sketch of the version: the data set's, with its tokens as the model has them and what was right. The model is an
 * input of these stages, so that a version's lineage leads to its sketch.
 */
import { z } from "zod";
import { documentsOf, readTimes } from "../../data/index.ts";
import { type ArtifactReader, stage } from "../../store/index.ts";
import { loadTokenizer, type Tokenizer } from "../../text/index.ts";
import { readShards } from "../../train/index.ts";
import { type PlacedExample, placedExamples } from "../../tune/index.ts";
import {
  addToSketch,
  emptySketch,
  type FeatureSpec,
  isSampledId,
  joinSketches,
  type SketchValues,
  textFeaturesOf,
  textValuesOf,
  tokenFeaturesOf,
  tokenValuesOf,
} from "../../watch/index.ts";
import { languageDocuments, languageTeller, writeSketch } from "./data-sketch.ts";
import { readSketch, tokenizerDigest, tokenizerFile } from "./read-sketch.ts";

async function tokenizerOf(model: ArtifactReader): Promise<{ readonly digest: string; readonly tokenizer: Tokenizer } | undefined> {
  const digest = tokenizerDigest(model);
  return digest === null ? undefined : { digest, tokenizer: loadTokenizer((await model.read(tokenizerFile)).toString("utf8")) };
}

/** Of a model trained from its shards: their tokens, each document once however often an epoch has it. */
export const trainedSketchStage = stage({
  name: "sketch-trained",
  version: 1,
  inputs: { model: "model", sketch: "sketch", shards: "shards" },
  options: z.strictObject({}),
  output: "sketch",
  async run({ inputs, output, signal }) {
    const { tokens, offsets, ids } = await readShards(inputs.shards, "train");
    const own = emptySketch({
      tokenizer: tokenizerDigest(inputs.model),
      features: tokenFeaturesOf("input", "input", Number(inputs.shards.summary.vocab)),
    });
    for (const [i, id] of ids.entries()) {
      if (i % 1000 === 0) signal.throwIfAborted();
      // repeats stand one behind the other
      if (i > 0 && id === ids[i - 1]) continue;
      addToSketch(own, tokenValuesOf("input", tokens.subarray(offsets[i]!, offsets[i + 1]!)), id);
    }
    return writeSketch(joinSketches(await readSketch(inputs.sketch), own), output);
  },
});

/** Documents, chosen by their ids, that are cut into tokens where no shards are there. */
const tokenDocuments = 5000;
/** Characters a token, at most, of what is cut: what lies behind the model's length is not read anyway. */
const charactersPerToken = 8;

const tunedOptions = z.strictObject({
  /** Attribute with what is right: a class, or a number. */
  label: z.strictObject({ attribute: z.string(), type: z.enum(["category", "number"]) }).optional(),
  /** Tokens of a text that the model reads. */
  length: z.int().min(1),
});

/** Of a model tuned on the documents of a data set: their tokens up to its length, and their labels. */
export const tunedSketchStage = stage({
  name: "sketch-tuned",
  version: 1,
  inputs: { model: "model", sketch: "sketch", documents: "documents" },
  options: tunedOptions,
  output: "sketch",
  async run({ inputs: { model, sketch, documents }, options: { label, length }, output, signal }) {
    const text = await tokenizerOf(model);
    const features: Record<string, FeatureSpec> = {
      ...(label ? { label: { type: label.type, role: "label" } } : {}),
      ...(text ? tokenFeaturesOf("input", "input", text.tokenizer.vocabSize) : {}),
    };
    const data = await readSketch(sketch);
    if (Object.keys(features).length === 0) return writeSketch(data, output);
    const own = emptySketch({ tokenizer: text?.digest ?? null, features });
    const count = Number(documents.summary.trainDocuments ?? 0);
    const times = await readTimes(documents, count);
    let place = 0;
    for await (const d of documentsOf(documents, "train")) {
      signal.throwIfAborted();
      if (times?.[place++] === 0) continue;
      const values: Record<string, SketchValues[string]> = {};
      const right = label && d.attributes[label.attribute];
      if (label && right !== undefined && right !== null) values.label = label.type === "number" ? Number(right) : String(right);
      if (text && isSampledId(d.id, tokenDocuments, count)) {
        const ids = text.tokenizer.encode(d.text.slice(0, charactersPerToken * length));
        Object.assign(values, tokenValuesOf("input", ids.slice(0, length)));
      }
      addToSketch(own, values, d.id);
    }
    return writeSketch(joinSketches(data, own), output);
  },
});

/** What a person wrote to the model, and what it is to answer. */
function partsOf(example: PlacedExample["example"]): { readonly input: string; readonly answer: string } {
  if (example.kind === "completion") return { input: example.prompt, answer: example.completion };
  const said = (messages: readonly { readonly role: string; readonly content?: unknown }[]) =>
    messages.flatMap(m => (m.role === "system" || m.content === undefined || m.content === null ? [] : [String(m.content)])).join("\n");
  if (example.kind === "preference") return { input: said(example.messages), answer: said(example.chosen) };
  if (example.kind === "rated") return { input: said(example.messages), answer: said(example.answer) };
  const trained = new Set(example.trained);
  return {
    input: said(example.messages.filter((_, i) => !trained.has(i))),
    answer: said(example.messages.filter((_, i) => trained.has(i))),
  };
}

/** Of a model tuned on examples: prompts and answers, without the template's own tokens. */
export const examplesSketchStage = stage({
  name: "sketch-examples",
  version: 1,
  inputs: { model: "model", examples: "examples" },
  options: z.strictObject({}),
  output: "sketch",
  async run({ inputs: { model, examples }, output, signal }) {
    const text = await tokenizerOf(model);
    const all: readonly PlacedExample[] = await placedExamples(examples, "train");
    const vocabulary = text?.tokenizer.vocabSize ?? 0;
    const sketch = emptySketch({
      tokenizer: text?.digest ?? null,
      features: {
        ...textFeaturesOf("input", "input"),
        ...textFeaturesOf("answer", "label"),
        language: { type: "category" },
        ...(text ? { ...tokenFeaturesOf("input", "input", vocabulary), ...tokenFeaturesOf("answer", "label", vocabulary) } : {}),
      },
    });
    const tell = await languageTeller();
    const cut = (of: string) => text!.tokenizer.encode(of, { addSpecialTokens: false, readSpecialTokens: false });
    for (const { example } of all) {
      signal.throwIfAborted();
      const id = JSON.stringify(example);
      const { input, answer } = partsOf(example);
      addToSketch(
        sketch,
        {
          ...textValuesOf("input", input),
          ...textValuesOf("answer", answer),
          ...(isSampledId(id, languageDocuments, all.length) ? { language: tell(input) } : {}),
          ...(text && isSampledId(id, tokenDocuments, all.length)
            ? { ...tokenValuesOf("input", cut(input)), ...tokenValuesOf("answer", cut(answer)) }
            : {}),
        },
        id,
      );
    }
    return writeSketch(sketch, output);
  },
});
