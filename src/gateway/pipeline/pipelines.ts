/**
 * What becomes of a request, from its headers to its settlement, for each kind of address: read a list from top to bottom. A step's file says what it
 * reads and adds, with which errors it ends a request, and what it undoes.
 */
import type { AdminMethod } from "../admin/page.ts";
import { pipeline } from "./pipeline.ts";
import type { Arrival, Reads, WebArrival } from "./step.ts";
import { administer } from "./steps/administer.ts";
import { answerFromCache } from "./steps/answer-from-cache.ts";
import { authorise } from "./steps/authorise.ts";
import { authorisePassThrough } from "./steps/authorise-pass-through.ts";
import { checkRoom } from "./steps/check-room.ts";
import { countTokens } from "./steps/count-tokens.ts";
import { demandRequest } from "./steps/demand-request.ts";
import { enter } from "./steps/enter.ts";
import { findPassThrough } from "./steps/find-pass-through.ts";
import { givePage } from "./steps/give-page.ts";
import { guard } from "./steps/guard.ts";
import { identify } from "./steps/identify.ts";
import { demandFeedback, giveFeedback, listFeedback, removeFeedback } from "./steps/keep-feedback.ts";
import { learnLength } from "./steps/learn-length.ts";
import { answerModels } from "./steps/list-models.ts";
import { logIn } from "./steps/log-in.ts";
import { measure } from "./steps/measure.ts";
import { openPassThrough } from "./steps/open-pass-through.ts";
import { read } from "./steps/read.ts";
import { readForServer } from "./steps/read-for-server.ts";
import { refuseAddress } from "./steps/refuse-address.ts";
import { refuseMethod } from "./steps/refuse-method.ts";
import { refusePath } from "./steps/refuse-path.ts";
import { relay } from "./steps/relay.ts";
import { relayPassThrough } from "./steps/relay-pass-through.ts";
import { relayToServer } from "./steps/relay-to-server.ts";
import { reserve } from "./steps/reserve.ts";
import { route } from "./steps/route.ts";
import { selectTargets } from "./steps/select-targets.ts";
import { settle } from "./steps/settle.ts";
import { showLiveness } from "./steps/show-liveness.ts";
import { showMetrics } from "./steps/show-metrics.ts";
import { showModel } from "./steps/show-model.ts";
import { showReadiness } from "./steps/show-readiness.ts";
import { showSession } from "./steps/show-session.ts";
import { traceRequest } from "./steps/trace.ts";
import { translateAnswer } from "./steps/translate-answer.ts";

/** Chat, completions, responses, embeddings, rerank, moderations; chat in Anthropic's words (messages). */
export const modelPipeline = pipeline<Reads<"api" | "contract">>()
  .step(checkRoom)
  .step(identify)
  .step(read)
  .step(traceRequest)
  .step(translateAnswer)
  .step(authorise)
  .step(measure)
  .step(selectTargets)
  .step(reserve)
  .step(enter)
  .step(learnLength)
  .step(guard)
  .step(answerFromCache)
  .step(route)
  .relay(relay)
  .settle(settle);

/** `/v1/messages/count_tokens`. Whoever may ask the model may have a message counted; it costs a request and nothing else. */
export const countPipeline = pipeline<Reads<"api" | "contract">>()
  .step(checkRoom)
  .step(identify)
  .step(read)
  .step(authorise)
  .step(demandRequest)
  .step(reserve)
  .answer(countTokens)
  .settle(settle);

/** Addresses of the part `passThrough`: audio, images, files, uploads, batches. */
export const passThroughPipeline = pipeline<WebArrival>()
  .step(checkRoom)
  .step(findPassThrough)
  .step(identify)
  .step(authorisePassThrough)
  .step(openPassThrough)
  .step(reserve)
  .step(enter)
  .relay(relayPassThrough)
  .settle(settle);

/** What the server of the same process has and the gateway has not: tasks, its own files, batches, fine-tuning jobs, the console's data. */
export const serverPipeline = pipeline<WebArrival>().step(checkRoom).step(identify).step(readForServer).relay(relayToServer).settle(settle);

/** What people say of responses: a request of the limits each. */
const feedbackPipeline = () => pipeline<WebArrival>().step(checkRoom).step(identify).step(demandFeedback).step(reserve);
export const giveFeedbackPipeline = feedbackPipeline().answer(giveFeedback).settle(settle);
export const listFeedbackPipeline = feedbackPipeline().answer(listFeedback).settle(settle);
export const removeFeedbackPipeline = feedbackPipeline().answer(removeFeedback).settle(settle);

export const modelsPipeline = pipeline<WebArrival>().step(identify).answer(answerModels).settle(settle);
export const modelPagePipeline = pipeline<WebArrival>().step(identify).answer(showModel).settle(settle);

export const adminPipeline = (path: string, method: AdminMethod) =>
  pipeline<WebArrival>().step(identify).answer(administer(path, method)).settle(settle);

export const metricsPipeline = pipeline<Arrival>().answer(showMetrics).settle(settle);
export const livenessPipeline = pipeline<Arrival>().answer(showLiveness).settle(settle);
export const readinessPipeline = pipeline<Arrival>().answer(showReadiness).settle(settle);
export const loginPipeline = pipeline<WebArrival>().answer(logIn).settle(settle);
export const sessionPipeline = pipeline<Arrival>().answer(showSession).settle(settle);
export const pagePipeline = pipeline<WebArrival>().answer(givePage).settle(settle);

export const unknownAddressPipeline = pipeline<WebArrival>().answer(refuseAddress).settle(settle);
export const wrongPathPipeline = pipeline<WebArrival>().answer(refusePath).settle(settle);
export const wrongMethodPipeline = (allow: string) => pipeline<WebArrival>().answer(refuseMethod(allow)).settle(settle);
