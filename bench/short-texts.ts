/**
 * The split of short texts by near-duplicate: CPU time with and without word-by-word comparison, and whether twins that differ in one word are
 * separated. Generated texts: words by Zipf's law or all equally frequent, all unrelated or every second one its predecessor's twin.
 */
import { type Random, random } from "../src/base/index.ts";
import { splitDocuments, splitOptions } from "../src/data/index.ts";
import { type BenchContext, type BenchResult, digits } from "./harness.ts";

interface Corpus {
  readonly texts: number;
  readonly words: number;
  word(r: Random): string;
  readonly hasTwins?: boolean;
}

const zipf = (r: Random): string => `w${Math.floor(Math.exp(r.uniform() * Math.log(30_000)))}`;
const corpora: Readonly<Record<string, Corpus>> = {
  "12 words": { texts: 100_000, words: 12, word: zipf },
  "12 words, twins": { texts: 100_000, words: 12, word: zipf, hasTwins: true },
  "60 words": { texts: 20_000, words: 60, word: zipf },
  "12 of 300 equally frequent words": { texts: 100_000, words: 12, word: r => `w${r.below(300)}` },
};

function generated({ texts, words, word, hasTwins }: Corpus, scale: number) {
  const r = random(7);
  let last: string[] = [];
  return Array.from({ length: Math.round((texts * scale) / 2) * 2 }, (_, i) => {
    last = hasTwins && i % 2 === 1 ? last.with(r.below(words), `x${i}`) : Array.from({ length: words }, () => word(r));
    return { id: `d${i}`, text: last.join(" "), source: "", attributes: {} };
  });
}

export async function run({ scale, say }: BenchContext): Promise<BenchResult> {
  const ours: Record<string, unknown> = {};
  const ratios: Record<string, number> = {};
  let separated = Number.NaN;
  let grouped = 0;
  for (const [name, corpus] of Object.entries(corpora)) {
    say(name);
    const documents = generated(corpus, scale);
    const seconds: number[] = [];
    for (const shortWords of [0, 60]) {
      const before = process.cpuUsage();
      const { heldOut, clusters } = await splitDocuments(documents, splitOptions.parse({ near: { shortWords } }));
      const { user, system } = process.cpuUsage(before);
      seconds.push((user + system) / 1e6);
      const held = new Set(heldOut.map(d => d.id));
      const crossing = documents.filter((d, i) => i % 2 === 1 && held.has(d.id) !== held.has(documents[i - 1]!.id)).length;
      ours[`${name}, shortWords: ${shortWords}`] = {
        texts: documents.length,
        cpuSeconds: digits(seconds.at(-1)!),
        groupedTexts: clusters.size,
        ...(corpus.hasTwins ? { separatedTwins: crossing } : {}),
      };
      if (shortWords === 0) continue;
      if (corpus.hasTwins) separated = crossing;
      else grouped = Math.max(grouped, clusters.size / documents.length);
    }
    ratios[`${name}: CPU time without over with word-by-word comparison`] = digits(seconds[0]! / seconds[1]!);
  }
  return {
    method: "Generated texts through the whole split in memory, in one thread, 10 % held out; CPU time of the process.",
    ours,
    peers: {},
    ratios,
    bars: [
      { name: "twins that differ in one word and are separated", want: "0", got: separated, holds: separated === 0 },
      { name: "share of unrelated texts that are grouped", want: "<= 0.001", got: digits(grouped), holds: grouped <= 0.001 },
    ],
  };
}
