/**
 * Files from outside, damaged at random and on purpose: a valid model or an error of the catalogue, whatever is in them. A few hundred of
 * each kind with a fixed seed; `npm run bench -- fuzz` reads a hundred thousand of each in processes that are watched.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { campaign } from "../../../bench/fuzz/campaign.ts";
import { type KindName, kindNames, kinds } from "../../../bench/fuzz/kinds.ts";

const root = mkdtempSync(join(tmpdir(), "loam-damaged-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const numCases: Readonly<Record<KindName, number>> = {
  gguf: 400,
  safetensors: 250,
  tokenizer: 400,
  config: 150,
  template: 300,
  adapter: 300,
};
/** Memory that all cases of a kind may leave behind or need at once. */
const mostBytes = 512 * 2 ** 20;

test.each(kindNames)("%s: a valid model or an error of the catalogue", async kind => {
  const before = process.memoryUsage().rss;
  const { outcomes, failures } = await campaign({ kind, seed: 1, from: 0, to: numCases[kind] }, join(root, kind));
  expect(failures, kinds[kind].about).toEqual([]);
  // neither all refused at the door nor all harmless
  const { valid = 0, ...refused } = outcomes;
  expect(valid).toBeGreaterThan(0);
  expect(Object.keys(refused).length).toBeGreaterThan(kind === "template" ? 0 : 2);
  expect(process.memoryUsage().rss - before).toBeLessThan(mostBytes);
});
