import fc from "fast-check";
import { expect, test } from "vitest";
import { pageText } from "./main-text.ts";

const main = (html: string) => pageText(html).text;
const all = (html: string) => pageText(html, "all").text;
const sentence = (n: number) => `Sentence ${n} of the report tells in plain words what the people of the town did that day.`;
const prose = (from: number, n: number) =>
  Array.from({ length: n }, (_, i) => `<p>${sentence(from + i)} ${sentence(from + i)}</p>`).join("\n");

const around = {
  nav: '<nav><ul><li><a href="/">Home</a><li><a href="/news">News</a><li>Plain menu words</ul></nav>',
  script: '<script>var hidden = "<p>not text</p>"; if (a < b) { }</script><style>p { color: red }</style>',
  header: '<header><a href="/">The Daily Example</a> <span>Tuesday edition, price two shillings</span></header>',
  aside: `<aside><h3>More stories</h3><p>${sentence(900)}</p></aside>`,
  footer: "<footer><p>Copyright by the publishers of the example, who keep all the rights there are.</p></footer>",
  form: '<form action="/s">Search this site <input name="q"><select><option>Everywhere<option>Here</select></form>',
  byName: `<div class="sidebar left"><p>${sentence(901)}</p></div><div id="cookie-consent">We use cookies to make this a better place for you.</div>`,
  byRole: `<div role="navigation">Skip to the contents of this page</div>`,
  hidden: `<div style="display: none"><p>${sentence(902)}</p></div><p hidden>${sentence(903)}</p>`,
  links: `<div>${Array.from({ length: 12 }, (_, i) => `<div><a href="/${i}">Linked story number ${i}</a></div>`).join("")}</div>`,
};

test("of a page only its content stays, whatever parts stand around it and wherever", () => {
  const parts = Object.values(around);
  fc.assert(
    fc.property(fc.subarray(parts), fc.subarray(parts), fc.boolean(), fc.integer({ min: 3, max: 12 }), (before, after, named, n) => {
      const body = prose(1, n);
      const content = named ? `<article>${body}</article>` : `<div><div>${body}</div></div>`;
      const html = `<html><head><title>T</title></head><body>${before.join("\n")}${content}${after.join("\n")}</body></html>`;
      expect(main(html)).toBe(main(body));
      expect(main(body).match(/Sentence/g)).toHaveLength(2 * n);
    }),
  );
});

test("paragraphs, headings, lists, tables and preformatted lines keep their lines", () => {
  const html = `<h1>Title</h1><p>One   two\nthree<br>four</p><p>Caf&eacute; &amp; &#8364;&nbsp;5</p><ul><li>first<li>second <b>b</b>old</ul>
    <table><tr><th>Name<th>Age</tr><tr><td>Ann</td><td>7</td></tr></table><pre>a\n  b</pre><blockquote>said</blockquote>`;
  const text = "Title\n\nOne two three\nfour\n\nCafé & € 5\n\n- first\n- second bold\n\nName | Age\nAnn | 7\n\na\n  b\n\nsaid";
  expect(main(html)).toBe(text);
  expect(all(html)).toBe(text);
});

test("`all` keeps every visible word in order, `main` a part of them in the same order", () => {
  const word = fc.stringMatching(/^[a-z]{1,9}$/);
  const tag = fc.constantFrom("p", "div", "td", "table", "tr", "li", "ul", "b", "nav", "h2", "center", "form", "article", "a");
  const piece = fc.oneof(
    word,
    tag.map(t => `<${t}>`),
    tag.map(t => `</${t}>`),
    fc.constant("<br>"),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 60 }), pieces => {
      const html = pieces.join(" ");
      const words = pieces.filter(p => !p.startsWith("<"));
      const seen = all(html)
        .split(/[\s|-]+/)
        .filter(w => w !== "");
      expect(seen).toEqual(words);
      let at = 0;
      for (const w of main(html)
        .split(/[\s|-]+/)
        .filter(w => w !== "")) {
        at = words.indexOf(w, at) + 1;
        expect(at).toBeGreaterThan(0);
      }
    }),
  );
});

test("a page where nothing reads like content is given whole rather than empty", () => {
  expect(main("<div>Short.</div>")).toBe("Short.");
  expect(main('<ul><li><a href="a">One link</a><li><a href="b">Two link</a></ul>')).toBe("- One link\n- Two link");
  expect(main("<nav>Only a menu</nav>")).toBe("Only a menu");
  expect(main("")).toBe("");
});

test("a link within running text stays; a link list in it goes", () => {
  const html = `${prose(1, 4)}<p><a href="x">Read the second part</a></p>${prose(5, 2)}<ul>${'<li><a href="y">Elsewhere</a>'.repeat(4)}</ul>`;
  expect(main(html)).toContain("Read the second part");
  expect(main(html)).not.toContain("Elsewhere");
});

test("the headline stays though it stands above the text's element; the article's own header too", () => {
  const page = (body: string) => `<title>A Great Day - Example</title>${body}`;
  expect(main(page(`<div><h1>A Great Day</h1></div><main>${prose(1, 5)}</main>`))).toMatch(/^A Great Day\n\nSentence 1/);
  expect(main(page(`<article><header><h1>A Great Day</h1><p>by Ann</p></header>${prose(1, 5)}</article>`))).toMatch(
    /^A Great Day\n\nby Ann/,
  );
});

test("a site's name above a text that has its own headline is not taken for one", () => {
  const html = `<title>A Great Day - Example</title><div><h1>Example</h1></div><main><h1>A Great Day</h1>${prose(1, 5)}</main>`;
  expect(main(html)).toMatch(/^A Great Day\n\nSentence 1/);
});

test("title and language are the page's own", () => {
  const html = '<html lang="de-AT"><head><title> Ein\n Tag &amp; mehr </title></head><svg><title>icon</title></svg><p>Text</p>';
  expect(pageText(html)).toEqual({ text: "Text", title: "Ein Tag & mehr", language: "de-AT" });
});

test("end tags that are missing or crossed lose no text", () => {
  expect(all("<table><tr><td>a<td>b<tr><td>c</table>d")).toBe("a | b\nc\n\nd");
  expect(all("<div><table><tr><td>x</div>y</td></tr></table>z</div>w")).toBe("x\ny\n\nz\nw");
  expect(all("<select><option>one<p>after")).toBe("after");
  expect(all("<p>a<p>b</p></p>c")).toBe("a\n\nb\n\nc");
  expect(all("<a href=x>link <table><tr><td>cell</table> more")).toContain("more");
});

const big = 1_000_000;
const hostile: readonly (readonly [string, string])[] = [
  ["a million <", "<".repeat(big)],
  ["a million </", "</".repeat(big / 2)],
  ["100,000 open div", `${"<div>".repeat(100_000)}deep`],
  ["100,000 open div closed by others", `<section><table>${"<div>".repeat(100_000)}deep${"</section>".repeat(100_000)}`],
  ["100,000 nested tables", `${"<table><tr><td>".repeat(100_000)}deep`],
  ["100,000 open spans closed as b", `${"<span>".repeat(100_000)}deep${"</b>".repeat(100_000)}`],
  ["100,000 list items", `<ul>${"<li>deep".repeat(100_000)}`],
  ["200,000 br", `${"deep<br>".repeat(100_000)}${"<br>".repeat(100_000)}`],
  ["an endless attribute", `<p class="${"a ".repeat(big / 2)}">deep`],
  ["200,000 attributes", `<p ${"a=1 ".repeat(200_000)}>deep`],
  ["an open comment", `deep<!--${"- ->".repeat(big / 4)}`],
  ["an open script", `deep<script>${"</scrip>".repeat(big / 8)}`],
  ["200,000 broken entities", `deep${"&#x;&".repeat(200_000)}`],
  ["NUL bytes", `deep${"\0".repeat(big)}`],
  ["white space", `deep${" \n".repeat(big / 2)}`],
  ["200,000 navs", `${"<nav>".repeat(100_000)}${"<nav>x</nav>".repeat(20_000)}deep`],
];
test.each(hostile)("%s: no throw, no overflow, text where there is one", (_, html) => {
  const text = main(html);
  if (html.includes("deep")) expect(text).toContain("deep");
});

test("no markup throws", () => {
  const piece = fc.oneof(
    fc.constantFrom(
      "<p>",
      "</p>",
      "<td",
      "</",
      "<!--",
      "<script>",
      "<pre>",
      "<li>",
      "<br/>",
      "&#x;",
      "]]>",
      "<",
      "<title>",
      "<svg>",
      "='\"",
      ">",
      "<![CDATA[",
    ),
    fc.string(),
    fc.constantFrom("\ud800", "\udfff", "\u0000", "\u2028", "\ufeff"),
  );
  fc.assert(
    fc.property(fc.array(piece), pieces => {
      for (const extract of ["main", "all"] as const) expect(typeof pageText(pieces.join(""), extract).text).toBe("string");
    }),
  );
});
