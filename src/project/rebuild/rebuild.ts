/**
 * A version made again from its record alone: recorded stages, options and inputs, in a store of its own that is removed afterwards. Every stage is given the
 * recorded inputs and its content digest is held against the recorded one, so the first stage that differs is named and hides none behind it.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { isLoamError, type Json, makeFolder, type Progress } from "../../base/index.ts";
import {
  type ArtifactReader,
  environmentFile,
  openArtifact,
  openStore,
  runStage,
  type Store,
  type TraceNode,
  traceArtifact,
} from "../../store/index.ts";
import type { Device } from "../../tensor/index.ts";
import { type ComputedPrecision, withPrecisionChoices } from "../../train/index.ts";
import { type RunEnvironment, runEnvironment } from "../environment.ts";
import { projectErrors } from "../errors.ts";
import { type Distance, distanceOf, lossBound } from "./compare.ts";
import { type AnyStage, materialStages, rebuildableStages } from "./stages.ts";

export type RebuildOutcome = "same" | "within" | "beyond" | "different" | "material";

export interface RebuiltStage {
  readonly artifact: string;
  readonly stage: string;
  readonly outcome: RebuildOutcome;
  readonly recorded: string;
  readonly rebuilt: string | null;
  /** What of the environment differs from the recorded one, by name; null where none was recorded. */
  readonly differs: Readonly<Record<string, readonly [recorded: Json, here: Json]>> | null;
  readonly distance: Distance | null;
}

export interface Rebuild {
  readonly store: Store;
  readonly artifact: string;
  /** Opens a device with so many threads; the default where it is not said. */
  readonly device: (threads: number | undefined) => () => Device;
  readonly environment: () => RunEnvironment;
  /** Parent of the temporary folder. */
  readonly scratch: string;
  readonly progress: (label: string) => Progress;
  readonly onStage: (stage: RebuiltStage) => void;
  readonly signal: AbortSignal;
}

const trainingPrecision = z.object({ precision: z.enum(["f32", "bf16", "f16"]) });

const named = (n: TraceNode): string => `${n.id} (${n.stage}@${n.stageVersion})`;

/** What keeps an artifact from being made again; undefined where nothing does. */
function obstacleOf(n: TraceNode, stages: ReadonlyMap<string, AnyStage>, recordedLoam: string | undefined): string | undefined {
  if (n.releasedMs !== null)
    return `${named(n)}: its files were removed by gc or erased on ${new Date(n.releasedMs).toISOString().slice(0, 10)}`;
  if (materialStages.has(n.stage)) return undefined;
  const here = stages.get(n.stage);
  if (!here) return `${named(n)}: Loam cannot re-run this stage from the artifact store`;
  if (here.version === n.stageVersion) return undefined;
  return `${named(n)}: this Loam has version ${here.version} of the stage; ${recordedLoam === undefined ? "an earlier Loam" : `Loam ${recordedLoam}`} made it`;
}

const environmentOfRun = async (artifact: ArtifactReader): Promise<RunEnvironment | undefined> => {
  const text = await artifact.runData?.(environmentFile);
  return text === undefined ? undefined : runEnvironment.safeParse(JSON.parse(text)).data;
};

/** What bits can depend on; the processor's name alone changes none. */
function differencesOf(recorded: RunEnvironment, here: RunEnvironment): Record<string, readonly [Json, Json]> {
  const { processor: _, threads: __, node: ___, ...a } = recorded;
  return Object.fromEntries(
    Object.entries(a).flatMap(([key, value]) => {
      const other = here[key as keyof RunEnvironment];
      return JSON.stringify(value) === JSON.stringify(other) ? [] : [[key, [value, other] as const]];
    }),
  );
}

/** Nearest first in the lineage; so the other way round, what is made comes after what it is made of. */
async function lineageOf(store: Store, artifact: string): Promise<readonly TraceNode[]> {
  const t = await traceArtifact(store, artifact, { first: 0 });
  const ids = [...t.madeFrom.toReversed(), ...t.subject.artifacts];
  return ids.map(id => t.nodes.find(n => n.id === id)!);
}

function checkPossible(nodes: readonly TraceNode[], stages: ReadonlyMap<string, AnyStage>, loam: string | undefined): void {
  const self = nodes.at(-1)!;
  const obstacles = nodes.flatMap(n => obstacleOf(n, stages, loam) ?? []);
  if (materialStages.has(self.stage)) obstacles.push(`${named(self)}: it came from outside; the artifact store has no stage that made it`);
  if (obstacles.length === 0) return;
  throw projectErrors.fail("rebuild", {
    place: self.id,
    expected: "recorded stages, options and files of the version and all that it was made from",
    received: obstacles.join("; "),
    hint: "`loam models verify` without --rebuild verifies what is recorded.",
  });
}

/** Errors: project/rebuild where it cannot be made again; those of its stages and files; the signal's reason. */
export async function rebuild(o: Rebuild): Promise<readonly RebuiltStage[]> {
  const nodes = await lineageOf(o.store, o.artifact);
  const known = stagesOn(o, undefined);
  const recordedHere = await environmentOfRun(await openArtifact(o.store, o.artifact));
  checkPossible(nodes, known, recordedHere?.loam);
  // what is rebuilt of an encrypted project lies in the clear, so in memory
  const parent = o.store.ring ? o.store.workFolder("cache") : o.scratch;
  makeFolder(parent);
  const folder = await mkdtemp(join(parent, "loam-rebuild-"));
  try {
    const beside = await openStore({ root: folder });
    try {
      const done: RebuiltStage[] = [];
      for (const node of nodes) {
        o.signal.throwIfAborted();
        const stage = await rebuildOne(o, beside, node);
        o.onStage(stage);
        done.push(stage);
      }
      return done;
    } finally {
      await beside.close();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The stages, on so many threads; ranks of a mesh share them. */
const stagesOn = ({ device }: Rebuild, threads: number | undefined) =>
  rebuildableStages(device(threads), ranks => device(Math.max(1, Math.floor((threads ?? ranks) / ranks)))());

/** What a recipe's `precision: auto` chose, where the artifact says it. */
async function recordedPrecision(artifact: ArtifactReader): Promise<ComputedPrecision | undefined> {
  if (!artifact.files.some(f => f.name === "training.json")) return undefined;
  const { data } = trainingPrecision.safeParse(JSON.parse(new TextDecoder().decode(await artifact.read("training.json"))));
  return data?.precision;
}

async function rebuildOne(o: Rebuild, beside: Store, node: TraceNode): Promise<RebuiltStage> {
  const recorded = await openArtifact(o.store, node.id);
  const told = { artifact: node.id, stage: `${node.stage}@${node.stageVersion}`, recorded: recorded.digest };
  if (materialStages.has(node.stage)) {
    for (const { name } of recorded.files) for await (const _ of recorded.stream(name)) o.signal.throwIfAborted();
    return { ...told, outcome: "material", rebuilt: null, differs: null, distance: null };
  }
  const environment = await environmentOfRun(recorded);
  const stage = stagesOn(o, environment?.threads).get(node.stage)!;
  const rows = await o.store.records.read.selectFrom("inputs").selectAll().where("artifact", "=", node.id).execute();
  const inputs: Record<string, ArtifactReader> = {};
  for (const { name, source } of rows) inputs[name] = await openArtifact(o.store, source);
  const precision = await recordedPrecision(recorded);
  const run = () => runStage(beside, stage, { inputs, options: node.options, progress: o.progress(node.id), signal: o.signal });
  // "auto" is what it was then, not what is faster here
  const rebuilt = precision === undefined ? run() : withPrecisionChoices({ recall: () => precision, keep: () => {} }, run);
  const { artifact } = await rebuilt.catch(error => {
    // what was recorded with other options than the stage takes now would be refused by their schema
    if (!isLoamError(error, "base/config") && !isLoamError(error, "base/unknownKey")) throw error;
    throw projectErrors.fail(
      "rebuild",
      { ...error.problem, place: named(node), hint: "The recorded options are not those of this stage." },
      error,
    );
  });
  const differs = environment === undefined ? null : differencesOf(environment, o.environment());
  if (artifact.digest === recorded.digest) return { ...told, outcome: "same", rebuilt: artifact.digest, differs, distance: null };
  const distance = await distanceOf(recorded, artifact);
  const isElsewhere = differs !== null && Object.keys(differs).length > 0;
  const isWithin = distance.loss !== null && distance.loss <= lossBound;
  return { ...told, outcome: isElsewhere ? (isWithin ? "within" : "beyond") : "different", rebuilt: artifact.digest, differs, distance };
}
