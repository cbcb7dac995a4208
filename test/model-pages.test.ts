/** Pages of models and their forms as a reader follows them: every command in order, with a toy in the file that they name. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./support/child.ts";
import { deepTest } from "./support/deep.ts";
import { followPage } from "./support/page-session.ts";
import { temporaryFolder, trainedTemplate } from "./support/project.ts";
import { folderWithSmol, smolFile, writeToyClassifier, writeToyGguf } from "./support/toy-gguf.ts";

const page = (name: string): string => readFileSync(join(root, "docs", name), "utf8");
const home = (): { readonly LOAM_HOME: string } => ({ LOAM_HOME: temporaryFolder("home") });
/** A status that is an error ends it. */
const strictCurl = { "curl http": "curl -sSf http" };

deepTest("docs/models.md: every command runs, and a model goes in and out in each form", async () => {
  const cwd = await folderWithSmol();
  await writeToyClassifier(join(cwd, "mood"));
  await followPage(page("models.md"), { cwd, env: home(), own: strictCurl });
});

deepTest("docs/quantisation.md: every command runs, and the forms are compared as the page shows", async () => {
  // the toy's weights
  await followPage(page("quantisation.md").replaceAll(" MB  ", " kB  "), { cwd: await folderWithSmol(), env: home(), own: strictCurl });
});

deepTest("docs/attributions.md: every command runs, for a decoder and a classifier", async () => {
  const cwd = await trainedTemplate("tickets", "classify");
  await writeToyGguf(join(cwd, smolFile));
  await followPage(page("attributions.md"), { cwd, env: home(), own: { ...strictCurl, "mail-spam": "tickets" } });
});
