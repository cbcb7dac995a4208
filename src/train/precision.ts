/**
 * Which precision a step computes in. "auto" is decided by timing the run's own gradient program in float32 and in bf16, on the machine that trains;
 * a precision that the machine has no code for is said once, with what runs instead.
 */
import type { LoamError } from "../base/index.ts";
import { type Device, processorFeatures } from "../tensor/index.ts";
import { trainErrors } from "./errors.ts";
import type { Precision, TimedPrecision } from "./part.ts";

/** Milliseconds of the fastest of several runs of a gradient. */
export type PrecisionTimes = Readonly<Record<TimedPrecision, number>>;

/** bf16 is chosen where float32 takes so many times as long: less is no gain. */
const worthwhile = 1.02;
export const fasterPrecision = ({ f32, bf16 }: PrecisionTimes): TimedPrecision => (f32 > worthwhile * bf16 ? "bf16" : "f32");

/** Runs a side, after one that is not timed, and time after which no further round begins. */
const timedRounds = 5;
const mostMs = 8000;

/** Times both in turns; `run` gives the milliseconds of one run. */
export async function timePrecisions(run: (precision: TimedPrecision) => Promise<number>): Promise<PrecisionTimes> {
  const times = { f32: Number.POSITIVE_INFINITY, bf16: Number.POSITIVE_INFINITY };
  await run("f32");
  await run("bf16");
  const began = performance.now();
  for (let round = 0; round < timedRounds && (round === 0 || performance.now() - began < mostMs); round++)
    for (const precision of round % 2 === 0 ? (["f32", "bf16"] as const) : (["bf16", "f32"] as const))
      times[precision] = Math.min(times[precision], await run(precision));
  return times;
}

/** Has a device code for bf16? */
export const hasBf16 = (device: Device): boolean => device.capabilities.narrows === true;

/** What is to be said of a precision that does not run here as it is meant; undefined where it does. */
export function precisionProblem(precision: Precision | undefined, device: Device): LoamError | undefined {
  if (precision !== "bf16") return undefined;
  const place = "precision: bf16";
  if (!hasBf16(device))
    return trainErrors.fail("precision", {
      place,
      expected: "a processor with AVX-512 under Linux, and machine code that is not off",
      received: device.name === "cpu" ? missingOf() : `the device ${device.name}`,
      hint: "Computes in float32: the same recipe, no faster than without it.",
    });
  if (device.name === "cpu" && !processorFeatures().bf16)
    return trainErrors.fail("precision", {
      place,
      expected: "a processor with AVX-512 BF16",
      received: "one with AVX-512 alone",
      hint: "Operands are rounded to bf16 and multiplied in float32: the same numbers, no faster. precision: auto decides by timing.",
    });
  return undefined;
}

const missingOf = (): string => (processorFeatures().wide512 ? "LOAM_MACHINE_CODE=off" : "a processor without");
