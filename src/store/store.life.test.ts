import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe } from "vitest";
import { scratchFolder } from "./scratch.laws.ts";
import { findPostgres, findVersitygw, type RunningServer, startPostgres, startVersitygw } from "./servers.laws.ts";
import { storeLaws } from "./store.laws.ts";

const scratch = scratchFolder("store");
let projects = 0;
const project = (): string => {
  const root = join(scratch, `p${projects++}`);
  mkdirSync(root);
  return root;
};

describe("sqlite and a folder", () => {
  storeLaws(async () => ({ root: project(), records: "sqlite:.loam/record.db", blobs: "folder:.loam/blobs" }));
});

const postgres = findPostgres();
const gateway = findVersitygw();
const reason = postgres.reason ?? gateway.reason;
describe.skipIf(reason)(`postgres and s3${reason ? ` (skipped: ${reason})` : ""}`, () => {
  let database: RunningServer;
  let bucket: Awaited<ReturnType<typeof startVersitygw>>;
  beforeAll(async () => {
    database = await startPostgres(postgres.program!);
    bucket = await startVersitygw(gateway.program!);
  });
  afterAll(async () => {
    await bucket?.stop();
    await database?.stop();
  });
  storeLaws(async () => {
    const root = project();
    const name = `p${projects}`;
    mkdirSync(join(bucket.folder, `bucket-${name}`));
    return { root, records: database.url(name), blobs: bucket.url(`bucket-${name}`) };
  });
});
