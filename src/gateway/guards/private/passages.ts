/**
 * Private data of an answer as it comes. The recogniser wants to see what stands around, so the text goes through it by lines, and by windows where
 * a line is long; where they end follows from the text alone. Arguments of a tool go through it whole: half a JSON text is none.
 */
import type { PrivateSpan } from "../../../data/index.ts";
import type { FilteredPiece, TextFilter } from "../contract.ts";
import { type FindSpans, replaceSpans } from "./find.ts";

export interface AnswerFinding {
  readonly find: FindSpans;
  readonly action: "redact" | "block" | "flag";
}

/** Characters of a line that are looked at together; a line without a gap is tried at the next, a finding longer than the last is cut. */
const windows = [1_000, 2_000, 4_000, 8_000] as const;
const longestWindow = 8_000;
/** Behind a cut at least so much was seen: what the recogniser looks at behind a value. */
const behind = 100;
/** Characters before a passage that are shown to the recogniser with it. */
const beforeCharacters = 100;
/** Of a tool's arguments. */
const mostJsonCharacters = 1_000_000;

const keyBegins = "-----BEGIN ";
const keyEnds = /-----END [A-Z ]*PRIVATE KEY-----/;

const maskOf = (type: string): string => `[${type.replace(/[A-Z]/g, c => `-${c.toLowerCase()}`).toUpperCase()}]`;
const masks = /\[[A-Z-]{2,20}\]/g;

interface Looked {
  readonly text: string;
  readonly isBlocked: boolean;
  readonly did: boolean;
}

function look(text: string, { find, action }: AnswerFinding): Looked {
  if (action === "redact") {
    const { text: out, types } = replaceSpans(text, find, maskOf, masks);
    return { text: out, isBlocked: false, did: types.length > 0 };
  }
  const [first] = find(text);
  if (!first) return { text, isBlocked: false, did: false };
  return action === "flag" ? { text, isBlocked: false, did: true } : { text: text.slice(0, first.start), isBlocked: true, did: true };
}

const pieceOf = ({ text, isBlocked, did }: Looked, action: AnswerFinding["action"]): FilteredPiece =>
  isBlocked ? { text, isBlocked } : did ? { text, did: action === "flag" ? "flag" : "rewrite" } : { text };

/** By place, without overlaps: of two the one that begins first, then the longer. */
function apart(spans: readonly PrivateSpan[]): PrivateSpan[] {
  const out: PrivateSpan[] = [];
  let end = 0;
  for (const span of [...spans].sort((a, b) => a.start - b.start || b.end - a.end)) {
    if (span.end <= end) continue;
    out.push(span.start < end ? { ...span, start: end } : span);
    end = span.end;
  }
  return out;
}

export function passageFilter(finding: AnswerFinding): TextFilter {
  const { find, action } = finding;
  let held = "";
  let before = "";

  /** Where the first passage of what is held ends, by its characters alone; undefined: more must come. */
  const passageEnd = (isOver: boolean): number | undefined => {
    if (held === "") return undefined;
    const line = held.indexOf("\n");
    for (const window of windows) {
      const hasLine = line >= 0 && line < window;
      if (!hasLine && held.length < window) return isOver ? held.length : undefined;
      const key = held.slice(0, hasLine ? line + 1 : window).indexOf(keyBegins);
      if (key >= 0) {
        // a key has many lines
        const ended = keyEnds.exec(held.slice(key, key + longestWindow));
        if (ended) return key + ended.index + ended[0].length;
        if (held.length - key < longestWindow && !isOver) return undefined;
      }
      if (hasLine) return line + 1;
      const spans = find(before + held.slice(0, window));
      for (let cut = window - behind; cut > 0; cut--)
        if (/\s/.test(held[cut - 1]!) && !spans.some(s => s.start < before.length + cut && s.end > before.length + cut)) return cut;
    }
    return longestWindow;
  };

  /** What stood before is shown with a passage, and the passage is looked at alone too: what has left may hide where something begins. */
  const looked = (passage: string): Looked => {
    const from = before.length;
    const context = before;
    before = (before + passage).slice(-beforeCharacters);
    const near: FindSpans = text => {
      const alone = find(text.slice(from)).map(s => ({ ...s, start: s.start + from, end: s.end + from }));
      const together = from === 0 ? [] : find(text).flatMap(s => (s.end <= from ? [] : [{ ...s, start: Math.max(s.start, from) }]));
      return apart([...together, ...alone]);
    };
    const { text, isBlocked, did } = look(context + passage, { find: near, action });
    return { text: text.slice(from), isBlocked, did };
  };

  const run = (isOver: boolean): FilteredPiece => {
    let text = "";
    let did = false;
    for (let end = passageEnd(isOver); end !== undefined; end = passageEnd(isOver)) {
      const one = looked(held.slice(0, end));
      held = held.slice(end);
      text += one.text;
      did ||= one.did;
      if (one.isBlocked) return { text, isBlocked: true };
    }
    return pieceOf({ text, isBlocked: false, did }, action);
  };
  return {
    push: text => {
      held += text;
      return run(false);
    },
    end: () => run(true),
  };
}

/** Strings of a JSON value through `change`; the value itself where nothing changed. */
function mapStrings(value: unknown, change: (text: string) => string): unknown {
  if (typeof value === "string") return change(value);
  if (Array.isArray(value)) return value.map(v => mapStrings(v, change));
  if (typeof value === "object" && value !== null)
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, mapStrings(v, change)]));
  return value;
}

export function jsonPassageFilter(finding: AnswerFinding): TextFilter {
  let held = "";
  let isTooLong = false;
  return {
    push: text => {
      held += text;
      if (finding.action === "flag") return { text };
      isTooLong ||= held.length > mostJsonCharacters;
      return isTooLong ? { text: "", isBlocked: true } : { text: "" };
    },
    end: () => {
      const isFlag = finding.action === "flag";
      let value: unknown;
      try {
        value = JSON.parse(held);
      } catch {
        // an answer that a length cut off: as a text
        value = undefined;
      }
      if (value === undefined) {
        const one = look(held, finding);
        return pieceOf(isFlag ? { ...one, text: "" } : one, finding.action);
      }
      let did = false;
      let isBlocked = false;
      const changed = mapStrings(value, text => {
        const one = look(text, finding);
        did ||= one.did;
        isBlocked ||= one.isBlocked;
        return one.text;
      });
      if (isBlocked) return { text: "", isBlocked };
      return pieceOf({ text: isFlag ? "" : did ? JSON.stringify(changed) : held, isBlocked: false, did }, finding.action);
    },
  };
}
