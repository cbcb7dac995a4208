/**
 * The shapes that people keep examples in, a row each: which fields tell a shape, and what a record means. OpenAI's fine-tuning files, ShareGPT's
 * conversations, Alpaca's instructions, prompts with completions, preferences, and tables whose columns are named.
 */

import { z } from "zod";
import { check, defined } from "../../base/index.ts";
import type { ChatMessage } from "../../text/index.ts";
import { tuneErrors } from "../errors.ts";
import { isTemplate, templateText } from "./column-text.ts";
import type { ChatExample, Example } from "./example.ts";
import type { Columns, FormatName } from "./format-options.ts";

export type Fields = Readonly<Record<string, unknown>>;

interface FormatRow {
  /** Fields that a record of this shape has. */
  readonly has: (fields: Fields, columns: Columns) => boolean;
  read(fields: Fields, columns: Columns, place: string): Example;
}

const problem = (place: string, expected: string, received: string, hint?: string) =>
  tuneErrors.fail("example", { place, expected, received, ...defined({ hint }) });

const textPart = z.looseObject({ type: z.literal("text"), text: z.string() });
const content = z.union([z.string(), z.array(textPart)], { error: "a text, or a list of parts of type text" }).nullish();
const toolCall = z.looseObject({ type: z.string().nullish(), function: z.looseObject({ name: z.string(), arguments: z.unknown() }) });
const message = z.looseObject({
  role: z.enum(["system", "developer", "user", "assistant", "tool", "function"]),
  content,
  tool_calls: z.array(toolCall).nullish(),
  weight: z.union([z.literal(0), z.literal(1)]).nullish(),
});
const messageList = z.array(message).min(1).max(10_000);

/** Newer and older words for the roles that templates know. */
const roles: Readonly<Record<string, string>> = { developer: "system", function: "tool" };

/** Templates write arguments as JSON themselves, from an object. */
function argumentsOf(value: unknown): unknown {
  if (typeof value !== "string") return value;
  try {
    const parsed: unknown = JSON.parse(value);
    return typeof parsed === "object" && parsed !== null && !Array.isArray(parsed) ? parsed : value;
  } catch {
    return value;
  }
}

const contentOf = (c: z.output<typeof content>): string => (typeof c === "string" ? c : (c ?? []).map(p => p.text).join(""));

/** Messages as templates read them, and what each counts. */
function turnsOf(value: unknown, place: string): { readonly turns: ChatMessage[]; readonly weights: (number | undefined)[] } {
  const list = check(messageList, value, place);
  const turns = list.map(({ weight: _, tool_calls, ...m }): ChatMessage => {
    const calls = tool_calls?.map(call => ({ ...call, function: { ...call.function, arguments: argumentsOf(call.function.arguments) } }));
    return { ...m, role: roles[m.role] ?? m.role, content: contentOf(m.content), ...(calls?.length ? { tool_calls: calls } : {}) };
  });
  return { turns, weights: list.map(m => m.weight ?? undefined) };
}

/** A conversation, checked: somebody asks, the assistant has the last word, and no answer is empty. Errors: tune/example. */
function chat(
  turns: readonly ChatMessage[],
  place: string,
  weights: readonly (number | undefined)[] = [],
  tools?: readonly unknown[],
): ChatExample {
  const last = turns.at(-1)!;
  if (last.role !== "assistant")
    throw problem(
      place,
      "the assistant's message at the end",
      `the ${last.role}'s`,
      "What follows the last answer teaches nothing; take it away.",
    );
  const empty = turns.findIndex(m => m.role === "assistant" && String(m.content ?? "").trim() === "" && !Array.isArray(m.tool_calls));
  if (empty >= 0) throw problem(`${place}: messages[${empty}]`, "an answer", "an empty text");
  if (!turns.some(m => m.role === "user")) throw problem(place, "a message of the user", "none");
  const trained = turns.flatMap((m, i) => (m.role === "assistant" && weights[i] !== 0 ? [i] : []));
  if (trained.length === 0) throw problem(place, "an answer that is trained", "a weight of 0 for each");
  return { kind: "chat", messages: turns, trained, ...(tools?.length ? { tools } : {}) };
}

function text(fields: Fields, name: string, place: string): string {
  const value = isTemplate(name) ? templateText(fields, name, place) : fields[name];
  if (typeof value === "string" && value.trim() !== "") return value;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  throw problem(
    `${place}: ${name}`,
    "a text",
    value === undefined ? "no such field" : value === "" ? "an empty one" : JSON.stringify(value).slice(0, 60),
  );
}
const optional = (fields: Fields, name: string): string | undefined => {
  const value = fields[name];
  return typeof value === "string" && value.trim() !== "" ? value : undefined;
};
const turn = (role: string, said: string): ChatMessage => ({ role, content: said });
const asked = (system: string | undefined, ...pairs: readonly (readonly [string, string])[]): ChatMessage[] => [
  ...(system === undefined ? [] : [turn("system", system)]),
  ...pairs.flatMap(([q, a]) => [turn("user", q), turn("assistant", a)]),
];
const toolsOf = (fields: Fields): readonly unknown[] | undefined => (Array.isArray(fields.tools) ? fields.tools : undefined);

/** ShareGPT's names for who speaks. */
const speakers: Readonly<Record<string, string>> = {
  human: "user",
  user: "user",
  gpt: "assistant",
  assistant: "assistant",
  chatgpt: "assistant",
  bing: "assistant",
  bard: "assistant",
  system: "system",
  tool: "tool",
  observation: "tool",
};
const said = z
  .array(z.looseObject({ from: z.string(), value: z.string() }))
  .min(1)
  .max(10_000);

/** A side of a preference: a text, one message, or messages. */
function answerOf(value: unknown, place: string): readonly ChatMessage[] {
  if (typeof value === "string") {
    if (value.trim() === "") throw problem(place, "an answer", "an empty text");
    return [turn("assistant", value)];
  }
  const { turns } = turnsOf(Array.isArray(value) ? value : [value], place);
  const other = turns.find(m => m.role !== "assistant" && m.role !== "tool");
  if (other) throw problem(place, "messages of the assistant", `one of the ${other.role}`);
  return turns;
}

/** What a label of an answer says; a table's cell is a text. */
const ratings: Readonly<Record<string, boolean>> = { true: true, false: false, "1": true, "0": false };
const ratingOf = (value: unknown): boolean | undefined =>
  ["string", "number", "boolean"].includes(typeof value) ? ratings[String(value).trim().toLowerCase()] : undefined;

/** A prompt before an answer: a text is what the user says. */
function promptOf(f: Fields, c: Columns, place: string): ChatMessage[] {
  const name = c.prompt ?? "prompt";
  const prompt = f[name];
  return typeof prompt === "string"
    ? asked(optional(f, c.system ?? "system")).concat(turn("user", prompt))
    : turnsOf(prompt, `${place}: ${name}`).turns;
}

export const formats = {
  openai: {
    has: (f, c) => Array.isArray(f[c.messages ?? "messages"]),
    read(f, c, place) {
      const name = c.messages ?? "messages";
      const { turns, weights } = turnsOf(f[name], `${place}: ${name}`);
      return chat(turns, place, weights, toolsOf(f));
    },
  },
  sharegpt: {
    has: (f, c) =>
      Array.isArray(f[c.messages ?? "conversations"]) && "from" in Object((f[c.messages ?? "conversations"] as unknown[])[0] ?? {}),
    read(f, c, place) {
      const name = c.messages ?? "conversations";
      const list = check(said, f[name], `${place}: ${name}`);
      const turns = list.map(({ from, value }, i) => {
        const role = speakers[from];
        if (role === undefined) throw problem(`${place}: ${name}[${i}].from`, Object.keys(speakers).join(", "), from);
        return turn(role, value);
      });
      const system = optional(f, c.system ?? "system");
      return chat(system === undefined ? turns : [turn("system", system), ...turns], place);
    },
  },
  alpaca: {
    has: f => "instruction" in f && "output" in f,
    read(f, _, place) {
      const input = optional(f, "input");
      const instruction = text(f, "instruction", place);
      const history = Array.isArray(f.history) ? (f.history as unknown[]) : [];
      const past = history.map((pair, i) => {
        if (Array.isArray(pair) && pair.length === 2 && pair.every(x => typeof x === "string")) return pair as [string, string];
        throw problem(`${place}: history[${i}]`, "a question and its answer", JSON.stringify(pair).slice(0, 60));
      });
      const question = input === undefined ? instruction : `${instruction}\n\n${input}`;
      return chat(asked(optional(f, "system"), ...past, [question, text(f, "output", place)]), place);
    },
  },
  preference: {
    has: (f, c) => (c.chosen ?? "chosen") in f || "preferred_output" in f,
    read(f, c, place) {
      if ("preferred_output" in f) {
        const input = check(z.looseObject({ messages: z.unknown(), tools: z.array(z.unknown()).optional() }), f.input, `${place}: input`);
        return preference(
          turnsOf(input.messages, `${place}: input.messages`).turns,
          f.preferred_output,
          f.non_preferred_output,
          place,
          input.tools,
        );
      }
      const prompt = f[c.prompt ?? "prompt"];
      const given = f[c.chosen ?? "chosen"];
      const other = f[c.rejected ?? "rejected"];
      // both sides are whole conversations
      if (prompt === undefined && Array.isArray(given) && Array.isArray(other)) {
        const [a, b] = [turnsOf(given, `${place}: chosen`).turns, turnsOf(other, `${place}: rejected`).turns];
        let shared = 0;
        while (shared < Math.min(a.length, b.length) - 1 && JSON.stringify(a[shared]) === JSON.stringify(b[shared])) shared++;
        return preference(a.slice(0, shared), a.slice(shared), b.slice(shared), place, toolsOf(f));
      }
      return preference(promptOf(f, c, place), given, other, place, toolsOf(f));
    },
  },
  rated: {
    has: (f, c) =>
      ratingOf(f[c.label ?? "label"]) !== undefined && ((c.completion ?? "completion") in f || Array.isArray(f[c.messages ?? "messages"])),
    read(f, c, place) {
      const isGood = ratingOf(f[c.label ?? "label"])!;
      const name = c.completion ?? "completion";
      const list = f[c.messages ?? "messages"];
      const turns = name in f ? promptOf(f, c, place) : turnsOf(list, `${place}: ${c.messages ?? "messages"}`).turns;
      // of a whole conversation the last answer is what was rated
      const [messages, answer] =
        name in f ? [turns, answerOf(f[name], `${place}: ${name}`)] : [turns.slice(0, -1), answerOf(turns.slice(-1), place)];
      checkPrompt(messages, place);
      const tools = toolsOf(f);
      return { kind: "rated", messages, answer, isGood, ...(tools?.length ? { tools } : {}) };
    },
  },
  completion: {
    has: (f, c) => (c.prompt ?? "prompt") in f && (c.completion ?? "completion") in f,
    read(f, c, place) {
      const [prompt, completion] = [f[c.prompt ?? "prompt"], f[c.completion ?? "completion"]];
      if (Array.isArray(prompt) && Array.isArray(completion)) {
        const turns = turnsOf(prompt, `${place}: prompt`).turns;
        const answer = turnsOf(completion, `${place}: completion`).turns;
        const all = [...turns, ...answer];
        return chat(
          all,
          place,
          all.map((_, i) => (i < turns.length ? 0 : 1)),
          toolsOf(f),
        );
      }
      const before = typeof prompt === "string" ? prompt : text(f, c.prompt ?? "prompt", place);
      return { kind: "completion", prompt: before, completion: text(f, c.completion ?? "completion", place) };
    },
  },
  table: {
    has: (f, c) => c.user !== undefined && c.assistant !== undefined && (isTemplate(c.user) || c.user in f),
    read(f, c, place) {
      const system = c.system === undefined ? undefined : isTemplate(c.system) ? text(f, c.system, place) : optional(f, c.system);
      return chat(asked(system, [text(f, c.user!, place), text(f, c.assistant!, place)]), place);
    },
  },
} as const satisfies Record<FormatName, FormatRow>;

function checkPrompt(messages: readonly ChatMessage[], place: string): void {
  if (messages.at(-1)?.role === "assistant" || messages.length === 0)
    throw problem(place, "a prompt that ends with a message of the user", messages.length === 0 ? "none" : "the assistant's");
}

function preference(
  messages: readonly ChatMessage[],
  chosen: unknown,
  rejected: unknown,
  place: string,
  tools: readonly unknown[] | undefined,
): Example {
  checkPrompt(messages, place);
  const [better, worse] = [answerOf(chosen, `${place}: chosen`), answerOf(rejected, `${place}: rejected`)];
  if (JSON.stringify(better) === JSON.stringify(worse)) throw problem(place, "two answers", "the same one twice");
  return { kind: "preference", messages, chosen: better, rejected: worse, ...(tools?.length ? { tools } : {}) };
}

/** The shape of a record. Errors: tune/example where it has none. */
export function guessFormat(fields: Fields, columns: Columns, place: string): FormatName {
  const order: readonly FormatName[] = ["table", "rated", "openai", "sharegpt", "alpaca", "preference", "completion"];
  const found = order.find(name => formats[name].has(fields, columns));
  if (found) return found;
  throw problem(
    place,
    "messages, conversations, instruction and output, prompt and completion, or prompt, chosen and rejected",
    Object.keys(fields).slice(0, 20).join(", ") || "no field",
    "Name the fields: columns: { user: QUESTION, assistant: ANSWER }.",
  );
}
