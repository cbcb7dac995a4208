import { expect, test } from "vitest";
import { sha256 } from "../base/index.ts";
import { type DeployTarget, deploymentOf, deploymentText, type PlanFile, parseDeployment } from "./targets.ts";
import { toyVersion } from "./toy-version.laws.ts";

interface ToyWishes {
  readonly port: number;
  readonly region?: string | undefined;
}

const target = (files: readonly PlanFile[]): DeployTarget<ToyWishes> => ({
  name: "toy",
  plan: (_, { port }) => ({ files, facts: { port } }),
});

const recordOf = (files: readonly PlanFile[], wishes: ToyWishes = { port: 80 }) => {
  const toy = target(files);
  return deploymentOf(toy, toyVersion, wishes, toy.plan(toyVersion, wishes));
};

test("loam-deployment.json names the version, its lineage, the wishes that were given, and each file's digest", () => {
  const record = recordOf([
    { path: "b.yaml", text: "b: 1\n" },
    { path: "a/main.mjs", text: Uint8Array.of(0, 255), mode: 0o755 },
  ]);
  expect(record).toEqual({
    format: 1,
    target: "toy",
    model: "mail-small",
    version: 3,
    alias: "prod",
    fingerprint: "a".repeat(64),
    lineage: {
      "loam.model": "mail-small",
      "loam.version": "3",
      "loam.fingerprint": "a".repeat(64),
      "loam.lineage": "model-0123456789ab",
      "loam.alias": "prod",
      "loam.evaluations": "d".repeat(64),
      "loam.approval": "e".repeat(64),
    },
    wishes: { port: 80 },
    facts: { port: 80 },
    files: [
      { path: "a/main.mjs", digest: sha256(Uint8Array.of(0, 255)), sizeBytes: 2 },
      { path: "b.yaml", digest: sha256("b: 1\n"), sizeBytes: 5 },
    ],
  });
});

test("what is written is read back, and depends on the version and the wishes alone", () => {
  const files = [{ path: "a", text: "1" }, { path: "b", text: "2" }] as const; // biome-ignore format: one line a file
  const text = deploymentText(recordOf(files, { port: 1, region: undefined }));
  expect(deploymentText(recordOf([...files].reverse(), { region: undefined, port: 1 }))).toBe(text);
  expect(deploymentText(parseDeployment(text, "x"))).toBe(text);
});

test.each(["", "../a", "a/../b", "/etc/passwd", "a//b", "a\\b", "C:a", "a\u0000", "dots.", "Loam-Deployment.json"])(
  "a plan cannot write the path %j",
  path => {
    expect(() => recordOf([{ path, text: "" }])).toThrow(/a path of its own within the folder/);
  },
);

test("two files of a plan cannot share a path, not even on a disk that ignores case", () => {
  expect(() => recordOf(["a.yaml", "A.yaml"].map(path => ({ path, text: "" })))).toThrow(/got "A.yaml"/);
});

test("what is no plain data is no wish", () => {
  expect(() => recordOf([], { port: Number.NaN })).toThrow(/finite/);
});

test("a file that is not what loam deploy wrote is refused, and the key is named", () => {
  const text = deploymentText(recordOf([]));
  expect(() => parseDeployment("{", "dir/loam-deployment.json")).toThrow(/dir\/loam-deployment.json/);
  expect(() => parseDeployment(text.replace('"format": 1', '"format": 2'), "x")).toThrow(/x: format/);
  expect(() => parseDeployment(text.replace('"target"', '"targets"'), "x")).toThrow(/targets/);
});
