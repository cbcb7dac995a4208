import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { sha256 } from "../../base/index.ts";
import type { ChangeEntry } from "../../gateway/index.ts";
import { anchorsOf, listActs, openStore, verify } from "../../store/index.ts";
import { anchorGateway } from "./anchor-gateway.ts";

const folder = mkdtempSync(join(tmpdir(), "loam-anchor-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const changesOf = (count: number, seed = ""): ChangeEntry[] =>
  Array.from({ length: count }, (_, position) => ({
    position,
    atMs: position,
    by: "ann",
    what: "key.create",
    detail: { name: `key ${position}` },
    head: sha256(`${seed}${position}`),
  }));
const sourceOf = (entries: readonly ChangeEntry[]) => ({
  async *changes(from = 0) {
    yield* entries.slice(from);
  },
  head: async () => entries.at(-1) ?? null,
});

test("decisions and appeals of reviews become acts of their own kind", async () => {
  const store = await openStore({ root: join(folder, "reviews") });
  try {
    const [first, second] = changesOf(2);
    const entries = [first!, { ...second!, by: "reviewer-x", what: "review.refuse", detail: { id: "review_1", guard: "person" } }];
    await anchorGateway(store, "gateway-changes/reviews", sourceOf(entries));
    const [act, ...others] = await listActs(store.records.read, { kind: "review" });
    expect(others).toEqual([]);
    expect(act).toMatchObject({ who: "reviewer-x", what: "review.refuse", on: "review_1", evidence: { change: second!.head } });
    expect(await listActs(store.records.read, { kind: "policy" })).toHaveLength(1);
  } finally {
    await store.close();
  }
});

test("changes are anchored once with an act each; a cut or rewritten list is one incident, and the record still verifies", async () => {
  const store = await openStore({ root: folder });
  try {
    const chain = "gateway-changes/test";
    expect(await anchorGateway(store, chain, sourceOf([]))).toEqual({ changes: 0, finding: null });
    expect(await anchorGateway(store, chain, sourceOf(changesOf(3)))).toEqual({ changes: 3, finding: null });
    expect(await anchorGateway(store, chain, sourceOf(changesOf(3)))).toEqual({ changes: 0, finding: null });
    // more than one transaction takes
    expect(await anchorGateway(store, chain, sourceOf(changesOf(1_203)))).toEqual({ changes: 1_200, finding: null });
    expect((await anchorsOf(store.records.read, chain)).map(a => a.position)).toEqual([2, 502, 1_002, 1_202]);
    expect(await listActs(store.records.read, { kind: "policy", most: 5_000 })).toHaveLength(1_203);
    for (const changed of [changesOf(1_202), changesOf(1_203, "other"), []]) {
      const { changes, finding } = await anchorGateway(store, chain, sourceOf(changed));
      expect(changes).toBe(0);
      expect(finding).toContain("the log holds the head");
    }
    expect(await listActs(store.records.read, { kind: "incident" })).toHaveLength(1);
    expect((await verify(store)).findings).toEqual([]);
  } finally {
    await store.close();
  }
});
