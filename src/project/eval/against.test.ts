import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { defined } from "../../base/index.ts";
import { openStore, registerVersion, runStage, type Store, setAlias, stage } from "../../store/index.ts";
import { againstModel } from "./against.ts";
import { taskNames } from "./task-files.ts";

const root = mkdtempSync(join(tmpdir(), "loam-against-"));
const folder = join(root, "work");
let home: Store;
const before = process.env.LOAM_HOME;
const toy = stage({
  name: "toy",
  version: 1,
  inputs: {},
  options: z.strictObject({ seed: z.number() }),
  output: "model",
  async run({ output, options }) {
    await output.write("weights.bin", Buffer.of(options.seed));
    return {};
  },
});
beforeAll(async () => {
  mkdirSync(folder);
  process.env.LOAM_HOME = join(root, "home");
  mkdirSync(process.env.LOAM_HOME);
  home = await openStore({ root: process.env.LOAM_HOME });
  for (const [name, seed] of [
    ["mail", 1],
    ["mail", 2],
    ["other", 3],
    ["staging", 4],
  ] as const)
    await registerVersion(home, name, (await runStage(home, toy, { inputs: {}, options: { seed } })).artifact.id, {});
  await setAlias(home, "mail", "prod", 1);
  await setAlias(home, "mail", "staging", 2);
});
afterAll(async () => {
  await home.close();
  if (before === undefined) delete process.env.LOAM_HOME;
  else process.env.LOAM_HOME = before;
  rmSync(root, { recursive: true, force: true });
});
const against = (given: string, ofModel: string | undefined = "mail") =>
  againstModel(given, { store: home, ...defined({ ofModel }) }, folder);

test("a bare alias is the evaluated model's; a model of that very name is the model", async () => {
  expect(await against("prod")).toBe("mail@prod");
  expect(await against("latest")).toBe("mail@latest");
  expect(await against("staging")).toBe("staging");
});

test.each(["other", "mail", "other@prod", "./prod", "prod.gguf", "http://127.0.0.1:1/v1#prod"])("%s is as it stands", async given => {
  expect(await against(given)).toBe(given);
});

test("what is neither is an error with the models, the aliases and the nearest", async () => {
  await expect(against("prd")).rejects.toThrow(
    'loam eval --against: expected a model (mail, other, staging), or an alias of mail: latest, prod, staging, got "prd". Did you mean "prod"?',
  );
  // another model's alias is not this one's
  await expect(against("prod", "other")).rejects.toThrow(/an alias of other: latest, got "prod".*loam models promote other@VERSION prod/);
  const files = againstModel("prod", { store: home }, folder);
  await expect(files).rejects.toThrow(
    /expected a model \(mail, other, staging\), got "prod"\. A bare alias is one of the model that is evaluated/,
  );
});

test("without a task all of the project's are meant; where it has none that is said", () => {
  expect(taskNames(["a.yaml"], folder)).toEqual(["a.yaml"]);
  expect(() => taskNames([], folder)).toThrow(/expected a task: a file, or tasks in .*work\/tasks, got none/);
  mkdirSync(join(folder, "tasks"));
  for (const name of ["spam.yaml", "genre.yml", "items.jsonl"]) writeFileSync(join(folder, "tasks", name), "");
  expect(taskNames([], folder)).toEqual(["genre", "spam"]);
});
