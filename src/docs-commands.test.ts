/** Commands that the pages show: `loam` with verbs and flags that exist, scripts of package.json, benches, files of the repository. Nothing is run. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { benches } from "../bench/benches.ts";
import { commandsOf, pageCommands } from "../test/support/shell-lines.ts";
import { usageProblem } from "./cli/run-cli.ts";
import { wordsOf } from "./cli/usage-error.ts";
import { verbs } from "./cli/verbs.ts";
import { projectFiles, templateNames } from "./project/init/project-files.ts";
import { stageNames } from "./project/link.ts";

const root = join(import.meta.dirname, "..");
const markdown = (folder: string): string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .map(f => `${folder}/${f.replaceAll("\\", "/")}`)
    .filter(f => f.endsWith(".md") && !f.includes("node_modules") && !f.includes("/.loam/"));
const pages = [...markdown("docs"), ...markdown("examples"), ...markdown("templates"), "README.md", "CONTRIBUTING.md"];
const textOf = (file: string): string => readFileSync(join(root, file), "utf8");
const commands = pages.flatMap(file => pageCommands(textOf(file)).map(({ words, line }) => ({ place: `${file}:${line}`, words })));
const called = (program: string) => commands.filter(c => c.words[0] === program);

test("every `loam` command of every page has a verb, flags and arguments that exist", async () => {
  const wrong: string[] = [];
  for (const { place, words } of called("loam")) {
    const problem = await usageProblem(words.slice(1));
    if (problem !== undefined) wrong.push(`${place}: loam ${words.slice(1).join(" ")}: ${problem}`);
  }
  expect(called("loam").length).toBeGreaterThan(300);
  expect(wrong).toEqual([]);
});

/** Verbs by their words. */
const known = new Map(verbs.map(v => [wordsOf(v).join(" "), v]));
const groupWords = new Set([...known.keys()].filter(k => k.includes(" ")).map(k => k.split(" ")[0]!));

/** What is wrong with a command in a sentence, which may leave arguments out, stand for a group or have placeholders. */
function wrongMention(words: readonly string[]): string | undefined {
  const [first = "", second = ""] = words;
  const isWord = (word: string) => /^[a-z]/.test(word);
  if (!isWord(first)) return undefined;
  const verb = known.get(`${first} ${second}`) ?? known.get(first);
  // a group alone or with a placeholder
  if (verb === undefined) return groupWords.has(first) && !isWord(second) ? undefined : "no such verb";
  if (!verb.usage.includes(" ") && isWord(second)) return `${first} has no argument or command ${second}`;
  const flags = [...verb.options.flatMap(([f]) => f.match(/--[a-z-]+/g) ?? []), "--json", "--help", "--version"];
  const given = words.flatMap(w => /^--[a-z-]+/.exec(w) ?? []);
  const missing = given.filter(f => !flags.includes(f));
  return missing.length > 0 ? `no flag ${missing.join(", ")}` : undefined;
}

/** What stands for a number in the usage of a flag, and what may stand there in a page. */
const numberForms: Readonly<Record<string, RegExp>> = {
  n: /^\d+$/,
  number: /^-?\d+(\.\d+)?$/,
  count: /^\d+(e\d+)?$/,
  port: /^\d{1,5}$/,
  tokens: /^\d+$/,
  seconds: /^\d+(\.\d+)?$/,
  megabytes: /^\d+(\.\d+)?$/,
  cores: /^\d+(\.\d+)?$/,
};
/** A placeholder or a variable of the shell. */
const isOpenValue = (value: string): boolean => /[$<]|^[A-Z][A-Z_]*$/.test(value);

/** Flags of a command whose value is no number where the usage asks for one. */
function wrongValues(words: readonly string[]): string[] {
  const [first = "", second = ""] = words;
  const verb = known.get(`${first} ${second}`) ?? known.get(first);
  const forms = new Map(
    (verb?.options ?? []).flatMap(([usage]) => {
      const form = /<(\w+)>/.exec(usage)?.[1] ?? "";
      return (usage.match(/-{1,2}[a-z][a-z-]*/g) ?? []).map(flag => [flag, form] as const);
    }),
  );
  return words.flatMap((word, i) => {
    const [, flag = "", joined] = /^(-{1,2}[a-z][a-z-]*)(?:=(.*))?$/.exec(word) ?? [];
    const value = joined ?? words[i + 1];
    const form = numberForms[forms.get(flag) ?? ""];
    return form && value !== undefined && !isOpenValue(value) && !form.test(value) ? [`${flag} ${value}`] : [];
  });
}

test("every number of a flag in a `loam` command of a page is one", () => {
  const checked = called("loam").map(({ place, words }) => ({ place, wrong: wrongValues(words.slice(1)) }));
  expect(checked.filter(c => c.wrong.length > 0)).toEqual([]);
  expect(wrongValues(["serve", "--port", "eighty"])).toEqual(["--port eighty"]);
  expect(wrongValues(["serve", "--port=80x"])).toEqual(["--port 80x"]);
  expect(wrongValues(["serve", "--port", "$PORT", "--slots", "8"])).toEqual([]);
});

const withoutBlocks = (page: string): string => page.replace(/^( *)```[\s\S]*?^\1```$/gm, block => block.replace(/[^\n]/g, ""));

/** Mentions of commands between backticks that are wrong; in source a backtick of a template string has a backslash in front. */
function wrongMentions(file: string, text: string): string[] {
  return [...text.matchAll(/\\?`(?:npx )?loam ([^`\\]+)\\?`/g)].flatMap(m => {
    // the text of a message, or a template string of source
    if (m[1]!.includes(": ") || (m[0].startsWith("`") && m[1]!.includes("${"))) return [];
    const problem = wrongMention(m[1]!.split(/\s+/));
    return problem === undefined ? [] : [`${file}:${text.slice(0, m.index).split("\n").length}: loam ${m[1]}: ${problem}`];
  });
}

test("every `loam` command in a sentence of a page names a verb and flags that exist", () => {
  expect(pages.flatMap(file => wrongMentions(file, withoutBlocks(textOf(file))))).toEqual([]);
});

test("every `loam` command in an error, a hint, a help text or a text of the console names a verb and flags that exist", () => {
  const files = ["src", "console/src"].flatMap(folder =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
      .filter(f => /\.tsx?$/.test(f) && !f.endsWith(".test.ts"))
      .map(f => `${folder}/${f.replaceAll("\\", "/")}`),
  );
  expect(files.length).toBeGreaterThan(1000);
  expect(files.flatMap(file => wrongMentions(file, textOf(file)))).toEqual([]);
});

const scripts = Object.keys(JSON.parse(textOf("package.json")).scripts as object);
const projectScripts = templateNames.flatMap(template => {
  const files = projectFiles("page", root, { template });
  return Object.keys(JSON.parse(files.get("package.json")!).scripts as object);
});

test("every npm script and bench that a page runs exists", () => {
  const wrong = pages.flatMap(file =>
    [...textOf(file).matchAll(/\bnpm run (?:-s )?([\w-]+)(?: -- ([a-z][\w-]*))?/g)].flatMap(([whole, script, name]) => {
      if (!(file.startsWith("templates/") ? projectScripts : scripts).includes(script!)) return [`${file}: ${whole}: no such script`];
      return script === "bench" && name !== undefined && name !== "peers" && !Object.hasOwn(benches, name)
        ? [`${file}: ${whole}: no such bench`]
        : [];
    }),
  );
  expect(wrong).toEqual([]);
});

test("every `loam run` of a page names a stage, and a model with --model", async () => {
  const stageOf = (words: readonly string[]): string | undefined => {
    const valued = ["-C", "--project", "-m", "--model"];
    return words.find((word, i) => !word.startsWith("-") && !valued.includes(words[i - 1] ?? ""));
  };
  const wrong = called("loam").flatMap(({ place, words }) => {
    const stage = words[1] === "run" ? stageOf(words.slice(2)) : undefined;
    return stage === undefined || (stageNames as readonly string[]).includes(stage) ? [] : [`${place}: ${words.join(" ")}`];
  });
  expect(wrong).toEqual([]);
  expect(stageOf(["-C", "examples/mail", "mail-spam"])).toBe("mail-spam");
});

test("every script of the repository that a page runs is there", () => {
  const run = called("node").filter(c => /^(?:examples|scripts|bin|bench)\//.test(c.words[1] ?? ""));
  expect(run.length).toBeGreaterThan(5);
  expect(run.filter(c => !existsSync(join(root, c.words[1]!))).map(c => `${c.place}: ${c.words[1]}`)).toEqual([]);
});

test("commands are cut as a shell cuts them", async () => {
  const script = [
    "A=1 npx loam serve 'a b' \\",
    "  --port 80 > log 2>&1 & # loam nothing",
    'curl -H "x: $(loam login --token)" x | loam chat; cat <<END > f.txt',
    "loam in a text",
    "END",
    "loam models",
  ].join("\n");
  expect(commandsOf(script, 5).filter(c => c.words[0] === "loam")).toEqual([
    { words: ["loam", "serve", "a b", "--port", "80"], line: 5 },
    { words: ["loam", "login", "--token"], line: 7 },
    { words: ["loam", "chat"], line: 7 },
    { words: ["loam", "models"], line: 10 },
  ]);
  expect(pageCommands("x\n```\n$ loam a \\\n  b\nloam c\n```\n```yaml\n$ loam d\n```\n")).toEqual([{ words: ["loam", "a", "b"], line: 3 }]);
  expect(() => commandsOf("echo 'x", 3)).toThrow("line 3");
});

test("a wrong verb, a wrong flag, a missing and a surplus argument are found", async () => {
  expect(await usageProblem(["gateway", "keyz", "list"])).toContain("gateway");
  expect(await usageProblem(["serve", "--prt", "80"])).toContain("--port");
  expect(await usageProblem(["models", "show"])).toContain("model");
  expect(await usageProblem(["trace", "a", "b"])).toContain("argument");
  expect(await usageProblem(["serve", "--port"])).toContain("--port");
  expect(await usageProblem(["serve", "a", "b", "--help"])).toBeUndefined();
  expect(await usageProblem(["trace", "a", "--json"])).toBeUndefined();
  expect(wrongMention(["nonsense"])).toBe("no such verb");
  expect(wrongMention(["gateway", "keyz", "list"])).toContain("keyz");
  expect(wrongMention(["serve", "--nothing"])).toBe("no flag --nothing");
  expect(wrongMention(["data", "NAME"])).toBeUndefined();
});

/** Pages with commands that no test runs, and why; other tests cover what the commands do. */
const notRun: Readonly<Record<string, string>> = {
  "CONTRIBUTING.md": "the whole test run, in minutes",
  "docs/cli.md": "made from --help: examples of each verb, checked as commands above",
  "docs/cluster.md": "minutes of load on a cluster; test/cluster.test.ts runs it by request (LOAM_CLUSTER_LONG=1)",
  "docs/contracts.md": "requests, not commands; test/contracts-page.test.ts sends each as it stands",
  "docs/openai-api.md": "requests, not commands; test/contracts-page.test.ts sends each as it stands",
  "examples/your-own-model/README.md": "test/your-own-model.test.ts runs the program's parts",
  "examples/your-own-parts/README.md": "test/your-own-parts.test.ts runs the program",
  "docs/efficiency.md": "15 minutes to a night; test/efficiency.test.ts runs the example's parts",
  "docs/install.md": "npm start, in minutes; test/pack.test.ts installs the tarball",
  "docs/loam-yaml.md": "made from the schemas",
  "docs/measured-tuning.md": "real models and the whole data of examples, in minutes to an hour",
  "examples/cluster/README.md": "minutes of load on a cluster; test/cluster.test.ts runs it by request (LOAM_CLUSTER_LONG=1)",
  "examples/drift/README.md": "an hour; src/project/looping tests the loop that it runs",
  "examples/efficiency/README.md": "15 minutes; test/efficiency.test.ts runs its parts",
  "examples/genre/README.md": "a model of 4,000 passages and two real models, in minutes",
  "examples/languages/README.md": "a model of 21,344 texts and two real models, in minutes",
  "examples/rewrite/README.md": "a real model, in an hour; test/rewrite-example.test.ts runs it on a part",
  "docs/measured-serving.md": "benches of many minutes beside other servers; test/suites.test.ts runs the quick suites",
};

test("every page with commands is followed by a test, or its reason stands in this file", () => {
  const files = readdirSync(join(root, "test")).filter(f => f.endsWith(".test.ts"));
  const tests = files.map(f => textOf(`test/${f}`)).filter(text => text.includes('"./support/page-session.ts"'));
  const withCommands = pages.filter(p => !p.startsWith("templates/") && /^ *```sh$/m.test(textOf(p)));
  const isFollowed = (page: string): boolean => {
    const name = page.split("/").at(-1)!;
    // all of them are, by their folder; READMEs of examples are named by theirs
    if (page.startsWith("docs/tutorials/")) return files.includes("tutorials.test.ts");
    const word = page.startsWith("examples/") ? page.split("/")[1]! : name;
    return tests.some(text => new RegExp(`["'/\`]${word.replaceAll(".", "\\.")}["'/\` :]`).test(text));
  };
  expect(withCommands.length).toBeGreaterThan(60);
  expect(withCommands.filter(p => !isFollowed(p) && notRun[p] === undefined)).toEqual([]);
  // a reason that is no longer needed goes
  expect(Object.keys(notRun).filter(p => !withCommands.includes(p))).toEqual([]);
});
