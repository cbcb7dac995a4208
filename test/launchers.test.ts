/** The suite of launchers on engines of this machine: mpirun, a real Slurm and a real Ray of one node each. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { withEnvironment } from "../src/base/index.ts";
import { type Launcher, mpirunLauncher, rayLauncher, slurmLauncher } from "../src/launch/index.ts";
import { launcherLaws } from "../src/launch/launcher.laws.ts";
import { installed } from "./support/installed.ts";
import { noRay, openRay } from "./support/ray.ts";
import { noSlurm, openSlurm } from "./support/slurm.ts";

const folderOf = (name: string) => {
  const folder = mkdtempSync(join(tmpdir(), `loam-launch-${name}-`));
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
};

/** A launcher whose programs see these variables, as a command's would. */
const within = (env: Readonly<Record<string, string>>, launcher: Launcher): Launcher => {
  const variables = { ...process.env, ...env };
  return {
    ...launcher,
    async submit(job) {
      const running = await withEnvironment(variables, () => launcher.submit(job));
      return {
        id: running.id,
        tasks: () => withEnvironment(variables, () => running.tasks()),
        logs: index => withEnvironment(variables, () => running.logs(index)),
        cancel: () => withEnvironment(variables, () => running.cancel()),
        close: () => withEnvironment(variables, () => running.close()),
      };
    },
  };
};

const noMpirun = installed("mpirun", "LOAM_MPIRUN") === undefined ? "no mpirun: apt-get install openmpi-bin" : undefined;
launcherLaws("mpirun", noMpirun, async () => {
  const { folder, remove } = folderOf("mpirun");
  const launcher = mpirunLauncher({ extra: ["--no-such-option"] });
  return { launcher: mpirunLauncher(), folder, refused: { change: {}, launcher, sentence: /no-such-option/ }, close: async () => remove() };
});

launcherLaws("slurm", noSlurm(), async () => {
  const { folder, remove } = folderOf("slurm");
  const slurm = await openSlurm();
  const launcher = within(slurm.env, slurmLauncher({ partition: "nowhere" }));
  return {
    launcher: within(slurm.env, slurmLauncher()),
    folder,
    refused: { change: {}, launcher, sentence: /Invalid partition name/ },
    async close() {
      await slurm.close();
      remove();
    },
  };
});

launcherLaws("ray", noRay(), async () => {
  const { folder, remove } = folderOf("ray");
  const ray = await openRay();
  return {
    launcher: rayLauncher({ address: ray.address }),
    folder,
    async close() {
      await ray.close();
      remove();
    },
  };
});
