/** A server with API keys: requests to models need one, probes and administration do not. */
import { afterAll, beforeEach, expect, test } from "vitest";
import { Login } from "../../session/index.ts";
import { openDevice } from "../../tensor/index.ts";
import { type AppOptions, createApp } from "./app.ts";
import { speaker } from "./fakes.ts";

const device = openDevice("cpu", { threads: 1 });
const said = await speaker(device, { id: "speaker@1", name: "speaker", aliases: ["speaker"] });
const login = new Login({ info: { gateway: false, record: true } });
const open = (options: Partial<AppOptions>) => createApp({ engines: [said.engine], login, ...options });
const app = open({ apiKeys: ["sk-one", "sk-two"] });
beforeEach(() => {
  said.text = "yes";
});
afterAll(() => said.engine.close());

const status = async (path: string, headers: Record<string, string> = {}, body?: object, of = app): Promise<number> => {
  const init =
    body === undefined
      ? { headers }
      : { method: "POST", headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(body) };
  return (await of.fetch(new Request(`http://localhost${path}`, init))).status;
};
const completion = { model: "speaker", prompt: "Hi", max_tokens: 1 };

test("requests of every contract need one of the keys, as Bearer or as x-api-key", async () => {
  for (const headers of [{ authorization: "Bearer sk-one" }, { authorization: "bearer sk-two" }, { "x-api-key": "sk-two" }])
    expect(await status("/v1/completions", headers, completion)).toBe(200);
  for (const headers of [
    {},
    { authorization: "Bearer sk-on" },
    { authorization: "Bearer sk-onee" },
    { authorization: "sk-one" },
    { "x-api-key": "" },
  ])
    expect([headers, await status("/v1/completions", headers as Record<string, string>, completion)]).toEqual([headers, 401]);
  const paths = [
    "/v1/models",
    "/models",
    "/api/tags",
    "/v2/models/speaker",
    "/props",
    "/slots",
    "/v1/responses/resp_1",
    "/v1/files",
    "/ping",
  ];
  for (const path of paths) expect([path, await status(path)]).toEqual([path, 401]);
});

test("the refusal is each contract's own form of a wrong key", async () => {
  const body = async (path: string): Promise<{ readonly error: unknown }> =>
    (await (await app.fetch(new Request(`http://localhost${path}`))).json()) as { readonly error: unknown };
  expect((await body("/v1/models")).error).toMatchObject({ type: "authentication_error", code: "invalid_api_key" });
  expect((await body("/props")).error).toMatchObject({ code: 401, type: "authentication_error" });
  expect(typeof (await body("/api/tags")).error).toBe("string");
});

test("probes and metrics need no key, and the local token is one", async () => {
  for (const path of ["/healthz", "/readyz", "/health", "/version", "/load", "/metrics", "/openapi.json"])
    expect([path, await status(path)]).toEqual([path, 200]);
  expect(await status("/v1/models", { authorization: `Bearer ${login.token}` })).toBe(200);
});

test("a key opens no administration", async () => {
  expect(await status("/lora-adapters", { authorization: "Bearer sk-one" }, [])).toBe(401);
  expect(await status("/lora-adapters", { authorization: `Bearer ${login.token}` }, [])).toBe(200);
});

test("without keys none is needed, and an empty key is refused at the start", async () => {
  expect(await status("/v1/models", {}, undefined, open({}))).toBe(200);
  expect(() => open({ apiKeys: [" "] })).toThrow(expect.objectContaining({ code: "serve/parameter" }));
});
