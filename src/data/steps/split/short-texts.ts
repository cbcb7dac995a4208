/**
 * Short texts as messages: one round counts words, so that everybody knows which words of a text are rare; texts then meet under their rare
 * words and are compared there. Pairs are verified before they are linked: most texts that share a word are not alike.
 */
import { everything } from "../messages.ts";
import { countWords, emptyCounts, joinAlike, rarestWords, type WordCountBytes, wordBag } from "../near-duplicates/index.ts";
import { unionFind } from "../near-duplicates/union-find.ts";
import type { GroupRound, Key, Send, StreamRound } from "../step.ts";
import type { SplitOptions } from "./options.ts";

export const bytesOfWords = (words: Uint32Array): Buffer => Buffer.from(words.buffer, words.byteOffset, words.byteLength);
export const wordsOfBytes = (bytes: Uint8Array): Uint32Array => new Uint32Array(new Uint8Array(bytes).buffer);

/** Tells word keys from other keys. */
const wordMark = 0x776f7264;
export const keyOfWord = (word: number): Key => [word, 0, wordMark, 0];

/** What was shared that begins with `tag`, without it. */
export const sharedWith = (shared: readonly Buffer[], tag: number): Buffer | undefined => shared.find(m => m[0] === tag)?.subarray(1);
export const shortTextTags = { filter: 0, counts: 1 } as const;

/** All bags come to one bin, which shares the counts of their words. */
export const countRound: StreamRound = {
  async reduceStream(blocks, out) {
    let sizeBytes = 0;
    for await (const block of blocks())
      block.each((_, from, to) => {
        sizeBytes += to - from;
      });
    if (sizeBytes === 0) return;
    const counts = emptyCounts(sizeBytes / 4);
    for await (const block of blocks()) for (const { value } of block) countWords(wordsOfBytes(value), counts);
    out.share(Buffer.concat([Buffer.of(shortTextTags.counts), counts]));
  },
};

/** Sends a short text's bag to be counted. */
export function sendBag(o: SplitOptions, text: string, round: number, send: Send): void {
  const bag = wordBag(text, o.near.shortWords);
  if (bag.length > 0) send(round, everything, bytesOfWords(bag));
}

/** A short text's bag as bytes; none of a longer one. */
export const bagBytes = (o: SplitOptions, text: string): Buffer => bytesOfWords(wordBag(text, o.near.shortWords));

const nameBytes = 16;

/** Sends a name of 16 bytes and the bag of a short text under each of its rare words. */
export function sendRareWords(o: SplitOptions, text: string, name: Buffer, counts: WordCountBytes, round: number, send: Send): void {
  const bag = wordBag(text, o.near.shortWords);
  if (bag.length === 0) return;
  const value = Buffer.allocUnsafe(nameBytes + bag.byteLength);
  value.set(name);
  value.set(bytesOfWords(bag), nameBytes);
  for (const word of rarestWords(bag, o.near.threshold, counts)) send(round, keyOfWord(word), value);
}

/** Of texts that share a word, those that are alike are linked in round `next`. */
export const linkRound = ({ near }: SplitOptions, next: number): GroupRound => ({
  atLeast: 2,
  unordered: true,
  reduce(group, out) {
    const values = [...group.values()];
    const sets = unionFind(values.length);
    const bags = values.map(v => wordsOfBytes(v.subarray(nameBytes)));
    joinAlike(bags, near.threshold, sets);
    for (const [i, value] of values.entries()) {
      const root = sets.find(i);
      if (root !== i) out.send(next, everything, Buffer.concat([values[root]!.subarray(0, nameBytes), value.subarray(0, nameBytes)]));
    }
  },
});
