/**
 * The Open Inference Protocol, version 2 (KServe): completions over its text extension (`generate`, `generate_stream`), embeddings over `infer` with
 * one tensor of texts (BYTES) in and one of numbers (FP32) out. It has no turns: a chat cannot be put to it.
 */
import { chatUsage, refuseOthers } from "./openai/chat.ts";
import {
  completionChoice,
  completionHead,
  defaultMaxTokens,
  mostTokens,
  promptOf,
  samplingKeys,
  samplingOf,
  tokensOf,
} from "./openai/completions.ts";
import { embeddingsOf, textsOf } from "./openai/embeddings.ts";
import { newObjectId } from "./openai/object-id.ts";
import { ProtocolFault } from "./protocol-fault.ts";
import type { AnswerReading, StreamPiece, Translation, TranslationRequest, UpstreamErrorText } from "./translation.ts";
import { isRow, type Row, rowOr, rowsIn, stringOr } from "./values.ts";

/** `mail@3` is version 3 of `mail`; other labels are none of the protocol's. */
function pathOf(model: string): string {
  const [, name = model, version] = /^(.+)@(\d+)$/.exec(model) ?? [];
  return `/v2/models/${encodeURIComponent(name)}${version === undefined ? "" : `/versions/${version}`}`;
}

const errorOf = ({ error }: Row): UpstreamErrorText | undefined => {
  if (typeof error === "string") return { message: error };
  return isRow(error) && typeof error.message === "string" ? { message: error.message } : undefined;
};

const reasonOf = (details: Row): string | undefined => {
  const { finish_reason: reason } = details;
  return typeof reason !== "string" || reason === "" ? undefined : reason === "length" ? "length" : "stop";
};
const detailsOf = (value: Row): Row => rowOr(value.details);
/** Tokens that the server tells the likelihoods of: all that it wrote. */
const countOf = (details: Row): number => (Array.isArray(details.logprobs) ? details.logprobs.length : 0);

/** What was written, and how it ended: as the server says, else as it must be by its length. */
class Written {
  readonly #asked: TranslationRequest;
  #text = "";
  #tokens = 0;
  reason: string | undefined;
  constructor(asked: TranslationRequest) {
    this.#asked = asked;
  }
  take(value: Row): string {
    if (typeof value.text_output !== "string") throw ProtocolFault.malformed("an answer without text_output");
    const details = detailsOf(value);
    this.#text += value.text_output;
    this.#tokens += countOf(details);
    this.reason = reasonOf(details) ?? this.reason;
    return value.text_output;
  }
  get count(): number {
    return this.#tokens || tokensOf(this.#text);
  }
  end(): string {
    return this.reason ?? (this.#tokens >= mostTokens(this.#asked) ? "length" : "stop");
  }
  usage(): Row {
    return chatUsage({ input: this.#asked.inputTokens, output: this.count });
  }
}

function piecesReader(asked: TranslationRequest): (piece: StreamPiece) => readonly StreamPiece[] {
  const head = completionHead(newObjectId("cmpl-"), asked);
  const written = new Written(asked);
  let hasBegun = false;
  return piece => {
    if (piece === "closed" || piece === "done") {
      if (!hasBegun) return [];
      hasBegun = false;
      return [{ ...head, choices: [completionChoice("", written.end())] }, { ...head, choices: [], usage: written.usage() }, "done"];
    }
    const error = errorOf(piece);
    if (error) return [{ error }];
    hasBegun = true;
    const text = written.take(piece);
    return text === "" ? [] : [{ ...head, choices: [completionChoice(text, null)] }];
  };
}

const completionReading = (asked: TranslationRequest): AnswerReading => ({
  framing: "events",
  whole: value => {
    const written = new Written(asked);
    const text = written.take(value);
    return { ...completionHead(newObjectId("cmpl-"), asked), choices: [completionChoice(text, written.end())], usage: written.usage() };
  },
  stream: () => piecesReader(asked),
  error: errorOf,
});

export const completionToInference: Translation = asked => {
  const { body, model, isStream } = asked;
  refuseOthers(asked, ["prompt", "max_tokens", ...samplingKeys]);
  const parameters = { ...samplingOf(body), max_tokens: body.max_tokens ?? defaultMaxTokens, details: true };
  return {
    path: `${pathOf(model)}/${isStream ? "generate_stream" : "generate"}`,
    body: { text_input: promptOf(body), parameters },
    read: completionReading(asked),
  };
};

/** The tensor's rows. Its data stand flat or nested. */
function rowsOf(value: Row, { tensors, body }: TranslationRequest): number[][] {
  const outputs = rowsIn(value.outputs);
  const found = outputs.find(o => o.name === tensors.output);
  if (!found) throw ProtocolFault.malformed(`outputs ${outputs.map(o => stringOr(o.name)).join(", ")}, none of which is ${tensors.output}`);
  const data = (Array.isArray(found.data) ? (found.data as unknown[]) : []).flat(8) as number[];
  const count = textsOf(body).length;
  const width = data.length / count;
  if (!Number.isInteger(width)) throw ProtocolFault.malformed(`${data.length} numbers for ${count} texts`);
  return Array.from({ length: count }, (_, i) => data.slice(i * width, (i + 1) * width));
}

export const embeddingToInference: Translation = asked => {
  const { body, model, tensors } = asked;
  refuseOthers(asked, ["input", "encoding_format"]);
  const data = textsOf(body);
  return {
    path: `${pathOf(model)}/infer`,
    body: { inputs: [{ name: tensors.input, shape: [data.length], datatype: "BYTES", data }], outputs: [{ name: tensors.output }] },
    read: {
      framing: "whole",
      whole: value => embeddingsOf(asked, rowsOf(value, asked), asked.inputTokens),
      stream: () => () => [],
      error: errorOf,
    },
  };
};
