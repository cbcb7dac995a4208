/**
 * One answer in the making: what it was asked, what it has said, how far the cache is. It turns tokens into events and knows when it is over;
 * it decides no order and touches no device.
 */
import { defined, type Random, type RandomState, random } from "../base/index.ts";
import {
  choiceRandom,
  type FormState,
  type Guess,
  guessByLookup,
  type History,
  judgeGuess,
  type Logits,
  likelihood,
  logProbabilityOf,
  maskLogits,
  type SamplingMemory,
  type SamplingOptions,
  sampleToken,
  TextStream,
  type TokenLikelihood,
  type TokenTextStream,
} from "../nn/index.ts";
import type { PlacedAdapter } from "./adapters/places.ts";
import type { BeamGroup } from "./beam-group.ts";
import { Branch } from "./branch.ts";
import { serveErrors } from "./errors.ts";
import type { EndEvent, EndReason, GeneratedToken, GenerationEvent, GenerationRequest, Usage } from "./generation.ts";
import { OutputQueue, type OutputQueueOptions } from "./output-queue.ts";
import type { Siblings } from "./siblings.ts";
import type { SlotOwner } from "./slot-owner.ts";
import { type SpanGuard, Spans } from "./span-guard.ts";
import { drawGuarded, guardedTokens, type TokenGuard } from "./token-guard.ts";

interface SequenceParts {
  readonly id: number;
  readonly request: GenerationRequest;
  readonly sampling: SamplingOptions;
  readonly maxTokens: number;
  /** Alone when absent. */
  readonly siblings?: Siblings;
  readonly stopTokens: ReadonlySet<number>;
  /** Tokens that a form leaves no choice about; none when absent. */
  readonly forcedTokens?: (form: FormState) => readonly number[];
  /** Tokens that may not come; all may when absent. */
  readonly guard?: TokenGuard | undefined;
  /** Judges what is said, before it is; all is said at once when absent. */
  readonly spans?: { readonly guard: SpanGuard; readonly onVerdict: () => void } | undefined;
  /** Decodes an answer from its beginning. */
  readonly stream: () => TokenTextStream;
  readonly output: OutputQueueOptions;
  readonly adapter?: PlacedAdapter | undefined;
  /** Monotonic milliseconds. */
  readonly nowMs: number;
  /** Whether the log-probability of the token that is drawn now is summed for observers; of none when absent. */
  readonly scores?: () => boolean;
}

/** A state that an answer can go back to. */
interface Mark {
  readonly tokens: number;
  readonly answer: number;
  readonly random: RandomState;
  readonly memory: SamplingMemory;
  readonly form: FormState | undefined;
  readonly guard: TokenGuard | undefined;
  readonly ahead: readonly number[];
  readonly pending: readonly PendingToken[];
  readonly sums: readonly [logProbability: number, scored: number, scoredTokens: number, guessed: number, right: number];
}

/** A token whose text is not all out, with the length of the decoded text after it. */
interface PendingToken {
  readonly token: GeneratedToken;
  readonly until: number;
}

export class Sequence implements SlotOwner {
  readonly id: number;
  readonly group: string;
  readonly requestId: string | undefined;
  readonly salt: string;
  readonly adapter: number;
  readonly adapterName: string | undefined;
  /** Which of several answers to one request. */
  readonly choice: number;
  readonly siblings: Siblings;
  readonly sampling: SamplingOptions;
  random: Random;
  readonly likelihoods: number | undefined;
  readonly likelihoodTokens: readonly number[] | undefined;
  /** Scores that the last token was drawn from, where somebody asks for them. */
  #drawnFrom: Float64Array | undefined;
  readonly #watch: ((scores: Float64Array) => void) | undefined;
  readonly forced: readonly number[] | undefined;
  readonly signal: AbortSignal | undefined;
  readonly #scores: (() => boolean) | undefined;
  #scored = 0;
  #scoredTokens = 0;
  readonly output: OutputQueue<GenerationEvent>;
  readonly submittedMs: number;
  /** Prompt and answer: what is known. */
  readonly tokens: number[];
  /** How many of them are in the cache. */
  computed = 0;
  slot: number | undefined;
  lastChunk = -1;
  /** Tokens of the prompt that were found in the cache. */
  reused = 0;
  /** It has been put back into the queue, and is computed anew when it comes in again. */
  isResumed = false;
  /** Positions of it that the small model which guesses for it has read. */
  drafted = 0;
  #guessed = 0;
  #right = 0;
  lastTokenMs: number | undefined;
  /** The beam search whose answer it is. */
  search: BeamGroup | undefined;
  /** Since when its reader has been behind. */
  blockedMs: number | undefined;
  #state: "live" | "over" = "live";
  /** Where in its form the answer is. */
  #form: FormState | undefined;
  #masked: Float32Array | undefined;
  /** Before the next token. */
  #guard: TokenGuard | undefined;
  /** A token that was drawn, and the guard behind it. */
  #drawn: { readonly token: number; readonly after: TokenGuard } | undefined;
  /** Tokens that come next, whatever the model says. */
  #ahead: readonly number[] = [];
  readonly #forcedTokens: (form: FormState) => readonly number[];
  readonly #prompt: readonly number[];
  readonly #answer: number[] = [];
  readonly #memory: SamplingMemory = {};
  #logProbability = 0;
  readonly maxTokens: number;
  readonly #minTokens: number;
  readonly #includesStop: boolean;
  readonly #stopTokens: ReadonlySet<number>;
  readonly #newText: () => TextStream;
  #text: TextStream;
  #pending: PendingToken[] = [];
  readonly #spans: Spans<Mark> | undefined;
  readonly #attempts: number;
  /** First tokens of the spans that were refused behind so many tokens of the answer. */
  #refused: { readonly at: number; readonly tokens: readonly number[] } = { at: -1, tokens: [] };
  #refusals = 0;

  constructor({
    id,
    request,
    sampling,
    maxTokens,
    siblings,
    stopTokens,
    forcedTokens,
    guard,
    spans,
    stream,
    output,
    adapter,
    nowMs,
    scores,
  }: SequenceParts) {
    this.id = id;
    this.requestId = request.group;
    this.group = request.group ?? `sequence ${id}`;
    // Keys and values are the adapter's: equal prompts share them where the adapter's numbers are the same, whatever it is called. The digest comes
    // first, since a client may choose the salt, and one that ended in a digest would be given the adapter's keys and values.
    this.salt = `${adapter?.adapter.digest ?? ""}\0${request.cacheSalt ?? ""}`;
    this.adapter = adapter?.place ?? 0;
    this.adapterName = adapter?.name;
    this.choice = request.choice ?? 0;
    this.siblings = siblings ?? { count: 1 };
    this.sampling = sampling;
    this.random = request.seed === undefined ? random(unseeded()) : choiceRandom(request.seed, this.choice);
    this.likelihoods = request.likelihoods;
    this.likelihoodTokens = request.likelihoodTokens;
    this.#watch = request.likelihoodsSampled
      ? scores => {
          this.#drawnFrom = scores.slice();
        }
      : undefined;
    this.forced = request.forced;
    this.signal = request.signal;
    this.#scores = scores;
    this.#form = request.form;
    this.#guard = request.forced ? undefined : guard;
    this.#forcedTokens = forcedTokens ?? (() => []);
    this.#lookAhead();
    this.output = new OutputQueue(output);
    this.submittedMs = nowMs;
    this.tokens = [...request.tokens];
    this.#prompt = request.tokens;
    this.maxTokens = maxTokens;
    this.#stopTokens = stopTokens;
    this.#minTokens = request.minTokens ?? 0;
    this.#includesStop = request.includesStop ?? false;
    this.#newText = () => new TextStream(stream(), request.stop ?? [], this.#includesStop);
    this.#text = this.#newText();
    this.#attempts = spans?.guard.attempts ?? 0;
    this.#spans = spans && !request.forced ? new Spans({ ...spans, stream, start: this.#mark() }) : undefined;
  }

  get isOver(): boolean {
    return this.#state === "over";
  }
  /** Its last token is known, and judged before it is over. */
  get isEnding(): boolean {
    return this.#spans?.isEnded ?? false;
  }
  /** A span of it is being judged: it pauses. */
  get isJudged(): boolean {
    return this.#spans?.isPending ?? false;
  }
  get hasVerdict(): boolean {
    return this.#spans?.hasVerdict ?? false;
  }
  /** Spans that were taken back. */
  get refusals(): number {
    return this.#refusals;
  }
  get history(): History {
    const history = { prompt: this.#prompt, answer: this.#answer, memory: this.#memory };
    return this.#watch ? { ...history, watch: this.#watch } : history;
  }
  get usage(): Usage {
    const cached = this.reused > 0 ? { cachedTokens: this.reused } : {};
    const guessed = this.#guessed > 0 ? { draftedTokens: this.#guessed, acceptedTokens: this.#right } : {};
    return { promptTokens: this.#prompt.length, completionTokens: this.#answer.length, ...cached, ...guessed };
  }

  get isForced(): boolean {
    return this.forced !== undefined;
  }
  get promptTokens(): readonly number[] {
    return this.#prompt;
  }
  get answerTokens(): readonly number[] {
    return this.#answer;
  }
  get logProbability(): number {
    return this.#scored;
  }
  get scoredTokens(): number {
    return this.#scoredTokens;
  }

  /** Gives its slots up: nothing of it is computed any more, all that is known stays. */
  putBack(): void {
    this.isResumed = true;
    this.search?.putBack();
    this.computed = 0;
    this.drafted = 0;
    this.slot = undefined;
    this.lastChunk = -1;
  }

  checkpoint(): () => void {
    const { computed, lastChunk, reused, drafted } = this;
    const state = this.random.state();
    const memory = { ...this.#memory };
    return () => {
      this.random = random(state);
      Object.assign(this.#memory, { mostSurprise: undefined, ...memory });
      Object.assign(this, { computed, lastChunk, reused, drafted });
    };
  }

  /** What comes next is certain: the answer was given, or its form leaves no choice. */
  get isCertain(): boolean {
    return this.forced !== undefined || this.#ahead.length > 0;
  }
  /** The next token, where it is certain and nobody asks how likely it was: it needs no step. */
  get free(): number | undefined {
    return this.likelihoods === undefined && !this.search && !this.isEnding ? this.#ahead[0] : undefined;
  }

  #lookAhead(): void {
    if (!this.#form || this.#ahead.length > 0 || this.#form.isComplete) return;
    this.#ahead = guardedTokens(this.#forcedTokens(this.#form), this.#guard);
  }

  /** Up to `count` tokens that are likely to come next: those that are certain, else what the text itself suggests. */
  guess(count: number): readonly number[] {
    const at = this.#answer.length;
    const most = Math.min(count, this.maxTokens - at - 1);
    if (this.forced) return this.forced.slice(at, at + most);
    return this.#ahead.length > 0 ? this.#ahead.slice(0, most) : guessByLookup(this.tokens, most);
  }

  /** Tokens that the answer may still have. */
  get tokensLeft(): number {
    return this.maxTokens - this.#answer.length;
  }

  /** The answer as guesses see it. */
  branch(): Branch {
    return new Branch({ history: this.history, sampling: this.sampling, form: this.#form, stopTokens: this.#stopTokens });
  }

  /** So many tokens have been guessed for it. */
  guessed(count: number): void {
    this.#guessed += count;
  }

  /** Its next token from the model's logits, given what a small model guessed. Errors: nn/sampling, serve/unsupported, text/constraint. */
  choose(logits: Logits, guess?: Guess): number {
    const given = this.forced?.[this.#answer.length] ?? this.#ahead[0];
    if (given !== undefined) return given;
    const all = this.#possible(logits);
    const possible = this.#withoutRefused(all);
    const asked = possible === all ? guess : undefined;
    const token = this.#guard ? this.#drawGuarded(possible, asked, this.#guard) : this.#draw(possible, asked);
    if (token === guess?.token) this.#right++;
    return token;
  }

  /** A greedy answer does not begin a span again as those that were refused there, unless nothing else is possible. */
  #withoutRefused(logits: Logits): Logits {
    const { at, tokens } = this.#refused;
    if (at !== this.#answer.length || this.sampling.temperature > 0) return logits;
    const left = logits.slice();
    for (const token of tokens) left[token] = Number.NEGATIVE_INFINITY;
    return left.every(score => score === Number.NEGATIVE_INFINITY) ? logits : left;
  }

  #draw(possible: Logits, guess?: Guess): number {
    if (!guess) return sampleToken(possible, this.history, this.sampling, this.random);
    return judgeGuess(possible, guess, this.history, this.sampling, this.random);
  }

  #drawGuarded(possible: Logits, guess: Guess | undefined, guard: TokenGuard): number {
    const before = { mostSurprise: undefined, ...this.#memory };
    this.#drawn = drawGuarded({
      guard,
      logits: possible,
      free: this.#includesStop ? none : this.#stopTokens,
      draw: logits => {
        // what was refused was never said
        Object.assign(this.#memory, before);
        return this.#draw(logits, logits === possible ? guess : undefined);
      },
    });
    return this.#drawn.token;
  }

  /** How likely a token was that `choose` has just given; undefined where nobody asks. */
  likelihoodOf(logits: Logits, token: number): TokenLikelihood | undefined {
    if (this.likelihoods === undefined) {
      if (this.#scores?.()) this.#score(logProbabilityOf(logits, token));
      return undefined;
    }
    const scores = this.#watch ? (this.#drawnFrom ?? certain(logits.length, token)) : logits;
    this.#drawnFrom = undefined;
    return likelihood(scores, token, this.likelihoods, this.likelihoodTokens);
  }

  #score(logProbability: number): void {
    this.#scored += logProbability;
    this.#scoredTokens++;
  }

  /** The scores from which the next token is drawn; valid until the next call. */
  #possible(logits: Logits): Logits {
    const form = this.#form;
    if (!form) return logits;
    if (!form.isAccepting && form.mask.every(word => word === 0)) throw unspellable();
    this.#masked ??= new Float32Array(logits.length);
    return maskLogits(logits, form, this.#stopTokens, this.#masked);
  }

  /** Takes the token that was drawn; gives the reason when it was the last. */
  accept(token: number, likelihood?: TokenLikelihood): EndReason | undefined {
    this.#answer.push(token);
    this.#logProbability += likelihood?.logProbability ?? 0;
    if (likelihood && !this.#watch) this.#score(likelihood.logProbability);
    const isStop = this.#stopTokens.has(token);
    if (isStop && !this.#includesStop) return this.#finish("stop", "", { token, ...defined({ likelihood }) });
    this.tokens.push(token);
    const text = this.#text.push(token, this.#answer.length > this.#minTokens);
    const isSpan = this.#spans?.take(token) ?? false;
    this.#pending.push({ token: { token, ...defined({ likelihood }) }, until: this.#text.decoded });
    if (isStop) return this.#finish("stop", text, { token, ...defined({ likelihood }) });
    if (this.#text.stop !== undefined) return this.#finish("stop", text);
    this.#form = this.#form?.next(token);
    this.#guard = this.#drawn?.token === token ? this.#drawn.after : this.#guard?.next(token);
    this.#drawn = undefined;
    this.#ahead = this.#ahead.slice(1);
    this.#lookAhead();
    if (this.#form?.isComplete) return this.#finish("stop", text);
    if (this.#answer.length >= this.maxTokens) return this.#finish("length", text);
    // tokens without text of their own (parts of characters) go with the next text, unless someone looks at each
    const tokens = text === "" && !likelihood ? [] : this.#release(false);
    if (text !== "" || tokens.length > 0) {
      const event = { kind: "text", text, tokens } as const;
      if (this.#spans) this.#spans.hold(event);
      else this.output.push(event);
    }
    if (isSpan) this.#spans?.close(this.#mark());
    return undefined;
  }

  /**
   * Says the spans that were judged harmless and takes back a refused one, which is then drawn again. Gives the reason where that ended it.
   * Errors: serve/moderation.
   */
  settle(): EndReason | undefined {
    for (let span = this.#spans?.next(); span; span = this.#spans?.next()) {
      if (span.isRefused) return this.#takeBack(span.start);
      for (const event of span.events) {
        if (event.kind === "end") return this.#over(event);
        this.output.push(event);
      }
    }
    return undefined;
  }

  #takeBack(start: Mark): EndReason | undefined {
    const before = this.#refused.at === start.answer ? this.#refused.tokens : [];
    const tokens = [...before, this.#answer[start.answer]!];
    this.#refused = { at: start.answer, tokens };
    this.#refusals++;
    this.#rewind(start);
    if (tokens.length >= this.#attempts) return this.#over(this.#ending("content_filter", ""));
    this.random = random(start.random).fork(`span ${tokens.length}`);
    return undefined;
  }

  #mark(): Mark {
    return {
      tokens: this.tokens.length,
      answer: this.#answer.length,
      random: this.random.state(),
      memory: { ...this.#memory },
      form: this.#form,
      guard: this.#guard,
      ahead: this.#ahead,
      pending: [...this.#pending],
      sums: [this.#logProbability, this.#scored, this.#scoredTokens, this.#guessed, this.#right],
    };
  }

  /** Goes back; the last token that is left is computed again, for the scores behind it. */
  #rewind(to: Mark): void {
    this.tokens.length = to.tokens;
    this.#answer.length = to.answer;
    this.computed = Math.min(this.computed, to.tokens - 1);
    this.drafted = Math.min(this.drafted, this.computed);
    Object.assign(this.#memory, { mostSurprise: undefined, ...to.memory });
    this.#form = to.form;
    this.#guard = to.guard;
    this.#drawn = undefined;
    this.#drawnFrom = undefined;
    this.#ahead = to.ahead;
    this.#pending = [...to.pending];
    [this.#logProbability, this.#scored, this.#scoredTokens, this.#guessed, this.#right] = to.sums;
    this.#text = this.#newText();
    for (const [i, token] of this.#answer.entries()) this.#text.push(token, i >= this.#minTokens);
    this.#spans?.rewind(this.#answer, to);
  }

  /** Ends it as if it had reached its length; for answers of no tokens. */
  endAtLength(): void {
    this.#finish("length", "");
  }

  /** Ends it with an error; its reader gets what was said before. */
  fail(error: unknown): void {
    this.#state = "over";
    this.output.fail(error);
  }

  /** `stopToken`: the token that ended it. */
  #finish(reason: EndReason, text: string, stopToken?: GeneratedToken): EndReason | undefined {
    const event = this.#ending(reason, text, stopToken);
    if (!this.#spans) return this.#over(event);
    this.#spans.end(event, this.#text.released);
    return this.settle();
  }

  #over(event: EndEvent): EndReason {
    this.#state = "over";
    this.output.push(event);
    this.output.end();
    return event.finishReason;
  }

  #ending(reason: EndReason, text: string, stopToken?: GeneratedToken): EndEvent {
    const rest = text + this.#text.end();
    const { stop } = this.#text;
    const stopped = stop !== undefined;
    const tokens = this.#release(!stopped || this.#includesStop);
    const unsaid = [...this.#pending.map(p => p.token.token), ...(stopToken === undefined || this.#includesStop ? [] : [stopToken.token])];
    const mean = this.likelihoods === undefined ? {} : { meanLogProbability: this.#logProbability / Math.max(1, this.#answer.length) };
    return {
      kind: "end",
      text: rest,
      tokens,
      finishReason: stopped && reason === "length" ? "stop" : reason,
      ...(stopped ? { stop } : {}),
      ...defined({ stopToken }),
      ...(unsaid.length > 0 ? { unsaid } : {}),
      ...mean,
      usage: this.usage,
    };
  }

  /** Tokens whose text is out; with `all`, the rest too. What lies in a stop string never comes. */
  #release(all: boolean): GeneratedToken[] {
    const out = this.#pending.filter(p => all || p.until <= this.#text.released);
    this.#pending = this.#pending.slice(out.length);
    return out.map(p => p.token);
  }
}

export const unspellable = () =>
  serveErrors.fail("unsupported", { message: "the form asks for a text that the model's vocabulary cannot spell" });

/** Scores of a token that was not drawn: nothing else was possible. */
const certain = (length: number, token: number): Float64Array => {
  const scores = new Float64Array(length).fill(Number.NEGATIVE_INFINITY);
  scores[token] = 0;
  return scores;
};

const none: ReadonlySet<number> = new Set();

/** A seed for requests without one. */
const unseeded = (): string => crypto.randomUUID();
