/**
 * Which end-to-end tests `npm test` runs: a file that takes at most some seconds, by the durations that full runs record, and those few longer ones that walk
 * a whole way of a user. The others are `--deep`'s; `--changed` runs every file that a change reaches, however long it takes.
 */
import { readFileSync } from "node:fs";
import { inRoot } from "./places.js";
import { filesBelow } from "./stamps.js";

export const durationsFile = "test/support/durations.json";

/** Seconds of a full run, on two cores with three files at a time. */
export const quickSeconds = 8;

/** Longer ones that always run, each with the way that it walks. */
export const essential = {
  "test/library-project.test.ts": "a project by the library: data, training, evaluation, promotion, serving",
  "test/console-explore.test.ts": "the console in a browser",
  "test/gateway-clients.test.ts": "official clients at the gateway",
  "test/tune-csv.test.ts": "a table to a served classifier",
};

/** @param {string} f */
export const isLifeTest = f => /^test\/.*\.test\.ts$/.test(f) || /^src\/.*\.life\.test\.ts$/.test(f);

/**
 * @param {readonly string[]} files end-to-end tests
 * @param {Readonly<Record<string, number>>} seconds of those that take half a second or more
 */
export const quickTests = (files, seconds) => files.filter(f => (seconds[f] ?? 0) <= quickSeconds || Object.hasOwn(essential, f));

/** Those of this clone, and how many there are. */
export function quickTestsHere() {
  const all = [...filesBelow("test", isLifeTest), ...filesBelow("src", isLifeTest)];
  return { all, quick: quickTests(all, JSON.parse(readFileSync(inRoot(durationsFile), "utf8"))) };
}
