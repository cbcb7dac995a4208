/** Letters set apart (`b.o.m.b`, `b o m b`): which runs of them may be meant as one word. */
export interface LetterApart {
  readonly unit: number;
  readonly start: number;
  readonly end: number;
  /** What stands before it. */
  readonly gap: string;
}

/** Characters between two letters of one word. */
export const longestGap = 3;
/** Letters that are put together. */
export const mostApart = 20;
const leastApart = 3;

/** Words that people write as one letter: one before a run need not be a part of it. */
const oneLetterWords = new Set(["a", "i"].map(c => c.charCodeAt(0)));

/** Runs with the same mark between their letters; a letter where the mark changes belongs to both. */
export function sameGaps(run: readonly LetterApart[]): readonly (readonly LetterApart[])[] {
  const runs: (readonly LetterApart[])[] = [];
  let from = 0;
  for (let i = 1; i <= run.length; i++) {
    if (i < run.length && (i === from + 1 || run[i]!.gap === run[i - 1]!.gap)) continue;
    runs.push(run.slice(from, i));
    from = i - 1;
  }
  return runs;
}

/** Letters with the same mark between them, then all of a run together. */
export function wordsApart(run: readonly LetterApart[]): readonly (readonly LetterApart[])[] {
  const parts = sameGaps(run);
  return (parts.length === 1 ? parts : [...parts, run])
    .flatMap(word => (word.length > 0 && oneLetterWords.has(word[0]!.unit) ? [word, word.slice(1)] : [word]))
    .filter(word => word.length >= leastApart && word.length <= mostApart);
}
