/** A model's own sampling defaults: a request decides, and what it does not say they do. */
import { afterAll, expect, test } from "vitest";
import { openDevice } from "../../tensor/index.ts";
import { createEngine } from "../engine.ts";
import { tinyModel } from "../fakes.ts";
import { createApp } from "./app.ts";

const device = openDevice("cpu", { threads: 1 });
const model = await tinyModel(device, { id: "plain@1", aliases: ["plain"] });
const engines = [
  createEngine({ model, device, slots: 2 }),
  createEngine({ model: { ...model, id: "greedy@1", aliases: ["greedy"], sampling: { temperature: 0 } }, device, slots: 2 }),
  createEngine({ model: { ...model, id: "narrow@1", aliases: ["narrow"], sampling: { temperature: 1.5, topK: 2 } }, device, slots: 2 }),
];
await Promise.all(engines.map(e => e.ready));
const app = createApp({ engines });
afterAll(() => Promise.all(engines.map(e => e.close())));

async function said(name: string, more: object = {}): Promise<string> {
  const response = await app.fetch(
    new Request("http://127.0.0.1/v1/completions", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model: name, prompt: "Once", max_tokens: 24, seed: 5, ...more }),
    }),
  );
  const body = (await response.json()) as { choices: { text: string }[] };
  return body.choices[0]!.text;
}

test("a request that says nothing is answered as the model's defaults say, and one that says all as without them", async () => {
  const greedy = await said("plain", { temperature: 0 });
  expect(await said("greedy")).toBe(greedy);
  const drawn = await said("plain");
  expect(drawn).not.toBe(greedy);
  expect(await said("greedy", { temperature: 1 })).toBe(drawn);
});

test("a request that says one thing leaves the others to the defaults", async () => {
  expect(await said("narrow", { temperature: 0.5 })).toBe(await said("plain", { temperature: 0.5, top_k: 2 }));
  expect(await said("narrow", { top_k: 0 })).toBe(await said("plain", { temperature: 1.5 }));
  expect(await said("narrow")).not.toBe(await said("plain", { temperature: 1.5 }));
});
