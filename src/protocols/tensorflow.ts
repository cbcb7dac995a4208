/**
 * TensorFlow Serving's REST API: completions and embeddings over `predict` of rows (`instances`), moderations over `classify`. It has no streams: a
 * stream is made of the whole answer. Neither has it turns: a chat cannot be put to it.
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
import type { AnswerReading, Translation, TranslationRequest, UpstreamErrorText } from "./translation.ts";
import { isRow, type Row } from "./values.ts";

/** `mail@3` is version 3 of `mail`, `mail@best` the version that is labelled so. */
function pathOf(model: string, method: string): string {
  const at = model.lastIndexOf("@");
  const [name, label] = at > 0 ? [model.slice(0, at), model.slice(at + 1)] : [model, undefined];
  const which = label === undefined ? "" : /^\d+$/.test(label) ? `/versions/${label}` : `/labels/${encodeURIComponent(label)}`;
  return `/v1/models/${encodeURIComponent(name)}${which}:${method}`;
}

const errorOf = ({ error }: Row): UpstreamErrorText | undefined => (typeof error === "string" ? { message: error } : undefined);

const reading = (whole: (value: Row) => Row): AnswerReading => ({ framing: "whole", whole, stream: () => () => [], error: errorOf });

/** One named output loses its name. Errors: ProtocolFault `malformed`. */
function predictionsOf({ predictions }: Row, name: string): unknown[] {
  if (!Array.isArray(predictions)) throw ProtocolFault.malformed("an answer without predictions");
  return predictions.map(p => (isRow(p) ? p[name] : (p as unknown)));
}

export const completionToTensorflow: Translation = asked => {
  const { body, model, tensors } = asked;
  refuseOthers(asked, ["prompt", "max_tokens", ...samplingKeys]);
  const row = { [tensors.input]: promptOf(body), max_tokens: body.max_tokens ?? defaultMaxTokens, ...samplingOf(body) };
  return {
    path: pathOf(model, "predict"),
    body: { instances: [row] },
    read: reading(value => {
      const [text] = predictionsOf(value, tensors.input);
      if (typeof text !== "string") throw ProtocolFault.malformed("a prediction that is no text");
      // it says neither how the text ended nor of how many tokens it is
      const output = tokensOf(text);
      const reason = output >= mostTokens(asked) ? "length" : "stop";
      return {
        ...completionHead(newObjectId("cmpl-"), asked),
        choices: [completionChoice(text, reason)],
        usage: chatUsage({ input: asked.inputTokens, output: Math.min(output, mostTokens(asked)) }),
      };
    }),
  };
};

export const embeddingToTensorflow: Translation = asked => {
  const { body, model, tensors } = asked;
  refuseOthers(asked, ["input", "encoding_format"]);
  return {
    path: pathOf(model, "predict"),
    body: { instances: textsOf(body).map(text => ({ [tensors.input]: text })) },
    read: reading(value => embeddingsOf(asked, predictionsOf(value, tensors.output), asked.inputTokens)),
  };
};

/** A label is what a text is moderated for where it is at least as likely as not. */
const flaggedFrom = 0.5;

function verdictOf(labels: unknown): Row {
  if (!Array.isArray(labels)) throw ProtocolFault.malformed("a result that is no list of labels");
  const scores = Object.fromEntries(
    labels.map((l: unknown) => {
      if (!Array.isArray(l) || typeof l[0] !== "string" || typeof l[1] !== "number")
        throw ProtocolFault.malformed("a label without its score");
      return [l[0], l[1]] as const;
    }),
  );
  const names = Object.keys(scores);
  return {
    flagged: names.some(n => scores[n]! >= flaggedFrom),
    categories: Object.fromEntries(names.map(n => [n, scores[n]! >= flaggedFrom])),
    category_scores: scores,
    category_applied_input_types: Object.fromEntries(names.map(n => [n, ["text"]])),
  };
}

export const moderationToTensorflow: Translation = (asked: TranslationRequest) => {
  const { body, model, tensors } = asked;
  refuseOthers(asked, ["input"]);
  const texts = textsOf(body);
  return {
    path: pathOf(model, "classify"),
    body: { examples: texts.map(text => ({ [tensors.input]: text })) },
    read: reading(({ result }) => {
      if (!Array.isArray(result) || result.length !== texts.length)
        throw ProtocolFault.malformed(`an answer that is not ${texts.length} results`);
      return { id: newObjectId("modr-"), model, results: result.map(verdictOf) };
    }),
  };
};
