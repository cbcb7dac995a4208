/**
 * What an upstream that speaks the client's own API said, beside its translation into OpenAI's: whoever stands between reads that one, and what
 * comes out unchanged is given to the client in the upstream's own words. What was changed on the way (by a guard) is translated instead.
 */

import type { StreamPiece } from "../translation.ts";
import { isRow } from "../values.ts";

/** The block that was open after a piece, for a translation that goes on from there. */
interface BlockState {
  readonly index: number;
  /** The text, a call by its index in the chat, or what a chat does not show. */
  readonly open: "text" | "other" | number | undefined;
}

/** `calls`: those that have begun. */
export const noBlock: BlockState & { readonly calls: number } = { index: -1, open: undefined, calls: 0 };

/** What is open after an event of Anthropic's. */
export function afterPiece(state: typeof noBlock, piece: StreamPiece): typeof noBlock {
  if (!isRow(piece)) return state;
  if (piece.type === "content_block_stop") return { ...state, open: undefined };
  if (piece.type !== "content_block_start" || !isRow(piece.content_block)) return state;
  const { type } = piece.content_block;
  const index = typeof piece.index === "number" ? piece.index : state.index + 1;
  if (type === "tool_use") return { index, open: state.calls, calls: state.calls + 1 };
  return { ...state, index, open: type === "text" ? "text" : "other" };
}

interface Entry extends BlockState {
  /** The translation: an event's data, or a whole answer. */
  readonly said: string;
  /** The upstream's own words up to here. */
  readonly own: string;
}

export class Passage {
  #entries: Entry[] = [];

  /** Another answer begins: what the last one said is forgotten. */
  begin(): void {
    this.#entries = [];
  }

  add(entry: Entry): void {
    this.#entries.push(entry);
  }

  /** The upstream's own words for what was said, with those of what was left out before it; undefined where it did not say so. */
  take(said: string): Entry | undefined {
    const at = this.#entries.findIndex(e => e.said === said);
    if (at < 0) return undefined;
    const taken = this.#entries.splice(0, at + 1);
    return { ...taken[at]!, own: taken.map(e => e.own).join("") };
  }
}
