/** A graph as the text of a StableHLO module with one function, `main`: its inputs, its outputs, and what was read of indices. */
import type { Graph } from "../graph.ts";
import type { Tensor } from "../tensor.ts";
import { type LoweringOptions, lowerNodes } from "./lower.ts";
import { elementTypes, type HloValue, HloWriter, type IndexCheck, typeText } from "./writer.ts";

interface HloOptions extends LoweringOptions {
  /** Name of the module; what profiles and dumps call the program. */
  readonly name?: string;
  /** Output index -> input index whose memory it takes over. */
  readonly aliases?: ReadonlyMap<number, number>;
}

export interface HloProgram {
  readonly text: string;
  /** Results, the one of `checks` included. */
  readonly outputs: number;
  /** The last result holds the least and the greatest index of each, as i64; without checks there is none. */
  readonly checks: readonly IndexCheck[];
}

/** Lowers a graph. Throws `tensor/graph` for an operation from outside the table without `expand`, `tensor/index` for a constant index outside. */
export function hloProgram(graph: Graph, { name = "loam", aliases = new Map(), ...options }: HloOptions = {}): HloProgram {
  const h = new HloWriter();
  const takenBy = new Map(Array.from(aliases, ([output, given]) => [given, output]));
  const parameters = graph.inputs.map((t, i): HloValue => ({ name: `%a${i}`, shape: t.shape, type: elementTypes[t.dtype] }));
  const results = lowerNodes(h, graph.outputs, new Map<Tensor, HloValue>(graph.inputs.map((t, i) => [t, parameters[i]!])), options);
  const found = h.checks();
  const all = found ? [...results, found.value] : results;
  const signature = parameters.map((p, i) => {
    const output = takenBy.get(i);
    return `${p.name}: ${typeText(p.shape, p.type)}${output === undefined ? "" : ` {tf.aliasing_output = ${output} : i32}`}`;
  });
  const types = all.map(v => typeText(v.shape, v.type)).join(", ");
  const text = [
    `module @${name.replaceAll(/\W/g, "_")} {`,
    `  func.func public @main(${signature.join(", ")}) -> (${types}) {`,
    ...(h.body ? [h.body] : []),
    `    return ${all.map(v => v.name).join(", ")} : ${types}`,
    "  }",
    "}",
  ].join("\n");
  return { text, outputs: all.length, checks: found?.checks ?? [] };
}
