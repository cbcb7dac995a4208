/** From data of one's own, or from a template, to a project that runs. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { tickets } from "../src/project/init/tickets.ts";
import { loam, loamProcess } from "./support/child.ts";
import { temporaryFolder } from "./support/project.ts";

const resultOf = (stdout: string) => JSON.parse(stdout.trim().split("\n").at(-1)!) as Record<string, unknown>;

test("a table in windows-1252 with semicolons becomes a served classifier by `init --data` and `run`", async () => {
  const parent = temporaryFolder("own-data");
  mkdirSync(join(parent, "exports"));
  const rows = tickets(200)
    .split("\n")
    .map(line =>
      line
        .replace(/^text,topic$/, "Nachricht;Bereich")
        .replace(/,(\w+)$/, ";$1")
        .replace("please", "für Übung"),
    );
  writeFileSync(join(parent, "exports", "tickets.csv"), Buffer.from(rows.join("\r\n"), "latin1"));

  const looked = await loam(["data", "look", "exports", "--json"], { cwd: parent });
  expect(looked.code, looked.stderr).toBe(0);
  expect(resultOf(looked.stdout)).toMatchObject({
    formats: [
      {
        reader: "csv",
        documents: 200,
        text: "Nachricht",
        label: { from: "field", name: "Bereich" },
        source: { encoding: "windows-1252", delimiter: ";", field: "Nachricht", attributes: { label: "Bereich" } },
        read: { documents: 200, all: true, setAside: 0 },
      },
    ],
  });

  const made = await loam(["init", "shop", "--data", "exports", "--json"], { cwd: parent });
  expect(made.code, made.stderr).toBe(0);
  expect(resultOf(made.stdout)).toMatchObject({ name: "shop" });
  const run = await loamProcess(["run", "--json"], { cwd: join(parent, "shop") });
  expect(run.code, run.stderr).toBe(0);
  expect(resultOf(run.stdout)).toMatchObject({ model: "classifier", version: "classifier@1" });
});

test("what `data look --write` writes is checked by the project's own schema and curates; a file that is there is not written over", async () => {
  const folder = temporaryFolder("look");
  mkdirSync(join(folder, "notes"));
  for (let i = 0; i < 5; i++) writeFileSync(join(folder, "notes", `${i}.txt`), `Note number ${i}: ${"words of a note ".repeat(i + 3)}`);
  const first = await loam(["data", "look", "notes", "--write", "loam.yaml"], { cwd: folder });
  expect(first.code, first.stderr).toBe(0);
  expect(first.stdout).toContain("text   5 files");
  const again = await loam(["data", "look", "notes", "--write", "loam.yaml"], { cwd: folder });
  expect(again.code).toBe(2);
  expect(again.stderr).toContain("expected a file that is not there yet");
  // five notes are too few for a model: `run` curates, which is all there is to do
  const run = await loamProcess(["run"], { cwd: folder });
  expect(run.code, run.stderr).toBe(0);
  expect(run.stdout).toContain("5 read -> 5 kept");
});

test.each([
  ["classify", "mine@1"],
  ["instruct", "mine@1"],
])("the template %s runs to a version", async (template, version) => {
  const parent = temporaryFolder(template);
  expect((await loam(["init", "mine", "--template", template], { cwd: parent })).code).toBe(0);
  const run = await loamProcess(["run", "--json"], { cwd: join(parent, "mine") });
  expect(run.code, run.stderr).toBe(0);
  expect(resultOf(run.stdout)).toMatchObject({ version });
});

test("the templates serve and gateway are files that their commands accept", async () => {
  const parent = temporaryFolder("templates");
  for (const template of ["serve", "gateway"]) expect((await loam(["init", template, "-t", template], { cwd: parent })).code).toBe(0);
  const checked = await loam(["gateway", "--check"], { cwd: join(parent, "gateway") });
  expect(checked.code, checked.stderr).toBe(0);
  const models = await loam(["models"], { cwd: join(parent, "serve") });
  expect(models.code, models.stderr).toBe(0);
  expect(readFileSync(join(parent, "serve", "loam.yaml"), "utf8")).toContain("models: { serve: {} }");
});

test("what `init` cannot use is named, and nothing is written", async () => {
  const cwd = temporaryFolder("init");
  mkdirSync(join(cwd, "empty"));
  for (const [args, said] of [
    [["init", "x", "--template", "other"], "expected one of pretrain, classify, instruct, serve, gateway"],
    [["init", "x", "--data", "nowhere"], "expected a folder"],
    [["init", "x", "--data", "empty"], "expected a folder with files that a reader takes"],
    [["init", "x", "--data", "empty", "--template", "gateway"], "expected a template pretrain or classify"],
    [["init"], "expected a name"],
  ] as const) {
    const { code, stderr } = await loam(args, { cwd });
    expect(code).toBe(2);
    expect(stderr).toContain(said);
  }
});
