/**
 * The examples of the pages of deployment run as they stand there: commands of `loam` and programs in TypeScript in each run of the tests; those that need a registry
 * and a container runtime in the full one. What a cluster would do (`kubectl`) is run by test/cluster-deploy-pages.test.ts; `aws cloudformation` is not run.
 */
import { execFile, spawn } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { transform } from "esbuild";
import { expect, onTestFinished, test } from "vitest";
import { findGoProgram, findVersitygw, startVersitygw } from "../src/store/servers.laws.ts";
import { loam, root } from "./support/child.ts";
import { deepTest } from "./support/deep.ts";
import { has, layersHome, watchContainer, withoutRuntime } from "./support/image.ts";
import { followPage } from "./support/page-session.ts";
import { trainedToy, writeToy } from "./support/project.ts";
import { findRegistry, startRegistry } from "./support/registry.ts";
import { codeBlocks, pageCommands } from "./support/shell-lines.ts";

const page = (name: string): string => readFileSync(join(root, "docs", name), "utf8");
const blocks = (text: string, language: string): string[] =>
  [...text.matchAll(new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, "gs"))].map(m => m[1]!);
/** Commands of `loam` without their comments, for the toy. */
const commands = (text: string): string[][] =>
  blocks(text, "sh")
    .flatMap(b => b.split("\n"))
    .filter(line => line.startsWith("loam "))
    .map(line => line.split("#")[0]!.replaceAll("mail-small", "toy").trim().split(/\s+/).slice(1));

test("every command of the two pages that needs no cluster runs in their order, with the deployment that the page names", async () => {
  // commands of blue/green need a cluster: test/cluster-blue-green.test.ts runs them with pods
  const deployments = page("deployments.md").replace(/^## Blue\/green\n.*?(?=^## )/ms, "");
  const [part, prices] = blocks(deployments, "yaml") as [string, string];
  const cwd = await trainedToy({ more: `${part.replaceAll("mail-small", "toy")}${prices.replace("deploy:\n", "")}` });
  const promoted = await loam(["models", "promote", "toy@1", "prod"], { cwd });
  expect(promoted.code, promoted.stderr).toBe(0);
  for (const args of [...commands(page("deploy-web.md")), ...commands(deployments)]) {
    if (args[1] === "rollback") {
      // a second generation to go back from
      const path = join(cwd, "loam.yaml");
      writeFileSync(path, readFileSync(path, "utf8").replace("weights: q8", "weights: q4"));
      expect((await loam(["deploy", "apply"], { cwd })).code).toBe(0);
    }
    const { code, stderr } = await loam(args, { cwd });
    expect(code, `${args.join(" ")}: ${stderr}`).toBe(0);
  }
});

test("a project without deployments says where they go", async () => {
  const { code, stdout } = await loam(["deploy", "status"], { cwd: writeToy(await trainedToy()) });
  expect([code, stdout.trim()]).toEqual([0, "loam.yaml has no deployments: add one under deploy.deployments"]);
});

/** Pages of the targets that need no browser; deploy-web.md is above. */
const cheapPages = ["deploy-kubernetes.md", "deploy-serverless.md", "deploy-sagemaker.md", "operator.md"];
/** Their commands build images: the last test here runs them. */
const imagePages = ["deploy.md", "deploy-image.md"];
/** What asks a registry or a bucket: `--image` alone is a name. */
const asksOthers = (words: readonly string[]): boolean =>
  ["--push", "--check-image", "--pull-from"].some(flag => words.includes(flag)) || (words[1] === "models" && words[2] === "push");

interface PageCommand {
  readonly place: string;
  readonly words: readonly string[];
}

/** The commands of a page for the toy. */
const toyCommands = (name: string, registry = "registry.example.com"): PageCommand[] =>
  pageCommands(page(name)).map(({ words, line }) => ({
    place: `docs/${name}:${line}`,
    words: words.map(w => w.replaceAll("mail-small", "toy").replaceAll("registry.example.com", registry)),
  }));

const run = promisify(execFile);

/** Runs a command of a page in a project; what a program of another's says. */
async function runCommand({ place, words: [program = "", ...args] }: PageCommand, cwd: string): Promise<void> {
  if (program !== "loam")
    return void (await run(program, args, { cwd }).catch((error: unknown) => expect.fail(`${place}: ${String(error)}`)));
  const { code, stderr } = await loam(args, { cwd, env: { LOAM_HOME: layersHome() } });
  expect(code, `${place}: loam ${args.join(" ")}: ${stderr}`).toBe(0);
}

/** A toy with so many versions, the last one behind the alias `prod`. */
async function toyWithVersions(count: number): Promise<string> {
  const cwd = await trainedToy();
  const path = join(cwd, "loam.yaml");
  const yaml = readFileSync(path, "utf8");
  for (let version = 2; version <= count; version++) {
    writeFileSync(path, yaml.replace("tokens: 20000", `tokens: ${20_000 + 1000 * version}`));
    expect((await loam(["run"], { cwd })).code).toBe(0);
  }
  const promoted = await loam(["models", "promote", `toy@${count}`, "prod"], { cwd });
  expect(promoted.code, promoted.stderr).toBe(0);
  return cwd;
}

test.each(cheapPages)("every command of docs/%s that needs nothing but a project runs, in the page's order", async name => {
  const commands = toyCommands(name).filter(c => c.words[0] === "loam" && !asksOthers(c.words));
  const cwd = await toyWithVersions(name === "deploy-kubernetes.md" ? 4 : 1);
  expect(commands.length).toBeGreaterThan(0);
  for (const command of commands) await runCommand(command, cwd);
});

async function runPrograms(name: string): Promise<void> {
  const cwd = await toyWithVersions(1);
  mkdirSync(join(cwd, "node_modules"));
  symlinkSync(root, join(cwd, "node_modules", "loam"), "junction");
  const programs = codeBlocks(page(name)).filter(b => b.language === "ts");
  expect(programs.length).toBeGreaterThan(0);
  for (const [i, { text }] of programs.entries()) {
    const { code } = await transform(text.replaceAll("mail-small", "toy"), { loader: "ts", target: "node20" });
    writeFileSync(join(cwd, `page-${i}.mjs`), code);
    const { stdout } = await run(process.execPath, [`page-${i}.mjs`], { cwd, env: { ...process.env, LOAM_HOME: layersHome() } });
    const printed = text.match(/console\.log/g)?.length ?? 0;
    expect(stdout.trim().split("\n").length, stdout).toBeGreaterThanOrEqual(printed);
    expect(stdout).not.toContain("undefined");
  }
}

for (const name of [...cheapPages, ...imagePages].filter(file => page(file).includes("```ts")))
  (name === "deploy-kubernetes.md" ? test : deepTest)(`the program of docs/${name} runs and prints what it is to print`, () =>
    runPrograms(name),
  );

const registry = findRegistry();
const cosign = findGoProgram("cosign", "LOAM_COSIGN", "github.com/sigstore/cosign/v2/cmd/cosign");

/** Runs a bundle with nothing changed in it, at a terminal as people do; gives what a chat is answered with, asked from inside: it has a network of its own. */
async function chatInside(bundle: string, words: readonly string[], cwd: string): Promise<string> {
  const name = words.at(-1)!;
  const child = spawn("script", ["--quiet", "--flush", "--return", "--command", words.join(" "), "/dev/null"], {
    cwd,
    stdio: ["pipe", "pipe", "pipe"],
    env: { ...process.env, PATH: `/usr/sbin:${process.env.PATH}` },
  });
  const said = watchContainer(child, name);
  const body = JSON.stringify({ model: "toy", messages: [{ role: "user", content: "Dear Anna" }], max_tokens: 4, seed: 7 });
  const asking = `fetch("http://127.0.0.1:8080/v1/chat/completions", {
    method: "POST", headers: { "content-type": "application/json" }, body: ${JSON.stringify(body)} })
    .then(async r => (r.ok ? console.log(await r.text()) : process.exit(1)))`;
  let answer = "";
  await expect
    .poll(
      async () => {
        expect(child.exitCode, said()).toBeNull();
        answer = await run("runc", ["exec", name, "/usr/local/bin/node", "-e", asking]).then(
          r => r.stdout,
          () => "",
        );
        return answer;
      },
      { timeout: 120_000, interval: 500 },
    )
    .not.toBe("");
  expect(readFileSync(join(bundle, "config.json"), "utf8")).toContain('"terminal": true');
  return answer;
}

const bucket = findVersitygw();
(bucket.reason === undefined ? deepTest : test.skip)(
  `docs/deploy-image.md: an image whose weights lie in a bucket is built as the page shows: the bucket has the files of the version (${bucket.reason ?? "runs"})`,
  async () => {
    const store = await startVersitygw(bucket.program!);
    onTestFinished(() => store.stop());
    const [, endpoint] = store.url("models").split("?");
    const [, part] = /^(From a folder of an HTTP server.*?)^## /ms.exec(page("deploy-image.md"))!;
    const { folder } = await followPage(part!.replaceAll("mail-small", "toy"), {
      cwd: await toyWithVersions(1),
      env: { LOAM_HOME: layersHome() },
      own: {
        // the server keeps objects as files; no program of Amazon's is here
        "aws s3 cp mail-3 s3://models/mail/3 --recursive": `mkdir -p "${store.folder}/models/mail" && cp -r mail-3 "${store.folder}/models/mail/3"`,
        "s3://models/mail/3?region=eu-central-1": `"s3://models/mail/3?${endpoint}"`,
      },
    });
    const files = readdirSync(join(folder, "image.oci"));
    expect(files).toContain("index.json");
  },
);

const lacksPrograms = withoutRuntime || !has("script") ? "umoci, runc, script and root are needed" : (registry.reason ?? cosign.reason);
(lacksPrograms === undefined ? deepTest : test.skip)(
  `commands of docs/deploy.md, deploy-image.md and deploy-kubernetes.md run as they stand with a registry, umoci, runc and cosign, and the image answers a chat (${lacksPrograms ?? "runs"})`,
  async () => {
    const { host } = await startRegistry(registry.program!);
    const ran: string[] = [];
    for (const name of [...imagePages, "deploy-kubernetes.md"]) {
      const cwd = await toyWithVersions(4);
      for (const command of toyCommands(name, host)) {
        const words = command.words.map(w => w.replaceAll("toy-1", "toy-4"));
        const [program = ""] = words;
        // a bucket (above) and a cluster (test/cluster-deploy-pages.test.ts)
        if (["aws", "mkdir", "tar", "kubectl", "docker", "buildah"].includes(program) || words.some(w => w.includes("s3://"))) continue;
        ran.push(program);
        if (program === "runc") {
          const container = `loam-page-${name.replace(".md", "")}-${process.pid}`;
          const answer = await chatInside(join(cwd, "bundle"), [...words.slice(0, -1), container], cwd);
          expect(JSON.parse(answer)).toMatchObject({ object: "chat.completion", choices: [{ message: { role: "assistant" } }] });
        } else if (program === "cosign") {
          const accepted = [cosign.program!, ...words.slice(1, -1), "--allow-http-registry", "--allow-insecure-registry", words.at(-1)!];
          await runCommand({ ...command, words: accepted }, cwd);
        } else await runCommand({ ...command, words }, cwd);
      }
    }
    expect(new Set(ran)).toEqual(new Set(["loam", "umoci", "runc", "cosign"]));
  },
);
