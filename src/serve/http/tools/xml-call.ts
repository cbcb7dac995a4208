/**
 * Calls as Qwen3-Coder writes them: `<function=name>`, each argument between `<parameter=key>` and `</parameter>` as it is, `</function>`. An
 * argument's type in the schema says whether its text is JSON or the value itself.
 */
import type { Form } from "../../../text/index.ts";
import type { CallEvents } from "./call-reader.ts";
import { CharacterReader } from "./character-reader.ts";
import { jsonKindOf, propertiesOf, typesOf } from "./parameters.ts";
import type { Tool } from "./tool.ts";

const functionOpen = "<function=";
const functionClose = "</function>";
const parameterOpen = "<parameter=";
const parameterClose = "</parameter>";
/** Where the model forgets to close the function. */
const callClose = "</tool_call>";
/** Of a name or a key: longer ones are none. */
const mostCharacters = 256;

const inText = (text: string): string => JSON.stringify(text).slice(1, -1);
const python: Readonly<Record<string, string>> = { True: "true", False: "false", None: "null" };

/** The JSON of an argument that may be something else than a text. */
function jsonOf(text: string, types: ReadonlySet<string>): string {
  const said = python[text.trim()] ?? text.trim();
  try {
    const kind = jsonKindOf(JSON.parse(said));
    if (!types.has("string") || types.has(kind) || (kind === "number" && types.has("integer"))) return said;
  } catch {
    // a text after all
  }
  return JSON.stringify(text);
}

export class XmlReader extends CharacterReader {
  readonly #tools: readonly Tool[];
  #phase: "open" | "name" | "between" | "key" | "value" = "open";
  #held = "";
  #types: ReadonlySet<string> = new Set();
  #properties: ReturnType<typeof propertiesOf> = [];
  #count = 0;
  /** The value's first line end has been left out. */
  #hasBegun = false;

  constructor(events: CallEvents, tools: readonly Tool[]) {
    super(events);
    this.#tools = tools;
  }

  get #isText(): boolean {
    return this.#types.size === 0 || (this.#types.size === 1 && this.#types.has("string"));
  }

  protected read(c: string): void {
    this.#held += c;
    switch (this.#phase) {
      case "open":
        if (this.#held === functionOpen) this.#next("name");
        else if (!functionOpen.startsWith(this.#held)) this.fail();
        return;
      case "name":
        if (c === ">") this.#endName(this.#held.slice(0, -1).trim());
        else if (this.#held.length > mostCharacters) this.fail();
        return;
      case "between":
        if (this.#held.endsWith(parameterOpen)) this.#next("key");
        else if (this.#held.endsWith(functionClose) || this.#held.endsWith(callClose)) this.#close();
        return;
      case "key":
        if (c === ">") this.#endKey(this.#held.slice(0, -1).trim());
        else if (this.#held.length > mostCharacters) this.fail();
        return;
      case "value":
        this.#value();
    }
  }

  end(isCut = false): void {
    if (this.isNamed && this.#count === 0 && !isCut) this.events.onArguments("{}");
  }

  #next(phase: "name" | "between" | "key" | "value"): void {
    this.#phase = phase;
    this.#held = "";
  }

  #endName(name: string): void {
    if (!this.named(name)) return;
    const tool = this.#tools.find(t => t.name === name);
    this.#properties = tool ? propertiesOf(tool) : [];
    this.#next("between");
  }

  #endKey(key: string): void {
    const found = this.#properties.find(p => p.key === key);
    this.#types = found ? typesOf(found.schema, this.#tools) : new Set();
    this.#next("value");
    this.#hasBegun = false;
    this.events.onArguments(`${this.#count++ === 0 ? "{" : ", "}${JSON.stringify(key)}: ${this.#isText ? '"' : ""}`);
  }

  #value(): void {
    if (!this.#hasBegun && this.#held.length > 0) {
      this.#hasBegun = true;
      if (this.#held === "\n") {
        this.#held = "";
        return;
      }
    }
    const text = this.#held;
    if (text.endsWith(parameterClose)) {
      const all = text.slice(0, -parameterClose.length);
      const value = all.endsWith("\n") ? all.slice(0, -1) : all;
      this.events.onArguments(this.#isText ? `${inText(value)}"` : jsonOf(value, this.#types));
      this.#next("between");
      return;
    }
    // what may yet be the end stays; a character of two halves goes out whole
    const spare = text.length - parameterClose.length - 1;
    if (!this.#isText || spare < 64 || /[\uD800-\uDBFF]/.test(text[spare - 1]!)) return;
    this.events.onArguments(inText(text.slice(0, spare)));
    this.#held = text.slice(spare);
  }

  #close(): void {
    this.events.onArguments(this.#count === 0 ? "{}" : "}");
    this.done();
  }
}

const text = (t: string): Form => ({ kind: "text", text: t });

/** What may stand between the marks of an argument. */
function valueForm(schema: Readonly<Record<string, unknown>>, tool: Tool): Form {
  const types = typesOf(schema, [tool]);
  const listed = Array.isArray(schema.enum) ? schema.enum.filter(v => typeof v === "string" && v !== "") : [];
  if (types.size === 1 && types.has("string") && listed.length > 0) return { kind: "choice", choices: listed as string[] };
  if (types.size === 0 || (types.size === 1 && types.has("string"))) return { kind: "without", text: parameterClose };
  const { $defs, definitions } = tool.parameters ?? {};
  return { kind: "schema", schema: { ...($defs ? { $defs } : {}), ...(definitions ? { definitions } : {}), ...schema }, style: "spaced" };
}

/** The form of one call of these functions. Optional arguments may be left out; the order is the schema's. */
export const xmlCallForm = (tools: readonly Tool[]): Form => ({
  kind: "either",
  options: tools.map(tool => ({
    kind: "sequence",
    parts: [
      text(`${functionOpen}${tool.name}>\n`),
      ...propertiesOf(tool).map(({ key, schema, isRequired }): Form => {
        const parts = [text(`${parameterOpen}${key}>\n`), valueForm(schema, tool), text(`\n${parameterClose}\n`)];
        const one: Form = { kind: "sequence", parts };
        return isRequired ? one : { kind: "repeat", of: one, least: 0, most: 1 };
      }),
      text(functionClose),
    ],
  })),
});
