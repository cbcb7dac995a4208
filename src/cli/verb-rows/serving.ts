/** Models that answer: over HTTP, and in the terminal. */
import type { Verb } from "../verb.ts";
import { project, shutdownDelay, shutdownTimeout } from "./common-options.ts";

const port = ["-p, --port <port>", "port to listen on (default: serve.port of loam.yaml, else 8080; 0 picks a free one)"] as const;
const host = ["--host <host>", "address to listen on, or several: 127.0.0.1,::1 (default: 127.0.0.1)"] as const;
const noModels = ["--no-models", "serve no model: the console and the administration alone"] as const;

export const serveVerb: Verb = {
  usage: "serve [model...]",
  summary:
    "Serve models over HTTP: OpenAI's API under /v1, the console at /; versions, or paths to GGUF files or folders (default: those of loam.yaml)",
  options: [
    project,
    port,
    host,
    shutdownDelay,
    shutdownTimeout,
    [
      "--served-model-name <name>",
      "name of the first model in requests and answers, where it is given by a path (default: the name of its file or folder)",
    ],
    [
      "--expect-digest <digest>",
      "refuse to serve a first model, given by a path, whose files have another digest; images of `loam deploy image` start with it",
    ],
    [
      "--pull <reference>",
      "fetch missing files of the first model, a folder: from HOST/REPOSITORY@sha256:... (`loam models push`), https://HOST/FOLDER or s3://BUCKET/PREFIX (default: none)",
    ],
    ["--guards <file>", "block lists and moderation of a deployment, in place of serve.blocked and serve.moderate of loam.yaml"],
    ["--pull-files <file>", "of an address: a JSON list of the files with their digests; images of `loam deploy image` have it"],
    ["--plain-http", "unencrypted, also where the registry of --pull is not this machine"],
    [
      "--grpc <port>",
      "port of the Open Inference Protocol over gRPC, as KServe and Triton have it (default: serve.grpc of loam.yaml, else no gRPC; 0 picks a free one)",
    ],
    ["--any-name", "requests that name no model, or one that is not served, mean the first one, as llama.cpp's server has it"],
    [
      "--api-key <key>",
      "requests for models need this key, as Authorization: Bearer or x-api-key (default: LOAM_API_KEY, else none is needed); users, limits and policies: loam gateway",
    ],
    [
      "--cors-origin <origins...>",
      "origins whose web pages may call the server: https://app.example.com, localhost (this machine), * (any) (default: serve.corsOrigins of loam.yaml, else none)",
    ],
    [
      "--disable-endpoint <names...>",
      "turn endpoints off: console (page, its API, login), metrics, sequences (of llama.cpp's API) (default: serve.disabledEndpoints of loam.yaml, else none)",
    ],
    ["--slots <n>", "maximum concurrent sequences (default: serve.slots of loam.yaml, else 8)"],
    [
      "--cache-tokens <n>",
      "KV-cache size in tokens, shared by all sequences; requests queue while it is full (default: sequences x context)",
    ],
    [
      "--shared-prefix-cache",
      "share prompt prefixes between a gateway's tenants: faster, but a tenant can tell that another sent the same prefix (default: serve.sharedPrefixCache, else off)",
    ],
    ["--no-loop", "do not direct the retraining loops of loam.yaml (`loop:`); `loam loop run --follow` does elsewhere"],
    ["--draft <model>", "draft model for speculative decoding; must share the target model's tokenizer (default: none)"],
    ["--draft-tokens <n>", "tokens that it guesses at once (default: 4)"],
    [
      "--context <tokens>",
      "tokens of prompt and answer together, or of a text that an encoder reads (default: what the model was trained for, 8192 at most, in half of the free memory)",
    ],
    [
      "--quantize <form>",
      "exact, auto (the fastest form here that stays near), int8, int8-blocks or int4 (default: auto for files that are quantised already, else exact)",
    ],
    [
      "--pooling <which>",
      "vector of sentence encoders: mean, cls (first token) or none (unscaled, of all tokens, at /embedding only) (default: serve.pooling, else the model's)",
    ],
    [
      "--generation-defaults <which>",
      "auto: where a request says nothing, sample as the model's own files say; off: as OpenAI does",
      "auto",
    ],
    ["--versions <policy>", "versions that are served and followed: latest, latest:2, all, or numbers such as 1,3"],
    [
      "--keep-alive <time>",
      "put a model to sleep after this idle time, such as 5m; the next request loads it again, and requests may keep it for longer, never for less (default: models stay loaded)",
    ],
    [
      "--calibrated",
      "class probabilities of tuned classifiers over the temperature that was fitted on their validation part (default: serve.calibrated, else as they are)",
    ],
    [
      "--adapter <assignments...>",
      "NAME=FOLDER: a LoRA adapter (PEFT folder) of the first model, asked for by its name; may be given several times",
    ],
    ["--max-adapters <n>", "adapters that can be loaded at once (default: 4 where any are wanted, and those that are named)"],
    ["--max-adapter-rank <n>", "the greatest rank that one may have (default: 16, or that of those that are named)"],
    ["--adapter-folder <folder>", "adapters below this folder may be loaded over HTTP: /v1/load_lora_adapter (default: none)"],
    [
      "--adapter-any-base",
      "take adapters that were made for other weights too: right where those are this model in another form (default: an error)",
    ],
    ["--seed <n>", "seed of requests that bring none, so that they repeat (default: each draws its own)"],
    [
      "--chat-template <file>",
      "Jinja file that writes chats for the models, in place of their own; with it sentence encoders embed messages (default: each model's own)",
    ],
    ["--trust-request-chat-template", "run the chat templates that requests bring (chat_template), within bounds (default: refused)"],
    [
      "--return-tokens-as-token-ids",
      "log-probabilities name tokens as token_id:N; return_tokens_as_token_ids of a request decides first (default: by their text)",
    ],
    [
      "--max-logprobs <n>",
      "most likely tokens that a request may ask for beside each token (top_logprobs, logprobs, prompt_logprobs); -1: the whole vocabulary (default: 20)",
    ],
    ["--enable-force-include-usage", "streams of the OpenAI API report usage in every chunk (default: where stream_options ask for it)"],
    [
      "--enable-per-request-metrics",
      "chats and completions of the OpenAI API report time in queue, to first token and per token, as vLLM does (default: /metrics only)",
    ],
    [
      "--root-path <path>",
      "path prefix that a reverse proxy leaves in requests: /llm; requests without it are answered too (default: none)",
    ],
    [
      "--admin",
      "let everybody who reaches the server use the console and the administration without a login (default: sessions and the local token only)",
    ],
    [
      "--otlp <url>",
      "send traces and gen_ai metrics to this OpenTelemetry collector: http://127.0.0.1:4318 (default: OTEL_EXPORTER_OTLP_ENDPOINT, else none)",
    ],
    [
      "--lambda <mode>",
      "answer invocations of AWS Lambda instead of opening a port: stream, or buffered where the function's URL does not stream (default: a port)",
    ],
    noModels,
    ["--open", "open the console in a browser"],
  ],
  example: "loam serve mail-small@latest --port 8080",
  load: async () => (await import("../verbs/serve.ts")).serve,
};

export const consoleVerb: Verb = {
  usage: "console",
  summary: "Start the console of a project and open it in a browser; the models of loam.yaml are served as soon as they have a version",
  options: [project, port, host, noModels, ["--no-open", "do not open the console in a browser"]],
  example: "loam console --no-open",
  load: async () => (await import("../verbs/console.ts")).openConsole,
};

export const loginVerb: Verb = {
  usage: "login",
  summary: "Print a one-time URL that signs a browser in to the console of a server that runs on this machine",
  options: [
    project,
    ["-p, --port <port>", "port of the server (default: the server of the folder that was started last)"],
    ["--url <address>", "address at which the browser reaches the server, behind a proxy (default: the server's own)"],
    ["--token", "print the server's token instead, for programs of this machine: Authorization: Bearer TOKEN"],
    ["--open", "open it in a browser"],
  ],
  example: "loam login --port 8080",
  load: async () => (await import("../verbs/login.ts")).login,
};

export const chatVerb: Verb = {
  usage: "chat [model]",
  summary: "Talk to a model in the terminal, or complete one prompt; serve.blocked and serve.moderate of loam.yaml apply",
  options: [
    project,
    ["--prompt <text>", "complete this text and end"],
    ["--complete", "plain completion instead of chat turns"],
    ["-t, --temperature <number>", "0 is greedy", "0.8"],
    ["--top-p <number>", "smallest set of tokens with this probability", "0.95"],
    ["-n, --max-tokens <number>", "most tokens of an answer", "200"],
    ["--context <tokens>", "tokens of the whole talk (default: what the model was trained for, 8192 at most, in half of the free memory)"],
    ["--seed <number>", "same seed, same answer", "1"],
  ],
  example: 'loam chat --complete --prompt "Subject: "',
  load: async () => (await import("../verbs/chat.ts")).chat,
};

export const explainVerb: Verb = {
  usage: "explain [model]",
  summary: "Show which parts of a prompt a response or a class rests on, and whether the version gives the same response again",
  options: [
    project,
    ["--body <file>", "the request as it was sent, as JSON (-: standard input)"],
    ["--prompt <text>", "prompt to explain, without --body"],
    ["--input <text>", "text of a classifier, without --body"],
    ["--response <text>", "the response as it was received (@FILE: from a file; default: what the model responds now)"],
    ["--against <text>", "why the response and not this one; of a classifier a class"],
    ["--label <class>", "class to explain (default: the one that the model gives)"],
    [
      "--method <name>",
      "gradient_x_input, integrated_gradients or occlusion; repeatable (default: the last two; of a classifier the last); with --influence tracin, trak or nearest",
    ],
    ["--influence <text>", "training documents that the class of this text rests on, without --body, --prompt and --input"],
    ["--top <n>", "with --influence: documents that are listed of each kind", "10"],
    ["--measure-influence <n>", "retrain so many models on halves of the training documents, and keep how well each method predicts them"],
    ["--units <unit>", "token or word", "word"],
    ["--request <id>", "add what the gateway's journal holds of this request; its version is explained"],
  ],
  example: 'loam explain mail-spam --input "You have won a prize"',
  load: async () => (await import("../verbs/explain.ts")).explainModel,
};
