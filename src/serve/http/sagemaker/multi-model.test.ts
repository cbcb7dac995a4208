import { expect, test } from "vitest";
import { openDevice } from "../../../tensor/index.ts";
import { Engines } from "../../engines.ts";
import { testFleet } from "../../lifecycle/fakes.ts";
import { type AppOptions, createApp } from "../app.ts";

const device = openDevice("cpu", { threads: 1 });

async function endpoint(options: Partial<AppOptions> = {}) {
  const made = await testFleet(device);
  const app = createApp({ engines: made.engines, fleet: made.fleet, admin: true, ...options });
  const call = async (method: string, path: string, body?: object) => {
    const headers = body ? { "content-type": "application/json" } : {};
    const response = await app.fetch(
      new Request(`http://localhost${path}`, { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) }),
    );
    return [response.status, JSON.parse(await response.text())] as const;
  };
  return { ...made, call };
}
const asked = { prompt: "a", max_tokens: 3, temperature: 0 };

test("models are loaded under the platform's names, listed, asked and taken away, and their memory goes with the last name", async () => {
  const { source, fleet, call } = await endpoint();
  expect(await call("GET", "/models")).toEqual([200, { models: [], object: "list", data: [] }]);
  const first = { modelName: "f60a", modelUrl: "m@1" };
  expect(await call("POST", "/models", { model_name: "f60a", url: "m@1" })).toEqual([200, first]);
  // the newest
  expect(await call("POST", "/models", { model_name: "b2", url: "m" })).toEqual([200, { modelName: "b2", modelUrl: "m" }]);
  expect(await call("POST", "/models", { model_name: "c3", url: "m@1" })).toMatchObject([200, {}]);
  expect((await call("GET", "/models"))[1].models.map((m: typeof first) => m.modelName)).toEqual(["f60a", "b2", "c3"]);
  expect(await call("GET", "/models/f60a")).toEqual([200, first]);
  for (const [name, says] of [
    ["f60a", "111"],
    ["b2", "333"],
  ])
    expect((await call("POST", `/models/${name}/invoke`, asked))[1].choices[0].text).toBe(says);
  const [, texts] = await call("POST", "/models/f60a/invoke", { inputs: "a", parameters: { max_new_tokens: 2 } });
  expect(texts).toEqual([{ generated_text: "11" }]);

  expect((await call("DELETE", "/models/f60a"))[0]).toBe(200);
  expect([...source.loaded].sort()).toEqual([1, 3]);
  expect((await call("POST", "/models/f60a/invoke", asked))[0]).toBe(404);
  expect((await call("DELETE", "/models/f60a"))[0]).toBe(404);
  await call("DELETE", "/models/c3");
  expect([...source.loaded]).toEqual([3]);
  await fleet.close();
});

test("a name that is taken is 409, a model that there is not 404, one that fails to load 500, and nobody may without a login", async () => {
  const { source, fleet, call } = await endpoint();
  source.broken.add(2);
  await fleet.load("m", 1);
  expect((await call("POST", "/models", { model_name: "a", url: "m@1" }))[0]).toBe(200);
  expect((await call("POST", "/models", { model_name: "a", url: "m@3" }))[0]).toBe(409);
  expect((await call("POST", "/models", { model_name: "b", url: "m@9" }))[0]).toBe(404);
  expect((await call("POST", "/models", { model_name: "b", url: "m@2" }))[0]).toBe(500);
  expect((await call("POST", "/models", { url: "m@3" }))[0]).toBe(400);
  expect((await call("GET", "/models"))[1].models).toEqual([{ modelName: "a", modelUrl: "m@1" }]);
  // served before it was named, so it is served on
  await call("DELETE", "/models/a");
  expect([...source.loaded]).toEqual([1]);
  const open = await endpoint({ admin: false });
  for (const [method, path, body] of [
    ["POST", "/models", { model_name: "a", url: "m@1" }],
    ["DELETE", "/models/a", undefined],
  ] as const)
    expect([method, path, (await open.call(method, path, body))[0]]).toEqual([method, path, 401]);
  // the address is OpenAI's list too, which everybody reads; the platform's names are not in it
  await call("POST", "/models", { model_name: "c", url: "m@1" });
  const outside = createApp({ engines: new Engines(), fleet });
  const seen = async (path: string) => (await outside.fetch(new Request(`http://localhost${path}`))).json();
  expect(await seen("/models")).toMatchObject({ models: [], object: "list" });
  expect(await seen("/models/c")).toMatchObject({ error: { code: "model_not_found" } });
  await Promise.all([fleet.close(), open.fleet.close()]);
});
