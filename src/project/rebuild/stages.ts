/**
 * The stages that a rebuild runs again, by the names that the record has. What brings material in from outside (sources, files of examples, imports, packages)
 * is not among them: its artifacts are taken from the record, byte for byte.
 */
import type { z } from "zod";
import type { Stage } from "../../store/index.ts";
import type { Device } from "../../tensor/index.ts";
import { tokenizerStage } from "../../text/index.ts";
import { launchHere, shardsStage, trainStage } from "../../train/index.ts";
import { type KindSurroundings, tuneHere, tuningStages } from "../../tune/index.ts";
import { fileSurroundings } from "../tuning/surroundings.ts";

export type AnyStage = Stage<string, z.ZodType>;

/** Stages whose artifacts are material: what they read is outside of the record. */
export const materialStages: ReadonlySet<string> = new Set(["source", "data", "blend", "purpose", "examples", "pairs", "import", "unpack"]);

/** What makes a model of what came from outside, with the device that computes, and that of one of so many ranks. */
export function rebuildableStages(device: () => Device, rankDevice: (ranks: number) => Device): ReadonlyMap<string, AnyStage> {
  const onProblem = () => {};
  // these stages read no file of a project, and ask no teacher behind an endpoint
  const outside = (): never => {
    throw new TypeError("a rebuild reads the record alone");
  };
  const around: KindSurroundings = { ...fileSurroundings, device, onProblem, folder: "", holdsOutOwn: outside, reach: outside };
  const launch = tuneHere(ranks => {
    const own = rankDevice(ranks.size);
    return tuningStages({ ...around, ranks, device: () => own });
  });
  const stages = [
    tokenizerStage,
    shardsStage,
    trainStage({ device, onProblem, launch: launchHere(rankDevice) }),
    ...tuningStages({ ...around, launch }),
  ];
  return new Map(stages.map((s): [string, AnyStage] => [s.name, s]));
}
