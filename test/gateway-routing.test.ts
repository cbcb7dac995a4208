/** The gateway before two of Loam's own servers: their own queue and cache decide where a request goes, and copies go to the other. */
import { afterAll, expect, test } from "vitest";
import { testGateway } from "../src/gateway/fakes.ts";
import type { ShadowRecord } from "../src/gateway/routing/shadow.ts";
import { createEngine } from "../src/serve/engine.ts";
import { tinyModel } from "../src/serve/fakes.ts";
import { createApp } from "../src/serve/http/app.ts";
import { listen } from "../src/serve/index.ts";
import { openDevice } from "../src/tensor/index.ts";

const device = openDevice("cpu", { threads: 1 });
const open = async () => {
  const engine = createEngine({ model: await tinyModel(device, { id: "tiny@1", aliases: ["tiny"] }), device, slots: 1 });
  await engine.ready;
  return listen(createApp({ engines: [engine] }), { port: 0 });
};
const servers = [await open(), await open()] as const;
const copies: ShadowRecord[] = [];
const gateway = await testGateway(
  {
    upstreams: {
      a: { url: `${servers[0].url}/v1`, load: { every: "100ms" } },
      b: { url: `${servers[1].url}/v1`, load: { every: "100ms" } },
    },
    models: {
      tiny: { strategy: "load", targets: [{ upstream: "a" }, { upstream: "b" }] },
      watched: { targets: [{ upstream: "a", model: "tiny" }], shadow: { upstream: "b", model: "tiny" } },
    },
  },
  { onShadow: r => copies.push(r) },
);
afterAll(async () => {
  await gateway.close();
  await Promise.all(servers.map(s => s.close()));
  expect(gateway.failures).toEqual([]);
});
const until = async (holds: () => boolean): Promise<void> => {
  for (let i = 0; i < 1_000 && !holds(); i++) await new Promise(resolve => setTimeout(resolve, 10));
  expect(holds()).toBe(true);
};
const load = (i: number) => gateway.gateway.state().upstreams[i]!.load;
const body = { model: "tiny", prompt: "ab", max_tokens: 4, temperature: 0, ignore_eos: true };

test("a server whose own queue is long is left to work it off", async () => {
  await until(() => load(0) !== undefined && load(1) !== undefined);
  expect(load(0)).toEqual({ waiting: 0, cacheUse: expect.any(Number) });
  let isOver = false;
  // twelve people who ask again as soon as they have their answer, with one slot for all: eleven wait
  const own = Array.from({ length: 12 }, async () => {
    while (!isOver) {
      const response = await fetch(`${servers[0].url}/v1/completions`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ ...body, max_tokens: 50 }),
      });
      await response.text();
    }
  });
  await until(() => (load(0)?.waiting ?? 0) >= 5);
  for (let i = 0; i < 3; i++) {
    const response = await gateway.post("/v1/completions", body);
    expect([response.status, response.headers.get("x-loam-target")]).toEqual([200, "b/tiny"]);
    await response.text();
  }
  isOver = true;
  await Promise.all(own);
  await until(() => load(0)?.waiting === 0);
});

test("the same weights and a fixed seed behind a shadow: the copy says the same, whole and streamed", async () => {
  const ask = { ...body, model: "watched", seed: 7, max_tokens: 8 };
  for (const stream of [false, true]) {
    const response = await gateway.post("/v1/completions", { ...ask, stream });
    expect(response.status).toBe(200);
    await response.text();
  }
  await until(() => copies.length === 2);
  for (const copy of copies) expect(copy).toMatchObject({ target: "b/tiny", how: "answered", isSame: true });
});
