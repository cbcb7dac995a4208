/** What of an example is trained, to be looked at before anything is: runs of tokens with one mask, as text in colours or as data. */
import type { Tokenizer } from "../../text/index.ts";
import type { Encoded, EncodedExamples, Masked, TuneText } from "./encode.ts";

export interface PreviewRun {
  readonly trained: boolean;
  readonly tokens: number;
  readonly text: string;
}

/** Neighbouring tokens of one mask as one piece. Joined, the texts are the text of all tokens. */
export function previewRuns({ tokenizer }: Pick<TuneText, "tokenizer">, { ids, trained }: Masked): PreviewRun[] {
  const runs: PreviewRun[] = [];
  for (let from = 0, to = 0; from < ids.length; from = to) {
    while (to < ids.length && trained[to] === trained[from]) to++;
    runs.push({ trained: trained[from] === 1, tokens: to - from, text: tokenizer.decode(ids.subarray(from, to)) });
  }
  return runs;
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
  { tokenizer }: { readonly tokenizer: Pick<Tokenizer, "specials" | "stream"> },
  masked: Masked,
): PreviewPiece[] {
  const specials = new Set(tokenizer.specials.values());
  const pieces: PreviewPiece[] = [];
  const { ids, trained } = masked;
  for (let from = 0, to = 0; from < ids.length; from = to) {
    const stream = tokenizer.stream();
    let open: number[] = [];
    const close = (text: string): void => {
      pieces.push({ trained: trained[from] === 1, ids: open, text, isSpecial: open.every(id => specials.has(id)) });
      open = [];
    };
    for (; to < ids.length && trained[to] === trained[from]; to++) {
      open.push(ids[to]!);
      const text = stream.push(ids[to]!);
      if (text !== "") close(text);
    }
    const rest = stream.end();
    if (open.length > 0) close(rest);
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
  text: Pick<TuneText, "tokenizer">,
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
