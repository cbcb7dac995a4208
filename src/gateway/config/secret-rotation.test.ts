/** Keys of upstreams that are renewed in their files while the gateway runs: a token that lives an hour, a secret that Kubernetes replaces. */
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { begin, eventText, type FakeUpstream, fakeUpstream, good, roleChunk, type TestGateway, testGateway } from "../fakes.ts";
import { type Following, followConfig } from "./follow.ts";
import { checkConfig } from "./read-config.ts";

let folder: string;
let upstream: FakeUpstream;
let gateway: TestGateway;
let following: Following;
let reloads: (string | undefined)[];

/** A volume as Kubernetes mounts it: `token` points through `..data` at a folder, which is replaced as one. */
function mount(version: string, token: string): void {
  mkdirSync(join(folder, version));
  writeFileSync(join(folder, version, "token"), token);
  symlinkSync(version, join(folder, "..next"));
  renameSync(join(folder, "..next"), join(folder, "..data"));
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "loam-rotation-"));
  mount("..1", "first\n");
  symlinkSync(join("..data", "token"), join(folder, "token"));
  writeFileSync(join(folder, "plain"), "org-1");
  upstream = await fakeUpstream(good);
  const config = {
    upstreams: {
      local: { url: upstream.url, key: { file: join(folder, "token") }, headers: { "x-org": { file: join(folder, "plain") } } },
    },
    models: { chat: { targets: [{ upstream: "local" }] } },
  };
  writeFileSync(join(folder, "gateway.yaml"), "unread: true\n");
  gateway = await testGateway(config);
  const { access } = gateway.gateway.config;
  reloads = [];
  following = await followConfig({
    path: join(folder, "gateway.yaml"),
    gateway: gateway.gateway,
    read: () => checkConfig({ ...config, state: "memory:", log: { to: "none" }, access }, "gateway.yaml", "."),
    everyMs: 10,
    onReload: error => reloads.push(error instanceof Error ? error.message : undefined),
  });
});
afterEach(async () => {
  following.stop();
  await gateway.close();
  await upstream.close();
  rmSync(folder, { recursive: true, force: true });
});

const ask = () => gateway.post("/v1/chat/completions", { model: "chat", messages: [{ role: "user", content: "hi" }] });
async function keyNow(): Promise<string | undefined> {
  expect((await ask()).status).toBe(200);
  const { authorization, "x-org": org } = upstream.received.at(-1)!.headers;
  return `${authorization} ${org}`;
}

test("a key that Kubernetes replaces by its symbolic link is sent with the next requests, and no stream ends for it", async () => {
  expect(await keyNow()).toBe("Bearer first org-1");
  let write: (text: string) => void = () => {};
  upstream.script = (_, response) => {
    begin(response);
    response.write(eventText(roleChunk));
    write = text => response.end(text);
  };
  const stream = await gateway.post("/v1/chat/completions", { model: "chat", stream: true, messages: [{ role: "user", content: "hi" }] });
  const before = gateway.gateway.runtime.upstream("local");
  upstream.script = good;
  mount("..2", "second\n");
  await expect.poll(keyNow).toBe("Bearer second org-1");
  // what was learnt of the server stays: it is the same
  expect(gateway.gateway.runtime.upstream("local")).toBe(before);
  write(eventText("[DONE]"));
  expect(await stream.text()).toContain("[DONE]");
  expect(reloads).toEqual([undefined]);
});

/** Accepts nothing but this key; gives the status of each request. */
const accepts =
  (key: string): FakeUpstream["script"] =>
  (received, response) => {
    if (received.headers.authorization === `Bearer ${key}`) return good(received, response);
    response.writeHead(401, { "content-type": "application/json" }).end('{"error":{"message":"expired"}}');
  };
const sent = () => upstream.received.map(r => r.headers.authorization);

test("a 401 of the upstream has the key read again at once, and the request is sent once more where it has changed", async () => {
  // nobody looks at the files
  following.stop();
  expect((await ask()).status).toBe(200);
  upstream.received.length = 0;
  mount("..2", "second\n");
  upstream.script = accepts("second");
  const answers = await Promise.all(Array.from({ length: 5 }, ask));
  expect(answers.map(a => a.status)).toEqual([200, 200, 200, 200, 200]);
  expect(sent().filter(key => key === "Bearer first").length).toBeLessThanOrEqual(5);
  expect(sent().filter(key => key === "Bearer second")).toHaveLength(5);
  // it was no alarm
  expect(gateway.gateway.runtime.upstream("local").state().models[0]).toMatchObject({ model: "chat", failures: 0 });
  upstream.received.length = 0;
  expect((await ask()).status).toBe(200);
  expect(sent()).toEqual(["Bearer second"]);
});

test("a 401 is answered without a second request where the key is the same, and a renewed key that is refused too is sent once", async () => {
  following.stop();
  upstream.script = accepts("third");
  expect((await ask()).status).toBe(502);
  expect(sent()).toEqual(["Bearer first"]);
  mount("..2", "second");
  // the file was read a moment ago: the next reading may have to wait for a second
  await expect.poll(async () => (await ask()).status === 502 && sent().at(-1)).toBe("Bearer second");
  expect(sent().filter(key => key === "Bearer second")).toHaveLength(1);
  expect(reloads).toEqual([]);
});

test("a header that is kept in a file is renewed, too", async () => {
  writeFileSync(join(folder, "plain"), "org-2");
  await expect.poll(keyNow).toBe("Bearer first org-2");
});

test("a new key that is empty, or gone, leaves the last good one and is told once", async () => {
  writeFileSync(join(folder, "..1", "token"), "");
  await expect.poll(() => reloads.length).toBe(1);
  expect(reloads[0]).toMatch(/upstreams\.local\.key: the secret is empty/);
  for (let i = 0; i < 5; i++) expect(await keyNow()).toBe("Bearer first org-1");
  rmSync(join(folder, "token"));
  await expect.poll(() => reloads.length).toBe(2);
  expect(reloads[1]).toMatch(/cannot be read \(ENOENT\)/);
  expect(await keyNow()).toBe("Bearer first org-1");
  writeFileSync(join(folder, "token"), "third");
  await expect.poll(keyNow).toBe("Bearer third org-1");
  expect(reloads).toHaveLength(3);
});
