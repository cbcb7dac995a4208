/** Shares of a model's targets, shown and changed in the file. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, expect, test } from "vitest";
import { createOutput } from "../output.ts";
import { gatewaySplit } from "./gateway-split.ts";

const folder = mkdtempSync(join(tmpdir(), "loam-split-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = join(folder, "gateway.yaml");
const text = `# two servers, one of them new
upstreams:
  local: { url: "http://127.0.0.1:1/v1" }
  canary: { url: "http://127.0.0.1:2/v1" } # since Monday
models:
  chat:
    targets:
      - { upstream: local, model: small, weight: 9 } # the old one
      - upstream: canary
        model: small
        tags: [new] # no weight: 1
      - { upstream: local, model: large, priority: 1 }
`;
beforeEach(() => writeFileSync(file, text));

async function split(...args: string[]): Promise<{ isChanged: boolean; targets: { target: string; weight: number; share: number }[] }> {
  let said = "";
  const write = (piece: string) => {
    said += piece;
    return true;
  };
  const out = createOutput(true, { out: { write } as never, err: { write: () => true } as never });
  await gatewaySplit({ out, cwd: folder, signal: new AbortController().signal }, args, {});
  return JSON.parse(said.trim().split("\n").at(-1)!);
}

test("without weights it shows shares, of each priority by itself, and changes nothing", async () => {
  const { isChanged, targets } = await split("chat");
  expect(isChanged).toBe(false);
  expect(targets.map(t => [t.target, t.weight, t.share])).toEqual([
    ["local/small", 9, 0.9],
    ["canary/small", 1, 0.1],
    ["local/large", 1, 1],
  ]);
  expect(readFileSync(file, "utf8")).toBe(text);
});

test("weights are changed where they stand, or written beside the target, and every other character stays", async () => {
  const { targets } = await split("chat", "local/small=1", "canary=3");
  expect(targets.map(t => t.share)).toEqual([0.25, 0.75, 1]);
  const after = readFileSync(file, "utf8");
  expect(after).toBe(
    text.replace("weight: 9", "weight: 1").replace("tags: [new] # no weight: 1", "tags: [new] # no weight: 1\n        weight: 3"),
  );
});

test("what names no target, several, one twice, or would leave nobody is refused, and nothing is written", async () => {
  await expect(split("chat", "nobody=1")).rejects.toThrow(/one target of chat: local\/small, canary\/small, local\/large, got "nobody"/);
  await expect(split("chat", "local=1")).rejects.toThrow(/which is several/);
  await expect(split("chat", "canary=1", "canary/small=2")).rejects.toThrow(/each target once/);
  await expect(split("chat", "canary=lots")).rejects.toThrow(/TARGET=WEIGHT/);
  await expect(split("chat", "canary=-1")).rejects.toThrow(/TARGET=WEIGHT/);
  await expect(split("chat", "local/small=0", "canary=0", "local/large=0")).rejects.toThrow(/a weight above 0/);
  await expect(split("chatt")).rejects.toThrow(/a model of .*: chat/);
  expect(readFileSync(file, "utf8")).toBe(text);
});
