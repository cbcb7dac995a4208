/**
 * What may be trained on beside what judges: nothing that is held out, no copy or near-duplicate of it, and nothing that a split put together with it. And
 * which texts belong together, where no split has said so. Likeness is that of the split: word shingles, and single words between short texts.
 */
import { likeAcross, likeGroups } from "../../data/index.ts";

/** A text, and what it belongs to. */
export interface Grouped {
  readonly id: string;
  readonly text: string;
  readonly group: string;
}

const plainText = (text: string): string => text.trim().replace(/\s+/g, " ").toLowerCase();

/** Which of the texts are out beside those that judge, by their places. */
export function leakedInto(judged: readonly Grouped[], texts: readonly Grouped[]): ReadonlySet<number> {
  const ids = new Set(judged.map(d => d.id));
  const said = new Set(judged.map(d => plainText(d.text)));
  const groups = new Set([...judged.map(d => d.group), ...texts.filter(d => ids.has(d.id)).map(d => d.group)]);
  const out = new Set<number>();
  for (const [i, d] of texts.entries()) if (ids.has(d.id) || groups.has(d.group) || said.has(plainText(d.text))) out.add(i);
  const rest = [...texts.keys()].filter(i => !out.has(i));
  const alike = likeAcross(
    judged.map(d => plainText(d.text)),
    rest.map(i => plainText(texts[i]!.text)),
  );
  for (const [k, like] of alike.entries()) if (like) out.add(rest[k]!);
  return out;
}

/** Names of groups, one a text: joined are near-duplicates and texts that share a key. A group is called by the least id in it. */
export function groupsOf(texts: readonly { readonly id: string; readonly text: string; readonly keys: readonly string[] }[]): string[] {
  const sets = likeGroups(texts.map(t => plainText(t.text)));
  const first = new Map<string, number>();
  for (const [i, t] of texts.entries())
    for (const key of [`said ${plainText(t.text)}`, ...t.keys.map(k => `key ${k}`)]) {
      const before = first.get(key);
      if (before === undefined) first.set(key, i);
      else sets.union(i, before);
    }
  const names = new Map<number, string>();
  for (const [i, { id }] of texts.entries()) {
    const name = names.get(sets.find(i));
    if (name === undefined || id < name) names.set(sets.find(i), id);
  }
  return texts.map((_, i) => names.get(sets.find(i))!);
}
