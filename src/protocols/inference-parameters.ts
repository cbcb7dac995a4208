/**
 * What says how a text is continued, where Triton's clients write it: among `parameters`, as tensors of one value by the parameter's name (`max_tokens`, INT32),
 * as further members of a `generate` body, and as the inputs of Triton's vLLM backend (`text_input`, `stream`, `sampling_parameters`). All of it becomes
 * members of `parameters`, where policies and handlers read it.
 */
import { ProtocolFault } from "./protocol-fault.ts";
import { isGiven, isRow, type Row, rowOr } from "./values.ts";

/** Names of the texts' tensor: ours, and that of Triton's backends. */
export const textTensors: readonly string[] = ["text", "text_input"];
/** Groups of the texts, for classifiers whose threshold depends on them: one value for each text. */
export const groupTensor = "group";
/** Names of Triton's backends for ours. */
const otherNames: Readonly<Record<string, string>> = { stop_words: "stop" };
/** Written without a value by clients that fill every input of a model. */
const emptyNames: readonly string[] = ["stop", "bad_words"];
const isEmpty = (value: unknown): boolean => value === "" || (Array.isArray(value) && value.every(v => v === ""));

/** A JSON object of parameters, as such or as one text. */
const objectNames: readonly string[] = ["sampling_parameters", "SAMPLING_PARAMETERS"];
const numberText = /^-?\d{1,15}(\.\d{1,15})?([eE][-+]?\d{1,3})?$/;

/** Triton's examples write numbers as texts in `sampling_parameters`. */
const plain = (value: unknown): unknown => {
  if (typeof value !== "string") return value;
  if (numberText.test(value)) return Number(value);
  return value === "true" ? true : value === "false" ? false : value;
};

function objectOf(given: unknown, place: string): Row {
  let value = given;
  try {
    if (typeof given === "string") value = JSON.parse(given);
  } catch {
    // it is refused below
  }
  if (!isRow(value)) throw ProtocolFault.parameter(place, "a JSON object, or its JSON as a text", given);
  return Object.fromEntries(Object.entries(value).map(([name, v]) => [name, name.startsWith("stop") ? v : plain(v)]));
}

interface GivenParameter {
  readonly name: string;
  readonly value: unknown;
  /** Where it stands. */
  readonly place: string;
}

/** `parameters` with further ones among them; what is no object stays as it is. Errors: ProtocolFault `parameter` where one is given twice. */
export function joinedParameters(parameters: unknown, further: readonly GivenParameter[]): unknown {
  if (isGiven(parameters) && !isRow(parameters)) return parameters;
  const joined = new Map<string, unknown>();
  const add = (written: string, value: unknown, place: string): void => {
    const name = otherNames[written] ?? written;
    if (emptyNames.includes(name) && isEmpty(value)) return;
    if (isGiven(joined.get(name)))
      throw ProtocolFault.stated(place, `${JSON.stringify(name.slice(0, 40))} in one place`, "in parameters, and here once more");
    joined.set(name, value);
  };
  const own = Object.entries(rowOr(parameters)).map(([name, value]) => ({ name, value, place: `parameters.${name}` }));
  for (const { name, value, place } of [...own, ...further])
    if (objectNames.includes(name) && isGiven(value)) for (const [key, v] of Object.entries(objectOf(value, place))) add(key, v, place);
    else add(name, value, place);
  return Object.fromEntries(joined);
}

/** The body with its tensors of parameters among `parameters`. Errors: ProtocolFault `parameter` where one has not one value. */
export function inferenceParameters(body: Row): Row {
  const inputs: unknown[] = Array.isArray(body.inputs) ? body.inputs : [];
  const isText = (input: unknown): boolean => !isRow(input) || input.name === groupTensor || textTensors.includes(String(input.name));
  if (!inputs.some(isText)) return body;
  const further = inputs.flatMap((input, i): GivenParameter[] => {
    if (!isRow(input) || isText(input)) return [];
    const name = String(input.name);
    const place = `inputs[${i}].data`;
    const data = Array.isArray(input.data) ? (input.data as unknown[]).flat(8) : [];
    if (data.length !== 1)
      throw ProtocolFault.stated(place, `one value for the tensor ${JSON.stringify(name.slice(0, 40))}, a parameter`, `${data.length}`);
    return [{ name, value: data[0], place }];
  });
  return { ...body, parameters: joinedParameters(body.parameters, further), inputs: inputs.filter(isText) };
}
