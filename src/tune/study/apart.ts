/**
 * What may be trained on beside what judges: nothing that is held out, no copy or near-duplicate of it, and nothing that a split put together with it. And
 * which texts belong together, where no split has said so. Likeness is that of the split: Jaccard similarity of word shingles.
 */
import { leaksAgainst, sketchAll } from "../../data/index.ts";

/** A text, and what it belongs to. */
export interface Grouped {
  readonly id: string;
  readonly text: string;
  readonly group: string;
}

/** Jaccard similarity from which two texts are alike. */
const threshold = 0.7;
const shingle = { words: 5, bands: 14, rows: 8 } as const;

export const plainText = (text: string): string => text.trim().replace(/\s+/g, " ").toLowerCase();

/** Which of the texts are out beside those that judge, by their places. */
export function leakedInto(judged: readonly Grouped[], texts: readonly Grouped[]): ReadonlySet<number> {
  const ids = new Set(judged.map(d => d.id));
  const said = new Set(judged.map(d => plainText(d.text)));
  const groups = new Set([...judged.map(d => d.group), ...texts.filter(d => ids.has(d.id)).map(d => d.group)]);
  const out = new Set<number>();
  for (const [i, d] of texts.entries()) if (ids.has(d.id) || groups.has(d.group) || said.has(plainText(d.text))) out.add(i);
  const rest = [...texts.keys()].filter(i => !out.has(i));
  const sketchesOf = (list: readonly string[]) => sketchAll(list.map(plainText), shingle);
  const alike = leaksAgainst(sketchesOf(judged.map(d => d.text)), threshold)(sketchesOf(rest.map(i => texts[i]!.text)));
  for (const { train } of alike) out.add(rest[train]!);
  return out;
}

/** Names of groups, one a text: joined are near-duplicates and texts that share a key. A group is called by the least id in it. */
export function groupsOf(texts: readonly { readonly id: string; readonly text: string; readonly keys: readonly string[] }[]): string[] {
  const parent = Uint32Array.from(texts.keys());
  const root = (i: number): number => {
    let at = i;
    while (parent[at] !== at) at = parent[at] = parent[parent[at]!]!;
    return at;
  };
  const join = (a: number, b: number): void => {
    parent[root(a)] = root(b);
  };
  const first = new Map<string, number>();
  for (const [i, t] of texts.entries())
    for (const key of [`said ${plainText(t.text)}`, ...t.keys.map(k => `key ${k}`)]) {
      const before = first.get(key);
      if (before === undefined) first.set(key, i);
      else join(i, before);
    }
  const sketches = sketchAll(
    texts.map(t => plainText(t.text)),
    shingle,
  );
  for (const { heldOut, train } of leaksAgainst(sketches, threshold)(sketches)) join(heldOut, train);
  const names = new Map<number, string>();
  for (const [i, { id }] of texts.entries()) {
    const name = names.get(root(i));
    if (name === undefined || id < name) names.set(root(i), id);
  }
  return texts.map((_, i) => names.get(root(i))!);
}
