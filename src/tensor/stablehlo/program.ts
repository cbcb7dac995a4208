/** A graph as the text of a StableHLO module with one function, `main`: its inputs, its outputs, and what was read of indices. */
import type { Graph } from "../graph.ts";
import type { Tensor } from "../tensor.ts";
import { indexError, type LoweringOptions, lowerNodes } from "./lower.ts";
import { elementTypes, type HloValue, HloWriter, type IndexCheck, typeText } from "./writer.ts";

interface HloOptions extends LoweringOptions {
  /** Name of the module; what profiles and dumps call the program. */
  readonly name?: string;
  /** Output index -> input index whose memory it takes over. */
  readonly aliases?: ReadonlyMap<number, number>;
  /** For a program that the compiler partitions: where inputs and outputs lie, each as text of XLA's `OpSharding` (shard/run-partitioned.ts). */
  readonly shardings?: HloShardings;
}
interface HloShardings {
  readonly partitions: number;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

export interface HloProgram {
  readonly text: string;
  /** Results, the one of `checks` included. */
  readonly outputs: number;
  /** The last result holds the least and the greatest index of each, as i64; without checks there is none. */
  readonly checks: readonly IndexCheck[];
}

/** On every device the whole. */
export const replicated = "{replicated}";

/** Attributes of an argument or a result in braces, behind a space; nothing where there are none. */
function attributesText(attributes: Readonly<Record<string, string | undefined>>): string {
  const given = Object.entries(attributes).filter(([, value]) => value !== undefined);
  return given.length === 0 ? "" : ` {${given.map(([name, value]) => `${name} = ${value}`).join(", ")}}`;
}
const quoted = (sharding: string | undefined): string | undefined => sharding && `"${sharding}"`;

/** Lowers a graph. Throws `tensor/graph` for an operation from outside the table without `expand`, `tensor/index` for a constant index outside. */
export function hloProgram(graph: Graph, { name = "loam", aliases = new Map(), shardings, ...options }: HloOptions = {}): HloProgram {
  const h = new HloWriter();
  const takenBy = new Map(Array.from(aliases, ([output, given]) => [given, output]));
  const parameters = graph.inputs.map((t, i): HloValue => ({ name: `%a${i}`, shape: t.shape, type: elementTypes[t.dtype] }));
  const results = lowerNodes(h, graph.outputs, new Map<Tensor, HloValue>(graph.inputs.map((t, i) => [t, parameters[i]!])), options);
  const found = h.checks();
  const all = found ? [...results, found.value] : results;
  const signature = parameters.map((p, i) => {
    const output = takenBy.get(i);
    return `${p.name}: ${typeText(p.shape, p.type)}${attributesText({
      "tf.aliasing_output": output === undefined ? undefined : `${output} : i32`,
      "mhlo.sharding": quoted(shardings?.inputs[i]),
    })}`;
  });
  const types = all.map(v => typeText(v.shape, v.type));
  const declared = types.map(
    (type, i) => `${type}${attributesText({ "mhlo.sharding": quoted(shardings && (shardings.outputs[i] ?? replicated)) })}`,
  );
  const module = shardings ? ` attributes {mhlo.num_partitions = ${shardings.partitions} : i32, mhlo.num_replicas = 1 : i32}` : "";
  const text = [
    `module @${name.replaceAll(/\W/g, "_")}${module} {`,
    `  func.func public @main(${signature.join(", ")}) -> (${declared.join(", ")}) {`,
    ...(h.body ? [h.body] : []),
    `    return ${all.map(v => v.name).join(", ")} : ${types.join(", ")}`,
    "  }",
    "}",
  ].join("\n");
  return { text, outputs: all.length, checks: found?.checks ?? [] };
}

/** i64 numbers that the last result of a program with these checks holds. */
export const checkedEnds = (checks: HloProgram["checks"]): BigInt64Array<ArrayBuffer> =>
  new BigInt64Array(new ArrayBuffer(16 * checks.length));

/** Throws `tensor/index` where a program read outside an axis; `ends` is what its last result holds. */
export function throwOutside(checks: HloProgram["checks"], ends: BigInt64Array): void {
  for (const [i, { place, size }] of checks.entries())
    for (const end of [ends[2 * i]!, ends[2 * i + 1]!]) if (end < 0n || end >= BigInt(size)) throw indexError(place, size, Number(end));
}
