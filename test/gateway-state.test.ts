/** The gateway's buckets in PostgreSQL, on a real server: the same laws as in memory and in a SQLite file. */
import { afterAll, beforeAll, describe } from "vitest";
import { sharedStoreLaws } from "../src/gateway/limits/bucket-store.laws.ts";
import { openState } from "../src/gateway/state/state.ts";
import { findPostgres, type RunningServer, startPostgres } from "../src/store/servers.laws.ts";

const found = findPostgres();
describe.skipIf(!found.program)(`PostgreSQL${found.program ? "" : ` (skipped: ${found.reason})`}`, () => {
  let server: RunningServer;
  beforeAll(async () => {
    server = await startPostgres(found.program!);
  });
  afterAll(() => server?.stop());
  sharedStoreLaws((name, options) => openState({ url: server.url(name), root: ".", ...options }));
});
