/**
 * An answer's text to what the model thinks and what it answers, while it comes. White space at the marks belongs to neither. What is behind the
 * reasoning is read by another parser: it finds the calls.
 */
import type { GeneratedToken } from "../../generation.ts";
import type { ServedTokenizer } from "../../served-model.ts";
import type { AnswerParser, AnswerPart } from "../tools/answer-parser.ts";
import { heldBack } from "../tools/held-back.ts";
import type { ReasoningMarks } from "./marks.ts";

interface ReasoningParts {
  readonly marks: ReasoningMarks;
  /** The answer begins inside of the reasoning. */
  readonly isOpen: boolean;
  /** Reads what is behind the reasoning. */
  readonly inner: AnswerParser;
}

type State = "start" | "reasoning" | "closed" | "answer";

export class ReasoningAnswer implements AnswerParser {
  readonly #marks: ReasoningMarks;
  readonly #inner: AnswerParser;
  #state: State;
  #rest = "";
  #hasReasoned = false;

  constructor({ marks, isOpen, inner }: ReasoningParts) {
    this.#marks = marks;
    this.#inner = inner;
    this.#state = isOpen ? "reasoning" : "start";
  }

  get isReasoning(): boolean {
    return this.#state === "reasoning";
  }

  push(text: string): AnswerPart[] {
    if (this.#state === "answer") return this.#inner.push(text);
    this.#rest += text;
    const parts: AnswerPart[] = [];
    while (this.#step(parts));
    return parts;
  }

  end(isCut = false): AnswerPart[] {
    const parts: AnswerPart[] = [];
    if (this.#state === "reasoning") this.#reason(this.#rest.trimEnd(), parts);
    else parts.push(...this.#inner.push(this.#state === "start" ? this.#rest : ""));
    this.#rest = "";
    return [...parts, ...this.#inner.end(isCut)];
  }

  #reason(text: string, parts: AnswerPart[]): void {
    const said = this.#hasReasoned ? text : text.trimStart();
    if (said === "") return;
    this.#hasReasoned = true;
    parts.push({ kind: "reasoning", text: said });
  }

  /** Reads a part of what is left; false when more must come. */
  #step(parts: AnswerPart[]): boolean {
    const { open, close } = this.#marks;
    const begun = this.#rest.trimStart();
    switch (this.#state) {
      case "start": {
        if (begun === "" || (open.startsWith(begun) && begun !== open)) return false;
        const isOpened = begun.startsWith(open);
        this.#state = isOpened ? "reasoning" : "answer";
        if (isOpened) this.#rest = begun.slice(open.length);
        return true;
      }
      case "reasoning": {
        const at = this.#rest.indexOf(close);
        if (at >= 0) {
          this.#reason(this.#rest.slice(0, at).trimEnd(), parts);
          this.#rest = this.#rest.slice(at + close.length);
          this.#state = "closed";
          return true;
        }
        // what may yet be the mark, and white space that may stand before it
        const certain = this.#rest.slice(0, this.#rest.length - heldBack(this.#rest, [close])).trimEnd();
        this.#reason(certain, parts);
        this.#rest = this.#rest.slice(certain.length);
        return false;
      }
      case "closed":
        if (begun === "") return false;
        this.#rest = begun;
        this.#state = "answer";
        return true;
      case "answer": {
        const rest = this.#rest;
        this.#rest = "";
        parts.push(...this.#inner.push(rest));
        return false;
      }
    }
  }
}

const noAnswer: AnswerParser = { push: () => [], end: () => [] };

/** Counts the tokens of the reasoning, its marks among them. Each token is looked at by itself, so it makes no difference how they come. */
export class ReasoningCount {
  readonly #answer: ReasoningAnswer;
  readonly #stream: ReturnType<ServedTokenizer["stream"]>;
  #isOver = false;
  tokens = 0;

  constructor(tokenizer: ServedTokenizer, marks: ReasoningMarks, isOpen: boolean) {
    this.#answer = new ReasoningAnswer({ marks, isOpen, inner: noAnswer });
    this.#stream = tokenizer.stream({ skipSpecialTokens: false });
  }

  add(tokens: readonly GeneratedToken[]): void {
    for (const { token } of tokens) {
      if (this.#isOver) return;
      const wasReasoning = this.#answer.isReasoning;
      this.#answer.push(this.#stream.push(token));
      if (wasReasoning || this.#answer.isReasoning) this.tokens++;
      this.#isOver = wasReasoning && !this.#answer.isReasoning;
    }
  }
}
