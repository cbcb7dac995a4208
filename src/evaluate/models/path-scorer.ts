/**
 * Log-likelihoods of token paths under a decoder. One program reads rows of paths (`path-rows.ts`, in a shape of `path-plan.ts`), another turns the
 * states that something is asked of into logits, and of those only three numbers a state and one a target leave the device.
 */
import { type ArraysOf, type Decoder, type DecoderConfig, type DecoderSpec, decoderStates, unembed } from "../../nn/index.ts";
import { compile, type Device, type DeviceArray, gather, logSumExp, max, reshape, type Tensor } from "../../tensor/index.ts";
import { attentionBlock, isBlocked, plansFor, type Shape, shapeName } from "./path-plan.ts";
import { layPaths, type Path, type TreeRow } from "./path-rows.ts";

export interface PathScore {
  /** Natural logarithm. */
  readonly logLikelihood: number;
  /** Every target is the likeliest token in its place. */
  readonly isGreedy: boolean;
  /** Share of the clock that its own tokens took. */
  readonly ms: number;
}

export interface PathScorer extends Disposable {
  /** Scores paths in an order of its own; `each` hears of every one. Errors: the signal's reason. */
  score(paths: readonly Path[], each: (path: number, score: PathScore) => void, signal?: AbortSignal): Promise<void>;
}

/** States whose logits are made at once, and twice as many targets looked up in them: the larger, the less a state costs. */
const headSizes = [64, 128, 256] as const;

export function pathScorer(device: Device, config: DecoderConfig, parameters: ArraysOf<DecoderSpec>): PathScorer {
  // a window counts places in the row
  const shares = config.window === undefined;
  const built = new Set<string>();
  const states = compile(
    (p: Decoder, tokens: Tensor, positions: Tensor, enter: Tensor, exit: Tensor) => {
      const [rows, width] = tokens.shape as [number, number];
      const sight = shares ? { branches: { enter, exit } } : { segments: exit };
      const block = isBlocked(width) ? { attentionBlock } : {};
      return reshape(decoderStates(config, p, tokens, { positions, ...sight, ...block }), [rows * width, config.width]);
    },
    { device, constant: [0], name: "paths" },
  );
  /** States [N, C], those that are asked [A], and of each target the place of its logit among A x V. */
  const head = compile(
    (p: Decoder, x: Tensor, asked: Tensor, places: Tensor) => {
      const logits = unembed(config, p, gather(x, asked)); // [A, V]
      const flat = reshape(logits, [-1, 1]);
      return { norm: reshape(logSumExp(logits), [-1]), most: reshape(max(logits, -1), [-1]), logits: reshape(gather(flat, places), [-1]) };
    },
    { device, constant: [0], name: "path-logits" },
  );

  const ints = (list: ArrayLike<number>, size: number): Promise<DeviceArray> =>
    device.array(
      Int32Array.from({ length: size }, (_, i) => list[i] ?? 0),
      "i32",
      [size],
    );

  /** The states of rows, [rows * width, C]. */
  async function statesOf(rows: readonly TreeRow[], { rows: count, width }: Shape): Promise<DeviceArray> {
    const size = count * width;
    // padding is seen by itself alone: a tree of one token each, or a text of number -1
    const [tokens, positions] = [new Int32Array(size), new Int32Array(size)];
    const enters = Int32Array.from({ length: size }, (_, i) => i % width);
    const exits = shares ? enters.map(i => i + 1) : new Int32Array(size).fill(-1);
    for (const [r, row] of rows.entries()) {
      tokens.set(row.tokens, r * width);
      positions.set(row.positions, r * width);
      exits.set(shares ? row.exits : segmentsOf(row), r * width);
    }
    const given: DeviceArray[] = [];
    for (const data of [tokens, positions, enters, exits]) given.push(await device.array(data, "i32", [count, width]));
    const x = await states(parameters, given[0]!, given[1]!, given[2]!, given[3]!);
    for (const a of given) a.dispose();
    return x;
  }

  async function scoreRows(
    rows: readonly TreeRow[],
    shape: Shape,
    found: (path: number, logProbability: number, isGreedy: boolean) => void,
  ): Promise<void> {
    const x = await statesOf(rows, shape);
    built.add(shapeName(shape));
    try {
      const scored = rows.flatMap((row, r) => row.scored.map(s => ({ ...s, at: r * shape.width + s.at })));
      for (const part of headParts(scored)) {
        const asked = await ints(part.states, part.size);
        const places = await ints(
          part.targets.map(t => t.state * config.vocab + t.target),
          2 * part.size,
        );
        const out = await head(parameters, x, asked, places);
        const [norm, most, logits] = [await out.norm.numbers(), await out.most.numbers(), await out.logits.numbers()];
        part.targets.forEach(({ path, state }, i) => {
          found(path, logits[i]! - norm[state]!, logits[i]! >= most[state]!);
        });
        for (const a of [asked, places, out.norm, out.most, out.logits]) a.dispose();
      }
    } finally {
      x.dispose();
    }
  }

  return {
    async score(paths, each, signal) {
      for (const { sorted, shape } of plansFor(paths, shares, config, built)) {
        const rows = layPaths(sorted, shape.width);
        for (let first = 0; first < rows.length; first += shape.rows) {
          signal?.throwIfAborted();
          const began = performance.now();
          const part = rows.slice(first, first + shape.rows);
          const own = new Map(part.flatMap(r => [...r.own]));
          const sums = new Map([...own.keys()].map(p => [p, { logLikelihood: 0, isGreedy: true }]));
          await scoreRows(part, shape, (path, logProbability, isGreedy) => {
            const sum = sums.get(path)!;
            sum.logLikelihood += logProbability;
            sum.isGreedy &&= isGreedy;
          });
          const tokens = part.reduce((sum, r) => sum + r.tokens.length, 0);
          const perToken = (performance.now() - began) / Math.max(1, tokens);
          for (const [path, sum] of sums) each(path, { ...sum, ms: perToken * own.get(path)! });
        }
      }
    },
    [Symbol.dispose]() {
      states.dispose();
      head.dispose();
    },
  };
}

/** Number of the path that each token belongs to, of a row whose paths share nothing. */
function segmentsOf(row: TreeRow): number[] {
  const segments: number[] = [];
  let n = -1;
  for (const position of row.positions) {
    if (position === 0) n++;
    segments.push(n);
  }
  return segments;
}

interface HeadPart {
  /** Of `headSizes`: the least that holds it. */
  readonly size: number;
  readonly states: readonly number[];
  readonly targets: readonly { readonly path: number; readonly state: number; readonly target: number }[];
}

/** What is asked of states in portions that the head takes; a state that several targets follow is looked at once a portion. */
function headParts(scored: TreeRow["scored"]): HeadPart[] {
  const largest = headSizes.at(-1)!;
  const parts: HeadPart[] = [];
  let [at, states, targets] = [new Map<number, number>(), [] as number[], [] as { path: number; state: number; target: number }[]];
  const end = () => {
    const size = headSizes.find(n => n >= states.length && 2 * n >= targets.length)!;
    if (targets.length > 0) parts.push({ size, states, targets });
    [at, states, targets] = [new Map(), [], []];
  };
  for (const { path, at: token, target } of [...scored].sort((a, b) => a.at - b.at)) {
    if (targets.length === 2 * largest || (!at.has(token) && states.length === largest)) end();
    let state = at.get(token);
    if (state === undefined) {
      state = states.push(token) - 1;
      at.set(token, state);
    }
    targets.push({ path, state, target });
  }
  end();
  return parts;
}
