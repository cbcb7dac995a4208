/** Laws of what runs measure beside their artifacts; on every pair of records and blobs. */
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { applyGc } from "./gc.ts";
import { readRunData, runDataOf } from "./run-data.ts";
import { runStage } from "./runner.ts";
import { stage } from "./stage.ts";
import { openStore, type Store, type StoreOptions } from "./store.ts";
import { verify } from "./verify.ts";

let clock = 0;
const timed = stage({
  name: "timed",
  version: 1,
  inputs: {},
  options: z.strictObject({ steps: z.number(), logEvery: z.number().default(10) }),
  keyOptions: ({ steps }) => ({ steps }),
  output: "model",
  async run({ options, output, runData }) {
    await output.write("weights.bin", `${options.steps}`);
    runData.write("metrics.jsonl", `{"step":${options.steps},"tokensPerSecond":${++clock}}\n`);
    return { steps: options.steps };
  },
});

export function runDataLaws(fresh: () => Promise<StoreOptions>): void {
  const using = async (work: (store: Store) => Promise<void>, more: Partial<StoreOptions> = {}): Promise<void> => {
    const store = await openStore({ ...(await fresh()), ...more });
    try {
      await work(store);
    } finally {
      await store.close();
    }
  };

  describe("what a run measures", () => {
    test("a stage forced again repeats its content, though it took another time", () =>
      using(async store => {
        const o = { inputs: {}, options: { steps: 3 } };
        const first = await runStage(store, timed, o);
        const again = await runStage(store, timed, { ...o, force: true });
        expect(again).toMatchObject({ action: "made", repeated: true, artifact: { id: first.artifact.id, digest: first.artifact.digest } });
        expect(again.differsFrom).toBeUndefined();
        expect(again.artifact.files.map(f => f.name)).toEqual(["weights.bin"]);
        expect(await verify(store, { content: true })).toMatchObject({ ok: true, findings: [] });
      }));

    test("is read by the artifact's id, whichever process asks, and is of the run that made it", () =>
      using(async store => {
        const o = { inputs: {}, options: { steps: 4 } };
        const { artifact } = await runStage(store, timed, o);
        const text = `{"step":4,"tokensPerSecond":${clock}}\n`;
        await runStage(store, timed, { ...o, force: true });
        expect(await readRunData(store, artifact, "metrics.jsonl")).toBe(text);
        expect(await readRunData(store, artifact, "times.json")).toBeUndefined();
      }));

    test("how often something is written down is no part of the recipe", () =>
      using(async store => {
        const { artifact } = await runStage(store, timed, { inputs: {}, options: { steps: 5, logEvery: 1 } });
        const other = await runStage(store, timed, { inputs: {}, options: { steps: 5, logEvery: 7 } });
        expect(other).toMatchObject({ action: "reused", artifact: { id: artifact.id } });
        const row = await store.records.read.selectFrom("artifacts").select("options").where("id", "=", artifact.id).executeTakeFirst();
        expect(JSON.parse(row!.options)).toEqual({ steps: 5 });
      }));

    test("a file of that name in an artifact recorded before is read in its place", () =>
      using(async store => {
        const before = stage({
          ...timed,
          name: "timed-before",
          run: async ({ output }) => {
            await output.write("metrics.jsonl", '{"step":1,"tokensPerSecond":5}\n');
            return {};
          },
        });
        const { artifact } = await runStage(store, before, { inputs: {}, options: { steps: 1 } });
        expect(await readRunData(store, artifact, "metrics.jsonl")).toBe('{"step":1,"tokensPerSecond":5}\n');
      }));

    test("says where it ran, asked of whoever opened the record", () =>
      using(
        async store => {
          const { artifact } = await runStage(store, timed, { inputs: {}, options: { steps: 6 } });
          expect(JSON.parse((await runDataOf(store, artifact.id)).get("environment.json")!)).toEqual({ loam: "1.2.3", vector: ["avx2"] });
        },
        { environment: () => ({ loam: "1.2.3", vector: ["avx2"] }) },
      ));

    test("goes with the files that gc removes, and a name that is taken is refused", () =>
      using(async store => {
        const { artifact } = await runStage(store, timed, { inputs: {}, options: { steps: 7 } });
        await applyGc(store, { roots: [] });
        expect(await runDataOf(store, artifact.id)).toEqual(new Map());
        expect(await store.records.read.selectFrom("run_data").selectAll().execute()).toEqual([]);
        const twice = stage({
          ...timed,
          name: "timed-twice",
          run: async ({ runData }) => {
            runData.write("a.json", "1");
            runData.write("a.json", "2");
            return {};
          },
        });
        await expect(runStage(store, twice, { inputs: {}, options: { steps: 1 } })).rejects.toMatchObject({ code: "store/fileName" });
      }));
  });
}
