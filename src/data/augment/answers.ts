/** Comparing answers to questions, as reading comprehension does (SQuAD: Rajpurkar et al. 2016): case, marks and articles do not count. */

const articles = new Set(["a", "an", "the"]);

const answerWords = (text: string): string[] =>
  (
    text
      .normalize("NFKC")
      .toLowerCase()
      .match(/[\p{L}\p{N}]+/gu) ?? []
  ).filter(w => !articles.has(w));

/** Harmonic mean of how much of each answer's words the other has. */
export function agreement(a: string, b: string): number {
  const [x, y] = [answerWords(a), answerWords(b)];
  if (x.length === 0 || y.length === 0) return x.length === y.length ? 1 : 0;
  const counts = new Map<string, number>();
  for (const w of x) counts.set(w, (counts.get(w) ?? 0) + 1);
  let both = 0;
  for (const w of y) {
    const n = counts.get(w) ?? 0;
    if (n === 0) continue;
    both++;
    counts.set(w, n - 1);
  }
  return (2 * both) / (x.length + y.length);
}

const plain = (text: string) => text.normalize("NFKC").toLowerCase().replace(/\s+/gu, " ").trim();

/** Whether a text holds an answer word for word; only case, white space and marks at its ends may differ. */
export function isFoundIn(answer: string, text: string): boolean {
  const wanted = plain(answer).replace(/^[\p{P}\s]+|[\p{P}\s]+$/gu, "");
  return wanted !== "" && plain(text).includes(wanted);
}
