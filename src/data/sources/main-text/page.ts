/**
 * A page as the main-text extractor sees it: a compact tree of its block elements and, in reading order, the texts that lie in them. One
 * pass over htmlparser2's tokens (its parser keeps a list whose both ends move, quadratic on hostile nesting; its tokenizer is linear).
 * Nothing is thrown for any input and nothing recurses: open elements are a bounded stack, the tree is arrays of numbers.
 */
import { Tokenizer } from "htmlparser2";
import { anchor, bit, chooser, closes, lineBreak, paragraph, row, table, tagCount, tags } from "./tags.ts";

/** Elements nested deeper than this are taken as their ancestor's text, which is what browsers do (Blink's limit). */
const maxDepth = 512;
/** Attribute values are looked at this far: class lists are short. */
const maxAttribute = 200;

/** A run of text between two block boundaries. */
export interface Segment {
  readonly text: string;
  /** The element it lies in. */
  readonly node: number;
  /** Characters of it inside links. */
  readonly linked: number;
  /** Whether an empty line parts it from the text before. */
  readonly apart: boolean;
  readonly pre: boolean;
}

export interface Page {
  readonly title: string;
  readonly language: string | undefined;
  readonly segments: readonly Segment[];
  /** By node, in the order of their start tags: node 0 is the page. */
  readonly parent: readonly number[];
  readonly tag: readonly number[];
  /** Bits of the element, with `around` and `main` also where class, id or role say so. */
  readonly bits: readonly number[];
}

/** Names that sites give to what is around a text; matched against class and id, whole words. */
const aroundName =
  /(?:^|[\s_-])(?:nav|navbar|navigation|menu|menubar|sidebar|side-?bar|footer|masthead|breadcrumbs?|share|sharing|social|related|recommended|promo|advert|advertisement|ads?|banner|cookie|cookies|consent|popup|modal|newsletter|subscribe|comments?|comment-?list|disqus|pagination|pager|tags|toolbar|skip-?link|widget|sponsor|sponsored|outbrain|taboola|login|signup)(?:$|[\s_-])/i;
const mainName =
  /(?:^|[\s_-])(?:article|article-?body|post-?body|post-?content|entry|entry-?content|story|story-?body|main-?content|content-?body|articlebody|blogpost|hentry|mw-parser-output|markdown-body)(?:$|[\s_-])/i;
const hiddenStyle = /display\s*:\s*none|visibility\s*:\s*hidden/i;
const aroundRole = /^(?:navigation|banner|contentinfo|complementary|search|dialog|alert|menu|menubar|toolbar)$/i;

const blanks = /[ \t\r\n\f\v\u00a0]+/g;
/** Stands for `<br>` until a text is tidied: white space, so that nothing else can be it. */
const brMark = "\v";
const tidy = (raw: string, hasBreaks: boolean): string =>
  (hasBreaks ? raw.replace(blanks, run => (run.includes(brMark) ? "\n" : " ")) : raw.replace(blanks, " ")).trim();

/** Reads a page. Linear in its length; never throws. */
export function readPage(html: string): Page {
  const parent = [-1];
  const tag = [0];
  const bits: number[] = [bit.block];
  const segments: Segment[] = [];
  let title = "";
  let language: string | undefined;

  // Open elements: the tree node of each (its nearest listed ancestor's for hidden ones), and how many are open by element.
  const stackTag = new Int32Array(maxDepth);
  const stackNode = new Int32Array(maxDepth);
  const stackBits = new Int32Array(maxDepth);
  const open = new Int32Array(tagCount);
  let depth = 0;
  let tooDeep = 0;
  let node = 0;
  let hidden = 0;
  let pre = 0;
  let links = 0;

  let raw = "";
  let linked = 0;
  let breaks = 0;
  let hasBreaks = false;
  let apart = false;

  let current: { readonly id: number; readonly bits: number } | undefined;
  let attribute = "";
  let value = "";
  let extra = 0;
  let inTitle = false;

  const flush = () => {
    if (raw === "") return;
    const inPre = pre > 0;
    const text = inPre ? raw.replaceAll(brMark, "\n").replace(/^(?:[ \t\r]*\n)+|\s+$/g, "") : tidy(raw, hasBreaks);
    if (text !== "") {
      segments.push({ text, node, linked: Math.min(linked, text.length), apart, pre: inPre });
      apart = false;
    }
    raw = "";
    linked = 0;
    breaks = 0;
    hasBreaks = false;
  };
  const pop = () => {
    depth--;
    const b = stackBits[depth]!;
    if (b & bit.block) flush();
    open[stackTag[depth]!]!--;
    if (b & bit.hidden) hidden--;
    if (b & bit.pre) pre--;
    // Nor does a link whose end is missing go on beyond its cell.
    if (b & bit.wall) links = 0;
    if (b & bit.apart) apart = true;
    node = depth > 0 ? stackNode[depth - 1]! : 0;
  };
  const push = (id: number, b: number) => {
    if (depth === maxDepth) {
      tooDeep++;
      return;
    }
    if (b & bit.block && !hidden && !(b & bit.hidden)) {
      parent.push(node);
      tag.push(id);
      bits.push(b);
      node = parent.length - 1;
    }
    stackTag[depth] = id;
    stackNode[depth] = node;
    stackBits[depth] = b;
    depth++;
    open[id]!++;
    if (b & bit.hidden) hidden++;
    if (b & bit.pre) pre++;
  };
  /** Closes up to the nearest open element of `ids`, if none of `until` (or a wall) is nearer. */
  const closeTo = (ids: readonly number[], until: readonly number[] | undefined) => {
    if (!ids.some(id => open[id]! > 0)) return false;
    for (let i = depth - 1; i >= 0; i--) {
      const t = stackTag[i]!;
      if (ids.includes(t)) {
        while (depth > i) pop();
        return true;
      }
      if (until ? until.includes(t) : stackBits[i]! & bit.wall) return false;
    }
    return false;
  };

  const startTag = (known: { readonly id: number; readonly bits: number }, more: number) => {
    const { id } = known;
    const b = known.bits | more;
    if (id === lineBreak) {
      if (hidden) return;
      if (++breaks >= 2 && pre === 0) {
        flush();
        apart = true;
      } else {
        raw += brMark;
        hasBreaks = true;
      }
      return;
    }
    if (id === anchor) {
      links = more & bit.link;
      return;
    }
    if (b & bit.block) {
      // A list of choices whose end is missing does not swallow the page.
      if (open[chooser]! > 0) closeTo(choosers, undefined);
      if (!hidden) flush();
      if (b & bit.apart) apart = true;
      if (depth > 0 && stackTag[depth - 1] === paragraph) pop();
      const rule = closes.get(id);
      if (rule) closeTo(rule.open, rule.until);
    }
    if (!(known.bits & bit.empty)) push(id, b);
  };

  const one: number[] = [0];
  const endTag = (name: string) => {
    const known = tags.get(name);
    if (known === undefined || known.bits & bit.empty) {
      if (known?.id === lineBreak) startTag(known, 0);
      return;
    }
    const { id } = known;
    if (id === anchor) {
      links = 0;
      return;
    }
    if (tooDeep > 0) {
      tooDeep--;
      if (known.bits & bit.block && !hidden) flush();
      return;
    }
    one[0] = id;
    // A table's end is looked for beyond its cells, a cell's within its table, all others within their cell.
    const closed = closeTo(one, id === table ? [] : known.bits & bit.wall || id === row ? inTable : undefined);
    if (!closed && known.bits & bit.block && !hidden) {
      flush();
      if (id === paragraph) apart = true;
    }
  };

  const addText = (text: string) => {
    if (inTitle) {
      if (title.length < 1000) title += text;
      return;
    }
    if (hidden) return;
    raw += text;
    if (links) linked += text.length;
  };

  const tokenizer = new Tokenizer(
    { decodeEntities: true },
    {
      ontext(start, end) {
        const text = html.slice(start, end);
        if (breaks > 0 && !hidden && notBlank.test(text)) breaks = 0;
        addText(text);
      },
      ontextentity(code) {
        const text = String.fromCodePoint(code);
        if (breaks > 0 && code !== 160) breaks = 0;
        addText(text);
      },
      onopentagname(start, end) {
        current = tags.get(html.slice(start, end).toLowerCase());
        extra = 0;
      },
      onattribname(start, end) {
        attribute =
          current !== undefined && current.bits & (bit.block | bit.link) && end - start <= 11 ? html.slice(start, end).toLowerCase() : "";
        value = "";
      },
      onattribdata(start, end) {
        if (attribute !== "" && value.length < maxAttribute) value += html.slice(start, Math.min(end, start + maxAttribute));
      },
      onattribentity() {},
      onattribend() {
        switch (attribute) {
          case "class":
          case "id":
            if (aroundName.test(value)) extra |= bit.around;
            if (mainName.test(value)) extra |= bit.main;
            break;
          case "role":
            if (aroundRole.test(value)) extra |= bit.around;
            else if (value === "main" || value === "article") extra |= bit.main;
            break;
          case "itemprop":
            if (/^articlebody$/i.test(value)) extra |= bit.main;
            break;
          case "style":
            if (hiddenStyle.test(value)) extra |= bit.hidden;
            break;
          case "href":
            extra |= bit.link;
            break;
          case "hidden":
            extra |= bit.hidden;
            break;
          case "aria-hidden":
            if (value === "true") extra |= bit.hidden;
            break;
          case "lang":
            language ??= value || undefined;
            break;
        }
        attribute = "";
      },
      onopentagend() {
        if (current === undefined) return;
        if (current.id === titleTag && title === "" && hidden === 0) inTitle = true;
        startTag(current, extra);
      },
      onselfclosingtag() {
        if (current !== undefined) startTag(current, extra);
      },
      onclosetag(start, end) {
        const name = html.slice(start, end).toLowerCase();
        if (name === "title") inTitle = false;
        endTag(name);
      },
      oncomment() {},
      ondeclaration() {},
      onprocessinginstruction() {},
      oncdata(start, end) {
        addText(html.slice(start, end));
      },
      onend() {},
    },
  );
  tokenizer.write(html);
  tokenizer.end();
  inTitle = false;
  flush();
  return { title: tidy(title, false), language, segments, parent, tag, bits };
}

const choosers: readonly number[] = [chooser];
const inTable: readonly number[] = [table];
const notBlank = /[^ \t\r\n\f\u00a0]/;
const titleTag = tags.get("title")!.id;
