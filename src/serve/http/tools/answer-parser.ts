/** An answer's text to content and calls, while it comes: what could still become a call's opening is held back, the rest goes on at once. */
import type { GeneratedToken } from "../../generation.ts";
import { CallReader, type CallSyntax } from "./call-reader.ts";
import type { ToolFormat } from "./format.ts";
import { heldBack } from "./held-back.ts";
import type { ToolUse } from "./tool.ts";

export type AnswerPart =
  | { readonly kind: "reasoning"; readonly text: string }
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "call"; readonly index: number; readonly id: string; readonly name: string }
  | { readonly kind: "arguments"; readonly index: number; readonly text: string };

export interface AnswerParser {
  /** `tokens`: those that came with the text, where somebody wants the reasoning's to be counted. */
  push(text: string, tokens?: readonly GeneratedToken[]): AnswerPart[];
  /** `isCut`: the answer was cut off by its length, so what a call lacks was not left out. */
  end(isCut?: boolean): AnswerPart[];
  /** Tokens of the reasoning until now. */
  readonly reasoningTokens?: number;
}

/** An answer without tools. */
export const plainAnswer: AnswerParser = { push: text => (text === "" ? [] : [{ kind: "text", text }]), end: () => [] };

const newCallId = (): string => `call_${crypto.randomUUID().replaceAll("-", "").slice(0, 24)}`;
const isSpace = (c: string): boolean => /\s/.test(c);
const nameStart = /^[\w-]/;

type State = "start" | "text" | "call" | "name" | "after";

export class ToolAnswer implements AnswerParser {
  readonly #format: ToolFormat;
  readonly #use: ToolUse;
  #state: State = "start";
  #rest = "";
  /** White space that is said only when text follows. */
  #space = "";
  /** What was read since a call was opened, for when it is none. */
  #opened = "";
  #reader: CallSyntax | undefined;
  #calls = 0;
  #parts: AnswerPart[] = [];

  constructor(format: ToolFormat, use: ToolUse) {
    this.#format = format;
    this.#use = use;
  }

  push(text: string): AnswerPart[] {
    this.#rest += text;
    while (this.#step());
    return this.#take();
  }

  end(isCut = false): AnswerPart[] {
    if (this.#reader) {
      this.#reader.end(isCut);
      if (!this.#reader.isNamed) this.#notACall(this.#reader.raw);
    } else if (this.#state === "name") this.#notACall("");
    else if (this.#state === "call" && this.#calls === 0) this.#notACall("");
    if (this.#state === "start" || this.#state === "text") this.#say(this.#rest);
    this.#rest = "";
    this.#reader = undefined;
    return this.#take();
  }

  /** One call is all there may be, and it is there: what follows is not said. */
  get #isFull(): boolean {
    return this.#calls > 0 && (!this.#use.isParallel || typeof this.#use.choice === "object");
  }

  #take(): AnswerPart[] {
    const parts: AnswerPart[] = [];
    // neighbours of one kind become one part
    for (const part of this.#parts) {
      const last = parts.at(-1);
      if (part.kind === "text" && last?.kind === "text") parts[parts.length - 1] = { kind: "text", text: last.text + part.text };
      else if (part.kind === "arguments" && last?.kind === "arguments" && last.index === part.index)
        parts[parts.length - 1] = { ...last, text: last.text + part.text };
      else parts.push(part);
    }
    this.#parts = [];
    return parts;
  }

  #say(text: string): void {
    if (text === "" || this.#isFull) return;
    const all = this.#space + text;
    const end = all.trimEnd().length;
    this.#space = all.slice(end);
    if (end > 0) this.#parts.push({ kind: "text", text: all.slice(0, end) });
  }

  /** What was opened is no call: it is said as the text that it is. */
  #notACall(read: string): void {
    this.#state = "text";
    this.#reader = undefined;
    this.#say(this.#opened + read);
    this.#opened = "";
  }

  #startReader(name?: string): void {
    const index = this.#calls;
    const events = {
      onName: (given: string) => {
        if (this.#isFull || !this.#use.tools.some(t => t.name === given)) return false;
        this.#calls++;
        this.#parts.push({ kind: "call", index, id: newCallId(), name: given });
        return true;
      },
      onArguments: (text: string) => {
        this.#parts.push({ kind: "arguments", index, text });
      },
    };
    if (name !== undefined && !events.onName(name)) this.#notACall("");
    else this.#reader = this.#format.read?.(events, this.#use.tools) ?? new CallReader(events, name !== undefined);
  }

  /** Reads a part of what is left; false when more must come. */
  #step(): boolean {
    if (this.#rest === "") return false;
    switch (this.#state) {
      case "start":
      case "text":
        return this.#stepText();
      case "call":
        return this.#stepCall();
      case "name":
        return this.#stepName();
      case "after":
        return this.#stepAfter();
    }
  }

  #stepText(): boolean {
    const { open, bare, inside } = this.#format;
    if (this.#state === "start" && bare !== undefined) {
      const begun = this.#rest.trimStart();
      if (begun === "") return false;
      if (begun[0] === bare) {
        this.#opened = this.#rest.slice(0, this.#rest.length - begun.length);
        this.#rest = begun;
        this.#state = "call";
        return true;
      }
    }
    const found = open.map(word => ({ word, at: this.#rest.indexOf(word) })).filter(f => f.at >= 0);
    const first = found.sort((a, b) => a.at - b.at)[0];
    if (first) {
      this.#say(this.#rest.slice(0, first.at));
      const opening = first.word === inside ? "" : first.word;
      this.#opened = this.#space + opening;
      this.#space = "";
      this.#rest = this.#rest.slice(first.at + opening.length);
      this.#state = "call";
      return true;
    }
    const held = heldBack(this.#rest, open);
    const text = this.#rest.slice(0, this.#rest.length - held);
    if (text.trim() !== "") this.#state = "text";
    this.#say(text);
    this.#rest = this.#rest.slice(text.length);
    return false;
  }

  #stepCall(): boolean {
    if (this.#reader) return this.#read(this.#reader);
    const c = this.#rest[0]!;
    if (isSpace(c) || this.#format.separators.includes(c)) {
      this.#opened += c;
      this.#rest = this.#rest.slice(1);
    } else if (c === "{" || this.#format.read) this.#startReader();
    else if (this.#format.named !== undefined && nameStart.test(c)) this.#state = "name";
    else this.#notACall("");
    return true;
  }

  #read(reader: CallSyntax): boolean {
    this.#rest = this.#rest.slice(reader.push(this.#rest));
    if (reader.isFailed) this.#notACall(reader.raw);
    else if (reader.isDone) {
      this.#reader = undefined;
      this.#opened = "";
      this.#state = "after";
    }
    return true;
  }

  #stepName(): boolean {
    const name = /^[\w-]+/.exec(this.#rest)?.[0] ?? "";
    const { named = "" } = this.#format;
    const behind = this.#rest.slice(name.length);
    // Mistral's own id of the call
    const id = /^\[CALL_ID\][\w-]*/.exec(behind)?.[0] ?? "";
    if (id === "" && behind !== "" && "[CALL_ID]".startsWith(behind)) return false;
    const after = behind.slice(id.length);
    const isMarked = after.startsWith(named);
    if (name.length <= 64 && (after === "" || (named.startsWith(after) && !isMarked))) return false;
    if (!isMarked && after[0] !== "{") {
      this.#notACall("");
      return true;
    }
    this.#opened += name + id + (isMarked ? named : "");
    this.#rest = after.slice(isMarked ? named.length : 0);
    this.#state = "call";
    this.#startReader(name);
    return true;
  }

  #stepAfter(): boolean {
    const { close, last, separators, open, starts = /^\{/ } = this.#format;
    const begun = this.#rest.trimStart();
    if (begun === "") return false;
    const words = [close, last, ...open].filter(w => w !== undefined);
    const word = words.find(w => begun.startsWith(w));
    if (word === undefined && words.some(w => w.startsWith(begun))) return false;
    this.#rest = word !== undefined && (word === close || word === last) ? begun.slice(word.length) : begun;
    if (word !== undefined || close !== undefined) this.#state = "text";
    else if (separators.includes(begun[0]!)) this.#rest = begun.slice(1);
    else this.#state = starts.test(begun) ? "call" : "text";
    return true;
  }
}

interface WholeCalls {
  readonly content: string;
  readonly reasoning: string;
  readonly calls: readonly { readonly id: string; readonly name: string; readonly arguments: string }[];
}

/** A whole answer's parts, the same as those of its stream. A call that was cut off has the arguments that were written, as OpenAI's have. */
export const wholeParts = (
  parser: AnswerParser,
  text: string,
  tokens: readonly GeneratedToken[],
  isCut: boolean,
): readonly AnswerPart[] => [...parser.push(text, tokens), ...parser.end(isCut)];

/** Parts joined. */
export function joined(parts: readonly AnswerPart[]): WholeCalls {
  let [content, reasoning] = ["", ""];
  const calls: { id: string; name: string; arguments: string }[] = [];
  for (const part of parts) {
    if (part.kind === "text") content += part.text;
    else if (part.kind === "reasoning") reasoning += part.text;
    else if (part.kind === "call") calls.push({ id: part.id, name: part.name, arguments: "" });
    else calls[part.index]!.arguments += part.text;
  }
  return { content, reasoning, calls };
}
