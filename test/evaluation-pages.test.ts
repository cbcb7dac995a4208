/** The pages on evaluation as a reader follows them: every block of commands in order, with small models under the names of those that the pages use. */
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { letters } from "../src/project/init/letters.ts";
import { loam, root } from "./support/child.ts";
import { deepTest } from "./support/deep.ts";
import { mailProject, smallMailModel } from "./support/mail-project.ts";
import { followPage, type ReaderShell } from "./support/page-session.ts";
import { temporaryFolder, toyYaml, trainedTemplate } from "./support/project.ts";
import { writeEncoder } from "./support/tasks-project.ts";

const page = (name: string): string => readFileSync(join(root, name), "utf8");

/** Runs a command of the set-up. Errors: it fails. */
async function done(args: readonly string[], cwd: string): Promise<void> {
  const { code, stderr } = await loam(args, { cwd });
  if (code !== 0) throw new Error(`loam ${args.join(" ")}: ${stderr}`);
}

/** The examples with the package that they read, and a model that reads 1,024 tokens as the file that the pages download; models lie in a home of its own. */
async function examplesWithModel(): Promise<{ readonly cwd: string; readonly env: Readonly<Record<string, string>> }> {
  const cwd = temporaryFolder("examples");
  cpSync(join(root, "examples", "evaluation"), join(cwd, "examples", "evaluation"), { recursive: true });
  symlinkSync(join(root, "node_modules"), join(cwd, "node_modules"), "junction");
  const toy = temporaryFolder("toy");
  mkdirSync(join(toy, "texts"));
  for (const [i, text] of letters(60, "toy").entries()) writeFileSync(join(toy, "texts", `${i}.txt`), text);
  writeFileSync(join(toy, "loam.yaml"), toyYaml({ tokens: 8192 }).replace("context: 32", "context: 1024").replace("rows: 8", "rows: 2"));
  await done(["train", "toy"], toy);
  const file = join(cwd, "examples", "evaluation", "SmolLM2-135M-Instruct.Q4_1.gguf");
  await done(["models", "export", "toy", "--format", "gguf", "--to", file], toy);
  return { cwd, env: { HOME: temporaryFolder("home") } };
}

/** A task of the texts of the template's table, and a version that is released. */
async function releasedClassifier(): Promise<string> {
  const cwd = await trainedTemplate("tickets", "classify");
  mkdirSync(join(cwd, "tasks"));
  const task = [
    "task: topics",
    "data: { test: ../data/tickets.csv }",
    "prompt: '{{text}}'",
    "text: text",
    "output: classify",
    "labels: { billing: billing, delivery: delivery, account: account }",
    "target: topic",
    "metrics: [f1]",
  ];
  writeFileSync(join(cwd, "tasks", "topics.yaml"), task.join("\n"));
  await done(["models", "promote", "tickets@1", "prod"], cwd);
  return cwd;
}

deepTest("docs/evaluation.md: every command runs, and two models are compared and judged as the page shows", async () => {
  const project = await releasedClassifier();
  // minutes, and a difference's sign, are those of other models; below, the page shows what other evaluations write
  const [guide] = page("docs/evaluation.md").split("## What is sure");
  await followPage(guide!.replace(/^( {4}acc .* -> \S+).*$/m, "$1").replace("1:51", "51 s"), {
    ...(await examplesWithModel()),
    before: { "loam eval --against": async at => void (await at.run(`cd ${project}`)) },
  });
});

deepTest("examples/evaluation/README.md: every command runs", async () => {
  const own = { PATH_OR_VERSION: "./SmolLM2-135M-Instruct.Q4_1.gguf" };
  await followPage(page("examples/evaluation/README.md"), { ...(await examplesWithModel()), own });
});

/** Once more at another rate: a second version. */
const trainAgain = async (at: ReaderShell): Promise<void> => {
  await at.run("sed -i 's/rate: 0.02/rate: 0.01/' loam.yaml\nloam run");
};

deepTest("docs/bits-per-byte.md: both commands run", async () => {
  await followPage(page("docs/bits-per-byte.md"), { cwd: mailProject(smallMailModel), before: { "loam evaluations diff": trainAgain } });
});

deepTest("docs/influence.md: every command runs", async () => {
  const cwd = mailProject();
  await writeEncoder(join(cwd, "encoder"));
  await done(["models", "import", "./encoder", "--name", "minilm"], cwd);
  await followPage(page("docs/influence.md"), { cwd, parts: ["loam.yaml"], own: { "--measure-influence 32": "--measure-influence 3" } });
});
