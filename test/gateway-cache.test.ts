/** Answers in PostgreSQL, on a real server; and `loam gateway cache` against a gateway that runs, and against its store. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createOutput } from "../src/cli/output.ts";
import { gatewayCache } from "../src/cli/verbs/gateway-cache.ts";
import { openCacheStore } from "../src/gateway/cache/open-store.ts";
import { cacheStoreLaws } from "../src/gateway/cache/store.laws.ts";
import { type FakeUpstream, fakeUpstream, good, openAccess, type TestGateway, testGateway } from "../src/gateway/fakes.ts";
import { findPostgres, type RunningServer, startPostgres } from "../src/store/servers.laws.ts";

const found = findPostgres();
describe.skipIf(!found.program)(`PostgreSQL${found.program ? "" : ` (skipped: ${found.reason})`}`, () => {
  let server: RunningServer;
  beforeAll(async () => {
    server = await startPostgres(found.program!);
  });
  afterAll(() => server?.stop());
  cacheStoreLaws((name, bounds) => openCacheStore({ ...bounds, store: server.url(name), state: "memory:", root: ".", timeoutMs: 60_000 }));
});

describe("loam gateway cache", () => {
  const folder = mkdtempSync(join(tmpdir(), "loam-gateway-cache-"));
  const config = join(folder, "gateway.yaml");
  let upstream: FakeUpstream;
  let gateway: TestGateway;
  const run = async (action: string, options: Record<string, string | boolean> = {}) => {
    const [out, err] = [new PassThrough(), new PassThrough()];
    await gatewayCache({ out: createOutput(true, { out, err }), cwd: folder, signal: new AbortController().signal }, [action], {
      config,
      ...options,
    });
    return JSON.parse(String(out.read())) as Record<string, unknown>;
  };
  const ask = (model: string) =>
    gateway.post("/v1/chat/completions", { model, temperature: 0, messages: [{ role: "user", content: "Count." }] });
  beforeAll(async () => {
    upstream = await fakeUpstream(good);
    const targets = [{ upstream: "local" }];
    const file = {
      upstreams: { local: { url: upstream.url } },
      models: { chat: { targets }, mail: { targets } },
      cache: { store: `sqlite:${join(folder, "answers.db")}` },
    };
    gateway = await testGateway(file);
    const listen = { port: Number(new URL(gateway.url).port) };
    writeFileSync(config, JSON.stringify({ ...file, listen, state: "memory:", access: openAccess }));
    process.env.LOAM_GATEWAY_KEY = gateway.key;
  });
  afterAll(async () => {
    delete process.env.LOAM_GATEWAY_KEY;
    await gateway.close();
    await upstream.close();
    rmSync(folder, { recursive: true, force: true });
  });

  test("shows what the gateway that runs keeps, and clears a model's answers", async () => {
    await Promise.all([ask("chat"), ask("mail")]);
    expect(await run("show")).toMatchObject({ store: "sqlite", entries: 2, results: { chat: { miss: 1 } } });
    expect(await run("clear", { model: "chat", url: gateway.url })).toEqual({ cleared: 1 });
    expect((await ask("chat")).headers.get("x-loam-cache")).toBe("miss");
    expect((await ask("mail")).headers.get("x-loam-cache")).toBe("hit");
  });

  test("opens the store itself, and the gateway that runs finds nothing then", async () => {
    expect(await run("show", { store: true })).toMatchObject({ store: "sqlite", entries: 2 });
    expect(await run("clear", { store: true })).toEqual({ cleared: 2 });
    expect((await ask("mail")).headers.get("x-loam-cache")).toBe("miss");
  });

  test("says what is missing, and never the key", async () => {
    await expect(run("empty")).rejects.toMatchObject({ code: "project/argument" });
    await expect(run("show", { url: "http://127.0.0.1:1" })).rejects.toMatchObject({ code: "gateway/unavailable" });
    process.env.LOAM_GATEWAY_KEY = "sk-loam-wrong";
    await expect(run("show")).rejects.toMatchObject({
      code: "project/answer",
      message: expect.not.stringContaining("sk-loam-wrong") as string,
    });
    delete process.env.LOAM_GATEWAY_KEY;
    await expect(run("show")).rejects.toThrow("LOAM_GATEWAY_KEY");
  });
});
