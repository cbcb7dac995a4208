/**
 * A filter of runs in one line: `loss < 2 and model = mail-small`. Comparisons `=`, `!=`, `<`, `<=`, `>`, `>=` and `~` (contains), joined by `and`, `or`,
 * `not` and parentheses. A run without a value meets no comparison but `!=` and `= none`. Times are dates, durations have a unit (`90s`, `5m`, `2h`, `1d`).
 */
import { nearest } from "../../base/index.ts";
import { projectErrors } from "../errors.ts";
import { columnNamed } from "./run-columns.ts";
import type { RunColumn, RunRow, RunValue } from "./run-row.ts";

type RunPredicate = (row: RunRow) => boolean;

/** A longer one is a mistake, and would be parsed for long. */
const mostCharacters = 2_000;
const mostDepth = 50;

interface Token {
  readonly kind: "word" | "text" | "operator" | "open" | "close";
  readonly text: string;
  /** Character, from 1. */
  readonly at: number;
}

const wrong = (filter: string, expected: string, received: string, hint?: string) =>
  projectErrors.fail("argument", {
    place: `filter ${JSON.stringify(filter.length > 80 ? `${filter.slice(0, 77)}...` : filter)}`,
    expected,
    received,
    hint: hint ?? "Example: loss < 2 and model = mail-small.",
  });

const tokenPattern = /\s*(?:("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(!=|<=|>=|[=<>~])|(\()|(\))|([^\s"'()=<>~!]+))/y;

function tokensOf(filter: string): Token[] {
  if (filter.length > mostCharacters)
    throw wrong(filter, `at most ${mostCharacters.toLocaleString("en-US")} characters`, `${filter.length.toLocaleString("en-US")}`);
  const tokens: Token[] = [];
  const end = filter.trimEnd().length;
  tokenPattern.lastIndex = 0;
  while (tokenPattern.lastIndex < end) {
    const from = tokenPattern.lastIndex;
    const found = tokenPattern.exec(filter);
    if (!found) {
      const rest = filter.slice(from).trimStart();
      const isOpen = rest.startsWith('"') || rest.startsWith("'");
      throw wrong(
        filter,
        isOpen ? `a closing ${rest[0]}` : "a name, a value or a comparison",
        isOpen ? "the end of the filter" : `"${rest[0]}" at character ${filter.length - rest.length + 1}`,
      );
    }
    const [whole, text, operator, open, close, word] = found;
    const at = from + whole.search(/\S/) + 1;
    if (text !== undefined) tokens.push({ kind: "text", text: text.slice(1, -1).replace(/\\(.)/gs, "$1"), at });
    else if (operator !== undefined) tokens.push({ kind: "operator", text: operator, at });
    else tokens.push({ kind: open ? "open" : close ? "close" : "word", text: open ?? close ?? word!, at });
  }
  return tokens;
}

const durations: { readonly [unit: string]: number } = { ms: 1, s: 1000, m: 60_000, min: 60_000, h: 3_600_000, d: 86_400_000 };

/** A value as the column has them; undefined: it is none of that type. */
function typedValue(text: string, { type }: RunColumn): RunValue | undefined {
  if (type === "text") return text.toLowerCase();
  if (type === "time") {
    const at = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : Number.NaN;
    return Number.isNaN(at) ? undefined : at;
  }
  if (type === "duration") {
    const [, amount, unit] = /^(\d+(?:\.\d+)?)(ms|s|min|m|h|d)$/.exec(text) ?? [];
    return amount === undefined ? undefined : Number(amount) * durations[unit!]!;
  }
  const value = text.trim() === "" ? Number.NaN : Number(text);
  return Number.isNaN(value) ? undefined : value;
}
const typeNames: { readonly [K in RunColumn["type"]]: string } = {
  text: "a text",
  number: "a number",
  time: "a date such as 2026-11-26",
  duration: "a duration such as 90s, 5m or 2h",
};

const comparisons: { readonly [operator: string]: (a: RunValue, b: RunValue) => boolean } = {
  "=": (a, b) => a === b,
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
  ">": (a, b) => a > b,
  ">=": (a, b) => a >= b,
};

class Parser {
  readonly #filter: string;
  readonly #columns: readonly RunColumn[];
  readonly #tokens: readonly Token[];
  #next = 0;
  #depth = 0;

  constructor(filter: string, columns: readonly RunColumn[]) {
    this.#filter = filter;
    this.#columns = columns;
    this.#tokens = tokensOf(filter);
  }

  whole(): RunPredicate {
    if (this.#tokens.length === 0) return () => true;
    const predicate = this.#any();
    const rest = this.#tokens[this.#next];
    if (rest) throw this.#wrong(`"and", "or" or the end`, rest);
    return predicate;
  }

  #wrong(expected: string, token: Token | undefined, hint?: string) {
    return wrong(this.#filter, expected, token ? `"${token.text}" at character ${token.at}` : "the end of the filter", hint);
  }

  #takes(word: string): boolean {
    const token = this.#tokens[this.#next];
    if (token?.kind !== "word" || token.text.toLowerCase() !== word) return false;
    this.#next++;
    return true;
  }

  #any(): RunPredicate {
    const parts = [this.#all()];
    while (this.#takes("or")) parts.push(this.#all());
    return parts.length === 1 ? parts[0]! : row => parts.some(p => p(row));
  }

  #all(): RunPredicate {
    const parts = [this.#one()];
    while (this.#takes("and")) parts.push(this.#one());
    return parts.length === 1 ? parts[0]! : row => parts.every(p => p(row));
  }

  #one(): RunPredicate {
    if (++this.#depth > mostDepth) throw wrong(this.#filter, `at most ${mostDepth} levels of parentheses and "not"`, "more");
    try {
      if (this.#takes("not")) {
        const inner = this.#one();
        return row => !inner(row);
      }
      if (this.#tokens[this.#next]?.kind !== "open") return this.#comparison();
      this.#next++;
      const inner = this.#any();
      const close = this.#tokens[this.#next++];
      if (close?.kind !== "close") throw this.#wrong(`")"`, close);
      return inner;
    } finally {
      this.#depth--;
    }
  }

  #column(token: Token | undefined): RunColumn {
    if (token?.kind !== "word" && token?.kind !== "text") throw this.#wrong("the name of a column", token);
    const found = columnNamed(this.#columns, token.text);
    if ("key" in found) return found;
    if (found.length > 1)
      throw this.#wrong(
        `the name of one column: ${found
          .map(c => c.key)
          .slice(0, 5)
          .join(", ")}`,
        token,
        "Write the whole name.",
      );
    const near = nearest(
      token.text,
      this.#columns.flatMap(c => [c.key, c.key.split(".").at(-1)!]),
    );
    throw this.#wrong("a column of the runs", token, near ? `Did you mean "${near}"?` : undefined);
  }

  #comparison(): RunPredicate {
    const column = this.#column(this.#tokens[this.#next]);
    const operator = this.#tokens[++this.#next];
    if (operator?.kind !== "operator") throw this.#wrong(`a comparison (=, !=, <, <=, >, >= or ~) after "${column.key}"`, operator);
    const value = this.#tokens[++this.#next];
    if (value?.kind !== "word" && value?.kind !== "text") throw this.#wrong(`a value after "${column.key} ${operator.text}"`, value);
    this.#next++;
    return this.#compared(column, operator, value);
  }

  #compared({ key, ...column }: RunColumn, operator: Token, value: Token): RunPredicate {
    const isNone = value.kind === "word" && value.text.toLowerCase() === "none";
    if (isNone && operator.text === "=") return row => row.values[key] === undefined;
    if (isNone && operator.text === "!=") return row => row.values[key] !== undefined;
    if (operator.text === "~") {
      const part = value.text.toLowerCase();
      return row => row.values[key] !== undefined && String(row.values[key]).toLowerCase().includes(part);
    }
    const wanted = typedValue(value.text, { key, ...column });
    if (wanted === undefined) throw this.#wrong(`${typeNames[column.type]} for "${key}"`, value);
    const given = (row: RunRow): RunValue | undefined => {
      const own = row.values[key];
      return typeof own === "string" ? own.toLowerCase() : typeof wanted === "string" && own !== undefined ? String(own) : own;
    };
    // a tag is one of several
    const isTag = key === "tags" && (operator.text === "=" || operator.text === "!=");
    const equals = (row: RunRow) => (isTag ? row.tags.some(t => t.tag.toLowerCase() === wanted) : given(row) === wanted);
    if (operator.text === "=") return equals;
    if (operator.text === "!=") return row => !equals(row);
    const compare = comparisons[operator.text]!;
    return row => {
      const own = given(row);
      return own !== undefined && compare(own, wanted);
    };
  }
}

/** Errors: project/argument, which says where and what was expected. An empty filter lets every run through. */
export const runFilter = (filter: string, columns: readonly RunColumn[]): RunPredicate => new Parser(filter, columns).whole();
