/** Pages of `loam serve` as a reader follows them: every command in order, with a toy where they name a larger model. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root, start } from "./support/child.ts";
import { deepTest } from "./support/deep.ts";
import { followPage, type ReaderShell } from "./support/page-session.ts";
import { type Toy, trainedToy } from "./support/project.ts";

const page = (name: string): string => readFileSync(join(root, "docs", name), "utf8");

/** The toy's project, which serves at the port that pages name. */
async function servedToy(toy: Toy = {}): Promise<string> {
  const cwd = await trainedToy(toy);
  const path = join(cwd, "loam.yaml");
  writeFileSync(path, readFileSync(path, "utf8").replace("port: 0", "port: 8080"));
  return cwd;
}
/** A status that is an error ends it. */
const strictCurl = { "curl -": "curl -sSf -", "curl http": "curl -sSf http" };
const serves = async ({ folder }: ReaderShell): Promise<void> => {
  await start(["serve"], { cwd: folder }).says(/http:\/\//);
};

deepTest("docs/login.md: every command runs, and the links that the page shows come", async () => {
  await followPage(page("login.md").replaceAll("mail-small", "toy"), {
    cwd: await servedToy(),
    own: strictCurl,
    before: { "loam login --url": serves },
  });
});
