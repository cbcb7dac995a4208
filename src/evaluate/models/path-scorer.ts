/**
 * Log-likelihoods of token paths under a decoder. One program reads rows of paths (`path-rows.ts`, in a shape of `path-plan.ts`), another turns the
 * states that something is asked of into logits (`path-head.ts`).
 */
import { type ArraysOf, type Decoder, type DecoderConfig, type DecoderSpec, decoderStates } from "../../nn/index.ts";
import { cast, compile, type Device, type DeviceArray, mostAttentionKeys, reshape, type Tensor } from "../../tensor/index.ts";
import { pathHead } from "./path-head.ts";
import { type BatchShape, isBlocked, pathKeyBlock, plansFor, shapeName } from "./path-plan.ts";
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

export function pathScorer(device: Device, config: DecoderConfig, parameters: ArraysOf<DecoderSpec>): PathScorer {
  // a window counts places in the row
  const shares = config.window === undefined;
  const built = new Set<string>();
  // squashed scores are written out
  const skipsTo = device.capabilities.onRequest?.has("attention") && config.scoreCap === undefined ? mostAttentionKeys(config.headSize) : 0;
  const states = compile(
    (p: Decoder, tokens: Tensor, positions: Tensor, enter: Tensor, exit: Tensor) => {
      const [rows, width] = tokens.shape as [number, number];
      const sight = shares ? { branches: { enter, exit } } : { segments: exit };
      const block = width > skipsTo && isBlocked(width) ? { attentionBlock: pathKeyBlock } : {};
      return reshape(cast(decoderStates(config, p, tokens, { positions, ...sight, ...block }), "f32"), [rows * width, config.width]);
    },
    { device, constant: [0], fuse: true, strassen: true, attention: true, name: "paths" },
  );
  const head = pathHead(device, config, parameters);

  /** The states of rows, [rows * width, C]; the caller's. */
  async function statesOf(rows: readonly TreeRow[], { rows: count, width }: BatchShape): Promise<DeviceArray> {
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

  return {
    async score(paths, each, signal) {
      const sums = new Map<number, { logLikelihood: number; isGreedy: boolean; ms: number; left: number }>();
      const told = (path: number) => {
        const { left, ...score } = sums.get(path)!;
        if (left > 0) return;
        sums.delete(path);
        each(path, score);
      };
      const portions = head.open((path, logProbability, isGreedy, ms) => {
        const sum = sums.get(path)!;
        sum.logLikelihood += logProbability;
        sum.isGreedy &&= isGreedy;
        sum.ms += ms;
        sum.left--;
        told(path);
      });
      for (const { sorted, shape } of plansFor(paths, shares, { width: config.width, context: config.context, skipsTo }, built)) {
        const rows = layPaths(sorted, shape.width);
        for (let first = 0; first < rows.length; first += shape.rows) {
          if (signal?.aborted) {
            // what was read is not lost
            await portions.end();
            throw signal.reason;
          }
          const began = performance.now();
          const part = rows.slice(first, first + shape.rows);
          using x = await statesOf(part, shape);
          const numbers = (x.memory.host() ?? (await x.read())) as Float32Array;
          built.add(shapeName(shape));
          const tokens = part.reduce((sum, r) => sum + r.tokens.length, 0);
          const perToken = (performance.now() - began) / Math.max(1, tokens);
          for (const row of part)
            for (const [path, own] of row.own) {
              sums.set(path, { logLikelihood: 0, isGreedy: true, ms: perToken * own, left: paths[path]!.targets.length });
              told(path);
            }
          await portions.take(
            numbers,
            part.flatMap((row, r) => row.scored.map(s => ({ ...s, at: r * shape.width + s.at }))),
          );
        }
      }
      await portions.end();
    },
    [Symbol.dispose]() {
      states.dispose();
      head[Symbol.dispose]();
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
