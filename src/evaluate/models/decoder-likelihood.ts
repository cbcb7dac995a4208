/**
 * A decoder's answers about likelihood, with the tokens that lm-evaluation-harness (0.4.x) would take: blanks at a context's end belong to what
 * follows, the two are encoded together and parted at the context's length, an empty context is the first token alone, what is too long loses its
 * beginning, and whole texts are cut into windows that overlap where they must.
 */
import type { ArraysOf, DecoderConfig, DecoderSpec } from "../../nn/index.ts";
import type { Device } from "../../tensor/index.ts";
import { evaluateErrors } from "../errors.ts";
import type { Answering } from "./model.ts";
import type { Path } from "./path-rows.ts";
import { type PathScorer, pathScorer } from "./path-scorer.ts";

interface LikelihoodTokenizer {
  encode(text: string, options: { readonly addSpecialTokens: false; readonly readSpecialTokens: boolean }): ArrayLike<number>;
}

export interface DecoderLikelihoodParts {
  readonly device: Device;
  readonly config: DecoderConfig;
  /** Owned by the caller. */
  readonly parameters: ArraysOf<DecoderSpec>;
  readonly tokenizer: LikelihoodTokenizer;
  /** Stands before every text, as in training. */
  readonly startToken?: number | undefined;
  /** Stands before a text that nothing stands before: the first token, or the one that ends texts. */
  readonly prefixToken: number;
}

export interface DecoderLikelihood extends Disposable {
  readonly likelihood: Answering<"likelihood">;
  readonly rolling: Answering<"rolling">;
}

/** Paths scored before answers are told: a kill loses so much work at most. */
const portion = 512;

interface Cut {
  readonly context: readonly number[];
  readonly continuation: readonly number[];
}

const trailing = (text: string): number => text.length - text.trimEnd().length;

/** Context and continuation as tokens. */
export function cutTokens(
  encode: (text: string) => number[],
  context: string,
  continuation: string,
  start: readonly number[],
  prefix: number,
): Cut {
  if (context === "") {
    const tokens = encode(continuation);
    return tokens[0] === prefix
      ? { context: tokens.slice(0, 1), continuation: tokens.slice(1) }
      : { context: [prefix], continuation: tokens };
  }
  const blanks = trailing(context);
  const [before, after] = blanks > 0 ? [context.slice(0, -blanks), context.slice(-blanks) + continuation] : [context, continuation];
  const head = [...start, ...(before === "" ? [] : encode(before))];
  const whole = [...start, ...encode(before + after)];
  // blanks alone and no start token: there must be something to go on from
  return head.length === 0 ? { context: [prefix], continuation: whole } : { context: head, continuation: whole.slice(head.length) };
}

/** What a model of so much context reads and should write: the end of (context + continuation). */
export function pathOfCut({ context, continuation }: Cut, room: number): Path {
  const inputs = [...context, ...continuation].slice(-(room + 1), -1);
  return { inputs, targets: continuation.slice(-Math.min(continuation.length, inputs.length)) };
}

/** Windows of a whole text: each token is a target once, with all the context there is room for (the harness's rolling windows, context 1). */
export function rollingPaths(tokens: readonly number[], prefix: number, room: number): Path[] {
  const paths: Path[] = [];
  for (let done = 0; done < tokens.length; ) {
    const count = Math.min(tokens.length - done, room);
    const end = done + count;
    const inputs = done === 0 ? [prefix, ...tokens.slice(0, count - 1)] : tokens.slice(Math.max(0, end - room - 1), end - 1);
    paths.push({ inputs, targets: tokens.slice(done, end) });
    done = end;
  }
  return paths;
}

interface Wanted {
  readonly paths: readonly Path[];
}

/** Scores the paths of requests, in portions; `done` hears of a request when all its paths are known. */
async function scoreAll(
  scorer: PathScorer,
  wanted: readonly Wanted[],
  done: (request: number, scores: readonly { logLikelihood: number; isGreedy: boolean }[], ms: number) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  // requests of near texts go together: they share the most
  const order = wanted
    .map((_, i) => i)
    .sort((a, b) => compareTokens(wanted[a]!.paths[0]?.inputs ?? [], wanted[b]!.paths[0]?.inputs ?? []) || a - b);
  for (let first = 0; first < order.length; ) {
    const part: number[] = [];
    let count = 0;
    while (first < order.length && (part.length === 0 || count + wanted[order[first]!]!.paths.length <= portion)) {
      part.push(order[first]!);
      count += wanted[order[first]!]!.paths.length;
      first++;
    }
    const owners = part.flatMap(r => wanted[r]!.paths.map((_, k) => [r, k] as const));
    const scores = new Map(
      part.map(r => [
        r,
        { left: wanted[r]!.paths.length, list: new Array<{ logLikelihood: number; isGreedy: boolean }>(wanted[r]!.paths.length), ms: 0 },
      ]),
    );
    for (const [r, s] of scores) if (s.left === 0) done(r, [], 0);
    await scorer.score(
      owners.map(([r, k]) => wanted[r]!.paths[k]!),
      (path, { ms, ...score }) => {
        const [r, k] = owners[path]!;
        const own = scores.get(r)!;
        own.list[k] = score;
        own.ms += ms;
        if (--own.left === 0) done(r, own.list, own.ms);
      },
      signal,
    );
  }
}

function compareTokens(a: readonly number[], b: readonly number[]): number {
  const n = Math.min(a.length, b.length);
  for (let i = 0; i < n; i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return a.length - b.length;
}

/** Errors of its answers: evaluate/data for a continuation without a token, text/tooLong, the signal's reason. */
export function decoderLikelihood(o: DecoderLikelihoodParts): DecoderLikelihood {
  const { device, config, parameters, tokenizer, startToken, prefixToken } = o;
  const scorer = pathScorer(device, config, parameters);
  const start = startToken === undefined ? [] : [startToken];
  const encode = (readSpecialTokens: boolean) => (text: string) =>
    Array.from(tokenizer.encode(text, { addSpecialTokens: false, readSpecialTokens }));
  return {
    likelihood: (requests, each, signal) => {
      const wanted = requests.map(({ context, continuations, hasSpecials = false, countsTokens = false }) => ({
        countsTokens,
        paths: continuations.map(text => {
          const path = pathOfCut(cutTokens(encode(hasSpecials), context, text, hasSpecials ? [] : start, prefixToken), config.context);
          if (path.targets.length > 0) return path;
          throw evaluateErrors.fail("data", {
            place: "continuation",
            expected: "a text of at least one token of its own",
            received: JSON.stringify(text),
            hint: "A choice may not be empty.",
          });
        }),
      }));
      const counted = (r: number, k: number) => (wanted[r]!.countsTokens ? { tokens: wanted[r]!.paths[k]!.targets.length } : {});
      return scoreAll(
        scorer,
        wanted,
        (r, choices, ms) => each(r, { choices: choices.map((c, k) => ({ ...c, ...counted(r, k) })), ms }),
        signal,
      );
    },
    rolling: (requests, each, signal) => {
      const tokens = requests.map(({ text }) => encode(false)(text));
      const wanted = tokens.map(t => ({ paths: rollingPaths(t, prefixToken, config.context) }));
      const sum = (list: readonly { logLikelihood: number }[]) => list.reduce((s, x) => s + x.logLikelihood, 0);
      return scoreAll(scorer, wanted, (r, list, ms) => each(r, { logLikelihood: sum(list), tokens: tokens[r]!.length, ms }), signal);
    },
    [Symbol.dispose]: () => scorer[Symbol.dispose](),
  };
}
