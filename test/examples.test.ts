import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { findProject } from "../src/project/project-file.ts";

const place = (name: string) => fileURLToPath(new URL(`../examples/${name}`, import.meta.url));
/** What a script of an example writes. */
function made<T>(script: string, file: string): T[] {
  execFileSync(process.execPath, [place(script)], { stdio: "ignore" });
  const lines = readFileSync(place(file), "utf8").trim().split("\n");
  return lines.map(line => JSON.parse(line) as T);
}
const countsOf = (values: readonly string[]) => values.reduce((m, v) => m.set(v, (m.get(v) ?? 0) + 1), new Map<string, number>());

test("languages: windows of whole words of nearly every article in each language, no window of a language twice", () => {
  const windows = made<{ text: string; language: string; article: string }>("languages/make-windows.js", "languages/data/windows.jsonl");
  expect(countsOf(windows.map(w => w.language)).size).toBe(69);
  expect([...countsOf(windows.map(w => `${w.language} ${w.text.toLowerCase()}`)).values()].every(n => n === 1)).toBe(true);
  const articles = countsOf([...countsOf(windows.map(w => `${w.language} ${w.article}`)).keys()].map(key => key.split(" ")[0]!));
  for (const [language, count] of articles) expect(count, language).toBeGreaterThanOrEqual(28);
  for (const { text } of windows) {
    expect(text).toBe(text.trim());
    expect(text.length).toBeLessThanOrEqual(30);
    expect(text).not.toMatch(/[<>]|&\w+;/);
  }
});

test("languages: queries are articles in 68 languages, and the document that answers each is there in English", () => {
  const queries = made<{ id: string; text: string; language: string; article: string }>(
    "languages/make-articles.js",
    "languages/tasks/articles/queries.jsonl",
  );
  const corpus = made<{ _id: string; text: string }>("languages/make-articles.js", "languages/tasks/articles/corpus.jsonl");
  expect(corpus.map(d => d._id)).toEqual(Array.from({ length: 30 }, (_, i) => String(i + 1)));
  expect(corpus[0]!.text).toMatch(/^All human beings are born free and equal/);
  expect(new Set(queries.map(q => q.id)).size).toBe(queries.length);
  const counts = countsOf(queries.map(q => q.language));
  expect([counts.size, counts.has("eng")]).toEqual([68, false]);
  expect(Math.min(...counts.values())).toBeGreaterThanOrEqual(28);
  const english = new Map(corpus.map(d => [d._id, d.text]));
  for (const q of queries) {
    expect(q.text).not.toMatch(/[<>]|&\w+;/);
    expect(q.text).not.toBe(english.get(q.article));
  }
});

test("genre: eight passages of each of the 500 texts, without tags", () => {
  const passages = made<{ text: string; genre: string; source: string }>("genre/make-passages.js", "genre/data/passages.jsonl");
  expect(new Set(passages.map(p => p.genre)).size).toBe(15);
  const counts = [...countsOf(passages.map(p => p.source)).values()];
  expect(counts.length).toBe(500);
  expect(counts.every(n => n === 8)).toBe(true);
  expect(passages.filter(p => /\b(the\/at|of\/in|and\/cc)\b/.test(p.text))).toEqual([]);
});

test("moderation: comments that differ, with each label alone, together and absent", () => {
  type Comment = { text: string } & Record<"insult" | "threat" | "spam", boolean>;
  const comments = made<Comment>("moderation/make-comments.js", "moderation/data/comments.jsonl");
  expect([comments.length, new Set(comments.map(c => c.text)).size]).toEqual([1200, 1200]);
  const held = countsOf(comments.map(({ insult, threat, spam }) => `${Number(insult)}${Number(threat)}${Number(spam)}`));
  for (const labels of ["000", "100", "010", "001", "110", "011"]) expect(held.get(labels), labels).toBeGreaterThan(10);
  // the words of a threat do not tell it
  expect(comments.some(c => /\bkill\b/.test(c.text) && !c.threat)).toBe(true);
});

test.each(["languages", "genre", "moderation"])("%s: its project file is right", name => {
  expect(findProject(place(name)).config.name).toBe(name);
});
