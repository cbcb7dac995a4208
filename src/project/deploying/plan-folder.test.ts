import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { sha256 } from "../../base/index.ts";
import type { DeployedVersion, DeployTarget } from "../../deploy/index.ts";
import { readDeployment, writePlan } from "./plan-folder.ts";

const version: DeployedVersion = {
  model: "mail-small",
  version: 3,
  alias: null,
  fingerprint: "a".repeat(64),
  servedDigest: "b".repeat(64),
  artifact: "model-0123456789ab",
  createdMs: 0,
  files: [],
  evaluations: null,
  approval: null,
};

const target: DeployTarget<{ readonly path?: string }> = {
  name: "toy",
  plan: (v, { path = "a.yaml" }) => ({
    files: [
      { path, text: `model: ${v.model}\n` },
      { path: "bin/run", text: Uint8Array.of(1, 2, 3), mode: 0o755 },
    ],
    facts: { replicas: 2 },
  }),
};

const place = (): string => {
  const made = mkdtempSync(join(tmpdir(), "loam-plan-"));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
};

test("a plan is written whole, with its modes whatever the umask is, and is read back", () => {
  const cwd = place();
  const before = process.umask(0o077);
  onTestFinished(() => void process.umask(before));
  const { path, deployment } = writePlan(target, version, {}, { cwd, to: "deep/out" });
  expect(path).toBe(join(cwd, "deep", "out"));
  expect(readFileSync(join(path, "a.yaml"), "utf8")).toBe("model: mail-small\n");
  expect([statSync(join(path, "a.yaml")).mode & 0o777, statSync(join(path, "bin/run")).mode & 0o777]).toEqual([0o644, 0o755]);
  expect(readDeployment(path, "deep/out")).toEqual(deployment);
  expect(deployment.files.map(f => f.digest)).toEqual([sha256("model: mail-small\n"), sha256(Uint8Array.of(1, 2, 3))]);
  expect(readdirSync(join(cwd, "deep"))).toEqual(["out"]);
});

test("a folder that exists is refused and untouched", () => {
  const cwd = place();
  mkdirSync(join(cwd, "out"));
  writeFileSync(join(cwd, "out", "mine"), "1");
  expect(() => writePlan(target, version, {}, { cwd, to: "out" })).toThrow(/out: expected nothing of that name yet/);
  expect(readdirSync(join(cwd, "out"))).toEqual(["mine"]);
});

test("where writing fails, nothing is left", () => {
  const cwd = place();
  // a file cannot be a folder as well
  expect(() => writePlan(target, version, { path: "bin" }, { cwd, to: "out" })).toThrow();
  expect(readdirSync(cwd)).toEqual([]);
  expect(() => writePlan(target, version, { path: "../a" }, { cwd, to: "out" })).toThrow(/within the folder/);
  expect(existsSync(join(cwd, "a"))).toBe(false);
});

test("a folder that loam deploy did not write is named", () => {
  const cwd = place();
  expect(() => readDeployment(cwd, "out")).toThrow(/out: expected a folder that `loam deploy` wrote/);
});
