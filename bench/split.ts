/**
 * Three families over every mesh of at most 4 ranks, beside one rank and beside XLA's own partitioning of the same graph over as many devices of its CPU
 * plugin: gradients of the first step, and losses of 20 steps with clipping and accumulation, in float32 and with bf16 products. Ranks run side by side in
 * this process; what is measured is that all agree, and how often ranks meet.
 */
import { type Graph, type Mesh, meshOf, showMesh, sumCollectives } from "../src/tensor/index.ts";
import { adamw, muonWithAdamw, type Optimizer, single } from "../src/train/optimizer.ts";
import { type Bar, type BenchContext, type BenchResult, digits } from "./harness.ts";
import { type Family, families, gradientGraph, layers, length, micro, rows, small, stepGraph } from "./split-models.ts";
import {
  type Products,
  pipelineGradients,
  pipelineLosses,
  rankGradients,
  rankLosses,
  shardedGradient,
  xlaGradients,
  xlaLosses,
} from "./split-runs.ts";

const steps = 20;
/** Largest differences that are promised, by what products of matrices round their operands to. */
const bounds = {
  f32: { gradients: 1e-5, losses: 1e-3 },
  bf16: { gradients: 1e-2, losses: 1e-3 },
} as const satisfies Record<Products, unknown>;

const most = (x: Float64Array): number => x.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
/** The largest difference of an element, by the largest of its array, or by a thousandth of the largest of all where that is more. */
function errorOf(want: readonly Float64Array[], found: readonly Float64Array[]): number {
  const least = 1e-3 * Math.max(...want.map(most));
  return Math.max(...want.map((w, i) => w.reduce((m, x, at) => Math.max(m, Math.abs(x - found[i]![at]!)), 0) / Math.max(most(w), least)));
}
const lossError = (want: readonly number[], found: readonly number[]): number =>
  Math.max(...want.map((x, i) => Math.abs(found[i]! - x) / x));

/** All meshes of two to four ranks over the axes. */
function meshes(): Mesh[] {
  const found: Mesh[] = [];
  for (let pipeline = 1; pipeline <= 4; pipeline++)
    for (let data = 1; data * pipeline <= 4; data++)
      for (let sequence = 1; sequence * data * pipeline <= 4; sequence++)
        for (let tensor = 1; tensor * sequence * data * pipeline <= 4; tensor++)
          if (tensor * sequence * data * pipeline > 1) found.push(meshOf({ pipeline, data, sequence, tensor }));
  return found;
}

const optimizers: Readonly<Record<string, Optimizer>> = { AdamW: single(adamw()), Muon: muonWithAdamw() };
const trained = [{ data: 2 }, { tensor: 2 }, { sequence: 2 }, { data: 2, tensor: 2 }].map(sizes => meshOf(sizes));
const pipelines = [{ pipeline: 2 }, { pipeline: 2, tensor: 2 }].map(sizes => meshOf(sizes));
const both = meshOf({ data: 2, tensor: 2 });
const hasXla = Boolean(process.env.LOAM_PJRT_CPU);

/** Differences by what was compared, and the largest of each kind. */
type Differences = Record<string, number>;
interface Found {
  readonly gradients: Record<string, Differences>;
  readonly losses: Record<string, Differences>;
  readonly collectives: Record<string, unknown>;
}

/** XLA parts rows over `pipeline` as over `data`: meshes that are one to it. */
const xlaKey = ({ sizes: { pipeline, data, sequence, tensor } }: Mesh): string => [pipeline * data, sequence, tensor].join("/");

/** Gradients of a family over some meshes. */
async function compareGradients(
  f: Family,
  graph: Graph,
  over: readonly Mesh[],
  products: Products,
  found: Found,
  say: BenchContext["say"],
) {
  const alone = await rankGradients(f, graph, shardedGradient(f, graph, meshOf({})), products);
  const judges = new Map<string, Float64Array[]>();
  const judgeOf = async (mesh: Mesh): Promise<Float64Array[]> => {
    const judge = judges.get(xlaKey(mesh)) ?? (await xlaGradients(f, graph, mesh, products));
    judges.set(xlaKey(mesh), judge);
    return judge;
  };
  for (const mesh of over) {
    const isPipeline = mesh.sizes.pipeline > 1;
    const sharded = isPipeline ? undefined : shardedGradient(f, graph, mesh);
    const own = sharded ? await rankGradients(f, graph, sharded, products) : await pipelineGradients(f, mesh);
    const judge = hasXla ? await judgeOf(mesh) : undefined;
    const differences: Differences = {
      "from one rank": digits(errorOf(alone, own), 2),
      ...(judge ? { "from XLA": digits(errorOf(judge, own), 2), "XLA from one rank": digits(errorOf(alone, judge), 2) } : {}),
    };
    const name = `${f.name} ${products}, ${showMesh(mesh)}`;
    found.gradients[name] = differences;
    if (sharded && products === "f32") found.collectives[`${f.name}, ${showMesh(mesh)}`] = sumCollectives(sharded.rank(0).report);
    say(`${name}: gradients ${JSON.stringify(differences)}`);
  }
}

/** Losses of a family's steps over some meshes. */
async function compareLosses(
  f: Family,
  optimizer: string,
  over: readonly Mesh[],
  products: Products,
  found: Found,
  say: BenchContext["say"],
) {
  const o = optimizers[optimizer]!;
  const graph = stepGraph(f, o);
  const alone = await rankLosses(f, o, graph, meshOf({}), steps, products);
  const name = `${f.name} ${products}, ${optimizer}`;
  const differences: Differences = {};
  for (const mesh of over) {
    const own = mesh.sizes.pipeline > 1 ? await pipelineLosses(f, o, mesh, steps) : await rankLosses(f, o, graph, mesh, steps, products);
    differences[showMesh(mesh)] = digits(lossError(alone, own), 2);
    say(`${name}, ${steps} steps over ${showMesh(mesh)}: losses ${differences[showMesh(mesh)]}`);
  }
  if (hasXla) {
    differences[`XLA, ${showMesh(both)}`] = digits(lossError(alone, await xlaLosses(f, o, both, steps, products)), 2);
    say(`${name}, ${steps} steps by XLA over ${showMesh(both)}: losses ${differences[`XLA, ${showMesh(both)}`]}`);
  }
  found.losses[`${name} (${digits(alone[0]!, 4)} to ${digits(alone.at(-1)!, 4)})`] = differences;
}

const partNames = ["gradients", "losses", "bf16"] as const;

export async function run({ say, only, scale }: BenchContext): Promise<BenchResult> {
  const has = (part: (typeof partNames)[number]) => !partNames.some(p => only.includes(p)) || only.includes(part);
  const named = families.filter(f => !families.some(g => only.includes(g.name)) || only.includes(f.name));
  const found: Found = { gradients: {}, losses: {}, collectives: {} };
  const all = meshes().filter((_, i) => i % Math.max(1, Math.round(1 / scale)) === 0);
  for (const f of named) {
    const graph = gradientGraph(f);
    if (has("gradients")) await compareGradients(f, graph, all, "f32", found, say);
    if (has("losses"))
      for (const optimizer of Object.keys(optimizers)) await compareLosses(f, optimizer, [...trained, ...pipelines], "f32", found, say);
    if (has("bf16")) {
      await compareGradients(f, graph, trained, "bf16", found, say);
      await compareLosses(f, "AdamW", [both], "bf16", found, say);
    }
  }
  const worst = (of: Record<string, Differences>, products: Products, isOf: (what: string) => boolean): number =>
    Math.max(
      ...Object.entries(of).flatMap(([name, d]) =>
        name.includes(` ${products},`) ? Object.entries(d).flatMap(([what, x]) => (isOf(what) ? [x] : [])) : [],
      ),
    );
  const bar = (name: string, got: number, bound: number): Bar[] =>
    got === Number.NEGATIVE_INFINITY ? [] : [{ name, want: `<= ${bound}`, got, holds: got <= bound }];
  const barsOf = (products: Products): Bar[] => {
    const words = products === "f32" ? "float32" : "bf16 products";
    const bound = bounds[products];
    return [
      ...bar(
        `${words}: gradients of step 1 from one rank's`,
        worst(found.gradients, products, w => w === "from one rank"),
        bound.gradients,
      ),
      ...bar(
        `${words}: gradients of step 1 from XLA's own partitioning`,
        worst(found.gradients, products, w => w === "from XLA"),
        bound.gradients,
      ),
      ...bar(
        `${words}: losses over ${steps} steps from one rank's`,
        worst(found.losses, products, w => !w.startsWith("XLA")),
        bound.losses,
      ),
      ...bar(
        `${words}: losses over ${steps} steps, XLA's from one rank's`,
        worst(found.losses, products, w => w.startsWith("XLA")),
        bound.losses,
      ),
    ];
  };
  return {
    method: `${layers} layers, width ${small.width}, ${rows} rows of ${length} tokens, of decoders in two documents, dropout 0.1, a quarter of the targets without weight, the table tied (GPT, encoder-decoder); one thread, ranks side by side in one process; ${all.length} meshes in float32, ${trained.length} with bf16 products. Gradients: largest difference of an element, by the largest of its array. Losses: ${steps} steps of ${micro} micro-batches, clipped at 1, largest relative difference`,
    ours: { gradients: found.gradients, losses: found.losses, collectives: found.collectives },
    peers: {},
    ratios: {},
    bars: [...barsOf("f32"), ...barsOf("bf16")],
    notes: [
      hasXla
        ? "XLA partitions the graph of one rank over as many devices as the mesh has ranks. It knows no pipeline: over that axis it parts the rows. Over 20 steps it makes the gradients, one rank applies them: its compiler takes minutes for a whole step."
        : "XLA's own partitioning was not compared: LOAM_PJRT_CPU names no plugin (docs/accelerators.md).",
    ],
  };
}
