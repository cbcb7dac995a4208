/**
 * HTML to text as a reader sees it: blocks become lines, white space collapses outside `pre`, scripts, styles and titles go, the text of
 * links stays. Not main-text extraction: nothing visible is judged or dropped. One pass of htmlparser2's events, linear in the input.
 */
import { Parser } from "htmlparser2";
import { pageText } from "./main-text/main-text.ts";

/** Elements whose text nobody sees in the page. */
const hidden = new Set(["script", "style", "title", "noscript", "template", "iframe", "object", "applet", "select", "textarea", "svg"]);
/** Elements that stand on lines of their own. */
const blocks = new Set(
  "address article aside body caption center dd details dir div dl dt fieldset figure footer form frameset header hr html li main menu nav section tbody tfoot thead tr".split(
    " ",
  ),
);
/** Blocks with an empty line around them. */
const paragraphs = new Set("blockquote h1 h2 h3 h4 h5 h6 ol p pre table ul".split(" "));
const cells = new Set(["td", "th"]);

/** Elements open at once in real mail reach some hundred; the parser's time grows with the square of an attack's. */
const maxDepth = 2000;

/** Text of an HTML document or fragment; never throws, whatever the markup. */
export function htmlToText(html: string): string {
  const out: string[] = [];
  /** Line breaks owed before the next text: 0 none, 1 a line, 2 an empty line. */
  let breaks = 0;
  let space = false;
  let started = false;
  let hiddenDepth = 0;
  let preDepth = 0;
  let depth = 0;
  let isTooDeep = false;

  const breakTo = (n: number) => {
    if (n > breaks) breaks = n;
  };
  const push = (text: string) => {
    if (breaks > 0 && started) out.push("\n".repeat(breaks));
    else if (space && started) out.push(" ");
    breaks = 0;
    space = false;
    started = true;
    out.push(text);
  };
  const boundary = (name: string) => {
    if (paragraphs.has(name)) breakTo(2);
    else if (blocks.has(name)) breakTo(1);
    else if (cells.has(name)) space = true;
  };

  const parser = new Parser(
    {
      onopentagname(name) {
        if (isTooDeep) return;
        if (++depth > maxDepth) {
          isTooDeep = true;
          parser.pause();
          return;
        }
        if (hidden.has(name)) hiddenDepth++;
        if (hiddenDepth > 0) return;
        if (name === "br") breaks = Math.min(breaks + 1, 2);
        else boundary(name);
        if (name === "pre") preDepth++;
        if (name === "li") push("- ");
      },
      onclosetag(name) {
        depth--;
        if (hidden.has(name) && hiddenDepth > 0) hiddenDepth--;
        if (hiddenDepth > 0) return;
        if (name !== "br") boundary(name);
        if (name === "pre" && preDepth > 0) preDepth--;
      },
      ontext(text) {
        if (hiddenDepth > 0) return;
        if (preDepth > 0) {
          push(text);
          return;
        }
        const words = text.replace(/[ \t\r\n\f\u00a0]+/g, " ");
        // Only what HTML calls white space collapses: an ideographic space between two words is theirs.
        const inner = words.replace(/^ | $/g, "");
        if (words.startsWith(" ")) space = true;
        if (inner !== "") push(inner);
        if (words.endsWith(" ")) space = true;
      },
    },
    { decodeEntities: true },
  );
  parser.write(html);
  if (isTooDeep) return pageText(html, "all").text;
  parser.end();
  return out.join("").trim();
}

/** How far into a plain text its markup may begin: a greeting or a link before the page, not a mail that quotes one. */
const maxBeforeMarkup = 300;

/** Where a text that claims to be plain turns into a page: near its beginning, with tags that close. Undefined where it stays plain. */
export function markupStart(text: string): number | undefined {
  const head = text.slice(0, maxBeforeMarkup + 20);
  const at = (
    /<(?:!doctype|html|x-html|head|body|table|center)\b/i.exec(head) ?? /^\s*<(?:font|div|p|meta|style|title|b|br|a)\b/i.exec(head)
  )?.index;
  if (at === undefined || at > maxBeforeMarkup) return undefined;
  // A few closing tags make a page; one or two are somebody's example.
  return (text.slice(at).match(/<\/[a-z]/gi)?.length ?? 0) >= 3 ? at : undefined;
}
