/** Pages of the gateway as a reader follows them: every command in order, with real servers behind it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./support/child.ts";
import { deepTest } from "./support/deep.ts";
import { followPage } from "./support/page-session.ts";
import { temporaryFolder } from "./support/project.ts";
import { folderWithSmol } from "./support/toy-gguf.ts";

const page = (name: string): string => readFileSync(join(root, "docs", name), "utf8");

/** A key that is shown once is kept by the reader; a status that is an error ends curl. */
const reader = {
  "keys create ann-laptop --subject ann": "keys create ann-laptop --subject ann | tee key.txt",
  "sk-loam-...": '"$(grep -o "sk-loam-[^ ]*" key.txt)"',
  "curl http": "curl -sSf http",
  // the default port may be another test's
  "loam gateway   ": "loam gateway --port 8090 ",
};

deepTest("docs/gateway.md: every command runs, and a model answers behind the gateway", async () => {
  await followPage(page("gateway.md"), {
    cwd: await folderWithSmol(),
    env: { LOAM_HOME: temporaryFolder("home"), OPENAI_API_KEY: "sk-page" },
    own: reader,
    before: { "loam gateway import litellm": async at => void (await at.run("mkdir litellm; mv config.yaml litellm; cd litellm")) },
  });
});
