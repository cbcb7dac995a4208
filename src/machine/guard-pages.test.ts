/**
 * Kernels between pages that nobody may touch: the reference suite runs again in a process of its own, once with a forbidden page right behind each
 * operand and result, once with one right before it. What reads or writes there ends that process, and the last test that it named says whose it was.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { deepTest } from "../../test/support/deep.ts";
import { processorTiers } from "./features.ts";

const isHere = processorTiers().length > 0;
const why = isHere ? "" : " (skipped: no machine code on this machine)";
const [root, vitest] = ["../..", "../../node_modules/vitest/vitest.mjs"].map(path => fileURLToPath(new URL(path, import.meta.url))) as [
  string,
  string,
];

interface Ending {
  readonly code: number | null;
  readonly last: string;
  readonly output: string;
}
function runSuite(file: string, guards: "behind" | "before"): Promise<Ending> {
  const folder = mkdtempSync(join(tmpdir(), "loam-guards-"));
  const log = join(folder, "tests");
  const { NODE_OPTIONS: _, VITEST: __, VITEST_WORKER_ID: ___, VITEST_POOL_ID: ____, LOAM_DEEP: _____, ...environment } = process.env;
  const child = spawn(process.execPath, [vitest, "run", "--project", "unit", "--maxWorkers=1", file], {
    cwd: root,
    env: { ...environment, LOAM_GUARDS: guards, LOAM_GUARDS_LOG: log },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const pieces: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (piece: Buffer) => pieces.push(piece));
  return new Promise(resolve => {
    child.on("close", code => {
      const names = (() => {
        try {
          return readFileSync(log, "utf8").trim().split("\n");
        } catch {
          return [];
        }
      })();
      rmSync(folder, { recursive: true });
      resolve({ code, last: names.at(-1) ?? "no test", output: Buffer.concat(pieces).toString("utf8").slice(-3000) });
    });
  });
}

for (const guards of ["behind", "before"] as const)
  deepTest(
    `no kernel reads or writes right ${guards} its operands and results${why}`,
    async ({ skip }) => {
      if (!isHere) skip();
      const { code, last, output } = await runSuite("src/machine/reference.test.ts", guards);
      expect(code, `ended in: ${last}\n${output}`).toBe(0);
      expect(last).not.toBe("no test");
    },
    1_800_000,
  );

test.skipIf(!isHere)(
  `a kernel that reads behind its operand ends the process, and is named${why}`,
  async () => {
    const { code, last } = await runSuite("src/machine/overrun.test.ts", "behind");
    expect(code).not.toBe(0);
    expect(last).toContain("a kernel that reads one number too many");
  },
  600_000,
);
