/**
 * What each HTML element means for the text of a page, as one table of bits. Elements that are not listed (b, font, span ...) are inline:
 * they neither part texts nor hold any.
 */

export const bit = {
  /** Nobody sees what is in it. */
  hidden: 1,
  /** Stands on lines of its own; a node of the tree. */
  block: 2,
  /** Has no end tag. */
  empty: 4,
  /** An empty line around it. */
  apart: 8,
  heading: 16,
  item: 32,
  cell: 64,
  /** Holds what is around a text more often than a text. */
  around: 128,
  /** Says that the text is in it. */
  main: 256,
  link: 512,
  /** White space counts. */
  pre: 1024,
  /** An end tag inside it closes nothing outside it. */
  wall: 2048,
  quote: 4096,
} as const;

const rows: readonly (readonly [bits: number, names: string])[] = [
  [
    bit.hidden,
    "script style title noscript noframes template iframe object applet svg math select textarea button audio video canvas map datalist",
  ],
  [bit.empty, "area base basefont bgsound col embed frame img input link meta param source spacer track wbr"],
  [bit.empty, "br"],
  [bit.block | bit.empty | bit.apart, "hr"],
  [
    bit.block,
    "address body center dd details dir div dl dt fieldset figcaption figure frameset html legend menu section summary tbody tfoot thead hgroup",
  ],
  [bit.block | bit.apart, "p ol ul"],
  [bit.block | bit.apart | bit.quote, "blockquote"],
  [bit.block | bit.apart | bit.heading, "h1 h2 h3 h4 h5 h6"],
  [bit.block | bit.item, "li"],
  [bit.block | bit.wall | bit.apart, "table"],
  [bit.block, "tr"],
  [bit.block | bit.wall | bit.cell, "td th"],
  [bit.block | bit.wall, "caption"],
  [bit.block | bit.apart | bit.pre, "pre listing xmp plaintext"],
  [bit.block | bit.around, "nav aside footer header form"],
  [bit.block | bit.main, "article main"],
  [bit.link, "a"],
];

/** Number and bits of every known element. Number 0 is every other one. */
export const tagTable: ReadonlyMap<string, { readonly id: number; readonly bits: number }> = new Map(
  rows
    .flatMap(([bits, names]) => names.split(" ").map(name => [name, bits] as const))
    .map(([name, bits], i) => [name, { id: i + 1, bits }]),
);
export const tagCount = tagTable.size + 1;

const idOf = (name: string): number => tagTable.get(name)!.id;
const ids = (names: string): readonly number[] => names.split(" ").map(idOf);

/** A start tag that closes an open one whose end tag was left out, unless one of `until` stands between (HTML, optional tags). */
export const closes: ReadonlyMap<number, { readonly open: readonly number[]; readonly until: readonly number[] }> = new Map([
  ...ids("li").map(id => [id, { open: ids("li"), until: ids("ul ol menu dir td th table") }] as const),
  ...ids("dd dt").map(id => [id, { open: ids("dd dt"), until: ids("dl td th table") }] as const),
  ...ids("tr tbody tfoot thead").map(id => [id, { open: ids("tr caption"), until: ids("table") }] as const),
  ...ids("td th").map(id => [id, { open: ids("td th"), until: ids("tr table") }] as const),
]);
export const paragraph = idOf("p");
export const lineBreak = idOf("br");
export const tableTag = idOf("table");
export const rowTag = idOf("tr");
export const chooser = idOf("select");
export const anchorTag = idOf("a");
export const navigation = idOf("nav");
export const header = idOf("header");
export const heading1 = idOf("h1");
/** Elements that are the page. */
export const pageTags: ReadonlySet<number> = new Set(ids("html body"));
