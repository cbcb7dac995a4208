/** The part `guards` of the file: what is wrong in it is told with its place, and what is decided by it has a version. */
// guards of private data load it when they are made: here it is loaded before any test
import "../../data/index.ts";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { checkConfig } from "../config/read-config.ts";
import { guardVersion } from "./version.ts";

const config = (guards: Record<string, unknown>, own: readonly string[] = [], folder = ".") =>
  checkConfig(
    { upstreams: { local: { url: "http://127.0.0.1:1/v1" } }, models: { chat: { targets: [{ upstream: "local" }], guards: own } }, guards },
    "gateway.yaml",
    folder,
  );

const words = { kind: "blocklist", words: ["bomb"] };
test.each<[string, Record<string, unknown>, readonly string[], string]>([
  ["an unknown kind", { a: { kind: "magic" } }, [], "guards.a"],
  ["an unknown option, with the right one", { a: { ...words, actoin: "mask" } }, [], 'Did you mean "action"'],
  [
    "a name that no guard has",
    { wordlist: words },
    ["wordlis"],
    'models.chat.guards[0]: expected a guard of this file (wordlist), got "wordlis". Did you mean',
  ],
  ["a default that no guard has", { default: ["x"] }, [], "guards.default[0]"],
  ["a guard called default", { default: words }, [], "guards.default"],
  ["a list in the place of a guard", { a: ["b"] }, [], "guards.a"],
  ["an empty list", { a: { kind: "blocklist" } }, [], "guards.a: expected words, files or patterns"],
  ["a word of which nothing can be seen", { a: { kind: "blocklist", words: ["ok", "\u200b"] } }, [], "guards.a.words[1]"],
  ["a pattern that looks ahead", { a: { kind: "blocklist", patterns: ["a(?=b)"] } }, [], "guards.a.patterns[0]"],
  ["a pattern that fits everywhere", { a: { kind: "blocklist", patterns: ["a*"] } }, [], "it is found everywhere"],
  ["a mask that would break JSON", { a: { ...words, action: "mask", mask: '"' } }, [], "guards.a.mask"],
  ["a file that is not there", { a: { kind: "blocklist", files: ["none.txt"] } }, [], "none.txt"],
  ["names without a model", { a: { kind: "private", types: ["name"] } }, [], "guards.a.types"],
  ["a model of names that is not there", { a: { kind: "private", names: { model: "no.bin" } } }, [], "guards.a.names.model"],
  ["a time without end", { a: { kind: "person", timeout: "48h" } }, [], "guards.a.timeout"],
])("%s is refused with its place", async (_, guards, own, why) => {
  await expect(config(guards, own)).rejects.toThrow(why);
});

test("a list may stand in files, with comments, and a word that is too long is told by its line", async () => {
  const folder = await mkdtemp(join(tmpdir(), "loam-guards-"));
  try {
    await writeFile(join(folder, "words.txt"), "# a list\nred fox  # an animal\n\nbomb\r\nC# code\n");
    const { routes } = await config({ a: { kind: "blocklist", files: ["words.txt"] } }, ["a"], folder);
    expect(routes.get("chat")!.guards.map(g => g.name)).toEqual(["a"]);
    await writeFile(join(folder, "words.txt"), `ok\n${"x".repeat(300)}\n`);
    await expect(config({ a: { kind: "blocklist", files: ["words.txt"] } }, ["a"], folder)).rejects.toThrow("words.txt line 2");
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test("a version changes with everything that decides, and with nothing else", async () => {
  const versionOf = async (guards: Record<string, unknown>, own: readonly string[]) =>
    guardVersion((await config(guards, own)).routes.get("chat")!);
  expect(await versionOf({ a: words }, [])).toBe("none");
  const base = await versionOf({ a: words, b: { kind: "person" } }, ["a", "b"]);
  expect(await versionOf({ b: { kind: "person" }, c: words, a: words }, ["a", "b"])).toBe(base);
  const others = [
    await versionOf({ a: words, b: { kind: "person" } }, ["b", "a"]),
    await versionOf({ a: words, b: { kind: "person" } }, ["a"]),
    await versionOf({ a: { ...words, words: ["bombs"] }, b: { kind: "person" } }, ["a", "b"]),
    await versionOf({ a: { ...words, action: "flag" }, b: { kind: "person" } }, ["a", "b"]),
    await versionOf({ a: { ...words, onFailure: "open" }, b: { kind: "person" } }, ["a", "b"]),
    await versionOf({ a: { ...words, for: { teams: ["x"] } }, b: { kind: "person" } }, ["a", "b"]),
    await versionOf({ c: words, b: { kind: "person" } }, ["c", "b"]),
  ];
  expect(new Set([base, ...others]).size).toBe(others.length + 1);
});
