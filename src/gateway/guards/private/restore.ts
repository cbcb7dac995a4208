/**
 * Placeholders of an answer become what they stand for. A text that ends in what may be the beginning of one waits for more. In JSON the value is
 * escaped, and brackets may be too: servers in Go write `<` as `\u003c`.
 */
import type { FilteredPiece, TextFilter, TextForm } from "../contract.ts";
import { placeholderForm, type Values } from "./vault.ts";

const whole: { readonly [F in TextForm]: RegExp } = {
  text: new RegExp(`<(${placeholderForm})>`, "g"),
  // an escaped backslash begins no escape
  json: new RegExp(`\\\\\\\\|(?:<|\\\\u003[cC])(${placeholderForm})(?:>|\\\\u003[eE])`, "g"),
};

/** A beginning of each form at the end of a text, letter by letter. */
const nested = (parts: readonly string[]): string => parts.reduceRight((inner, part) => `(?:${part}${inner})?`, "");
const name = "(?:[A-Z][A-Z_]{0,20}(?:[1-9][0-9]{0,8})?)?";
const begun: { readonly [F in TextForm]: RegExp } = {
  text: new RegExp(`<${name}$`),
  json: new RegExp(`(?:<|\\\\u003[cC])${name}${nested(["\\\\", "u", "0", "0", "3"])}$|\\\\${nested(["u", "0", "0", "3"])}$`),
};
/** Longer than any beginning. */
const longest = 64;

/** The second backslash of a pair, which begins no escape. */
function isEscaped(text: string, at: number): boolean {
  let before = at;
  while (text.charCodeAt(before - 1) === 92) before--;
  return (at - before) % 2 === 1;
}

/** Where the text is cut: behind it stands what may become a placeholder. */
function cutOf(text: string, form: TextForm): number {
  let from = Math.max(0, text.length - longest);
  for (;;) {
    const found = begun[form].exec(text.slice(from));
    if (!found) return text.length;
    const at = from + found.index;
    if (text.charCodeAt(at) !== 92 || !isEscaped(text, at)) return at;
    from = at + 1;
  }
}

export function restoreFilter(vault: Values, form: TextForm): TextFilter {
  let held = "";
  const restored = (text: string): FilteredPiece => {
    let did = false;
    const out = text.replace(whole[form], (all, key: string | undefined) => {
      const value = key === undefined ? undefined : vault.valueOf(key);
      if (value === undefined) return all;
      did = true;
      return form === "json" ? JSON.stringify(value).slice(1, -1) : value;
    });
    return did ? { text: out, did: "restore" } : { text: out };
  };
  return {
    push: text => {
      const all = held + text;
      const cut = cutOf(all, form);
      held = all.slice(cut);
      return restored(all.slice(0, cut));
    },
    end: () => {
      const rest = held;
      held = "";
      return restored(rest);
    },
  };
}
