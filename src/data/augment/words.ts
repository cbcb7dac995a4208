/**
 * Texts as words and what stands between them, for methods that change words. Runs that are no prose (addresses, paths, code, numbers) are
 * never words: a typing error in a URL teaches nothing.
 */

interface WordPiece {
  readonly text: string;
  readonly isWord: boolean;
}

/** Something a reader takes letter by letter. */
const noProse = /[@\\_<>{}=#|~^]|:\/\/|www\.|\p{N}|\/.*\/|\.\p{L}/u;
const word = /[\p{L}\p{M}]+(?:['’-][\p{L}\p{M}]+)*/gu;

/** Pieces that give the text when joined. */
export function wordPieces(text: string): WordPiece[] {
  const pieces: WordPiece[] = [];
  let at = 0;
  const rest = (to: number) => {
    if (to > at) pieces.push({ text: text.slice(at, to), isWord: false });
    at = to;
  };
  for (const run of text.matchAll(/\S+/g)) {
    if (noProse.test(run[0])) continue;
    for (const m of run[0].matchAll(word)) {
      const from = run.index + m.index;
      rest(from);
      at = from + m[0].length;
      pieces.push({ text: m[0], isWord: true });
    }
  }
  rest(text.length);
  return pieces;
}

/** Indices of the words among pieces. */
export const wordIndices = (pieces: readonly WordPiece[]): number[] => pieces.flatMap((p, i) => (p.isWord ? [i] : []));

export const joinedPieces = (pieces: readonly WordPiece[]): string => pieces.map(p => p.text).join("");

/** `like` in the case of `model`: all upper, first upper, or as it is. */
export function caseLike(like: string, model: string): string {
  if (model.length > 1 && model === model.toUpperCase() && model !== model.toLowerCase()) return like.toUpperCase();
  const first = [...model][0] ?? "";
  if (first !== first.toLowerCase()) {
    const [head = "", ...tail] = [...like];
    return head.toUpperCase() + tail.join("");
  }
  return like;
}
