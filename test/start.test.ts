/** What a verb loads before it does anything: counted, not timed. And the completion of a shell, in a real bash. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, expect, test } from "vitest";
import { loam, program } from "./support/child.ts";

let folder: string;
let project: string;
let hook: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "loam-start-"));
  expect((await loam(["init", "letters"], { cwd: folder })).code).toBe(0);
  project = join(folder, "letters");
  const loader = `import { appendFileSync } from "node:fs";
    export async function load(url, context, next) { appendFileSync(process.env.LOADED, url + "\\n"); return next(url, context); }`;
  hook = join(folder, "hook.mjs");
  writeFileSync(
    hook,
    `import { register } from "node:module"; register(${JSON.stringify(`data:text/javascript,${encodeURIComponent(loader)}`)});`,
  );
  return () => rmSync(folder, { recursive: true, force: true });
});

/** Addresses of the modules that a command loads, as Node resolves them, without those of Node itself. */
function loadedBy(args: readonly string[]): string[] {
  const list = join(folder, "loaded.txt");
  writeFileSync(list, "");
  try {
    execFileSync(process.execPath, ["--import", hook, program, ...args], {
      cwd: project,
      env: { ...process.env, LOADED: list },
      stdio: "ignore",
    });
  } catch {
    // a verb without its data ends with an error; what it loaded is what counts
  }
  return readFileSync(list, "utf8")
    .split("\n")
    .filter(url => url.startsWith("file:") && !url.includes("/loam-start-"));
}

// code, not files: how many files the bundler makes of the same code changes with every verb that shares some of it
const verbs: readonly (readonly [words: string, kilobytes: number])[] = [
  ["--help", 250],
  ["models", 1600],
  ["trace x", 1600],
  ["data report", 2500],
  ["gateway keys list", 1700],
  ["completion bash", 500],
];

for (const [words, most] of verbs)
  test(`loam ${words} loads at most ${most} kB of code, no file of dist/src, and no engine`, () => {
    const loaded = loadedBy(words.split(" "));
    expect(loaded.length).toBeGreaterThan(3);
    expect(loaded.reduce((bytes, url) => bytes + statSync(fileURLToPath(url)).size, 0)).toBeLessThanOrEqual(1000 * most);
    expect(
      loaded.filter(url =>
        /dist\/src\/|\/(koffi|onnxruntime|sherpa-onnx|@aws-sdk|pdfjs|eld|libphonenumber-js|postal-mime|re2js)/.test(url),
      ),
    ).toEqual([]);
  });

test("bash completes verbs, flags and the project's models by the script that loam completion prints", () => {
  const bin = join(folder, "bin");
  mkdirSync(bin);
  writeFileSync(join(bin, "loam"), `#!/bin/sh\nexec "${process.execPath}" "${program}" "$@"\n`, { mode: 0o755 });
  const complete = (...words: string[]) =>
    execFileSync(
      "bash",
      [
        "-c",
        `source <(loam completion bash); COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _loam; printf '%s\\n' "\${COMPREPLY[@]}"`,
        "bash",
        "loam",
        ...words,
      ],
      { cwd: project, encoding: "utf8", env: { ...process.env, PATH: `${bin}:${process.env.PATH}` } },
    )
      .split("\n")
      .filter(line => line !== "");
  expect(complete("mo")).toEqual(["models"]);
  expect(complete("models", "sh")).toEqual(["show"]);
  expect(complete("trace", "--veri")).toEqual(["--verify"]);
  expect(complete("models", "show", "")).toEqual(["letters"]);
});

test("a shell that is none of the three is refused with the list", async () => {
  const { code, stderr } = await loam(["completion", "tcsh"], { cwd: folder });
  expect(code).toBe(2);
  expect(stderr).toMatch(/expected one of bash, zsh, fish, got "tcsh"/);
});
