/** What of an example is trained, to be looked at before anything is: runs of tokens with one mask, as text in colours or as data. */
import type { Tokenizer } from "../../text/index.ts";
import type { Encoded, EncodedExamples, Masked } from "./encode.ts";

export interface PreviewRun {
  readonly trained: boolean;
  readonly tokens: number;
  readonly text: string;
}

interface Masks {
  /** The text of all tokens. */
  readonly whole: string;
  /** Tokens `from` to `to` (exclusive), neighbours of one mask, and where their text ends in `whole`. */
  readonly runs: readonly { readonly trained: boolean; readonly from: number; readonly to: number; readonly end: number }[];
}

/**
 * Where the runs of a mask end in the text of all tokens: as far as what is decoded up to there stays as it is when the rest follows. Tokens decoded alone
 * would be the beginning of a text, where SentencePiece writes no space. A character that the mask cuts belongs to the run that ends it.
 */
function masksOf(tokenizer: Pick<Tokenizer, "decode">, { ids, trained }: Masked): Masks {
  const whole = tokenizer.decode(ids);
  const runs: Masks["runs"][number][] = [];
  for (let from = 0, to = 0, end = 0; from < ids.length; from = to) {
    while (to < ids.length && trained[to] === trained[from]) to++;
    const before = to === ids.length ? whole : tokenizer.decode(ids.subarray(0, to));
    while (end < before.length && before[end] === whole[end]) end++;
    runs.push({ trained: trained[from] === 1, from, to, end });
  }
  return { whole, runs };
}

/** Neighbouring tokens of one mask as one piece. Joined, the texts are the text of all tokens. */
export function previewRuns({ tokenizer }: { readonly tokenizer: Pick<Tokenizer, "decode"> }, masked: Masked): PreviewRun[] {
  const { whole, runs } = masksOf(tokenizer, masked);
  return runs.map(({ trained, from, to, end }, i) => ({ trained, tokens: to - from, text: whole.slice(runs[i - 1]?.end ?? 0, end) }));
}

/** A token, or neighbours that make a character only together. */
export interface PreviewPiece {
  readonly trained: boolean;
  readonly ids: readonly number[];
  readonly text: string;
  /** A token that no text of a file can write. */
  readonly isSpecial: boolean;
}

/** What a run is made of, token by token. Joined, the texts are those of `previewRuns`. */
export function previewPieces(
  { tokenizer }: { readonly tokenizer: Pick<Tokenizer, "decode" | "specials" | "stream"> },
  masked: Masked,
): PreviewPiece[] {
  const specials = new Set(tokenizer.specials.values());
  const pieces: PreviewPiece[] = [];
  const { whole, runs } = masksOf(tokenizer, masked);
  const stream = tokenizer.stream();
  let [at, certain] = [0, 0];
  for (const { trained, from, to, end } of runs) {
    let open: number[] = [];
    const close = (until: number): void => {
      pieces.push({ trained, ids: open, text: whole.slice(at, until), isSpecial: open.every(id => specials.has(id)) });
      [open, at] = [[], until];
    };
    for (let i = from; i < to; i++) {
      open.push(masked.ids[i]!);
      certain += stream.push(masked.ids[i]!).length;
      // what a decoder holds back for the next token is this run's still
      if (i === to - 1) close(end);
      else if (certain > at) close(certain);
    }
  }
  return pieces;
}

export interface ExamplesPreview {
  readonly examples: number;
  readonly tokens: number;
  readonly trainedTokens: number;
  /** Tokens of the longest one. */
  readonly longest: number;
  /** Left out for their length, and cut at it. */
  readonly tooLong: number;
  readonly cut: number;
  readonly shown: readonly {
    readonly place: string;
    readonly tokens: number;
    readonly trained: number;
    /** Tokens that were cut off at its end. */
    readonly cut: number;
    readonly runs: readonly PreviewRun[];
  }[];
}

const countTrained = ({ trained }: Masked): number => trained.reduce((n, t) => n + t, 0);

/** Figures of all examples, and the runs of those that are to be shown. */
export const previewOf = (
  text: { readonly tokenizer: Pick<Tokenizer, "decode"> },
  { encoded, tooLong, cut }: Pick<EncodedExamples, "encoded" | "tooLong" | "cut">,
  shown: readonly Encoded[],
): ExamplesPreview => ({
  examples: encoded.length,
  tokens: encoded.reduce((n, e) => n + e.ids.length, 0),
  trainedTokens: encoded.reduce((n, e) => n + countTrained(e), 0),
  longest: encoded.reduce((n, e) => Math.max(n, e.ids.length), 0),
  tooLong,
  cut,
  shown: shown.map(e => ({ place: e.place, tokens: e.ids.length, trained: countTrained(e), cut: e.cut, runs: previewRuns(text, e) })),
});

/** Line ends are shown where they are tokens of an answer: a template's last one is a common surprise. */
const shown = (text: string): string => text.replaceAll("\r", "␍").replaceAll("\n", "⏎\n");

const colours = { trained: ["\x1b[30;42m", "\x1b[0m"], rest: ["\x1b[2m", "\x1b[0m"] } as const;
const brackets = { trained: ["⟦", "⟧"], rest: ["", ""] } as const;

/** For people: trained tokens on green, or in ⟦ ⟧ where there is no colour. */
export function previewText(runs: readonly PreviewRun[], colour: boolean): string {
  const marks = colour ? colours : brackets;
  return runs
    .map(run => {
      const [on, off] = run.trained ? marks.trained : marks.rest;
      // each line of its own, so that a terminal does not colour to its edge
      return shown(run.text)
        .split("\n")
        .map(line => (line === "" ? "" : `${on}${line}${off}`))
        .join("\n");
    })
    .join("");
}
