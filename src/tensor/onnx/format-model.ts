/** An ONNX model as text for people: one line a value or node, constants shortened. */
import type { OnnxAttribute, OnnxModel, OnnxTensor, ValueInfo } from "./model.ts";

const shownElements = 8;

const type = (v: Pick<ValueInfo, "dtype" | "shape">) => `${v.dtype}[${v.shape.join(", ")}]`;

const elements = (t: OnnxTensor): string =>
  `${Array.from(t.data.subarray(0, shownElements), String).join(", ")}${t.data.length > shownElements ? ", ..." : ""}`;

const list = (values: readonly unknown[]) =>
  `[${values.slice(0, shownElements).join(", ")}${values.length > shownElements ? `, ... ${values.length}` : ""}]`;

function attribute(a: OnnxAttribute): string {
  if (a.kind === "tensor") return `${type(a.value)} {${elements(a.value)}}`;
  if (a.kind === "string") return JSON.stringify(a.value);
  if (a.kind === "strings") return list(a.value.map(v => JSON.stringify(v)));
  return typeof a.value === "object" ? list(a.value) : String(a.value);
}

/** Readable text of a model; not meant to be parsed. */
export function formatModel(model: OnnxModel): string {
  const lines = [
    ...model.inputs.map(v => `  input ${v.name}: ${type(v)}`),
    ...model.initializers.map(t => `  const ${t.name}: ${type(t)} {${elements(t)}}`),
    ...model.nodes.map(n => {
      const attributes = Object.entries(n.attributes ?? {}).map(([k, a]) => `${k}=${attribute(a)}`);
      const call = [...n.inputs.map(i => i || "_"), ...attributes].join(", ");
      return `  ${n.outputs.map(o => o || "_").join(", ")} = ${n.domain ? `${n.domain}.` : ""}${n.op}(${call})`;
    }),
    ...model.outputs.map(v => `  output ${v.name}: ${type(v)}`),
  ];
  return `${model.name || "graph"} {\n${lines.join("\n")}\n}\n`;
}
