/** The command line as its users meet it when something is wrong or a machine reads along: sentences, exit codes, JSON. */

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { expect, test } from "vitest";
import { verbs } from "../src/cli/verbs.ts";
import { type Ended, jsonLines, loam, loamProcess, program, startProcess } from "./support/child.ts";
import { temporaryFolder, toyProject, toyYaml, trainedToy, writeToy } from "./support/project.ts";

/** The one line of an error, its exit code, and nothing on stdout. */
function sentence({ code, stdout, stderr }: Ended): { code: number | null; text: string } {
  expect(stdout).toBe("");
  const lines = stderr.split("\n").filter(l => l.startsWith("loam: "));
  expect(lines, stderr).toHaveLength(1);
  expect(stderr).not.toMatch(/\n\s+at /);
  return { code, text: lines[0]! };
}

const wrong: readonly [string, readonly string[], RegExp][] = [
  ["a misspelt command", ["srve"], /^loam: command: expected a known one, got "srve"\. Did you mean "loam serve"\?/],
  ["an unknown command", ["frobnicate"], /got "frobnicate"\. `loam --help` lists them/],
  ["a misspelt option", ["run", "--mdoel", "x"], /loam run: expected one of .*--model.*, got --mdoel\. Did you mean "--model"\?/],
  ["a missing argument", ["report"], /loam report: missing required argument 'kind'/],
  ["a name that nobody can be asked for", ["init"], /loam init: expected a name, got none/],
  ["too many arguments", ["models", "all", "of", "them"], /loam models: too many arguments/],
  ["an option without its value", ["serve", "--port"], /loam serve: option .*--port <port>.* argument missing/],
  ["a port that is none", ["serve", "--port", "eighty"], /loam serve: --port: expected a whole number from 0 to 65535, got "eighty"/],
  ["a temperature out of range", ["chat", "--temperature", "9"], /--temperature: expected a number from 0 to 2, got "9"/],
  ["a folder that is not there", ["run", "-C", "/nonexistent/folder"], /expected a folder, got none/],
  ["a name that cannot be one", ["init", "My Project!"], /expected a name of letters, digits and -, got "My Project!"\. Try "my-project"/],
];

for (const [what, args, words] of wrong)
  test(`${what} is one sentence that names it, exit code 2`, async () => {
    const folder = toyProject();
    const { code, text } = sentence(await loam(args, { cwd: folder }));
    expect(text).toMatch(words);
    expect(code).toBe(2);
  });

test("a folder without a project says what would make one", async () => {
  const folder = temporaryFolder();
  const { code, text } = sentence(await loamProcess(["run"], { cwd: folder }));
  expect(text).toMatch(/expected a loam\.yaml here or in a folder above, got none\. `loam init NAME` writes a project/);
  expect(code).toBe(2);
  expect(readdirSync(folder)).toEqual([]);
});

const misspelt: readonly [string, (yaml: string) => string, RegExp][] = [
  ["a misspelt key", y => y.replace("layers:", "layrs:"), /loam\.yaml: models\.toy\.layrs: .*got "layrs"\. Did you mean "layers"\?/],
  ["a misspelt key at the top", y => y.replace("tokenizer:", "tokeniser:"), /loam\.yaml: tokeniser: .*Did you mean "tokenizer"\?/],
  [
    "a misspelt value",
    y => y.replace("reader: text", "reader: txt"),
    /loam\.yaml: data\.letters\.source\.reader: expected one of .*got "txt"\. Did you mean "text"\?/,
  ],
  [
    "a data set that is not defined",
    y => y.replace("on: letters", "on: leters"),
    /models\.toy\.train\.on: expected a data set \(letters\), got "leters"\. Did you mean "letters"\?/,
  ],
  ["a number that is none", y => y.replace("width: 32", "width: wide"), /loam\.yaml: models\.toy\.width: expected number, got "wide"/],
  ["text that is not YAML", y => `${y}\n  - [`, /loam\.yaml:\d+:\d+: /],
  ["the same key twice", y => `name: other\n${y}`, /loam\.yaml:\d+:\d+: .*[Uu]nique/],
];

for (const [what, edit, words] of misspelt)
  test(`${what} in loam.yaml is named with its place, and nothing is written`, async () => {
    const folder = toyProject();
    writeFileSync(join(folder, "loam.yaml"), edit(toyYaml()));
    const { code, text } = sentence(await loam(["run"], { cwd: folder }));
    expect(text).toMatch(words);
    expect(code).toBe(2);
    expect(existsSync(join(folder, ".loam"))).toBe(false);
  });

test("heads that do not divide the width are refused before anything is trained", async () => {
  const folder = toyProject();
  writeFileSync(join(folder, "loam.yaml"), toyYaml().replace("heads: 2", "heads: 3"));
  const { code, stderr } = await loam(["run"], { cwd: folder });
  expect(stderr).toMatch(/loam: .*(heads|width).*(expected|divi)/);
  expect(code).toBe(2);
});

test("init writes beside nothing: a folder that holds something is refused and left alone", async () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "mine"));
  writeFileSync(join(folder, "mine", "diary.txt"), "dear diary");
  const { code, text } = sentence(await loam(["init", "mine"], { cwd: folder }));
  expect(text).toMatch(/expected no such folder yet, or an empty one, got one with diary\.txt\. Choose another name/);
  expect(code).toBe(2);
  expect(readdirSync(folder)).toEqual(["mine"]);
  expect(readdirSync(join(folder, "mine"))).toEqual(["diary.txt"]);
});

const old = (version: string) => [
  "--import",
  `data:text/javascript,Object.defineProperty(process,"versions",{value:{...process.versions,node:"${version}"}})`,
];
test.each([
  ["18.20.4", false],
  ["20.18.3", false],
  ["20.19.0", true],
  ["21.0.0", true],
  ["22.1.0", true],
])("Node %s works: %s", async (version, works) => {
  const ended = await loamProcess(["--version"], { node: old(version) });
  expect(ended.code).toBe(works ? 0 : 3);
  if (!works) expect(sentence(ended).text).toContain(`Node: expected 20.19.0 or newer, got ${version}. Install a newer Node`);
});

test("help is there without a project, names every verb and the exit codes", async () => {
  const { code, stdout } = await loam(["--help"], { cwd: temporaryFolder() });
  expect(code).toBe(0);
  for (const { usage } of verbs) expect(stdout).toContain(`\n  ${usage.split(" ")[0]!}`);
  expect(stdout).toMatch(/Exit codes: 0 done, 1 failed, 2 wrong usage or input, 3 .*, 130 /);
  const wordsOf = (usage: string) => usage.split(" ").filter(word => !/^[<[]/.test(word));
  for (const { usage, example } of verbs) expect((await loam([...wordsOf(usage), "--help"])).stdout).toContain(example);
});

test("with --json every verb writes JSON lines to stdout and nothing else", async () => {
  const folder = temporaryFolder();
  const made = await loam(["init", "toy", "--json"], { cwd: folder });
  expect(jsonLines(made.stdout)).toHaveLength(1);
  const cwd = writeToy(join(folder, "life"));
  const results: Record<string, Record<string, unknown>[]> = {};
  for (const args of [
    ["run", "--dry-run"],
    ["run"],
    ["train", "toy"],
    ["data", "run"],
    ["data", "report"],
    ["data", "drops"],
    ["data", "explain", "letter-00007"],
    ["models"],
    ["trace", "toy@latest"],
    ["trace", "--verify"],
    ["gc", "--dry-run"],
    ["chat", "--complete", "--prompt", "Dear ", "-n", "5"],
    ["doctor"],
  ]) {
    const { code, stdout, stderr } = await loam([...args, "--json"], { cwd });
    expect(code, `${args.join(" ")}: ${stderr}`).toBe(0);
    results[args.join(" ")] = jsonLines(stdout);
  }
  expect(results["run --dry-run"]!.at(-1)).toMatchObject({
    event: "plan",
    estimate: { ms: expect.any(Number), bytes: expect.any(Number) },
  });
  expect(results.run!.at(-1)).toMatchObject({ event: "result", version: "toy@1", ran: 9 });
  expect(results.run!.filter(e => e.event === "stage").map(e => e.label)).toEqual([
    "source/letters",
    "data/letters",
    "tokenizer",
    "shards/letters",
    "toy",
    "data-sketch/letters",
    "sketch/toy",
    "baselines/letters",
    "evaluate/toy",
  ]);
  expect(results["train toy"]!.at(-1)).toMatchObject({ version: "toy@1", ran: 0 });
  expect(results.models).toMatchObject([
    { models: [{ model: "toy", versions: [{ number: 1, scores: { bitsPerByte: expect.any(Number) } }] }] },
  ]);
  expect(results["trace --verify"]!.at(-1)).toMatchObject({ ok: true, contentRead: true });
  expect(results["chat --complete --prompt Dear  -n 5"]).toMatchObject([{ event: "answer", text: expect.any(String) }]);

  const server = startProcess(["serve", "--json"], { cwd });
  await server.says(/"serving"/);
  server.kill("SIGTERM");
  const served = await server.ended;
  expect(served.code).toBe(0);
  expect(jsonLines(served.stdout)).toMatchObject([
    { event: "serving", url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/), model: "toy@1" },
    { event: "stopped", cutOff: 0 },
  ]);

  const failed = await loam(["trace", "nothing-like-it", "--json"], { cwd });
  expect(failed.code).toBe(2);
  expect(jsonLines(failed.stdout)).toMatchObject([{ error: { code: "store/notFound", received: expect.any(String) } }]);
});

test("serving what is not made yet says so where it is named", async () => {
  const cwd = toyProject();
  const { code, text } = sentence(await loamProcess(["serve", "toy"], { cwd }));
  expect(text).toMatch(/toy@latest: expected a model of this record, got "toy"/);
  expect(code).toBe(2);
});

test("a port in use is named with another to try, and the server ends", async () => {
  const cwd = await trainedToy();
  const other = createServer();
  await new Promise<void>(resolve => other.listen(0, "127.0.0.1", resolve));
  const { port } = other.address() as { port: number };
  try {
    const { code, text } = sentence(await loamProcess(["serve", "--port", String(port)], { cwd }));
    expect(text).toMatch(
      new RegExp(`port ${port}: another program listens on 127\\.0\\.0\\.1:${port}\\. Stop it, or take another port: --port ${port + 1}`),
    );
    expect(code).toBe(3);
  } finally {
    other.close();
  }
});

test("a reader that stops reading ends the command without a word", async () => {
  const cwd = toyProject();
  const { stderr } = spawnSync("sh", ["-c", '"$0" "$1" run --json | head -n 1', process.execPath, program], { cwd, encoding: "utf8" });
  expect(stderr).not.toMatch(/EPIPE|\n\s+at /);
  expect((await loam(["run"], { cwd })).code).toBe(0);
});

test("doctor names what is bad on a machine and ends with exit code 3; a library that is none is not a crash", async () => {
  const cwd = temporaryFolder();
  const broken = join(cwd, "libonnxruntime.so");
  writeFileSync(broken, "not a library");
  for (const path of [broken, join(cwd, "none")]) {
    const { code, stdout, stderr } = await loamProcess(["doctor", "--json"], { cwd, env: { LOAM_ONNXRUNTIME: path } });
    expect(code, stderr).toBe(3);
    const [found, failure] = jsonLines(stdout) as [{ ok: boolean; checks: { name: string; state: string; hint?: string }[] }, unknown];
    expect(found.ok).toBe(false);
    expect(found.checks.find(c => c.name === "device cpu")).toMatchObject({
      state: "bad",
      hint: expect.stringContaining("LOAM_ONNXRUNTIME"),
    });
    expect(failure).toMatchObject({ error: { code: "project/machine", place: "loam doctor: device cpu" } });
  }
});

test("doctor says of everything that is missing how to get it", async () => {
  const { code, stdout } = await loamProcess(["doctor", "--json"], { cwd: temporaryFolder(), env: { PATH: "/nonexistent" } });
  expect(code).toBe(0);
  const [{ checks }] = jsonLines(stdout) as unknown as [{ checks: { name: string; state: string; hint?: string }[] }];
  const missing = checks.filter(c => c.state === "missing");
  expect(missing.map(c => c.name)).toEqual(expect.arrayContaining(["npm", "strace"]));
  for (const c of missing) expect(c.hint, c.name).toMatch(/\w/);
});

test("doctor names PJRT plugins with their API version, and engines; a TPU's library is not loaded where there is no TPU", async () => {
  const cwd = temporaryFolder();
  const library = join(cwd, "libtpu.so");
  writeFileSync(library, "not a library");
  const look = async (env: Readonly<Record<string, string>>) => {
    const { code, stdout } = await loamProcess(["doctor", "--json"], { cwd, env });
    expect(code).toBe(0);
    const [{ checks }] = jsonLines(stdout) as unknown as [
      { checks: { name: string; state: string; found: string; hint?: string; data: object }[] },
    ];
    return { pjrt: checks.find(c => c.name === "pjrt")!, engines: checks.find(c => c.name === "launch engines")! };
  };
  const nothing = {
    LOAM_PJRT_CPU: "",
    LOAM_PJRT_TPU: "",
    LOAM_PJRT_CUDA: "",
    PATH: "/nonexistent",
    KUBECONFIG: "/nowhere",
    RAY_API_SERVER_ADDRESS: "http://127.0.0.1:1",
  };
  const none = await look(nothing);
  expect(none.pjrt).toMatchObject({ state: "missing", hint: expect.stringContaining("LOAM_PJRT_CPU") });
  expect(none.engines).toMatchObject({ state: "missing", hint: expect.stringMatching(/mpirun: .*slurm: .*ray: .*kubernetes: /) });
  const tpu = await look({ ...nothing, LOAM_PJRT_TPU: library });
  expect(tpu.pjrt.found).toMatch(/^tpu: (not loaded: no TPU|.*cannot be loaded)/);
  const broken = await look({ ...nothing, LOAM_PJRT_CPU: library, LOAM_PJRT_CUDA: join(cwd, "none.so") });
  expect(broken.pjrt).toMatchObject({
    state: "warn",
    found: expect.stringMatching(/cpu: .*cannot be loaded.*; cuda: LOAM_PJRT_CUDA=.*none\.so: no such file/),
  });
});

test.skipIf(process.env.LOAM_PJRT_CPU === undefined)("doctor tells the API version of a plugin that loads", async () => {
  const { stdout } = await loamProcess(["doctor", "--json"], { cwd: temporaryFolder() });
  expect(stdout).toMatch(/"found":"cpu: API 0\.\d+ \(/);
});
