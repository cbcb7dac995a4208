/** The list of models in both forms: the same models, each client's own pages and errors; and addresses without `/v1`. */
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { afterAll, expect, test } from "vitest";
import { fakeUpstream, good, openAccess, testGateway } from "../fakes.ts";

const upstream = await fakeUpstream(good);
const names = Array.from({ length: 45 }, (_, i) => `m${i}`);
const models = Object.fromEntries([...names, "own/name", "denied"].map(name => [name, { targets: [{ upstream: "local" }] }]));
const policies = [...openAccess.policies!, { id: "not", effect: "deny" as const, models: ["denied"] }];
const config = { upstreams: { local: { url: upstream.url } }, models: { ...models, m0: { ...models.m0, aliases: ["alias"] } } };
const gateway = await testGateway(config, { access: { ...openAccess, policies } });
afterAll(async () => {
  await gateway.close();
  await upstream.close();
  expect(gateway.failures).toEqual([]);
});
const visible = [...names, "own/name"];
const anthropic = new Anthropic({ baseURL: gateway.url, apiKey: gateway.key, maxRetries: 0 });
const openai = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: gateway.key, maxRetries: 0 });

test("both clients list the same models: Anthropic's page after page, none twice and none left out", async () => {
  expect((await openai.models.list()).data.map(m => m.id)).toEqual(visible);
  for (const limit of [undefined, 1, 7, 46, 1000]) {
    const found: string[] = [];
    for await (const model of anthropic.models.list(limit === undefined ? {} : { limit })) found.push(model.id);
    expect(found).toEqual(visible);
  }
});

test("a page is before or after a model, and says whether there is more", async () => {
  const page = async (query: string) => {
    const headers = { authorization: `Bearer ${gateway.key}`, "anthropic-version": "2023-06-01" };
    return (await fetch(`${gateway.url}/v1/models?${query}`, { headers })).json() as Promise<Record<string, unknown>>;
  };
  expect(await page("before_id=m9&limit=3")).toMatchObject({ first_id: "m6", last_id: "m8", has_more: true });
  expect(await page("before_id=m2&limit=3")).toMatchObject({ first_id: "m0", last_id: "m1", has_more: false });
  expect(await page("after_id=own/name")).toEqual({ data: [], first_id: null, last_id: null, has_more: false });
  expect(await page("limit=0")).toMatchObject({
    type: "error",
    error: { type: "invalid_request_error", message: expect.stringMatching(/limit.*1 to 1000/) },
  });
  expect(await page("after_id=denied")).toMatchObject({
    error: { type: "invalid_request_error", message: expect.stringMatching(/after_id/) },
  });
});

test("one model in each form, by its alias too; one that is not to be seen is not found", async () => {
  expect(await anthropic.models.retrieve("alias")).toMatchObject({ type: "model", id: "alias", display_name: "alias" });
  expect(new Date((await anthropic.models.retrieve("m1")).created_at).getTime()).toBeGreaterThan(1_700_000_000_000);
  expect(await openai.models.retrieve("own/name")).toMatchObject({ object: "model", id: "own/name" });
  await expect(anthropic.models.retrieve("denied")).rejects.toBeInstanceOf(Anthropic.NotFoundError);
  await expect(openai.models.retrieve("denied")).rejects.toBeInstanceOf(OpenAI.NotFoundError);
});

test("openai's client works with a base address without /v1, and a prefix that is passed through keeps its own", async () => {
  const bare = new OpenAI({ baseURL: gateway.url, apiKey: gateway.key, maxRetries: 0 });
  expect((await bare.models.list()).data.map(m => m.id)).toEqual(visible);
  expect((await bare.models.retrieve("own/name")).id).toBe("own/name");
  const messages = [{ role: "user" as const, content: "Count." }];
  expect((await bare.chat.completions.create({ model: "m1", messages })).choices[0]!.message.content).toContain("w59");
  let text = "";
  for await (const event of await bare.chat.completions.create({ model: "m1", messages, stream: true }))
    text += event.choices[0]?.delta.content ?? "";
  expect(text).toContain("w59");
  await expect(bare.get("/nothing")).rejects.toBeInstanceOf(OpenAI.NotFoundError);

  upstream.received.length = 0;
  const passing = await testGateway({ ...config, passThrough: { "/chat": { upstream: "local", to: "/elsewhere", objects: "shared" } } });
  await passing.post("/chat/completions", { model: "m1", messages });
  expect(upstream.received.map(r => r.path)).toEqual(["/v1/elsewhere/completions"]);
  await passing.close();
});
