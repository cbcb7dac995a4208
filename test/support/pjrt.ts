/** The CPU plugin of PJRT for tests: `LOAM_PJRT_CPU` names it (docs/accelerators.md); `.ci/run` fetches it. */

/** Why tests on the plugin do not run; undefined where they do. */
export const lacksPjrt: string | undefined = process.env.LOAM_PJRT_CPU
  ? undefined
  : (process.env.LOAM_PJRT_REASON ?? "LOAM_PJRT_CPU names no plugin: docs/accelerators.md");
/** For names of tests. */
export const pjrtReason = lacksPjrt === undefined ? "" : ` (skipped: ${lacksPjrt})`;
