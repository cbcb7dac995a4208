/** Lines of Markdown pages: tables without padding, and paragraphs that fit a screen. Biome's formatter pads each column to its widest cell. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

/** No line of a page is longer. */
export const mostColumns = 200;
/** Columns of a paragraph that is wrapped because it has a longer line. */
export const wrapAt = 155;

const fence = /^ *(```|~~~)/;
const delimiter = /^ *\|?( *:?-+:? *\|)+( *:?-+:? *)?$/;

/** Cells of a table's row, without the spaces around them. */
const cellsOf = row =>
  row
    .trim()
    .replace(/^\||(?<!\\)\|$/g, "")
    .split(/(?<!\\)\|/)
    .map(c => c.trim());

const unpadded = row =>
  `${/^ */.exec(row)[0]}|${cellsOf(row)
    .map(c => (c === "" ? " |" : ` ${c.replace(/^(:?)-+(:?)$/, delimiter.test(row) ? "$1---$2" : "$&")} |`))
    .join("")}`;

/** Lines with what they are: of a fenced block or a comment, a row of a table, or text. */
function* linesOf(text) {
  let end;
  for (const line of text.split("\n")) {
    if (end !== undefined) {
      yield { line, kind: "block" };
      if (end(line)) end = undefined;
      continue;
    }
    const opens = fence.exec(line);
    if (opens) end = other => other.trim() === opens[1];
    else if (line.startsWith("<!--") && !line.includes("-->")) end = other => other.includes("-->");
    const isBlock = opens || line.startsWith("<!--");
    yield { line, kind: isBlock ? "block" : line.trimStart().startsWith("|") ? "row" : "text" };
  }
}

/** A page whose tables have one space around each cell and three hyphens a column. */
export const withoutPadding = text => [...linesOf(text)].map(({ line, kind }) => (kind === "row" ? unpadded(line) : line)).join("\n");

/** Words of a paragraph; code and links stay whole. */
const wordsOf = text => text.match(/(?:`[^`]*`|\[[^\]`]*(?:`[^`]*`[^\]`]*)*\]\([^)]*\)|\S)+/g) ?? [];

/** What would begin a list, a heading, a quotation or a table as the first word of a line. */
const isMarker = word => /^([-+*>|=]+|#{1,6}|\d+[.)])$/.test(word) || word.startsWith("|");

function wrapped(lines) {
  const [, head] = /^( *(?:(?:[-*+]|\d+[.)]) +)?)/.exec(lines[0]);
  const indent = " ".repeat(head.length);
  const words = wordsOf(
    lines
      .map(l => l.trim())
      .join(" ")
      .slice(head.trimStart().length),
  );
  const out = [head];
  for (const word of words) {
    const line = out.at(-1);
    if (line.trim() === "" || line === head) out[out.length - 1] += word;
    else if (line.length + 1 + word.length <= wrapAt || isMarker(word)) out[out.length - 1] += ` ${word}`;
    else out.push(indent + word);
  }
  return out;
}

const startsParagraph = line => /^ *([-*+]|\d+[.)]) /.test(line);
const isSpecial = line => line.trim() === "" || /^ *(#{1,6} |>|<!--|!\[)/.test(line);

/** A page whose paragraphs with a line longer than `most` are wrapped. */
export function withParagraphs(text, most = mostColumns) {
  const out = [];
  let paragraph = [];
  const end = () => {
    const isLong = paragraph.some(l => l.length > most) && !paragraph.some(l => /( {2}|\\)$/.test(l));
    out.push(...(isLong ? wrapped(paragraph) : paragraph));
    paragraph = [];
  };
  for (const { line, kind } of linesOf(text)) {
    const isText = kind === "text" && !isSpecial(line);
    if (!isText || startsParagraph(line)) end();
    if (isText) paragraph.push(line);
    else out.push(line);
  }
  end();
  return out.join("\n");
}

/** A page as `npm run docs` writes it. */
export const formatted = (text, most = mostColumns) => withParagraphs(withoutPadding(text), most);

/** The pages of a checkout: docs, and the READMEs and lists of changes beside them. */
export function markdownPages(root) {
  const docs = readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" })
    .map(f => `docs/${f.replaceAll("\\", "/")}`)
    .filter(f => f.endsWith(".md"));
  const folders = ["examples", "templates", "test"].flatMap(above => [above, ...readdirSync(join(root, above)).map(f => `${above}/${f}`)]);
  const readmes = ["models", ...folders].map(folder => `${folder}/README.md`).filter(f => existsSync(join(root, f)));
  return [...docs, "README.md", "CONTRIBUTING.md", "CHANGELOG.md", ...readmes].sort();
}
