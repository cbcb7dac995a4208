/**
 * Cedar's policies as trees: the whole grammar of its policy language (Cedar 4, "Grammar specification for Cedar policies"), so that what cannot be
 * carried over is still read to its end. Says nothing of what a policy means.
 */
import { type At, cedarTokens, lineOf, notCedar, type Token } from "./cedar-tokens.ts";

export interface EntityName {
  readonly type: string;
  readonly id: string;
}
type Comparison = "==" | "!=" | "<" | "<=" | ">" | ">=" | "in";
export type Expression = At &
  (
    | { readonly kind: "value"; readonly value: boolean | number | string }
    | { readonly kind: "entity"; readonly name: EntityName }
    | { readonly kind: "variable"; readonly name: string }
    | { readonly kind: "set"; readonly items: readonly Expression[] }
    | { readonly kind: "not"; readonly of: Expression }
    | { readonly kind: "and" | "or"; readonly left: Expression; readonly right: Expression }
    | { readonly kind: "if"; readonly condition: Expression; readonly yes: Expression; readonly no: Expression }
    | { readonly kind: "compare"; readonly how: Comparison; readonly left: Expression; readonly right: Expression }
    | { readonly kind: "has"; readonly of: Expression; readonly path: readonly string[] }
    /** `parts`: the texts between its `*`. */
    | { readonly kind: "like"; readonly of: Expression; readonly parts: readonly string[] }
    | { readonly kind: "is"; readonly of: Expression; readonly type: string; readonly within: Expression | undefined }
    | { readonly kind: "member"; readonly of: Expression; readonly name: string }
    | { readonly kind: "call"; readonly of: Expression | undefined; readonly name: string; readonly args: readonly Expression[] }
    /** Sums, products, records: nothing here has a counterpart. */
    | { readonly kind: "other" }
  );

export interface CedarPolicy extends At {
  readonly annotations: ReadonlyMap<string, string>;
  readonly effect: "permit" | "forbid";
  /** Of principal, action and resource, then `when`; and `unless` turned round. */
  readonly conditions: readonly Expression[];
  readonly line: number;
}

/** Deeper is a mistake, or meant to fill the stack. */
const deepest = 200;
const longest = 9_223_372_036_854_775_807n;

/** Errors: config, at its line and column. */
export function readCedar(source: string, file: string): readonly CedarPolicy[] {
  return new Reader(source, file).policies();
}

class Reader {
  readonly #source: string;
  readonly #file: string;
  readonly #tokens: readonly Token[];
  #at = 0;
  #depth = 0;
  /** Counted so far, and up to where. */
  #line = 1;
  #counted = 0;

  constructor(source: string, file: string) {
    this.#source = source;
    this.#file = file;
    this.#tokens = cedarTokens(source, file);
  }

  policies(): CedarPolicy[] {
    const all: CedarPolicy[] = [];
    while (this.#next.kind !== "end") all.push(this.#policy());
    return all;
  }

  /** Of the next policy: each is counted from the one before. */
  #lineOf(offset: number): number {
    this.#line += lineOf(this.#source.slice(this.#counted, offset)) - 1;
    this.#counted = offset;
    return this.#line;
  }

  #fail(expected: string, token: Token): never {
    throw notCedar(this.#source, this.#file, expected, token);
  }

  get #next(): Token {
    return this.#tokens[this.#at]!;
  }
  get #last(): Token {
    return this.#tokens[this.#at - 1]!;
  }
  #is(text: string): boolean {
    const { kind } = this.#next;
    return this.#next.text === text && (kind === "word" || kind === "sign");
  }
  #took(text: string): boolean {
    if (!this.#is(text)) return false;
    this.#at++;
    return true;
  }
  #take(text: string): void {
    if (!this.#took(text)) this.#fail(JSON.stringify(text), this.#next);
  }
  #word(): string {
    if (this.#next.kind !== "word") this.#fail("a name", this.#next);
    return this.#tokens[this.#at++]!.text;
  }
  #text(): string {
    return this.#parts().join("*");
  }

  /** A text, cut where its pattern has `*`; `\*` is the letter. */
  #parts(): string[] {
    const token = this.#next;
    if (token.kind !== "text") this.#fail("a text in quotes", token);
    this.#at++;
    const parts = [""];
    const letters = /\\u\{([0-9a-fA-F]{1,6})\}|\\x([0-7][0-9a-fA-F])|\\(.)|([^\\])/gsu;
    const plain: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", "0": "\0", "\\": "\\", "'": "'", '"': '"', "*": "*" };
    for (const [, unicode, byte, escaped, letter] of token.text.slice(1, -1).matchAll(letters)) {
      const code = Number.parseInt(unicode ?? byte ?? "0", 16);
      if (letter === "*") parts.push("");
      else if (escaped !== undefined && plain[escaped] === undefined) this.#fail("an escape of Cedar's", token);
      else if (unicode !== undefined && code > 0x10ffff) this.#fail("a character", token);
      else parts[parts.length - 1] += letter ?? (escaped === undefined ? String.fromCodePoint(code) : plain[escaped]!);
    }
    return parts;
  }

  #policy(): CedarPolicy {
    const { from } = this.#next;
    const annotations = new Map<string, string>();
    while (this.#took("@")) {
      const name = this.#word();
      let value = "";
      if (this.#took("(")) {
        value = this.#text();
        this.#take(")");
      }
      annotations.set(name, value);
    }
    const effect = this.#word();
    if (effect !== "permit" && effect !== "forbid") this.#fail("permit or forbid", this.#last);
    this.#take("(");
    const conditions = [this.#scope("principal"), this.#comma(), this.#scope("action"), this.#comma(), this.#scope("resource")];
    this.#took(",");
    this.#take(")");
    while (this.#is("when") || this.#is("unless")) {
      const isWhen = this.#word() === "when";
      this.#take("{");
      const begin = this.#next.from;
      const condition = this.#expression();
      this.#take("}");
      conditions.push(isWhen ? condition : { kind: "not", of: condition, from: begin, to: condition.to });
    }
    this.#take(";");
    const given = conditions.flatMap(c => c ?? []);
    return { annotations, effect, conditions: given, line: this.#lineOf(from), from, to: this.#last.to };
  }

  #comma(): undefined {
    this.#take(",");
  }

  /** `principal`, `principal == X`, `in X`, `is T`, `is T in X`; undefined: whoever it is. */
  #scope(name: string): Expression | undefined {
    if (!this.#is(name)) this.#fail(JSON.stringify(name), this.#next);
    return this.#is(name) && [",", ")"].includes(this.#tokens[this.#at + 1]?.text ?? "") ? void this.#at++ : this.#relation();
  }

  #expression(): Expression {
    if (++this.#depth > deepest) this.#fail(`at most ${deepest} levels of nesting`, this.#next);
    const { from } = this.#next;
    let made: Expression;
    if (this.#took("if")) {
      const condition = this.#expression();
      this.#take("then");
      const yes = this.#expression();
      this.#take("else");
      const no = this.#expression();
      made = { kind: "if", condition, yes, no, from, to: no.to };
    } else made = this.#chain("||", () => this.#chain("&&", () => this.#relation()));
    this.#depth--;
    return made;
  }

  #chain(sign: "||" | "&&", part: () => Expression): Expression {
    let left = part();
    for (let links = 0; this.#took(sign); links++) {
      if (links > deepest) this.#fail(`at most ${deepest} terms of one ${sign}`, this.#last);
      const right = part();
      left = { kind: sign === "||" ? "or" : "and", left, right, from: left.from, to: right.to };
    }
    return left;
  }

  #relation(): Expression {
    const left = this.#sum();
    const { from } = left;
    if (this.#took("has")) {
      const path = [this.#next.kind === "text" ? this.#text() : this.#word()];
      while (this.#took(".")) path.push(this.#word());
      return { kind: "has", of: left, path, from, to: this.#last.to };
    }
    if (this.#took("like")) {
      return { kind: "like", of: left, parts: this.#parts(), from, to: this.#last.to };
    }
    if (this.#took("is")) {
      const type = this.#path();
      const within = this.#took("in") ? this.#sum() : undefined;
      return { kind: "is", of: left, type, within, from, to: this.#last.to };
    }
    const how = (["==", "!=", "<=", ">=", "<", ">", "in"] as const).find(sign => this.#took(sign));
    if (how === undefined) return left;
    const right = this.#sum();
    return { kind: "compare", how, left, right, from, to: right.to };
  }

  #sum(): Expression {
    const left = this.#unary();
    let isSum = false;
    while (this.#took("+") || this.#took("-") || this.#took("*")) {
      this.#unary();
      isSum = true;
    }
    return isSum ? { kind: "other", from: left.from, to: this.#last.to } : left;
  }

  #unary(): Expression {
    const { from } = this.#next;
    if (this.#took("!")) {
      if (++this.#depth > deepest) this.#fail(`at most ${deepest} levels of nesting`, this.#next);
      const of = this.#unary();
      this.#depth--;
      return { kind: "not", of, from, to: of.to };
    }
    if (!this.#took("-")) return this.#member();
    if (this.#next.kind !== "number") {
      this.#unary();
      return { kind: "other", from, to: this.#last.to };
    }
    const value = -this.#number();
    return { kind: "value", value, from, to: this.#last.to };
  }

  #number(): number {
    const token = this.#next;
    if (BigInt(token.text) > longest) this.#fail("a number of 64 bits", token);
    this.#at++;
    return Number(token.text);
  }

  #member(): Expression {
    let made = this.#primary();
    const { from } = made;
    for (;;) {
      if (this.#took(".")) {
        const name = this.#word();
        if (this.#took("(")) made = { kind: "call", of: made, name, args: this.#list(")"), from, to: this.#last.to };
        else made = { kind: "member", of: made, name, from, to: this.#last.to };
      } else if (this.#took("[")) {
        const name = this.#text();
        this.#take("]");
        made = { kind: "member", of: made, name, from, to: this.#last.to };
      } else return made;
    }
  }

  #list(end: string): Expression[] {
    const items: Expression[] = [];
    while (!this.#took(end)) {
      if (items.length > 0) {
        this.#take(",");
        if (this.#took(end)) break;
      }
      items.push(this.#expression());
    }
    return items;
  }

  #path(): string {
    let path = this.#word();
    while (this.#took("::")) path += `::${this.#word()}`;
    return path;
  }

  #primary(): Expression {
    const { from, kind } = this.#next;
    if (kind === "number") return { kind: "value", value: this.#number(), from, to: this.#last.to };
    if (kind === "text") return { kind: "value", value: this.#text(), from, to: this.#last.to };
    if (kind === "slot") {
      this.#at++;
      return { kind: "variable", name: this.#last.text, from, to: this.#last.to };
    }
    if (this.#took("(")) {
      const inside = this.#expression();
      this.#take(")");
      return inside;
    }
    if (this.#took("[")) return { kind: "set", items: this.#list("]"), from, to: this.#last.to };
    if (this.#took("{")) {
      while (!this.#took("}")) {
        if (this.#next.kind === "text") this.#text();
        else this.#word();
        this.#take(":");
        this.#expression();
        if (!this.#is("}")) this.#take(",");
      }
      return { kind: "other", from, to: this.#last.to };
    }
    if (kind !== "word") this.#fail("an expression", this.#next);
    let word = this.#word();
    if (word === "true" || word === "false") return { kind: "value", value: word === "true", from, to: this.#last.to };
    while (this.#took("::")) {
      if (this.#next.kind === "text") return { kind: "entity", name: { type: word, id: this.#text() }, from, to: this.#last.to };
      word += `::${this.#word()}`;
    }
    if (this.#took("(")) return { kind: "call", of: undefined, name: word, args: this.#list(")"), from, to: this.#last.to };
    return { kind: "variable", name: word, from, to: this.#last.to };
  }
}
