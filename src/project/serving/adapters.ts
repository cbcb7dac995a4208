/** The adapters of `loam serve`: those that are named at the start, the room for more, and the folder from which more may come. */
import { resolve } from "node:path";
import { type AdapterRoom, adapterRank, folderFiles, isBaseNamed, readAdapter } from "../../nn/index.ts";
import type { Engine, Engines } from "../../serve/index.ts";
import { projectErrors } from "../errors.ts";
import type { NamedVersion } from "./model-versions.ts";

export interface NamedFolder {
  readonly name: string;
  readonly folder: string;
}
export interface AdapterChoice {
  readonly named: readonly NamedFolder[];
  /** Absent where nobody asks for adapters: then nothing is reserved. */
  readonly room: AdapterRoom | undefined;
  /** Adapters below it may be loaded while it serves. */
  readonly folder: string | undefined;
  /** Whether adapters that were made for other weights are taken too; not where absent. */
  readonly anyBase?: boolean;
}

/** As many as there is room for where adapters are wanted and no number is said. */
const defaultCount = 4;
/** PEFT's and vLLM's usual ranks are 8 and 16. */
const defaultRank = 16;
/** The vectors of a processor: a rank between takes as long. */
const rankStep = 8;

export interface AdapterOptions {
  /** Folders of LoRA adapters (PEFT) of the first model, by the name that requests use. */
  readonly adapters?: Readonly<Record<string, string>> | undefined;
  /** Adapters that can be loaded at once; default: 4 where any are wanted, and those that are named. */
  readonly maxAdapters?: number | undefined;
  /** The greatest rank that one may have; default: 16, or that of those that are named. */
  readonly maxAdapterRank?: number | undefined;
  /** Adapters below this folder may be loaded over HTTP; default: none. */
  readonly adapterFolder?: string | undefined;
  /** Takes adapters that were made for other weights too. */
  readonly adapterAnyBase?: boolean | undefined;
}

/** Reads the ranks of what is named. Errors: project/argument, and those of an adapter's configuration. */
export async function adapterChoice(options: AdapterOptions, cwd: string): Promise<AdapterChoice> {
  const named = Object.entries(options.adapters ?? {}).map(([name, folder]) => ({ name, folder: resolve(cwd, folder) }));
  const { adapterFolder: folder, maxAdapters: most, maxAdapterRank: rank } = options;
  const any = options.adapterAnyBase === true ? { anyBase: true } : {};
  if (named.length === 0 && folder === undefined && most === undefined && rank === undefined)
    return { named, room: undefined, folder: undefined, ...any };
  if (most !== undefined && most < named.length)
    throw projectErrors.fail("argument", {
      place: "loam serve: --max-adapters",
      expected: `at least ${named.length}, as many as --adapter names`,
      received: String(most),
    });
  let greatest = 0;
  for (const { name, folder } of named) greatest = Math.max(greatest, await adapterRank({ ...folderFiles(folder), id: name }));
  return {
    named,
    room: {
      count: most ?? Math.max(defaultCount, named.length),
      rank: rank ?? Math.max(defaultRank, rankStep * Math.ceil(greatest / rankStep)),
    },
    folder: folder === undefined ? undefined : resolve(cwd, folder),
    ...any,
  };
}

export interface LoadAdapters {
  /** Adapters that were made for other weights are taken too. */
  readonly anyBase: boolean | undefined;
  warn(text: string): void;
}

/**
 * Loads what is named into an engine, with a warning where the name of an adapter's base is another and nothing proves that it is this model.
 * Errors: those of the adapters, with their folder.
 */
export async function loadAdapters(
  engines: Engines,
  base: Engine,
  named: readonly NamedFolder[],
  { anyBase, warn }: LoadAdapters,
): Promise<void> {
  const { id, name: own, artifact, aliases = [], config, weights } = base.model;
  const names = [id, ...(own ? [own] : []), ...(artifact ? [artifact] : []), ...aliases];
  for (const { name, folder } of named) {
    const room = { mostRank: base.adapterRoom.rank };
    const adapter = await readAdapter(folderFiles(folder), config, anyBase ? room : { ...room, weights });
    const { base: made } = adapter;
    if (made?.name !== undefined && made.weights === undefined && !isBaseNamed(made.name, names))
      warn(
        `loam: ${name}: it says that it was made for "${made.name}", with no digest to tell whether that is ${id}. Over another model it answers anything.`,
      );
    await engines.adapters.add(base, name, adapter);
  }
}

/** The engine that the command line's adapters are for: that of the first model. Errors: project/argument where it continues no texts. */
export function adaptedEngine(engines: Engines, { name, version }: NamedVersion): Engine {
  const id = `${name}@${version}`;
  const found = engines.all().find(e => e.model.id === id || (e.model.version === undefined && e.model.id === name));
  if (found) return found;
  throw projectErrors.fail("argument", {
    place: "loam serve: --adapter",
    expected: "a model that continues texts, as the first that is named",
    received: id,
  });
}
