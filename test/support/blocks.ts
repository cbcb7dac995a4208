/** Fenced blocks of code of a page in docs/, by the words behind their language. */
import { readFileSync } from "node:fs";

export interface PageBlock {
  readonly language: string;
  /** What stands behind the language: `src/data/steps/capitals/capitals.ts`. */
  readonly name: string;
  readonly text: string;
}

/** Blocks of a page, in order. */
export function pageBlocks(page: string): PageBlock[] {
  const text = readFileSync(new URL(`../../docs/${page}`, import.meta.url), "utf8");
  return [...text.matchAll(/^```(\w+)(?: (\S+))?\n([\s\S]*?)^```$/gm)].map(([, language, name = "", code]) => ({
    language: language!,
    name,
    text: code!,
  }));
}
