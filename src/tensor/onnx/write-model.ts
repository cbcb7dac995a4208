/** An ONNX model as bytes: the field numbers of onnx.proto's ModelProto. Tensors are written as raw data and copied once. */
import { dtypeTable } from "../dtype.ts";
import { onnxErrors } from "./errors.ts";
import {
  checkModel,
  defaultOpsets,
  type Initializer,
  irVersion,
  type OnnxAttribute,
  type OnnxModel,
  type OnnxTensor,
  type ValueInfo,
} from "./model.ts";
import { maxMessageBytes, ProtobufWriter } from "./protobuf.ts";

/** AttributeProto.AttributeType and the field its value stands in. */
export const attributeFields = {
  float: { type: 1, field: 2 },
  int: { type: 2, field: 3 },
  string: { type: 3, field: 4 },
  tensor: { type: 4, field: 5 },
  floats: { type: 6, field: 7 },
  ints: { type: 7, field: 8 },
  strings: { type: 8, field: 9 },
} as const satisfies Record<OnnxAttribute["kind"], { type: number; field: number }>;

const littleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** Raw bytes of a tensor's elements; the format is little-endian, as every platform Loam runs on is. */
const rawBytes = (t: OnnxTensor): Uint8Array => new Uint8Array(t.data.buffer, t.data.byteOffset, t.data.byteLength);

/** Elements that the session is given by name are never read from anywhere; the engine only demands that the place exists. */
const outsidePlace = ".";

function writeTensor(w: ProtobufWriter, t: OnnxTensor | Initializer): void {
  const { name, isOutside, stretch } = "name" in t ? t : {};
  for (const d of t.shape) w.int(1, d);
  w.int(2, dtypeTable[t.dtype].onnx);
  if (name !== undefined) w.string(8, name);
  if (!isOutside) {
    w.bytes(9, rawBytes(t));
    return;
  }
  const entries = stretch
    ? { location: stretch.location, offset: String(stretch.offsetBytes), length: String(stretch.sizeBytes) }
    : { location: outsidePlace };
  for (const [key, value] of Object.entries(entries))
    w.message(13, () => {
      w.string(1, key);
      w.string(2, value);
    });
  w.int(14, 1); // data_location: external
}

const values: { readonly [K in OnnxAttribute["kind"]]: (w: ProtobufWriter, field: number, value: never) => void } = {
  float: (w, field, v: number) => w.float(field, v),
  int: (w, field, v: number | bigint) => w.int(field, v),
  string: (w, field, v: string) => w.string(field, v),
  tensor: (w, field, v: OnnxTensor) => w.message(field, () => writeTensor(w, v)),
  floats: (w, field, v: readonly number[]) => {
    for (const x of v) w.float(field, x);
  },
  ints: (w, field, v: readonly (number | bigint)[]) => {
    for (const x of v) w.int(field, x);
  },
  strings: (w, field, v: readonly string[]) => {
    for (const x of v) w.string(field, x);
  },
};

function writeValueInfo(w: ProtobufWriter, v: ValueInfo): void {
  w.string(1, v.name);
  w.message(2, () =>
    w.message(1, () => {
      w.int(1, dtypeTable[v.dtype].onnx);
      w.message(2, () => {
        for (const d of v.shape) w.message(1, () => (typeof d === "number" ? w.int(1, d) : w.string(2, d)));
      });
    }),
  );
}

export interface WriteOptions {
  /**
   * "listed": nodes stand in the file as in the model, as the format demands. "reversed": last node first, which makes ONNX Runtime run
   * them in the model's order (see `execution-order.ts`) instead of one that keeps values alive for longer; other readers may refuse
   * such a file.
   */
  readonly nodeOrder?: "listed" | "reversed";
}

/**
 * The bytes of a model, in memory of their own. Throws `onnx/model` where the model is not legal and `onnx/tooLarge` past 2 GB
 * (the format's limit): make large constants inputs of the graph.
 */
export function writeModel(model: OnnxModel, options: WriteOptions = {}): Uint8Array<ArrayBuffer> {
  if (!littleEndian) throw onnxErrors.fail("model", { place: "writeModel", expected: "a little-endian machine", received: process.arch });
  checkModel(model);
  const w = new ProtobufWriter();
  w.int(1, model.irVersion ?? irVersion);
  w.string(2, "loam");
  w.message(7, () => {
    for (const node of options.nodeOrder === "reversed" ? model.nodes.toReversed() : model.nodes)
      w.message(1, () => {
        for (const name of node.inputs) w.string(1, name);
        for (const name of node.outputs) w.string(2, name);
        if (node.name) w.string(3, node.name);
        w.string(4, node.op);
        for (const [name, a] of Object.entries(node.attributes ?? {}))
          w.message(5, () => {
            const { type, field } = attributeFields[a.kind];
            w.string(1, name);
            // a kind and its value go together
            values[a.kind](w, field, a.value as never);
            w.int(20, type);
          });
        if (node.domain) w.string(7, node.domain);
      });
    w.string(2, model.name || "graph");
    for (const t of model.initializers) w.message(5, () => writeTensor(w, t));
    for (const v of model.inputs) w.message(11, () => writeValueInfo(w, v));
    for (const v of model.outputs) w.message(12, () => writeValueInfo(w, v));
    for (const v of model.values ?? []) w.message(13, () => writeValueInfo(w, v));
  });
  for (const [domain, version] of Object.entries(model.opsets ?? defaultOpsets))
    w.message(8, () => {
      w.string(1, domain);
      w.int(2, version);
    });
  if (w.length > maxMessageBytes) {
    const largest = model.initializers.reduce((a, b) => (b.data.byteLength > a.data.byteLength ? b : a));
    throw onnxErrors.fail("tooLarge", {
      place: `initializer "${largest.name}"`,
      expected: `a model of at most ${maxMessageBytes} bytes`,
      received: `${w.length} bytes, ${largest.data.byteLength} of them in this constant`,
      hint: "Make large constants inputs of the graph: inputs are not part of the file.",
    });
  }
  return w.finish();
}
