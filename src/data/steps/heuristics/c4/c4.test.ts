import { expect, test } from "vitest";
import { c4 } from "./c4.ts";

const apply = (text: string, given: object = {}) => c4.apply({ id: "a", text, source: "s", attributes: {} }, c4.options.parse(given));
const lines = (n: number) => Array.from({ length: n }, (_, i) => `This is line number ${i}.`);
const kept = (text: string, given: object = {}) => apply(text, { minSentences: null, ...given }).text ?? text;

test("a text of five sentences stays as it is, one of four goes, and nothing of it is edited", () => {
  expect(apply(lines(5).join("\n"))).toEqual({
    verdicts: expect.arrayContaining([{ rule: "sentences", keep: true, value: 5, threshold: 5 }]),
  });
  const { verdicts, text, edits } = apply(`${lines(4).join("\n")}\nmenu`);
  expect(verdicts).toContainEqual({ rule: "sentences", keep: false, value: 4, threshold: 5 });
  expect([text, edits]).toEqual([undefined, undefined]);
});

test("each line rule takes its lines, says how many, and leaves them when it is off", () => {
  const good = lines(5).join("\n");
  const cases: [line: string, rule: string, off: object][] = [
    ["A menu without an end", "no-end-mark", { endMarks: false }],
    ["It goes on and on...", "no-end-mark", { endMarks: false }],
    ["Too short.", "few-words", { minWordsPerLine: null }],
    [`A word of ${"w".repeat(1001)} letters.`, "long-words", { maxWordLength: null }],
    ["Please turn on JavaScript now.", "javascript", { javascript: false }],
    ["This page uses Cookies a lot.", "policy", { policies: false }],
    ["Read our Terms of Use here.", "policy", { policies: false }],
  ];
  for (const [line, rule, off] of cases) {
    expect(apply(`${good}\n${line}\n${line}`)).toMatchObject({ text: good, edits: [{ rule, value: 2 }] });
    expect(kept(`${good}\n${line}`, off)).toBe(`${good}\n${line}`);
  }
  expect(kept(`A word of ${"w".repeat(1000)} letters.`)).toContain("wwww");
});

test("placeholder text and code drop the document, where they stand in a line that stays", () => {
  const good = lines(5).join("\n");
  for (const [line, rule, option] of [
    ["Here is Lorem Ipsum for you.", "lorem-ipsum", "maxLoremIpsumLines"],
    ["Here is a { for you.", "curly-brackets", "maxCurlyBracketLines"],
  ] as const) {
    expect(apply(`${good}\n${line}`).verdicts).toContainEqual({ rule, keep: false, value: 1, threshold: 0 });
    expect(apply(`${good}\n${line.slice(0, -1)}`).verdicts!.every(v => v.keep)).toBe(true);
    expect(apply(`${good}\n${line}`, { [option]: 1 }).verdicts!.every(v => v.keep)).toBe(true);
    expect(apply(`${good}\n${line}`, { [option]: null }).verdicts!.map(v => v.rule)).not.toContain(rule);
  }
});

test("citation marks are taken out, of other brackets none", () => {
  expect(apply(`${lines(5).join("\n")}\nSo [1] they said [edit] it [citation needed] was [12a].`)).toMatchObject({
    text: `${lines(5).join("\n")}\nSo  they said  it  was [12a].`,
    edits: [{ rule: "citations", value: 3 }],
  });
  expect(kept("So [1] they said it.", { citations: false })).toBe("So [1] they said it.");
});

test("line ends of any kind become line feeds, and white space at the edges of lines goes", () => {
  expect(kept("  This is one line. \r\n\tThat is another one.\u2028")).toBe("This is one line.\nThat is another one.");
});
