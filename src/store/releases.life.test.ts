/** Promotions and rollbacks of a process that is killed at any moment, on both databases. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { rounds } from "../../test/support/deep.ts";
import { random } from "../base/index.ts";
import { bundleScript, startChild } from "./children.laws.ts";
import { setGuards } from "./guards.ts";
import { releaseLaws, versions } from "./releases.laws.ts";
import { holderOf, releasesOf, setAlias } from "./releases.ts";
import { scratchFolder } from "./scratch.laws.ts";
import { findPostgres, type RunningServer, startPostgres } from "./servers.laws.ts";
import { openStore, type StoreOptions } from "./store.ts";
import { verify } from "./verify.ts";

const scratch = scratchFolder("releases-life");
let projects = 0;
const project = (): string => {
  const root = join(scratch, `p${projects++}`);
  mkdirSync(root);
  return root;
};

/** Promotes and rolls back in turns, and says each move that it was told is made. */
const script = `
  import { listGuards } from "./guards.ts";
  import { promoteAlias } from "./promotion.ts";
  import { holderOf, rollbackAlias } from "./releases.ts";
  import { openStore } from "./store.ts";
  const store = await openStore(JSON.parse(process.argv[2]!));
  const [guard] = await listGuards(store.records.read);
  const verdict = { rules: guard!.digest, passed: true, text: "x".repeat(2000) };
  for (let i = 0; ; i++) {
    const current = await holderOf(store.records.read, "m", "prod");
    const release =
      i % 2
        ? await rollbackAlias(store, "m", "prod")
        : await promoteAlias(store, { model: "m", alias: "prod", number: current === 2 ? 3 : 2, current, verdict });
    console.log("moved " + JSON.stringify(release));
  }
`;

function killLaw(place: () => Promise<StoreOptions>): void {
  test("a kill in the middle leaves the alias where it was or where it goes, nothing acknowledged lost, and the log whole", async () => {
    const at = await place();
    const store = await openStore(at);
    await versions(store, 3);
    await setAlias(store, "m", "prod", 1);
    await setGuards(store, { prod: { requires: [] } });
    const path = await bundleScript(script, scratch, `mover-${projects}`);
    const r = random("kills");
    let seen = 1;
    for (let round = 0; round < rounds(12, 4); round++) {
      const child = startChild(path, [JSON.stringify(at)]);
      const wanted = 1 + r.below(4);
      for (let i = 0; i < wanted; i++) await child.line("moved ");
      // anywhere in the next move or two
      await new Promise(next => setTimeout(next, r.below(8)));
      await child.kill();
      const told = child.lines.map(line => JSON.parse(line.slice("moved ".length)) as { position: number });
      const moves = (await releasesOf(store.records.read, "m", "prod")).sort((a, b) => a.position - b.position);
      expect(moves.map(m => m.position)).toEqual(moves.map((_, i) => i));
      for (const t of told) expect(moves[t.position]).toEqual(t);
      expect(moves.length).toBeGreaterThanOrEqual(seen + told.length);
      // at most one more than was acknowledged: the one under way
      expect(moves.length).toBeLessThanOrEqual(seen + told.length + 1);
      seen = moves.length;
      expect(await holderOf(store.records.read, "m", "prod")).toBe(moves.at(-1)!.number);
      for (const [i, m] of moves.entries()) expect(m.previous).toBe(moves[i - 1]?.number ?? null);
      expect((await verify(store)).findings).toEqual([]);
    }
    await store.close();
  }, 120_000);
}

describe("sqlite", () => {
  killLaw(async () => ({ root: project(), records: "sqlite:.loam/record.db", blobs: "folder:.loam/blobs" }));
});

const postgres = findPostgres();
describe.skipIf(postgres.reason)(`postgres${postgres.reason ? ` (skipped: ${postgres.reason})` : ""}`, () => {
  let database: RunningServer;
  beforeAll(async () => {
    database = await startPostgres(postgres.program!);
  });
  afterAll(() => database?.stop());
  const place = async () => {
    const root = project();
    return { root, records: database.url(`p${projects}`), blobs: "folder:.loam/blobs" };
  };
  releaseLaws(place);
  killLaw(place);
});
