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

interface MemoryOf {
  readonly sizes: ServedSizes;
  readonly form: PodForm;
  /** Concurrent sequences. */
  readonly slots: number;
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

export function memoryPlan({ sizes, form, slots }: MemoryOf): MemoryPlan {
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
  };
  return { ...parts, totalBytes: Math.ceil(Object.values(parts).reduce((sum, n) => sum + n, 0)) };
}

/** As Kubernetes writes it, rounded up to whole mebibytes. */
export const mebibytes = (bytes: number): string => `${Math.ceil(bytes / MiB)}Mi`;
