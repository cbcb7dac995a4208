/** Bytes of an ONNX model back as plain data, for tests, printing and inspection. Reads what `write-model.ts` writes and the typed data
 * fields other exporters use; refuses subgraphs, external data and element types Loam has no name for. */
import { type DType, dtypes, dtypeTable, sizeOf, type TypedArray } from "../dtype.ts";
import { onnxErrors } from "./errors.ts";
import type { Initializer, OnnxAttribute, OnnxModel, OnnxNode, OnnxTensor, ValueInfo } from "./model.ts";
import { type ProtobufField, protobufFields, protobufFloats, protobufInts, protobufText } from "./protobuf.ts";
import { attributeFields } from "./write-model.ts";

const refuse = (place: string, expected: string, received: string) => onnxErrors.fail("syntax", { place, expected, received });

const dtypeOf = (place: string, code: number): DType => {
  const dtype = dtypes.find(d => dtypeTable[d].onnx === code);
  if (!dtype) throw refuse(place, `an element type of ${dtypes.join(", ")}`, `ONNX type ${code}`);
  return dtype;
};

/** A signed integer as a number where it is exact. */
const plain = (v: bigint): number | bigint => (Number.isSafeInteger(Number(v)) ? Number(v) : v);

function tensorData(
  place: string,
  dtype: DType,
  count: number,
  raw: Uint8Array | undefined,
  numbers: readonly (number | bigint)[],
): TypedArray {
  const row = dtypeTable[dtype];
  const received = raw ? raw.byteLength / row.sizeBytes : numbers.length;
  if (received !== count) throw refuse(place, `${count} elements`, `${received}`);
  const out = new row.array(new ArrayBuffer(count * row.sizeBytes));
  if (raw) new Uint8Array(out.buffer).set(raw);
  else for (let i = 0; i < count; i++) out[i] = dtype === "i64" ? BigInt(numbers[i]!) : Number(numbers[i]);
  return out;
}

function readTensor(bytes: Uint8Array): Initializer {
  const shape: number[] = [];
  const numbers: (number | bigint)[] = [];
  let name = "";
  let code = 0;
  let raw: Uint8Array | undefined;
  for (const f of protobufFields(bytes)) {
    if (f.field === 1) shape.push(...protobufInts(f).map(Number));
    else if (f.field === 2) code = Number(f.int);
    else if (f.field === 4) for (const v of protobufFloats(f)) numbers.push(v);
    else if (f.field === 5 || f.field === 7) for (const v of protobufInts(f)) numbers.push(v);
    else if (f.field === 8) name = protobufText(f);
    else if (f.field === 9) raw = f.bytes;
    else if (f.field === 13 || (f.field === 14 && f.int !== 0n)) throw refuse(`tensor "${name}"`, "data inside the model", "external data");
  }
  const place = `tensor "${name}"`;
  const dtype = dtypeOf(place, code);
  if (shape.some(d => !Number.isSafeInteger(d) || d < 0)) throw refuse(place, "dimensions >= 0", `[${shape.join(", ")}]`);
  return { name, dtype, shape, data: tensorData(place, dtype, sizeOf(shape), raw, numbers) };
}

function readAttribute(bytes: Uint8Array): [string, OnnxAttribute] {
  let name = "";
  let type = 0;
  const fields: ProtobufField[] = [];
  for (const f of protobufFields(bytes)) {
    if (f.field === 1) name = protobufText(f);
    else if (f.field === 20) type = Number(f.int);
    else fields.push(f);
  }
  const kind = (Object.keys(attributeFields) as OnnxAttribute["kind"][]).find(k => attributeFields[k].type === type);
  if (!kind) throw refuse(`attribute "${name}"`, `a kind of ${Object.keys(attributeFields).join(", ")}`, `ONNX attribute type ${type}`);
  const own = fields.filter(f => f.field === attributeFields[kind].field);
  const ofKind: { readonly [K in OnnxAttribute["kind"]]: () => OnnxAttribute } = {
    int: () => ({ kind: "int", value: plain(own[0]?.int ?? 0n) }),
    ints: () => ({ kind: "ints", value: own.flatMap(protobufInts).map(plain) }),
    float: () => ({ kind: "float", value: own.flatMap(protobufFloats)[0] ?? 0 }),
    floats: () => ({ kind: "floats", value: own.flatMap(protobufFloats) }),
    string: () => ({ kind: "string", value: own[0] ? protobufText(own[0]) : "" }),
    strings: () => ({ kind: "strings", value: own.map(protobufText) }),
    tensor: () => {
      const { dtype, shape, data } = readTensor(own[0]?.bytes ?? new Uint8Array(0));
      return { kind: "tensor", value: { dtype, shape, data } satisfies OnnxTensor };
    },
  };
  return [name, ofKind[kind]()];
}

function readNode(bytes: Uint8Array): OnnxNode {
  const inputs: string[] = [];
  const outputs: string[] = [];
  const attributes: [string, OnnxAttribute][] = [];
  let [name, op, domain] = ["", "", ""];
  for (const f of protobufFields(bytes)) {
    if (f.field === 1) inputs.push(protobufText(f));
    else if (f.field === 2) outputs.push(protobufText(f));
    else if (f.field === 3) name = protobufText(f);
    else if (f.field === 4) op = protobufText(f);
    else if (f.field === 5) {
      attributes.push(readAttribute(f.bytes));
    } else if (f.field === 7) domain = protobufText(f);
  }
  return {
    op,
    ...(domain ? { domain } : {}),
    ...(name ? { name } : {}),
    inputs,
    outputs,
    ...(attributes.length ? { attributes: Object.fromEntries(attributes) } : {}),
  };
}

/** The first field of a number inside a message, as bytes. */
const inner = (bytes: Uint8Array, field: number): Uint8Array =>
  [...protobufFields(bytes)].find(f => f.field === field)?.bytes ?? new Uint8Array(0);

function readValueInfo(bytes: Uint8Array): ValueInfo {
  const fields = [...protobufFields(bytes)];
  const nameField = fields.find(f => f.field === 1);
  const name = nameField ? protobufText(nameField) : "";
  const tensorType = inner(fields.find(f => f.field === 2)?.bytes ?? new Uint8Array(0), 1);
  const code = [...protobufFields(tensorType)].find(f => f.field === 1)?.int ?? 0n;
  const shape = [...protobufFields(inner(tensorType, 2))]
    .filter(f => f.field === 1)
    .map((dimension, i) => {
      const parts = [...protobufFields(dimension.bytes)];
      const symbol = parts.find(f => f.field === 2);
      if (symbol) return protobufText(symbol);
      const size = parts.find(f => f.field === 1);
      return size ? Number(size.int) : `unknown${i}`;
    });
  return { name, dtype: dtypeOf(`value "${name}"`, Number(code)), shape };
}

/** A model from its bytes; tensors get memory of their own. Throws `onnx/syntax` where the bytes are damaged or hold what Loam does not read. */
export function readModel(bytes: Uint8Array): OnnxModel {
  let ir = 0;
  let graph: Uint8Array | undefined;
  const opsets: [string, number][] = [];
  for (const f of protobufFields(bytes)) {
    if (f.field === 1) ir = Number(f.int);
    else if (f.field === 7) graph = f.bytes;
    else if (f.field === 8) {
      const parts = [...protobufFields(f.bytes)];
      const domain = parts.find(p => p.field === 1);
      opsets.push([domain ? protobufText(domain) : "", Number(parts.find(p => p.field === 2)?.int ?? 0n)]);
    }
  }
  if (!graph) throw refuse("model", "a graph", "none");
  const nodes: OnnxNode[] = [];
  const initializers: Initializer[] = [];
  const inputs: ValueInfo[] = [];
  const outputs: ValueInfo[] = [];
  let name = "";
  for (const f of protobufFields(graph)) {
    if (f.field === 1) nodes.push(readNode(f.bytes));
    else if (f.field === 2) name = protobufText(f);
    else if (f.field === 5) initializers.push(readTensor(f.bytes));
    else if (f.field === 11) inputs.push(readValueInfo(f.bytes));
    else if (f.field === 12) outputs.push(readValueInfo(f.bytes));
  }
  return { name, nodes, inputs, outputs, initializers, opsets: Object.fromEntries(opsets), irVersion: ir };
}
