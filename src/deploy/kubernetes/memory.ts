/**
 * Memory that a pod needs, computed from its model. The terms are what a server holds; their factors are fitted to VmHWM of saturated servers, so that the sum
 * is never below (`npm run bench -- memory-shapes` measures what they are fitted to, golden/memory.json; `npm run bench -- deploy-memory` holds the sum against
 * fresh servers). Peaks of a control group are no measure: they count the page cache.
 */

export const servedForms = ["exact", "int8", "int8-blocks", "int4"] as const;
export type PodForm = (typeof servedForms)[number];

export interface ServedSizes {
  readonly numParameters: number;
  readonly layers: number;
  readonly width: number;
  readonly vocabulary: number;
  /** Keys and values of all sequences at full length; 0 of a model that reads whole texts. */
  readonly cacheBytes: number;
  /** Pages of the cache that there are programs for, by view. */
  readonly cacheViews: readonly number[];
}

/** Of the classifier of `serve.moderate`, which a pod holds beside its model. */
export interface ModeratorSizes extends Pick<ServedSizes, "numParameters" | "layers" | "width" | "vocabulary"> {
  readonly family: "decoder" | "encoder";
  readonly heads: number;
  /** Tokens of a text that are read at most. */
  readonly longest: number;
  /** Programs that are built for texts of any length up to it. */
  readonly programs: number;
  /** Tokens of the largest batch. */
  readonly batchTokens: number;
}

/** Of `serve.moderate` and `serve.blocked`. */
export interface GuardSizes {
  readonly moderator?: ModeratorSizes | undefined;
  /** Characters of all blocked words and phrases. */
  readonly blockedCharacters: number;
}

interface MemoryOf {
  readonly sizes: ServedSizes;
  readonly form: PodForm;
  /** Concurrent sequences. */
  readonly slots: number;
  readonly guards?: GuardSizes | undefined;
}

export interface MemoryPlan {
  readonly weightsBytes: number;
  readonly cacheBytes: number;
  /** Node, its heap, ONNX Runtime, Loam. */
  readonly libraryBytes: number;
  /** Tokens as text, and merges. */
  readonly vocabularyBytes: number;
  /** Programs of the model, one for each width and view of the cache, and what is computed between operators. */
  readonly programBytes: number;
  /** Sequences in flight: logits, buffers, sockets. */
  readonly sequenceBytes: number;
  /** The classifier of `serve.moderate`; absent without one. */
  readonly moderatorBytes?: number;
  /** Searches for blocked words; absent without any. */
  readonly blocklistBytes?: number;
  readonly totalBytes: number;
}

const MiB = 1024 * 1024;
/**
 * By linear programming: for each of 31 exact servers of 15 models (1 to 30 layers, widths 32 to 1024, 300 to 49,152 tokens, contexts to 4096) the sum is 1.5 to 9.5 %
 * above what it took, since two starts of one server differ by 1 %, and the mean is least (4.9 %). With a bound of 9 % there is no solution. Weights and cache
 * are known and not fitted. Of the rest, what every server holds is near that of a server of one layer (146 MiB).
 */
const fitted = {
  library: 148.3 * MiB,
  perToken: 721,
  perLayer: 1.28 * MiB,
  /** A page more that a view of the cache has, and the same of each layer: nodes of programs. */
  perPage: 1.35 * MiB,
  perPageOfLayer: 0.567 * MiB,
  /** What lies between operators while a chunk is read. */
  perWidth: 0.036 * MiB,
  perSequence: 0.882 * MiB,
  /** Logits in float32, and the order that they are sampled in. */
  perTokenOfSequence: 10,
} as const;

/**
 * At the fullest moment. A quantised form is made from the float32 weights while the server starts: its peak is above that of `exact`, though it holds less
 * afterwards. Of SmolLM2-135M, 2.8 to 3.6 % above one start of each.
 */
const bytesPerWeight: Readonly<Record<PodForm, number>> = { exact: 4, int8: 6.2, "int8-blocks": 4.1, int4: 4.6 };

/**
 * Of a moderator, what a server holds more than weights and tokenizer, by linear programming as above: for each of 9 decoders and 9 encoders (1 to 12 layers, widths
 * 32 to 768, texts of 128 to 2,048 tokens) a toy's whole pod is 1.5 to 6.3 % above what it took. It is at its peak when it starts: each program runs once. A
 * decoder keeps scores of a whole batch, an encoder those of a block.
 */
const fittedModerator = {
  decoder: { library: 0.36 * MiB, perLayerOfProgram: 0.511 * MiB, perWidth: 0.0495 * MiB, scores: 6.44 },
  encoder: { library: 8.63 * MiB, perLayer: 2.26 * MiB, perWidth: 0.093 * MiB, batches: 19.9 },
} as const;

/** Its weights are float32, its tokenizer is its own, and it keeps no keys and values. */
export function moderatorBytes(m: ModeratorSizes): number {
  const { family, numParameters, layers, width, heads, vocabulary, longest, programs, batchTokens } = m;
  const held = 4 * numParameters + fitted.perToken * vocabulary;
  if (family === "decoder") {
    const f = fittedModerator.decoder;
    const scores = 4 * heads * batchTokens * longest;
    return Math.ceil(held + f.library + f.perLayerOfProgram * layers * programs + f.perWidth * width + f.scores * scores);
  }
  const f = fittedModerator.encoder;
  return Math.ceil(held + f.library + f.perLayer * layers + f.perWidth * width + f.batches * 4 * batchTokens * width);
}

/** The most of 11 lists of 1,000 to 20,000 words: 450 (words of a language, which begin alike) to 1,045 bytes a character. */
const perBlockedCharacter = 1050;

export const guardsBytes = ({ moderator, blockedCharacters }: GuardSizes): number =>
  perBlockedCharacter * blockedCharacters + (moderator ? moderatorBytes(moderator) : 0);

export function memoryPlan({ sizes, form, slots, guards }: MemoryOf): MemoryPlan {
  const { numParameters, layers, width, vocabulary, cacheBytes, cacheViews } = sizes;
  const pages = cacheViews.reduce((sum, n) => sum + n, 0);
  const morePages = Math.max(0, pages - 1);
  const parts = {
    weightsBytes: bytesPerWeight[form] * numParameters,
    cacheBytes,
    libraryBytes: fitted.library,
    vocabularyBytes: fitted.perToken * vocabulary,
    programBytes:
      fitted.perLayer * layers + fitted.perPage * morePages + fitted.perPageOfLayer * morePages * layers + fitted.perWidth * width,
    sequenceBytes: slots * (fitted.perSequence + fitted.perTokenOfSequence * vocabulary),
    ...(guards?.moderator ? { moderatorBytes: moderatorBytes(guards.moderator) } : {}),
    ...(guards && guards.blockedCharacters > 0 ? { blocklistBytes: perBlockedCharacter * guards.blockedCharacters } : {}),
  };
  return { ...parts, totalBytes: Math.ceil(Object.values(parts).reduce((sum, n) => sum + n, 0)) };
}

/** As Kubernetes writes it, rounded up to whole mebibytes. */
export const mebibytes = (bytes: number): string => `${Math.ceil(bytes / MiB)}Mi`;
