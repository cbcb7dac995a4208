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

export interface Detected {
  /** "" where no n-gram is known. */
  readonly language: string;
  /** By language; costs as much as the detection. */
  evidence(): [language: string, evidence: number][];
}
export type Detect = (text: string) => Detected;

/** The scale by which eld squeezes: score = evidence / (evidence + 25). */
const squeeze = 25;

const modules = {
  extrasmall: () => import("eld/extrasmall"),
  small: () => import("eld/small"),
  medium: () => import("eld/medium"),
  large: () => import("eld/large"),
} as const satisfies Record<TableSize, () => Promise<unknown>>;

/** Loads a table once a process and size: 0.15 to 1 s. */
export async function loadDetector(size: TableSize): Promise<Detect> {
  const { eld } = await modules[size]();
  return text => {
    const result = eld.detect(text);
    return {
      language: result.language,
      evidence: () => Object.entries(result.getScores()).map(([language, score]) => [language, (squeeze * score) / (1 - score)]),
    };
  };
}
