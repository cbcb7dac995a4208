import { expect, test } from "vitest";
import { profileTable } from "./profile-table.ts";

const profile = {
  steps: 3,
  threads: 1,
  peak: null,
  stepMs: 10,
  kernelMs: 0,
  kernels: [],
  timeline: [],
  programs: [
    { program: "gradient", ms: 7.5 },
    { program: "update", ms: 1 },
  ],
  ranks: 1,
};

test("a device that times no kernels has a table of programs, and the sentence says so", () => {
  const table = profileTable(profile);
  expect(table).toMatch(/gradient +7\.50 +75/);
  expect(table).toMatch(/update +1\.00 +10/);
  expect(table).toContain("reports no times of kernels");
  expect(table).not.toContain("ranks");
});

test("of a model that several ranks train it says that the times are one rank's", () => {
  expect(profileTable({ ...profile, ranks: 2 })).toContain("It trains on 2 ranks; these are times of one rank");
});
