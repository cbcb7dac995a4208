/** Several projects, runs and servers live in one process: nothing below the command line reads or changes what belongs to the process as a whole. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const source = fileURLToPath(new URL(".", import.meta.url));

/** Arguments, the current folder, streams, signals and other events of the process, its end, its channel to a parent. */
const ofProcess = /\bprocess\.(?:argv|cwd|chdir|stdin|stdout|stderr|on|once|off|exit|exitCode|disconnect|send)\b|\bconsole\.\w+\(/;

/** Files that may, and why. */
const allowed: Readonly<Record<string, string>> = {
  "data/sources/guarded/child.mjs": "a child program's entry: it reads files that could take a process with them",
  "data/sources/guarded/guarded.ts": "what it calls `process` is a child that it started",
  "evaluate/code/run-program.mjs": "a child program's entry: it runs what models wrote",
  "project/doctor/open-device.ts": "a child program's entry: a driver may end the process that opens it",
  "project/training/compile-child.ts": "a child program's entry: a plugin may end the process that compiles",
  "gateway/transport/handover.ts": "the channel between `loam gateway --handover` and its workers, which the command line alone opens",
  "tensor/exit-process.ts": "the end of a process that the command line asks for",
  "deploy/image/plan.ts": "the text of a program that an image starts with",
};

const files = readdirSync(source, { recursive: true, encoding: "utf8" })
  .map(f => f.replaceAll("\\", "/"))
  .filter(f => /\.m?[tj]s$/.test(f) && !/\.(test|laws)\.ts$/.test(f) && !f.startsWith("cli/"));

/** Without comments, which may speak of it. */
const codeOf = (file: string): string =>
  readFileSync(join(source, file), "utf8")
    .replace(/\/\*[\s\S]*?\*\//g, "")
    .replace(/^\s*\/\/.*$/gm, "");

test("nothing below the command line touches the process's arguments, folder, streams, signals or end, but the files that have a reason", () => {
  expect(files.length).toBeGreaterThan(500);
  expect(files.filter(f => ofProcess.test(codeOf(f))).sort()).toEqual(Object.keys(allowed).sort());
});
