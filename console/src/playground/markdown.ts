/**
 * Markdown of responses as data that a page draws: blocks and runs of text, never HTML, so nothing in a response can become an element of its own.
 * CommonMark's paragraphs, headings, lists, quotes, code and emphasis; no HTML, images, tables or reference links, whose source is shown as it stands.
 * Every step consumes text, so the time is linear in its length.
 */

export type Inline =
  | { readonly kind: "text" | "code" | "strong" | "emphasis"; readonly text: string }
  | { readonly kind: "link"; readonly text: string; readonly href: string };

export type Block =
  | { readonly kind: "paragraph" | "quote"; readonly runs: readonly Inline[] }
  | { readonly kind: "heading"; readonly level: number; readonly runs: readonly Inline[] }
  | { readonly kind: "list"; readonly isOrdered: boolean; readonly start: number; readonly items: readonly (readonly Inline[])[] }
  | { readonly kind: "code"; readonly text: string; readonly language: string };

/** Other schemes could run code or read files. */
const safeLink = /^(?:https?:\/\/|mailto:)/i;

const inlinePattern = /`([^`\n]+)`|\*\*([^*\n]+)\*\*|\*([^*\s][^*\n]*)\*|\[([^\]\n]{1,500})\]\(([^()\s]{1,2000})\)/g;

export function inlineRuns(text: string): Inline[] {
  const runs: Inline[] = [];
  let from = 0;
  for (const match of text.matchAll(inlinePattern)) {
    const [whole, code, strong, emphasis, label, href] = match;
    if (href !== undefined && !safeLink.test(href)) continue;
    if (match.index > from) runs.push({ kind: "text", text: text.slice(from, match.index) });
    from = match.index + whole.length;
    if (code !== undefined) runs.push({ kind: "code", text: code });
    else if (strong !== undefined) runs.push({ kind: "strong", text: strong });
    else if (emphasis !== undefined) runs.push({ kind: "emphasis", text: emphasis });
    else runs.push({ kind: "link", text: label!, href: href! });
  }
  if (from < text.length) runs.push({ kind: "text", text: text.slice(from) });
  return runs;
}

const fence = /^ {0,3}```\s*([\w+#.-]*)\s*$/;
const heading = /^ {0,3}(#{1,6})\s+(\S.*)$/;
const item = /^ {0,3}(?:[-*+]|(\d{1,9})[.)])\s+(\S.*)$/;
const quote = /^ {0,3}> ?(.*)$/;
const isPlain = (line: string): boolean => line.trim() !== "" && ![fence, heading, item, quote].some(p => p.test(line));

/** Lines from `at` for which `has` holds. */
function linesWhile(lines: readonly string[], at: number, has: (line: string) => boolean): string[] {
  let end = at;
  while (end < lines.length && has(lines[end]!)) end++;
  return lines.slice(at, end);
}

/** The block that begins at a line, and how many lines it takes. */
function blockAt(lines: readonly string[], at: number): readonly [Block | undefined, number] {
  const line = lines[at]!;
  if (line.trim() === "") return [undefined, 1];
  const [isFence, language = ""] = fence.exec(line) ?? [];
  if (isFence !== undefined) {
    // a fence that is not closed goes to the end: a response that is being streamed
    const code = linesWhile(lines, at + 1, l => !fence.test(l));
    return [{ kind: "code", text: code.join("\n"), language }, code.length + 2];
  }
  const [, marks, title] = heading.exec(line) ?? [];
  if (marks !== undefined) return [{ kind: "heading", level: marks.length, runs: inlineRuns(title!) }, 1];
  const [isItem, number] = item.exec(line) ?? [];
  if (isItem !== undefined) {
    const isOrdered = number !== undefined;
    const found = linesWhile(lines, at, l => (item.exec(l)?.[1] !== undefined) === isOrdered && item.test(l));
    const items = found.map(l => inlineRuns(item.exec(l)![2]!));
    return [{ kind: "list", isOrdered, start: Number(number ?? 1), items }, found.length];
  }
  if (quote.test(line)) {
    const quoted = linesWhile(lines, at, l => quote.test(l));
    return [{ kind: "quote", runs: inlineRuns(quoted.map(l => quote.exec(l)![1]).join("\n")) }, quoted.length];
  }
  const plain = linesWhile(lines, at, isPlain);
  return [{ kind: "paragraph", runs: inlineRuns(plain.join("\n")) }, plain.length];
}

export function parseMarkdown(text: string): Block[] {
  const lines = text.replaceAll("\r\n", "\n").split("\n");
  const blocks: Block[] = [];
  for (let at = 0; at < lines.length; ) {
    const [block, taken] = blockAt(lines, at);
    if (block) blocks.push(block);
    at += taken;
  }
  return blocks;
}
