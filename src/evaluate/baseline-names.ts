/** Baselines of a language model by name, apart from what computes them: a project file names them. */
export const baselineNames = ["gzip", "zstd", "2-gram", "5-gram"] as const;
export type BaselineName = (typeof baselineNames)[number];
