/**
 * `loam models unlearn`: a new version of a model without given documents, by unlearning or by retraining, and what attacks find of them in it: before,
 * after, and in a model that never saw them.
 */
import { defined, sha256 } from "../../base/index.ts";
import { leastTexts } from "../../governance/index.ts";
import { listModels, type RunResult, recordAct, registerVersion, runStage, type Store } from "../../store/index.ts";
import { type UnlearnRecipeInput, unlearnSchema } from "../../train/index.ts";
import { progressFor, type Watch } from "../call.ts";
import { wrongArgument } from "../errors.ts";
import { lazyDevice } from "../life.ts";
import { thisUser } from "../person.ts";
import type { Workspace } from "../workspace.ts";
import { erasureTexts } from "./erasure-texts.ts";
import { type ErasureMeasurement, measurementFile, measureStage } from "./measure-stage.ts";
import { type DividedTexts, dividedTexts, type TrainedVersion, trainedVersion } from "./trained-version.ts";
import { textsDigest, type UnlearnGiven, unlearnStage } from "./unlearn-stage.ts";

/** `retrain`: exact, by the version's own recipe without the documents. The others start from the version. */
export const forgettingMethods = ["npo", "ascent", "retrain"] as const;
export type ForgettingMethod = (typeof forgettingMethods)[number];

export interface UnlearnVersionOptions extends Omit<UnlearnRecipeInput, "method"> {
  /** Default: npo. */
  readonly method?: ForgettingMethod | undefined;
  /** A version that never saw the documents, or `retrain`: it is trained now, for the comparison alone. Default: chance for so many documents. */
  readonly reference?: string | undefined;
  /** Extraction: tokens given, and tokens that must follow exactly. Default: 16 and 16, or halves of the shortest half of the documents. */
  readonly prefix?: number | undefined;
  readonly suffix?: number | undefined;
}

/** What work took. */
export interface ForgettingCost {
  readonly seconds: number;
  readonly processorSeconds: number;
}

export interface UnlearnedVersion {
  /** `toy@2`. */
  readonly version: string;
  readonly artifact: string;
  readonly digest: string;
  readonly parent: string;
  readonly method: ForgettingMethod;
  readonly action: RunResult["action"];
  readonly documents: number;
  readonly steps: number;
  readonly measurement: ErasureMeasurement;
  /** The artifact with it. */
  readonly measurementArtifact: string;
  readonly measurementDigest: string;
  readonly cost: {
    readonly unlearning: ForgettingCost;
    readonly measuring: ForgettingCost;
    /** Of the reference, where it was trained now. */
    readonly retraining?: ForgettingCost;
  };
}

async function costOf<T>(work: () => Promise<T>): Promise<{ readonly made: T; readonly cost: ForgettingCost }> {
  const [began, cpu] = [performance.now(), process.cpuUsage()];
  const made = await work();
  const { user, system } = process.cpuUsage(cpu);
  const digits = (x: number) => Number(x.toPrecision(3));
  return { made, cost: { seconds: digits((performance.now() - began) / 1000), processorSeconds: digits((user + system) / 1e6) } };
}

/** Errors: project/argument where it saw one of the documents. */
async function referenceVersion(store: Store, named: string, { ids }: DividedTexts, trained: TrainedVersion) {
  const reference = await trainedVersion(store, named);
  const saw = new Set(reference.train.ids);
  const seen = ids.filter(id => saw.has(id));
  if (seen.length > 0)
    throw wrongArgument(
      "reference",
      "a version that never saw the documents",
      `${reference.label}, trained on ${seen.length} of them`,
      "`--reference retrain` trains one.",
    );
  if (!reference.tokenizerText.equals(trained.tokenizerText))
    throw wrongArgument("reference", `a version with the tokenizer of ${trained.label}`, `${reference.label}, which has another`);
  return { artifact: reference.version.artifact, digest: reference.version.digest };
}

/** Tokens given and asked for: half of the documents are long enough for them. */
function extractionLengths(divided: DividedTexts, { prefix, suffix }: UnlearnVersionOptions) {
  const lengths = divided.forget.map(t => t.length).sort((a, b) => a - b);
  const half = Math.max(1, Math.min(16, (lengths[lengths.length >> 1] ?? 2) >> 1));
  return { prefix: prefix ?? half, suffix: suffix ?? half };
}

async function numbered(store: Store, model: string, artifact: string): Promise<string> {
  const known = (await listModels(store)).find(m => m.model === model)?.versions.find(v => v.artifact === artifact);
  return `${model}@${(known ?? (await registerVersion(store, model, artifact, {}))).number}`;
}

/**
 * Makes the version and measures it. A version that falls short is registered all the same, without an alias: gates on `erasedWithinNeverSeen` and its
 * like refuse it. Errors: project/model, project/argument, data/unknownDocument, train/*, store/notFound.
 */
export async function unlearnVersion(
  at: Workspace,
  named: string,
  documents: readonly string[],
  options: UnlearnVersionOptions,
  watch: Watch,
): Promise<UnlearnedVersion> {
  const { method = "npo", reference: wanted, prefix: _, suffix: __, ...over } = options;
  const store = await at.store();
  const trained = await trainedVersion(store, named);
  const divided = dividedTexts(trained, documents);
  if (divided.forget.length < leastTexts || divided.neverSeen.length < 2 * leastTexts)
    throw wrongArgument(
      "loam models unlearn",
      `${leastTexts} documents to forget and ${2 * leastTexts} held-out ones, at least: fewer cannot be measured`,
      `${divided.forget.length} and ${divided.neverSeen.length}`,
      "`loam data forget ID --apply` retrains without any number of documents.",
    );
  const how = method === "retrain" ? "retrain" : unlearnSchema.parse({ method, ...defined(over) });
  const device = lazyDevice(at.file)();
  const texts = erasureTexts({ ...divided, vocab: trained.vocab });
  const given: UnlearnGiven = { store, device, trained, divided, texts };
  const { version, label } = trained;
  const parent = { artifact: version.artifact, digest: version.digest };
  const stageOptions = { parent, documents: divided.ids.map(id => sha256(id)), texts: textsDigest(divided) };
  const { signal } = watch;
  const progress = progressFor(watch, label);
  const make = (as: typeof how) =>
    costOf(() => runStage(store, unlearnStage(given), { inputs: {}, options: { ...stageOptions, how: as }, progress, signal }));
  const unlearned = await make(how);
  const retrained = wanted === "retrain" ? await make("retrain") : undefined;
  const reference = retrained
    ? { artifact: retrained.made.artifact.id, digest: retrained.made.artifact.digest }
    : wanted === undefined
      ? undefined
      : await referenceVersion(store, wanted, divided, trained);
  const measured = await costOf(() =>
    runStage(store, measureStage({ store, device, texts, end: trained.end }), {
      inputs: { model: unlearned.made.artifact },
      options: { before: parent, ...defined({ reference }), texts: stageOptions.texts, ...extractionLengths(divided, options) },
      progress,
      signal,
    }),
  );
  const { artifact, action } = unlearned.made;
  const name = await numbered(store, version.model, artifact.id);
  const measurement = JSON.parse((await measured.made.artifact.read(measurementFile)).toString("utf8")) as ErasureMeasurement;
  await recordAct(store, {
    kind: "erasure",
    who: thisUser(),
    what: "unlearn",
    on: name,
    evidence: { parent: version.digest, model: artifact.digest, measurement: measured.made.artifact.digest },
    note: `${method}: ${divided.ids.length} documents of ${label}`,
  });
  return {
    version: name,
    artifact: artifact.id,
    digest: artifact.digest,
    parent: label,
    method,
    action,
    documents: divided.ids.length,
    steps: Number(artifact.summary.steps),
    measurement,
    measurementArtifact: measured.made.artifact.id,
    measurementDigest: measured.made.artifact.digest,
    cost: { unlearning: unlearned.cost, measuring: measured.cost, ...(retrained ? { retraining: retrained.cost } : {}) },
  };
}
