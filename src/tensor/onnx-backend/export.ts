/**
 * A program as an ONNX file for other programs: inputs whose values are given become part of the file, the others and the outputs get names.
 * Operators are those that ONNX Runtime has (some of domain com.microsoft), nodes stand in the order that the format demands.
 */
import { sizeOf, type TypedArray } from "../dtype.ts";
import { tensorErrors } from "../errors.ts";
import type { Graph } from "../graph.ts";
import { writeModel } from "../onnx/index.ts";
import { inputName, onnxModel, outputName } from "./model.ts";

export interface OnnxFileParts {
  /** A name for each input that stays one, by its place among the graph's inputs. */
  readonly inputs: ReadonlyMap<number, string>;
  /** A name for each output. */
  readonly outputs: readonly string[];
  /** Elements of every other input. */
  readonly values: ReadonlyMap<number, TypedArray>;
}

/** The bytes of the file. Errors: onnx/tooLarge past 2 GB; tensor/argument where an input has neither name nor value. */
export function onnxFile(graph: Graph, { inputs, outputs, values }: OnnxFileParts): Uint8Array<ArrayBuffer> {
  const wrong = (expected: string, received: string) => tensorErrors.fail("argument", { place: "onnxFile", expected, received });
  if (outputs.length !== graph.outputs.length) throw wrong(`${graph.outputs.length} names of outputs`, `${outputs.length}`);
  const renamed = new Map<string, string>(outputs.map((name, i) => [outputName(i), name]));
  for (const [i, name] of inputs) renamed.set(inputName(i), name);
  const rename = (name: string): string => renamed.get(name) ?? name;
  const model = onnxModel(graph);
  const weights = graph.inputs.flatMap((t, i) => {
    if (inputs.has(i)) return [];
    const data = values.get(i);
    if (!data || data.length !== sizeOf(t.shape))
      throw wrong(`${sizeOf(t.shape)} elements for input ${i}`, data ? `${data.length}` : "none");
    return [{ name: inputName(i), dtype: t.dtype, shape: t.shape, data }];
  });
  return writeModel({
    ...model,
    nodes: model.nodes.map(n => ({ ...n, inputs: n.inputs.map(rename), outputs: n.outputs.map(rename) })),
    inputs: model.inputs.filter((_, i) => inputs.has(i)).map(v => ({ ...v, name: rename(v.name) })),
    outputs: model.outputs.map(v => ({ ...v, name: rename(v.name) })),
    initializers: [...model.initializers, ...weights],
  });
}
