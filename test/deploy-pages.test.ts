/** The examples of docs/deploy-web.md and docs/deployments.md run as they stand there. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { loam, root } from "./support/child.ts";
import { trainedToy, writeToy } from "./support/project.ts";

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
  // commands of blue/green need a cluster: test/blue-green.test.ts runs them against an API server
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
