import { expect, test } from "vitest";
import { answerChecker } from "../../../test/support/openapi.ts";
import { openDevice } from "../../tensor/index.ts";
import { testFleet } from "../lifecycle/fakes.ts";
import { type AppOptions, createApp } from "./app.ts";
import { consoleDocument } from "./console-operations.ts";

/** Every answer is held against what /api/openapi.json says of it. */
const check = answerChecker(consoleDocument("0"));
const device = openDevice("cpu", { threads: 1 });

async function administered(options: Partial<AppOptions> = {}) {
  const made = await testFleet(device);
  const app = createApp({ engines: made.engines, fleet: made.fleet, admin: true, ...options });
  const call = async (path: string, body?: object, headers: Record<string, string> = {}) => {
    const response = await app.fetch(
      new Request(`http://localhost${path}`, {
        method: body ? "POST" : "GET",
        headers: { ...(body ? { "content-type": "application/json" } : {}), ...headers },
        ...(body ? { body: JSON.stringify(body) } : {}),
      }),
    );
    const text = await response.text();
    if (response.ok && path.startsWith("/v1/admin/")) expect(check(`${body ? "POST" : "GET"} ${path}`, JSON.parse(text))).toEqual([]);
    return { status: response.status, text, body: text.startsWith("{") ? JSON.parse(text) : undefined };
  };
  return { ...made, call };
}

test("over HTTP versions are listed, loaded, pointed at, split, followed and unloaded", async () => {
  const { fleet, call } = await administered();
  expect(await call("/v1/admin/load", { model: "m@1", keep_alive: "5m" })).toMatchObject({
    status: 200,
    body: { id: "m@1", state: "ready", keepAliveMs: 300_000 },
  });
  // the newest that there is
  expect(await call("/v1/admin/load", { model: "m" })).toMatchObject({ body: { id: "m@3", labels: ["latest"] } });
  expect(await call("/v1/admin/label", { name: "m", label: "champion", version: 1 })).toMatchObject({
    body: { data: [{ labels: ["champion"] }, { labels: ["latest"] }] },
  });
  expect(await call("/v1/admin/split", { name: "m", weights: { 1: 90, 3: 10 } })).toMatchObject({
    body: {
      data: [
        { version: 1, weight: 90 },
        { version: 3, weight: 10 },
      ],
    },
  });
  expect(await call("/v1/admin/unload", { model: "m@1" })).toMatchObject({
    status: 409,
    body: { error: { code: "model_in_use", message: expect.stringContaining('label "champion", weight 90') } },
  });
  await call("/v1/admin/label", { name: "m", label: "champion", version: null });
  await call("/v1/admin/split", { name: "m" });
  expect(await call("/v1/admin/policy", { name: "m", policy: { latest: 1 } })).toMatchObject({
    body: { data: [{ version: 3 }], failed: [] },
  });
  expect((await call("/v1/admin/models")).body.data.map((v: { id: string }) => v.id)).toEqual(["m@3"]);
  const { text } = await call("/metrics");
  expect(text).toContain('loam_model_version_info{model="m@3",name="m",version="3",state="ready"} 1');
  expect(text).toContain('loam_model_changes_total{name="m",change="loaded"} 2');
  expect(text).toContain('loam_model_changes_total{name="m",change="unloaded"} 1');
  expect((await call("/api/serving")).body.versions).toMatchObject([{ id: "m@3", slots: 2, running: 0, queued: 0, state: "ready" }]);
  await fleet.close();
});

test("what cannot be loaded is said, with its reason; what is asked wrongly is named", async () => {
  const { fleet, source, call } = await administered();
  source.broken.add(2);
  expect(await call("/v1/admin/load", { model: "m@2" })).toMatchObject({
    status: 500,
    body: { error: { code: "model_load_failed", message: expect.stringContaining("version 2 is broken") } },
  });
  for (const [path, body, status, says] of [
    ["load", { model: "m@9" }, 404, "a version of m that there is: 1, 2, 3, got 9"],
    ["load", {}, 400, "model"],
    ["load", { model: "m@1", keep_alive: "soon" }, 400, "keep_alive"],
    ["unload", { model: "m" }, 400, "NAME@3"],
    ["unload", { model: "n@1" }, 404, '"n"'],
    ["label", { name: "m", label: "a b", version: 1 }, 400, "label"],
    ["label", { name: "m", label: "gold", version: 2 }, 409, "one that is failed"],
    ["split", { name: "m", weights: { 2: 1 } }, 409, "failed"],
    ["split", { name: "m", weights: { one: 1 } }, 400, "weights"],
    ["policy", { name: "m", policy: { newest: 1 } }, 400, "policy"],
  ] as const) {
    const answer = await call(`/v1/admin/${path}`, body);
    expect([path, answer.status]).toEqual([path, status]);
    expect(answer.body.error.message).toContain(says);
  }
  source.there = [];
  expect((await call("/v1/admin/load", { model: "ghost" })).status).toBe(404);
  await fleet.close();
});

test("with --admin, pages of other origins change nothing; without it, nobody reads or changes", async () => {
  const { call, source, fleet } = await administered();
  const evil = await call("/v1/admin/load", { model: "m@1" }, { origin: "http://evil.example", host: "localhost" });
  expect(evil).toMatchObject({ status: 403, body: { error: { code: "host_not_allowed" } } });
  expect((await call("/v1/admin/load", { model: "m@1" }, { host: "evil.example" })).status).toBe(403);
  expect(source.log).toEqual([]);
  expect((await call("/v1/admin/load", { model: "m@1" }, { origin: "http://localhost:8080", host: "localhost:8080" })).status).toBe(200);
  for (const hosts of ["loopback", "any"] as const) {
    const closed = await administered({ hosts, admin: false });
    for (const body of [{ model: "m@1" }, undefined])
      expect(await closed.call(body ? "/v1/admin/load" : "/v1/admin/models", body)).toMatchObject({
        status: 401,
        body: { error: { code: "invalid_api_key" } },
      });
    await closed.fleet.close();
  }
  const fixed = createApp({ engines: [], admin: true });
  expect((await fixed.fetch(new Request("http://localhost/v1/admin/models"))).status).toBe(400);
  await fleet.close();
});
