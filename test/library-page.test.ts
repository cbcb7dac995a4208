/** docs/library.md and the examples in docs/api: the types fit, and they run in a project as a user has it. The reference is what the declarations say. */
import { execFile } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { transform } from "esbuild";
import { expect, test } from "vitest";
import { programs } from "../scripts/parts/places.js";
import { letters } from "../src/project/init/letters.ts";
import { loam, root } from "./support/child.ts";
import { temporaryFolder } from "./support/project.ts";

const run = promisify(execFile);

/** Examples, which import from Loam or go on from one that does; blocks of signatures do neither. */
const examplesOf = (page: string): string[] => [...page.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(m => m[1]!);

/** A task: which of two ends a letter has. */
function writeTask(folder: string): void {
  const items = letters(12, "task").map((text, n) => ({
    n: String(n),
    start: text.slice(0, 24),
    endings: [text.slice(24, 32), "zqzqzqzq"],
    right: 0,
  }));
  mkdirSync(join(folder, "tasks"));
  writeFileSync(join(folder, "tasks", "next.jsonl"), items.map(i => JSON.stringify(i)).join("\n"));
  const keys = [
    "task: next",
    "data: { test: next.jsonl }",
    "id: n",
    "prompt: start",
    "output: multiple_choice",
    "choices: endings",
    "target: right",
  ];
  writeFileSync(join(folder, "tasks", "next.yaml"), `${keys.join("\n")}\n`);
}

/** A folder with the project `letters` at toy size, with the page's parts of loam.yaml and its task, in which `import "loam"` finds this package. */
async function folderWithLetters(parts = ""): Promise<string> {
  const folder = temporaryFolder("library-page");
  expect((await loam(["init", "letters"], { cwd: folder })).code).toBe(0);
  const file = join(folder, "letters", "loam.yaml");
  const toy = {
    "vocab: 512": "vocab: 300",
    "layers: 2": "layers: 1",
    "width: 96": "width: 32",
    "heads: 3": "heads: 2",
    "context: 128": "context: 64",
    "tokens: 240k": "tokens: 20k",
  };
  const yaml = Object.entries(toy).reduce((text, [from, to]) => text.replace(from, to), readFileSync(file, "utf8"));
  writeFileSync(file, `${yaml}\n${parts}`);
  writeTask(join(folder, "letters"));
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(root, join(folder, "node_modules", "loam"), "junction");
  return folder;
}

/** Errors of types in a module, as tsc writes them. */
async function typeErrors(folder: string, source: string): Promise<string> {
  const compilerOptions = {
    module: "nodenext",
    target: "es2023",
    lib: ["es2023", "esnext.disposable"],
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    types: ["node"],
    typeRoots: [join(root, "node_modules", "@types")],
  };
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  writeFileSync(join(folder, "page.ts"), source);
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["page.ts"] }));
  return run(process.execPath, [programs.tsc, "-p", "tsconfig.json", "--pretty", "false"], { cwd: folder }).then(
    () => "",
    (error: { readonly stdout: string }) => error.stdout,
  );
}

async function outputOf(folder: string, source: string): Promise<string> {
  const { code } = await transform(source, { loader: "ts", target: "node20" });
  writeFileSync(join(folder, "page.mjs"), code);
  const { stdout } = await run(process.execPath, ["page.mjs"], { cwd: folder, maxBuffer: 1 << 26 });
  return stdout;
}

test("the examples of the library's page have the right types, run in a new project, and print what their comments say", async () => {
  const page = readFileSync(join(root, "docs", "library.md"), "utf8");
  const examples = examplesOf(page);
  expect(examples.length).toBeGreaterThan(8);
  const source = examples.join("\n");
  const parts = [...page.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(m => m[1]);
  const folder = await folderWithLetters(parts.join("\n"));
  expect(await typeErrors(folder, source)).toBe("");
  const output = await outputOf(folder, source);
  const told = [...source.matchAll(/console\.log\(.*\); \/\/ ([\w/.@-]+)/g)].map(m => m[1]!);
  expect(told.length).toBeGreaterThan(1);
  for (const line of told) expect(output.split("\n"), output).toContain(line);
});

test("an example that reads what is not there does not compile", async () => {
  const folder = await folderWithLetters();
  const wrong = 'import { openProject } from "loam";\nconst project = await openProject("letters");\nawait project.promote("letters@1");\n';
  expect(await typeErrors(folder, wrong)).toMatch(/page\.ts\(3,15\): error TS2554/);
});

test("docs/api is what the declarations say (`npm run docs` writes it), and every type that a project's methods name is exported", async () => {
  const { apiEntries, apiPages } = await import("../scripts/parts/api-pages.js");
  const folder = join(root, "docs", "api");
  const pages = apiPages();
  expect(
    readdirSync(folder)
      .map(f => `api/${f}`)
      .sort(),
  ).toEqual([...pages.keys()].sort());
  for (const [path, text] of pages) expect(readFileSync(join(root, "docs", path), "utf8"), path).toBe(text);
  const entries = apiEntries();
  expect(entries.length).toBeGreaterThan(150);
  expect(entries.filter(e => e.from === undefined).map(e => e.name)).toEqual([]);
});
