/** `ModelInferRequest` as a body of `infer` with binary tensor data, and its answers as `ModelInferResponse` with raw contents. */
import { status } from "@grpc/grpc-js";
import {
  isRow,
  isTensorDatatype,
  ProtocolFault,
  type Row,
  readTensor,
  rowOr,
  type TensorDatatype,
  type TensorElement,
  tensorHeader,
  writeTensor,
} from "../../protocols/index.ts";
import { CallRefusal } from "./call-refusal.ts";
import type { InnerRequest } from "./inner-request.ts";
import { modelPath } from "./inner-request.ts";

const wrong = (message: string) => new CallRefusal(status.INVALID_ARGUMENT, message);
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const rowsOf = (value: unknown): readonly Row[] => listOf(value).filter(isRow);

/** A parameter's value; undefined where it has none. */
function parameterValue(parameter: unknown): unknown {
  const row = rowOr(parameter);
  const choice = row.parameter_choice;
  const value = typeof choice === "string" ? row[choice] : undefined;
  return choice === "int64_param" || choice === "uint64_param" ? Number(value) : value;
}

export const inferParameters = (parameters: unknown): Row =>
  Object.fromEntries(Object.entries(rowOr(parameters)).map(([name, value]) => [name, parameterValue(value)]));

/** As a parameter of an answer. */
function parameterOf(value: unknown): Row {
  if (typeof value === "boolean") return { bool_param: value };
  if (typeof value === "number") return Number.isSafeInteger(value) ? { int64_param: value } : { double_param: value };
  return { string_param: String(value) };
}

/** The field of typed contents that holds a datatype; FP16 and BF16 have none. */
const contentFields: Readonly<Partial<Record<TensorDatatype, string>>> = {
  BOOL: "bool_contents",
  INT8: "int_contents",
  INT16: "int_contents",
  INT32: "int_contents",
  INT64: "int64_contents",
  UINT8: "uint_contents",
  UINT16: "uint_contents",
  UINT32: "uint_contents",
  UINT64: "uint64_contents",
  FP32: "fp32_contents",
  FP64: "fp64_contents",
  BYTES: "bytes_contents",
};

/** The bytes of typed contents. Errors: CallRefusal where they are not of the tensor's datatype. */
function typedBytes(input: Row, place: string): Uint8Array<ArrayBuffer> {
  const { datatype, name } = input;
  const contents = rowOr(input.contents);
  const shown = `${place}.contents: tensor ${JSON.stringify(String(name).slice(0, 40))}`;
  if (!isTensorDatatype(datatype))
    throw wrong(`${place}.datatype: expected a datatype of the protocol, got ${JSON.stringify(String(datatype).slice(0, 20))}.`);
  const field = contentFields[datatype];
  if (field === undefined) throw wrong(`${shown}: expected raw_input_contents for ${datatype}, got typed contents.`);
  const strange = Object.keys(contents).find(key => key !== field && listOf(contents[key]).length > 0);
  if (strange !== undefined) throw wrong(`${shown}: expected ${field} for ${datatype}, got ${strange}.`);
  const is64 = datatype === "INT64" || datatype === "UINT64";
  const values = listOf(contents[field]).map(v => (is64 ? BigInt(String(v)) : (v as TensorElement)));
  const bytes = writeTensor(datatype, values);
  if (field === "int_contents" || field === "uint_contents") {
    const back = readTensor(datatype, bytes, values.length, { place, name: String(name) });
    const at = values.findIndex((v, i) => v !== back[i]);
    if (at >= 0) throw wrong(`${shown}: expected values of ${datatype}, got ${String(values[at])}.`);
  }
  return bytes;
}

/** The bytes of each input, raw or typed. Errors: CallRefusal. */
function bytesOfInputs(inputs: readonly Row[], raw: readonly unknown[]): (Uint8Array | undefined)[] {
  const isShared = (input: Row) => rowOr(input.parameters).shared_memory_region !== undefined;
  const wanted = inputs.filter(i => !isShared(i)).length;
  if (raw.length > 0 && raw.length !== wanted)
    throw wrong(`raw_input_contents: expected ${wanted}, one for each input, got ${raw.length}.`);
  let at = 0;
  return inputs.map((input, i) => {
    // the application says that there is none
    if (isShared(input)) return undefined;
    if (raw.length === 0) return typedBytes(input, `inputs[${i}]`);
    const contents = Object.values(rowOr(input.contents)).some(list => listOf(list).length > 0);
    if (contents) throw wrong(`inputs[${i}].contents: expected none beside raw_input_contents, got some.`);
    return raw[at++] as Uint8Array;
  });
}

/** Errors: CallRefusal INVALID_ARGUMENT. */
export function inferRequestOf(message: Row): InnerRequest {
  const path = `${modelPath(message.model_name, message.model_version)}/infer`;
  const inputs = rowsOf(message.inputs);
  const bytes = bytesOfInputs(inputs, listOf(message.raw_input_contents));
  const outputs = rowsOf(message.outputs).map(({ name, parameters }) => ({ name, parameters: inferParameters(parameters) }));
  const json = Buffer.from(
    JSON.stringify({
      ...(message.id === "" ? {} : { id: message.id }),
      parameters: { ...inferParameters(message.parameters), binary_data_output: true },
      inputs: inputs.map(({ name, datatype, shape, parameters }, i) => ({
        name,
        datatype,
        shape: listOf(shape).map(Number),
        parameters: { ...inferParameters(parameters), ...(bytes[i] ? { binary_data_size: bytes[i].length } : {}) },
      })),
      ...(outputs.length > 0 ? { outputs } : {}),
    }),
  );
  const body = new Uint8Array(Buffer.concat([json, ...bytes.filter(b => b !== undefined)]));
  const headers = { "content-type": "application/octet-stream", [tensorHeader]: String(json.length) };
  return { method: "POST", path, headers, body };
}

/** An answer, or an event of one, with the bytes of its tensors behind it. */
export function inferResponseOf(answer: Row, binary: Uint8Array = new Uint8Array(0), further: Row = {}): Row {
  const parts: Uint8Array[] = [];
  let at = 0;
  const outputs = rowsOf(answer.outputs).map(({ name, datatype, shape, parameters, data }) => {
    const size = rowOr(parameters).binary_data_size;
    if (typeof size === "number") {
      parts.push(binary.subarray(at, at + size));
      at += size;
    } else if (isTensorDatatype(datatype)) parts.push(writeTensor(datatype, listOf(data) as TensorElement[]));
    return { name, datatype, shape };
  });
  const parameters = Object.entries({ ...rowOr(answer.parameters), ...further }).map(([name, value]) => [name, parameterOf(value)]);
  const { model_name, model_version, id } = answer;
  return {
    model_name,
    model_version,
    ...(id === undefined ? {} : { id }),
    parameters: Object.fromEntries(parameters),
    outputs,
    raw_output_contents: parts,
  };
}

/** A whole answer. */
export async function inferResponse(response: Response, further: Row = {}): Promise<Row> {
  const bytes = new Uint8Array(await response.arrayBuffer());
  const header = response.headers.get(tensorHeader);
  const length = header === null ? bytes.length : Number(header);
  const answer: unknown = JSON.parse(Buffer.from(bytes.buffer, 0, length).toString());
  if (!isRow(answer)) throw ProtocolFault.malformed("an answer that is no object");
  return inferResponseOf(answer, bytes.subarray(length), further);
}
