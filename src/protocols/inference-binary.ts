/**
 * Bodies of the Open Inference Protocol with binary tensor data: JSON, and behind it the bytes of tensors, in their order. A header says how long the JSON is.
 * What is read becomes the body that JSON alone would have been, so that nothing behind it (policies, handlers) has a second form to know.
 */
import { inferenceParameters } from "./inference-parameters.ts";
import { elementCount, isTensorDatatype, readTensor, type TensorDatatype, type TensorElement, writeTensor } from "./inference-tensors.ts";
import { ProtocolFault } from "./protocol-fault.ts";
import { requestBounds } from "./request-bounds.ts";
import { isRow, type Row, rowOr } from "./values.ts";

/** The length of the JSON in bytes; all of the body is JSON where it is absent. */
export const tensorHeader = "inference-header-content-length";

/** Most dimensions of a tensor. */
const mostDimensions = 8;

/** The bytes of the JSON, and of the tensors behind it. Errors: ProtocolFault `parameter` where the header's length is none. */
export function splitTensorBody(bytes: Uint8Array, header: string | null): { readonly json: Uint8Array; readonly binary: Uint8Array } {
  if (header === null) return { json: bytes, binary: bytes.subarray(bytes.length) };
  const length = /^\d{1,10}$/.test(header.trim()) ? Number(header) : Number.NaN;
  if (!(length <= bytes.length))
    throw ProtocolFault.stated(
      tensorHeader,
      `a whole number of bytes, at most the body's ${bytes.length}`,
      JSON.stringify(header.slice(0, 20)),
    );
  return { json: bytes.subarray(0, length), binary: bytes.subarray(length) };
}

/** As JSON has it: a text, or a number. */
function jsonValue(element: TensorElement, place: string, name: string): string | number | boolean {
  if (element instanceof Uint8Array)
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(element);
    } catch {
      throw ProtocolFault.stated(place, `texts in UTF-8 for the tensor ${JSON.stringify(name.slice(0, 40))}`, "other bytes");
    }
  return typeof element === "bigint" ? Number(element) : element;
}

const isShape = (shape: unknown): shape is number[] =>
  Array.isArray(shape) && shape.length <= mostDimensions && shape.every(d => Number.isSafeInteger(d) && d >= 0);

/** An input with its bytes as `data`. */
function filled(input: Row, bytes: Uint8Array, place: string): Row {
  const { name, datatype, shape } = input;
  if (typeof name !== "string") throw ProtocolFault.parameter(`${place}.name`, "a text", name);
  if (!isTensorDatatype(datatype)) throw ProtocolFault.parameter(`${place}.datatype`, "a datatype of the protocol", datatype);
  if (!isShape(shape)) throw ProtocolFault.parameter(`${place}.shape`, `at most ${mostDimensions} whole numbers`, shape);
  const count = elementCount(shape);
  // a text for each, or one value of a parameter: bytes of more are never read as elements
  if (count > requestBounds.embeddingTexts)
    throw ProtocolFault.stated(`${place}.shape`, `at most ${requestBounds.embeddingTexts} elements`, String(count));
  const { binary_data_size: _, ...parameters } = rowOr(input.parameters);
  const elements = readTensor(datatype, bytes, count, { place: `${place}.data`, name });
  return { ...input, parameters, data: elements.map(e => jsonValue(e, `${place}.data`, name)) };
}

/**
 * A body as JSON alone would have it: binary data as `data`, tensors that are parameters of the generation among `parameters`. What is no body of the
 * protocol stays as it is. Errors: ProtocolFault `parameter`.
 */
export function tensorBody(body: Row, binary: Uint8Array): Row {
  if (!Array.isArray(body.inputs)) return body;
  let at = 0;
  const inputs = (body.inputs as unknown[]).map((input, i) => {
    const size = isRow(input) ? rowOr(input.parameters).binary_data_size : undefined;
    if (!isRow(input) || size === undefined) return input;
    const place = `inputs[${i}]`;
    if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0)
      throw ProtocolFault.parameter(`${place}.parameters.binary_data_size`, "a whole number of bytes", size);
    if (input.data !== undefined) throw ProtocolFault.stated(`${place}.data`, "either data or binary_data_size", "both");
    if (size > binary.length - at)
      throw ProtocolFault.stated(
        `${place}.parameters.binary_data_size`,
        `at most ${binary.length - at} bytes for the tensor ${JSON.stringify(String(input.name).slice(0, 40))}, as many as follow the JSON (${tensorHeader} says where it ends)`,
        String(size),
      );
    at += size;
    return filled(input, binary.subarray(at - size, at), place);
  });
  if (at !== binary.length)
    throw ProtocolFault.stated("body", `${at} bytes of tensors behind the JSON, as binary_data_size says`, `${binary.length}`);
  return inferenceParameters({ ...body, inputs });
}

/** A tensor of an answer. */
export interface OutputTensor {
  readonly name: string;
  readonly datatype: TensorDatatype;
  readonly shape: readonly number[];
  readonly data: readonly (string | number | boolean)[];
}

/** Outputs as they stand in the JSON of an answer, and the bytes of those that are asked for as binary data. */
export function tensorOutputs(outputs: readonly OutputTensor[], isBinary: (name: string) => boolean) {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  const rows = outputs.map(({ data, ...head }) => {
    if (!isBinary(head.name)) return { ...head, data };
    const bytes = writeTensor(head.datatype, data);
    parts.push(bytes);
    return { ...head, parameters: { binary_data_size: bytes.length } };
  });
  return { rows, parts };
}
