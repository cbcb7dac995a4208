/** A gateway's changes reach the log of its project: at the timer's tick where something changed, and when the gateway closes. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, expect, test, vi } from "vitest";
import { readConfig } from "../../gateway/index.ts";
import { listActs, openStore } from "../../store/index.ts";
import { openFor } from "./open-control.ts";

const folder = mkdtempSync(join(tmpdir(), "loam-anchored-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const project =
  "name: anchored\ndata: { mail: { source: { folder: mail, reader: text } } }\ntokenizer: { vocab: 300, from: mail }\nmodels: {}\n";
writeFileSync(join(folder, "loam.yaml"), project);
writeFileSync(
  join(folder, "gateway.yaml"),
  `state: sqlite:gateway.db
upstreams: { local: { url: "http://127.0.0.1:1" } }
models: { chat: { targets: [{ upstream: local }] } }
access: { principals: { users: { ann: { roles: [admin] } } } }
`,
);
beforeEach(() => vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] }));
afterEach(() => vi.useRealTimers());

const acts = async () => {
  const store = await openStore({ root: folder });
  try {
    return (await listActs(store.records.read, { kind: "policy", most: 100 })).map(a => a.what);
  } finally {
    await store.close();
  }
};

test("a change is an act after a tick and after closing, each once; a state that did not change is left alone", async () => {
  const warnings: string[] = [];
  const config = await readConfig(join(folder, "gateway.yaml"));
  const control = await openFor(config, text => warnings.push(text));
  await control.keys.create({ name: "first", subject: "ann" }, "ann");
  vi.advanceTimersByTime(30_000);
  await vi.waitFor(async () => expect([await acts(), warnings]).toEqual([expect.arrayContaining(["key.create"]), []]), { timeout: 20_000 });
  const after = await acts();
  // nothing changed: the project is not even read
  writeFileSync(join(folder, "loam.yaml"), "name: [broken");
  vi.advanceTimersByTime(30_000);
  for (let i = 0; i < 20; i++) await control.head();
  expect(warnings).toEqual([]);
  writeFileSync(join(folder, "loam.yaml"), project);
  await control.keys.create({ name: "second", subject: "ann" }, "ann");
  await control.close();
  const all = await acts();
  expect(all.filter(what => what === "key.create").length).toBe(2);
  expect(all.length).toBe(after.length + 1);
  expect(warnings).toEqual([]);
});
