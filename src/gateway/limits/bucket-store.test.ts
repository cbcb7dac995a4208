import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe } from "vitest";
import { openState } from "../state/state.ts";
import { bucketStoreLaws, sharedStoreLaws } from "./bucket-store.laws.ts";

const folder = mkdtempSync(join(tmpdir(), "loam-gateway-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("in memory", () => {
  bucketStoreLaws((_, options) => openState({ url: "memory:", root: folder, ...options }));
});

describe("in a SQLite file", () => {
  sharedStoreLaws((name, options) => openState({ url: `sqlite:${name}.db`, root: folder, timeoutMs: 60_000, ...options }));
});
