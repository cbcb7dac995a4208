/**
 * Marks, from documents to items: a document's attributes say which items it holds and how much of them; turned round, every item knows
 * whether the data a model is trained on holds it. Evaluation tells scores of clean items from those of others.
 */
import type { DocumentAttributes } from "../../document.ts";
import type { LedgerSide } from "../../ledger.ts";
import type { ContaminationFinding } from "./search.ts";

/** Keys of items above the threshold. */
export const contaminatedAttribute = "contaminated";
/** One text an item: its key, the score and the shares of its parts. */
export const overlapAttribute = "evaluationOverlap";

/** An item as a document has it. */
interface Overlap {
  readonly item: string;
  readonly score: number;
  readonly prompt: number;
  readonly answer: number;
  readonly passage: number;
}

export const overlapLine = (item: string, { score, shares }: Pick<ContaminationFinding, "score" | "shares">): string =>
  [item, ...[score, shares.prompt, shares.answer, shares.passage].map(x => x.toFixed(3))].join(" ");

/** What `overlapLine` wrote. An item's id may hold spaces; the numbers are the last four. */
export function parseOverlap(line: string): Overlap | undefined {
  const words = line.split(" ");
  const [score, prompt, answer, passage] = words.slice(-4).map(Number);
  if (words.length < 5 || ![score, prompt, answer, passage].every(Number.isFinite)) return undefined;
  return { item: words.slice(0, -4).join(" "), score: score!, prompt: prompt!, answer: answer!, passage: passage! };
}

/** A document after the pass, with what became of it. */
interface Marked {
  readonly id: string;
  readonly side: LedgerSide;
  readonly attributes: DocumentAttributes;
}

/** One line of `contamination.jsonl`. */
export interface ItemMark {
  readonly item: string;
  /** `contaminated`: a train document holds it. `removed`: documents held it, and none that does is in the train side. `too-short`: it was not looked for. */
  readonly mark: "clean" | "contaminated" | "removed" | "too-short";
  /** The highest score in a train document, 0 where none has anything of it. */
  readonly score: number;
  /** Train documents that hold it, by id. */
  readonly documents: readonly string[];
  /** Documents that held it and are dropped, held out, or lost the passage. */
  readonly removed: readonly string[];
}

/** An item, and whether it is long enough to be looked for. */
export interface SearchedItem {
  readonly key: string;
  readonly isSearched: boolean;
}

/**
 * Counts documents as they come, in any order. `isCut`: passages were taken out, so what is marked is not in the text any more. Memory: a
 * number and the ids of its documents for every item.
 */
export function contaminationTally(items: readonly SearchedItem[], { isCut = false }: { readonly isCut?: boolean } = {}) {
  const found = new Map(items.map(i => [i.key, { score: 0, documents: [] as string[], removed: [] as string[] }]));
  return {
    see({ id, side, attributes }: Marked): void {
      const listed = attributes[contaminatedAttribute];
      const held = new Set(Array.isArray(listed) ? (listed as readonly string[]) : []);
      for (const key of held) found.get(key)?.[side === "train" && !isCut ? "documents" : "removed"].push(id);
      const overlaps = attributes[overlapAttribute];
      if (side !== "train" || !Array.isArray(overlaps)) return;
      for (const line of overlaps as readonly string[]) {
        const overlap = parseOverlap(line);
        const item = overlap && found.get(overlap.item);
        if (item && !(isCut && held.has(overlap.item))) item.score = Math.max(item.score, overlap.score);
      }
    },
    /** The mark of every item, in the order of the items. */
    marks: (): ItemMark[] =>
      items.map(({ key, isSearched }) => {
        const { score, documents, removed } = found.get(key)!;
        const mark = !isSearched ? "too-short" : documents.length > 0 ? "contaminated" : removed.length > 0 ? "removed" : "clean";
        return { item: key, mark, score, documents: [...documents].sort(), removed: [...removed].sort() };
      }),
  };
}

/** The marks of all items, given all documents. */
export function contaminationOf(
  items: readonly SearchedItem[],
  documents: Iterable<Marked>,
  options: { readonly isCut?: boolean } = {},
): ItemMark[] {
  const tally = contaminationTally(items, options);
  for (const document of documents) tally.see(document);
  return tally.marks();
}
