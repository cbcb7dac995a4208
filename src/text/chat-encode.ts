/**
 * A conversation to ids in which only the template writes special tokens: their texts in messages and tools stay ordinary text, so nobody
 * can end a turn or speak as another role by writing its token.
 */
import type { ChatMessage, ChatTemplate, RenderOptions } from "./chat-template.ts";

/** What it needs of a tokenizer. */
export interface ChatTokenizer {
  readonly specials: ReadonlyMap<string, number>;
  encode(text: string, options?: { readonly addSpecialTokens?: boolean; readonly readSpecialTokens?: boolean }): ArrayLike<number>;
}

/** A code point that is no character and never will be. It stands on both sides of a number while the template runs. */
const MARK = "\uFDD0";
const marked = new RegExp(`${MARK}(\\d+)${MARK}`, "u");

/** Applies `f` to every string in plain data. */
const mapStrings = (value: unknown, f: (text: string) => string): unknown =>
  typeof value === "string"
    ? f(value)
    : Array.isArray(value)
      ? value.map(v => mapStrings(v, f))
      : value !== null && typeof value === "object"
        ? Object.fromEntries(Object.entries(value).map(([k, v]) => [k, mapStrings(v, f)]))
        : value;

/** Texts of special tokens in data as marks, and what a template made of marked data as ids. */
interface Marking {
  /** Plain data whose strings hold marks instead of special tokens' texts. */
  mark<T>(value: T): T;
  /** Ids of a piece of what was rendered: the template's own special tokens are read, marked ones are ordinary text. */
  encode(rendered: string): number[];
}

export function marking(tokenizer: ChatTokenizer): Marking {
  const texts = [MARK, ...tokenizer.specials.keys()].sort((a, b) => b.length - a.length);
  const pattern = new RegExp(texts.map(t => t.replace(/[\^$\\.*+?()[\]{}|/]/g, "\\$&")).join("|"), "gu");
  const replace = (text: string): string => text.replace(pattern, t => `${MARK}${texts.indexOf(t)}${MARK}`);
  return {
    mark: value => mapStrings(value, replace) as typeof value,
    // splitting by a pattern with a group gives text, number, text, number, ..., text
    encode: rendered =>
      rendered
        .split(marked)
        .flatMap((part, i) =>
          Array.from(
            i % 2 === 0
              ? tokenizer.encode(part, { addSpecialTokens: false })
              : tokenizer.encode(texts[Number(part)] ?? "", { addSpecialTokens: false, readSpecialTokens: false }),
          ),
        ),
  };
}

/** Ids of a conversation under a template. Errors: text/template. */
export function encodeChat(
  tokenizer: ChatTokenizer,
  template: Pick<ChatTemplate, "render">,
  messages: readonly ChatMessage[],
  options: RenderOptions = {},
): Uint32Array {
  const { mark, encode } = marking(tokenizer);
  return Uint32Array.from(
    encode(template.render(mark(messages), { ...options, ...(options.tools ? { tools: mark(options.tools) } : {}) })),
  );
}
