/** The pages on governance as a reader follows them: every block of commands in order, in the project that the page names, and what it shows comes. */
import { readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { applicationsYaml, writeApplications } from "./support/applications.ts";
import { loam, root } from "./support/child.ts";
import { deepTest } from "./support/deep.ts";
import { followPage } from "./support/page-session.ts";
import { temporaryFolder } from "./support/project.ts";
import { codeBlocks } from "./support/shell-lines.ts";

const page = (name: string): string => readFileSync(join(root, "docs", name), "utf8");

/** A folder that holds the examples, as a clone of the repository does. */
function clone(): string {
  const folder = temporaryFolder("clone");
  symlinkSync(join(root, "examples"), join(folder, "examples"), "junction");
  return folder;
}

/** The classifier `hire` of docs/bias.md, with a threshold for each group. */
async function hireByGroup(): Promise<string> {
  const cwd = temporaryFolder("hire");
  writeApplications(cwd);
  const thresholds = ', thresholds: { group: club, goal: demographicParity, bound: 0.05, positive: "yes" }';
  writeFileSync(
    join(cwd, "loam.yaml"),
    applicationsYaml(thresholds).replace("validation: 0.1", "validation: 0.3").replace("epochs: 12", "epochs: 4"),
  );
  const { code, stderr } = await loam(["tune", "hire"], { cwd });
  expect(code, stderr).toBe(0);
  return cwd;
}

interface Moderations {
  readonly id: string;
  readonly model: string;
  readonly results: readonly { readonly category_scores: Readonly<Record<string, number>> }[];
}

deepTest("docs/moderation.md: every command runs, and the moderations have the form and the decisions that the page shows", async () => {
  await followPage(page("moderation.md"), {
    cwd: clone(),
    own: { "a worthless m0ron\"}'": "a worthless m0ron\"}' > moderation.json" },
    before: {
      "loam serve hire": async at => {
        const [shown] = codeBlocks(page("moderation.md")).filter(b => b.language === "json");
        const { results, ...head } = JSON.parse(readFileSync(join(at.folder, "moderation.json"), "utf8")) as Moderations;
        const expected = JSON.parse(shown!.text) as Moderations;
        expect(head).toEqual({ ...expected, id: expect.stringMatching(/^modr-/), results: undefined });
        for (const [i, { category_scores: scores, ...decisions }] of results.entries()) {
          const { category_scores: shownScores, ...rest } = expected.results[i]!;
          expect(decisions).toEqual(rest);
          expect(Object.keys(scores)).toEqual(Object.keys(shownScores));
        }
        await at.run(`cd ${await hireByGroup()}`);
      },
    },
  });
});
