/**
 * Which of a page's texts are its content. Three judgements, each linear: what lies in an element that is around texts (by its name) and
 * holds little of the page goes; the smallest element that holds nearly all good text is the root (Readability's idea, turned round: from
 * the page inward instead of from paragraphs outward); within it, texts that are mostly links go unless they stand in running text
 * (link density and context: Kohlschütter et al. 2010, "Boilerplate Detection using Shallow Text Features"; jusText).
 */
import type { Page } from "./page.ts";
import { bit, header, heading1, navigation, pageTags } from "./tags.ts";

interface ChooseLimits {
  /** A text with a larger share of its characters in links is no running text. */
  readonly maxLinked: number;
  /** Words that make a text a running one. */
  readonly minWords: number;
  /** What a character of a shorter text counts beside one of a running text. */
  readonly shortWeight: number;
  /** So many links in a row are still text. */
  readonly maxLinks: number;
  /** Share of the good text that the root must hold. */
  readonly rootShare: number;
  /** Elements around a text that hold more than this share of the good text are the text. */
  readonly aroundShare: number;
}
const chooseLimits: ChooseLimits = {
  maxLinked: 0.5,
  minWords: 10,
  shortWeight: 0.5,
  maxLinks: 5,
  rootShare: 0.9,
  aroundShare: 0.35,
};

const wordsOf = (text: string): number => {
  let n = 0;
  let blank = true;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 32 || c === 10) blank = true;
    else if (blank) {
      blank = false;
      n++;
    }
    // Scripts without spaces: two characters are about a word.
    else if (c >= 0x3040 && c <= 0x9fff && (i & 1) === 0) n++;
  }
  return n;
};

/** For every segment of the page, whether it is content. */
export function chooseSegments(page: Page, limits: ChooseLimits = chooseLimits): boolean[] {
  const { parent, bits, tag, segments } = page;
  const nodes = parent.length;
  const good = new Float64Array(nodes);
  const words = segments.map(s => wordsOf(s.text));
  const isLinked = segments.map(s => s.linked > limits.maxLinked * s.text.length);
  segments.forEach((s, i) => {
    if (!isLinked[i]) good[s.node]! += (s.text.length - s.linked) * (words[i]! >= limits.minWords ? 1 : limits.shortWeight);
  });
  for (let n = nodes - 1; n > 0; n--) good[parent[n]!]! += good[n]!;

  // Elements around the text go, from the outside in; what they held no longer counts.
  const gone = new Uint8Array(nodes);
  const inMain = new Uint8Array(nodes);
  const total = good[0]!;
  for (let n = 1; n < nodes; n++) {
    const b = bits[n]!;
    inMain[n] = b & bit.main ? 1 : inMain[parent[n]!]!;
    if (gone[parent[n]!]) gone[n] = 1;
    // The header of an article is its own: title, author, date.
    else if (b & bit.around && !(tag[n] === header && inMain[n]) && (tag[n] === navigation || good[n]! <= limits.aroundShare * total)) {
      gone[n] = 1;
      for (let a = parent[n]!, held = good[n]!; held > 0 && a >= 0; a = parent[a]!) good[a]! -= held;
    }
  }

  // What stands outside the page's own element was put there by others: the footers of mailing lists.
  const outside = good[0]! - sum(page, good) <= limits.aroundShare * good[0]!;
  const root = rootOf(page, good, gone, limits.rootShare);
  const inside = new Uint8Array(nodes);
  inside[root] = 1;
  for (let n = root + 1; n < nodes; n++) if (!gone[n] && inside[parent[n]!]) inside[n] = 1;

  const keep = segments.map(s => inside[s.node] === 1 && !(outside && s.node === 0));
  // A link alone is part of the text around it; several one after another, or one in a list, are a menu.
  for (let i = 0; i < segments.length; ) {
    let end = i;
    while (end < segments.length && isLinked[end]!) end++;
    for (let k = i; k < end; k++) if (end - i > limits.maxLinks || bits[segments[k]!.node]! & bit.item) keep[k] = false;
    i = Math.max(end, i + 1);
  }
  // The headline often stands above the text's own element.
  const isHeadline = (i: number) => tag[segments[i]!.node] === heading1;
  if (!keep.some((k, i) => k && isHeadline(i))) {
    const first = keep.indexOf(true);
    const headline = segments.findIndex((s, i) => i < first && isHeadline(i) && page.title.includes(s.text));
    if (headline >= 0) keep[headline] = true;
  }
  return keep;
}

/** Good text in the elements `html` and `body` that stand at the top. */
function sum({ parent, tag }: Page, good: Float64Array): number {
  let held = 0;
  for (let n = 1; n < parent.length; n++) if (parent[n] === 0 && pageTags.has(tag[n]!)) held += good[n]!;
  return held;
}

/** The innermost element that still holds `share` of the good text of the page; an element that says it is the text needs half of it. */
function rootOf({ parent, bits }: Page, good: Float64Array, gone: Uint8Array, share: number): number {
  let root = 0;
  const total = good[0]!;
  if (total === 0) return 0;
  // Start tags come in order, so a later element that still holds enough lies within the earlier ones that do.
  for (let n = 1; n < parent.length; n++) {
    if (gone[n]) continue;
    const enough = bits[n]! & bit.main ? Math.min(share, 0.5) : share;
    if (good[n]! >= enough * total) root = n;
  }
  return root;
}
