/** Laws of the count of looks at test sets; on every pair of records and blobs. */
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { applyGc } from "./gc.ts";
import { looksOf, looksOfContent, noteGate, similarityOf, testSetOf, writeLook } from "./looks.ts";
import { runStage } from "./runner.ts";
import { stage } from "./stage.ts";
import { openStore, type Store, type StoreOptions } from "./store.ts";
import { verify } from "./verify.ts";

const texts = Array.from({ length: 300 }, (_, i) => `text ${i}`);
let runs = 0;
const model = stage({
  name: "train",
  version: 1,
  inputs: {},
  options: z.strictObject({ seed: z.number() }),
  output: "model",
  async run({ options, output }) {
    await output.write("weights.bin", `${options.seed}`);
    return {};
  },
});
const scoring = (kind: "tuning" | "evaluation", of: readonly string[]) =>
  stage({
    name: "score",
    version: 1,
    inputs: { model: "model" },
    options: z.strictObject({ name: z.string(), differs: z.boolean().default(false) }),
    output: "evaluation",
    async run({ inputs, options, output, runData }) {
      writeLook(runData, { kind, test: testSetOf(of), candidate: inputs.model.digest });
      await output.write("report.json", `${options.name} ${of.length} ${options.differs ? ++runs : 0}`);
      return {};
    },
  });

export function looksLaws(fresh: () => Promise<StoreOptions>): void {
  const using = async (work: (store: Store) => Promise<void>): Promise<void> => {
    const store = await openStore(await fresh());
    try {
      await work(store);
      expect(await verify(store, { content: true })).toMatchObject({ ok: true, findings: [] });
    } finally {
      await store.close();
    }
  };
  const trained = async (store: Store, seed: number) => (await runStage(store, model, { inputs: {}, options: { seed } })).artifact;
  const scored = async (
    store: Store,
    seed: number,
    of: readonly string[],
    {
      name = "mail",
      kind = "tuning" as const,
      force = false,
      differs = false,
    }: { name?: string; kind?: "tuning" | "evaluation"; force?: boolean; differs?: boolean } = {},
  ) =>
    (await runStage(store, scoring(kind, of), { inputs: { model: await trained(store, seed) }, options: { name, differs }, force }))
      .artifact.id;

  describe("looks at a test set", () => {
    test("each score is one, the same again is none, forced or not, and the artifact's content does not know", () =>
      using(async store => {
        const first = await scored(store, 1, texts);
        const digest = async () =>
          (await store.records.read.selectFrom("artifacts").select("digest").where("id", "=", first).executeTakeFirst())!.digest;
        const before = await digest();
        await scored(store, 1, texts);
        await scored(store, 1, texts, { force: true });
        expect(await looksOf(store.records.read, first)).toMatchObject({
          total: 1,
          candidates: 1,
          texts: 300,
          kinds: { tuning: 1, gate: 0 },
        });
        await scored(store, 2, texts);
        await scored(store, 2, texts, { name: "news", kind: "evaluation" });
        expect(await looksOf(store.records.read, first)).toMatchObject({ total: 3, candidates: 2, kinds: { tuning: 2, evaluation: 1 } });
        expect(await digest()).toBe(before);
        // a forced run with another content is another answer
        const other = await scored(store, 3, texts, { differs: true });
        await scored(store, 3, texts, { differs: true, force: true });
        expect((await looksOf(store.records.read, other))!.total).toBe(5);
      }));

    test("another name or order, a text more or less, is the same set; other texts are another one", () =>
      using(async store => {
        await scored(store, 1, texts);
        await scored(store, 2, [...texts].reverse(), { name: "renamed" });
        const less = await scored(store, 3, texts.slice(3));
        expect((await looksOf(store.records.read, less))!.total).toBe(3);
        const others = await scored(
          store,
          4,
          texts.map(t => `other ${t}`),
        );
        expect((await looksOf(store.records.read, others))!.total).toBe(1);
        expect(await looksOfContent(store.records.read, (await trained(store, 3)).digest)).toMatchObject([{ total: 3, candidates: 3 }]);
        expect(await looksOfContent(store.records.read, (await trained(store, 9)).digest)).toEqual([]);
      }));

    test("gc, which removes scores and what runs measured, does not lose the count", () =>
      using(async store => {
        await scored(store, 1, texts);
        await scored(store, 2, texts);
        await applyGc(store, { roots: [] });
        expect(await store.records.read.selectFrom("run_data").selectAll().execute()).toEqual([]);
        const third = await scored(store, 3, texts);
        expect((await looksOf(store.records.read, third))!.total).toBe(3);
        // made again after gc: no new look
        await scored(store, 1, texts);
        expect((await looksOf(store.records.read, third))!.total).toBe(3);
      }));

    test("a gate is a look at each set that it decides by, once for the same decision", () =>
      using(async store => {
        const [a, b] = [await scored(store, 1, texts), await scored(store, 1, ["x", "y"], { name: "small" })];
        await noteGate(store, "prod 1", [a, b]);
        await noteGate(store, "prod 1", [a, b]);
        expect(await looksOf(store.records.read, a)).toMatchObject({ total: 2, candidates: 1, kinds: { gate: 1 } });
        expect(await looksOf(store.records.read, b)).toMatchObject({ total: 2 });
        await noteGate(store, "prod 2", [a]);
        expect(await looksOf(store.records.read, a)).toMatchObject({ total: 3 });
        // an artifact that scored nothing is no look
        await noteGate(store, "prod 3", [(await trained(store, 1)).id]);
        expect(await looksOf(store.records.read, a)).toMatchObject({ total: 3 });
      }));
  });

  test("the similarity of sketches is near the sets' own", () => {
    for (const share of [0, 0.2, 0.5, 0.8, 1]) {
      const other = texts.map((t, i) => (i < share * texts.length ? t : `other ${t}`));
      const jaccard = share / (2 - share);
      expect(Math.abs(similarityOf(testSetOf(texts), testSetOf(other)) - jaccard)).toBeLessThan(0.15);
    }
    // spaces say nothing, letters do
    expect(testSetOf([" a  b\n"]).digest).toBe(testSetOf(["a b", "a b"]).digest);
    expect(testSetOf(["A b"]).digest).not.toBe(testSetOf(["a b"]).digest);
  });
}
