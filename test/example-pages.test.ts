/** READMEs of examples as a reader follows them: every block of commands in order. */
import { copyFileSync, cpSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./support/child.ts";
import { deepTest } from "./support/deep.ts";
import { installMails, narrowMails } from "./support/mail-project.ts";
import { followPage } from "./support/page-session.ts";
import { temporaryFolder, trainedToy } from "./support/project.ts";

const readme = (name: string): string => readFileSync(join(root, "examples", name, "README.md"), "utf8");

deepTest("examples/verify-log/README.md: every command runs", async () => {
  const cwd = await trainedToy();
  copyFileSync(join(root, "examples/verify-log/verify.mjs"), join(cwd, "verify.mjs"));
  await followPage(readme("verify-log"), { cwd });
});

deepTest("examples/moderation/README.md: every command runs", async () => {
  const cwd = temporaryFolder("moderation");
  for (const file of ["loam.yaml", "make-comments.js"])
    cpSync(join(root, "examples/moderation", file), join(cwd, "examples/moderation", file), { recursive: true });
  await followPage(readme("moderation"), { cwd });
});

deepTest("examples/mail/README.md: the command trains a classifier of mails", async () => {
  const cwd = temporaryFolder("mail-example");
  installMails(cwd);
  cpSync(join(root, "examples/mail/loam.yaml"), join(cwd, "examples/mail/loam.yaml"), { recursive: true });
  narrowMails(join(cwd, "examples/mail/loam.yaml"));
  await followPage(readme("mail"), { cwd });
});
