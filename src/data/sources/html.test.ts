import fc from "fast-check";
import { expect, test } from "vitest";
import { htmlToText, markupStart } from "./html.ts";

test("blocks are lines, paragraphs are apart, white space collapses, entities are characters", () => {
  const rows: [string, string][] = [
    ["<p>One   two\nthree</p><p>Four</p>", "One two three\n\nFour"],
    ["a<br>b<br><br><br>c", "a\nb\n\nc"],
    ["<div>x</div><div>y</div>", "x\ny"],
    ["<table><tr><td>1</td><td>2</td></tr><tr><td>3</td></tr></table>", "1 2\n3"],
    ["<ul><li>a<li>b</ul>", "- a\n- b"],
    ["<pre>  two\n    lines</pre>", "two\n    lines"],
    ["caf&eacute; &amp; &#8364; &#xD800; &nbsp; x&nbsp;y", "café & € \ufffd x y"],
    ['see <a href="http://x">this <b>link</b></a>, now', "see this link, now"],
    ["a<b>b</b>c", "abc"],
    ["<title>t</title><style>s</style><script>x()</script><!-- c -->text<noscript>n</noscript>", "text"],
  ];
  for (const [html, text] of rows) expect(htmlToText(html), html).toBe(text);
});

test("no markup throws, and text without markup keeps its words in order", () => {
  const piece = fc.oneof(
    fc.constantFrom("<p>", "</p>", "<td", "</", "<!--", "<script>", "<pre>", "<li>", "<br/>", "&#x;", "]]>", "<"),
    fc.string(),
  );
  fc.assert(
    fc.property(fc.array(piece), pieces => {
      expect(typeof htmlToText(pieces.join(""))).toBe("string");
    }),
  );
  fc.assert(
    fc.property(fc.array(fc.stringMatching(/^[a-z]{1,9}$/), { minLength: 1 }), words => {
      expect(htmlToText(words.join(" \n"))).toBe(words.join(" "));
    }),
  );
});

test("a page nested without end keeps its text and takes no time that grows with its square", () => {
  // The parser alone needs minutes for each of these.
  for (const html of [`${"<b>".repeat(300_000)}deep${"</i>".repeat(300_000)}`, `${"<div>".repeat(500_000)}deep`])
    expect(htmlToText(html)).toBe("deep");
});

test("markup at the start of a plain text is a page, an example further down is not", () => {
  const page = "<html><body><p>a</p></body></html>";
  expect(markupStart(page)).toBe(0);
  expect(markupStart(`Hello\n\n${page}`)).toBe(7);
  expect(markupStart(`${"A mail about HTML. ".repeat(30)}${page}`)).toBeUndefined();
  expect(markupStart("I like <b>bold</b> words")).toBeUndefined();
});
