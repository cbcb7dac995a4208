/**
 * The members of a JSON object by their places in its text, in one pass: so that one value can be changed without writing the rest anew (which
 * would round numbers and reorder nothing but trust), a key that comes twice is found (parsers disagree on which one counts), and nesting is
 * bounded before anything is parsed.
 */

interface JsonMember {
  readonly key: string;
  /** Where the value stands. */
  readonly from: number;
  readonly to: number;
}

export interface Members {
  readonly members: readonly JsonMember[];
  /** Levels of nesting. */
  readonly depth: number;
  /** The first key of any object that was given twice. */
  readonly twice: string | undefined;
}

const quote = 34;
const backslash = 92;
const comma = 44;
const colon = 58;
const openBrace = 123;
const closeBrace = 125;
const openBracket = 91;
const closeBracket = 93;

/** The end of the string that begins at `at`, behind its quote. */
function stringEnd(text: string, at: number): number {
  for (let end = text.indexOf('"', at + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let before = end - 1;
    while (text.charCodeAt(before) === backslash) before--;
    if ((end - before) % 2 === 1) return end + 1;
  }
  return text.length;
}

const keyOf = (raw: string): string => {
  if (!raw.includes("\\")) return raw.slice(1, -1);
  try {
    return String(JSON.parse(raw));
  } catch {
    return raw;
  }
};

/** Reads the text of a JSON object. Of a text that is no JSON it says something or other; parsing it says what is wrong. */
export function readMembers(text: string): Members {
  const members: JsonMember[] = [];
  /** Keys of the objects that are open; undefined for lists. */
  const keys: (Set<string> | undefined)[] = [];
  let depth = 0;
  let twice: string | undefined;
  let key: string | undefined;
  let from = -1;
  let isKey = false;
  const ended = (to: number) => {
    if (keys.length === 1 && key !== undefined && from >= 0) members.push({ key, from, to });
    key = undefined;
    from = -1;
  };
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case quote: {
        const end = stringEnd(text, at);
        if (isKey) {
          const own = keyOf(text.slice(at, end));
          const known = keys[keys.length - 1];
          if (known?.has(own)) twice ??= own;
          known?.add(own);
          if (keys.length === 1) key = own;
          isKey = false;
        }
        at = end - 1;
        break;
      }
      case colon:
        if (keys.length === 1 && from < 0) from = at + 1;
        break;
      case comma:
        if (keys.length === 1) ended(at);
        isKey = keys[keys.length - 1] !== undefined;
        break;
      case openBrace:
        keys.push(new Set());
        isKey = true;
        depth = Math.max(depth, keys.length);
        break;
      case openBracket:
        keys.push(undefined);
        isKey = false;
        depth = Math.max(depth, keys.length);
        break;
      case closeBrace:
      case closeBracket:
        if (keys.length === 1) ended(at);
        keys.pop();
        isKey = false;
        break;
    }
  }
  return { members, depth, twice };
}

interface Replaced {
  readonly text: string;
  /** Of the text. */
  readonly members: readonly JsonMember[];
}

/**
 * The text with values of its object replaced or added, and where its members stand then; everything else stays as it was written. `undefined` takes
 * a member's value to null.
 */
export function replaceMembers(text: string, { members }: Pick<Members, "members">, values: Readonly<Record<string, unknown>>): Replaced {
  let changed = "";
  let from = 0;
  const missing = Object.keys(values);
  const out: JsonMember[] = [];
  for (const m of members) {
    const moved = changed.length - from;
    const at = missing.indexOf(m.key);
    if (at < 0) {
      out.push({ key: m.key, from: m.from + moved, to: m.to + moved });
      continue;
    }
    missing.splice(at, 1);
    const value = text.slice(m.from, m.to);
    // the spaces around a value are the writer's
    changed += text.slice(from, m.from + value.length - value.trimStart().length) + JSON.stringify(values[m.key] ?? null);
    from = m.to - value.length + value.trimEnd().length;
    out.push({ key: m.key, from: m.from + moved, to: m.to + changed.length - from });
  }
  const rest = text.slice(from);
  if (missing.length === 0) return { text: changed + rest, members: out };
  const end = rest.lastIndexOf("}");
  changed += `${rest.slice(0, end)}${members.length > 0 ? "," : ""}`;
  for (const [i, k] of missing.entries()) {
    changed += `${i > 0 ? "," : ""}${JSON.stringify(k)}:`;
    const value = JSON.stringify(values[k] ?? null);
    out.push({ key: k, from: changed.length, to: changed.length + value.length });
    changed += value;
  }
  return { text: `${changed}${rest.slice(end)}`, members: out };
}

/** As `replaceMembers`, the text alone. */
export const withMembers = (text: string, members: Members, values: Readonly<Record<string, unknown>>): string =>
  replaceMembers(text, members, values).text;
