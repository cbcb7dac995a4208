/**
 * Back-formatting: a plain text dressed as HTML or Markdown, or dressed and read back through Loam's HTML reader, which leaves its words and
 * changes its lines. The words of the page are the words of the text.
 */
import type { Random } from "../../../../base/index.ts";
import { htmlToText } from "../../../sources/html.ts";
import { changed, plainMethod } from "../../method.ts";
import { wordPieces } from "../../words.ts";
import { markupPart } from "./options.ts";

/** A first line that reads like a title. */
const maxTitle = 80;
const isBullet = (line: string) => /^\s*[-*•]\s+\S/.test(line);

interface Block {
  readonly kind: "title" | "list" | "paragraph";
  readonly lines: readonly string[];
}

/** Blocks of a text: empty lines part them, lines with bullets are lists. */
export function blocksOf(text: string): Block[] {
  const parts = text.split(/\n[^\S\n]*\n+/).filter(p => p.trim() !== "");
  return parts.map((part, i): Block => {
    const lines = part.split("\n").filter(line => line.trim() !== "");
    if (lines.every(isBullet)) return { kind: "list", lines: lines.map(l => l.trim().replace(/^[-*•]\s+/, "")) };
    const isTitle = i === 0 && parts.length > 1 && lines.length === 1 && lines[0]!.length <= maxTitle && !/[.!?:;,]\s*$/.test(lines[0]!);
    return { kind: isTitle ? "title" : "paragraph", lines: lines.map(l => l.trim()) };
  });
}

const escapeHtml = (s: string) => s.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

/** Marks some words; everything goes through `quoted`. */
const marked = (line: string, draw: Random, rate: number, quoted: (s: string) => string, around: readonly (readonly [string, string])[]) =>
  // The reader knows a space between elements only where it is one of HTML's own: a line with an ideographic one is left whole.
  (/[^\S \t\n\r\f\u00a0]/.test(line) ? [{ text: line, isWord: false }] : wordPieces(line))
    .map(p => {
      if (!p.isWord || draw.uniform() >= rate) return quoted(p.text);
      const [open, close] = around[draw.below(around.length)]!;
      return `${open}${quoted(p.text)}${close}`;
    })
    .join("");

export function toHtml(text: string, draw: Random, rate: number): string {
  const mark = (line: string) =>
    marked(line, draw, rate, escapeHtml, [
      ["<b>", "</b>"],
      ["<em>", "</em>"],
      ['<span class="c1">', "</span>"],
    ]);
  const paragraph = draw.below(2) === 0 ? (["<p>", "</p>"] as const) : (["<div>", "</div>\n<br>"] as const);
  const body = blocksOf(text).map(({ kind, lines }) => {
    if (kind === "title") return `<h1>${mark(lines[0]!)}</h1>`;
    // What the reader would write before an item stands in the text already, where lines are no list.
    if (kind === "list") return `<ul>\n${lines.map(l => `<li>${mark(l)}</li>`).join("\n")}\n</ul>`;
    return `${paragraph[0]}${lines.map(mark).join("<br>\n")}${paragraph[1]}`;
  });
  const whole = `${body.join("\n")}\n`;
  return draw.below(2) === 0 ? whole : `<html>\n<body>\n${whole}</body>\n</html>\n`;
}

const escapeMarkdown = (s: string) => s.replace(/[\\`*_<>#[\]]/g, "\\$&");

export function toMarkdown(text: string, draw: Random, rate: number): string {
  const mark = (line: string) =>
    marked(line, draw, rate, escapeMarkdown, [
      ["**", "**"],
      ["_", "_"],
    ]).replace(/^(\d+)([.)])(?=\s)|^([-+=])/u, (m, n?: string, dot?: string) => (n === undefined ? `\\${m}` : `${n}\\${dot}`));
  const bullet = ["-", "*", "+"][draw.below(3)]!;
  return `${blocksOf(text)
    .map(({ kind, lines }) => {
      if (kind === "title") return `# ${mark(lines[0]!)}`;
      return lines.map(l => (kind === "list" ? `${bullet} ${mark(l)}` : mark(l))).join("\n");
    })
    .join("\n\n")}\n`;
}

export const markup = plainMethod({
  ...markupPart,
  vary({ text }, draw, o) {
    const to = o.to[draw.below(o.to.length)]!;
    if (to === "markdown") return changed(text, toMarkdown(text, draw, o.rate));
    const html = toHtml(text, draw, o.rate);
    return { ...changed(text, to === "html" ? html : htmlToText(html)), ...(to === "html" ? { attributes: { format: "html" } } : {}) };
  },
});
