/** The contracts with clients, in the order in which addresses are looked up. */

import { chatDialects, errorBodies } from "../../protocols/index.ts";
import { adapterRoutes } from "./adapters.ts";
import { admin } from "./admin.ts";
import { attributions } from "./attributions.ts";
import { chatCompletions, chatInputTokens, chatLengths } from "./chat.ts";
import { chatDialectContract } from "./chat-dialects.ts";
import { completionLengths, completions } from "./completions.ts";
import { answering, type Contract, del, describing, get, post, under } from "./contract.ts";
import { cohereEmbed, embeddings, pooling } from "./embeddings.ts";
import { feedback } from "./feedback.ts";
import { files } from "./files/files.ts";
import { fineTuning } from "./fine-tuning/fine-tuning.ts";
import { inference, inferenceText } from "./inference/inference.ts";
import { llamaCpp } from "./llama-cpp/llama-cpp.ts";
import { answerModelList, deleteModel, oneModel } from "./models.ts";
import { moderations } from "./moderations.ts";
import { ollama } from "./ollama/ollama.ts";
import { cohereRerank, rerank } from "./rerank.ts";
import { responses } from "./responses/responses.ts";
import { bareModelList, bareOneModel } from "./sagemaker/multi-model.ts";
import { sagemaker } from "./sagemaker/sagemaker.ts";
import { score } from "./score.ts";
import { tensorflow } from "./tensorflow/tensorflow.ts";
import { detokenize, tokenize } from "./tokenize.ts";
import { tokenizerInfo } from "./tokenizer-info.ts";
import { vertex } from "./vertex/vertex.ts";

const openai: Contract = {
  name: "openai",
  namesModel: true,
  endpoint: "other",
  optionalPrefix: "/v1",
  routes: [
    answering("completions", post("/v1/completions", completions, "text_completion"), completionLengths),
    answering("chat", post("/v1/chat/completions", chatCompletions, "chat"), chatLengths),
    describing("chat", post("/v1/chat/completions/input_tokens", chatInputTokens)),
    ...under("responses", responses),
    answering("embeddings", post("/v1/embeddings", embeddings, "embeddings")),
    answering("moderations", post("/v1/moderations", moderations)),
    answering("embeddings", post("/v2/embed", cohereEmbed, "embeddings")),
    ...["/v1/rerank", "/v1/reranking"].map(path => answering("rerank", post(path, rerank, "embeddings"))),
    answering("rerank", post("/v2/rerank", cohereRerank, "embeddings")),
    answering("other", post("/v1/score", score)),
    answering("other", post("/v1/attributions", attributions), completionLengths),
    ...under("other", feedback),
    describing("other", post("/tokenize", tokenize)),
    describing("other", post("/detokenize", detokenize)),
    describing("other", get("/tokenizer_info", tokenizerInfo)),
    ...under("models", [get("/v1/models", answerModelList), get("/models", bareModelList)]),
    describing("models", get("/v1/models/:model{.+}", oneModel)),
    describing("models", get("/models/:model{.+}", bareOneModel)),
    ...under("admin", [del("/v1/models/:model{.+}", deleteModel)]),
  ],
};

/** vLLM's own, whose errors have vLLM's types. */
const vllm: Contract = {
  name: "vllm",
  namesModel: true,
  endpoint: "embeddings",
  errors: errorBodies.vllm,
  routes: [answering("embeddings", post("/pooling", pooling, "embeddings"))],
};

export const contracts: readonly Contract[] = [
  admin,
  adapterRoutes,
  tensorflow,
  openai,
  vllm,
  ...Object.values(chatDialects).map(chatDialectContract),
  files,
  fineTuning,
  inferenceText,
  inference,
  sagemaker,
  vertex,
  ollama,
  llamaCpp,
];
