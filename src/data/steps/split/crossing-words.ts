/**
 * Short texts across the sides of a finished split: train documents meet the held-out ones that are checked under rare words of those, so
 * every pair whose bags of words reach the threshold is found. Words that no held-out text has lead nowhere and are not sent.
 */
import { jsonMessage, nameFrom } from "../messages.ts";
import { bagSimilarity, countOf, rarestWords, type WordCountBytes, wordBag } from "../near-duplicates/index.ts";
import type { GroupRound, Send } from "../step.ts";
import type { ChosenSides } from "./choose.ts";
import type { PairCrossing } from "./compare.ts";
import type { SplitOptions } from "./options.ts";
import { bytesOfWords, keyOfWord, wordsOfBytes } from "./short-texts.ts";

interface Side {
  readonly isDivided?: boolean;
  readonly name: Buffer;
  readonly bag: Uint32Array;
  readonly rare: Uint32Array;
}

/** First bytes: of which side it is; held out and of a divided group. */
const heads = { held: 0, train: 1, divided: 2 } as const;

/** Side, bytes of the name, words of the bag; then those three parts, the bag and the rare words behind the name. */
function sideBytes({ side, isDivided }: Pick<ChosenSides, "side" | "isDivided">, { name, bag, rare }: Side): Buffer {
  const head = Buffer.allocUnsafe(9);
  head[0] = side === "train" ? heads.train : isDivided ? heads.divided : heads.held;
  head.writeUInt32LE(name.length, 1);
  head.writeUInt32LE(bag.length, 5);
  return Buffer.concat([head, name, bytesOfWords(bag), bytesOfWords(rare)]);
}

function sideFrom(value: Buffer): Side {
  const nameEnd = 9 + value.readUInt32LE(1);
  const words = wordsOfBytes(value.subarray(nameEnd));
  const size = value.readUInt32LE(5);
  return {
    isDivided: value[0] === heads.divided,
    name: value.subarray(9, nameEnd),
    bag: words.subarray(0, size),
    rare: words.subarray(size),
  };
}

/** Sends a short text, by its `name`, under its rare words by the counts of the held-out side. */
export function sendSide(
  { near }: SplitOptions,
  text: string,
  side: Pick<ChosenSides, "side" | "isDivided">,
  name: Buffer,
  counts: WordCountBytes,
  to: { readonly round: number; readonly send: Send },
): void {
  const bag = wordBag(text, near.shortWords);
  if (bag.length === 0) return;
  const rare = rarestWords(bag, near.threshold, counts).filter(word => countOf(word, counts) > 0);
  if (rare.length === 0) return;
  const value = sideBytes(side, { name, bag, rare });
  for (const word of rare) to.send(to.round, keyOfWord(word), value);
}

/** Tells a held-out document of each train document that is like it: where the two share several rare words, under the least of them. */
export const crossingRound = ({ near }: SplitOptions): GroupRound => ({
  atLeast: 2,
  unordered: true,
  reduce(group, out) {
    const [train, held]: [Side[], Side[]] = [[], []];
    for (const value of group.values()) (value[0] === heads.train ? train : held).push(sideFrom(value));
    for (const h of held) {
      const heldRef = nameFrom(h.name).ref;
      for (const t of train) {
        const similarity = bagSimilarity(h.bag, t.bag, near.threshold);
        if (similarity === undefined) continue;
        if (h.isDivided) {
          // one is enough, and of a large template each is like very many
          out.tell(heldRef, jsonMessage({ train: nameFrom(t.name).id, similarity, byWords: true } satisfies PairCrossing));
          break;
        }
        let least = Number.POSITIVE_INFINITY;
        for (const word of h.rare) if (word < least && t.rare.includes(word)) least = word;
        if (least === group.key[0])
          out.tell(heldRef, jsonMessage({ train: nameFrom(t.name).id, similarity, byWords: true } satisfies PairCrossing));
      }
    }
  },
});
