/** A link of a life: a stage with what it is given by the links before it, and how its result reads. From here on links are alike. */
import type { z } from "zod";
import type { Progress } from "../base/index.ts";
import {
  type ArtifactReader,
  planStage,
  type RunResult,
  runStage,
  type Stage,
  type StagePlan,
  type Store,
  type Summary,
} from "../store/index.ts";

export const stageNames = [
  "source",
  "data",
  "blend",
  "purpose",
  "tokenizer",
  "shards",
  "import",
  "train",
  "tune",
  "sketch",
  "baselines",
  "evaluate",
  "cross-validate",
] as const;
export type StageName = (typeof stageNames)[number];

/** How a run is watched and stopped. */
export interface RunGiven {
  readonly progress: Progress;
  readonly signal: AbortSignal;
  readonly force?: boolean;
  /** What was refused since then is not tried again. */
  readonly recall?: { readonly sinceMs: number };
  /** The search that the run belongs to. */
  readonly study?: string;
}
type Inputs = Readonly<Record<string, ArtifactReader>>;

export interface Link {
  readonly stage: StageName;
  /** What people read: `data/mail`. */
  readonly label: string;
  /** The stage's name for an input -> the label of the link that makes it. */
  readonly inputs: Readonly<Record<string, string>>;
  describe(summary: Summary): string;
  plan(store: Store, inputs: Inputs): Promise<StagePlan>;
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
export function openedLink<I extends string, S extends z.ZodType>({ open, ...shown }: OpenedLinkOf<I, S>): Link {
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
    run: async (store, inputs, given) => {
      // what trains reaches the engine, which planning does not load
      const { withKeptPrecisions } = await import("./kept-precisions.ts");
      return withKeptPrecisions(() =>
        within(open(store, given.signal), async o =>
          runStage(store, o.definition, { inputs: inputs as Record<I, ArtifactReader>, options: await o.options(), ...given }),
        ),
      );
    },
  };
}

export type Made = ReadonlyMap<string, ArtifactReader>;

const inputsOf = (link: Link, made: Made): Record<string, ArtifactReader> | undefined => {
  const entries = Object.entries(link.inputs).map(([name, label]) => [name, made.get(label)] as const);
  return entries.every(([, a]) => a) ? (Object.fromEntries(entries) as Record<string, ArtifactReader>) : undefined;
};

/** Whether a link would run; undefined when what it needs is not made yet. */
export async function planLink(store: Store, link: Link, made: Made): Promise<StagePlan | undefined> {
  const inputs = inputsOf(link, made);
  return inputs && link.plan(store, inputs);
}

/** Runs a link whose inputs are made. */
export const runLink = (store: Store, link: Link, made: Made, given: RunGiven): Promise<RunResult> =>
  link.run(store, inputsOf(link, made)!, given);
