/**
 * What tests import as `fast-check`: its own, with one seed for all, so that a run on one machine fails as it does on any other and a release does
 * not hang on a draw. `LOAM_LAWS=random` (or a number) draws anew, to look further.
 */
import fc from "../node_modules/fast-check/lib/fast-check.js";

const asked = process.env.LOAM_LAWS ?? "1";
if (asked !== "random") fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(asked) });

export * from "../node_modules/fast-check/lib/fast-check.js";
export default fc;
