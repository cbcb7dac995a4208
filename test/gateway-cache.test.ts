/** Answers in PostgreSQL, on a real server. */
import { afterAll, beforeAll, describe } from "vitest";
import { openCacheStore } from "../src/gateway/cache/open-store.ts";
import { cacheStoreLaws } from "../src/gateway/cache/store.laws.ts";
import { findPostgres, type RunningServer, startPostgres } from "../src/store/servers.laws.ts";

const found = findPostgres();
describe.skipIf(!found.program)(`PostgreSQL${found.program ? "" : ` (skipped: ${found.reason})`}`, () => {
  let server: RunningServer;
  beforeAll(async () => {
    server = await startPostgres(found.program!);
  });
  afterAll(() => server?.stop());
  cacheStoreLaws((name, bounds) => openCacheStore({ ...bounds, store: server.url(name), state: "memory:", root: "." }));
});
