/** Names of languages and tables, apart from what loads them. */
/**
 * The one place that knows `eld` (N-grams of bytes, 60 languages). It reads the first 350 bytes or so of what it is given, so callers give
 * it windows. Its scores, which it squeezes into 0 to 1, are unsqueezed to mean evidence a distinct n-gram: that can be added up over windows.
 */

/** What it knows, ISO 639-1. `no` is both ways of writing Norwegian, `ku` Sorani in Arabic script, `sr` Serbian in Cyrillic. */
export const languageCodes = [
  ..."am ar az be bg bn ca cs da de el en es et eu fa fi fr gu he hi hr hu hy is it ja ka kn ko".split(" "),
  ..."ku lo lt lv ml mr ms nl no or pa pl pt ro ru sk sl sq sr sv ta te th tl tr uk ur vi yo zh".split(" "),
] as const;

/** Sizes of its tables: resident memory a process or worker, about 90, 150, 200 and 400 MB. */
export const tableSizes = ["extrasmall", "small", "medium", "large"] as const;
export type TableSize = (typeof tableSizes)[number];

/** Nothing that could be told: no letters, too few, or a script of none of the known languages. ISO 639-2's `und`. */
export const undetermined = "und";
