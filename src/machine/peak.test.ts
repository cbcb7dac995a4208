/** The loop that the machine's peak is measured with. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { hasTier } from "./features.ts";
import { measurePeak, registerLoopCode, registerLoopRate, turnFlops } from "./peak.ts";

const hasObjdump = (() => {
  try {
    execFileSync("objdump", ["--version"], { stdio: "ignore" });
    return process.arch === "x64";
  } catch {
    return false;
  }
})();

test.skipIf(!hasObjdump).each(["vfmadd231ps", "vdpbf16ps"] as const)(
  `a turn of %s is as many of them as its FLOPs say, over registers alone${hasObjdump ? "" : " (skipped: no objdump)"}`,
  instruction => {
    const folder = mkdtempSync(join(tmpdir(), "loam-peak-"));
    try {
      const file = join(folder, "loop.bin");
      writeFileSync(file, registerLoopCode(instruction));
      const text = execFileSync("objdump", ["-D", "-b", "binary", "-m", "i386:x86-64", "-M", "intel", file], { encoding: "utf8" });
      const lines = text.split("\n").filter(line => line.includes(instruction));
      const perInstruction = instruction === "vfmadd231ps" ? 32 : 64;
      expect(lines.length * perInstruction).toBe(turnFlops(instruction));
      // no operand is memory, and each sum is a register of its own: none waits for another
      expect(text).not.toMatch(/PTR/);
      expect(new Set(lines.map(line => /(zmm\d+),/.exec(line)![1])).size).toBe(lines.length);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
);

test.skipIf(!hasTier("avx512"))("a rate is finite, and there is none where no code is made", () => {
  expect(registerLoopRate("vfmadd231ps")).toBeGreaterThan(0);
  const before = process.env.LOAM_MACHINE_CODE;
  process.env.LOAM_MACHINE_CODE = "off";
  expect(measurePeak()).toBeUndefined();
  if (before === undefined) delete process.env.LOAM_MACHINE_CODE;
  else process.env.LOAM_MACHINE_CODE = before;
});
