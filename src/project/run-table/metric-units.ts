/** Units of what runs log and report, so that no two units share an axis or a column. */
import { lossUnit } from "../../tune/index.ts";

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
function metricUnit(stage: string, name: string): string | null {
  if (losses.has(name)) return lossUnit(stage);
  if (Object.hasOwn(units, name)) return units[name]!;
  if (/(^b|B)ytes$/.test(name)) return "bytes";
  return /(^m|M)s$/.test(name) ? "ms" : null;
}

/** Name -> unit, of those that have one. */
export const metricUnits = (stage: string, names: readonly string[]): Readonly<Record<string, string>> =>
  Object.fromEntries(names.map(name => [name, metricUnit(stage, name)]).filter((e): e is [string, string] => e[1] !== null));
