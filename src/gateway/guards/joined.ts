/** Filters one behind the other as one: what one lets go the next takes. */
import { defined } from "../../base/index.ts";
import type { Did, FilteredPiece, TextFilter } from "./contract.ts";

const ranks: { readonly [D in Did]: number } = { unjudged: 0, flag: 1, restore: 2, rewrite: 3 };
const more = (a: Did | undefined, b: Did | undefined): Did | undefined => (a && (!b || ranks[a] >= ranks[b]) ? a : b);

export function joinedFilters(filters: readonly TextFilter[]): TextFilter {
  if (filters.length === 1) return filters[0]!;
  let isBlocked = false;

  const run = async (given: string, isEnd: boolean): Promise<FilteredPiece> => {
    if (isBlocked) return { text: "", isBlocked };
    let text = given;
    let isOver = isEnd;
    let did: Did | undefined;
    for (const filter of filters) {
      const pieces = text === "" && isOver ? [] : [await filter.push(text)];
      if (isOver && !pieces.some(p => p.isBlocked)) pieces.push(await filter.end());
      text = "";
      for (const piece of pieces) {
        text += piece.text;
        did = more(did, piece.did);
        if (!piece.isBlocked) continue;
        isBlocked = true;
        // behind the end of a text nothing comes
        isOver = true;
      }
    }
    return { text, ...(isBlocked ? { isBlocked } : {}), ...defined({ did }) };
  };
  return { push: text => run(text, false), end: () => run("", true) };
}
