/**
 * Longest files first, by durations that are kept in git (`npm test -- --record` writes them): with two workers the last file to start decides when
 * the run ends. A file without a duration comes first. Files of a real cluster come last: `.ci/run` may still be building its programs.
 */
import { readFileSync } from "node:fs";
import { relative, sep } from "node:path";
import { BaseSequencer, type TestSpecification } from "vitest/node";

const recorded = JSON.parse(readFileSync(new URL("./durations.json", import.meta.url), "utf8")) as Readonly<Record<string, number>>;

/** `test/cluster*.test.ts`. */
const isOfCluster = (path: string): boolean => /^test\/cluster[^/]*\.test\.ts$/.test(path);

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const pathOf = (f: TestSpecification) => relative(this.ctx.config.root, f.moduleId).split(sep).join("/");
    const secondsOf = (f: TestSpecification) => (isOfCluster(pathOf(f)) ? -1 : (recorded[pathOf(f)] ?? Number.POSITIVE_INFINITY));
    return files.toSorted((a, b) => secondsOf(b) - secondsOf(a) || a.moduleId.localeCompare(b.moduleId));
  }
}
