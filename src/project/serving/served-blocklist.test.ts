import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { servePart } from "../../serve/part.ts";
import { phraseGuard } from "../../text/index.ts";
import type { ProjectFile } from "../project-file.ts";
import { servedBlocklist } from "./served-blocklist.ts";

const folder = mkdtempSync(join(tmpdir(), "loam-blocked-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The tokens, in their order, that a response may begin with. */
async function free(blocked: object, tokens: readonly string[], gateway?: object): Promise<string[]> {
  // what is read of a project
  const project = { folder, config: { serve: servePart.parse({ blocked }), gateway } } as unknown as ProjectFile;
  const list = await servedBlocklist(project);
  const bytesOf = (i: number) => new TextEncoder().encode(tokens[i]);
  return tokens.filter((_, i) => phraseGuard({ list: list!, bytesOf, stops: [], prompt: [] }).next(i));
}

test("words, files, patterns and lists of guards hold together", async () => {
  writeFileSync(join(folder, "words.txt"), "skunkworks # a project\n");
  const gateway = { guards: { listed: { kind: "blocklist", words: ["nightfall"], wholeWords: false }, pii: { kind: "private" } } };
  const tokens = ["bomb", "skunkworks", "a1", "xnightfall", "bombs", "day"];
  const blocked = { words: ["bomb"], files: ["words.txt"], patterns: ["a\\d"], guards: ["listed"] };
  expect(await free(blocked, tokens, gateway)).toEqual(["bombs", "day"]);
  expect(await free(["bomb"], tokens)).toEqual(["skunkworks", "a1", "xnightfall", "bombs", "day"]);
  expect(await free({ guards: ["listed"] }, tokens, gateway)).toEqual(["bomb", "skunkworks", "a1", "bombs", "day"]);
});

test("a wrong word, pattern, file or guard is an error with its place", async () => {
  await expect(free({ words: ["\u200b"] }, [])).rejects.toThrow("loam.yaml: serve.blocked.words[0]: expected a word or phrase");
  await expect(free({ patterns: ["(a"] }, [])).rejects.toThrow("loam.yaml: serve.blocked.patterns[0]");
  await expect(free({ files: ["none.txt"] }, [])).rejects.toThrow("none.txt");
  await expect(free({}, [])).rejects.toThrow("expected words, files or patterns, got none");
  await expect(free({ guards: ["pii"] }, [], { guards: { pii: { kind: "private" } } })).rejects.toThrow(
    'loam.yaml: serve.blocked.guards[0]: expected a guard of the kind blocklist of gateway.guards (there is none), got "pii"',
  );
});
