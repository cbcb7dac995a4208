/** The words, numbers, texts and signs of a file of Cedar's, and the error for what is none. */
import type { LoamError } from "../../../base/index.ts";
import { gatewayErrors } from "../../errors.ts";

/** Where its text begins and ends in the file. */
export interface At {
  readonly from: number;
  readonly to: number;
}

const kinds = ["slot", "word", "number", "text", "sign"] as const;
export interface Token extends At {
  readonly kind: (typeof kinds)[number] | "end";
  readonly text: string;
}

const tokenPattern =
  /(?<space>(?:\s|\/\/[^\n]*)+)|(?<slot>\?[a-z]+)|(?<word>[_a-zA-Z][_a-zA-Z0-9]*)|(?<number>\d+)|(?<text>"(?:[^"\\]|\\.)*")|(?<sign>::|==|!=|<=|>=|&&|\|\||[-+*<>!.,;:@()[\]{}])/suy;

/** Of what follows a text. */
export const lineOf = (before: string): number => before.split("\n").length;

export function notCedar(source: string, file: string, expected: string, { from, text }: Omit<Token, "kind">): LoamError {
  const column = from - source.lastIndexOf("\n", from - 1);
  return gatewayErrors.fail("config", {
    place: `${file}:${lineOf(source.slice(0, from))}:${column}`,
    expected,
    received: text === "" ? "the end of the file" : JSON.stringify(text.slice(0, 40)),
    hint: "Nothing was taken over. `cedar check-parse` says the same of it.",
  });
}

/** Spaces and comments are left out; an end stands last. Errors: config. */
export function cedarTokens(source: string, file: string): Token[] {
  const tokens: Token[] = [];
  for (let from = 0; from < source.length; ) {
    tokenPattern.lastIndex = from;
    const groups = tokenPattern.exec(source)?.groups;
    if (!groups) throw notCedar(source, file, "a word, a number, a text or a sign of Cedar's", { from, to: from + 1, text: source[from]! });
    const kind = kinds.find(k => groups[k] !== undefined);
    const to = tokenPattern.lastIndex;
    if (kind) tokens.push({ kind, text: groups[kind]!, from, to });
    from = to;
  }
  tokens.push({ kind: "end", text: "", from: source.length, to: source.length });
  return tokens;
}
