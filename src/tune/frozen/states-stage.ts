/**
 * States of a data set's texts by a base as it is, before any tuning: an artifact of its own, so that all tunings of one base on one data set read the
 * texts once. The mean of the real tokens' states, or the first token's where the base's own files say so. Bounded: of very many training texts, a sample.
 */
import { z } from "zod";
import { documentsOf, type SplitSide, selecting, setsApart } from "../../data/index.ts";
import { type ClassifierPooling, disposeTree, loadModel, type ModelConfig, textStates, withClassifier } from "../../nn/index.ts";
import { type ArtifactReader, type Stage, stage } from "../../store/index.ts";
import { classReader } from "../classify/examples.ts";
import { labelOptions } from "../classify/options.ts";
import { sampledClasses } from "../classify/sample.ts";
import { tuneErrors } from "../errors.ts";
import { headTokens } from "../text-head/batches.ts";
import type { TuneSurroundings } from "../text-head/open-base.ts";
import { textReader } from "../text-head/predict.ts";

/** Texts that train or select and are read, at most: a linear model of some hundred weights a class gains little from more. */
const mostTrained = 20_000;

const statesFile = "states.f32";
const rowsFile = "rows.json";

const stageOptions = z.strictObject({
  label: labelOptions.shape.label,
  classes: labelOptions.shape.classes,
  /** Whether `label` holds classes, of which a sample keeps some of each, or numbers. */
  kind: z.enum(["classes", "numbers"]),
  /** Tokens of a text that are read: its beginning. */
  length: z.number().int().min(1),
});
export type FrozenOptions = z.output<typeof stageOptions>;

export interface FrozenStates {
  /** Elements of a state. */
  readonly size: number;
  readonly pooling: ClassifierPooling;
  /** Texts with a label on the train side, of which those with states may be a sample. */
  readonly trainTexts: number;
  /** State of a document; undefined where it was not read. */
  of(id: string): Float32Array | undefined;
}
interface Rows extends Pick<FrozenStates, "size" | "pooling" | "trainTexts"> {
  readonly ids: readonly string[];
}

interface Text {
  readonly id: string;
  readonly text: string;
  readonly label: string;
}
const isSaid = (value: unknown): boolean => value !== undefined && value !== null && value !== "";

/** Labelled texts of the sides. What is wrong with them is for the tuning to say. */
async function textsOf(documents: ArtifactReader, sides: readonly (SplitSide | typeof selecting)[], o: FrozenOptions): Promise<Text[]> {
  const classIn = classReader(o);
  const texts: Text[] = [];
  for (const side of sides)
    for await (const d of documentsOf(documents, side)) {
      const label = o.kind === "classes" ? classIn(d) : isSaid(d.attributes[o.label]) ? o.kind : undefined;
      if (label !== undefined && d.text.trim() !== "") texts.push({ id: d.id, text: d.text, label });
    }
  return texts;
}

export const frozenStatesStage = (
  around: Pick<TuneSurroundings, "device" | "tokenizerOf"> & { readonly poolingOf?: (base: ArtifactReader) => Promise<ClassifierPooling> },
): Stage<"base" | "documents", typeof stageOptions> =>
  stage({
    name: "frozen-states",
    version: 1,
    inputs: { base: "model", documents: "documents" },
    options: stageOptions,
    output: "states",
    async run({ inputs: { base, documents }, options, output, progress, signal }) {
      const known = await textsOf(documents, setsApart(documents) ? ["train", selecting] : ["train"], options);
      const texts = [...sampledClasses(known, mostTrained), ...(await textsOf(documents, ["held-out"], options))];
      const tokenizer = await around.tokenizerOf(base);
      const device = around.device();
      const loaded = await loadModel(base, device);
      try {
        if (loaded.family === "encoder-decoder")
          throw tuneErrors.fail("base", {
            place: base.id,
            expected: "a decoder or an encoder",
            received: `a model of family "${loaded.family}"`,
          });
        const longest = Math.min(options.length, loaded.config.classifier?.longest ?? loaded.config.context);
        const pooling = loaded.family === "encoder" ? ((await around.poolingOf?.(base)) ?? "mean") : "mean";
        const model = withClassifier({ family: loaded.family, config: loaded.config } as ModelConfig, {
          labels: ["frozen"],
          kind: "one",
          longest,
          pooling,
        });
        const reader = textReader({
          device,
          longest,
          parameters: (p: unknown) => p,
          read: (p, tokens, present) => textStates(model, p, tokens, present),
        });
        const tokens: number[][] = [];
        for (const [i, { text }] of texts.entries()) {
          if (i % 500 === 0) {
            signal.throwIfAborted();
            await new Promise(resolve => setImmediate(resolve));
          }
          tokens.push(headTokens(tokenizer, text, longest));
        }
        const states = await reader
          .predict([loaded.parameters], tokens, {
            signal,
            onProgress: done => progress({ stage: "baselines", done, message: "states of the frozen base" }),
          })
          .finally(() => reader.dispose());
        const size = states[0]!.length;
        const flat = new Float32Array(states.length * size);
        for (const [i, state] of states.entries()) flat.set(state, i * size);
        await output.write(statesFile, new Uint8Array(flat.buffer));
        const rows: Rows = { size, pooling, trainTexts: known.length, ids: texts.map(t => t.id) };
        await output.write(rowsFile, `${JSON.stringify(rows)}\n`);
        return { texts: texts.length, size, pooling };
      } finally {
        disposeTree(loaded.parameters);
      }
    },
  });

/** The states of an artifact of `frozenStatesStage`. */
export async function readStates(artifact: ArtifactReader): Promise<FrozenStates> {
  const { ids, ...told } = JSON.parse((await artifact.read(rowsFile)).toString("utf8")) as Rows;
  const bytes = await artifact.read(statesFile);
  // copied: a file's bytes need not begin where four-byte numbers may
  const flat = new Float32Array(Uint8Array.from(bytes).buffer);
  const rowOf = new Map(ids.map((id, i) => [id, i]));
  return {
    ...told,
    of: id => {
      const row = rowOf.get(id);
      return row === undefined ? undefined : flat.subarray(row * told.size, (row + 1) * told.size);
    },
  };
}
