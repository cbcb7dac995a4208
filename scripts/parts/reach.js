/**
 * Which test files a change reaches, by the imports that files state. Two things are no imports: a test that runs `loam` (it imports
 * test/support/child.ts) reaches the verbs whose words it names, and a worker or child process reaches the file that `new URL("./x", import.meta.url)`
 * names. Vitest's own `--changed` sees neither: the built program is outside its module graph.
 */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { child } from "./child.js";
import { inRoot, root } from "./places.js";
import { Trouble } from "./say.js";
import { filesBelow } from "./stamps.js";

const isCode = f => /\.(m?[jt]sx?|json)$/.test(f);
/** @param {string} f */
export const isTestFile = f => /\.test\.tsx?$/.test(f);
/** A change of these reaches every test. */
const everything =
  /^(package(-lock)?\.json|tsconfig.*\.json|vitest\.config\.ts|test\/laws\.ts|test\/support\/(child|global-setup|sequencer)\.ts)$/;
const runner = "test/support/child.ts";
const program = "src/cli/run-cli.ts";

const stated =
  /(?:^|\n)\s*(?:import|export)[^"'`;]*?from\s*["']([^"']+)["']|(?:^|\n)\s*import\s*["']([^"']+)["']|import\(\s*["']([^"']+)["']\s*\)|new URL\(\s*["'](\.[^"']+)["']/g;

/** A path that an import names, in the clone; undefined for a package. */
function target(from, name) {
  if (name === "loam") return "src/index.ts";
  if (/^loam\/[a-z]+$/.test(name)) return `src/${name.slice(5)}/index.ts`;
  if (!name.startsWith(".")) return undefined;
  const path = posix.join(dirname(from).replaceAll("\\", "/"), name);
  return path.replace(/^dist\/(src\/.*)\.js$/, "$1.ts");
}

/** Verbs as rows state them: their words, and the file that does them. */
function verbsOf(text) {
  const rows = [...text.matchAll(/usage: "([^"]+)"[\s\S]*?import\("\.\.\/(verbs\/[\w-]+\.ts)"\)/g)];
  return rows.map(([, usage, file]) => ({ words: usage.split(" ").filter(w => !/^[<[]/.test(w)), file: `src/cli/${file}` }));
}

/** `read` gives the text of a file, `files` are all of them. Gives the files that a file reaches, itself among them. */
export function graphOf(files, read) {
  const known = new Set(files);
  const rows = files.filter(f => /^src\/cli\/verb-rows\/[^/]+(?<!\.test)\.ts$/.test(f));
  const verbs = rows.flatMap(f => verbsOf(read(f)));
  const direct = new Map();
  const importsOf = file => {
    if (!direct.has(file)) {
      const text = read(file);
      const named = isCode(file) && !file.endsWith(".json") ? [...text.matchAll(stated)].map(m => m[1] ?? m[2] ?? m[3] ?? m[4]) : [];
      const all = named.map(name => target(file, name)).filter(path => path !== undefined && known.has(path));
      // a verb is loaded when its words are called
      direct.set(file, rows.includes(file) ? all.filter(path => !path.startsWith("src/cli/verbs/")) : all);
    }
    return direct.get(file);
  };
  const closure = roots => {
    const found = new Set();
    const open = [...roots];
    while (open.length > 0) {
      const file = open.pop();
      if (found.has(file) || !known.has(file)) continue;
      found.add(file);
      open.push(...importsOf(file));
    }
    return found;
  };
  return file => {
    const own = closure([file]);
    if (!own.has(runner)) return own;
    const texts = [...own].filter(f => f.startsWith("test/") || isTestFile(f)).map(read);
    const says = word => texts.some(text => new RegExp(`["'\` ]${word}["'\` ]`).test(text));
    return closure([...own, program, ...verbs.filter(v => v.words.every(says)).map(v => v.file)]);
  };
}

/**
 * Test files among `files` that reach a changed one. A file that is no code (a page, a table) is reached by the tests that name it.
 * @param {readonly string[]} files
 * @param {readonly string[]} changed
 * @param {(file: string) => string} read
 * @returns {string[]}
 */
export function reachedTests(files, changed, read) {
  const tests = files.filter(isTestFile);
  if (changed.some(f => everything.test(f))) return tests;
  const reaches = graphOf(files, read);
  const changes = new Set(changed);
  const named = changed.filter(f => !isCode(f)).map(f => posix.basename(f));
  return tests.filter(test => {
    const reached = [...reaches(test)];
    return (
      reached.some(f => changes.has(f)) || named.some(name => reached.some(f => /(^test\/|\.test\.)/.test(f) && read(f).includes(name)))
    );
  });
}

async function git(...args) {
  const { code, output } = await child("git", args, { cwd: root });
  if (code !== 0) throw new Trouble(`git ${args.join(" ")}: expected exit code 0, got ${code}:\n${output.trimEnd()}`, 2);
  return output.split("\n").filter(line => line !== "");
}

/** Test files that what differs from `base` (a commit; default: the last one) reaches, uncommitted changes included. */
export async function changedTests(base = "HEAD") {
  const changed = [
    ...(await git("diff", "--name-only", "--no-renames", base, "--")),
    ...(await git("ls-files", "--others", "--exclude-standard")),
  ];
  const files = ["src", "test", "console", "bench", "bin", "scripts", "examples"].flatMap(folder =>
    filesBelow(folder, f => isCode(f) && !f.startsWith("console/dist/")),
  );
  const texts = new Map();
  const read = f => {
    if (!texts.has(f)) texts.set(f, existsSync(inRoot(f)) ? readFileSync(join(root, f), "utf8") : "");
    return texts.get(f);
  };
  // a file that is gone is still what others state
  return { changed, tests: reachedTests([...new Set([...files, ...changed.filter(isCode)])], changed, read) };
}
