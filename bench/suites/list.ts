/** The suites: whose tests, which of them, how Loam is started for them, and what was promised. A new one is a row. */

export interface Suite {
  readonly about: string;
  /** The source distribution that has the tests: a key of sources.json; absent where the tests are ours and drive a client of PyPI. */
  readonly source?: "vllm" | "llama_cpp_python";
  /** The module of loam_suites that adapts their start-up. */
  readonly kind: "vllm" | "llama" | "clients";
  /** Files or folders of tests, from the root of the tests' tree. */
  readonly paths: readonly string[];
  /** Further arguments of pytest. */
  readonly args?: readonly string[];
  /** Asked through `loam gateway`. */
  readonly isThroughGateway?: boolean;
  /** Part of `npm test -- --deep`: those that end within a minute or so, and look at no text that a model writes. */
  readonly isQuick?: boolean;
  /** Expected failures, as a share of the tests that reach the server: at most so many. */
  readonly mostExpected: number;
}

const vllmOpenai = "tests/entrypoints/openai";
const vllmServe = "tests/entrypoints/serve";
const pooling = "tests/entrypoints/pooling";

export const suites = {
  vllm: {
    about: "vLLM: chat, completion, models, echo, token ids, tokenize, basic",
    source: "vllm",
    kind: "vllm",
    // those that ask for the same model and room follow one another: a server stays for the next
    paths: [
      ...[
        "completion/test_completion.py",
        "completion/test_token_in_token_out.py",
        "completion/test_prompt_validation.py",
        "test_chunked_prompt.py",
        "chat_completion/test_chat_completion.py",
        "chat_completion/test_logprob_token_ids.py",
        "chat_completion/test_chat_logit_bias_validation.py",
        "chat_completion/test_batched_chat_completions.py",
        "test_return_token_ids.py",
        "chat_completion/test_chat_echo.py",
        "chat_completion/test_root_path.py",
        "chat_completion/test_enable_force_include_usage.py",
        "models/test_models.py",
        "test_return_tokens_as_ids.py",
        "chat_completion/test_chat.py",
      ].map(file => `${vllmOpenai}/${file}`),
      `${vllmServe}/tokenize/test_tokenization.py`,
      ...["test_basic.py", "test_orca_metrics.py", "test_metrics.py"].map(file => `${vllmServe}/instrumentator/${file}`),
    ],
    mostExpected: 0.1,
  },
  "vllm-responses": {
    about: "vLLM: responses, function calling",
    source: "vllm",
    kind: "vllm",
    paths: [
      ...[
        "test_simple.py",
        "test_basic.py",
        "test_stateful.py",
        "test_function_call.py",
        "test_structured_output.py",
        "test_errors.py",
        "test_parsable_context.py",
        "test_mcp_tools.py",
      ].map(file => `${vllmOpenai}/responses/${file}`),
      `${vllmOpenai}/chat_completion/test_completion_with_function_calling.py`,
    ],
    mostExpected: 0.1,
  },
  "vllm-anthropic": {
    about: "vLLM: Anthropic's Messages, on serve",
    source: "vllm",
    kind: "vllm",
    paths: ["tests/entrypoints/anthropic/test_messages.py"],
    mostExpected: 0.1,
  },
  "vllm-anthropic-gateway": {
    about: "vLLM: Anthropic's Messages, on the gateway",
    source: "vllm",
    kind: "vllm",
    paths: ["tests/entrypoints/anthropic/test_messages.py"],
    isThroughGateway: true,
    mostExpected: 0.1,
  },
  "vllm-pooling": {
    about: "vLLM: embeddings, rerank, score, Cohere's embed",
    source: "vllm",
    kind: "vllm",
    paths: [
      ...["test_online.py", "test_cohere_online.py", "test_cohere_openai_parity.py", "test_online_dimensions.py"].map(
        file => `${pooling}/embed/${file}`,
      ),
      `${pooling}/scoring/test_bi_encoder_online.py`,
      `${pooling}/basic/test_truncation.py`,
    ],
    mostExpected: 0.1,
  },
  llama: {
    about: "llama.cpp: server tests, not slow",
    source: "llama_cpp_python",
    kind: "llama",
    paths: ["unit"],
    args: ["-m", "not slow", "--ignore", "unit/test_compat_anthropic.py"],
    mostExpected: 0.1,
  },
  "llama-anthropic": {
    about: "llama.cpp: Anthropic's Messages, on serve",
    source: "llama_cpp_python",
    kind: "llama",
    paths: ["unit/test_compat_anthropic.py"],
    args: ["-m", "not slow"],
    mostExpected: 0.1,
  },
  "llama-anthropic-gateway": {
    about: "llama.cpp: Anthropic's Messages, on the gateway",
    source: "llama_cpp_python",
    kind: "llama",
    paths: ["unit/test_compat_anthropic.py"],
    args: ["-m", "not slow"],
    isThroughGateway: true,
    mostExpected: 0.1,
  },
  ollama: { about: "Ollama's client", kind: "clients", paths: ["test_ollama.py"], isQuick: true, mostExpected: 0.1 },
  litellm: { about: "LiteLLM SDK", kind: "clients", paths: ["test_litellm.py"], isQuick: true, mostExpected: 0.1 },
  instructor: { about: "instructor", kind: "clients", paths: ["test_instructor.py"], mostExpected: 0.1 },
  smolagents: { about: "smolagents", kind: "clients", paths: ["test_smolagents.py"], mostExpected: 0.1 },
  "triton-http": {
    about: "tritonclient, HTTP",
    kind: "clients",
    paths: ["test_tritonclient.py"],
    args: ["-k", "http"],
    isQuick: true,
    mostExpected: 0,
  },
  "triton-grpc": {
    about: "tritonclient, gRPC",
    kind: "clients",
    paths: ["test_tritonclient.py"],
    args: ["-k", "grpc"],
    isQuick: true,
    mostExpected: 0,
  },
  "lm-eval": { about: "lm-evaluation-harness, 3 local tasks", kind: "clients", paths: ["test_lm_eval.py"], mostExpected: 0 },
  grafana: {
    about: "vLLM's Grafana dashboard queries",
    kind: "clients",
    paths: ["test_grafana.py"],
    args: ["-k", "awake"],
    isQuick: true,
    mostExpected: 0,
  },
  "grafana-asleep": {
    about: "vLLM's Grafana dashboard queries, model asleep",
    kind: "clients",
    paths: ["test_grafana.py"],
    args: ["-k", "asleep"],
    mostExpected: 0,
  },
} as const satisfies Record<string, Suite>;
export type SuiteName = keyof typeof suites;

export const isSuite = (name: string): name is SuiteName => Object.hasOwn(suites, name);
