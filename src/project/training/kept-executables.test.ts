/** Which kept executable a device is given: one that agrees in program, plugin and machine, whole, and no other. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { sha256 } from "../../base/index.ts";
import { compiledFile, compiledFolder, keptExecutables, processorName } from "./kept-executables.ts";

const root = mkdtempSync(join(tmpdir(), "loam-executables-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const bytes = Buffer.from("an executable");
const wanted = { name: "gradient", program: sha256("text"), platform: "cpu", device: "cpu", api: "0.106", version: "1" };
const report = {
  platform: "cpu",
  device: "cpu",
  api: "0.106",
  version: "1",
  processor: processorName(),
  programs: [{ program: wanted.program, file: "gradient.pjrt", digest: sha256(bytes) }],
};

function project(said: object = report, content: Uint8Array = bytes): string {
  const folder = mkdtempSync(join(root, "project-"));
  const own = join(folder, compiledFolder, "toy-cpu");
  mkdirSync(own, { recursive: true });
  writeFileSync(join(own, compiledFile), JSON.stringify(said));
  writeFileSync(join(own, "gradient.pjrt"), content);
  return folder;
}

test("the executable of the same program, plugin and processor is given, with a message", async () => {
  const told: string[] = [];
  expect(await keptExecutables(project(), message => told.push(message))(wanted)).toEqual(bytes);
  expect(told).toEqual(["gradient: compiled before, loaded from .loam/compiled/toy-cpu"]);
});

test.each(["program", "platform", "device", "api", "version"] as const)("one of another %s is not", async key => {
  expect(await keptExecutables(project())({ ...wanted, [key]: "another" })).toBeUndefined();
});

test("one of another processor is not, unless the processor does not compute", async () => {
  const elsewhere = { ...report, processor: "another" };
  expect(await keptExecutables(project(elsewhere))(wanted)).toBeUndefined();
  const tpu = { platform: "tpu", device: "TPU v5 lite" };
  expect(await keptExecutables(project({ ...elsewhere, ...tpu }))({ ...wanted, ...tpu })).toEqual(bytes);
});

test("one that is damaged, was never written or is described by no JSON of ours is not, nor is anything of a project without them", async () => {
  expect(await keptExecutables(project(report, Buffer.from("damaged")))(wanted)).toBeUndefined();
  expect(await keptExecutables(project({ ...report, programs: [{ ...report.programs[0], file: null }] }))(wanted)).toBeUndefined();
  expect(await keptExecutables(project({ format: "another" }))(wanted)).toBeUndefined();
  expect(await keptExecutables(mkdtempSync(join(root, "empty-")))(wanted)).toBeUndefined();
});
