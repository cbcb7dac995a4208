/**
 * A plan beside the documents: `mixture.json` (options, report) and `mixture.column`, a byte a document of `train.jsonl` in its order: how
 * often it is taken in one epoch. The documents themselves stay unique.
 */
import type { ArtifactReader } from "../../store/index.ts";
import { dataErrors } from "../errors.ts";
import { type MixtureOptions, mixtureVersion } from "./options.ts";
import type { MixturePlan } from "./plan.ts";
import type { MixtureReport } from "./report.ts";

export const mixtureFile = "mixture.json";
export const mixtureColumnFile = "mixture.column";

export interface MixtureInfo {
  readonly format: 1;
  readonly version: number;
  readonly documents: number;
  readonly options: MixtureOptions;
  readonly report: MixtureReport;
}

/** Contents of the two files; writing them is the stage's. */
export function mixtureFiles(
  plan: MixturePlan,
  options: MixtureOptions,
): { readonly [mixtureFile]: string; readonly [mixtureColumnFile]: Uint8Array } {
  const info: MixtureInfo = { format: 1, version: mixtureVersion, documents: plan.times.length, options, report: plan.report };
  return { [mixtureFile]: `${JSON.stringify(info)}\n`, [mixtureColumnFile]: plan.times };
}

/** How often each of `documents` train documents is taken; undefined where the artifact has no mixture. Errors: `data/badDocument`. */
export async function readTimes(artifact: ArtifactReader, documents: number): Promise<Uint8Array | undefined> {
  if (!artifact.files.some(f => f.name === mixtureColumnFile)) return undefined;
  const times = Uint8Array.from(await artifact.read(mixtureColumnFile));
  if (times.length !== documents)
    throw dataErrors.fail("badDocument", {
      place: `${artifact.id}/${mixtureColumnFile}`,
      expected: `${documents} bytes, one a train document`,
      received: `${times.length}`,
      hint: "Make the documents again.",
    });
  return times;
}
