/**
 * Why a model gave a response: the request is answered once more by the same version (the same seed gives the same bytes), and what the response leans on
 * is attributed to the parts of the prompt, each method with its faithfulness. The journal of requests keeps no text, so the caller brings the request
 * and, where there is one, the response; an id adds what the gateway recorded of it.
 */
import { defined } from "../../base/index.ts";
import type { JournalEntry } from "../../gateway/index.ts";
import { type App, createApp } from "../../serve/index.ts";
import type { Watch } from "../call.ts";
import { projectErrors, wrongArgument } from "../errors.ts";
import { findRequest } from "../gateway/administration.ts";
import { findModel } from "../serving/find-model.ts";
import { openServed } from "../serving/open-served.ts";
import { openServedGuards } from "../serving/served-guards.ts";
import { untilStopped } from "../until-stopped.ts";
import type { Workplace } from "../workspace.ts";

export interface ExplainOptions {
  /** A name, a version or a path; default: the version that the journal names, else the served model. */
  readonly model?: string | undefined;
  /** An id in the journal of the project's gateway. */
  readonly request?: string | undefined;
  /** The request as it was sent: `prompt` or `messages` of a completion with its sampling, or `input` of a classifier. */
  readonly body: Readonly<Record<string, unknown>>;
  /** The response as it was received; default: what the model responds now. */
  readonly response?: string | undefined;
  /** Another response, or another class: why this one and not that one. */
  readonly against?: string | undefined;
  /** The class that is explained; default: the one that the model gives. */
  readonly label?: string | undefined;
  /** Default: integrated gradients and occlusion; of a classifier occlusion. */
  readonly methods?: readonly ExplainMethod[] | undefined;
  /** Default: words. */
  readonly units?: "token" | "word" | undefined;
}

export type ExplainMethod = "gradient_x_input" | "integrated_gradients" | "occlusion";

/** Mean scores while parts are taken away (lower is better) and given back (higher is better), beside random orders. */
export interface ToldFaithfulness {
  readonly deletion: number;
  readonly random_deletion: number;
  readonly insertion: number;
  readonly random_insertion: number;
}

export interface ExplainedPart {
  readonly text: string;
  /** Of each method, in the unit of the score. */
  readonly shares: Readonly<Partial<Record<ExplainMethod, number>>>;
}

export interface ResponseExplanation {
  /** `mail-small@3`. */
  readonly model: string;
  readonly fingerprint: string;
  /** What the gateway recorded of the request; null where no id was given. */
  readonly recorded: JournalEntry | null;
  /** Whether the same version gives the same response now; null for classes, where no response was given, and where `caveat` says why not. */
  readonly isReproduced: boolean | null;
  /** Why the response cannot be compared. */
  readonly caveat: string | null;
  /** What is explained: the response, or the class. */
  readonly response: string;
  readonly against: string | null;
  /** Nats: the logarithm of the probability, or the difference of two; of a regression its number. */
  readonly score: number;
  readonly parts: readonly ExplainedPart[];
  readonly faithfulness: Readonly<Partial<Record<ExplainMethod, ToldFaithfulness>>>;
  /** Of integrated gradients: how far their sum is from the score's difference, and whether that is within the tolerance. */
  readonly completeness: { readonly error: number; readonly isComplete: boolean } | null;
}

const place = "loam explain";

/** The answer of `POST /v1/attributions`, as far as it is read here. */
interface Attributed {
  readonly label?: string;
  readonly prompt?: readonly { readonly token: string }[];
  readonly units?: readonly { readonly text: string; readonly tokens?: readonly number[] }[];
  readonly attributions: readonly [
    {
      readonly score: number;
      readonly gradient_x_input?: readonly number[];
      readonly integrated_gradients?: readonly number[];
      readonly occlusion?: readonly number[];
      readonly completeness?: { readonly error: number; readonly is_complete: boolean };
      readonly faithfulness?: ResponseExplanation["faithfulness"];
    },
  ];
}

async function post<T>(app: App, path: string, body: object, signal: AbortSignal): Promise<T> {
  const response = await app.fetch(
    new Request(`http://127.0.0.1${path}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
      signal,
    }),
  );
  const told = (await response.json()) as T & { readonly error?: { readonly message: string } };
  if (response.ok) return told;
  signal.throwIfAborted();
  throw projectErrors.fail("answer", { place, message: told.error?.message ?? `status ${response.status}` });
}

interface Completion {
  readonly choices: readonly { readonly text?: string; readonly message?: { readonly content: string | null } }[];
}

const isChat = (body: ExplainOptions["body"]) => body.messages !== undefined;

/** What the model responds now, whole. */
async function responseNow(app: App, model: string, body: ExplainOptions["body"], signal: AbortSignal): Promise<string> {
  const path = isChat(body) ? "/v1/chat/completions" : "/v1/completions";
  const { choices } = await post<Completion>(app, path, { ...body, model, stream: false, stream_options: undefined, n: 1 }, signal);
  return choices[0]?.message?.content ?? choices[0]?.text ?? "";
}

const drawnCaveat = "the request has neither a seed nor temperature 0, so its response was drawn and cannot be repeated";
const isDecided = (body: ExplainOptions["body"]): boolean => body.temperature === 0 || body.seed != null;

const methodNames = ["gradient_x_input", "integrated_gradients", "occlusion"] as const;

/** Parts of the prompt with each method's share: gradient methods give a number a token, occlusion one a unit. */
function partsOf({ prompt = [], units, attributions: [row] }: Attributed): readonly ExplainedPart[] {
  const parts: readonly { readonly text: string; readonly tokens?: readonly number[] }[] =
    units ?? prompt.map((t, i) => ({ text: t.token, tokens: [i] }));
  return parts.map(({ text, tokens = [] }, unit) => {
    const summed = (values: readonly number[] | undefined) => values && tokens.reduce((sum, i) => sum + values[i]!, 0);
    return {
      text,
      shares: defined({
        gradient_x_input: summed(row.gradient_x_input),
        integrated_gradients: summed(row.integrated_gradients),
        occlusion: row.occlusion?.[unit],
      }),
    };
  });
}

function checkBody(body: ExplainOptions["body"], isClassifier: boolean): void {
  const wanted = isClassifier ? ["input"] : ["prompt", "messages"];
  if (wanted.filter(k => body[k] !== undefined).length !== 1)
    throw wrongArgument(
      `${place}: the request`,
      isClassifier ? "a field input" : "a field prompt or messages",
      Object.keys(body).join(", ") || "none",
    );
}

/** Errors: project/argument, project/answer, store/notFound, gateway/unknownRequest, those of the model's files; base/interrupted. */
export async function explainResponse(at: Workplace, options: ExplainOptions, watch: Watch): Promise<ResponseExplanation> {
  const [recorded = null] =
    options.request === undefined ? [] : await findRequest({ folder: at.folder, warn: () => {} }, place, options.request);
  const { body } = options;
  await using found = await findModel(at.folder, at.cwd, options.model ?? recorded?.served ?? undefined);
  // a response was written under the guards, and is repeated only under them
  const isWritten = body.input === undefined;
  const warn = (message: string) => watch.emit({ event: "warning", message });
  await using guards = isWritten ? await openServedGuards({ project: found.project, ...at, warn }) : undefined;
  const load = async () => {
    const opened = await openServed(found, { slots: 1, quantize: "exact", ...guards?.choice });
    await opened.engine.ready;
    return opened;
  };
  await using opened = await untilStopped(load(), watch, loaded => loaded[Symbol.asyncDispose]());
  const { engine } = opened;
  const isClassifier = !("room" in engine);
  checkBody(body, isClassifier);
  const app = isClassifier ? createApp({ engines: [], encoders: [engine] }) : createApp({ engines: [engine] });
  try {
    const model = engine.model.id;
    const { signal } = watch;
    const { response: given } = options;
    const isCompared = !isClassifier && given !== undefined && isDecided(body);
    const now = isCompared || (!isClassifier && given === undefined) ? await responseNow(app, model, body, signal) : undefined;
    const response = given ?? now;
    if (response === "") throw projectErrors.fail("answer", { place, message: "the response is empty: there is nothing to explain" });
    const methods = options.methods ?? (isClassifier ? ["occlusion"] : ["integrated_gradients", "occlusion"]);
    const asked = isClassifier
      ? { input: body.input, ...defined({ label: options.label }) }
      : { ...(isChat(body) ? { messages: body.messages } : { prompt: body.prompt }), answer: response };
    const told = await post<Attributed>(
      app,
      "/v1/attributions",
      { model, ...asked, methods, units: options.units ?? "word", faithfulness: true, ...defined({ against: options.against }) },
      signal,
    );
    const [row] = told.attributions;
    return {
      model,
      fingerprint: engine.fingerprint,
      recorded,
      isReproduced: isCompared ? now === given : null,
      caveat: !isClassifier && given !== undefined && !isCompared ? drawnCaveat : null,
      response: response ?? told.label ?? "",
      against: options.against ?? null,
      score: row.score,
      parts: partsOf(told),
      faithfulness: row.faithfulness ?? {},
      completeness: row.completeness ? { error: row.completeness.error, isComplete: row.completeness.is_complete } : null,
    };
  } finally {
    app.close();
  }
}

/** Whether a text names a method. */
export const isExplainMethod = (text: string): text is ExplainMethod => methodNames.some(m => m === text);
