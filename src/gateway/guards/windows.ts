/** A text of an answer, decided on by windows: none leaves before it was allowed. The text before a window is sent with it. */
import type { FilteredPiece, TextFilter } from "./contract.ts";
import { GuardFailure } from "./failure.ts";

/** Characters of the answer before a window that are sent with it. */
const beforeCharacters = 500;

export interface WindowDecision {
  readonly kind: "pass" | "flag" | "block";
  /** Leaves in place of the window's text. */
  readonly text?: string;
  /** For the log; it quotes nothing of the text. */
  readonly note?: string;
}

interface Windows {
  /** Of the text that is decided on at once. */
  readonly mostCharacters: number;
  readonly failsOpen: boolean;
  /** Errors: GuardFailure. */
  decide(text: string, more: { readonly before: string; readonly isLast: boolean }): Promise<WindowDecision>;
}

export function windowFilter({ mostCharacters: most, failsOpen, decide }: Windows): TextFilter {
  let held = "";
  let before = "";
  const decided = async (text: string, isLast: boolean): Promise<FilteredPiece> => {
    try {
      const { kind, text: own, note } = await decide(text, { before, isLast });
      before = (before + text).slice(-beforeCharacters);
      const noted = note === undefined ? {} : { note };
      if (kind === "block") return { text: "", isBlocked: true, ...noted };
      if (own !== undefined) return { text: own, did: "rewrite", ...noted };
      return kind === "flag" ? { text, did: "flag", ...noted } : { text, ...noted };
    } catch (error) {
      if (!failsOpen || !(error instanceof GuardFailure)) throw error;
      return { text, did: "unjudged" };
    }
  };
  return {
    push: async text => {
      held += text;
      const pieces: FilteredPiece[] = [];
      while (held.length >= most) {
        // a pair of surrogates stays together
        const last = held.charCodeAt(most - 1);
        const size = last >= 0xd800 && last <= 0xdbff ? most - 1 : most;
        const now = held.slice(0, size);
        held = held.slice(size);
        pieces.push(await decided(now, false));
        if (pieces.at(-1)!.isBlocked) break;
      }
      const released = pieces.map(p => p.text).join("");
      const did = pieces.findLast(p => p.did)?.did;
      const note = pieces.findLast(p => p.note)?.note;
      return {
        text: released,
        ...(pieces.at(-1)?.isBlocked ? { isBlocked: true } : did ? { did } : {}),
        ...(note === undefined ? {} : { note }),
      };
    },
    end: async () => {
      const now = held;
      held = "";
      return now === "" ? { text: "" } : decided(now, true);
    },
  };
}
