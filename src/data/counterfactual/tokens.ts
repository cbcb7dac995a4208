/** A text as words and what stands between them; put together again it is the same text. */
export interface WordToken {
  readonly text: string;
  readonly isWord: boolean;
}

/** Letters with apostrophes and hyphens inside; digits make a token no word. */
const word = /[\p{L}\p{M}]+(?:['’][\p{L}\p{M}]+)*/gu;
/** Addresses stay as they are. */
const address = /@|:\/\/|www\./;
const unbroken = /\S+/gu;

export function wordTokens(text: string): WordToken[] {
  const tokens: WordToken[] = [];
  const kept = [...text.matchAll(unbroken)].flatMap(m => (address.test(m[0]) ? [[m.index, m.index + m[0].length] as const] : []));
  let [at, next] = [0, 0];
  for (const { 0: found, index } of text.matchAll(word)) {
    while (next < kept.length && kept[next]![1] <= index) next++;
    if (next < kept.length && kept[next]![0] <= index) continue;
    if (index > at) tokens.push({ text: text.slice(at, index), isWord: false });
    tokens.push({ text: found, isWord: true });
    at = index + found.length;
  }
  if (at < text.length) tokens.push({ text: text.slice(at), isWord: false });
  return tokens;
}

/** `like` is written as `as` is: all capitals, a capital first, or small. A single letter says nothing of all capitals. */
export function casedAs(like: string, as: string): string {
  if (as.length > 1 && as === as.toUpperCase()) return like.toUpperCase();
  const [first = ""] = as;
  return first === first.toUpperCase() && first !== first.toLowerCase() ? like[0]!.toUpperCase() + like.slice(1) : like;
}
