/** What instruction tuning learns from: a conversation whose answers are trained, or a text that goes on. */
import type { ChatMessage } from "../../text/index.ts";

export interface ChatExample {
  readonly kind: "chat";
  readonly messages: readonly ChatMessage[];
  /** Numbers of the messages that are trained: all of the assistant's but those whose `weight` is 0. */
  readonly trained: readonly number[];
  readonly tools?: readonly unknown[];
}
/** No template: the prompt as it is, and behind it what is trained. */
interface CompletionExample {
  readonly kind: "completion";
  readonly prompt: string;
  readonly completion: string;
}
/** Two answers to the same messages, the first one better. */
interface PreferenceExample {
  readonly kind: "preference";
  readonly messages: readonly ChatMessage[];
  readonly chosen: readonly ChatMessage[];
  readonly rejected: readonly ChatMessage[];
  readonly tools?: readonly unknown[];
}
/** One answer, and whether it is a good one. */
export interface RatedExample {
  readonly kind: "rated";
  readonly messages: readonly ChatMessage[];
  readonly answer: readonly ChatMessage[];
  readonly isGood: boolean;
  readonly tools?: readonly unknown[];
}
export type Example = ChatExample | CompletionExample | PreferenceExample | RatedExample;

/** All that a person wrote in it, as one text: what near-duplicates are told by. */
export function exampleText(example: Example): string {
  if (example.kind === "completion") return `${example.prompt}\n${example.completion}`;
  const said = (messages: readonly ChatMessage[]) => messages.filter(m => m.role !== "system").map(m => String(m.content ?? ""));
  const answer = example.kind === "chat" ? [] : example.kind === "rated" ? example.answer : example.chosen;
  return [...said(example.messages), ...said(answer)].join("\n");
}
