/**
 * protocols: what goes over the wire, stated once: requests, answers, streams and errors of OpenAI, Anthropic, Ollama, TensorFlow Serving and Open
 * Inference, how one is put into another, and the HTTP client of who asks them. Pure: it knows no server, no gateway and no model.
 */
export { anthropicReading } from "./anthropic/anthropic-reading.ts";
export { afterPiece, noBlock, Passage } from "./anthropic/passage.ts";
export { type AnswerKnowledge, type ChatDialect, chatDialects, type ReasonedChat } from "./chat-dialect.ts";
export { cutEvents, type EventCutter, type StreamEvent } from "./event-stream/cut-events.ts";
export { cutLines } from "./event-stream/cut-lines.ts";
export { eventStreamResponse } from "./event-stream/event-stream-response.ts";
export { dataEvent, doneData, doneEvent, isDoneData, namedEvent } from "./event-stream/event-text.ts";
export { type Framing, jsonLines, plainEvents, typedEvents, writtenEvents } from "./event-stream/framing.ts";
export { readEvents } from "./event-stream/read-events.ts";
export {
  earlyFeedbackMinutes,
  type FeedbackAnswer,
  type FeedbackInfo,
  type FeedbackPort,
  type FeedbackRefusal,
  feedbackBounds,
  feedbackId,
  feedbackInfo,
  feedbackRefusal,
  feedbackRequest,
  type GivenFeedback,
  givenFeedback,
  unknownRequest,
} from "./feedback.ts";
export type { FieldRow, FieldTable, RequestFields } from "./fields/field.ts";
export { requestFields } from "./fields/register.ts";
export { callerHeader, consoleAccount, ownerHeader } from "./gateway-headers.ts";
export { type HttpAnswer, HttpRetry, postJson, statedError } from "./http-client.ts";
export { type OutputTensor, splitTensorBody, tensorBody, tensorHeader, tensorOutputs } from "./inference-binary.ts";
export { groupTensor, inferenceParameters, textTensors } from "./inference-parameters.ts";
export { generateBody, generateRequest, inferRequest, repositoryIndexRequest, repositoryModelRequest } from "./inference-requests.ts";
export { isTensorDatatype, readTensor, type TensorDatatype, type TensorElement, writeTensor } from "./inference-tensors.ts";
export {
  applyTemplateRequest,
  infillRequest,
  loraScales,
  type NativeCompletion,
  type NativePrompt,
  nativeCompletionRequest,
  nativeEmbeddingRequest,
  nativeTokenizeRequest,
} from "./llama-cpp/llama-cpp-requests.ts";
export {
  type OllamaFormat,
  type OllamaOptions,
  type OllamaThink,
  ollamaChatRequest,
  ollamaEmbeddingsRequest,
  ollamaEmbedRequest,
  ollamaGenerateRequest,
} from "./ollama/ollama-requests.ts";
export { piecesOf } from "./openai/chat.ts";
export { type ChatMessages, chatMessages, chatRequest, chatRoles } from "./openai/chat-request.ts";
export { completionsRequest } from "./openai/completions-request.ts";
export { base64Vector } from "./openai/embeddings.ts";
export {
  cohereEmbedRequest,
  cohereInputTypes,
  compareRequest,
  type EmbeddingInput,
  embeddingInputs,
  embeddingsRequest,
  rerankRequest,
  teiRerankRequest,
} from "./openai/embeddings-request.ts";
export { moderationInputs, moderationsRequest } from "./openai/moderations-request.ts";
export { type OutputItem, ResponseItems } from "./openai/response-items.ts";
export { type ResponseStatus, responseHead, responseState } from "./openai/response-state.ts";
export { type ResponsesItem, type ResponsesRequest, responsesRequest } from "./openai/responses-request.ts";
export {
  type SamplingFields,
  type SearchFields,
  type StructuredFields,
  samplingFields,
  searchFields,
  type TokenFields,
} from "./openai/sampling-fields.ts";
export { reasoningEffort, templateFields } from "./openai/template-fields.ts";
export { readUsage, type TokenUsage } from "./openai/usage.ts";
export { type ProtocolName, protocolNames } from "./part.ts";
export { ProtocolFault } from "./protocol-fault.ts";
export { requestBounds } from "./request-bounds.ts";
export { commonThresholdHeader } from "./threshold-header.ts";
export type { StreamPiece, TranslatedRequest, Translation, TranslationRequest } from "./translation.ts";
export { translations } from "./translations.ts";
export { upstreamProtocols } from "./upstream-protocols.ts";
export { isRow, type Row, rowOr } from "./values.ts";
export { signBits, vectorBytes } from "./vector-bytes.ts";
export {
  type ErrorCode,
  type ErrorObject,
  errorBodies,
  errorObject,
  sessionErrorCodes,
  type WireError,
  wireErrorOf,
} from "./wire-error.ts";
