/** The pages on ranks as a reader follows them: every block of commands in order, on ranks of this machine, an mpirun and a Slurm of one node. */
import { cpSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { root } from "./support/child.ts";
import { deepTest } from "./support/deep.ts";
import { installed } from "./support/installed.ts";
import { installMails, narrowMails } from "./support/mail-project.ts";
import { followPage } from "./support/page-session.ts";
import { temporaryFolder } from "./support/project.ts";
import { noSlurm, openSlurm } from "./support/slurm.ts";

const page = (name: string): string => readFileSync(join(root, "docs", name), "utf8");

deepTest("docs/parallel.md: every command trains on ranks", async () => {
  const cwd = temporaryFolder("parallel");
  installMails(cwd);
  cpSync(join(root, "examples/mail/loam.yaml"), join(cwd, "examples/mail/loam.yaml"), { recursive: true });
  const file = join(cwd, "examples/mail/loam.yaml");
  narrowMails(file);
  await followPage(page("parallel.md"), { cwd });
});

const slurm = noSlurm();
const mpirun = installed("mpirun", "LOAM_MPIRUN");
const missing = mpirun === undefined ? "apt-get install openmpi-bin" : slurm;
deepTest(
  `docs/ranks.md: every program and command runs, and sums come as the page shows${missing ? ` (skipped: ${missing})` : ""}`,
  async ({ skip }) => {
    if (missing !== undefined) skip();
    const { env, close } = await openSlurm();
    onTestFinished(close);
    const cwd = temporaryFolder("ranks");
    mkdirSync(join(cwd, "node_modules"));
    symlinkSync(root, join(cwd, "node_modules", "loam"), "junction");
    // a root's machine with fewer cores than ranks
    const allowed = { OMPI_ALLOW_RUN_AS_ROOT: "1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: "1", OMPI_MCA_rmaps_base_oversubscribe: "1" };
    const own = { "srun -N 2 -n 4": "srun -N 1 -n 4" };
    await followPage(page("ranks.md"), { cwd, own, env: { ...env, ...allowed } });
  },
);
