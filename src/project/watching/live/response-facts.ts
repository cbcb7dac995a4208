/** What windows count of a response that was told: features are computed here, where its tokens and texts are, and only numbers leave. */
import type { RequestRecord } from "../../../gateway/index.ts";
import type { EndedAnswer, EndedResponse } from "../../../serve/index.ts";
import { judgeResponse, type ObjectiveRule, type ResponseFacts, type ResponseFeatures, responseFeatures } from "../../../watch/index.ts";

/** Of several answers or texts of one response, so many are looked at. */
const mostLooked = 4;
/** Tokens of a prompt's end and of an answer's beginning whose text is looked at: attacks come last, refusals first. */
const promptTextTokens = 256;
const answerTextTokens = 96;

interface FactsOptions {
  readonly objectives: readonly ObjectiveRule[];
  /** Looks at texts too (refusals, attacks). */
  readonly texts: boolean;
}

function answerFeatures(response: EndedResponse, answer: EndedAnswer, texts: boolean): ResponseFeatures {
  const { promptTokens, answerTokens, logProbability, scoredTokens } = answer;
  return responseFeatures({
    promptTokens,
    answerTokens,
    // of some tokens: their mean stands for all
    logProbability: logProbability === null ? null : (logProbability * answerTokens.length) / scoredTokens,
    ...(texts
      ? { prompt: response.decode(promptTokens.slice(-promptTextTokens)), answer: response.decode(answerTokens.slice(0, answerTextTokens)) }
      : {}),
  });
}

export function featuresOfResponse(response: EndedResponse, texts: boolean): ResponseFeatures[] {
  const features: ResponseFeatures[] = [];
  for (const answer of response.answers)
    if (features.length < mostLooked && !answer.isForced) features.push(answerFeatures(response, answer, texts));
  for (const { tokens, probabilities } of response.readings)
    if (features.length < mostLooked)
      features.push(responseFeatures({ promptTokens: tokens, ...(probabilities ? { probabilities } : {}) }));
  return features;
}

export const responseFacts = (response: EndedResponse, { objectives, texts }: FactsOptions): ResponseFacts => {
  const { status, totalMs, firstTokenMs } = response;
  const judged = response.isShadow ? undefined : judgeResponse(objectives, response.modelName, { status, totalMs, firstTokenMs });
  return {
    status,
    outcome: response.outcome,
    totalMs,
    firstTokenMs,
    queuedMs: response.queuedMs,
    promptTokens: response.promptTokens,
    answerTokens: response.answerTokens,
    features: status < 400 ? featuresOfResponse(response, texts) : [],
    labels: response.readings.flatMap(r => r.label ?? []),
    ...(judged ? { objectives: judged } : {}),
  };
};

/** What a response is counted under. */
export const windowKeyOf = ({ model, isShadow }: EndedResponse): string => `${model ?? ""}${isShadow ? "#shadow" : ""}`;

/** Of a request that a gateway answered, from its log's line: also answers from its cache, and what guards blocked. */
export function gatewayFacts(record: RequestRecord, objectives: readonly ObjectiveRule[]): ResponseFacts {
  // a limit of the client's own is no failure of the gateway
  const status = record.status === 429 && record.error?.startsWith("gateway/") === true ? 403 : record.status;
  const judged = judgeResponse(objectives, record.model, { status, totalMs: record.ms, firstTokenMs: record.firstMs });
  return {
    status,
    outcome: record.error ?? "answered",
    totalMs: record.ms,
    firstTokenMs: record.isStream ? record.firstMs : null,
    queuedMs: record.queuedMs,
    promptTokens: record.inputTokens,
    answerTokens: record.outputTokens,
    features: [],
    labels: [],
    ...(judged ? { objectives: judged } : {}),
  };
}
/** Of one model that the gateway routes; client's words are in no key: a model that no route has is null. */
export const gatewayKeyOf = ({ model }: RequestRecord): string => `gateway:${model ?? ""}`;
