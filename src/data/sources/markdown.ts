/** The Markdown reader: a file is a document; the front matter's plain values become attributes, the text stays as it is written. */

import { parse } from "yaml";
import type { DocumentAttribute, DocumentAttributes } from "../document.ts";
import type { LedgerEdit } from "../ledger.ts";
import { nestedValues, type RecordFields } from "./fields.ts";
import { labelOf, withoutExtension } from "./labels.ts";
import type { Reader } from "./source.ts";
import { refuseText, wholeText } from "./text.ts";

/** A longer head is no front matter but a text that begins with a line. */
const maxFrontMatter = 64 * 1024;

const isAttribute = (value: unknown): value is DocumentAttribute =>
  value === null ||
  ["string", "number", "boolean"].includes(typeof value) ||
  (Array.isArray(value) && value.every(v => typeof v === "string"));

/** The text behind the front matter (YAML between lines of `---`), and what that says. What cannot be read stays in the text. */
function markdownFrontMatter(text: string): {
  readonly text: string;
  readonly attributes: DocumentAttributes;
  readonly edits: readonly LedgerEdit[];
} {
  const plain = { text, attributes: {}, edits: [] };
  if (!/^\ufeff?---[ \t]*\r?\n/.test(text)) return plain;
  const begin = text.indexOf("\n") + 1;
  const end = /^(?:---|\.\.\.)[ \t]*\r?$/m.exec(text.slice(begin, begin + maxFrontMatter));
  if (!end) return plain;
  let values: unknown;
  try {
    values = parse(text.slice(begin, begin + end.index));
  } catch (error) {
    return { ...plain, edits: [{ rule: "front-matter-unreadable", value: (error as Error).message.split("\n")[0]! }] };
  }
  // A line between two rules is a text, not a head.
  if (values !== null && (typeof values !== "object" || Array.isArray(values))) return plain;
  return {
    text: text.slice(begin + end.index + end[0].length).replace(/^\r?\n+/, ""),
    attributes: Object.fromEntries(nestedValues((values ?? {}) as RecordFields, isAttribute)),
    edits: [],
  };
}

export const markdown: Reader = {
  name: "markdown",
  version: 2,
  extensions: [".md", ".markdown", ".mdx"],
  async *records(file, options) {
    const place = file.path;
    const whole = await wholeText(file, options.encoding);
    if ("reason" in whole) {
      yield { ok: false, place, ...whole };
      return;
    }
    const { text, attributes, edits } = markdownFrontMatter(whole.text);
    const why = refuseText(text);
    if (why) yield { ok: false, place, ...why };
    else
      yield {
        ok: true,
        place,
        key: withoutExtension(file.name),
        text,
        attributes: { ...labelOf(place, options.labels), ...attributes },
        edits,
      };
  },
};
