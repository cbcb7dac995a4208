/**
 * A life as a chain of stages: what `loam.yaml` says, from source to evaluated version, in order. Each link knows its stage, its inputs by the
 * names of earlier links, and how its result reads; the runner decides whether it runs.
 */
import { join } from "node:path";
import type { z } from "zod";
import type { LoamError, Progress } from "../base/index.ts";
import { formatBytes, formatCount } from "../base/index.ts";
import {
  blendOptionsOf,
  blendStage,
  blends,
  documentsOptionsOf,
  documentsStage,
  identify,
  type Surroundings,
  sourceStage,
} from "../data/index.ts";
import { baselinesStage, evaluateStage } from "../evaluate/index.ts";
import {
  type ArtifactReader,
  type Plan,
  planStage,
  type RunResult,
  runStage,
  type Stage,
  type Store,
  type Summary,
} from "../store/index.ts";
import { type Device, openDevice } from "../tensor/index.ts";
import { tokenizerStage } from "../text/index.ts";
import { shardsStage, trainStage } from "../train/index.ts";
import { projectPorts } from "./data/ports.ts";
import type { Project } from "./project.ts";

export const stageNames = ["source", "data", "blend", "tokenizer", "shards", "train", "baselines", "evaluate"] as const;
export type StageName = (typeof stageNames)[number];

/** How a run is watched and stopped. */
export interface RunGiven {
  readonly progress: Progress;
  readonly signal: AbortSignal;
  readonly force?: boolean;
}
type Inputs = Readonly<Record<string, ArtifactReader>>;

export interface Link {
  readonly stage: StageName;
  /** What people read: `data/mail`. */
  readonly label: string;
  /** The stage's name for an input -> the label of the link that makes it. */
  readonly inputs: Readonly<Record<string, string>>;
  describe(summary: Summary): string;
  plan(store: Store, inputs: Inputs): Promise<Plan>;
  run(store: Store, inputs: Inputs, given: RunGiven): Promise<RunResult>;
}

interface LinkOf<I extends string, S extends z.ZodType> extends Pick<Link, "stage" | "label" | "describe"> {
  readonly inputs: Readonly<Record<I, string>>;
  readonly definition: Stage<I, S>;
  options(): z.input<S> | Promise<z.input<S>>;
}
/** A link from a stage with its own types; from here on links are alike. */
export const link = <I extends string, S extends z.ZodType>({ definition, options, ...shown }: LinkOf<I, S>): Link =>
  openedLink({ ...shown, open: () => ({ definition, options: async () => options() }) });

/** A stage, and what it must be given, as long as it is used. */
interface Opened<I extends string, S extends z.ZodType> {
  readonly definition: Stage<I, S>;
  options(): Promise<z.input<S>>;
  close?(): void;
}
interface OpenedLinkOf<I extends string, S extends z.ZodType> extends Pick<Link, "stage" | "label" | "describe"> {
  readonly inputs: Readonly<Record<I, string>>;
  open(store: Store, signal?: AbortSignal): Opened<I, S>;
}
/** A link whose stage needs the store. */
function openedLink<I extends string, S extends z.ZodType>({ open, ...shown }: OpenedLinkOf<I, S>): Link {
  async function within<T>(opened: Opened<I, S>, work: (o: Opened<I, S>) => Promise<T>): Promise<T> {
    try {
      return await work(opened);
    } finally {
      opened.close?.();
    }
  }
  return {
    ...shown,
    plan: (store, inputs) =>
      within(open(store), async o =>
        planStage(store, o.definition, { inputs: inputs as Record<I, ArtifactReader>, options: await o.options() }),
      ),
    run: (store, inputs, given) =>
      within(open(store, given.signal), async o =>
        runStage(store, o.definition, { inputs: inputs as Record<I, ArtifactReader>, options: await o.options(), ...given }),
      ),
  };
}

export interface LifeSurroundings {
  readonly onProblem: (problem: LoamError) => void;
  /** The project's own, opened when it is needed, where none is given. */
  readonly device?: () => Device;
}

/** Opened once, when the first stage needs it. */
export function lazyDevice(p: Project): () => Device {
  let device: Device | undefined;
  const { name, ...options } = p.config.device;
  const given = Object.fromEntries(Object.entries(options).filter(([, v]) => v !== undefined));
  return () => {
    device ??= openDevice(name, given);
    return device;
  };
}

const n = (summary: Summary, key: string): number => Number(summary[key] ?? 0);

/** Why records were set aside or dropped, the commonest first: `1,003 near-duplicates, 172 too short`. */
const reasonsOf = (summary: Summary): string =>
  String(summary.reasons ?? "")
    .split(", ")
    .slice(0, 3)
    .join(", ");

/** Who curates: so many threads of this process, or every process that works on the store's board. */
export interface DataWorkers {
  readonly workers?: number | undefined;
  readonly shared?: boolean | undefined;
}

/** The links that make one data set. */
export function dataLinksOf(p: Project, name: string, { workers, shared = false }: DataWorkers = {}): Link[] {
  const data: Surroundings = { folder: p.folder, memory: `${p.folder}/.loam/files.json`, kept: join(p.folder, ".loam", "kept") };
  const part = p.config.data[name]!;
  const isBlended = blends(part);
  return [
    link({
      stage: "source",
      label: `source/${name}`,
      inputs: {},
      definition: sourceStage(data),
      options: () => identify(part, data),
      describe: s => `${formatCount(n(s, "files"))} files, ${formatBytes(n(s, "sizeBytes"))} from ${s.origin}`,
    }),
    openedLink({
      stage: "data",
      label: isBlended ? `curated/${name}` : `data/${name}`,
      inputs: { source: `source/${name}` },
      open(store, signal) {
        const ports = projectPorts(p, store, signal ? { signal } : {});
        return {
          definition: documentsStage({
            ...data,
            resources: async () => ports.resources,
            ...(workers === undefined ? {} : { workers }),
            ...(shared ? { shared: store } : {}),
          }),
          options: () => documentsOptionsOf(name, part, need => ports.identityOf(need)),
          close: () => ports[Symbol.dispose](),
        };
      },
      describe: s => {
        const why = reasonsOf(s);
        return `${formatCount(n(s, "read"))} read -> ${formatCount(n(s, "kept"))} kept${why ? ` (${why})` : ""}; held out ${formatCount(n(s, "heldOutDocuments"))}`;
      },
    }),
    ...(isBlended
      ? [
          openedLink({
            stage: "blend",
            label: `data/${name}`,
            inputs: { documents: `curated/${name}` },
            open(store, signal) {
              const ports = projectPorts(p, store, signal ? { signal } : {});
              return {
                definition: blendStage({ resources: async () => ports.resources, answers: join(p.folder, ".loam", "answers") }),
                options: () => blendOptionsOf(name, part, need => ports.identityOf(need)),
                close: () => ports[Symbol.dispose](),
              };
            },
            describe: s =>
              [
                `${formatCount(n(s, "trainDocuments"))} train documents`,
                ...(s.made === undefined ? [] : [`${formatCount(n(s, "made"))} made of others`]),
                ...(s.readings === undefined
                  ? []
                  : [`${formatCount(n(s, "readings"))} readings an epoch, ${formatCount(n(s, "leftOut"))} left out`]),
              ].join("; "),
          }),
        ]
      : []),
  ];
}

/** The links of one model's life, in order. */
export function lifeOf(p: Project, modelName: string, around: LifeSurroundings): Link[] {
  const { config } = p;
  const model = config.models[modelName]!;
  const device = around.device ?? lazyDevice(p);
  const dataLinks = [...new Set([config.tokenizer.from, model.train.on])].flatMap(name => dataLinksOf(p, name));
  const { on, length, ...recipe } = model.train;
  const { train: _, evaluate, ...architecture } = model;
  const { kind: __, from, ...tokenizer } = config.tokenizer;
  return [
    ...dataLinks,
    link({
      stage: "tokenizer",
      label: "tokenizer",
      inputs: { documents: `data/${from}` },
      definition: tokenizerStage,
      options: () => tokenizer,
      describe: s => `${formatCount(n(s, "vocab"))} tokens, ${n(s, "bytesPerToken").toFixed(2)} bytes a token`,
    }),
    link({
      stage: "shards",
      label: `shards/${on}`,
      inputs: { documents: `data/${on}`, tokenizer: "tokenizer" },
      definition: shardsStage,
      options: () => ({}),
      describe: s => `${formatCount(n(s, "trainTokens"))} train tokens, ${formatCount(n(s, "heldOutTokens"))} held out`,
    }),
    link({
      stage: "train",
      label: modelName,
      inputs: { shards: `shards/${on}`, tokenizer: "tokenizer" },
      definition: trainStage({
        device,
        onProblem: around.onProblem,
        eventsFolder: join(p.folder, ".loam", "tensorboard"),
      }),
      options: () => ({ name: modelName, model: architecture, recipe: { ...recipe, length: length ?? model.context } }),
      describe: s =>
        `${formatCount(n(s, "parameters"))} parameters, ${formatCount(n(s, "tokens"))} tokens, held-out ${n(s, "heldOutNats").toFixed(3)} nats/token`,
    }),
    link({
      stage: "baselines",
      label: `baselines/${on}`,
      inputs: { documents: `data/${on}`, tokenizer: "tokenizer" },
      definition: baselinesStage,
      options: () => ({ baselines: evaluate.baselines }),
      describe: s =>
        Object.entries(s)
          .map(([name, bits]) => `${name} ${Number(bits).toFixed(2)}`)
          .join(", "),
    }),
    link({
      stage: "evaluate",
      label: `evaluate/${modelName}`,
      inputs: { model: modelName, documents: `data/${on}`, baselines: `baselines/${on}` },
      definition: evaluateStage({ device }),
      options: () => ({ name: modelName }),
      describe: s => `${n(s, "bitsPerByte").toFixed(3)} bits a byte on ${formatCount(n(s, "documents"))} held-out documents`,
    }),
  ];
}

export type Made = ReadonlyMap<string, ArtifactReader>;

const inputsOf = (link: Link, made: Made): Record<string, ArtifactReader> | undefined => {
  const entries = Object.entries(link.inputs).map(([name, label]) => [name, made.get(label)] as const);
  return entries.every(([, a]) => a) ? (Object.fromEntries(entries) as Record<string, ArtifactReader>) : undefined;
};

/** Whether a link would run; undefined when what it needs is not made yet. */
export async function planLink(store: Store, link: Link, made: Made): Promise<Plan | undefined> {
  const inputs = inputsOf(link, made);
  return inputs && link.plan(store, inputs);
}

/** Runs a link whose inputs are made. */
export const runLink = (store: Store, link: Link, made: Made, given: RunGiven): Promise<RunResult> =>
  link.run(store, inputsOf(link, made)!, given);
