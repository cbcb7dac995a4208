import { expect, test } from "vitest";
import { chatTemplate, trainBpe } from "../../text/index.ts";
import { encodeExamples, previewOf, previewPieces, type TuneText } from "../../tune/index.ts";
import { previewPage } from "./preview-page.ts";

const tokenizer = trainBpe(["who is the cat? the cat is a friend of the dog\n"], { vocab: 300, minFrequency: 1 });
const end = tokenizer.idOf("<|end|>")!;
const text: TuneText & { readonly tokenizer: typeof tokenizer } = {
  tokenizer,
  chatTemplate: chatTemplate(),
  startToken: end,
  stopTokens: [end],
};
const chat = (user: string, assistant: string, line: number) => ({
  place: `chats.jsonl:${line}`,
  example: {
    kind: "chat" as const,
    messages: [
      { role: "user", content: user },
      { role: "assistant", content: assistant },
    ],
    trained: [1],
  },
});

function pageOf(examples: readonly ReturnType<typeof chat>[], { length = 256, number = 20 } = {}) {
  const all = encodeExamples(text, examples, { length, long: "cut" });
  const shown = all.encoded.slice(0, number);
  const preview = previewOf(text, all, shown);
  const pieces = shown.map(e => previewPieces(text, e));
  const page = previewPage({ what: "<chats>.jsonl", model: "toy@1", format: "openai", preview, pieces, problems: all.problems });
  return { page, preview, problems: all.problems };
}
const tokensIn = (page: string, kind: string): number =>
  [...page.matchAll(/title="[^"]*: id ([\d, ]+), (\w+)"/g)].filter(m => m[2] === kind).reduce((n, m) => n + m[1]!.split(", ").length, 0);

test("every token of every example shown is a box, in colour exactly where it is trained, and the counts are those of all examples", () => {
  const { page, preview } = pageOf(
    [chat("who is the cat?", "a friend 🐈", 1), chat("and the dog?", "the cat", 2), chat("who?", "a dog", 3)],
    {
      number: 2,
    },
  );
  const sum = (of: (e: (typeof preview.shown)[number]) => number) => preview.shown.reduce((n, e) => n + of(e), 0);
  expect(tokensIn(page, "trained")).toBe(sum(e => e.trained));
  expect(tokensIn(page, "read")).toBe(sum(e => e.tokens - e.trained));
  expect([...page.matchAll(/<b[ >][^>]*title="[^"]*, trained"/g)].length).toBe([...page.matchAll(/, trained"/g)].length);
  // both turns of both, and the beginning
  expect([...page.matchAll(/<[bi] class="s" title/g)].length).toBeGreaterThanOrEqual(4);
  expect(page).toContain(`<dd>${preview.tokens}</dd>`);
  expect(page).toContain(`<dd>${preview.trainedTokens} `);
  expect(page).toContain("2 of 3 examples are shown");
});

test("texts are shown and never run, what cannot be seen is drawn, and nothing is loaded from anywhere", () => {
  const { page } = pageOf([chat('<script>alert(1)</script><img src="https://x.example/a.png">', "a\u202Ebc\u0007 & \"d'\nno\ttab", 1)]);
  const body = page.slice(page.indexOf("<body>"));
  expect(body).not.toMatch(/<(?!\/?(?:body|html|h1|h2|p|dl|div|dt|dd|small|section|span|pre|b|i|code|ul|li)[ >/]|!--)/);
  expect(page).not.toMatch(/<script|<img|<link|@import|url\(/);
  for (const unseen of ["\u202e", "\u0007"]) expect(page).not.toContain(unseen);
  const plain = body.replaceAll(/<[^>]+>/g, "");
  expect(plain).toContain("⟨U+202E⟩");
  expect(plain).toContain("␇");
  expect(plain).toMatch(/⏎\nno⇥\ttab/);
});

test("what was cut off, and what cannot be trained on, is told with its place", () => {
  const length = 24;
  const { page, preview, problems } = pageOf(
    [chat("who?", "a friend of the dog ".repeat(8), 1), chat("who is the cat? ".repeat(20), "a", 2)],
    {
      length,
    },
  );
  expect([preview.cut, problems.length]).toEqual([1, 1]);
  expect(page).toContain(`cut here: ${preview.shown[0]!.cut} tokens more, not learnt`);
  expect(page).toContain("1 cut: their end is not learnt; 1 cannot be trained on.");
  expect(page).toMatch(/<li>[^<]*chats\.jsonl:2[^<]*<\/li>/);
});
