/**
 * Tokens that an answer may not go on with. They are asked for one by one, as they are drawn, and a refused one is drawn again without it: so an
 * answer in which nothing is refused is the same to the byte as without the guard, and a step costs one question instead of a mask of the whole
 * vocabulary. Drawing again from what is left gives each other token the probability that a mask before the draw would give.
 */
import { greatestFew, type Logits } from "../nn/index.ts";
import { serveErrors } from "./errors.ts";

/** A value, so that answers, beams and guesses go on from the same one. A learned judge of the text so far is another implementation. */
export interface TokenGuard {
  /** After one more token; undefined where it may not come. */
  next(token: number): TokenGuard | undefined;
}

/** After so many refusals tokens are asked for together, so that whoever steers a model at a blocked phrase does not pay with a draw for each. */
const singleDraws = 8;
const batches: readonly number[] = [64, 1024, Number.POSITIVE_INFINITY];

const refused = () =>
  serveErrors.fail("unsupported", {
    message: "every way to go on with the response has a blocked phrase",
    hint: "A form (schema, regular expression, choice) that asks for a blocked phrase, or too few allowed tokens, leaves nothing else.",
  });

interface GuardedDraw {
  readonly guard: TokenGuard;
  /** Not changed. */
  readonly logits: Logits;
  /** Tokens that add no text; each may always come. */
  readonly free: ReadonlySet<number>;
  /** A token by these scores. */
  readonly draw: (logits: Logits) => number;
}

interface Drawn {
  readonly token: number;
  readonly after: TokenGuard;
}

/** Errors: serve/unsupported where every possible token is refused; those of `draw`. */
export function drawGuarded({ guard, logits, free, draw }: GuardedDraw): Drawn {
  let left = logits;
  for (let count = 0; ; count++) {
    const token = draw(left);
    const after = free.has(token) ? guard : guard.next(token);
    if (after) return { token, after };
    if (left === logits) left = logits.slice();
    left[token] = Number.NEGATIVE_INFINITY;
    const batch = batches[count - singleDraws + 1];
    if (batch !== undefined) for (const t of batch < left.length ? greatestFew(left, batch) : left.keys()) refuse(left, t, guard, free);
    if (left.every(score => score === Number.NEGATIVE_INFINITY)) throw refused();
  }
}

function refuse(scores: Logits, token: number, guard: TokenGuard, free: ReadonlySet<number>): boolean {
  if (scores[token] === Number.NEGATIVE_INFINITY || free.has(token) || guard.next(token)) return false;
  scores[token] = Number.NEGATIVE_INFINITY;
  return true;
}

/** Takes refused tokens out of scores until none is among the greatest `count`. */
export function guardGreatest(scores: Float64Array, count: number, guard: TokenGuard, free: ReadonlySet<number>): void {
  for (let isSettled = false; !isSettled; ) {
    isSettled = true;
    for (const token of greatestFew(scores, Math.min(count, scores.length))) if (refuse(scores, token, guard, free)) isSettled = false;
  }
}

/** As many of these tokens as may come one after the other. */
export function guardedTokens(tokens: readonly number[], guard: TokenGuard | undefined): readonly number[] {
  let at = guard;
  for (const [i, token] of tokens.entries()) {
    at = at?.next(token);
    if (guard && !at) return tokens.slice(0, i);
  }
  return tokens;
}
