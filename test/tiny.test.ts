/** The whole life at toy size through the command line: a project is made, run, listed, traced to its texts, served, asked, and stopped. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import OpenAI from "openai";
import { expect, test } from "vitest";
import { jsonLines, loam, start } from "./support/child.ts";
import { signedIn } from "./support/login.ts";
import { temporaryFolder } from "./support/project.ts";

test("from nothing to an answer that is traced to its texts", async () => {
  const folder = temporaryFolder();
  const made = await loam(["init", "little"], { cwd: folder });
  expect(made.code, made.stderr).toBe(0);
  const cwd = join(folder, "little");
  const file = join(cwd, "loam.yaml");
  const yaml = readFileSync(file, "utf8")
    .replace("vocab: 512", "vocab: 300")
    .replace("layers: 2", "layers: 1")
    .replace("width: 96", "width: 32")
    .replace("heads: 3", "heads: 2")
    .replace("context: 128", "context: 64")
    .replace("tokens: 240k", "tokens: 20k");
  writeFileSync(file, yaml);

  const plan = await loam(["run", "--dry-run", "--json"], { cwd });
  expect(jsonLines(plan.stdout).at(-1)).toMatchObject({
    links: expect.arrayContaining([expect.objectContaining({ label: "little", action: "run" })]),
  });

  const ran = await loam(["run", "--json"], { cwd });
  expect(ran.code, ran.stderr).toBe(0);
  expect(jsonLines(ran.stdout).at(-1)).toMatchObject({ version: "little@1", ran: 9 });
  expect(ran.stderr).toMatch(/> little .*\n|5-gram/);
  const again = await loam(["run", "--json"], { cwd });
  expect(jsonLines(again.stdout).at(-1)).toMatchObject({ version: "little@1", ran: 0 });

  const models = await loam(["models"], { cwd });
  expect(models.stdout).toMatch(/^ {2}little@1 +model-[0-9a-f]+ +bitsPerByte \d\.\d+ .*latest/);

  const trace = await loam(["trace", "little@latest", "--documents", "2"], { cwd });
  expect(trace.stdout).toMatch(/Made from, nearest first\n(.*\n)* +documents-[0-9a-f]+ (.*\n)* +source-[0-9a-f]+ /);
  const document = /^ {2}(letters:\S+)$/m.exec(trace.stdout)?.[1];
  expect(document).toMatch(/^letters:letter-\d+$/);
  const backwards = await loam(["trace", document!, "--json"], { cwd });
  const ids = (jsonLines(backwards.stdout)[0] as { nodes: { kind: string }[] }).nodes.map(n => n.kind);
  expect(ids).toEqual(expect.arrayContaining(["documents", "tokenizer", "shards", "model", "evaluation"]));

  const server = start(["serve", "--port", "0", "--json"], { cwd });
  const [, url] = await server.says(/"event":"serving","url":"([^"]+)"/);
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: "none" });
  expect((await client.models.list()).data.map(m => m.id)).toContain("little");
  const ask = { model: "little", prompt: "Dear ", max_tokens: 12, temperature: 0.7, seed: 5 };
  const whole = await client.completions.create(ask);
  expect(whole.usage).toMatchObject({ completion_tokens: 12 });
  expect(whole.choices[0]!.text.length).toBeGreaterThan(0);
  let streamed = "";
  for await (const part of await client.completions.create({ ...ask, stream: true })) streamed += part.choices[0]?.text ?? "";
  expect(streamed).toBe(whole.choices[0]!.text);
  const chat = await client.chat.completions.create({ model: "little@1", messages: [{ role: "user", content: "hello" }], max_tokens: 5 });
  expect(chat.choices[0]!.message.role).toBe("assistant");
  await expect(client.completions.create({ ...ask, model: "litle" })).rejects.toThrow(/Try "little"/);

  const api = async (path: string) =>
    (await fetch(`${url}/api/${path}`, { headers: await signedIn(cwd, url!) })).json() as Promise<Record<string, unknown>>;
  const overview = await api("overview");
  expect(overview).toMatchObject({ project: "little", model: { id: "little@1", layers: 1, width: 32 }, models: ["little@1"] });
  const { artifact } = overview.model as { artifact: string };
  expect(await api("runs")).toMatchObject([{ artifact, stage: "train", startedAt: expect.any(Number) }]);
  expect(((await api(`runs/${artifact}/metrics`)).points as unknown[]).length).toBeGreaterThan(1);
  expect(await api("evaluations")).toMatchObject([{ model: artifact, report: { task: "bits-per-byte" } }]);
  const graph = (await api(`graph?id=little@1`)) as {
    root: string;
    nodes: { id: string; kind: string; relation: string }[];
    edges: { from: string; to: string }[];
  };
  expect(graph.root).toBe(artifact);
  const relation = (kind: string) => graph.nodes.find(n => n.kind === kind)?.relation;
  expect(["source", "documents", "tokenizer", "shards", "model", "evaluation"].map(relation)).toEqual([
    "ancestor",
    "ancestor",
    "ancestor",
    "ancestor",
    "self",
    "descendant",
  ]);
  for (const { from, to } of graph.edges) for (const id of [from, to]) expect(graph.nodes.map(n => n.id)).toContain(id);

  const chatted = await loam(["chat", "--json", "-n", "20", "--seed", "4"], { cwd, input: "hello there\n\nand again\n" });
  expect(chatted.code, chatted.stderr).toBe(0);
  const answers = jsonLines(chatted.stdout);
  expect(answers).toHaveLength(2);
  expect(answers[0]).toMatchObject({ event: "answer", turns: [{ role: "user", content: "hello there" }] });
  const input = "/system You write letters.\nhello\n/save talk.json\n/clear\n/save talk.json\n/nothing\n/help\n";
  const commanded = await loam(["chat", "-n", "8", "--seed", "4"], { cwd, input });
  expect(commanded.code, commanded.stderr).toBe(0);
  expect(JSON.parse(readFileSync(join(cwd, "talk.json"), "utf8"))).toMatchObject({
    messages: [{ role: "system", content: "You write letters." }, { role: "user", content: "hello" }, { role: "assistant" }],
  });
  for (const said of ["Saved 3 messages", "talk.json is there already", "/nothing is no command", "/save  "])
    expect(commanded.stdout).toContain(said);

  const completed = ["chat", "--complete", "--prompt", "Dear ", "-n", "12", "--temperature", "0.7", "--top-p", "1", "--seed", "5"];
  const [once, twice] = [await loam(completed, { cwd }), await loam(completed, { cwd })];
  expect(once.stdout).toMatch(/^Dear ./);
  expect(twice.stdout).toBe(once.stdout);
  expect(once.stdout).toBe(`Dear ${whole.choices[0]!.text}\n`);

  server.kill("SIGTERM");
  const { code, stderr } = await server.ended;
  expect(code, stderr).toBe(0);
});
