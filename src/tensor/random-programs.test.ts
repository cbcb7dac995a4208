/** Random small programs, forward and gradient, in ONNX Runtime with machine code: near exact arithmetic, the same bytes on one thread and on two. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { deep, rounds } from "../../test/support/deep.ts";
import { lacksPjrt, pjrtReason } from "../../test/support/pjrt.ts";
import { openDevice } from "./device.ts";
import { boundSlack, programFault, programPlans } from "./random-programs.laws.ts";

const devices = [1, 2].map(threads => openDevice("cpu", { threads }));
/** With one seed a run again finds nothing new: `LOAM_PROGRAMS=10000 LOAM_LAWS=random` searches on. Without --deep the law draws a twentieth. */
const programs = Number(process.env.LOAM_PROGRAMS ?? (deep ? 500 : 125));

test(
  "random programs and their gradients are as near exact arithmetic as float32's roundings allow, with the same bytes on two threads",
  async () => {
    await fc.assert(
      fc.asyncProperty(programPlans, async plan => {
        const fault = await programFault(plan, devices);
        if (fault) throw new Error(fault);
      }),
      { numRuns: programs },
    );
  },
  deep ? 7_200_000 : 600_000,
);

test.skipIf(lacksPjrt !== undefined)(
  `random programs and their gradients are as near exact arithmetic through PJRT${pjrtReason}`,
  async () => {
    const plugin = [openDevice("pjrt:cpu", { threads: 1 })];
    await fc.assert(
      fc.asyncProperty(programPlans, async plan => {
        const fault = await programFault(plan, plugin);
        if (fault) throw new Error(fault);
      }),
      {
        numRuns: rounds(50, 30),
        // products of bf16 that XLA's code for the processor does not have
        examples: [
          [
            {
              rows: 40,
              columns: 21,
              steps: [
                { name: "mix", a: 0, b: 0 },
                { name: "add", a: 0, b: 0 },
                { name: "turn", a: 4, b: 0 },
                { name: "add", a: 0, b: 0 },
              ],
              products: "bf16",
              seed: 0,
            },
          ],
        ],
      },
    );
  },
  600_000,
);

test("what errors may be is small beside the results for most programs", () => {
  const numRuns = rounds(40, 12);
  const slacks = fc.sample(programPlans, { numRuns, seed: 1 }).map(boundSlack);
  expect(slacks.filter(s => s < 0.05).length).toBeGreaterThan(0.75 * numRuns);
});
