/** Bounds of stored files and batches are each owner's own: what one tenant stores or has answered keeps no other from storing and being answered. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { defined } from "../../../base/index.ts";
import { openDevice } from "../../../tensor/index.ts";
import { limits } from "../../limits.ts";
import { type App, createApp } from "../app.ts";
import { speaker } from "../fakes.ts";
import { FileStore } from "./file-store.ts";

const folder = mkdtempSync(join(tmpdir(), "loam-bounds-"));
const device = openDevice("cpu", { threads: 1 });
const said = await speaker(device, { id: "speaker@1", aliases: ["speaker"] });
said.text = "Hello.";
await said.engine.ready;
const apps: App[] = [];
/** Who asks stands in a header, as after a gateway. */
function opened(name: string): App {
  const app = createApp({
    engines: [said.engine],
    filesFolder: join(folder, name),
    callerOf: ({ headers }) => ({ owner: headers.get("x-owner"), usesUnowned: !headers.has("x-owner"), note: null }),
  });
  apps.push(app);
  return app;
}
afterAll(() => {
  for (const app of apps) app.close();
  rmSync(folder, { recursive: true, force: true });
});
const ask = async (app: App, owner: string | undefined, path: string, body?: FormData | object) => {
  const isForm = body instanceof FormData;
  const response = await app.fetch(
    new Request(`http://127.0.0.1${path}`, {
      headers: { ...defined({ "x-owner": owner }), ...(body && !isForm ? { "content-type": "application/json" } : {}) },
      ...(body ? { method: "POST", body: isForm ? body : JSON.stringify(body) } : {}),
    }),
  );
  return { status: response.status, body: (await response.json()) as Record<string, never> };
};
const upload = (app: App, owner: string | undefined, text: string) => {
  const form = new FormData();
  form.set("purpose", "batch");
  form.set("file", new File([text], "in.jsonl"));
  return ask(app, owner, "/v1/files", form);
};
const lines = (count: number) =>
  Array.from({ length: count }, (_, i) =>
    JSON.stringify({
      custom_id: `${i}`,
      method: "POST",
      url: "/v1/completions",
      body: { model: "speaker", prompt: `${i}`, max_tokens: 4 },
    }),
  ).join("\n");
const begin = (app: App, owner: string, input_file_id: string) =>
  ask(app, owner, "/v1/batches", { input_file_id, endpoint: "/v1/completions", completion_window: "24h" });

/** As many files as an owner may have, written where uploads lie. */
function fill(name: string, owner: string | null, count: number): void {
  const at = join(folder, name);
  mkdirSync(at, { recursive: true });
  for (let i = 0; i < count; i++) {
    const id = `file-${String(i).padStart(32, "0")}`;
    const file = { id, object: "file", bytes: 3, created_at: 1, filename: "x", purpose: "batch", status: "processed", owner };
    writeFileSync(join(at, `${id}.json`), JSON.stringify(file));
    writeFileSync(join(at, `${id}.data`), "{}\n");
  }
}

test("a tenant who has filled their files is refused in OpenAI's words, and another tenant can still upload", async () => {
  fill("full", "a", limits.files);
  const app = opened("full");
  const { status, body } = await upload(app, "a", "{}");
  expect([status, body.error]).toEqual([
    413,
    {
      code: "storage_full",
      type: "invalid_request_error",
      param: null,
      message: expect.stringMatching(/expected at most 1000 files of \d+ bytes together for each owner, got 1000 files of 3000 bytes/),
    },
  ]);
  for (const owner of ["b", undefined]) expect((await upload(app, owner, "{}")).status).toBe(200);
  // its results would have no room
  expect((await begin(app, "a", `file-${"0".repeat(32)}`)).status).toBe(413);
});

test("bytes of one tenant's files count for nobody else", () => {
  const store = new FileStore(join(folder, "bytes"), { files: 10, storedBytes: 100 });
  const add = (owner: string | null, bytes: number) => () => store.add({ owner }, "x", "batch", new Uint8Array(bytes), 1);
  add("a", 90)();
  expect(add("a", 11)).toThrow("90 bytes, and 11 bytes more");
  for (const owner of ["b", null]) expect(add(owner, 100)().bytes).toBe(100);
  expect(add("a", 10)().bytes).toBe(10);
});

test("a tenant's open batches are bounded with 429, and another tenant begins one and has its answers meanwhile", async () => {
  const app = opened("batches");
  const many = (await upload(app, "a", lines(400))).body as unknown as { id: string };
  for (let i = 0; i < limits.openBatches; i++) expect((await begin(app, "a", many.id)).status).toBe(200);
  const refused = await begin(app, "a", many.id);
  expect([refused.status, refused.body.error]).toMatchObject([429, { code: "rate_limit_exceeded" }]);
  const few = (await upload(app, "b", lines(3))).body as unknown as { id: string };
  let batch = (await begin(app, "b", few.id)).body as unknown as { id: string; status: string };
  while (batch.status !== "completed") {
    await new Promise(resolve => setTimeout(resolve, 20));
    batch = (await ask(app, "b", `/v1/batches/${batch.id}`)).body as unknown as typeof batch;
  }
  const own = (await ask(app, "a", "/v1/batches?limit=100")).body as unknown as { data: { status: string }[] };
  expect(own.data.filter(b => b.status === "completed").length).toBeLessThan(5);
});
