/**
 * A conversation to ids in which only the template writes special tokens: their texts in messages and tools stay ordinary text, so nobody
 * can end a turn or speak as another role by writing its token.
 */
import { templateError } from "./bounded-interpreter.ts";
import type { ChatMessage, ChatTemplate, RenderOptions } from "./chat-template.ts";

/** What it needs of a tokenizer. */
export interface ChatTokenizer {
  readonly specials: ReadonlyMap<string, number>;
  encode(text: string, options?: { readonly addSpecialTokens?: boolean; readonly readSpecialTokens?: boolean }): ArrayLike<number>;
}

/** A code point that is no character and never will be. It stands on both sides of a number while the template runs. */
const MARK = "\uFDD0";
/** Another one: it stands behind the message that is to be continued, where the text is cut. */
const END_MARK = "\uFDD1";
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

interface EncodeChatOptions extends RenderOptions {
  /** The answer goes on from the last message: what the template writes behind it is left out. */
  readonly continueFinalMessage?: boolean;
}

/** What the template makes of messages whose last one goes on. Errors: text/template where it does not write that message's end. */
function openEnded(template: Pick<ChatTemplate, "render">, messages: readonly ChatMessage[], options: RenderOptions): string {
  const last = messages.at(-1);
  const content = typeof last?.content === "string" ? last.content : "";
  const marked = template.render([...messages.slice(0, -1), { role: "assistant", ...last, content: content + END_MARK }], options);
  const end = marked.lastIndexOf(END_MARK);
  if (end >= 0) return marked.slice(0, end);
  throw templateError("the last message cannot be continued: the template does not write its end");
}

/** Ids of a conversation under a template. Errors: text/template. */
export function encodeChat(
  tokenizer: ChatTokenizer,
  template: Pick<ChatTemplate, "render">,
  messages: readonly ChatMessage[],
  { continueFinalMessage = false, ...options }: EncodeChatOptions = {},
): Uint32Array {
  const { mark, encode } = marking(tokenizer);
  const { tools, variables } = options;
  const given = { ...options, ...(tools ? { tools: mark(tools) } : {}), ...(variables ? { variables: mark(variables) } : {}) };
  const marked = mark(messages);
  return Uint32Array.from(encode(continueFinalMessage ? openEnded(template, marked, given) : template.render(marked, given)));
}
