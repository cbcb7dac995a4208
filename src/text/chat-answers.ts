/**
 * A conversation to ids for training: which of them are answers. It is cut where serving cuts it: what stands before an answer is the text that
 * the template gives for the messages before it with the start of the assistant's turn, so a prompt has the very ids that it is served with.
 */
import { type ChatTokenizer, marking } from "./chat-encode.ts";
import type { ChatMessage, ChatTemplate, RenderOptions } from "./chat-template.ts";
import { textErrors } from "./errors.ts";

/** Where an answer stands: ids [from, to), from its first to the last that the template writes before the next turn. */
export interface ChatAnswer {
  /** Number of its message. */
  readonly message: number;
  readonly from: number;
  readonly to: number;
}
export interface AnsweredChat {
  readonly ids: Uint32Array;
  readonly answers: readonly ChatAnswer[];
}

export interface AnswerOptions extends Omit<RenderOptions, "addGenerationPrompt"> {
  /** Numbers of the messages that are answers; every assistant's when absent. */
  readonly answers?: readonly number[];
}

/**
 * Ids of a conversation, and its answers. Errors: text/template where the template refuses the messages, or writes the same messages another way
 * once others follow (some leave out earlier answers' thinking), so that an answer has no place of its own.
 */
export function encodeAnswers(
  tokenizer: ChatTokenizer,
  template: Pick<ChatTemplate, "render">,
  messages: readonly ChatMessage[],
  { answers, ...options }: AnswerOptions = {},
): AnsweredChat {
  const { mark, encode } = marking(tokenizer);
  const given = mark(messages);
  const render = (count: number, addGenerationPrompt: boolean): string =>
    template.render(given.slice(0, count), { ...options, ...(options.tools ? { tools: mark(options.tools) } : {}), addGenerationPrompt });
  const wanted = answers ?? messages.flatMap((m, i) => (m.role === "assistant" ? [i] : []));
  const whole = render(messages.length, false);
  const ids: number[] = [];
  const found: ChatAnswer[] = [];
  let at = 0;
  for (const message of wanted) {
    const before = render(message, true);
    const after = message + 1 === messages.length ? whole : render(message + 1, false);
    if (before.length < at || !after.startsWith(before) || !whole.startsWith(after))
      throw textErrors.fail("template", {
        place: `messages[${message}]`,
        expected: "a template that writes a turn the same way whether or not others follow",
        received: after.startsWith(before)
          ? "other text once later messages follow"
          : "an answer that does not begin where it is asked for",
        hint: "Only the last answer has a place of its own then.",
      });
    ids.push(...encode(whole.slice(at, before.length)));
    const from = ids.length;
    ids.push(...encode(whole.slice(before.length, after.length)));
    found.push({ message, from, to: ids.length });
    at = after.length;
  }
  ids.push(...encode(whole.slice(at)));
  return { ids: Uint32Array.from(ids), answers: found };
}
