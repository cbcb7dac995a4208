/** What models answer in TensorFlow Serving's words: signatures as a table, with the names and types of what goes in and comes out. */
import { z } from "zod";
import { samplingFields } from "../../../protocols/index.ts";
import type { Engine, Generation } from "../../engine.ts";
import type { AnyEngine } from "../../engines.ts";
import { serveErrors } from "../../errors.ts";
import { limits } from "../../limits.ts";
import type { ModelMetadata } from "../../model-metadata.ts";
import { collectAll } from "../answers.ts";
import { continueTexts } from "../ask-text.ts";
import { classifyTexts } from "../classify-texts.ts";
import { embedTexts } from "../embed-texts.ts";
import type { Asker } from "../exchange.ts";
import { parseBody } from "../parse.ts";
import { likelihoodOf, scoredTokens, scoreTexts } from "../score.ts";

export interface TensorRow {
  readonly text: string;
  /** Further inputs of the row: `max_tokens`, `temperature`, ... */
  readonly options: Readonly<Record<string, unknown>>;
}

interface TensorInfo {
  readonly dtype: "DT_STRING" | "DT_FLOAT" | "DT_INT32";
  /** -1 where it varies. */
  readonly shape: readonly number[];
}

export interface Signature {
  readonly method: "predict" | "classify" | "regress";
  readonly inputs: Readonly<Record<string, TensorInfo>>;
  outputs(model: ModelMetadata): Readonly<Record<string, TensorInfo>>;
  /** For each row its outputs by name. */
  run(engine: AnyEngine, rows: readonly TensorRow[], context: Asker): Promise<Readonly<Record<string, unknown>>[]>;
}

const text: TensorInfo = { dtype: "DT_STRING", shape: [-1] };
const number: TensorInfo = { dtype: "DT_FLOAT", shape: [-1] };
/** Most likely tokens that `classify` lists. */
const classes = 10;
const defaultMaxTokens = 64;

const { model: _, n: __, stream: ___, stream_options: ____, user: _____, ...sampling } = samplingFields;
export const rowOptions = z.strictObject({ ...sampling, max_tokens: z.int().min(1).nullish() });

function decoderOf(engine: AnyEngine) {
  if ("room" in engine) return engine;
  throw serveErrors.fail("unsupported", {
    place: "model",
    expected: "a model that continues texts",
    received: `"${engine.model.id}", an encoder`,
  });
}
function encoderOf(engine: AnyEngine) {
  if (!("room" in engine)) return engine;
  throw serveErrors.fail("unsupported", { place: "model", expected: "a sentence encoder", received: `"${engine.model.id}", a decoder` });
}

/** Elements of an encoder's vector; labels of a classifier. */
const sizeOfVector = (model: ModelMetadata): number => ("dimensions" in model ? model.dimensions : -1);

const embedding: Signature = {
  method: "predict",
  inputs: { text },
  outputs: engine => ({ embedding: { dtype: "DT_FLOAT", shape: [-1, sizeOfVector(engine)] } }),
  run: async (engine, rows, { signal }) => {
    const { vectors } = await embedTexts({ engine: encoderOf(engine), inputs: rows.map(r => r.text), truncate: true, signal });
    return vectors.map(v => ({ embedding: Array.from(v) }));
  },
};

/** What comes after each text. Errors: those of the options, of prompt and engine. */
export function startContinuations(engine: Engine, rows: readonly TensorRow[], asker: Asker): Generation[] {
  const runs = rows.map(({ text: prompt, options }) => {
    const { max_tokens, ...given } = parseBody(rowOptions, options);
    return { prompt, options: given, maxTokens: max_tokens ?? defaultMaxTokens };
  });
  return runs.flatMap(
    ({ prompt, options, maxTokens }) => continueTexts({ engine, texts: [prompt], options, maxTokens, ...asker }).generations,
  );
}

const continuation: Signature = {
  method: "predict",
  inputs: { text },
  outputs: () => ({ text }),
  run: async (any, rows, asker) => (await collectAll(startContinuations(decoderOf(any), rows, asker))).map(a => ({ text: a.text })),
};

const score: Signature = {
  method: "predict",
  inputs: { text },
  outputs: () => ({ log_likelihood: number, perplexity: number, num_tokens: { dtype: "DT_INT32", shape: [-1] } }),
  run: async (any, rows, asker) => {
    const engine = decoderOf(any);
    const found = await scoreTexts(
      engine,
      rows.map(r => scoredTokens(engine, r.text)),
      { top: 0, ...asker },
    );
    return found.map(tokens => {
      const { logLikelihood, perplexity } = likelihoodOf(tokens);
      return { log_likelihood: logLikelihood, perplexity: perplexity ?? Number.NaN, num_tokens: tokens.length };
    });
  },
};

const likelihood: Signature = {
  ...score,
  method: "regress",
  outputs: () => ({ outputs: number }),
  run: async (engine, rows, context) => (await score.run(engine, rows, context)).map(r => ({ outputs: r.log_likelihood })),
};

/** The tokens that are likely to come next, with their probabilities. */
const nextToken: Signature = {
  method: "classify",
  inputs: { text },
  outputs: () => ({ classes: { dtype: "DT_STRING", shape: [-1, classes] }, scores: { dtype: "DT_FLOAT", shape: [-1, classes] } }),
  run: async (any, rows, asker) => {
    const engine = decoderOf(any);
    const { tokenizer } = engine.model;
    const texts = rows.map(r => r.text);
    const ask = { engine, texts, options: { temperature: 0, ignore_eos: true }, maxTokens: 1, likelihoods: classes, ...asker };
    const answers = await collectAll(continueTexts(ask).generations);
    return answers.map(a => {
      const top = a.tokens[0]?.likelihood?.top ?? [];
      return { result: top.map(t => [tokenizer.decode([t.token]), Math.exp(t.logProbability)]) };
    });
  },
};

const noGroup = z.union([z.string(), z.number(), z.boolean()], { error: "a text, a number, true or false" }).nullish();
const groupOption = z.object({ group: noGroup });

/** Rows as a classifier reads them, each with the group that it names. Errors: those of `classifyTexts`. */
async function classifyRows(engine: AnyEngine, rows: readonly TensorRow[], { signal, onDecided }: Asker) {
  const own = encoderOf(engine);
  // a model without group thresholds ignores `group`, as it did before there were any
  const hasGroups = own.model.config.classifier?.groupThresholds !== undefined;
  const groups = rows.map(({ options }) => {
    const group = hasGroups ? parseBody(groupOption, options).group : undefined;
    return group == null ? undefined : String(group);
  });
  const found = await classifyTexts(
    own,
    rows.map(r => r.text),
    signal,
    { groups },
  );
  if (found.decidedBy) onDecided?.(found.decidedBy);
  return found;
}

/** Whose threshold decided, as responses say it. */
const commonThreshold = "common";
const thresholdsOf = (model: ModelMetadata) => ("dimensions" in model ? model.model.config.classifier?.groupThresholds : undefined);

/** The label that a text gets, and the scores of all; where thresholds depend on groups, whose decided. */
const scores: Signature = {
  method: "predict",
  inputs: { text },
  outputs: engine => ({
    label: text,
    scores: { dtype: "DT_FLOAT", shape: [-1, sizeOfVector(engine)] },
    ...(thresholdsOf(engine) ? { threshold: text } : {}),
  }),
  run: async (engine, rows, context) => {
    const { labels, scores, told, decidedBy } = await classifyRows(engine, rows, context);
    const { attribute } = thresholdsOf(engine) ?? {};
    const by = (i: number) => (decidedBy![i] === null ? commonThreshold : `${attribute}=${decidedBy![i]}`);
    return scores.map((row, i) => ({ label: labels[told[i]!], scores: row, ...(decidedBy ? { threshold: by(i) } : {}) }));
  },
};

/** Labels with their scores: the one that the text gets, then the others, greatest first. */
const labelled: Signature = {
  method: "classify",
  inputs: { text },
  outputs: engine => {
    const shape = [-1, sizeOfVector(engine)];
    return { classes: { dtype: "DT_STRING", shape }, scores: { dtype: "DT_FLOAT", shape } };
  },
  run: async (engine, rows, context) => {
    const found = await classifyRows(engine, rows, context);
    return found.scores.map((row, text) => {
      const told = found.told[text]!;
      const order = Array.from(row.keys()).sort((a, b) => Number(b === told) - Number(a === told) || row[b]! - row[a]!);
      return { result: order.map(i => [found.labels[i], row[i]]) };
    });
  },
};

const value: Signature = {
  ...scores,
  method: "regress",
  outputs: () => ({ outputs: number }),
  run: async (engine, rows, context) => (await scores.run(engine, rows, context)).map(r => ({ outputs: (r.scores as number[])[0] })),
};

const ofDecoder: Readonly<Record<string, Signature>> = {
  serving_default: continuation,
  score,
  log_likelihood: likelihood,
  next_token: nextToken,
};
const ofEncoder: Readonly<Record<string, Signature>> = { serving_default: embedding };
const ofClassifier: Readonly<Record<string, Signature>> = { serving_default: scores, classify: labelled };
/** A classifier whose threshold depends on the group that a row names. */
const ofGroups: Readonly<Record<string, Signature>> = {
  serving_default: { ...scores, inputs: { text, group: text } },
  classify: { ...labelled, inputs: { text, group: text } },
};
/** A classifier whose one output is a number. */
const ofRegressor: Readonly<Record<string, Signature>> = { ...ofClassifier, regress: value };

export function signaturesOf(engine: ModelMetadata): Readonly<Record<string, Signature>> {
  if ("room" in engine) return ofDecoder;
  const { classifier } = engine.model.config;
  if (!classifier) return ofEncoder;
  if (classifier.groupThresholds) return ofGroups;
  return classifier.kind === "value" && classifier.labels.length === 1 ? ofRegressor : ofClassifier;
}

/** The signature of a method by its name; where none is given the default, or the only one of the method. Errors: serve/parameter, serve/unsupported. */
export function signatureOf(engine: ModelMetadata, method: Signature["method"], name: string | null | undefined): Signature {
  const all = Object.entries(signaturesOf(engine)).filter(([, s]) => s.method === method);
  const found = name == null || name === "" ? all[0] : all.find(([n]) => n === name);
  if (found) return found[1];
  if (all.length === 0)
    throw serveErrors.fail("unsupported", { place: method, message: `"${engine.model.id}" answers no ${method}`, hint: "Ask predict." });
  throw serveErrors.fail("parameter", {
    place: "signature_name",
    expected: `one of ${all.map(([n]) => n).join(", ")}`,
    received: JSON.stringify(String(name).slice(0, 60)),
  });
}

/** Errors: serve/parameter where rows are none or too many. */
export function checkRows(count: number, place: string, engine: AnyEngine): void {
  const most = "room" in engine ? limits.answers : limits.embeddingTexts;
  if (count < 1 || count > most) throw serveErrors.fail("parameter", { place, expected: `1 to ${most} rows`, received: String(count) });
}
