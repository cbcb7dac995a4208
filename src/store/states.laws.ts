/** Laws of what monitors and loops keep; on every pair of records and blobs. */
import { describe, expect, test } from "vitest";
import { treeHead } from "./log/log.ts";
import { changeState, changeStates, dropStates, pruneStates, readState, statesOf } from "./states.ts";
import { openStore, type Store, type StoreOptions } from "./store.ts";
import { verify } from "./verify.ts";

export function statesLaws(fresh: () => Promise<StoreOptions>): void {
  const using = async (work: (store: Store, place: StoreOptions) => Promise<void>): Promise<void> => {
    const place = await fresh();
    const store = await openStore(place);
    try {
      await work(store, place);
    } finally {
      await store.close();
    }
  };
  const add = (store: Store, key: string, by: number) =>
    changeState(store, "counts", key, value => {
      const sum = Number(value ?? 0) + by;
      return { value: sum, answer: sum };
    });

  describe("states of monitors and loops", () => {
    test("what is added from two connections at once is all there, once", () =>
      using(async (store, place) => {
        const other = await openStore(place);
        try {
          const added = await Promise.all(Array.from({ length: 40 }, (_, i) => add(i % 2 ? other : store, "a", 1)));
          expect(added.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, i) => i + 1));
          expect(await readState(store.records.read, "counts", "a")).toBe(40);
        } finally {
          await other.close();
        }
      }));

    test("a change that fails leaves state and log as they were; one that is undefined leaves the state, null removes it", () =>
      using(async store => {
        await add(store, "a", 3);
        const before = (await treeHead(store.records.read)).size;
        const broken = changeState(store, "counts", "a", () => {
          throw new TypeError("no");
        });
        await expect(broken).rejects.toThrow("no");
        await changeState(store, "counts", "a", () => ({ value: undefined, answer: 0 }));
        expect(await readState(store.records.read, "counts", "a")).toBe(3);
        await changeState(store, "counts", "a", () => ({ value: null, answer: 0 }));
        expect(await readState(store.records.read, "counts", "a")).toBeUndefined();
        expect((await treeHead(store.records.read)).size).toBe(before);
      }));

    test("a scope is read by ranges of keys in the order of their bytes, and dropped up to one", () =>
      using(async store => {
        for (const key of ["b", "B", "a-2", "a/1", "a", "é"]) await add(store, key, 1);
        await changeState(store, "other", "a", () => ({ value: 1, answer: 0 }));
        const keys = async (range = {}) => (await statesOf(store.records.read, "counts", range)).map(s => s.key);
        expect(await keys()).toEqual(["B", "a", "a-2", "a/1", "b", "é"]);
        expect(await keys({ from: "a-2", before: "b" })).toEqual(["a-2", "a/1"]);
        expect(await keys({ limit: 2, isNewestFirst: true })).toEqual(["é", "b"]);
        expect(await dropStates(store, "counts", "a/1")).toBe(3);
        expect(await keys()).toEqual(["a/1", "b", "é"]);
        expect(await readState(store.records.read, "other", "a")).toBe(1);
        expect(await verify(store)).toMatchObject({ ok: true });
      }));

    test("a change of several states is all there or not at all, and reads what it has put", () =>
      using(async store => {
        const rows = new Map(Array.from({ length: 1200 }, (_, i) => [`n/${String(i).padStart(4, "0")}`, i]));
        const seen = await changeStates(store, async states => {
          await states.putAll("many", rows);
          await states.putAll("many", new Map([["n/0007", "changed"]]));
          await states.put("other", "a", true);
          return [await states.read("many", "n/0007"), (await states.readAll("many", [...rows.keys(), "none"])).size];
        });
        expect(seen).toEqual(["changed", 1200]);
        const broken = changeStates(store, async states => {
          await states.removeAll("many", "n/");
          await states.remove("other", "a");
          throw new TypeError("no");
        });
        await expect(broken).rejects.toThrow("no");
        expect(await statesOf(store.records.read, "many")).toHaveLength(1200);
        expect(await changeStates(store, states => states.removeAll("many", "n/00"))).toBe(100);
        expect((await statesOf(store.records.read, "many", { limit: 1 }))[0]).toMatchObject({ key: "n/0100", value: 100 });
        expect(await readState(store.records.read, "other", "a")).toBe(true);
      }));

    test("pruning leaves the newest, and none from before a time", () =>
      using(async store => {
        for (const key of ["a", "b", "c", "d"]) await add(store, key, 1);
        expect(await pruneStates(store, "counts", { beforeMs: 0, most: 4 })).toBe(0);
        expect(await pruneStates(store, "counts", { beforeMs: 0, most: 3 })).toBe(1);
        expect(await statesOf(store.records.read, "counts")).toHaveLength(3);
        expect(await pruneStates(store, "counts", { beforeMs: store.clock.now() + 1, most: 3 })).toBe(3);
      }));
  });
}
