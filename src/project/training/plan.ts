/** `loam train plan`: the mesh of ranks on which a model trains fastest, with memory and seconds of a step, before any of it is rented. */
import { availableParallelism } from "node:os";
import type { DecoderConfig } from "../../nn/index.ts";
import { openDevice } from "../../tensor/index.ts";
import {
  type Accelerator,
  accelerators,
  decoderConfigOf,
  type ModelShape,
  measureThisMachine,
  type PlanRequest,
  planTraining,
  type TrainingPlan,
} from "../../train/index.ts";
import { projectErrors } from "../errors.ts";
import { modelNameOf } from "../project-file.ts";
import type { Workspace } from "../workspace.ts";

export interface TrainingPlanOptions extends Pick<PlanRequest, "recompute" | "zero" | "mesh" | "microRows"> {
  /** "KIND:COUNT", as "a100-80gb:64", or "local:2" for ranks of one thread on this machine, whose rates are measured. */
  readonly cluster: string;
  /** Rows of a step; default: the recipe's rows times its micro-batches. */
  readonly rows?: number | undefined;
  /** A model without a project: "layers=96,width=12288,heads=96,vocab=51200,length=2048"; with kvHeads, hidden, gated and tied where they differ from GPT's. */
  readonly shape?: string | undefined;
}

export interface TrainingPlanReport extends TrainingPlan {
  readonly model: string;
  readonly accelerator: Accelerator;
  readonly count: number;
  readonly rows: number;
  readonly length: number;
}

const refused = (place: string, expected: string, received: string, hint?: string) =>
  projectErrors.fail("argument", { place, expected, received, ...(hint ? { hint } : {}) });

/** The accelerator and the number of ranks. Errors: project/argument. */
async function clusterOf(text: string): Promise<{ readonly accelerator: Accelerator; readonly count: number }> {
  const [kind = "", number = ""] = text.split(":");
  const count = Number(number || (kind === "local" ? availableParallelism() : Number.NaN));
  if (!Number.isInteger(count) || count < 1 || count > 1_000_000)
    throw refused("--cluster", 'a kind and a number of ranks, such as "a100-80gb:64"', JSON.stringify(text));
  if (kind === "local") {
    const device = openDevice("cpu", { threads: 1 });
    try {
      return { accelerator: await measureThisMachine(device), count };
    } finally {
      device.dispose();
    }
  }
  const accelerator = Object.hasOwn(accelerators, kind) ? accelerators[kind] : undefined;
  if (!accelerator) throw refused("--cluster", `one of local, ${Object.keys(accelerators).join(", ")}`, JSON.stringify(kind));
  return { accelerator, count };
}

const numbers = ["layers", "width", "heads", "vocab", "length", "kvHeads", "hidden"] as const;
const flags = ["gated", "tied"] as const;

/** Errors: project/argument with the key named. */
function shapeFrom(text: string): ModelShape {
  const given = new Map(text.split(",").map(part => part.split("=").map(x => x.trim()) as [string, string | undefined]));
  const known: readonly string[] = [...numbers, ...flags];
  for (const [key, value] of given)
    if (!known.includes(key) || !(Number(value) >= 0))
      throw refused("--shape", `${known.join(", ")}, each with a number (gated and tied: 0 or 1)`, `${key}=${value}`);
  const numberAt = (key: (typeof numbers)[number], otherwise?: number): number => {
    const value = given.has(key) ? Number(given.get(key)) : otherwise;
    if (value === undefined || !Number.isInteger(value) || value < 1)
      throw refused(`--shape ${key}`, "a whole number from 1", String(given.get(key) ?? "none"));
    return value;
  };
  const [width, heads] = [numberAt("width"), numberAt("heads")];
  if (width % heads) throw refused("--shape", `a width that ${heads} heads divide`, String(width));
  return {
    layers: numberAt("layers"),
    width,
    heads,
    kvHeads: numberAt("kvHeads", heads),
    hidden: numberAt("hidden", 4 * width),
    isGated: given.get("gated") === "1",
    vocab: numberAt("vocab"),
    length: numberAt("length"),
    isTied: given.get("tied") !== "0",
  };
}

const shapeOf = (c: DecoderConfig, length: number): ModelShape => ({
  layers: c.layers,
  width: c.width,
  heads: c.heads,
  kvHeads: c.kvHeads,
  hidden: c.hidden,
  isGated: c.activation === "swiglu",
  vocab: c.vocab,
  length,
  isTied: c.tied,
});

interface Wanted {
  readonly model: string;
  readonly shape: ModelShape;
  readonly rows: number | undefined;
}

/** A model of loam.yaml. Nothing is run: the vocabulary is the one that its tokenizer is to have. */
function wantedOf(at: Workspace, given: string | undefined): Wanted {
  const { config } = at.file;
  const name = modelNameOf(at.file, given);
  const model = Object.hasOwn(config.models, name) ? config.models[name] : undefined;
  if (!model)
    throw refused(
      "model",
      "a model that is trained from nothing (models: in loam.yaml)",
      `"${name}", which is tuned`,
      "Name its base, or give --shape.",
    );
  const { train, evaluate: _, purpose: __, ...architecture } = model;
  const length = train.length ?? architecture.context;
  return {
    model: name,
    shape: shapeOf(decoderConfigOf(architecture, config.tokenizer.vocab), length),
    rows: (train.rows ?? 1) * (typeof train.accumulate === "number" ? train.accumulate : 1),
  };
}

/** Errors: project/argument, `train/mesh`, `train/memory`. */
export async function planModel(at: Workspace | undefined, given: string | undefined, o: TrainingPlanOptions): Promise<TrainingPlanReport> {
  const wanted: Wanted =
    o.shape === undefined ? wantedOf(at!, given) : { model: given ?? "model", shape: shapeFrom(o.shape), rows: undefined };
  const { accelerator, count } = await clusterOf(o.cluster);
  const rows = o.rows ?? wanted.rows ?? count;
  const { recompute, zero, mesh, microRows } = o;
  // what this machine's engine does is known: fused attention, collectives between programs
  const plan = planTraining({
    accelerator,
    count,
    shape: wanted.shape,
    rows,
    recompute,
    zero,
    mesh,
    microRows,
    overlaps: accelerator.units > 1,
  });
  return { model: wanted.model, accelerator, count, rows, length: wanted.shape.length, ...plan };
}
