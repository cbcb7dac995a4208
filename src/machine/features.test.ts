/** Which tiers code is made for: all of the processor's, those up to the one that LOAM_ISA names, or none. */
import { afterEach, expect, test, vi } from "vitest";
import { machineTiers, processorTiers, usableFeatures, usableTiers } from "./features.ts";

afterEach(() => vi.unstubAllEnvs());

test("no code is made for any tier where LOAM_MACHINE_CODE=off, whatever LOAM_ISA says", () => {
  vi.stubEnv("LOAM_MACHINE_CODE", "off");
  vi.stubEnv("LOAM_ISA", "nonsense");
  expect(usableTiers()).toEqual([]);
  expect(Object.values(usableFeatures()).some(Boolean)).toBe(false);
});

test("a processor that has a tier has those before it, and LOAM_ISA takes those after it away", () => {
  vi.stubEnv("LOAM_MACHINE_CODE", "");
  const here = processorTiers();
  expect(here).toEqual(machineTiers.slice(0, here.length));
  for (const [i, tier] of here.entries()) {
    vi.stubEnv("LOAM_ISA", tier);
    expect(usableTiers()).toEqual(here.slice(0, i + 1));
  }
  vi.stubEnv("LOAM_ISA", "");
  expect(usableTiers()).toEqual(here);
});

test.each(["sse", "AVX2", "avx512 ", ...machineTiers.filter(tier => !processorTiers().includes(tier))])(
  "LOAM_ISA=%s is refused with the tiers that are here",
  name => {
    vi.stubEnv("LOAM_MACHINE_CODE", "");
    vi.stubEnv("LOAM_ISA", name);
    expect(() => usableFeatures()).toThrow(expect.objectContaining({ code: "base/config" }));
    expect(() => usableFeatures()).toThrow(new RegExp(`LOAM_ISA.*${processorTiers().join(", ")}.*"${name}".*Unset LOAM_ISA`, "s"));
  },
);
