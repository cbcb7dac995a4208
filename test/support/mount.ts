/** Small and read-only disks for tests: a tmpfs where the test may mount one, otherwise the reason why not. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const mount = (...args: string[]) => execFileSync("mount", args, { stdio: ["ignore", "ignore", "pipe"] });

export interface Disk {
  readonly folder: string;
  /** Changes its options: `size=64m`, `ro`. */
  remount(options: string): void;
  remove(): void;
}

/** A disk of `size` ("2m"). Throws where mounting is not allowed. */
export function smallDisk(size: string): Disk {
  const folder = mkdtempSync(join(tmpdir(), "loam-disk-"));
  try {
    mount("-t", "tmpfs", "-o", `size=${size}`, "tmpfs", folder);
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
  return {
    folder,
    remount: options => void mount("-o", `remount,${options}`, folder),
    remove: () => {
      execFileSync("umount", ["-l", folder], { stdio: "ignore" });
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Why there are no such disks here; undefined where there are. */
export const noDisks: string | undefined = (() => {
  if (process.platform !== "linux") return "only Linux mounts a tmpfs";
  try {
    smallDisk("1m").remove();
    return undefined;
  } catch (error) {
    return `a tmpfs cannot be mounted: ${String((error as { stderr?: Buffer }).stderr ?? error).trim()}`;
  }
})();
