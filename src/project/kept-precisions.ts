/** What `precision: auto` chose on this machine, by recipe shape and environment: a file in the user's folder, `~/.loam/precisions.json`. It is a cache. */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { z } from "zod";
import { hashOf, makePrivateFolder, privateFileMode, readText, writeFileAtomic } from "../base/index.ts";
import { type PrecisionChoices, type PrecisionConditions, withPrecisionChoices } from "../train/index.ts";
import { environmentOf } from "./environment.ts";
import { homeFolder } from "./home-folder.ts";

const kept = z.record(z.string(), z.object({ precision: z.enum(["f32", "bf16"]), f32Ms: z.number(), bf16Ms: z.number() }));
type Kept = z.output<typeof kept>;

const fileOf = (): string => join(homeFolder(), ".loam", "precisions.json");

function read(): Kept {
  try {
    return existsSync(fileOf()) ? (kept.safeParse(JSON.parse(readText(fileOf()))).data ?? {}) : {};
  } catch {
    return {}; // not a file of ours: timed again
  }
}

const keyOf = ({ device, threads, ...rest }: PrecisionConditions): string =>
  hashOf({ environment: environmentOf({ name: device, threads })(), ...rest });

const keptPrecisions: PrecisionChoices = {
  recall: conditions => read()[keyOf(conditions)]?.precision,
  keep(conditions, precision, { f32, bf16 }) {
    try {
      makePrivateFolder(dirname(fileOf()));
      const all = { ...read(), [keyOf(conditions)]: { precision, f32Ms: f32, bf16Ms: bf16 } } satisfies Kept;
      writeFileAtomic(fileOf(), `${JSON.stringify(all, null, 2)}\n`, { mode: privateFileMode });
    } catch {
      // a folder that cannot be written: timed again next time
    }
  },
};

/** Runs a stage whose training recalls and keeps its choices here. */
export const withKeptPrecisions = <T>(run: () => T): T => withPrecisionChoices(keptPrecisions, run);
