/**
 * What states say of the tokens that follow them: logits are made of many states at once, whichever rows they come from, and of them only three
 * numbers a state and one a target leave the device. States that several targets follow are looked at once a portion.
 */
import { type ArraysOf, type Decoder, type DecoderConfig, type DecoderSpec, unembed } from "../../nn/index.ts";
import { compile, type Device, gather, logSumExp, max, reshape, type Tensor } from "../../tensor/index.ts";

/** States whose logits are made at once, and twice as many targets looked up in them: the larger, the less a state costs. */
const headSizes = [64, 128, 256] as const;
const largest = headSizes.at(-1)!;
/** States wait for others so many batches at most: whoever watches sees answers. */
const mostBatches = 8;

/** A target of a path, behind a state of a batch. */
interface ScoredPath {
  readonly path: number;
  /** Number of the state in its batch. */
  readonly at: number;
  readonly target: number;
}

/** Hears of every target: the natural logarithm of its probability, whether it is the likeliest, and its share of the clock. */
type OnPathScore = (path: number, logProbability: number, isGreedy: boolean, ms: number) => void;

interface PathHead extends Disposable {
  /** States that wait for others until a portion is full. */
  open(found: OnPathScore): Portions;
}

interface Portions {
  /** `states` [N, C] as numbers, and what is asked of them. */
  take(states: ArrayLike<number>, scored: readonly ScoredPath[]): Promise<void>;
  /** Looks at what still waits. */
  end(): Promise<void>;
}

export function pathHead(device: Device, config: DecoderConfig, parameters: ArraysOf<DecoderSpec>): PathHead {
  const { width, vocab } = config;
  /** States [A, C], and of each target the place of its logit among A x V. */
  const head = compile(
    (p: Decoder, states: Tensor, places: Tensor) => {
      const logits = unembed(config, p, states); // [A, V]
      const flat = reshape(logits, [-1, 1]);
      return { norm: reshape(logSumExp(logits), [-1]), most: reshape(max(logits, -1), [-1]), logits: reshape(gather(flat, places), [-1]) };
    },
    { device, constant: [0], fuse: true, strassen: true, name: "path-logits" },
  );

  const open = (found: OnPathScore): Portions => {
    const states = new Float32Array(largest * width);
    let count = 0;
    let batches = 0;
    let targets: { readonly path: number; readonly state: number; readonly target: number }[] = [];
    const end = async (): Promise<void> => {
      if (targets.length === 0) return;
      const began = performance.now();
      const size = headSizes.find(n => n >= count && 2 * n >= targets.length)!;
      // what a portion before this one has left behind is not asked for
      const x = await device.array(states.subarray(0, size * width), "f32", [size, width]);
      const places = await device.array(
        Int32Array.from({ length: 2 * size }, (_, i) => (targets[i] ? targets[i]!.state * vocab + targets[i]!.target : 0)),
        "i32",
        [2 * size],
      );
      const out = await head(parameters, x, places);
      const [norm, most, logits] = [await out.norm.numbers(), await out.most.numbers(), await out.logits.numbers()];
      for (const a of [x, places, out.norm, out.most, out.logits]) a.dispose();
      const portion = targets;
      [count, batches, targets] = [0, 0, []];
      const ms = (performance.now() - began) / portion.length;
      for (const [i, { path, state }] of portion.entries()) found(path, logits[i]! - norm[state]!, logits[i]! >= most[state]!, ms);
    };
    return {
      async take(given, scored) {
        /** Where states of this batch stand in the portion. */
        const known = new Map<number, number>();
        for (const { path, at, target } of [...scored].sort((a, b) => a.at - b.at)) {
          if (targets.length === 2 * largest || (!known.has(at) && count === largest)) {
            await end();
            known.clear();
          }
          let state = known.get(at);
          if (state === undefined) {
            state = count++;
            for (let i = 0; i < width; i++) states[state * width + i] = given[at * width + i]!;
            known.set(at, state);
          }
          targets.push({ path, state, target });
        }
        batches++;
        if (batches >= mostBatches) await end();
      },
      end,
    };
  };
  return { open, [Symbol.dispose]: () => head.dispose() };
}
