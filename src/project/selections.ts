/** Candidate bases beside each other on the user's own texts, and which one to take, with reasons: as language models, or for a classifier of loam.yaml. */
import { formatBytes, isLoamError, nearest, sha256, withDetails } from "../base/index.ts";
import { type Document, documentsOf } from "../data/index.ts";
import { type ArtifactReader, listModels, type Store } from "../store/index.ts";
import type { Device } from "../tensor/index.ts";
import { bitsPerByteOf, type Comparison, halfOf, verdictOf } from "../tune/index.ts";
import { progressFor, type Watch } from "./call.ts";
import { dataLinksOf } from "./data-links.ts";
import { projectErrors } from "./errors.ts";
import { prefixTokenOf } from "./eval/prefix-token.ts";
import { homeIfThere } from "./models/home.ts";
import type { ProjectFile } from "./project-file.ts";
import { runLinks } from "./run-links.ts";
import { type Candidate, measureCandidate, mostJudgedContext } from "./searching/candidate.ts";
import { candidateRefusal, type RefusedBase } from "./searching/refusal.ts";
import { type ClassSelection, classifierOf, selectForClasses } from "./searching/select-classes.ts";
import { findModel } from "./serving/find-model.ts";
import { foundFiles } from "./serving/found-files.ts";
import { deviceOf } from "./serving/open-engine.ts";
import { readServedModel } from "./serving/read-model.ts";
import type { Workspace } from "./workspace.ts";

export interface SelectOptions {
  /** The data set; default: the only one. */
  readonly on?: string | undefined;
  /** A classifier of loam.yaml: bases are judged as what it is tuned from. */
  readonly for?: string | undefined;
  /** Documents that judge, at most; default: 32, of classes 200. */
  readonly documents?: number | undefined;
  /** Steps that each candidate is trained; default: 0. */
  readonly steps?: number | undefined;
  /** Learning rate of the steps; default: 1e-4. */
  readonly rate?: number | undefined;
  /** Sequences that are decoded at once where the speed is measured; default: 4. */
  readonly slots?: number | undefined;
}

export interface BaseCandidate {
  readonly name: string;
  readonly parameters: number;
  readonly memoryBytes: number;
  readonly decodeTokensPerSecond: number;
  readonly prefillTokensPerSecond: number;
  readonly bitsPerByte: number;
  readonly fewStepBitsPerByte: number | null;
  /** Why there is no few-step quality. */
  readonly untrained: string | null;
  /** Beside the best; null of the best. */
  readonly comparison: Comparison | null;
}

/** Bases of a language model, from the best on. */
export interface BaseSelection {
  readonly on: string;
  readonly documents: number;
  readonly bytes: number;
  readonly steps: number;
  readonly candidates: readonly BaseCandidate[];
  readonly refused: readonly RefusedBase[];
  readonly recommended: string;
  readonly reason: string;
}

const verb = "tune select";

interface Measured extends Candidate {
  readonly name: string;
}

function dataNameOf({ config }: ProjectFile, given: string | undefined): string {
  const known = Object.keys(config.data);
  const wanted = given ?? (known.length === 1 ? known[0] : undefined);
  if (wanted !== undefined && known.includes(wanted)) return wanted;
  const near = wanted === undefined ? undefined : nearest(wanted, known);
  throw projectErrors.fail("argument", {
    place: `loam ${verb}: --on`,
    expected: `one of ${known.join(", ")}`,
    received: wanted === undefined ? "none" : `"${wanted}"`,
    ...(near ? { hint: `Did you mean "${near}"?` } : {}),
  });
}

/** Names of all models that are here: the project's, then the home's. */
async function allModels(store: Store): Promise<string[]> {
  const own = (await listModels(store)).map(m => m.model);
  const home = await homeIfThere();
  try {
    return [...new Set([...own, ...(home ? (await listModels(home)).map(m => m.model) : [])])];
  } finally {
    await home?.close();
  }
}

/** Texts of the data set: some of the validation half, in an order of their hashes, and its training side where it is needed. */
async function textsOf(documents: ArtifactReader, most: number, needsTrain: boolean) {
  const heldOut: Document[] = [];
  for await (const d of documentsOf(documents, "held-out")) heldOut.push(d);
  const key = (d: Document) => sha256(`select/${d.id}`);
  const judgedOn = halfOf(heldOut, "validation", `${documents.id}/held-out`)
    .toSorted((a, b) => (key(a) < key(b) ? -1 : 1))
    .slice(0, most);
  const train: string[] = [];
  if (needsTrain) for await (const d of documentsOf(documents, "train")) train.push(d.text);
  return { judgedOn, train };
}

type Texts = Awaited<ReturnType<typeof textsOf>>;
interface Measuring extends Texts {
  readonly device: Device;
  readonly steps: number;
  readonly rate: number;
  readonly slots: number;
}

async function measured(workspace: Workspace, name: string, o: Measuring, watch: Watch): Promise<Measured> {
  await using found = await findModel(workspace.folder, workspace.cwd, name);
  const { files, label } = await foundFiles(found);
  const read = await readServedModel(files, o.device, label);
  const { config } = read;
  const candidate = await measureCandidate({
    ...o,
    prefix: await prefixTokenOf(files, read),
    model: config.positions === "rotary" ? { ...read, config: { ...config, context: Math.min(config.context, mostJudgedContext) } } : read,
    half: "validation",
    seed: 1,
    progress: progressFor(watch, name),
    signal: watch.signal,
  });
  return { name, ...candidate };
}

const qualityOf = (c: Measured) => c.fewStep ?? c.zeroStep;

/** The best, what it is compared with, and the smallest of those that are not surely worse. */
function recommended(all: readonly Measured[]) {
  const order = all.toSorted((a, b) => bitsPerByteOf(qualityOf(a)) - bitsPerByteOf(qualityOf(b)));
  const [best, ...others] = order as [Measured, ...Measured[]];
  const { comparisons } = verdictOf(
    qualityOf(best),
    others.map(o => ({ against: "runnerUp" as const, judgement: qualityOf(o) })),
  );
  const compared = new Map<string, Comparison>(others.map((o, i) => [o.name, comparisons[i]!]));
  const near = order.filter(c => c === best || !compared.get(c.name)!.isSignificant);
  const taken = near.reduce((a, b) => (b.memoryBytes < a.memoryBytes ? b : a));
  return { order, best, compared, near, taken };
}

function selection(on: string, { judgedOn, steps }: Measuring, all: readonly Measured[], refused: readonly RefusedBase[]): BaseSelection {
  const bytes = judgedOn.reduce((n, d) => n + Buffer.byteLength(d.text), 0);
  const judgedBy = { on, documents: judgedOn.length, bytes, steps };
  if (all.length === 0)
    throw withDetails(
      projectErrors.fail("nothing", {
        place: `loam ${verb}`,
        expected: "a language model or more",
        received: `${refused.length} that are none`,
      }),
      { ...judgedBy, refused },
    );
  const { order, best, compared, near, taken } = recommended(all);
  const reason =
    taken === best
      ? near.length === 1
        ? all.length === 1
          ? "the only candidate"
          : "it predicts these texts significantly best"
        : "it foresees these texts best, and of those that may be as good it needs the least memory"
      : `${best.name} is not significantly better (p ${compared.get(taken.name)!.p.toFixed(2)}), and it needs ${formatBytes(best.memoryBytes - taken.memoryBytes)} less memory`;
  const candidates = order.map(
    (c): BaseCandidate => ({
      name: c.name,
      parameters: c.parameters,
      memoryBytes: c.memoryBytes,
      decodeTokensPerSecond: c.decode,
      prefillTokensPerSecond: c.prefill,
      bitsPerByte: bitsPerByteOf(c.zeroStep),
      fewStepBitsPerByte: c.fewStep ? bitsPerByteOf(c.fewStep) : null,
      untrained: c.untrained ?? null,
      comparison: compared.get(c.name) ?? null,
    }),
  );
  return { ...judgedBy, candidates, refused, recommended: taken.name, reason };
}

/** Measures bases one after the other; all models that are here, where none is named. Errors: project/nothing where none is a base. */
export async function selectBase(
  workspace: Workspace,
  given: readonly string[],
  options: SelectOptions,
  watch: Watch,
): Promise<BaseSelection | ClassSelection> {
  const { file } = workspace;
  const tune = options.for === undefined ? undefined : classifierOf(file, options.for);
  if (tune && options.on !== undefined && options.on !== tune.on)
    throw projectErrors.fail("argument", {
      place: `loam ${verb}: --on`,
      expected: `none beside --for, or ${tune.on}, on which ${options.for} is tuned`,
      received: `"${options.on}"`,
    });
  const on = tune?.on ?? dataNameOf(file, options.on);
  const { documents: most = tune ? 200 : 32, steps = 0, rate = 1e-4, slots = 4 } = options;
  const store = await workspace.store();
  const names = given.length > 0 ? given : await allModels(store);
  if (names.length === 0)
    throw projectErrors.fail("nothing", {
      place: `loam ${verb}`,
      expected: "a model or more",
      received: "none",
      hint: "`loam models import` brings one in, `loam run` makes one.",
    });
  const { made } = await runLinks(store, dataLinksOf(file, on), {}, watch);
  const documents = made.get(`data/${on}`)!;
  if (tune) return selectForClasses({ workspace, names, tune, documents, most, steps }, watch);
  const o: Measuring = { ...(await textsOf(documents, most, steps > 0)), device: deviceOf(file), steps, rate, slots };
  const all: Measured[] = [];
  const refused: RefusedBase[] = [];
  for (const name of names) {
    watch.signal.throwIfAborted();
    try {
      all.push(await measured(workspace, name, o, watch));
    } catch (error) {
      watch.signal.throwIfAborted();
      // what cannot be a base of a language model (an encoder, damaged files) is told, and the others are looked at
      if (!isLoamError(error)) throw error;
      refused.push({ name, reason: candidateRefusal(error, name, file) });
    }
  }
  return selection(on, o, all, refused);
}
