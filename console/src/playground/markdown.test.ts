import fc from "fast-check";
import { expect, test } from "vitest";
import { type Block, type Inline, inlineRuns, parseMarkdown } from "./markdown.ts";

const runsOf = (b: Block): readonly Inline[] => (b.kind === "code" ? [] : b.kind === "list" ? b.items.flat() : b.runs);

test("blocks and runs are read as CommonMark has them", () => {
  const text =
    "# Plan\n\nUse **two** `cores`,\nthen *wait*.\n\n1. one\n2. two\n\n- [docs](https://example.org/a)\n\n> said\n\n```ts\nconst a = 1;\n\n```\nend";
  expect(parseMarkdown(text)).toEqual([
    { kind: "heading", level: 1, runs: [{ kind: "text", text: "Plan" }] },
    {
      kind: "paragraph",
      runs: [
        { kind: "text", text: "Use " },
        { kind: "strong", text: "two" },
        { kind: "text", text: " " },
        { kind: "code", text: "cores" },
        { kind: "text", text: ",\nthen " },
        { kind: "emphasis", text: "wait" },
        { kind: "text", text: "." },
      ],
    },
    { kind: "list", isOrdered: true, start: 1, items: [[{ kind: "text", text: "one" }], [{ kind: "text", text: "two" }]] },
    { kind: "list", isOrdered: false, start: 1, items: [[{ kind: "link", text: "docs", href: "https://example.org/a" }]] },
    { kind: "quote", runs: [{ kind: "text", text: "said" }] },
    { kind: "code", text: "const a = 1;\n", language: "ts" },
    { kind: "paragraph", runs: [{ kind: "text", text: "end" }] },
  ]);
});

test("a link is followed by http, https and mailto alone; another one is text", () => {
  for (const href of ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "//evil.example", "JaVaScRiPt:x"])
    expect(inlineRuns(`[a](${href})`)).toEqual([{ kind: "text", text: `[a](${href})` }]);
  expect(inlineRuns("[a](mailto:a@b.c)")[0]).toMatchObject({ kind: "link" });
});

test("HTML stays text, whatever surrounds it", () => {
  expect(parseMarkdown("<img src=x onerror=alert(1)>")).toEqual([
    { kind: "paragraph", runs: [{ kind: "text", text: "<img src=x onerror=alert(1)>" }] },
  ]);
});

test("no text is lost and none invented: words of any document are in its blocks, in their order", () => {
  const line = fc.array(fc.constantFrom("a", "bb", "*", "**", "`", "#", "- ", "1. ", "> ", "[x](https://e.org)", " ", "```", "<b>"), {
    maxLength: 8,
  });
  fc.assert(
    fc.property(fc.array(line, { maxLength: 12 }), lines => {
      const text = lines.map(l => l.join("")).join("\n");
      const letters = (t: string) => t.replace(/[^ab]/g, "");
      const shown = parseMarkdown(text).map(b =>
        b.kind === "code"
          ? b.text
          : runsOf(b)
              .map(r => r.text)
              .join(""),
      );
      // a language of a fence is no text
      const plain = text.replace(/^ {0,3}```[ \t]*[\w+#.-]+[ \t]*$/gm, "```");
      expect(letters(shown.join(""))).toBe(letters(plain));
    }),
  );
});
