/** Profiles of a training on devices that time kernels, and on those that do not. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { lacksPjrt, pjrtReason } from "../../../test/support/pjrt.ts";
import { silent } from "../../base/index.ts";
import { openDevice } from "../../tensor/index.ts";
import { toyEnd, toyModel, toyRecipe, toyShards } from "../toy.laws.ts";
import { profileTraining } from "./profile-training.ts";
import { readTrainingProfile } from "./training-profile.ts";

const root = mkdtempSync(join(tmpdir(), "loam-profile-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const profileOn = (name: "cpu" | "pjrt:cpu", accumulate: number) =>
  profileTraining({
    device: openDevice(name, { threads: 1 }),
    model: toyModel,
    // the mesh is none of the profile's: one rank has all rows
    recipe: toyRecipe({ accumulate, rows: 2, mesh: { data: 2 } }),
    train: toyShards("train", 300),
    end: toyEnd,
    steps: 2,
    folder: mkdtempSync(join(root, "run-")),
    peak: null,
    progress: silent,
    signal: new AbortController().signal,
  });

test("ONNX Runtime's kernels stand beside the times of the step's programs", async () => {
  const profile = await profileOn("cpu", 2);
  expect(profile.programs.map(p => p.program)).toEqual(["gradient", "update"]);
  expect(profile.kernels.map(k => k.program)).toEqual(expect.arrayContaining(["gradient", "accumulate", "update"]));
  expect(profile.programs.every(p => p.ms > 0)).toBe(true);
});

test.skipIf(lacksPjrt !== undefined)(
  `a PJRT plugin times no kernels, and its profile has the programs' times alone${pjrtReason}`,
  async () => {
    const profile = await profileOn("pjrt:cpu", 1);
    expect(profile).toMatchObject({ steps: 2, kernels: [], kernelMs: 0, timeline: [] });
    expect(profile.programs.map(p => p.program)).toEqual(["gradient", "update"]);
    expect(profile.programs.every(p => p.ms > 0)).toBe(true);
    expect(readTrainingProfile(JSON.stringify(profile))).toEqual(profile);
  },
);
