/** The requests of docs/contracts.md and docs/openai-api.md, sent as they stand there. */
import { readFileSync } from "node:fs";
import { openDevice } from "loam/tensor";
import { afterAll, expect, test } from "vitest";
import { tinyModel } from "../src/serve/fakes.ts";
import { tinyEncoder } from "../src/serve/http/fakes.ts";
import { createApp, createEmbeddingEngine, createEngine, listen } from "../src/serve/index.ts";

const device = openDevice("cpu", { threads: 1 });
const model = await tinyModel(device, { id: "mail-small@1", name: "mail-small", version: 1, aliases: ["mail-small"] });
const engine = createEngine({ model: { ...model, config: { ...model.config, context: 1024 } }, device, slots: 2 });
const encoder = createEmbeddingEngine({
  model: await tinyEncoder(device, { id: "minilm@1", name: "minilm", version: 1, aliases: ["minilm"] }),
  device,
});
await Promise.all([engine.ready, encoder.ready]);
const server = await listen(createApp({ engines: [engine], encoders: [encoder] }), { port: 0 });
afterAll(() => server.close());

const textOf = (name: string) => readFileSync(new URL(`../docs/${name}`, import.meta.url), "utf8");
const page = `${textOf("contracts.md")}\n${textOf("openai-api.md")}`;
const blocks = [...page.matchAll(/```sh\n([\s\S]*?)```/g)].map(m => m[1]!.replaceAll(/\\\n\s*/g, ""));
const commands = blocks.flatMap(b => [...b.matchAll(/^curl (?:-N )?(\S+)(?: -H '([^':]+): ([^']+)')?(?:\s+-d '([^']*)')?$/gm)]);

test("every curl of the pages is read by this test", () => {
  expect(commands.length).toBeGreaterThan(18);
  expect(commands.length).toBe([...page.matchAll(/^curl /gm)].length);
});

for (const [, url = "", header, value, body] of commands)
  test(`the pages' ${url.replace("http://127.0.0.1:8080", "")} ${body?.slice(0, 60) ?? ""} is answered`, async () => {
    const response = await fetch(url.replace("http://127.0.0.1:8080", server.url), {
      ...(body === undefined ? {} : { method: "POST", body }),
      headers: header === undefined ? {} : { [header]: value! },
    });
    const text = await response.text();
    expect(response.status, text).toBe(200);
    expect(text).not.toMatch(/"error": ?["{]/);
  });
