/** `loam serve`: flags of a server, and what is shown while it runs. Stops in order on Ctrl-C and SIGTERM: answers under way are finished. */
import { resolve } from "node:path";
import { defined } from "../../base/index.ts";
import { loginLine } from "../../project/login/index.ts";
import { type ProjectServer, type ServeOptions, type ServingEvent, serveLambda, serveModels } from "../../project/serving/index.ts";
import { cliErrors } from "../errors.ts";
import { choiceOption, numberOption, shutdownDelayMs, shutdownTimeoutMs, textOption } from "../options.ts";
import type { Output } from "../output.ts";
import { showLive } from "../serving/live-line.ts";
import { openPage } from "../serving/open-page.ts";
import { contextLine, formLine } from "../serving/start-lines.ts";
import { type EventLines, showEvent, showWork } from "../show-call.ts";
import { type Options, streamsOf, type VerbRun } from "../verb.ts";
import { folderOf } from "../verb-folder.ts";

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise(done => {
    if (signal.aborted) done();
    else signal.addEventListener("abort", () => done(), { once: true });
  });

/** `--adapter NAME=FOLDER`, as often as it is given. */
function adaptersOf(given: Options[string], cwd: string): Record<string, string> {
  const assignments = (Array.isArray(given) ? given : []).map(text => {
    const [, name, folder] = /^([^=]+)=(.+)$/.exec(text) ?? [];
    if (name !== undefined && folder !== undefined) return [name, resolve(cwd, folder)] as const;
    throw cliErrors.fail("usage", { place: "loam serve: --adapter", expected: "NAME=FOLDER", received: JSON.stringify(text) });
  });
  return Object.fromEntries(assignments);
}

function serveOptions(options: Options, cwd: string): ServeOptions {
  const whole = (key: string, least: number, most: number) => numberOption(options, key, "serve", { least, most, whole: true });
  return {
    port: whole("port", 0, 65_535),
    grpc: whole("grpc", 0, 65_535),
    slots: whole("slots", 1, 256),
    context: whole("context", 16, 1_048_576),
    generationDefaults: choiceOption(options, "generationDefaults", "serve", ["auto", "off"]) !== "off",
    cacheTokens: whole("cacheTokens", 16, 268_435_456),
    quantize: textOption(options, "quantize"),
    pooling: textOption(options, "pooling"),
    draft: textOption(options, "draft"),
    draftTokens: whole("draftTokens", 1, 16),
    versions: textOption(options, "versions"),
    adapters: adaptersOf(options.adapter, cwd),
    maxAdapters: whole("maxAdapters", 1, 64),
    maxAdapterRank: whole("maxAdapterRank", 1, 512),
    adapterFolder: textOption(options, "adapterFolder"),
    adapterAnyBase: options.adapterAnyBase === true,
    seed: whole("seed", 0, 4_294_967_295),
    chatTemplate: textOption(options, "chatTemplate"),
    trustChatTemplates: options.trustRequestChatTemplate === true,
    tokensAsIds: options.returnTokensAsTokenIds === true,
    maxLogprobs: whole("maxLogprobs", -1, 1_048_576),
    usageInStreams: options.enableForceIncludeUsage === true,
    requestMetrics: options.enablePerRequestMetrics === true,
    rootPath: textOption(options, "rootPath"),
    otlp: textOption(options, "otlp"),
    keepAlive: textOption(options, "keepAlive"),
    host: textOption(options, "host"),
    calibrated: options.calibrated === true,
    admin: options.admin === true,
    servedModelName: textOption(options, "servedModelName"),
    expectDigest: textOption(options, "expectDigest"),
    pull: textOption(options, "pull"),
    guards: textOption(options, "guards"),
    pullFiles: textOption(options, "pullFiles"),
    plainHttp: options.plainHttp === true,
    anyName: options.anyName === true,
    apiKeys: [textOption(options, "apiKey")].filter(key => key !== undefined),
    corsOrigins: Array.isArray(options.corsOrigin) ? options.corsOrigin : undefined,
    disabledEndpoints: Array.isArray(options.disableEndpoint) ? options.disableEndpoint : undefined,
    sharedPrefixCache: options.sharedPrefixCache === true ? true : undefined,
    loop: options.loop === false ? false : undefined,
    withoutModels: options.models === false ? true : undefined,
  };
}

/** Says that there is a gateway, and how to get past it. */
function showGateway(out: Output, { demoRequest }: ServingEvent): void {
  const limits = "limits and usage: page, Gateway";
  if (demoRequest === undefined)
    out.line(`  Behind its gateway: a key is needed (loam gateway keys create NAME --subject USER).   ${limits}`);
  else for (const line of [`  Behind its gateway.   ${limits}   demo key, for this machine:`, `  ${demoRequest}`]) out.line(line);
}

/** Says that it serves. */
function showServing(out: Output, serving: ServingEvent): void {
  const { url, model, models = model === undefined ? [] : [model], adapters = [], context, loginUrl, temperatures = {} } = serving;
  const why = serving.isRecorded ? `   why this answer: loam trace ${model}` : "";
  const what = models.join(", ") || "the console, no model yet,";
  out.line(`  Serving ${what} on ${url}   ${serving.page ? "page: /   " : ""}${serving.api}${why}`);
  if (model === undefined && serving.reason !== undefined) out.line(`  ${serving.reason}`);
  if (serving.grpc !== undefined) out.line(`  Open Inference Protocol over gRPC on ${serving.grpc}`);
  if (serving.idleDraft !== undefined)
    out.warn(
      `  ${serving.idleDraft} is not used for speculative decoding: on this processor its programs or those of ${model} differ in a bit, and answers would too.`,
    );
  for (const [id, t] of Object.entries(temperatures))
    out.line(`  ${id}: class probabilities calibrated by temperature scaling, T = ${t.toPrecision(4)}.`);
  if (adapters.length > 0) out.line(`  Adapters of ${serving.adaptersOf}: ${adapters.join(", ")}`);
  if (serving.sampling !== undefined)
    out.line(`  Where a request says nothing: ${serving.sampling} (the model's own; --generation-defaults off).`);
  for (const [id, form] of Object.entries(serving.forms ?? {})) out.line(`  ${formLine(id, form)}`);
  if (context && context.context < context.longest) out.line(`  ${contextLine(context)}`);
  if (!serving.page && !serving.consoleOff)
    out.line("  There is no page: console/dist is not built. `npm run build` in Loam's folder builds it.");
  if (serving.page && loginUrl !== undefined) out.line(loginLine(loginUrl));
  if (serving.gateway) showGateway(out, serving);
  else if (serving.isOpen)
    out.warn(
      loginUrl !== undefined
        ? `  ${serving.host} can be reached from other machines: requests for models need ${serving.needsKey ? "an API key" : "no key"}; the console and the administration need the login.`
        : `  ${serving.host} can be reached from other machines, and everybody who reaches it administers it (--admin).`,
    );
}

const serverLines = (out: Output): EventLines => ({
  serving: told => showServing(out, told),
  stopping: ({ inFlight }) => {
    if (inFlight > 0) out.warn(`Stopping: ${inFlight} ${inFlight === 1 ? "answer is" : "answers are"} finished first. Again to stop now.`);
  },
  stopped: ({ cutOff }) => out.line(cutOff > 0 ? `Stopped; ${cutOff} answers were cut off.` : "Stopped."),
});

export const serve: VerbRun = async (context, given, options) => {
  const { out, cwd, signal } = context;
  const lines = serverLines(out);
  const models = given.filter(model => model !== undefined);
  const place = { folder: folderOf(context, options), cwd };
  const wishes = (): ServeOptions => ({
    ...serveOptions(options, cwd),
    models,
    stdout: streamsOf(context).stdout,
    onEvent: event => showEvent(out, event, lines),
  });
  const mode = choiceOption(options, "lambda", "serve", ["stream", "buffered"]);
  if (mode !== undefined) {
    // options are read in it, too: what fails there is reported to Lambda
    const open = () => showWork(context, async watch => serveModels(place, { ...wishes(), withoutPort: true }, watch), lines);
    return serveLambda({ open, isStreaming: mode === "stream", signal, warn: message => out.warn(message) });
  }
  const asked = wishes();
  let server: ProjectServer;
  try {
    server = await showWork(context, watch => serveModels(place, asked, watch), lines);
  } catch (error) {
    // stopped before it served: it has told that
    if (signal.aborted) return;
    throw error;
  }
  if (options.open && server.serving.page && !signal.aborted) openPage(server.loginUrl() ?? server.url);
  const callOff = showLive(context, server.engines, () => server.requests);
  await aborted(signal);
  callOff();
  await server.close({ delayMs: shutdownDelayMs(options, "serve"), ...defined({ graceMs: shutdownTimeoutMs(options, "serve") }) });
};
