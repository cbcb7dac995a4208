/**
 * Log-likelihoods of token paths under a decoder. One program reads a row of paths (`path-rows.ts`), another turns the states that something is asked
 * of into logits, and of those only three numbers a state and one a target leave the device. Rows have few widths, so few programs are built.
 */
import { type ArraysOf, type Decoder, type DecoderConfig, type DecoderSpec, decoderStates, unembed } from "../../nn/index.ts";
import { compile, type Device, type DeviceArray, gather, logSumExp, max, reshape, type Tensor } from "../../tensor/index.ts";
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

/** Tokens a row: enough that products are large, few enough that attention stays small beside them. */
const rowTokens = 512;
const smallestWidth = 64;
/** States whose logits are made at once, and targets looked up in them. */
const headStates = 64;
const headTargets = 128;

export function pathScorer(device: Device, config: DecoderConfig, parameters: ArraysOf<DecoderSpec>): PathScorer {
  // a window counts places in the row
  const shares = config.window === undefined;
  const widths: number[] = [];
  for (let w = smallestWidth; w < config.context; w *= 2) widths.push(w);
  widths.push(config.context);
  const states = compile(
    (p: Decoder, tokens: Tensor, positions: Tensor, enter: Tensor, exit: Tensor) => {
      const width = tokens.shape[1]!;
      const sight = shares ? { branches: { enter, exit } } : { segments: exit };
      const x = decoderStates(config, p, tokens, { positions, ...sight, ...(width % 128 === 0 ? { attentionBlock: 128 } : {}) });
      return reshape(x, [width, config.width]);
    },
    { device, constant: [0], name: "paths" },
  );
  /** States [T, C], those that are asked [N], and of each target the place of its logit among N x V. */
  const head = compile(
    (p: Decoder, x: Tensor, asked: Tensor, places: Tensor) => {
      const logits = unembed(config, p, gather(x, asked)); // [N, V]
      const flat = reshape(logits, [-1, 1]);
      return { norm: reshape(logSumExp(logits), [-1]), most: reshape(max(logits, -1), [-1]), logits: reshape(gather(flat, places), [-1]) };
    },
    { device, constant: [0], name: "path-logits" },
  );

  const ints = (list: ArrayLike<number>, size: number, shape: readonly number[], rest = 0): Promise<DeviceArray> =>
    device.array(
      Int32Array.from({ length: size }, (_, i) => list[i] ?? rest),
      "i32",
      shape,
    );

  async function scoreRow(row: TreeRow, found: (path: number, logProbability: number, isGreedy: boolean) => void): Promise<void> {
    const width = widths.find(w => w >= row.tokens.length) ?? row.tokens.length;
    const shape = [1, width];
    // padding is seen by itself alone: a tree of one token each
    const enters = Int32Array.from({ length: width }, (_, i) => i);
    const segments = segmentsOf(row);
    const given = [
      await ints(row.tokens, width, shape),
      await ints(row.positions, width, shape),
      await ints(enters, width, shape),
      shares
        ? await device.array(
            Int32Array.from(enters, i => row.exits[i] ?? i + 1),
            "i32",
            shape,
          )
        : await ints(segments, width, shape, -1),
    ] as const;
    const x = await states(parameters, ...given);
    for (const a of given) a.dispose();
    try {
      for (const part of headParts(row)) {
        const asked = await ints(part.states, headStates, [headStates]);
        const places = await ints(
          part.targets.map(t => t.state * config.vocab + t.target),
          headTargets,
          [headTargets],
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
      const roomFor = (tokens: number) => widths.find(w => w >= Math.min(Math.max(tokens, rowTokens), config.context))!;
      for (const row of layPaths(paths, roomFor, shares)) {
        signal?.throwIfAborted();
        const began = performance.now();
        const sums = new Map<number, { logLikelihood: number; isGreedy: boolean }>(
          [...row.own.keys()].map(p => [p, { logLikelihood: 0, isGreedy: true }]),
        );
        await scoreRow(row, (path, logProbability, isGreedy) => {
          const sum = sums.get(path)!;
          sum.logLikelihood += logProbability;
          sum.isGreedy &&= isGreedy;
        });
        const perToken = (performance.now() - began) / Math.max(1, row.tokens.length);
        for (const [path, sum] of sums) each(path, { ...sum, ms: perToken * row.own.get(path)! });
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
  readonly states: number[];
  readonly targets: { readonly path: number; readonly state: number; readonly target: number }[];
}

/** What is asked of a row's states in portions that the head takes; a state that several targets follow is looked at once a portion. */
function headParts(row: TreeRow): HeadPart[] {
  const parts: HeadPart[] = [];
  let at = new Map<number, number>();
  let part: HeadPart = { states: [], targets: [] };
  for (const { path, at: token, target } of [...row.scored].sort((a, b) => a.at - b.at)) {
    const isNew = !at.has(token);
    if (part.targets.length === headTargets || (isNew && part.states.length === headStates)) {
      parts.push(part);
      at = new Map();
      part = { states: [], targets: [] };
    }
    let state = at.get(token);
    if (state === undefined) {
      state = part.states.push(token) - 1;
      at.set(token, state);
    }
    part.targets.push({ path, state, target });
  }
  if (part.targets.length > 0) parts.push(part);
  return parts;
}
