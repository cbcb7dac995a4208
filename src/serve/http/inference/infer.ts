/**
 * `infer`: texts as a tensor of BYTES in; out a decoder's text (BYTES), an encoder's `embedding`, a classifier's `label` and `scores`. Tensors as JSON or as bytes.
 * A client that accepts server-sent events is answered by a decoder with an event for each piece, as Triton's decoupled models answer over gRPC.
 */
import type { z } from "zod";
import {
  errorBodies,
  groupTensor,
  inferRequest,
  type OutputTensor,
  plainEvents,
  type Row,
  requestFields,
  tensorHeader,
  tensorOutputs,
  textTensors,
} from "../../../protocols/index.ts";
import type { Engine, Generation } from "../../engine.ts";
import type { AnyEngine } from "../../engines.ts";
import { serveErrors } from "../../errors.ts";
import { merged } from "../answers.ts";
import { type AppContext, askerOf, type Services, streamAnswer } from "../exchange.ts";
import { parseBody } from "../parse.ts";
import { checkedBody, ignore } from "../request-fields.ts";
import { checkRows, type Signature, signatureOf, startContinuations, type TensorRow } from "../tensorflow/signatures.ts";
import { classLines } from "./class-lines.ts";
import { encodedAnswer } from "./encoded-answer.ts";
import { ignoreOptions, optionsOf, timedSignal, tooLate } from "./options.ts";
import { modelIdentity, targeted, temperatureIn } from "./target.ts";

type InferBody = z.output<typeof inferRequest>;

export const datatypes = { DT_STRING: "BYTES", DT_FLOAT: "FP32", DT_INT32: "INT32" } as const;

/** Values of a tensor of texts. Its data may be nested as its shape says, or flat. */
function valuesOf({ shape, datatype, data }: InferBody["inputs"][number], place: string): string[] {
  if (!data) throw serveErrors.fail("missing", { place: `${place}.data`, message: "the parameter is needed: an array" });
  if (datatype !== "BYTES")
    throw serveErrors.fail("parameter", {
      place: `${place}.datatype`,
      expected: "BYTES",
      received: JSON.stringify(datatype.slice(0, 20)),
    });
  const flat = (data as unknown[]).flat(8);
  const size = shape.reduce((n, d) => n * d, 1);
  if (size !== flat.length)
    throw serveErrors.fail("parameter", {
      place: `${place}.data`,
      expected: `${size} values, as the shape says`,
      received: String(flat.length),
    });
  return flat.map((value, i) => {
    if (typeof value === "string") return value;
    throw serveErrors.fail("type", { place: `${place}.data[${i}]`, expected: "a text", received: typeof value });
  });
}

/** The texts of the one tensor of texts, and their groups where a tensor beside it names them. */
function textsOf(inputs: InferBody["inputs"]): { readonly texts: readonly string[]; readonly groups?: readonly string[] } {
  const named = inputs.filter(i => i.name === groupTensor);
  const [input, more] = inputs.filter(i => i.name !== groupTensor);
  if (!input || !textTensors.includes(input.name) || more || named.length > 1)
    throw serveErrors.fail("parameter", {
      place: "inputs",
      expected: "one tensor, text",
      received: inputs.map(i => JSON.stringify(i.name.slice(0, 40))).join(", "),
    });
  const place = (of: InferBody["inputs"][number]) => `inputs[${inputs.indexOf(of)}]`;
  const texts = valuesOf(input, place(input));
  if (!named[0]) return { texts };
  const groups = valuesOf(named[0], place(named[0]));
  if (groups.length !== texts.length)
    throw serveErrors.fail("parameter", {
      place: `${place(named[0])}.data`,
      expected: `${texts.length} values, as many as texts`,
      received: String(groups.length),
    });
  return { texts, groups };
}

/** An output as it was asked for. */
interface WantedOutput {
  /** As the client calls it. */
  readonly name: string;
  /** As the signature does. */
  readonly own: string;
  readonly parameters: Row;
}

/** Triton's backends that continue `text_input` call the answer `text_output`. */
const ownName = (name: string, known: Readonly<Record<string, unknown>>): string =>
  name === "text_output" && "text" in known ? "text" : name;

function wantedOutputs(body: InferBody, known: Readonly<Record<string, unknown>>): WantedOutput[] {
  const strange = body.outputs?.find(o => !(ownName(o.name, known) in known));
  if (strange)
    throw serveErrors.fail("parameter", {
      place: "outputs",
      expected: `one of ${Object.keys(known).join(", ")}`,
      received: JSON.stringify(strange.name.slice(0, 40)),
    });
  const isTritons = body.inputs.some(i => i.name === "text_input");
  const asked = body.outputs?.length
    ? body.outputs
    : Object.keys(known).map(name => ({ name: isTritons && name === "text" ? "text_output" : name, parameters: null }));
  return asked.map(({ name, parameters }) => ({ name, own: ownName(name, known), parameters: parameters ?? {} }));
}

/** What a request asks for, checked. */
interface InferAsk {
  readonly engine: AnyEngine;
  readonly body: InferBody;
  readonly signature: Signature;
  readonly rows: readonly TensorRow[];
  readonly wanted: readonly WantedOutput[];
}

/** Shared memory is that of a server on the client's own machine. */
function refuseRegions({ inputs, outputs }: InferBody): void {
  if ([...inputs, ...(outputs ?? [])].every(t => t.parameters?.shared_memory_region === undefined)) return;
  throw serveErrors.fail("unsupported", {
    place: "shared_memory_region",
    message: "shared memory is not supported",
    hint: "Send the tensors as binary data.",
  });
}

async function askOf(c: AppContext, services: Services): Promise<InferAsk> {
  const engine = targeted(c, services);
  const body = parseBody(inferRequest, await checkedBody(c, requestFields.infer));
  refuseRegions(body);
  const { texts, groups } = textsOf(body.inputs);
  checkRows(texts.length, "inputs[0].shape", engine);
  const signature = signatureOf(engine, "predict", undefined);
  const wanted = wantedOutputs(body, signature.outputs(engine));
  const isDecoder = "room" in engine;
  if (!isDecoder) ignoreOptions(c.var.exchange, body.parameters);
  const options = isDecoder ? optionsOf(body.parameters) : {};
  if (groups && !Object.hasOwn(signature.inputs, groupTensor)) ignore(c.var.exchange, [`inputs.${groupTensor}`]);
  // an empty text names no group: a tensor has a value for each text
  const optionsAt = (i: number) => (isDecoder || !groups?.[i] ? options : { group: groups[i] });
  return { engine, body, signature, rows: texts.map((text, i) => ({ text, options: optionsAt(i) })), wanted };
}

const headOf = (c: AppContext, { engine, body: { id } }: InferAsk) => ({ ...modelIdentity(c, engine), ...(id == null ? {} : { id }) });

function outputOf(ask: InferAsk, { name, own, parameters }: WantedOutput, rows: readonly Row[]): OutputTensor {
  const { dtype, shape } = ask.signature.outputs(ask.engine)[own]!;
  const { classification } = parameters;
  if (classification !== undefined && classification !== null && classification !== 0)
    return classLines(
      name,
      ask.engine,
      rows.map(row => row[own]),
      classification,
    );
  const data = rows.flatMap(row => row[own]) as (string | number)[];
  return { name, datatype: datatypes[dtype], shape: [rows.length, ...shape.slice(1)], data };
}

async function whole(c: AppContext, ask: InferAsk): Promise<Response> {
  const { engine, body, signature, rows, wanted } = ask;
  const asker = askerOf(c);
  const timed = timedSignal(body.parameters?.timeout, asker.signal);
  const found = await signature.run(engine, rows, { ...asker, signal: timed.signal }).catch(error => {
    throw timed.isLate() ? tooLate(error) : error;
  });
  const all = body.parameters?.binary_data_output === true;
  const isBinary = (name: string) => (wanted.find(w => w.name === name)?.parameters.binary_data ?? all) === true;
  const { rows: outputs, parts } = tensorOutputs(
    wanted.map(w => outputOf(ask, w, found)),
    isBinary,
  );
  const json = JSON.stringify({ ...headOf(c, ask), ...temperatureIn(engine), outputs });
  if (parts.length === 0) return encodedAnswer(c, Buffer.from(json), { "content-type": "application/json" });
  const head = Buffer.from(json);
  return encodedAnswer(c, Buffer.concat([head, ...parts]), {
    "content-type": "application/octet-stream",
    [tensorHeader]: String(head.length),
  });
}

const acceptsEvents = (c: AppContext): boolean => /(^|[\s,])text\/event-stream\b/i.test(c.req.header("accept") ?? "");

/** Pieces of the texts as they come, each a response of its own; `index` says whose where there are several. */
function pieces(c: AppContext, services: Services, ask: InferAsk, engine: Engine): Response {
  const { body, rows, wanted } = ask;
  const asker = askerOf(c);
  const timed = timedSignal(body.parameters?.timeout, asker.signal);
  const generations: Generation[] = startContinuations(engine, rows, { ...asker, signal: timed.signal });
  const head = headOf(c, ask);
  async function* chunks(): AsyncGenerator<unknown, void, undefined> {
    let left = generations.length;
    try {
      for await (const { index, event } of merged(generations)) {
        if (event.kind === "end") left--;
        const outputs = wanted.map(w => ({ ...outputOf(ask, w, [{ text: event.text }]), shape: [1] }));
        const parameters = { ...(generations.length > 1 ? { index } : {}), triton_final_response: left === 0 };
        yield { ...head, parameters, outputs };
      }
    } catch (error) {
      throw timed.isLate() ? tooLate(error) : error;
    }
  }
  return streamAnswer(c, services, generations, chunks(), plainEvents(errorBodies.inference));
}

export async function infer(c: AppContext, services: Services): Promise<Response> {
  const ask = await askOf(c, services);
  const { engine, body } = ask;
  const isStream = "room" in engine && acceptsEvents(c) && body.parameters?.stream !== false;
  return isStream ? pieces(c, services, ask, engine) : whole(c, ask);
}
