/** Training on a PJRT device and compilation ahead of time, by the command line. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { CompileAheadReport } from "../src/project/training/index.ts";
import { loam } from "./support/child.ts";
import { lacksPjrt, pjrtReason } from "./support/pjrt.ts";
import { modelContent, toyProject, trainedToy } from "./support/project.ts";

const onDevice = (folder: string, device: string): string => {
  const file = join(folder, "loam.yaml");
  writeFileSync(file, readFileSync(file, "utf8").replace("device: { threads: 1 }", `device: { name: "${device}", threads: 1 }`));
  return folder;
};
type Point = { readonly step: number; readonly loss: number; readonly gradientNorm: number; readonly heldOut?: number };

test.skipIf(lacksPjrt !== undefined)(`a model trained on pjrt:cpu has the losses of cpu within 1e-5${pjrtReason}`, async () => {
  const there = onDevice(toyProject(), "pjrt:cpu");
  const { code, stderr } = await loam(["run"], { cwd: there });
  expect(code, stderr).toBe(0);
  const [here, other] = [await modelContent(await trainedToy()), await modelContent(there)].map(c => c.metrics as Point[]) as [
    Point[],
    Point[],
  ];
  expect(other.map(p => p.step)).toEqual(here.map(p => p.step));
  for (const [i, want] of here.entries())
    for (const key of ["loss", "gradientNorm", "heldOut"] as const) {
      const [a, b] = [want[key], other[i]![key]];
      if (a === undefined) expect(b).toBeUndefined();
      else expect(Math.abs(b! - a), `${key} of step ${want.step}`).toBeLessThanOrEqual(1e-5 * Math.abs(a));
    }
});

test.skipIf(lacksPjrt !== undefined)(
  `train compile says what each program of a step takes and keeps its executable, without data${pjrtReason}`,
  async () => {
    const folder = toyProject();
    const { code, stdout, stderr } = await loam(["train", "compile", "toy", "--target", "cpu", "--json"], { cwd: folder });
    expect(code, stderr).toBe(0);
    const report = JSON.parse(stdout) as CompileAheadReport;
    expect(report.programs.map(p => p.name)).toEqual(["gradient", "update"]);
    for (const p of report.programs) {
      expect(existsSync(join(report.folder, p.file!))).toBe(true);
      // donated: gradients over gradients, parameters and optimiser state over themselves
      expect(p.aliasedBytes!).toBeGreaterThanOrEqual(4 * report.parameters);
      expect(p.totalBytes).toBe(p.argumentBytes! + p.outputBytes! + p.temporaryBytes! - p.aliasedBytes!);
    }
    expect(JSON.parse(readFileSync(join(report.folder, "compiled.json"), "utf8"))).toEqual(report);
    expect(existsSync(join(folder, ".loam/record.db"))).toBe(false);
  },
);

test.skipIf(lacksPjrt !== undefined)(
  `a training loads what train compile has kept for the same program, and compiles what is damaged${pjrtReason}`,
  async () => {
    const folder = onDevice(toyProject(), "pjrt:cpu");
    const compiled = await loam(["train", "compile", "toy", "--target", "cpu", "--json"], { cwd: folder });
    expect(compiled.code, compiled.stderr).toBe(0);
    const report = JSON.parse(compiled.stdout) as CompileAheadReport;
    writeFileSync(join(report.folder, report.programs.find(p => p.name === "update")!.file!), "damaged");
    const { code, stdout, stderr } = await loam(["run"], { cwd: folder });
    expect(code, stderr).toBe(0);
    expect(stdout).toContain("gradient: compiled before, loaded from .loam/compiled/toy-cpu");
    expect(stdout).not.toContain("update: compiled before");
    const [here, other] = [await modelContent(await trainedToy()), await modelContent(folder)].map(c => c.metrics as Point[]);
    expect(Math.abs(other!.at(-1)!.loss - here!.at(-1)!.loss)).toBeLessThan(1e-5);
  },
);

test("a target that is none, a plugin that is not there and a tuned model are refused, and nothing is written", async () => {
  const folder = toyProject();
  const refused = async (args: readonly string[], env: Record<string, string> = {}) => {
    const { code, stderr } = await loam(["train", "compile", ...args], { cwd: folder, env });
    expect(code).not.toBe(0);
    return stderr;
  };
  expect(await refused(["toy"])).toMatch(/--target: expected a device to compile for, got none.*tpu:v5e:2x2/s);
  expect(await refused(["toy", "--target", "tpu"])).toMatch(/tpu with a topology, got "tpu"/);
  expect(await refused(["toy", "--target", "cpu:4"])).toMatch(/got "cpu:4"/);
  expect(await refused(["toy", "--target", "tpu:v5e:2x2"], { LOAM_PJRT_TPU: "" })).toMatch(/pip download --no-deps libtpu.*LOAM_PJRT_TPU/s);
  expect(await refused(["other", "--target", "cpu"])).toMatch(/other/);
  expect(existsSync(join(folder, ".loam/compiled"))).toBe(false);
});

test("device: pjrt without its plugin is an error that says what to download and set; a name that is none lists the names", async () => {
  const folder = onDevice(toyProject(), "pjrt:cpu");
  const { code, stderr } = await loam(["run"], { cwd: folder, env: { LOAM_PJRT_CPU: "" } });
  expect(code).not.toBe(0);
  expect(stderr).toMatch(/device pjrt:cpu.*pip download --no-deps fastatomstruct-xla-cpu.*LOAM_PJRT_CPU/s);
  const odd = onDevice(toyProject(), "gpu");
  expect((await loam(["run", "--dry-run"], { cwd: odd })).stderr).toMatch(
    /device\.name: expected one of cpu, webgpu, cuda, reference, or pjrt:NAME with cpu, tpu, cuda or the path/,
  );
});
