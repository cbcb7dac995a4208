/**
 * Longest files first, by durations that are kept in git (`npm test -- --record` writes them): with two workers the last file to start decides when
 * the run ends. A file without a duration comes first.
 */
import { readFileSync } from "node:fs";
import { relative, sep } from "node:path";
import { BaseSequencer, type TestSpecification } from "vitest/node";

const recorded = JSON.parse(readFileSync(new URL("./durations.json", import.meta.url), "utf8")) as Readonly<Record<string, number>>;

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const secondsOf = (f: TestSpecification) =>
      recorded[relative(this.ctx.config.root, f.moduleId).split(sep).join("/")] ?? Number.POSITIVE_INFINITY;
    return files.toSorted((a, b) => secondsOf(b) - secondsOf(a) || a.moduleId.localeCompare(b.moduleId));
  }
}
