/** Laws of acts: what is recorded is proved, what is erased is gone and said to be; on every pair of records and blobs. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { isLoamError } from "../base/index.ts";
import { type Act, anchorChain, anchorsOf, eraseFromActs, lastAnchor, listActs, recordAct, recordActs } from "./acts.ts";
import { proveEntry } from "./log/log.ts";
import { checkInclusion, leafHash } from "./log/merkle.ts";
import { openStore, type Store, type StoreOptions } from "./store.ts";
import { verify } from "./verify.ts";

const digest = "ab".repeat(32);
const act: Act = {
  kind: "access",
  who: "anna.planted@example.org",
  what: "export",
  on: "subject planted-4711",
  evidence: { file: digest },
  purpose: "GDPR Article 15",
};

export function actsLaws(fresh: () => Promise<StoreOptions>): void {
  const using = async (work: (store: Store, place: StoreOptions) => Promise<void>): Promise<void> => {
    const place = await fresh();
    const store = await openStore(place);
    try {
      await work(store, place);
    } finally {
      await store.close();
    }
  };
  const places = async (store: Store) => (await verify(store)).findings.map(f => f.place);

  describe("acts", () => {
    test("an act is listed with all that was given, and its entry is in the tree", () =>
      using(async store => {
        const recorded = await recordAct(store, act);
        const { kind, ...given } = act;
        expect(await listActs(store.records.read)).toEqual([{ ...recorded, kind, ...given, erased: [] }]);
        const proof = (await proveEntry(store.records.read, recorded.position))!;
        expect(leafHash(proof.entry)).toBe(recorded.leaf);
        expect(checkInclusion(recorded.leaf, recorded.position, proof.tree.size, proof.path, proof.tree.root)).toBe(true);
        expect(await places(store)).toEqual([]);
      }));

    test("the log and the file of heads hold no text of an act, and two of the same texts differ in every commitment", () =>
      using(async store => {
        const [a, b] = await recordActs(store, [act, act]);
        const rows = await store.records.read.selectFrom("log").selectAll().execute();
        const all = JSON.stringify(rows) + readFileSync(store.headsPath, "utf8");
        for (const text of [act.who, act.what, act.on, digest, act.purpose!]) expect(all).not.toContain(text);
        const [one, two] = [a!, b!].map(r => Object.values(JSON.parse(rows[r.position]!.entry).commitments) as string[]);
        expect(one).toHaveLength(5);
        expect(new Set([...one!, ...two!]).size).toBe(10);
      }));

    test("acts of two connections at once all have places of their own, each the one of its entry", () =>
      using(async (store, place) => {
        const other = await openStore(place);
        try {
          const all = await Promise.all(
            Array.from({ length: 24 }, (_, i) => recordAct(i % 2 ? other : store, { ...act, on: `subject ${i}` })),
          );
          expect(new Set(all.map(r => r.position)).size).toBe(24);
          for (const r of all) expect(leafHash((await proveEntry(store.records.read, r.position))!.entry)).toBe(r.leaf);
          expect(await places(store)).toEqual([]);
        } finally {
          await other.close();
        }
      }));

    test("a person's erasure takes their name, what they did it to and the note; the deed stays, the log says so, and all verifies", () =>
      using(async store => {
        const mine = await recordAct(store, { ...act, note: "called twice" });
        const about = await recordAct(store, { ...act, who: "bert", on: act.who, kind: "review" });
        const other = await recordAct(store, { ...act, who: "bert" });
        expect(await eraseFromActs(store, act.who)).toEqual({ acts: expect.arrayContaining([mine.id, about.id]), fields: 3 });
        const [o, a, m] = await listActs(store.records.read);
        expect(o).toMatchObject({ id: other.id, who: "bert", erased: [] });
        expect(a).toMatchObject({ id: about.id, who: "bert", what: act.what, erased: ["on"] });
        expect(m).toMatchObject({ id: mine.id, what: act.what, evidence: act.evidence, purpose: act.purpose, erased: ["who", "note"] });
        expect(JSON.stringify([o, a, m])).not.toContain("anna");
        expect(JSON.stringify(await store.records.read.selectFrom("act_fields").selectAll().execute())).not.toContain("anna");
        expect(await places(store)).toEqual([]);
        expect(await eraseFromActs(store, act.who)).toEqual({ acts: [], fields: 0 });
      }));

    test("a changed, added or silently removed field or act is found and named", () =>
      using(async store => {
        const { id } = await recordAct(store, act);
        const { id: second } = await recordAct(store, { ...act, who: "bert" });
        expect(await places(store)).toEqual([]);
        const fields = await store.records.read.selectFrom("act_fields").selectAll().execute();
        const acts = await store.records.read.selectFrom("acts").selectAll().execute();
        const restore = () =>
          store.records.write(async t => {
            await t.deleteFrom("act_fields").execute();
            await t.deleteFrom("acts").execute();
            await t.insertInto("act_fields").values(fields).execute();
            await t.insertInto("acts").values(acts).execute();
          });
        for (const f of fields) {
          const where = (t: Store["records"]["read"]) => t.deleteFrom("act_fields").where("act", "=", f.act).where("field", "=", f.field);
          await store.records.write(t => where(t).execute());
          expect(await places(store), `${f.field} removed`).toEqual([`act_fields ${f.act} ${f.field}`]);
          await store.records.write(t =>
            t
              .insertInto("act_fields")
              .values({ ...f, value: '"somebody else"' })
              .execute(),
          );
          expect(await places(store), `${f.field} changed`).toEqual([`act_fields ${f.act} ${f.field}`]);
          await restore();
        }
        await store.records.write(t =>
          t
            .insertInto("act_fields")
            .values({ ...fields[0]!, field: "note" })
            .execute(),
        );
        expect(await places(store)).toEqual([`act_fields ${fields[0]!.act} note`]);
        await restore();
        await store.records.write(t => t.deleteFrom("acts").where("id", "=", id).execute());
        expect(await places(store)).toEqual([`acts ${id}`]);
        await restore();
        await store.records.write(t => t.updateTable("acts").set({ kind: "incident" }).where("id", "=", second).execute());
        expect(await places(store)).toEqual([`acts ${second}: kind`]);
      }));

    test("lists by kind, person, thing and time, the newest first", () =>
      using(async store => {
        for (let i = 0; i < 5; i++)
          await recordAct(store, { ...act, kind: i % 2 ? "incident" : "policy", who: `p${i % 3}`, on: `thing ${i}` });
        const on = async (filter: Parameters<typeof listActs>[1]) => (await listActs(store.records.read, filter)).map(a => a.on);
        expect(await on({ most: 2 })).toEqual(["thing 4", "thing 3"]);
        expect(await on({ kind: "incident" })).toEqual(["thing 3", "thing 1"]);
        expect(await on({ who: "p0" })).toEqual(["thing 3", "thing 0"]);
        expect(await on({ on: "thing 2" })).toEqual(["thing 2"]);
        expect(await on({ sinceMs: Number.MAX_SAFE_INTEGER })).toEqual([]);
      }));

    test("what is no act is refused with its place, and nothing is recorded, of a list neither", () =>
      using(async store => {
        const bad: [object, string][] = [
          [{ ...act, kind: "gossip" }, "act.kind"],
          [{ ...act, who: " " }, "act.who"],
          [{ ...act, on: undefined }, "act.on"],
          [{ ...act, what: "x".repeat(5_000) }, "act.what"],
          [{ ...act, note: "\ud800" }, "act.note"],
          [{ ...act, evidence: { file: "short" } }, "act.evidence.file"],
          [{ ...act, evidence: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [i, digest])) }, "act.evidence"],
        ];
        for (const [given, place] of bad) {
          const error = await recordActs(store, [act, given as Act]).catch(e => e);
          expect(isLoamError(error, "store/act") && error.problem.place, JSON.stringify(given).slice(0, 80)).toBe(place);
        }
        expect(await listActs(store.records.read)).toEqual([]);
        expect((await verify(store)).entries).toBe(0);
      }));

    test("a chain is anchored once an entry, never backwards, with the acts since; a changed anchor is found", () =>
      using(async store => {
        const chain = "gateway/changes";
        expect(await lastAnchor(store.records.read, chain)).toBeUndefined();
        expect(await anchorChain(store, { chain, position: 3, head: digest }, [act, act])).toBe(true);
        for (const position of [3, 2]) expect(await anchorChain(store, { chain, position, head: "cd".repeat(32) }, [act])).toBe(false);
        expect(await anchorChain(store, { chain, position: 4, head: "cd".repeat(32) })).toBe(true);
        expect((await anchorsOf(store.records.read, chain)).map(a => a.position)).toEqual([3, 4]);
        expect(await lastAnchor(store.records.read, chain)).toMatchObject({ position: 4, head: "cd".repeat(32) });
        expect(await listActs(store.records.read)).toHaveLength(2);
        expect(await places(store)).toEqual([]);
        await store.records.write(t => t.updateTable("anchors").set({ head: digest }).where("position", "=", 4).execute());
        expect(await places(store)).toEqual([`anchors ${chain} 4: head`]);
      }));
  });
}
