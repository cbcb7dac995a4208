/**
 * Metadata of a model, loaded or asleep: what lists, probes and pages tell. A loaded model's engine tells it of itself; before a model leaves memory its
 * metadata is copied here, without weights and tokenizer. An offered model has never been loaded by this process: only its name is known.
 */
import { defined } from "../base/index.ts";
import type { AdapterRoom } from "../nn/index.ts";
import type { EmbeddingEngine, EmbeddingStats } from "./embedding/embedding-engine.ts";
import type { ServedReader } from "./embedding/served-encoder.ts";
import type { Engine, EngineState, EngineStats } from "./engine.ts";
import { type ServedChatTemplate, type ServedModel, type ServedTokenizer, startTokensOf } from "./served-model.ts";
import { type WeightStorage, weightStorage } from "./weight-storage.ts";

/** `asleep`: out of memory, and the next request loads it again. */
type ModelState = EngineState | "asleep";

interface Shared {
  readonly state: ModelState;
  readonly fingerprint: string;
  readonly numParameters: number;
  /** Where the weights are out of memory; of others `storageOf` reads it off the weights. */
  readonly storage?: WeightStorage;
}

export interface DecoderMetadata extends Shared {
  readonly model: Omit<ServedModel, "parameters" | "tokenizer" | "smoothing" | "chatTemplate"> & {
    readonly parameters?: unknown;
    readonly chatTemplate?: Pick<ServedChatTemplate, "source">;
    /** Texts of the tokenizer's special tokens are told by it. */
    readonly tokenizer?: Pick<ServedTokenizer, "specials"> & Partial<Pick<ServedTokenizer, "encode">>;
  };
  readonly room: number;
  readonly adapterRoom: AdapterRoom;
  stats(): Omit<EngineStats, "state"> & { readonly state: ModelState };
}

interface ReaderMetadata extends Shared {
  readonly model: Omit<ServedReader, "parameters" | "tokenizer"> & { readonly parameters?: unknown };
  readonly dimensions: number;
  stats(): Omit<EmbeddingStats, "state"> & { readonly state: ModelState };
}

export type ModelMetadata = DecoderMetadata | ReaderMetadata;

export interface OfferedModel {
  readonly model: Pick<ServedModel, "id" | "name" | "version" | "artifact" | "createdAt" | "parent" | "aliases">;
  readonly state: "asleep";
}
export type ListedMetadata = ModelMetadata | OfferedModel;

/** Whether more than the name is known. */
export const isDescribed = (model: ListedMetadata): model is ModelMetadata => "numParameters" in model;

/** The metadata of a model that leaves memory. */
export function sleepingModel(engine: Engine | EmbeddingEngine): ModelMetadata {
  const { fingerprint, numParameters } = engine;
  const shared = { state: "asleep", fingerprint, numParameters, storage: storageOf(engine) } as const;
  if ("room" in engine) {
    const { parameters: _, tokenizer, smoothing: __, chatTemplate, ...model } = engine.model;
    const { room, adapterRoom } = engine;
    const source = chatTemplate?.source;
    const [startToken] = startTokensOf(engine.model);
    const { requests } = engine.stats();
    return {
      ...shared,
      model: {
        ...model,
        ...defined({ startToken }),
        tokenizer: { specials: tokenizer.specials },
        ...(source === undefined ? {} : { chatTemplate: { source } }),
      },
      room,
      adapterRoom,
      stats: () => ({ ...nothingRuns, requests }),
    };
  }
  const { parameters: _, tokenizer: __, ...model } = engine.model;
  const { texts, batches } = engine.stats();
  return {
    ...shared,
    model,
    dimensions: engine.dimensions,
    stats: () => ({ state: "asleep", queued: 0, running: 0, texts, batches }),
  };
}

const nothingRuns = {
  state: "asleep",
  slots: 0,
  running: 0,
  queued: 0,
  blocked: 0,
  cacheTokens: 0,
  cacheRoom: 0,
  cacheBytes: 0,
  isUniform: false,
  runningAdapters: [],
  queuedAdapters: [],
} as const;

/** How its weights are, or were, stored in memory. */
export const storageOf = ({ storage, model }: ModelMetadata): WeightStorage => storage ?? weightStorage(model.parameters);
