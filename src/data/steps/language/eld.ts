import type { TableSize } from "./names.ts";

interface Detected {
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
