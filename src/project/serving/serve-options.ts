/** What a server of a project is asked for, and what it offers to whoever started it. */
import type { Writable } from "node:stream";
import type { Engines } from "../../serve/index.ts";
import type { ProjectEvent, ServingEvent } from "../events.ts";
import type { AdapterOptions } from "./adapters.ts";

export interface ServeOptions extends AdapterOptions {
  /**
   * Names, versions, or paths of models; default: those of loam.yaml. The server starts without those that have no version yet, and serves each as soon as
   * its first version is registered.
   */
  readonly models?: string | readonly string[] | undefined;
  /** Serves no model: the console and the administration alone. */
  readonly withoutModels?: boolean | undefined;
  /** The name of the first model in requests and answers, where it is given by a path; default: the name of its file or folder. */
  readonly servedModelName?: string | undefined;
  /** SHA-256 of the files of the first model, where it is given by a path: others are not served. */
  readonly expectDigest?: string | undefined;
  /** Fetches the files of the first model, given as a folder, from a registry where they are missing: `HOST/REPOSITORY@sha256:...`, as `loam models push` puts them. */
  readonly pull?: string | undefined;
  /** Where `pull` is an address, `https://HOST/FOLDER` or `s3://BUCKET/PREFIX`: a JSON file that lists name, digest and size of each file. */
  readonly pullFiles?: string | undefined;
  /** Speak HTTP to the registry of `pull`, not HTTPS. */
  readonly plainHttp?: boolean | undefined;
  /** A file of guards that `loam deploy` wrote: it stands for serve.blocked and serve.moderate of loam.yaml. */
  readonly guards?: string | undefined;
  /** 0: a free one; default: serve.port of loam.yaml, else 8080. */
  readonly port?: number | undefined;
  /** Opens no port: requests come through `ProjectServer.fetch`, where a platform brings them. Not together with `grpc`. */
  readonly withoutPort?: boolean | undefined;
  /** An address, or several separated by commas: 127.0.0.1,::1. Default: serve.host of loam.yaml, else 127.0.0.1. */
  readonly host?: string | undefined;
  /** Seed of requests that bring none; default: each draws its own. */
  readonly seed?: number | undefined;
  /** Jinja file that writes chats for the models; default: each model's own template. */
  readonly chatTemplate?: string | undefined;
  /** Runs chat templates that requests bring, within bounds; refused when absent. */
  readonly trustChatTemplates?: boolean | undefined;
  /** Log-probabilities name tokens as `token_id:N` where a request does not say; by their text when absent. */
  readonly tokensAsIds?: boolean | undefined;
  /** Most likely tokens that a request may ask for beside each token, -1 for the whole vocabulary; default: 20. */
  readonly maxLogprobs?: number | undefined;
  /** Streams of OpenAI's API tell the usage in every chunk; where a request asks for it when absent. */
  readonly usageInStreams?: boolean | undefined;
  /** Chats and completions of OpenAI's API tell what their first answer took; nothing when absent. */
  readonly requestMetrics?: boolean | undefined;
  /** Path below which a proxy serves this server and which it leaves in requests: /llm. Requests without it are answered too. */
  readonly rootPath?: string | undefined;
  /** Port of the Open Inference Protocol over gRPC, 0 for a free one; default: serve.grpc of loam.yaml, else there is none. */
  readonly grpc?: number | undefined;
  /** Requests for models need one of them; default: LOAM_API_KEY, else none is needed. Not together with a gateway, which has keys of its own. */
  readonly apiKeys?: readonly string[] | undefined;
  /** Web pages of these origins may call the server: origins, `localhost` for those of this machine, `*` for any; default: serve.corsOrigins of loam.yaml. */
  readonly corsOrigins?: readonly string[] | undefined;
  /** Addresses that are turned off: console, metrics, sequences; default: serve.disabledEndpoints of loam.yaml, else none. */
  readonly disabledEndpoints?: readonly string[] | undefined;
  /** Requests that name no model, or one that is not served, mean the first one. */
  readonly anyName?: boolean | undefined;
  /** Sequences that are decoded at once; default: serve.slots of loam.yaml, else 8. */
  readonly slots?: number | undefined;
  /** KV-cache tokens, shared by all sequences; default: slots x context. */
  readonly cacheTokens?: number | undefined;
  /** Tenants of a gateway share computed prompt prefixes. */
  readonly sharedPrefixCache?: boolean | undefined;
  /** Direct the loops of loam.yaml while serving; default: true. */
  readonly loop?: boolean | undefined;
  /** Draft model for speculative decoding. */
  readonly draft?: string | undefined;
  readonly draftTokens?: number | undefined;
  /** Tokens of prompt and answer together; default: serve.context of loam.yaml, else what the model was trained for within the memory that is free. */
  readonly context?: number | undefined;
  /** exact, auto, int8, int8-blocks or int4; default: serve.quantize of loam.yaml, else auto for files that are quantised already and exact for others. */
  readonly quantize?: string | undefined;
  /** mean, cls or none: how sentence encoders make one vector of a text; default: serve.pooling of loam.yaml, else as their files say. */
  readonly pooling?: string | undefined;
  /** Whether requests that say nothing of sampling are sampled as the model's own files say; default: true. */
  readonly generationDefaults?: boolean | undefined;
  /** Versions that are served and followed: latest, latest:2, all, or numbers such as 1,3. */
  readonly versions?: string | undefined;
  /** Unloads a model after this idle time: 5m. */
  readonly keepAlive?: string | undefined;
  /** Class probabilities calibrated by temperature scaling; default: serve.calibrated of loam.yaml. */
  readonly calibrated?: boolean | undefined;
  /** Everybody who reaches the server uses the console and the administration without a login. */
  readonly admin?: boolean | undefined;
  /** An OpenTelemetry collector; default: OTEL_EXPORTER_OTLP_ENDPOINT. */
  readonly otlp?: string | undefined;
  /** Where a gateway's log to `stdout` goes; default: nowhere. */
  readonly stdout?: Writable | undefined;
  /** Is given the server's events once the call is over: warnings, models that come and go, its end. */
  readonly onEvent?: ((event: ProjectEvent) => void) | undefined;
}

/** A server that runs. */
export interface ProjectServer extends AsyncDisposable {
  /** `http://127.0.0.1:8080`. */
  readonly url: string;
  /**
   * Answers a request in this process, as the port would. `address`: of the client, for the gateway's limits. A signal that is aborted with `deadlineOver(...)`
   * ends the answer with that error, any other abort as if the client had left.
   */
  fetch(request: Request, address?: string): Promise<Response>;
  /** `127.0.0.1:8001`, where gRPC was asked for. */
  readonly grpc: string | undefined;
  /** What the event `serving` says. */
  readonly serving: ServingEvent;
  /** Opens the console and the administration, as `Authorization: Bearer`; undefined where everybody may. */
  readonly token: string | undefined;
  /** A new URL that signs a browser in once, within ten minutes; undefined where everybody may administer. */
  loginUrl(): string | undefined;
  /** The engines that answer. */
  readonly engines: Engines;
  /** Requests so far, and those whose answer has not ended. */
  readonly requests: number;
  readonly inFlight: number;
  /**
   * Shuts down: new connections are taken for `delayMs` (default: 0) while readiness says no, what is in flight is finished within the grace period (default:
   * 25 s) and cut off after it, then all is closed.
   */
  close(options?: { readonly graceMs?: number; readonly delayMs?: number }): Promise<{ readonly cutOff: number }>;
}
