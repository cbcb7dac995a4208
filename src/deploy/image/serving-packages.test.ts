import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { installedPackages, leftOutPackages, servedPackages } from "./serving-packages.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));

test("no package is both in the image and left out, and what is left out is installed by nothing that is in it", () => {
  const inside = new Set(installedPackages(root, []).map(p => p.name));
  expect(Object.keys(servedPackages).filter(p => p in leftOutPackages)).toEqual([]);
  expect(Object.keys(leftOutPackages).filter(p => inside.has(p))).toEqual([]);
  expect([...inside]).toEqual(expect.arrayContaining(["koffi", "@grpc/grpc-js", "tdigest"]));
});

test("a package that is not installed is an error that names it and says what to run", () => {
  expect(() => installedPackages(root, [{ package: "sherpa-onnx-none-x64", file: "lib.so" }])).toThrow(
    /node_modules\/sherpa-onnx-none-x64: expected the package, installed, got none\. Run `npm ci`/,
  );
});
