/** What moves of aliases must do, whatever database they stand on; run by `releases.test.ts` and `releases.life.test.ts`. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { handClock, isLoamError } from "../base/index.ts";
import { applyGc } from "./gc.ts";
import { listGuards, setGuards } from "./guards.ts";
import { evaluationMarks, setMark } from "./marks.ts";
import { registerVersion, resolveVersion } from "./models.ts";
import { promoteAlias } from "./promotion.ts";
import { earlierHolders, holderOf, releasesOf, rollbackAlias, setAlias } from "./releases.ts";
import { runStage } from "./runner.ts";
import { collect, train } from "./stages.laws.ts";
import type { Place } from "./store.laws.ts";
import { openStore, type Store } from "./store.ts";
import { verify } from "./verify.ts";

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "no error",
    e => (isLoamError(e) ? e.code : String(e)),
  );

/** Versions 1 to n of the model m. */
export async function versions(store: Store, n: number): Promise<void> {
  const documents = (await runStage(store, collect, { inputs: {}, options: { ids: ["a", "b"] } })).artifact;
  for (let steps = 1; steps <= n; steps++) {
    const model = (await runStage(store, train, { inputs: { documents }, options: { steps, bytes: 20_000 } })).artifact;
    await registerVersion(store, "m", model.id, { steps });
  }
}

/** The guard is met. */
const passed = async (store: Store, alias = "prod") => ({
  rules: (await listGuards(store.records.read)).find(g => g.alias === alias)?.digest ?? null,
  passed: true,
});

export function releaseLaws(place: () => Promise<Place>): void {
  const using = async (work: (store: Store, at: Place) => Promise<void>) => {
    const at = await place();
    const store = await openStore({ ...at, clock: handClock(1_000) });
    try {
      await work(store, at);
      expect((await verify(store)).findings).toEqual([]);
    } finally {
      await store.close();
    }
  };
  const promote = async (store: Store, number: number, current: number | null) =>
    promoteAlias(store, { model: "m", alias: "prod", number, current, verdict: await passed(store) });

  test("a guarded alias is moved by a passed verdict on the present rules alone", () =>
    using(async store => {
      await versions(store, 2);
      expect(await setGuards(store, { prod: { requires: ["x > 1"] } })).toEqual(["prod"]);
      expect(await setGuards(store, { prod: { requires: ["x > 1"] } })).toEqual([]);
      expect(await codeOf(setAlias(store, "m", "prod", 1))).toBe("store/guarded");
      const given = { model: "m", alias: "prod", number: 1, current: null };
      expect(await codeOf(promoteAlias(store, { ...given, verdict: { ...(await passed(store)), passed: false } }))).toBe("store/guarded");
      expect(await codeOf(promoteAlias(store, { ...given, verdict: { rules: null, passed: true } }))).toBe("store/conflict");
      const old = await passed(store);
      await setGuards(store, { prod: { requires: ["x > 2"] } });
      expect(await codeOf(promoteAlias(store, { ...given, verdict: old }))).toBe("store/conflict");
      expect(await holderOf(store.records.read, "m", "prod")).toBe(null);
      await promote(store, 1, null);
      expect(await codeOf(setAlias(store, "m", "prod", null))).toBe("store/guarded");
      expect((await resolveVersion(store.records.read, "m", "prod")).number).toBe(1);
      // other aliases and, where the rules name models, other models stay free
      await setAlias(store, "m", "dev", 2);
      await setGuards(store, { prod: { models: ["n"] } });
      await setAlias(store, "m", "prod", 2);
    }));

  test("of two promotions at once exactly one wins", () =>
    using(async (store, at) => {
      await versions(store, 3);
      await setGuards(store, { prod: {} });
      await promote(store, 1, null);
      const other = await openStore(at);
      const codes = await Promise.all([codeOf(promote(store, 2, 1)), codeOf(promote(other, 3, 1))]);
      await other.close();
      expect(codes.sort()).toEqual(["no error", "store/conflict"]);
      expect(await releasesOf(store.records.read, "m", "prod")).toHaveLength(2);
    }));

  test("rollbacks go back through the versions that had the alias, and end at the first; archived ones are passed over", () =>
    using(async store => {
      await versions(store, 4);
      for (const n of [1, 2, 3]) await setAlias(store, "m", "prod", n, { by: "ann" });
      expect(await rollbackAlias(store, "m", "prod", { by: "bob", reason: "slow" })).toMatchObject({ number: 2, previous: 3, by: "bob" });
      await setAlias(store, "m", "prod", 4);
      await setMark(store, { model: "m", number: 2, kind: "stage", key: "stage", value: "archived" });
      expect((await rollbackAlias(store, "m", "prod")).number).toBe(1);
      expect(await codeOf(rollbackAlias(store, "m", "prod"))).toBe("store/notFound");
      expect(await codeOf(setAlias(store, "m", "prod", 2))).toBe("store/conflict");
      expect((await releasesOf(store.records.read, "m", "prod")).map(r => [r.kind, r.number])).toEqual([
        ["set", 1],
        ["set", 2],
        ["set", 3],
        ["rollback", 2],
        ["set", 4],
        ["rollback", 1],
      ]);
      await setAlias(store, "m", "prod", null);
      expect(await holderOf(store.records.read, "m", "prod")).toBe(null);
      expect((await rollbackAlias(store, "m", "prod")).number).toBe(1);
    }));

  test("gc keeps the files of where a rollback goes, and no others; a rollback to files that are gone is refused", () =>
    using(async store => {
      await versions(store, 4);
      for (const n of [1, 2, 3]) await setAlias(store, "m", "prod", n);
      await applyGc(store, { roots: [] });
      const kept = async (n: number) =>
        store.records.read
          .selectFrom("artifacts")
          .select("released_ms")
          .where("id", "=", (await resolveVersion(store.records.read, "m", String(n))).artifact)
          .executeTakeFirst();
      expect(await Promise.all([1, 2, 3, 4].map(async n => (await kept(n))?.released_ms === null))).toEqual([false, true, true, true]);
      expect((await rollbackAlias(store, "m", "prod")).number).toBe(2);
      expect(await codeOf(rollbackAlias(store, "m", "prod"))).toBe("store/notFound");
      expect(await holderOf(store.records.read, "m", "prod")).toBe(2);
    }));

  test("marks are set, changed and taken away with an entry each; nothing changes a version", () =>
    using(async store => {
      await versions(store, 1);
      const before = await resolveVersion(store.records.read, "m");
      const mark = { model: "m", number: 1, kind: "tag", key: "team" } as const;
      expect(await setMark(store, { ...mark, value: "mail" })).toBe(true);
      expect(await setMark(store, { ...mark, value: "mail" })).toBe(false);
      expect(await setMark(store, { ...mark, value: "post" })).toBe(true);
      for (const text of ["one", "two"]) await setMark(store, { ...mark, kind: "note", key: "next", value: { text } });
      expect((await evaluationMarks(store.records.read, "m", 1)).map(m => [m.kind, m.key])).toEqual([
        ["note", "1"],
        ["note", "2"],
        ["tag", "team"],
      ]);
      await setMark(store, { ...mark, value: null });
      expect(await evaluationMarks(store.records.read, "m", 1)).toHaveLength(2);
      expect(await codeOf(setMark(store, { ...mark, number: 2, value: "x" }))).toBe("store/notFound");
      expect(await resolveVersion(store.records.read, "m")).toEqual(before);
    }));

  test("moves, guards and marks that are changed from outside are found by name", async () => {
    const store = await openStore({ ...(await place()), clock: handClock(1_000) });
    try {
      await versions(store, 2);
      await setGuards(store, { prod: { requires: ["x > 1"] } });
      await promote(store, 1, null);
      await setMark(store, { model: "m", number: 1, kind: "approval", key: "ann", value: 1 });
      await store.records.write(async t => {
        await t.updateTable("aliases").set({ number: 2 }).execute();
        await t.updateTable("releases").set({ verdict: "{}" }).execute();
        await t.deleteFrom("guards").execute();
        await t.insertInto("marks").values({ model: "m", number: 2, kind: "approval", key: "ann", value: "1", at_ms: 0 }).execute();
      });
      const places = (await verify(store)).findings.map(f => f.place).sort();
      expect(places).toEqual(["aliases m@prod: number", "guards prod", "marks m@2 approval ann", "releases m@prod 0: verdict"]);
    } finally {
      await store.close();
    }
  });
}

/** Promotions of numbers and rollbacks, beside a plain undo stack. */
export function earlierHoldersLaw(): void {
  test("earlier holders are an undo stack", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.integer({ min: 1, max: 4 }), fc.constant("back" as const)), { maxLength: 20 }), steps => {
        const stack: number[] = [];
        let holder: number | null = null;
        const moves: { kind: "set" | "rollback"; number: number; previous: number | null }[] = [];
        for (const step of steps) {
          // as rollbackTarget: never to the version that has it now
          if (step === "back") {
            let target: number | undefined = stack.pop();
            while (target !== undefined && target === holder) target = stack.pop();
            if (target === undefined) continue;
            moves.push({ kind: "rollback", number: target, previous: holder });
            holder = target;
          } else {
            moves.push({ kind: "set", number: step, previous: holder });
            if (holder !== null && holder !== step) stack.push(holder);
            holder = step;
          }
        }
        expect(earlierHolders(moves)).toEqual(stack);
      }),
      { numRuns: 100 },
    );
  });
}
