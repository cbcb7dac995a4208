/** Private data of texts, by data's recogniser: which types count here, and texts with what was found replaced. */
import type { PrivateSpan } from "../../../data/index.ts";

export type FindSpans = (text: string) => readonly PrivateSpan[];

/** What stood beside a finding may stand free when it is gone, as in data's step. */
const mostPasses = 4;

/** `replace` gives what stands for a finding. `looksReplaced`: what earlier passes put there, which is not looked at again. */
export function replaceSpans(
  text: string,
  find: FindSpans,
  replace: (type: string, value: string) => string,
  looksReplaced: RegExp,
): { readonly text: string; readonly types: readonly string[] } {
  const types = new Set<string>();
  let now = text;
  for (let pass = 0; pass < mostPasses; pass++) {
    const ours = pass === 0 ? [] : [...now.matchAll(looksReplaced)].map(m => [m.index, m.index + m[0].length] as const);
    const spans = find(now).filter(s => !ours.some(([from, to]) => s.start < to && from < s.end));
    if (spans.length === 0) break;
    let out = "";
    let at = 0;
    for (const { type, start, end } of spans) {
      types.add(type);
      out += now.slice(at, start) + replace(type, now.slice(start, end));
      at = end;
    }
    now = out + now.slice(at);
  }
  return { text: now, types: [...types] };
}
