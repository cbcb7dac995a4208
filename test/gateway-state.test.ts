/** The gateway's limits in PostgreSQL, on a real server, and in processes that share it or a SQLite file. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe } from "vitest";
import { sharedStoreLaws } from "../src/gateway/limits/bucket-store.laws.ts";
import { childScript, processLaws } from "../src/gateway/limits/processes.laws.ts";
import { openState } from "../src/gateway/state/state.ts";
import { bundleScript, startChild } from "../src/store/children.laws.ts";
import { findPostgres, type RunningServer, startPostgres } from "../src/store/servers.laws.ts";

const folder = mkdtempSync(join(tmpdir(), "loam-gateway-state-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let script: Promise<string> | undefined;
const start = async (state: string, config: object) => {
  script ??= bundleScript(childScript, folder, "limits");
  return startChild(await script, [state, JSON.stringify(config)]);
};

describe("four processes on one SQLite file", () => {
  processLaws(start, name => `sqlite:${join(folder, `${name}.db`)}`);
});

const found = findPostgres();
describe.skipIf(!found.program)(`PostgreSQL${found.program ? "" : ` (skipped: ${found.reason})`}`, () => {
  let server: RunningServer;
  beforeAll(async () => {
    server = await startPostgres(found.program!);
  });
  afterAll(() => server?.stop());

  describe("one process", () => {
    // a thousand statements that wait for one row on a busy machine: longer than anybody would let a request wait
    sharedStoreLaws((name, options) => openState({ url: server.url(name), root: ".", timeoutMs: 60_000, ...options }));
  });
  describe("four processes", () => {
    processLaws(start, name => server.url(name));
  });
});
