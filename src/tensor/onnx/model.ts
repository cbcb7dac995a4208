/**
 * An ONNX model as plain data, and what makes it legal. Left out: subgraphs (If, Loop, Scan), sparse tensors, sequences, external
 * data, local functions. Source: the ONNX IR specification (github.com/onnx/onnx, docs/IR.md) and onnx.proto.
 */
import { type DType, dtypeTable, sizeOf, type TypedArray } from "../dtype.ts";
import { onnxErrors } from "./errors.ts";

/** The versions Loam writes: ai.onnx 21 is fully covered by ONNX Runtime's CPU and WebGPU kernels, and IR 10 belongs to it. */
export const defaultOpsets: Readonly<Record<string, number>> = { "": 21, "com.microsoft": 1 };
export const irVersion = 10;

export interface OnnxTensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Elements in row-major order, in the memory form of `dtypeTable[dtype].array`. */
  readonly data: TypedArray;
}

export type OnnxAttribute =
  | { readonly kind: "int"; readonly value: number | bigint }
  | { readonly kind: "ints"; readonly value: readonly (number | bigint)[] }
  | { readonly kind: "float"; readonly value: number }
  | { readonly kind: "floats"; readonly value: readonly number[] }
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "strings"; readonly value: readonly string[] }
  | { readonly kind: "tensor"; readonly value: OnnxTensor };
export type AttributeKind = OnnxAttribute["kind"];

/** Attributes by hand: `attributes: { axis: int(-1), perm: ints([1, 0]) }`. */
export const int = (value: number | bigint): OnnxAttribute => ({ kind: "int", value });
export const ints = (value: readonly (number | bigint)[]): OnnxAttribute => ({ kind: "ints", value });
export const float = (value: number): OnnxAttribute => ({ kind: "float", value });
export const floats = (value: readonly number[]): OnnxAttribute => ({ kind: "floats", value });
export const string = (value: string): OnnxAttribute => ({ kind: "string", value });
export const strings = (value: readonly string[]): OnnxAttribute => ({ kind: "strings", value });
export const tensor = (value: OnnxTensor): OnnxAttribute => ({ kind: "tensor", value });

export interface OnnxNode {
  readonly op: string;
  /** Absent or "" is ai.onnx. */
  readonly domain?: string;
  /** Shown in profiles and errors of the runtime. */
  readonly name?: string;
  /** Names of values; "" stands for an optional input that is left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>;
}

export interface ValueInfo {
  readonly name: string;
  readonly dtype: DType;
  /** A string is a free dimension, named. */
  readonly shape: readonly (number | string)[];
}

export interface Initializer extends OnnxTensor {
  readonly name: string;
  /** Its elements are given to the session by name and are no part of the file; `data` is empty. */
  readonly isOutside?: true;
  /** Where they are instead, for a reader of files: a stretch of a file beside the model's. */
  readonly stretch?: FileStretch;
}

/** Bytes of a file that lies beside the model's. */
interface FileStretch {
  readonly location: string;
  readonly offsetBytes: number;
  readonly sizeBytes: number;
}

export interface OnnxModel {
  readonly name?: string;
  readonly nodes: readonly OnnxNode[];
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  readonly initializers: readonly Initializer[];
  /** Values between nodes whose types are stated: results of operators that a reader cannot infer. */
  readonly values?: readonly ValueInfo[];
  /** Domain -> version; `defaultOpsets` where absent. */
  readonly opsets?: Readonly<Record<string, number>>;
  readonly irVersion?: number;
}

const fail = (place: string, expected: string, received: string, hint?: string) =>
  onnxErrors.fail("model", { place, expected, received, ...(hint ? { hint } : {}) });

const quoted = (name: unknown) => (typeof name === "string" ? `"${name}"` : String(name));

function checkTensor(place: string, t: OnnxTensor, isOutside = false): void {
  const row = dtypeTable[t.dtype];
  if (!row) throw fail(place, `a data type of ${Object.keys(dtypeTable).join(", ")}`, quoted(t.dtype));
  for (const d of t.shape)
    if (!Number.isSafeInteger(d) || d < 0) throw fail(place, "dimensions that are whole numbers >= 0", `[${t.shape.join(", ")}]`);
  if (!(t.data instanceof row.array)) throw fail(place, `${t.dtype} data in a ${row.array.name}`, t.data?.constructor?.name ?? "nothing");
  if (!isOutside && t.data.length !== sizeOf(t.shape))
    throw fail(place, `${sizeOf(t.shape)} elements for shape [${t.shape.join(", ")}]`, `${t.data.length} elements`);
}

function checkAttribute(place: string, a: OnnxAttribute): void {
  const isInt = (v: unknown) => typeof v === "bigint" || Number.isSafeInteger(v);
  const list = Array.isArray(a.value) ? (a.value as readonly unknown[]) : undefined;
  const legal: { readonly [K in AttributeKind]: () => boolean } = {
    int: () => isInt(a.value),
    ints: () => !!list?.every(isInt),
    float: () => typeof a.value === "number",
    floats: () => !!list?.every(v => typeof v === "number"),
    string: () => typeof a.value === "string",
    strings: () => !!list?.every(v => typeof v === "string"),
    tensor: () => typeof a.value === "object",
  };
  if (!Object.hasOwn(legal, a.kind)) throw fail(place, `an attribute kind of ${Object.keys(legal).join(", ")}`, quoted(a.kind));
  if (!legal[a.kind]()) throw fail(place, `a value of kind ${a.kind}`, String(a.value));
  if (a.kind === "tensor") checkTensor(place, a.value);
}

/**
 * Holds a model against the rules of the IR: every name defined once, before its use, and known types and shapes.
 * Throws `onnx/model`, placed at the node or value. Whether an operator takes these inputs is the runtime's to say.
 */
export function checkModel(model: OnnxModel): void {
  const opsets = model.opsets ?? defaultOpsets;
  const defined = new Set<string>();
  const define = (place: string, name: string) => {
    if (typeof name !== "string" || name === "") throw fail(place, "a name", quoted(name));
    if (name.includes("\0")) throw fail(place, "a name without NUL characters", JSON.stringify(name));
    if (defined.has(name)) throw fail(place, "a name that is not yet defined", quoted(name), "Every value has one definition.");
    defined.add(name);
  };
  const checkInfo = (place: string, v: ValueInfo) => {
    if (!dtypeTable[v.dtype]) throw fail(place, `a data type of ${Object.keys(dtypeTable).join(", ")}`, quoted(v.dtype));
    for (const d of v.shape)
      if (typeof d === "string" ? d === "" : !Number.isSafeInteger(d) || d < 0)
        throw fail(place, "dimensions that are whole numbers >= 0 or names", JSON.stringify(v.shape));
  };
  for (const v of model.inputs) {
    define(`input ${quoted(v.name)}`, v.name);
    checkInfo(`input ${quoted(v.name)}`, v);
  }
  for (const t of model.initializers) {
    define(`initializer ${quoted(t.name)}`, t.name);
    checkTensor(`initializer ${quoted(t.name)}`, t, t.isOutside);
  }
  model.nodes.forEach((node, i) => {
    const place = `node ${i} (${node.op})`;
    if (!node.op) throw fail(place, "an operator", quoted(node.op));
    const domain = node.domain ?? "";
    if (!Object.hasOwn(opsets, domain))
      throw fail(
        place,
        `a domain of ${Object.keys(opsets).map(quoted).join(", ")}`,
        quoted(domain),
        "Add the domain to the model's opsets.",
      );
    for (const name of node.inputs)
      if (name !== "" && !defined.has(name))
        throw fail(place, "inputs defined before the node", quoted(name), "Sort the nodes topologically, or add the missing value.");
    if (node.outputs.every(name => name === "")) throw fail(place, "at least one output", "none");
    for (const name of node.outputs) if (name !== "") define(`${place} output`, name);
    for (const [name, a] of Object.entries(node.attributes ?? {})) checkAttribute(`${place}.${name}`, a);
  });
  for (const v of model.values ?? []) {
    if (!defined.has(v.name)) throw fail(`value ${quoted(v.name)}`, "a value that is defined", quoted(v.name));
    checkInfo(`value ${quoted(v.name)}`, v);
  }
  if (model.outputs.length === 0) throw fail("outputs", "at least one output", "none");
  const seen = new Set<string>();
  for (const v of model.outputs) {
    const place = `output ${quoted(v.name)}`;
    if (!defined.has(v.name)) throw fail(place, "a value that a node, an input or an initializer defines", quoted(v.name));
    if (seen.has(v.name)) throw fail(place, "outputs of different names", quoted(v.name), "Add an Identity node for the second one.");
    seen.add(v.name);
    checkInfo(place, v);
  }
}
