import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { adapterChoice } from "./adapters.ts";

const root = mkdtempSync(join(tmpdir(), "loam-adapter-choice-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
for (const [name, r, patterns] of [
  ["small", 4, {}],
  ["great", 20, { q_proj: 33 }],
] as const) {
  mkdirSync(join(root, name));
  const config = { peft_type: "LORA", r, rank_pattern: patterns, target_modules: ["q_proj"] };
  writeFileSync(join(root, name, "adapter_config.json"), JSON.stringify(config));
}
const choice = (options: Parameters<typeof adapterChoice>[0]) => adapterChoice(options, root);

test("room for adapters is what is said, else what those that are named need; nobody's wish reserves nothing", async () => {
  expect(await choice({})).toEqual({ named: [], room: undefined, folder: undefined });
  expect(await choice({ adapters: { a: "small" } })).toEqual({
    named: [{ name: "a", folder: join(root, "small") }],
    room: { count: 4, rank: 16 },
    folder: undefined,
  });
  expect((await choice({ adapters: { a: "small", b: "great" } })).room).toEqual({ count: 4, rank: 40 });
  expect((await choice({ adapters: { a: "small" }, maxAdapters: 2, maxAdapterRank: 4 })).room).toEqual({ count: 2, rank: 4 });
  expect(await choice({ adapterFolder: "here" })).toMatchObject({ room: { count: 4, rank: 16 }, folder: join(root, "here") });
});

test("options that contradict, and folders that are none, are refused by name", async () => {
  for (const [options, says] of [
    [{ adapters: { a: "small", b: "small" }, maxAdapters: 1 }, "--max-adapters: expected at least 2"],
    [{ adapters: { a: "nothing" } }, join(root, "nothing")],
  ] as const)
    await expect(choice(options), says).rejects.toThrow(says);
});
