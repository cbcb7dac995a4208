/**
 * A page as the main-text extractor sees it: a compact tree of its block elements and, in reading order, the texts that lie in them. One
 * pass over htmlparser2's tokens (its parser keeps a list whose both ends move, quadratic on hostile nesting; its tokenizer is linear).
 * Nothing is thrown for any input and nothing recurses: open elements are a bounded stack, the tree is arrays of numbers.
 */
import { Tokenizer } from "htmlparser2";
import { anchorTag, bit, chooser, closes, lineBreak, paragraph, rowTag, tableTag, tagCount, tagTable } from "./tags.ts";

/** Elements nested deeper than this are taken as their ancestor's text, which is what browsers do (Blink's limit). */
const maxDepth = 512;
/** Attribute values are looked at this far: class lists are short. */
const maxAttribute = 200;

/** A run of text between two block boundaries. */
interface Segment {
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

const choosers: readonly number[] = [chooser];
const inTable: readonly number[] = [tableTag];
const notBlank = /[^ \t\r\n\f\u00a0]/;
const titleTag = tagTable.get("title")!.id;

const blanks = /[ \t\r\n\f\v\u00a0]+/g;
/** Stands for `<br>` until a text is tidied: white space, so that nothing else can be it. */
const brMark = "\v";
const tidy = (raw: string, hasBreaks: boolean): string =>
  (hasBreaks ? raw.replace(blanks, run => (run.includes(brMark) ? "\n" : " ")) : raw.replace(blanks, " ")).trim();

type ListedTag = NonNullable<ReturnType<typeof tagTable.get>>;

/** The tree and the texts, from start tags, end tags and text in their order. */
class PageBuilder {
  readonly parent = [-1];
  readonly tag = [0];
  readonly bits: number[] = [bit.block];
  readonly segments: Segment[] = [];
  /** Open elements: the tree node of each (its nearest listed ancestor's for hidden ones), and how many are open by element. */
  readonly #stackTag = new Int32Array(maxDepth);
  readonly #stackNode = new Int32Array(maxDepth);
  readonly #stackBits = new Int32Array(maxDepth);
  readonly #open = new Int32Array(tagCount);
  readonly #one: number[] = [0];
  #depth = 0;
  #tooDeep = 0;
  #node = 0;
  #hidden = 0;
  #pre = 0;
  #links = 0;
  /** The text since the last boundary. */
  #raw = "";
  #linked = 0;
  #breaks = 0;
  #hasBreaks = false;
  #apart = false;
  #title = "";
  #inTitle = false;

  #flush(): void {
    if (this.#raw === "") return;
    const pre = this.#pre > 0;
    const text = pre ? this.#raw.replaceAll(brMark, "\n").replace(/^(?:[ \t\r]*\n)+|\s+$/g, "") : tidy(this.#raw, this.#hasBreaks);
    if (text !== "") {
      this.segments.push({ text, node: this.#node, linked: Math.min(this.#linked, text.length), apart: this.#apart, pre });
      this.#apart = false;
    }
    this.#raw = "";
    this.#linked = 0;
    this.#breaks = 0;
    this.#hasBreaks = false;
  }

  #pop(): void {
    this.#depth--;
    const b = this.#stackBits[this.#depth]!;
    if (b & bit.block) this.#flush();
    this.#open[this.#stackTag[this.#depth]!]!--;
    if (b & bit.hidden) this.#hidden--;
    if (b & bit.pre) this.#pre--;
    // Nor does a link whose end is missing go on beyond its cell.
    if (b & bit.wall) this.#links = 0;
    if (b & bit.apart) this.#apart = true;
    this.#node = this.#depth > 0 ? this.#stackNode[this.#depth - 1]! : 0;
  }

  #push(id: number, b: number): void {
    if (this.#depth === maxDepth) {
      this.#tooDeep++;
      return;
    }
    if (b & bit.block && !this.#hidden && !(b & bit.hidden)) {
      this.parent.push(this.#node);
      this.tag.push(id);
      this.bits.push(b);
      this.#node = this.parent.length - 1;
    }
    this.#stackTag[this.#depth] = id;
    this.#stackNode[this.#depth] = this.#node;
    this.#stackBits[this.#depth] = b;
    this.#depth++;
    this.#open[id]!++;
    if (b & bit.hidden) this.#hidden++;
    if (b & bit.pre) this.#pre++;
  }

  /** Closes up to the nearest open element of `ids`, if none of `until` (or a wall) is nearer. */
  #closeTo(ids: readonly number[], until: readonly number[] | undefined): boolean {
    if (!ids.some(id => this.#open[id]! > 0)) return false;
    for (let i = this.#depth - 1; i >= 0; i--) {
      const t = this.#stackTag[i]!;
      if (ids.includes(t)) {
        while (this.#depth > i) this.#pop();
        return true;
      }
      if (until ? until.includes(t) : this.#stackBits[i]! & bit.wall) return false;
    }
    return false;
  }

  startTag(known: ListedTag, more: number): void {
    const { id } = known;
    if (id === lineBreak) this.#breakLine();
    else if (id === anchorTag) this.#links = more & bit.link;
    else {
      const b = known.bits | more;
      if (b & bit.block) this.#startBlock(id, b);
      if (!(known.bits & bit.empty)) this.#push(id, b);
    }
  }

  #breakLine(): void {
    if (this.#hidden) return;
    if (++this.#breaks >= 2 && this.#pre === 0) {
      this.#flush();
      this.#apart = true;
    } else {
      this.#raw += brMark;
      this.#hasBreaks = true;
    }
  }

  #startBlock(id: number, b: number): void {
    // A list of choices whose end is missing does not swallow the page.
    if (this.#open[chooser]! > 0) this.#closeTo(choosers, undefined);
    if (!this.#hidden) this.#flush();
    if (b & bit.apart) this.#apart = true;
    if (this.#depth > 0 && this.#stackTag[this.#depth - 1] === paragraph) this.#pop();
    const rule = closes.get(id);
    if (rule) this.#closeTo(rule.open, rule.until);
  }

  endTag(name: string): void {
    if (name === "title") this.#inTitle = false;
    const known = tagTable.get(name);
    if (known === undefined || known.bits & bit.empty) {
      if (known?.id === lineBreak) this.startTag(known, 0);
      return;
    }
    const { id } = known;
    if (id === anchorTag) {
      this.#links = 0;
      return;
    }
    if (this.#tooDeep > 0) {
      this.#tooDeep--;
      if (known.bits & bit.block && !this.#hidden) this.#flush();
      return;
    }
    this.#one[0] = id;
    // A table's end is looked for beyond its cells, a cell's within its table, all others within their cell.
    const closed = this.#closeTo(this.#one, id === tableTag ? [] : known.bits & bit.wall || id === rowTag ? inTable : undefined);
    if (!closed && known.bits & bit.block && !this.#hidden) {
      this.#flush();
      if (id === paragraph) this.#apart = true;
    }
  }

  /** Text from here on is the title, where the page has none yet. */
  startTitle(): void {
    if (this.#title === "" && this.#hidden === 0) this.#inTitle = true;
  }

  /** Do breaks that followed one another end here? */
  endBreaks(evenHidden: boolean): void {
    if (evenHidden || !this.#hidden) this.#breaks = 0;
  }
  get hasBreaks(): boolean {
    return this.#breaks > 0;
  }

  addText(text: string): void {
    if (this.#inTitle) {
      if (this.#title.length < 1000) this.#title += text;
      return;
    }
    if (this.#hidden) return;
    this.#raw += text;
    if (this.#links) this.#linked += text.length;
  }

  finish(language: string | undefined): Page {
    this.#inTitle = false;
    this.#flush();
    const { segments, parent, tag, bits } = this;
    return { title: tidy(this.#title, false), language, segments, parent, tag, bits };
  }
}

/** A start tag under way: what its attributes add to the element, and the page's language. */
class StartTag {
  current: ListedTag | undefined;
  extra = 0;
  language: string | undefined;
  #attribute = "";
  #value = "";

  begin(name: string): void {
    this.current = tagTable.get(name);
    this.extra = 0;
  }

  beginAttribute(html: string, start: number, end: number): void {
    const { current } = this;
    this.#attribute =
      current !== undefined && current.bits & (bit.block | bit.link) && end - start <= 11 ? html.slice(start, end).toLowerCase() : "";
    this.#value = "";
  }

  addValue(html: string, start: number, end: number): void {
    if (this.#attribute !== "" && this.#value.length < maxAttribute) this.#value += html.slice(start, Math.min(end, start + maxAttribute));
  }

  endAttribute(): void {
    const value = this.#value;
    switch (this.#attribute) {
      case "class":
      case "id":
        if (aroundName.test(value)) this.extra |= bit.around;
        if (mainName.test(value)) this.extra |= bit.main;
        break;
      case "role":
        if (aroundRole.test(value)) this.extra |= bit.around;
        else if (value === "main" || value === "article") this.extra |= bit.main;
        break;
      case "itemprop":
        if (/^articlebody$/i.test(value)) this.extra |= bit.main;
        break;
      case "style":
        if (hiddenStyle.test(value)) this.extra |= bit.hidden;
        break;
      case "href":
        this.extra |= bit.link;
        break;
      case "hidden":
        this.extra |= bit.hidden;
        break;
      case "aria-hidden":
        if (value === "true") this.extra |= bit.hidden;
        break;
      case "lang":
        this.language ??= value || undefined;
        break;
    }
    this.#attribute = "";
  }
}

/** Reads a page. Linear in its length; never throws. */
export function readPage(html: string): Page {
  const page = new PageBuilder();
  const tag = new StartTag();
  const tokenizer = new Tokenizer(
    { decodeEntities: true },
    {
      ontext(start, end) {
        const text = html.slice(start, end);
        if (page.hasBreaks && notBlank.test(text)) page.endBreaks(false);
        page.addText(text);
      },
      ontextentity(code) {
        if (page.hasBreaks && code !== 160) page.endBreaks(true);
        page.addText(String.fromCodePoint(code));
      },
      onopentagname: (start, end) => tag.begin(html.slice(start, end).toLowerCase()),
      onattribname: (start, end) => tag.beginAttribute(html, start, end),
      onattribdata: (start, end) => tag.addValue(html, start, end),
      onattribentity() {},
      onattribend: () => tag.endAttribute(),
      onopentagend() {
        if (tag.current === undefined) return;
        if (tag.current.id === titleTag) page.startTitle();
        page.startTag(tag.current, tag.extra);
      },
      onselfclosingtag() {
        if (tag.current !== undefined) page.startTag(tag.current, tag.extra);
      },
      onclosetag: (start, end) => page.endTag(html.slice(start, end).toLowerCase()),
      oncomment() {},
      ondeclaration() {},
      onprocessinginstruction() {},
      oncdata: (start, end) => page.addText(html.slice(start, end)),
      onend() {},
    },
  );
  tokenizer.write(html);
  tokenizer.end();
  return page.finish(tag.language);
}
