/**
 * Which tokens a recipe of `loam.yaml` trains, or a tuned model was trained on: the examples as tuning reads, samples and divides them, with the masks
 * of their task. Reads and writes nothing down; a data set has to be made.
 */
import { isLoamError, type LoamError, nearest } from "../../base/index.ts";
import { checkModelFiles } from "../../nn/index.ts";
import { type ArtifactReader, type ArtifactWriter, findSubject, openArtifact, type Store } from "../../store/index.ts";
import {
  allKinds,
  type CheckedTunePart,
  type Encoded,
  type EncodeExampleOptions,
  type ExamplePart,
  type ExamplesPreview,
  encodeExamples,
  exampleSource,
  type FormatName,
  type PreviewEncoder,
  type PreviewPiece,
  placedExamples,
  previewOf,
  previewPieces,
  tuningKindOf,
} from "../../tune/index.ts";
import { projectErrors } from "../errors.ts";
import { lifeOf, planLink } from "../life.ts";
import type { ProjectFile } from "../project-file.ts";
import { baseText } from "./base-text.ts";
import { surroundingsOf } from "./surroundings.ts";

/** How each stage lays out its examples; of several sequences of one example, each by itself. */
const encoders: Readonly<Record<string, PreviewEncoder>> = Object.assign({}, ...allKinds().map(kind => kind.encoders));

/** As the task would that learns from records of this shape. */
export const encoderOfFormat = (format: FormatName): PreviewEncoder => encoders[format === "rated" ? "ratings" : format] ?? encodeExamples;

/** A recipe of tuning on examples. */
type OnExamples = CheckedTunePart & ExamplePart;
const isOnExamples = (tune: CheckedTunePart): tune is OnExamples => tuningKindOf(tune).encoders !== undefined;
const encoderOf = (tune: OnExamples): PreviewEncoder => encoders[tuningKindOf(tune).encoderOf!(tune)]!;

export interface RecipePreview extends ExamplesPreview {
  readonly problems: readonly LoamError[];
  /** Of each that is shown. */
  readonly pieces: readonly (readonly PreviewPiece[])[];
  readonly format: string;
  /** Examples that select and are not trained. */
  readonly validation: number;
  /** The model whose template and tokenizer are used. */
  readonly model: string;
}

/** Which of the encoded ones are shown. */
export type Choice = (encoded: readonly Encoded[]) => readonly Encoded[];

/** A stage's output that is looked at and not kept. */
function heldOutput(): { readonly output: ArtifactWriter; read(name: string): Promise<Buffer> } {
  const files = new Map<string, Buffer>();
  return {
    output: {
      write: async (name, data) => void files.set(name, Buffer.from(data as string)),
      async writeStream(name, pieces) {
        const list: Buffer[] = [];
        for await (const piece of pieces) list.push(Buffer.from(piece as string));
        files.set(name, Buffer.concat(list));
      },
    },
    read: async name => files.get(name)!,
  };
}

/** The recipe of a model of the file that is tuned on examples. Errors: project/argument. */
function tuneOf(p: ProjectFile, name: string): { readonly base: string; readonly tune: OnExamples } {
  const onExamples = Object.entries(p.config.tuned).filter(([, m]) => isOnExamples(m.tune));
  const entry = p.config.tuned[name];
  if (entry && isOnExamples(entry.tune)) return { base: entry.base, tune: entry.tune };
  const near = entry ? undefined : nearest(name, Object.keys(p.config.tuned));
  throw projectErrors.fail("argument", {
    place: "loam tune preview",
    expected: `a file of examples, or a model of loam.yaml that is tuned on examples${onExamples.length ? ` (${onExamples.map(([n]) => n).join(", ")})` : ""}`,
    received: entry ? `"${name}", whose task is ${entry.tune.task}: its texts have no tokens to learn` : `"${name}"`,
    ...(near === undefined ? {} : { hint: `Did you mean "${near}"?` }),
  });
}

/** What the file stands for now, of what a model is made from, as far as it is made. */
async function madeFor(p: ProjectFile, store: Store, name: string): Promise<ReadonlyMap<string, ArtifactReader>> {
  const made = new Map<string, ArtifactReader>();
  for (const link of lifeOf(p, name, { onProblem: () => {} })) {
    if (link.label === name) break;
    // a source that is gone says nothing of what was made of it; a base that is in no record is an error of its own
    const plan = await planLink(store, link, made).catch(error => {
      if (link.stage === "import") throw error;
      return undefined;
    });
    if (plan?.action === "reuse" && plan.artifact) made.set(link.label, plan.artifact);
  }
  return made;
}

const missing = (place: string, expected: string, hint: string) =>
  projectErrors.fail("nothing", { place, expected, received: "none", hint });

/** What tuning would refuse when it begins. */
async function checkFits(from: ArtifactReader, base: string, name: string, { length }: OnExamples): Promise<void> {
  const { config } = (await checkModelFiles(from)).model;
  const context = "context" in config ? config.context : Number.POSITIVE_INFINITY;
  if (length === undefined || length <= context) return;
  throw projectErrors.fail("argument", {
    place: `loam.yaml: models.${name}.tune.length`,
    expected: `at most ${context} tokens, the context of ${base}`,
    received: String(length),
  });
}

/**
 * What a model of `loam.yaml` will be trained on. Errors: project/argument for one that is not tuned on examples, or on longer ones than its base reads; project/nothing where its base or its data
 * set is not made; those of reading the examples.
 */
export async function recipePreview(
  p: ProjectFile,
  store: Store,
  name: string,
  choice: Choice,
  signal: AbortSignal,
): Promise<RecipePreview> {
  const { base, tune } = tuneOf(p, name);
  // nothing is computed, and nobody hears of problems that tuning tells of
  const device = () => {
    throw new TypeError("a preview computes nothing");
  };
  const source = exampleSource({ name, part: tune, around: surroundingsOf(p, { device, onProblem: () => {} }) });
  const made = await madeFor(p, store, name);
  const from = made.get(base);
  const inputs: Record<string, ArtifactReader> = {};
  for (const [input, label] of Object.entries(source.inputs)) {
    const artifact = made.get(label);
    if (!artifact) throw missing(label, "documents as loam.yaml says now", `\`loam data run ${tune.on}\` makes them.`);
    inputs[input] = artifact;
  }
  if (!from) throw missing(base, "the base as loam.yaml says now", `\`loam tune ${name}\` trains it on its way.`);
  await checkFits(from, base, name, tune);
  const { output, read } = heldOutput();
  const { definition } = source;
  const options = definition.options.parse(await source.options());
  const around = { output, runData: { write() {} }, progress: () => {}, signal, scratch: "" };
  const summary = await definition.run({ ...around, inputs, options });
  const text = await baseText(from);
  const encoded = encoderOf(tune)(text, await placedExamples({ read }, "train"), tune as EncodeExampleOptions);
  const shown = choice(encoded.encoded);
  return {
    ...previewOf(text, encoded, shown),
    pieces: shown.map(e => previewPieces(text, e)),
    problems: encoded.problems,
    format: String(summary.format),
    validation: Number(summary.validation),
    model: base,
  };
}

/** Examples that are looked at, and shown, of a model that is tuned already: its page asks between requests that are served. */
const looked = { at: 40, shown: 4 } as const;

/** The beginning of what a tuned model of the record was trained on; undefined where it was not tuned on examples, or they are no longer kept. */
export async function artifactPreview(
  store: Store,
  id: string,
): Promise<(ExamplesPreview & { readonly of: number; readonly looked: number }) | undefined> {
  const info = (await findSubject(store, id)).artifacts[0];
  const [, task = ""] = /^tune-(.+)-(?:merged|adapter)$/.exec(info?.stage.name ?? "") ?? [];
  const encode = encoders[task];
  const input = (name: string) => info?.inputs.find(i => i.name === name)?.artifact;
  const [base, examples] = [input("base"), input("examples")];
  if (!info || !encode || base === undefined || examples === undefined) return undefined;
  try {
    const text = await baseText(await openArtifact(store, base));
    const all = await placedExamples(await openArtifact(store, examples), "train");
    // as the stage that made the artifact has checked them
    const encoded = encode(text, all.slice(0, looked.at), info.options as never);
    return { of: all.length, looked: Math.min(all.length, looked.at), ...previewOf(text, encoded, encoded.encoded.slice(0, looked.shown)) };
  } catch (error) {
    if (isLoamError(error, "store/blobMissing")) return undefined;
    throw error;
  }
}
