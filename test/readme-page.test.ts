/** The commands of the repository's README as a reader runs them: in a clone, with a folder of tickets, a task and a search of the reader's own. */
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { tickets } from "../src/project/init/tickets.ts";
import { root } from "./support/child.ts";
import { deepTest } from "./support/deep.ts";
import { layersHome } from "./support/image.ts";
import { followPage } from "./support/page-session.ts";
import { temporaryFolder } from "./support/project.ts";
import { toyModelFolder } from "./support/toy-model.ts";

const task = `task: topics
data: { test: topics.jsonl }
prompt: text
output: classify
labels: { billing: billing, delivery: delivery, account: account }
target: topic
`;
const search = "searches:\n  rates: { model: classifier, space: { tune.rate: [0.002, 0.005] }, trials: 2, sampler: grid }\n";
const litellm = `model_list:
  - model_name: writer
    litellm_params: { model: openai/letters, api_base: "http://127.0.0.1:9/v1", api_key: sk-unused }
`;

/** What the reader of the part on tuning has: a task, and a search for the project's file. */
function writeOwn(cwd: string): void {
  const items = tickets(30, "topics").trim().split("\n").slice(1);
  const rows = items.map(line => /^"(.*)",(\w+)$/.exec(line)!).map(([, text, topic]) => JSON.stringify({ text, topic }));
  mkdirSync(join(cwd, "own", "tasks"), { recursive: true });
  writeFileSync(join(cwd, "own", "tasks", "topics.jsonl"), `${rows.join("\n")}\n`);
  writeFileSync(join(cwd, "own", "tasks", "topics.yaml"), task);
  writeFileSync(join(cwd, "own", "search.yaml"), search);
}

deepTest("README.md: every command behind the first block runs in its order", async () => {
  const cwd = temporaryFolder("clone");
  for (const name of ["bin", "examples"]) symlinkSync(join(root, name), join(cwd, name), "junction");
  mkdirSync(join(cwd, "exports"));
  writeFileSync(join(cwd, "exports", "tickets.csv"), tickets(300));
  writeFileSync(join(cwd, "config.yaml"), litellm);
  writeOwn(cwd);
  const model = await toyModelFolder(1);
  const short = "sed -i 's/tokens: 240k/tokens: 20k/; s/width: 96/width: 48/' loam.yaml";
  // the blocks behind its commands are no output
  const [page] = readFileSync(join(root, "README.md"), "utf8").split("## Beside the peers");
  const { folder } = await followPage(page!, {
    cwd,
    env: { LOAM_HOME: layersHome(), OPENAI_API_KEY: "sk-unused" },
    own: {
      // the whole of examples/mail and of the tests
      "npm start": ":",
      "npm test": ":",
      "init letters && cd letters": `init letters\ncd letters\n${short}`,
      "node bin/loam.js init tickets": "cd ..\nnode bin/loam.js init tickets",
      "&& cd tickets": "\ncd tickets; cp -r ../own/tasks .; cat ../own/search.yaml >> loam.yaml; sed -i 's/port: 8080/port: 0/' loam.yaml",
      "./SmolLM2-135M-Instruct.Q4_1.gguf": model,
      "hf:OWNER/NAME": model,
      "litellm config.yaml": "litellm ../config.yaml",
    },
  });
  expect(folder).toMatch(/tickets$/);
});
