/** Evaluation as a stage: bits per byte of a model beside baselines that saw the same train side, in one report. */
import { z } from "zod";
import { documentsOf } from "../data/index.ts";
import { disposeTree, loadModel } from "../nn/index.ts";
import { type ArtifactInfo, type ArtifactReader, runDataOf, type Stage, type Store, stage } from "../store/index.ts";
import type { Device } from "../tensor/index.ts";
import { endToken, loadTokenizer, type Tokenizer } from "../text/index.ts";
import { type BaselineScore, gzipBaseline, ngramBaseline, utf8Bytes, zstdBaseline } from "./baselines/index.ts";
import { evaluateErrors } from "./errors.ts";
import { modelBits } from "./model-bits.ts";
import { type BaselineName, baselineNames } from "./part.ts";
import { keptBeginning } from "./results/kept-text.ts";

interface Material {
  readonly train: readonly string[];
  readonly heldOut: readonly string[];
  readonly trainTokens: readonly ArrayLike<number>[];
  readonly heldOutTokens: readonly ArrayLike<number>[];
  readonly vocab: number;
  readonly bytes: number;
}
const ngram = (order: number) => (m: Material) =>
  ngramBaseline({ order, vocabulary: m.vocab, train: m.trainTokens, heldOut: m.heldOutTokens, bytes: m.bytes });

/** Baselines by name; a new one is a row here and a name in `baselineNames`. */
const baselines = {
  gzip: (m: Material) => gzipBaseline(m.train, m.heldOut),
  zstd: (m: Material) => zstdBaseline(m.train, m.heldOut),
  "2-gram": ngram(2),
  "5-gram": ngram(5),
} as const satisfies Record<BaselineName, (m: Material) => BaselineScore | Promise<BaselineScore>>;

export interface ReportScore extends Omit<BaselineScore, "ms"> {
  readonly kind: "model" | "baseline";
  /** Only in reports of earlier versions; since then it is in the run data, see `scoreTimes`. */
  readonly ms?: number;
}
export interface BitsReport {
  readonly task: "bits-per-byte";
  readonly model: { readonly artifact: string; readonly name: string };
  readonly heldOut: { readonly documents: number; readonly bytes: number; readonly tokens: number };
  readonly scores: readonly ReportScore[];
}

async function materialOf(documents: ArtifactReader, tokenizer: Tokenizer): Promise<Material> {
  const texts = async (side: "train" | "held-out") => {
    const list: string[] = [];
    for await (const d of documentsOf(documents, side)) list.push(d.text);
    return list;
  };
  const [train, heldOut] = [await texts("train"), await texts("held-out")];
  if (!heldOut.length)
    throw evaluateErrors.fail("empty", {
      place: `${documents.id}/held-out`,
      expected: "at least one held-out document",
      received: "none",
      hint: "Raise split.heldOut or give more documents.",
    });
  const cut = (list: readonly string[]) => list.map(t => tokenizer.encode(t, { addSpecialTokens: false, readSpecialTokens: false }));
  return { train, heldOut, trainTokens: cut(train), heldOutTokens: cut(heldOut), vocab: tokenizer.vocabSize, bytes: utf8Bytes(heldOut) };
}

/** Run data of both stages: milliseconds of learning and coding, by the name of the score. */
const timesFile = "times.json";
const timesOf = z.record(z.string(), z.number());

/** What the scores of a report took, in milliseconds by name: the model's by the run of the evaluation, the others' by that of its baselines. */
export async function scoreTimes(store: Store, evaluation: Pick<ArtifactInfo, "id" | "inputs">): Promise<Readonly<Record<string, number>>> {
  const baselines = evaluation.inputs.filter(i => i.name === "baselines").map(i => i.artifact);
  const found = await Promise.all([...baselines, evaluation.id].map(async id => (await runDataOf(store, id)).get(timesFile)));
  return Object.assign({}, ...found.map(text => (text === undefined ? {} : timesOf.parse(JSON.parse(text))))) as Record<string, number>;
}

const baselinesOptions = z.strictObject({
  baselines: z.array(z.enum(baselineNames)),
});

/** The baselines' scores; an artifact of their own, since they depend on no model. */
export const baselinesStage = stage({
  name: "baselines",
  version: 2,
  inputs: { documents: "documents", tokenizer: "tokenizer" },
  options: baselinesOptions,
  output: "baselines",
  async run({ inputs, options, output, runData, progress, signal }) {
    const tokenizer = loadTokenizer(JSON.parse((await inputs.tokenizer.read("tokenizer.json")).toString("utf8")));
    const material = await materialOf(inputs.documents, tokenizer);
    const scores: Omit<BaselineScore, "ms">[] = [];
    const times: Record<string, number> = {};
    for (const [i, name] of options.baselines.entries()) {
      signal.throwIfAborted();
      progress({ stage: "baselines", done: i / options.baselines.length, message: name });
      // let the terminal and Ctrl-C have their turn between long computations
      await new Promise(resolve => setImmediate(resolve));
      const { ms, ...score } = await baselines[name](material);
      scores.push(score);
      times[score.name] = ms;
    }
    runData.write(timesFile, JSON.stringify(times));
    await output.write("scores.json", `${JSON.stringify(scores, null, 2)}\n`);
    return Object.fromEntries(scores.map(s => [s.name, Math.round(s.bitsPerByte * 1e4) / 1e4]));
  },
});

/** Beside the report: what the model makes of each held-out document. It holds the beginning of every text: as private as the data. */
export const bitsOfDocumentsFile = "documents.jsonl";
/** A line of it. `bits` are those of the whole document, its end mark included; `bytes` of UTF-8. */
export const bitsOfDocument = z.object({ id: z.string(), text: z.string(), bits: z.number(), bytes: z.number(), words: z.number() });

/** A model's report beside the baselines. */
export const evaluateStage = (around: {
  readonly device: () => Device;
}): Stage<"model" | "documents" | "baselines", z.ZodObject<{ name: z.ZodString }, z.core.$strict>> =>
  stage({
    name: "evaluate",
    version: 3,
    inputs: { model: "model", documents: "documents", baselines: "baselines" },
    options: z.strictObject({ name: z.string() }),
    output: "evaluation",
    async run({ inputs, options, output, runData, progress, signal }) {
      const device = around.device();
      const tokenizer = loadTokenizer(JSON.parse((await inputs.model.read("tokenizer.json")).toString("utf8")));
      const model = await loadModel(inputs.model, device);
      if (model.family !== "decoder")
        throw evaluateErrors.fail("family", { place: inputs.model.id, expected: "a decoder", received: model.family });
      const heldOut: { readonly id: string; readonly text: string }[] = [];
      for await (const { id, text } of documentsOf(inputs.documents, "held-out")) heldOut.push({ id, text });
      const texts = heldOut.map(d => d.text);
      const documents = texts.map(t => tokenizer.encode(t, { addSpecialTokens: false, readSpecialTokens: false }));
      const bytes = utf8Bytes(texts);
      const started = performance.now();
      const { bits, perDocument } = await modelBits({
        device,
        config: model.config,
        parameters: model.parameters,
        documents,
        end: tokenizer.specials.get(endToken)!,
        signal,
        progress,
      });
      disposeTree(model.parameters);
      const own: ReportScore = {
        name: options.name,
        kind: "model",
        bits,
        bytes,
        bitsPerByte: bits / bytes,
      };
      runData.write(timesFile, JSON.stringify({ [options.name]: performance.now() - started }));
      const others = JSON.parse((await inputs.baselines.read("scores.json")).toString("utf8")) as Omit<BaselineScore, "ms">[];
      const report: BitsReport = {
        task: "bits-per-byte",
        model: { artifact: inputs.model.id, name: options.name },
        heldOut: { documents: documents.length, bytes, tokens: documents.reduce((s, d) => s + d.length + 1, 0) },
        scores: [own, ...others.map((s): ReportScore => ({ ...s, kind: "baseline" }))].sort((a, b) => a.bitsPerByte - b.bitsPerByte),
      };
      await output.write("report.json", `${JSON.stringify(report, null, 2)}\n`);
      const lines = heldOut.map(({ id, text }, i) => {
        const own = {
          id,
          text: keptBeginning(text),
          bits: perDocument[i]!,
          bytes: Buffer.byteLength(text),
          words: text.split(/\s+/).length,
        };
        return `${JSON.stringify(own satisfies z.output<typeof bitsOfDocument>)}\n`;
      });
      await output.write(bitsOfDocumentsFile, lines.join(""));
      return { name: options.name, bitsPerByte: Math.round((bits / bytes) * 1e4) / 1e4, documents: documents.length, bytes };
    },
  });
