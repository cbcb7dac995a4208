/** Units of what runs log and report, so that no two units share an axis or a column. Pure: the console reads it too. */

/** Losses by the stage that logs them; a suffix (`-adapter`, `-merged`) says what is written, and changes no unit. */
const lossUnits: { readonly [stage: string]: string } = {
  "tune-classify": "nats per text",
  "tune-embed": "nats per anchor",
  "tune-regress": "squared error in variances",
  "tune-preference": "per pair",
  "tune-ratings": "per response",
};

/** What the loss of a stage is counted in; `stage` with or without its version (`train@1`). */
export function lossUnit(stage: string): string {
  const name = stage.replace(/@.*$/, "");
  const key = Object.keys(lossUnits).find(k => name === k || name.startsWith(`${k}-`));
  return key === undefined ? "nats per token" : lossUnits[key]!;
}

const losses: ReadonlySet<string> = new Set([
  "loss",
  "heldOut",
  "heldOutNats",
  "validation",
  "validationNats",
  "validationLoss",
  "lowestLoss",
]);

/** A name that says its unit itself (`tokensPerSecond`) is in no table. */
const units: { readonly [name: string]: string } = { seconds: "s", noiseScale: "tokens", adversaryLoss: "nats" };

/** The unit of a number that a stage logs or reports; null: a share, a count or a number without one. */
export function metricUnit(stage: string, name: string): string | null {
  if (losses.has(name)) return lossUnit(stage);
  if (Object.hasOwn(units, name)) return units[name]!;
  if (/(^b|B)ytes$/.test(name)) return "bytes";
  return /(^m|M)s$/.test(name) ? "ms" : null;
}
