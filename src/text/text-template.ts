/**
 * Jinja templates over a record's fields, as evaluation tasks write prompts: a name that the record lacks is an error, not an empty text, and
 * white space stays as it is written (Jinja's `StrictUndefined` and `keep_trailing_newline`). Bounded as chat templates are.
 */
import { Environment, parse, tokenize } from "@huggingface/jinja";
import { nearest } from "../base/index.ts";
import { BoundedInterpreter, type InterpreterValue, type Statement, templateError } from "./bounded-interpreter.ts";
import { MAX_TEMPLATE } from "./chat-template.ts";
import { textErrors } from "./errors.ts";

export interface TextTemplate {
  readonly source: string;
  /** The text. Errors: text/template where a field is missing or the template does too much. */
  render(fields: Readonly<Record<string, unknown>>): string;
  /** The value of a template that is one expression, such as `{{ choices }}`, as plain data; the text of any other. */
  value(fields: Readonly<Record<string, unknown>>): unknown;
}

/** Names that every template knows. */
const constants = { true: true, True: true, false: false, False: false, none: null, None: null };

interface Node extends Statement {
  readonly operand?: Node;
  readonly test?: { readonly value?: unknown };
  readonly filter?: Node;
}

/** Names are looked up strictly, but for what `is defined`, `is undefined` and `default` ask about. */
class StrictInterpreter extends BoundedInterpreter {
  private readonly lenient = new Set<unknown>();
  private readonly names: readonly string[];

  constructor(environment: unknown, names: readonly string[]) {
    super(environment);
    this.names = names;
  }

  override evaluate(statement: Statement | undefined, environment: unknown): InterpreterValue {
    const node = statement as Node | undefined;
    if (node?.type === "TestExpression" && ["defined", "undefined"].includes(String(node.test?.value))) this.lenient.add(node.operand);
    if (node?.type === "FilterExpression") {
      const filter = node.filter?.type === "CallExpression" ? node.filter.callee : node.filter;
      if (filter?.value === "default") this.lenient.add(node.operand);
    }
    const result = super.evaluate(statement, environment);
    if (node?.type === "Identifier" && result.type === "UndefinedValue" && !this.lenient.has(node)) {
      const name = String(node.value);
      const near = nearest(name, this.names);
      const known = this.names.length ? `one of ${this.names.slice(0, 20).join(", ")}` : "no field";
      throw textErrors.fail("template", {
        place: "template",
        expected: known,
        received: `"${name}"`,
        hint: near ? `Did you mean "${near}"?` : "Check the fields of the data.",
      });
    }
    return result;
  }
}

/** Plain data of an engine's value. */
function plain(v: unknown): unknown {
  const { type, value } = v as InterpreterValue;
  if (type === "UndefinedValue" || type === "NullValue") return null;
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Map) return Object.fromEntries([...value].map(([k, x]) => [k, plain(x)]));
  return value;
}

/** A template from its source. Errors: text/template where it does not parse, text/tooLong. */
export function textTemplate(source: string): TextTemplate {
  if (source.length > MAX_TEMPLATE)
    throw textErrors.fail("tooLong", {
      place: "template",
      expected: `at most ${MAX_TEMPLATE} characters`,
      received: String(source.length),
    });
  // the engine takes a last line's end away, as Jinja does by default
  const whole = source.endsWith("\n") ? `${source}\n` : source;
  const program = guarded("not a valid template", () => parse(tokenize(whole)) as { readonly body: readonly Statement[] });
  const run = <T>(fields: Readonly<Record<string, unknown>>, use: (i: StrictInterpreter, environment: unknown) => T): T =>
    guarded("cannot be rendered", () => {
      const environment: { set(name: string, value: unknown): unknown } = new Environment();
      for (const [key, value] of Object.entries({ item: fields, ...fields, ...constants })) environment.set(key, value);
      return use(new StrictInterpreter(environment, Object.keys(fields)), environment);
    });
  const render = (fields: Readonly<Record<string, unknown>>) => run(fields, i => String(i.run(program).value));
  const [only] = program.body;
  const isExpression = program.body.length === 1 && !["StringLiteral", "Comment"].includes(only!.type) && /^\s*\{\{/.test(source);
  return {
    source,
    render,
    value: fields => (isExpression ? run(fields, (i, environment) => plain(i.evaluate(only, environment))) : render(fields)),
  };
}

function guarded<T>(what: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof Error && error.name === "LoamError") throw error;
    throw templateError(`${what}: ${error instanceof Error ? error.message : String(error)}`, error);
  }
}
