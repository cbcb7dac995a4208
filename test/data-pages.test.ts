/**
 * The pages on data as a reader follows them: every block of commands in order, on a tenth of the mails that they name, and what a page shows comes. A small
 * model stands for the one of examples/mail.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { letters } from "../src/project/init/letters.ts";
import { listArtifacts, openStore } from "../src/store/index.ts";
import { root } from "./support/child.ts";
import { deepTest } from "./support/deep.ts";
import { mailProject, smallMailModel } from "./support/mail-project.ts";
import { followPage } from "./support/page-session.ts";

const page = (name: string): string => readFileSync(join(root, "docs", name), "utf8");
/** Effects are measured on models of two steps. */
const quickEffect = { "loam data effect mail --step c4": "loam data effect mail --step c4 --seeds 2 --tokens 4000 --documents 20" };

deepTest("docs/data.md: every command runs, and a document's history comes as the page shows it", async () => {
  await followPage(page("data.md"), { cwd: mailProject(), own: quickEffect });
});

deepTest("docs/data-report.md: every command runs, and reports, histories and restored documents come as the page shows", async () => {
  await followPage(page("data-report.md"), {
    cwd: mailProject(smallMailModel),
    parts: ["loam.yaml"],
    before: { "loam data run   ": async at => void (await at.run("loam run")) },
  });
});

deepTest(
  "docs/data-quality.md: every command runs, and a classifier of quality and the effect of a step come as the page shows",
  async () => {
    // how long it takes and who wins is not that of models of two steps
    const shown = page("data-quality.md")
      .replace(/^.*: about 7:17\n/m, "")
      .replace(/(bits per byte \S+ without, \S+ with:).*/g, "$1");
    await followPage(shown, { cwd: mailProject(), parts: ["loam.yaml"], own: quickEffect });
  },
);

deepTest("docs/data-export.md: every command runs, and an export and its card come as the page shows", async () => {
  await followPage(page("data-export.md").replace(/\d\.\d\d MB/g, "1 kB"), {
    cwd: mailProject(),
    parts: ["loam.yaml"],
    before: { "loam data card mail  ": async at => void (await at.run("loam data run mail")) },
  });
});

deepTest("docs/data-forget.md: every command runs, and what is forgotten and added comes as the page shows", async () => {
  const cwd = mailProject(smallMailModel);
  for (const folder of ["letters/2031", "more/letters"]) {
    mkdirSync(join(cwd, folder), { recursive: true });
    for (const [i, text] of letters(3, folder).entries()) writeFileSync(join(cwd, folder, `${i}.txt`), text);
  }
  await followPage(page("data-forget.md"), {
    cwd,
    own: { "loam data forget": "loam data forget --yes", "loam data add": "loam data add --yes" },
    before: { "loam data forget mail": async at => void (await at.run("loam run")) },
  });
});

deepTest("docs/data-scale.md: every command runs, and threads, processes and launched workers make the same bytes", async () => {
  const cwd = mailProject();
  await followPage(page("data-scale.md"), { cwd, own: { "--launch slurm --workers 8": "--launch local --workers 2" } });
  const store = await openStore({ root: cwd });
  // a forced run that made other bytes would be recorded beside the first
  expect(await listArtifacts(store, { kind: "documents" })).toHaveLength(1);
  await store.close();
});
