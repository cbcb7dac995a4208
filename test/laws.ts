/**
 * What tests import as `fast-check`: its own, with one seed for all, so that a run on one machine fails as it does on any other and a release does
 * not hang on a draw. `LOAM_LAWS=random` (or a number) draws anew, to look further. Every law draws a fifth of the samples that it states, all of
 * them with `LOAM_DEEP=1`: fast-check tries edge cases first, so the first fifth holds most of what a law can find.
 */
import fc, { type Parameters } from "../node_modules/fast-check/lib/fast-check.js";
import { rounds } from "./support/deep.ts";

/** fast-check's own default. */
const defaultRuns = 100;
/** Fewer draws than this find nothing but edge cases. */
const fewestRuns = 5;

const drawn = (runs: number) => rounds(runs, Math.max(Math.min(runs, fewestRuns), Math.ceil(runs / 5)));
const fewer = <T>(parameters: Parameters<T> = {}): Parameters<T> => ({ ...parameters, numRuns: drawn(parameters.numRuns ?? defaultRuns) });

const asked = process.env.LOAM_LAWS ?? "1";
if (asked !== "random") fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(asked) });

type Runner = (property: never, parameters?: Parameters<unknown>) => unknown;
/** The cast keeps fast-check's overloads, which no function of one signature has. */
const lessOften = <F extends Runner>(run: F): F =>
  ((property: never, parameters?: Parameters<unknown>) => run(property, fewer(parameters))) as F;
export const assert = lessOften(fc.assert);
export const check = lessOften(fc.check);

export * from "../node_modules/fast-check/lib/fast-check.js";
export default { ...fc, assert, check };
