/** What Loam keeps of its users (keys' hashes, journals, answers, uploads, the record) is read by its owner alone, also what SQLite makes later. */
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { fakeUpstream, good } from "../src/gateway/fakes.ts";
import { checkConfig, Gateway, openControl } from "../src/gateway/index.ts";
import { createApp, Engines } from "../src/serve/index.ts";
import { openStore } from "../src/store/index.ts";
import { versions } from "../src/store/releases.laws.ts";

// Windows has no such bits
const unix = test.skipIf(process.platform === "win32");
let root: string;
const umask = process.umask(0o022);
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "loam-modes-"));
});
afterAll(() => {
  process.umask(umask);
  rmSync(root, { recursive: true, force: true });
});

/** Everything below a folder that somebody else could read, and how much there is. */
function open(folder: string): { readonly files: number; readonly readable: string[] } {
  const all = readdirSync(folder, { recursive: true, encoding: "utf8" }).map(name => join(folder, name));
  const readable = all.filter(path => (statSync(path).mode & 0o077) !== 0).map(path => relative(folder, path));
  return { files: all.filter(path => statSync(path).isFile()).length, readable };
}

unix("the gateway's state, its answers and what SQLite keeps beside them are their owner's alone", async () => {
  const folder = join(root, "gateway");
  const upstream = await fakeUpstream(good);
  const access = { principals: { users: { ann: {} } }, policies: [{ id: "all", effect: "allow" as const }] };
  const config = await checkConfig(
    {
      state: "sqlite:kept/gateway.db",
      log: { to: "none" },
      upstreams: { local: { url: upstream.url } },
      models: { chat: { targets: [{ upstream: "local" }] } },
      cache: { store: "sqlite:kept/answers.db" },
      access,
    },
    "gateway.yaml",
    folder,
  );
  const control = await openControl({ state: config.state, root: folder, config: access });
  const gateway = await Gateway.open({ config, control });
  const { secret } = await control.keys.create({ name: "test", subject: "ann" }, "test");
  const ask = () =>
    gateway.fetch(
      new Request("http://localhost/v1/chat/completions", {
        method: "POST",
        headers: { "content-type": "application/json", authorization: `Bearer ${secret}` },
        body: JSON.stringify({ model: "chat", temperature: 0, messages: [{ role: "user", content: "a secret" }] }),
      }),
    );
  for (let i = 0; i < 2; i++) {
    const response = await ask();
    expect([response.status, (await response.text()).length > 0]).toEqual([200, true]);
  }
  expect(upstream.received).toHaveLength(1);
  // while they are open, with what is written ahead
  expect(open(folder).files).toBeGreaterThanOrEqual(6);
  expect(open(folder).readable).toEqual([]);
  await gateway.close();
  await upstream.close();
  expect(open(folder).readable).toEqual([]);
});

unix("files that clients upload are their owner's alone", async () => {
  const folder = join(root, "served", "files");
  const engines = new Engines();
  const app = createApp({ engines, filesFolder: folder });
  const form = new FormData();
  form.set("purpose", "batch");
  form.set("file", new File(["{}\n"], "a.jsonl"));
  expect((await app.fetch(new Request("http://localhost/v1/files", { method: "POST", body: form }))).status).toBe(200);
  expect(open(join(root, "served"))).toEqual({ files: 2, readable: [] });
  app.close();
  await engines.close();
});

unix("the record is its owner's alone while it is written, in a folder that nobody else enters", async () => {
  const folder = join(root, "project");
  const store = await openStore({ root: folder });
  await versions(store, 2);
  const state = join(folder, ".loam");
  const beside = (): string[] => readdirSync(state).filter(name => name.startsWith("record.db") && !name.endsWith(".heads"));
  expect(beside()).toContain("record.db-wal");
  for (const name of beside()) expect([name, (statSync(join(state, name)).mode & 0o777).toString(8)]).toEqual([name, "600"]);
  expect((statSync(state).mode & 0o777).toString(8)).toBe("700");
  await store.close();
});
