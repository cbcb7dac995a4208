/** Laws of what monitors and loops keep; on every pair of records and blobs. */
import { describe, expect, test } from "vitest";
import { treeHead } from "./log/log.ts";
import { changeState, dropStates, readState, statesOf } from "./states.ts";
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
  });
}
