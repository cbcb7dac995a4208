/**
 * What running a stage would do: its recipe, whether the record has an artifact of it whose files are all there, and who is making it now.
 * Changes nothing.
 */
import type { z } from "zod";
import { canonicalJson, check, defined, type Json } from "../base/index.ts";
import { type ArtifactInfo, artifactId, byName, type FileRecord, type InputRecord, newestOfRecipe, recipeKey } from "./artifact.ts";
import { storeErrors } from "./errors.ts";
import { type LockInfo, liveLocks } from "./locks.ts";
import { artifactReader } from "./reader.ts";
import type { ArtifactReader, Stage } from "./stage.ts";
import type { Store } from "./store.ts";

export interface PlanOptions<Inputs extends string, Schema extends z.ZodType> {
  readonly inputs: Readonly<Record<Inputs, ArtifactReader>>;
  /** Checked against the stage's schema; what it gives out is hashed and handed to the stage. */
  readonly options: z.input<Schema>;
  /** Hash of a traced program that is part of the recipe. */
  readonly program?: string | undefined;
  /** Run even where the recipe has an artifact. */
  readonly force?: boolean | undefined;
}

/** Why a stage would run. */
export type Why = "new" | "forced" | "files missing";

export interface StagePlan {
  readonly action: "run" | "reuse";
  readonly why?: Why;
  readonly recipe: string;
  /** The id that the artifact has or would have. */
  readonly id: string;
  readonly artifact?: ArtifactReader;
  /** Files that are no longer among the blobs. */
  readonly missing: readonly string[];
  /** A living process that is making it now. */
  readonly running?: LockInfo;
}

export interface Prepared<Options> {
  readonly place: string;
  readonly recipe: string;
  readonly options: Options;
  readonly optionsJson: Json;
  readonly inputs: readonly InputRecord[];
}

/** Checks what a stage is given, and computes its recipe. Errors: input; config, unknownKey (base). */
export function prepare<I extends string, S extends z.ZodType>(stage: Stage<I, S>, o: PlanOptions<I, S>): Prepared<z.output<S>> {
  const place = `${stage.name}@${stage.version}`;
  const given = o.inputs as Readonly<Record<string, ArtifactReader>>;
  for (const [name, kind] of Object.entries<string>(stage.inputs)) {
    const received = given[name]?.kind;
    if (received !== kind)
      throw storeErrors.fail("input", {
        place: `${place}: inputs.${name}`,
        expected: `an artifact of kind "${kind}"`,
        received: received === undefined ? "none" : `${given[name]!.id} of kind "${received}"`,
      });
  }
  for (const name of Object.keys(given))
    if (!(name in stage.inputs))
      throw storeErrors.fail("input", {
        place: `${place}: inputs.${name}`,
        expected: `only ${Object.keys(stage.inputs).join(", ") || "no inputs"}`,
        received: `"${name}"`,
      });
  const options = check(stage.options, o.options, `${place}: options`);
  const optionsJson: Json = JSON.parse(canonicalJson(stage.keyOptions?.(options) ?? options ?? null));
  const inputs = byName(Object.entries(given).map(([name, a]) => ({ name, artifact: a.id, digest: a.digest })));
  const recipe = recipeKey({
    stage: { name: stage.name, version: stage.version },
    options: optionsJson,
    inputs: Object.fromEntries(inputs.map(e => [e.name, e.digest])),
    program: o.program,
  });
  return { place, recipe, options, optionsJson, inputs };
}

/** Names of files that the blobs no longer hold at their length. */
async function missingFiles(store: Store, files: readonly FileRecord[]): Promise<string[]> {
  const sizes = await Promise.all(files.map(f => store.blobs.size(f.digest)));
  return files.filter((f, i) => sizes[i] !== f.sizeBytes).map(f => f.name);
}

interface FoundArtifact {
  readonly newest: ArtifactInfo | undefined;
  readonly missing: readonly string[];
  readonly why: Why | undefined;
}

/** The newest artifact of a recipe, and why it would not do. */
export async function lookUp(store: Store, recipe: string, force: boolean): Promise<FoundArtifact> {
  const newest = await newestOfRecipe(store.records.read, recipe);
  if (!newest) return { newest, missing: [], why: "new" };
  const missing = await missingFiles(store, newest.files);
  return { newest, missing, why: force ? "forced" : missing.length > 0 || newest.releasedMs !== null ? "files missing" : undefined };
}

/** Says what `runStage` would do, and changes nothing. */
export async function planStage<I extends string, S extends z.ZodType>(
  store: Store,
  stage: Stage<I, S>,
  o: PlanOptions<I, S>,
): Promise<StagePlan> {
  const { recipe } = prepare(stage, o);
  const { newest, missing, why } = await lookUp(store, recipe, o.force ?? false);
  const running = (await liveLocks(store.records.read)).find(lock => lock.name === recipe);
  return {
    action: why ? "run" : "reuse",
    ...defined({ why }),
    recipe,
    id: newest?.id ?? artifactId(stage.output, recipe),
    ...(newest && !why ? { artifact: artifactReader(store, newest) } : {}),
    missing,
    ...defined({ running }),
  };
}
