/** Sentences and paragraphs of real mails, as they come: what an embedder is asked for in life, from a few words to some hundred. */
import { random } from "../../src/base/index.ts";
import { mailTexts } from "../filters/corpus.ts";

/** Characters of what counts as a sentence. */
const length = { least: 20, most: 900 } as const;
/** One paragraph comes whole for so many that are cut into sentences. */
const wholeEvery = 8;

const isProse = (text: string): boolean =>
  text.length >= length.least && text.length <= length.most && /[a-z]{3} [a-z]/.test(text) && !/^[>|]/.test(text);

/** `count` different ones, drawn by a fixed seed. */
export async function mailSentences(count: number): Promise<string[]> {
  const found = new Set<string>();
  for (const [i, mail] of (await mailTexts(process.cwd())).entries())
    for (const [k, raw] of mail.split(/\n\s*\n/).entries()) {
      const paragraph = raw.replace(/\s+/g, " ").trim();
      const parts = (i + k) % wholeEvery === 0 ? [paragraph] : paragraph.split(/(?<=[.!?]) (?=[A-Z"'(])/);
      for (const part of parts) if (isProse(part)) found.add(part);
    }
  const all = [...found];
  return Array.from(random("sentences").permutation(all.length).subarray(0, count), i => all[i]!);
}
