/** Calls as Python writes them, `name(key="value", n=[1, 2])` (Llama 3.2 and 4, LFM2, ToolACE): read while they come, their values as JSON. */
import type { Form } from "../../../text/index.ts";
import type { CallEvents } from "./call-reader.ts";
import { CharacterReader } from "./character-reader.ts";
import { propertiesOf } from "./parameters.ts";
import type { Tool } from "./tool.ts";

const words: Readonly<Record<string, string>> = { True: "true", False: "false", None: "null" };
const nameStart = /[A-Za-z_]/;
const namePart = /[\w.-]/;
const wordPart = /[\w.+-]/;
const closing: Readonly<Record<string, string>> = { "[": "]", "{": "}", "(": ")" };
const isSpace = (c: string): boolean => /\s/.test(c);
const mostCharacters = 256;
/** Letters behind a backslash that mean the same in JSON. */
const sameEscapes = '"\\/bfnrtu';

type Phase = "name" | "first" | "key" | "equals" | "value" | "after";

export class PythonReader extends CharacterReader {
  #phase: Phase = "name";
  #held = "";
  #name = "";
  #count = 0;
  /** Brackets that are open in the value, as what closes each in JSON. */
  readonly #brackets: { readonly close: string; readonly json: string }[] = [];
  #quote = "";
  #isEscaped = false;
  /** A surrogate that waits for its other half. */
  #half = "";

  constructor(events: CallEvents, _tools: readonly Tool[] = []) {
    super(events);
  }

  protected read(c: string): void {
    switch (this.#phase) {
      case "name":
        if (c === "(" && this.#held !== "") {
          this.#name = this.#held;
          this.#next("first");
        } else if (!(this.#held === "" ? nameStart : namePart).test(c) || this.#held.length > mostCharacters) this.fail();
        else this.#held += c;
        return;
      case "first":
        if (isSpace(c)) return;
        if (c === ")") {
          if (this.named(this.#name)) this.#close();
        } else this.#key(c);
        return;
      case "key":
        this.#key(c);
        return;
      case "equals":
        if (c === "=") this.#begin();
        else if (!isSpace(c)) this.fail();
        return;
      case "value":
        this.#value(c);
        return;
      case "after":
        if (isSpace(c)) return;
        if (c === ",") this.#next("first");
        else if (c === ")") this.#close();
        else this.fail();
    }
  }

  end(isCut = false): void {
    if (this.#phase === "value") this.#endWord();
    if (this.isNamed && this.#count === 0 && !isCut) this.events.onArguments("{}");
  }

  #next(phase: Phase): void {
    this.#phase = phase;
    this.#held = "";
  }

  #key(c: string): void {
    if (this.#held !== "" && (c === "=" || isSpace(c))) {
      this.#phase = "equals";
      if (c === "=") this.#begin();
    } else if (!(this.#held === "" ? nameStart : namePart).test(c) || this.#held.length > mostCharacters) this.fail();
    else {
      this.#held += c;
      this.#phase = "key";
    }
  }

  /** A value begins; with the first one it is certain that this is a call. */
  #begin(): void {
    const key = this.#held;
    if (!this.isNamed && !this.named(this.#name)) return;
    this.events.onArguments(`${this.#count++ === 0 ? "{" : ", "}${JSON.stringify(key)}: `);
    this.#next("value");
  }

  #close(): void {
    this.events.onArguments(this.#count === 0 ? "{}" : "}");
    this.done();
  }

  #endWord(): void {
    const word = this.#held;
    this.#held = "";
    if (word === "") return;
    const json = words[word] ?? word;
    this.events.onArguments(/^(true|false|null|-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?)$/.test(json) ? json : JSON.stringify(json));
  }

  #value(c: string): void {
    if (this.#quote !== "") {
      this.#inQuotes(c);
      return;
    }
    if (wordPart.test(c)) {
      if (this.#held.length < mostCharacters) this.#held += c;
      return;
    }
    this.#endWord();
    const open = this.#brackets.at(-1);
    if (c === '"' || c === "'") {
      this.#quote = c;
      this.events.onArguments('"');
    } else if (closing[c] !== undefined) {
      const json = c === "{" ? "{}" : "[]";
      this.#brackets.push({ close: closing[c], json: json[1]! });
      this.events.onArguments(json[0]!);
    } else if (open && c === open.close) {
      this.#brackets.pop();
      this.events.onArguments(open.json);
    } else if (open && (c === "," || c === ":")) this.events.onArguments(`${c} `);
    else if (!open && c === ",") this.#next("first");
    else if (!open && c === ")") this.#close();
    else if (!isSpace(c)) this.fail();
  }

  #inQuotes(c: string): void {
    const half = this.#half;
    this.#half = "";
    if (half === "" && /[\uD800-\uDBFF]/.test(c)) this.#half = c;
    else if (this.#isEscaped) {
      this.#isEscaped = false;
      this.events.onArguments(
        c === "'" ? c : c === "x" ? "\\u00" : sameEscapes.includes(c) ? `\\${c}` : `\\\\${JSON.stringify(c).slice(1, -1)}`,
      );
    } else if (half === "" && c === "\\") this.#isEscaped = true;
    else if (half === "" && c === this.#quote) {
      this.#quote = "";
      this.events.onArguments('"');
    } else this.events.onArguments(JSON.stringify(half + c).slice(1, -1));
  }
}

const text = (t: string): Form => ({ kind: "text", text: t });
const nothing: Form = text("");

/** The form of one call of these functions: `name(key=value, ...)`, values as JSON, in the schema's order. */
export function pythonCallForm(tools: readonly Tool[]): Form {
  return {
    kind: "either",
    options: tools.map((tool): Form => {
      const { $defs, definitions } = tool.parameters ?? {};
      const shared = { ...($defs ? { $defs } : {}), ...(definitions ? { definitions } : {}) };
      const items = propertiesOf(tool).map(({ key, schema, isRequired }) => {
        const value: Form = { kind: "schema", schema: { ...shared, ...schema }, style: "spaced" };
        return { isRequired, form: { kind: "sequence", parts: [text(`${key}=`), value] } satisfies Form };
      });
      // from the last to the first: what follows an argument that stands, and what follows where none does yet
      let [later, first] = [nothing, nothing];
      for (const { form, isRequired } of [...items].reverse()) {
        const said: Form = { kind: "sequence", parts: [text(", "), form] };
        const begun: Form = { kind: "sequence", parts: [form, later] };
        first = isRequired ? begun : { kind: "either", options: [begun, first] };
        later = { kind: "sequence", parts: [isRequired ? said : { kind: "repeat", of: said, least: 0, most: 1 }, later] };
      }
      return { kind: "sequence", parts: [text(`${tool.name}(`), first, text(")")] };
    }),
  };
}
