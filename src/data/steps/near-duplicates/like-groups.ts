/** Texts at hand that belong together by the comparison of the split, over several links; groups that are too large are divided, as the split does. */
import { divided, divisionLevels, largestGroup, partsBy } from "./divide.ts";
import { similarGroups } from "./groups.ts";
import { type Like, type LikeOptions, likeDefaults, likeIndex } from "./like-index.ts";
import { largestShare } from "./options.ts";
import { joinAlike, wordBag } from "./short-texts.ts";
import { sketchAll } from "./sketches.ts";
import { type UnionFind, unionFind } from "./union-find.ts";

/** Bands of so few rows miss a pair at the threshold once in ten million: (1 - 0.7^4)^64. */
const bands = { bands: 64, rows: 4 } as const;

/** Sets of the texts' places. */
export function likeGroups(texts: readonly string[], { words, threshold, shortWords }: LikeOptions = likeDefaults): UnionFind {
  const shape = { words, threshold, ...bands };
  const whole = similarGroups(sketchAll(texts, shape), shape);
  if (shortWords === 0) return whole;
  const bags = texts.map(text => wordBag(text, shortWords));
  const chained = unionFind(texts.length);
  for (const i of texts.keys()) chained.union(i, whole.find(i));
  joinAlike(bags, threshold, chained);
  const sets = unionFind(texts.length);
  const most = largestGroup(largestShare, texts.length);
  for (const at of partsBy(texts.keys(), i => chained.find(i))) {
    const levels = at.length > most ? divisionLevels(at, bags, whole, threshold) : [];
    for (const piece of divided([...at.keys()], levels, most)) for (const k of piece) sets.union(at[piece[0]!]!, at[k]!);
  }
  return sets;
}

/** Of each text one of `judged` that is like it; by words only where both are in one piece of a group. */
export function likeAcross(judged: readonly string[], texts: readonly string[], o: LikeOptions = likeDefaults): (Like | undefined)[] {
  const index = likeIndex(judged, o);
  const sets = likeGroups([...judged, ...texts], o);
  return texts.map((text, i) => index.like(text, place => sets.find(place) === sets.find(judged.length + i)));
}
