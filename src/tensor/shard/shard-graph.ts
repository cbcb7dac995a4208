/**
 * A program of one rank as the programs of many: given the layouts of its inputs, each value gets one by the rules of its operation (rules.ts), and
 * collectives stand where layouts do not meet. The pass runs over a whole gradient program, after differentiation and simplification, so Megatron's
 * form of a transformer (Shoeybi et al. 2019), its sequence parallelism (Korthikanti et al. 2022) and data parallelism come out of the same
 * rules. Each rank makes its own program: what depends on the rank is a constant in it. Idea: GSPMD (Xu et al. 2021), with local rules in one walk
 * instead of a search.
 */
import { tensorErrors } from "../errors.ts";
import { expansions } from "../expand.ts";
import { type Graph, graphOf, nodesOf } from "../graph.ts";
import type { OpKind } from "../ops.ts";
import { simplify } from "../simplify.ts";
import { input, isCollective, isKind, Tensor } from "../tensor.ts";
import { FreeValues, isFreeKind } from "./free-values.ts";
import { layoutHints } from "./hints.ts";
import {
  type DimensionLayout,
  isWhole,
  layoutKey,
  localShape,
  type Sharding,
  type ShardLayout,
  shardLayoutOf,
  splitAxes,
  wholeLayout,
  withDimension,
  withPartial,
} from "./layout.ts";
import { coordinatesOf, type Mesh, type MeshAxis, meshAxes } from "./mesh.ts";
import { RankBuilder, type ShardedCollective } from "./rank-builder.ts";
import type { PlacementPlan, RuleContext, ShardRule } from "./rule.ts";
import { keepsPartial, shardRules, showsInput } from "./rules.ts";

export interface ShardOptions {
  readonly mesh: Mesh;
  /** Of the graph's inputs, by their names; an input that is not named is whole on every rank. */
  readonly inputs: Readonly<Record<string, Sharding>>;
  /** Of the outputs, in order; whole where absent or undefined. `"computed"` leaves an output as it comes, see `outputs` of the result. */
  readonly outputs?: readonly (Sharding | "computed" | undefined)[];
  /**
   * Between blocks, activations that are sums over ranks stay parted along the sequence: a reduction becomes a reduce-scatter, with an all-gather in
   * front of the next product. `axes`: over which axes (`sequence` always); `rows` sequences of `lengths` are in a batch, which tells their dimension.
   */
  readonly sequence?: { readonly rows: number; readonly lengths: readonly number[]; readonly axes?: readonly MeshAxis[] };
}

export interface ShardReport {
  /** In the order in which ranks meet. */
  readonly collectives: readonly ShardedCollective[];
}

/** The program of a rank. */
export interface RankProgram {
  readonly graph: Graph;
  readonly report: ShardReport;
}

export interface ShardedGraph {
  readonly mesh: Mesh;
  /** Layouts of the whole arrays that the rank's inputs and outputs are parts of. */
  readonly inputs: readonly ShardLayout[];
  readonly outputs: readonly ShardLayout[];
  /** Throws tensor/mesh for a rank that there is not. */
  rank(rank: number): RankProgram;
}

/** A value on a rank: what it has of it, in the layouts that were asked for so far. */
interface PlacedValue {
  /** As it was computed. */
  readonly layout: ShardLayout;
  readonly versions: Map<string, { readonly layout: ShardLayout; readonly local: Tensor }>;
  /** Where its sums are reduced, by the axes that may stay. */
  readonly settled: Map<string, ShardLayout>;
}

const keptKey = (keep: readonly MeshAxis[]): string => meshAxes.filter(axis => keep.includes(axis)).join();

/** Composites that the rules see whole; the others are written out first. */
const seenWhole: ReadonlySet<OpKind> = new Set(
  (Object.keys(expansions) as OpKind[]).filter(kind => kind !== "call" && kind !== "custom" && kind !== "matmulAdd"),
);

/** The program that is sharded: equal values are one node, composites that the rules know are whole. */
export const simplifiedForRules = (graph: Graph): Graph => simplify(graph, seenWhole);

/** The dimension of sequences of an array [..., T, C], or of rows [B T, C], parted over an axis too; undefined where it has none, or is parted otherwise. */
function sequenceDimension(
  layout: ShardLayout,
  shape: readonly number[],
  axis: MeshAxis,
  { rows, lengths }: NonNullable<ShardOptions["sequence"]>,
  mesh: Mesh,
): { readonly at: number; readonly dimension: DimensionLayout } | undefined {
  const rank = shape.length;
  if (rank < 2 || shape.at(-1) === 1) return undefined;
  const isRows = rank === 2;
  const at = isRows ? 0 : rank - 2;
  const length = lengths.find(l => l % mesh.sizes[axis] === 0 && shape[at] === (isRows ? rows * l : l));
  if (length === undefined) return undefined;
  const [first, ...others] = layout.dimensions[at]!;
  const parted = { size: length, axis };
  if (!isRows || rows === 1) return first?.axis || others.length > 0 ? undefined : { at, dimension: [parted] };
  // rows of the batch may be parted themselves
  if (others.length > 0 || (first?.axis && rows % mesh.sizes[first.axis])) return undefined;
  return { at, dimension: [{ ...first, size: rows }, parted] };
}

class RankPass {
  readonly #mesh: Mesh;
  readonly #builder: RankBuilder;
  readonly #options: ShardOptions;
  readonly #placed = new Map<Tensor, PlacedValue>();
  readonly #free: FreeValues;
  readonly #hints: ReadonlyMap<Tensor, ShardLayout>;
  readonly #given: ReadonlySet<Tensor>;

  constructor(graph: Graph, options: ShardOptions, rank: number, hints: ReadonlyMap<Tensor, ShardLayout>) {
    this.#mesh = options.mesh;
    this.#options = options;
    this.#builder = new RankBuilder(options.mesh, coordinatesOf(options.mesh, rank));
    this.#hints = hints;
    this.#given = new Set<Tensor>(graph.inputs);
    this.#free = new FreeValues(this.#mesh, this.#builder.at, (t, layout) => this.get(t, layout));
  }

  get collectives(): readonly ShardedCollective[] {
    return this.#builder.collectives;
  }

  place(node: Tensor, layout: ShardLayout, local: Tensor): void {
    const version = { layout, local };
    this.#placed.set(node, { layout, versions: new Map([[layoutKey(layout), version]]), settled: new Map() });
  }

  layoutOf(node: Tensor): ShardLayout {
    return this.#free.has(node) ? wholeLayout(node.shape) : this.#placed.get(node)!.layout;
  }

  /** The rank's part of a value in a layout. */
  get(node: Tensor, layout: ShardLayout): Tensor {
    if (this.#free.has(node)) {
      const part = this.#free.get(node, withPartial(layout, []));
      return layout.partial.length === 0 ? part : this.#builder.convert(part, withPartial(layout, []), layout);
    }
    const { versions } = this.#placed.get(node)!;
    const key = layoutKey(layout);
    const known = versions.get(key);
    if (known) return known.local;
    const [best] = [...versions.values()].sort((a, b) => this.#builder.cost(a.layout, layout) - this.#builder.cost(b.layout, layout));
    const local = this.#builder.convert(best!.local, best!.layout, layout);
    versions.set(key, { layout, local });
    return local;
  }

  /** Where a sum along an axis is reduced to: parted along the sequence where that is wanted, else whole. */
  #reducedTo(layout: ShardLayout, shape: readonly number[], axis: MeshAxis): ShardLayout {
    const { sequence } = this.#options;
    const without = withPartial(
      layout,
      layout.partial.filter(a => a !== axis),
    );
    if (!sequence || !(axis === "sequence" || sequence.axes?.includes(axis)) || splitAxes(layout).includes(axis)) return without;
    const parted = sequenceDimension(without, shape, axis, sequence, this.#mesh);
    return parted ? withDimension(without, parted.at, parted.dimension) : without;
  }

  /** The layout of a value whose sums are reduced, but for those along some axes. */
  settle(node: Tensor, keep: readonly MeshAxis[]): ShardLayout {
    if (this.#free.has(node)) return wholeLayout(node.shape);
    const placed = this.#placed.get(node)!;
    const dropped = placed.layout.partial.filter(axis => !keep.includes(axis));
    if (dropped.length === 0) return placed.layout;
    const key = keptKey(keep);
    const known = placed.settled.get(key);
    if (known) return known;
    const found = (this.#isShown(node, keep) ? this.#shown(node, keep) : undefined) ?? this.#settled(node, dropped);
    placed.settled.set(key, found);
    return found;
  }

  /** Is a sum better computed again from inputs whose sums are reduced? Of another form of one always, else where that is done already. */
  #isShown(node: Tensor, keep: readonly MeshAxis[]): boolean {
    if (showsInput.has(node.kind)) return true;
    if (!keepsPartial[node.kind] || node.kind === "barrier") return false;
    const key = keptKey(keep);
    const isDropped = (l: ShardLayout) => l.partial.some(axis => !keep.includes(axis));
    const sums = node.inputs.filter(x => !this.#free.has(x) && isDropped(this.#placed.get(x)!.layout));
    return sums.length > 0 && sums.every(x => this.#placed.get(x)!.settled.has(key));
  }

  #settled(node: Tensor, dropped: readonly MeshAxis[]): ShardLayout {
    const target = dropped.reduce((l, axis) => this.#reducedTo(l, node.shape, axis), this.#placed.get(node)!.layout);
    this.get(node, target);
    return target;
  }

  /** The value of inputs that are reduced themselves; undefined where it is a sum over ranks even so. */
  #shown(node: Tensor, keep: readonly MeshAxis[]): ShardLayout | undefined {
    const layouts = node.inputs.map(x => this.settle(x, keep));
    const plan = this.#planOf(node, layouts);
    if (plan.output.partial.some(axis => !keep.includes(axis))) return undefined;
    this.#placed.get(node)!.versions.set(layoutKey(plan.output), { layout: plan.output, local: this.#make(node, plan) });
    return plan.output;
  }

  #contextOf(node: Tensor, layouts: readonly ShardLayout[]): RuleContext {
    return {
      node,
      layouts,
      mesh: this.#mesh,
      hint: this.#hints.get(node),
      isGiven: i => this.#given.has(node.inputs[i]!),
    };
  }

  #planOf(node: Tensor, layouts: readonly ShardLayout[]): PlacementPlan {
    // the table is total but for what never reaches it
    const rule = shardRules[node.kind as keyof typeof shardRules] as ShardRule<OpKind>;
    return rule(this.#contextOf(node, layouts));
  }

  #make(node: Tensor, plan: PlacementPlan): Tensor {
    this.#builder.reason = { for: node.kind, ...(plan.isFallback ? { isFallback: true } : {}) };
    const local = node.inputs.map((x, i) => this.get(x, plan.inputs[i]!));
    return plan.make ? plan.make(local, this.#builder) : sameOver(node, local);
  }

  /** Computes a node whose inputs are placed. */
  add(node: Tensor): void {
    if (
      isFreeKind(
        node,
        x => this.#free.has(x),
        x => isWhole(this.layoutOf(x)),
      )
    ) {
      this.#free.add(node);
      return;
    }
    const raw = node.inputs.map(x => this.layoutOf(x));
    const keeps = (keepsPartial[node.kind] as ((c: RuleContext) => readonly (readonly MeshAxis[])[]) | undefined)?.(
      this.#contextOf(node, raw),
    );
    this.#builder.reason = { for: node.kind };
    const plan = this.#planOf(
      node,
      node.inputs.map((x, i) => this.settle(x, keeps?.[i] ?? [])),
    );
    this.place(node, plan.output, this.#make(node, plan));
  }

  finish(output: Tensor, layout: ShardLayout): Tensor {
    this.#builder.reason = { for: "output" };
    const { partial } = this.layoutOf(output);
    // a sum that comes out parted along one of its axes is scattered at once
    if (partial.some(axis => !layout.partial.includes(axis) && !splitAxes(layout).includes(axis)) && this.#isShown(output, layout.partial))
      this.settle(output, layout.partial);
    return this.get(output, layout);
  }
}

const sameOver = (t: Tensor, inputs: readonly Tensor[]): Tensor => new Tensor(t.kind, inputs, t.attributes);

const layoutsOfInputs = (graph: Graph, { mesh, inputs }: ShardOptions): ShardLayout[] => {
  const names = new Set(graph.inputs.map(t => t.attributes.name));
  const unknown = Object.keys(inputs).find(name => !names.has(name));
  if (unknown !== undefined)
    throw tensorErrors.fail("mesh", {
      place: "shardGraph: inputs",
      expected: `names of the program's inputs (${[...names].slice(0, 8).join(", ")}${names.size > 8 ? ", ..." : ""})`,
      received: `"${unknown}"`,
    });
  return graph.inputs.map(t => shardLayoutOf(mesh, t.shape, inputs[t.attributes.name] ?? {}, `input ${t.attributes.name}`));
};

/**
 * The program of `graph` on each rank of a mesh. Every rank's inputs and outputs are parts of the whole ones by the layouts of the result
 * (`splitValues`, `joinValues`). Errors: tensor/mesh for layouts that do not fit, and for a graph that has collectives already.
 */
export function shardGraph(given: Graph, options: ShardOptions): ShardedGraph {
  const { mesh } = options;
  const graph = simplifiedForRules(given);
  const own = nodesOf(graph).find(isCollective);
  if (own)
    throw tensorErrors.fail("mesh", { place: "shardGraph", expected: "a program of one rank", received: `one with ${own.toString()}` });
  const inputs = layoutsOfInputs(graph, options);
  const asked = graph.outputs.map((t, i) => {
    const sharding = options.outputs?.[i];
    return sharding === "computed" ? undefined : shardLayoutOf(mesh, t.shape, sharding ?? {}, `output ${i}`);
  });
  const hints = layoutHints(graph, asked, mesh);
  const passOf = (rank: number) => {
    const pass = new RankPass(graph, options, rank, hints);
    const local = graph.inputs.map((t, i) => {
      const made = input(t.attributes.name, localShape(inputs[i]!, mesh), t.dtype);
      pass.place(t, inputs[i]!, made);
      return made;
    });
    for (const t of nodesOf(graph)) if (!isKind(t, "input")) pass.add(t);
    const outputs = graph.outputs.map((t, i) => pass.finish(t, asked[i] ?? pass.layoutOf(t)));
    return { pass, graph: graphOf(local, outputs) };
  };
  const first = passOf(0);
  return {
    mesh,
    inputs,
    outputs: graph.outputs.map((t, i) => asked[i] ?? first.pass.layoutOf(t)),
    rank: rank => {
      const made = rank === 0 ? first : passOf(rank);
      return { graph: made.graph, report: { collectives: made.pass.collectives } };
    },
  };
}

/** Bytes by kind of collective, and of those that no rule wanted. */
export function sumCollectives({ collectives }: ShardReport): Readonly<Record<string, { readonly count: number; readonly bytes: number }>> {
  const sums: Record<string, { count: number; bytes: number }> = {};
  for (const c of collectives)
    for (const name of [c.kind, ...(c.isFallback ? ["fallback"] : [])]) {
      sums[name] ??= { count: 0, bytes: 0 };
      sums[name].count++;
      sums[name].bytes += c.bytes;
    }
  return sums;
}
