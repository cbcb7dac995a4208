/**
 * A whole program that a PJRT plugin's own compiler partitions over devices of one client: XLA's GSPMD, given only the layouts of inputs and outputs (Xu et
 * al. 2021). It shares no rule and no collective with shard-graph.ts, so on the CPU plugin with several devices it is the independent judge of
 * sharded programs. Left out: state that stays on the devices between runs, and summands (`partial`), which OpSharding cannot say of a result.
 */

import type { ProductDType } from "../backend.ts";
import { type DType, dtypeTable, sizeOf, type TypedArray } from "../dtype.ts";
import { tensorErrors } from "../errors.ts";
import type { Graph } from "../graph.ts";
import {
  type ExecutableStats,
  findPlugin,
  type NamedValues,
  openClient,
  type PjrtBuffer,
  type PjrtClient,
  type PjrtProgram,
} from "../pjrt/index.ts";
import type { Shape } from "../shape.ts";
import { simplify } from "../simplify.ts";
import { checkedEnds, type HloProgram, hloComposites, hloProgram, replicated, throwOutside } from "../stablehlo/index.ts";
import { axesOfDimension, isWhole, localShape, type Sharding, type ShardLayout, shardLayoutOf, wholeLayout } from "./layout.ts";
import { coordinatesOf, type Mesh, meshAxes, showMesh } from "./mesh.ts";
import { joinValues, partOfValues } from "./shard-values.ts";

export interface PartitionOptions {
  readonly mesh: Mesh;
  /** Of the graph's inputs, by their names; an input that is not named is whole on every device. */
  readonly inputs: Readonly<Record<string, Sharding>>;
  /** Of the outputs, in order; whole where absent or undefined. */
  readonly outputs?: readonly (Sharding | undefined)[];
  /** A plugin's name or path. Default: "cpu", with as many devices as the mesh has ranks. */
  readonly plugin?: string;
  /** What products of matrices round their f32 operands to. */
  readonly products?: ProductDType;
}

/** A program on the devices of a mesh. */
export interface PartitionedProgram {
  /** From whole arrays in the order of the graph's inputs to whole arrays of its outputs. Throws `tensor/index` for an index outside its axis. */
  run(inputs: readonly TypedArray[]): Promise<TypedArray[]>;
  /** Of one device's part: `argumentBytes` says what a device holds of the inputs. */
  stats(): ExecutableStats;
  dispose(): void;
}

/**
 * A layout as XLA's `OpSharding` in text: how many parts each dimension has, and the devices that hold them in row-major order; devices that hold
 * the same part stand behind one another (`last_tile_dim_replicate`). The mesh's rank is the device's number.
 */
export function shardingText(layout: ShardLayout, mesh: Mesh): string {
  if (isWhole(layout)) return replicated;
  const axes = layout.dimensions.map(axesOfDimension);
  const parts = axes.map(of => of.reduce((n, axis) => n * mesh.sizes[axis], 1));
  const split = axes.flat();
  const others = meshAxes.filter(axis => !split.includes(axis) && mesh.sizes[axis] > 1);
  const order = [...split, ...others];
  const placeOf = (rank: number): number => {
    const at = coordinatesOf(mesh, rank);
    return order.reduce((place, axis) => place * mesh.sizes[axis] + at[axis], 0);
  };
  const devices = Array.from({ length: mesh.ranks }, (_, rank) => rank).sort((a, b) => placeOf(a) - placeOf(b));
  const copies = others.reduce((n, axis) => n * mesh.sizes[axis], 1);
  const tiles = copies > 1 ? [...parts, copies] : parts;
  return `{devices=[${tiles.join(",")}]${devices.join(",")}${copies > 1 ? " last_tile_dim_replicate" : ""}}`;
}

interface Placed {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly layout: ShardLayout;
}

class PartitionRunner implements PartitionedProgram {
  readonly #client: PjrtClient;
  readonly #program: PjrtProgram;
  readonly #mesh: Mesh;
  readonly #inputs: readonly Placed[];
  readonly #outputs: readonly Placed[];
  readonly #checks: HloProgram["checks"];

  constructor(
    client: PjrtClient,
    program: PjrtProgram,
    given: {
      readonly mesh: Mesh;
      readonly inputs: readonly Placed[];
      readonly outputs: readonly Placed[];
      readonly checks: HloProgram["checks"];
    },
  ) {
    this.#client = client;
    this.#program = program;
    this.#mesh = given.mesh;
    this.#inputs = given.inputs;
    this.#outputs = given.outputs;
    this.#checks = given.checks;
  }

  async run(inputs: readonly TypedArray[]): Promise<TypedArray[]> {
    const uploaded: Promise<void>[] = [];
    const buffers: PjrtBuffer[] = [];
    const results: PjrtBuffer[] = [];
    try {
      const lists = Array.from({ length: this.#mesh.ranks }, (_, rank) =>
        this.#inputs.map(({ dtype, layout }, i) => {
          const part = partOfValues(inputs[i]!, layout, this.#mesh, rank);
          const { buffer, done } = this.#client.upload(part, dtype, localShape(layout, this.#mesh), rank);
          buffers.push(buffer);
          uploaded.push(done);
          return buffer;
        }),
      );
      await Promise.all(uploaded);
      const made = await this.#program.run(lists);
      results.push(...made.flat());
      if (this.#checks.length > 0) {
        const ends = checkedEnds(this.#checks);
        await made[0]!.at(-1)!.read(ends, 1);
        throwOutside(this.#checks, ends);
      }
      return await Promise.all(
        this.#outputs.map((output, i) =>
          this.#joined(
            output,
            made.map(of => of[i]!),
          ),
        ),
      );
    } finally {
      for (const b of [...buffers, ...results]) b.dispose();
    }
  }

  async #joined({ dtype, layout }: Placed, parts: readonly PjrtBuffer[]): Promise<TypedArray> {
    const shape = localShape(layout, this.#mesh);
    const read = await Promise.all(
      parts.map(async part => {
        const into: TypedArray = new dtypeTable[dtype].array(new ArrayBuffer(sizeOf(shape) * dtypeTable[dtype].sizeBytes));
        if (into.length > 0) await part.read(into, shape.length);
        return into;
      }),
    );
    return joinValues(read, layout, this.#mesh);
  }

  stats(): ExecutableStats {
    return this.#program.stats();
  }
  dispose(): void {
    this.#program.dispose();
  }
}

/** A client with a device for each rank. Errors: tensor/mesh where the plugin has fewer. */
function clientFor(plugin: string, mesh: Mesh): PjrtClient {
  const options: NamedValues = plugin === "cpu" ? { cpu_device_count: mesh.ranks } : {};
  const client = openClient(findPlugin(plugin), options);
  if (client.devices.length >= mesh.ranks) return client;
  throw tensorErrors.fail("mesh", {
    place: `pjrt:${plugin}`,
    expected: `a device for each of ${mesh.ranks} ranks (${showMesh(mesh)})`,
    received: `${client.devices.length}`,
    hint: "Use a smaller mesh.",
  });
}

/**
 * Compiles a graph of one rank for the devices of a mesh, partitioned by the plugin's compiler. Errors: tensor/mesh for a layout that does not fit or
 * is a sum over ranks, pjrt/*.
 */
export async function openPartitioned(
  graph: Graph,
  { mesh, inputs, outputs, plugin = "cpu", products = "f32" }: PartitionOptions,
): Promise<PartitionedProgram> {
  const placed = (t: { readonly shape: Shape; readonly dtype: DType }, sharding: Sharding | undefined, place: string): Placed => {
    const layout = sharding ? shardLayoutOf(mesh, t.shape, sharding, place) : wholeLayout(t.shape);
    if (layout.partial.length > 0)
      throw tensorErrors.fail("mesh", {
        place,
        expected: "a layout without summands",
        received: `partial along ${layout.partial.join(", ")}`,
      });
    return { shape: t.shape, dtype: t.dtype, layout };
  };
  const given = graph.inputs.map(t => placed(t, inputs[t.attributes.name], `input ${t.attributes.name}`));
  const made = graph.outputs.map((t, i) => placed(t, outputs?.[i], `output ${i}`));
  const client = clientFor(plugin, mesh);
  const textOf = (p: Placed) => shardingText(p.layout, mesh);
  const hlo = hloProgram(simplify(graph, hloComposites), {
    name: "partitioned",
    products,
    widensFactors: client.platform === "cpu",
    shardings: { partitions: mesh.ranks, inputs: given.map(textOf), outputs: made.map(textOf) },
  });
  const program = await client.compile(hlo.text, hlo.outputs, { partitions: mesh.ranks });
  return new PartitionRunner(client, program, { mesh, inputs: given, outputs: made, checks: hlo.checks });
}
