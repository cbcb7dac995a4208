/**
 * `loam serve`: models over HTTP, with the console's page: versions of a project or of the home, or files as they lie on the disk. More may be
 * loaded and unloaded while it runs. Stops in order on Ctrl-C and SIGTERM: answers under way are finished.
 */

import { join } from "node:path";
import { readStaticPage } from "../../base/index.ts";
import { openJobs } from "../../project/fine-tuning/index.ts";
import type { BehindGateway } from "../../project/gateway/index.ts";
import { demoCurl, demoRequest, linesLater } from "../../project/gateway/index.ts";
import { ownPackage, packageFolder, projectFile, untilStopped } from "../../project/index.ts";
import { labelSource } from "../../project/labelling/index.ts";
import { loginLine, openLogin } from "../../project/login/index.ts";
import { homeFolder, projectOrNone, quantisationOf, samplingText } from "../../project/models/index.ts";
import { isGuardedOf } from "../../project/releases/index.ts";
import {
  calibratedIn,
  consoleSource,
  type Found,
  findModel,
  keptRules,
  type ModelVersions,
  modelVersions,
  type NamedVersion,
  servedAs,
  servedNames,
  startModels,
  versionPolicy,
} from "../../project/serving/index.ts";
import {
  type App,
  askClassifier,
  callerBehindGateway,
  createApp,
  type EmbeddingEngine,
  type Engine,
  Engines,
  type Fleet,
  giveMemoryBack,
  keepAliveMs,
  type Listening,
  listen,
  openTracing,
} from "../../serve/index.ts";
import { Login } from "../../session/index.ts";
import { listGuards } from "../../store/index.ts";
import { collectorUrl } from "../../tracing/index.ts";
import type { TuneJobs } from "../../tune/index.ts";
import { choiceOption, numberOption, textOption } from "../options.ts";
import { adaptedEngine, adapterChoice, loadAdapters } from "../serving/adapters.ts";
import { showLive } from "../serving/live-line.ts";
import { openPage } from "../serving/open-page.ts";
import { type Context, streamsOf, type VerbRun } from "../verb.ts";
import { folderOf } from "../verb-folder.ts";

const isLoopback = (host: string): boolean => host === "localhost" || host === "::1" || /^127\./.test(host);

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise(resolve => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });

/** Between looks for new versions, where a policy says which are served. */
const followMs = 5_000;

interface Running {
  readonly app: App;
  readonly fleet: Fleet;
  readonly versions: ModelVersions;
  readonly first: NamedVersion;
  readonly listening: Listening;
  readonly page: boolean;
  /** Name of the model that guesses. */
  readonly draft: string | undefined;
  readonly door: BehindGateway | undefined;
  /** Undefined where everybody may administer. */
  readonly login: Login | undefined;
  readonly requests: () => number;
}

/** Where the first model answers. */
function apiOf(engine: Engine | EmbeddingEngine | undefined): string {
  if (!engine || "room" in engine) return "OpenAI API: /v1";
  const { config, name = engine.model.id } = engine.model;
  return config.classifier ? `classes: /v1/models/${name}:classify` : "OpenAI API: /v1/embeddings";
}

/** Names without labels and numbers: of what was asked for, and of what runs. */
const namesOf = (engines: Engines, named: readonly NamedVersion[]): string[] => [
  ...new Set([
    ...named.map(n => n.name),
    ...[...engines.all(), ...engines.encoders(), ...engines.adapters.engines()].map(e => (e.model.name ?? e.model.id).split("@")[0]!),
  ]),
];

/** Says that there is a gateway, and how to get past it. */
function sayDoor(out: Context["out"], { demo, gateway, app }: BehindGateway, url: string, model: string): void {
  const limits = "limits and usage: page, Gateway";
  if (demo === undefined) out.line(`  Behind its gateway: a key is needed (loam gateway keys create NAME --subject USER).   ${limits}`);
  else {
    out.line(`  Behind its gateway.   ${limits}   demo key, for this machine:`);
    out.line(`  ${demoCurl(url, demo, demoRequest(app.engines, gateway.config.routes, [model]))}`);
  }
}

/** Says that it serves, waits for the signal, and stops in order. */
async function serveUntilStopped(
  context: Context,
  { app, fleet, versions, first, listening, page, draft, door, login, requests }: Running,
): Promise<void> {
  const { out, signal } = context;
  if (!signal.aborted) {
    // one that was ready first may sleep already
    const served = fleet.list().filter(v => v.state === "ready" || v.state === "asleep");
    const id = served.find(v => v.name === first.name && v.version === first.version)?.id ?? `${first.name}@${first.version}`;
    const engine = [...app.engines.all(), ...app.engines.encoders()].find(e => e.model.id === id);
    const artifact = engine?.model.artifact;
    const why = artifact === undefined ? "" : `   why this answer: loam trace ${id}`;
    const api = apiOf(engine);
    out.line(`  Serving ${served.map(v => v.id).join(", ")} on ${listening.url}   ${page ? "page: /   " : ""}${api}${why}`);
    if (draft && engine && "room" in engine && !engine.stats().isDrafting)
      out.warn(`  ${draft} guesses nothing: on this processor its programs or those of ${id} differ in a bit, and answers would too.`);
    for (const { model } of app.engines.encoders())
      if (model.temperature !== undefined)
        out.line(`  ${model.id}: class probabilities calibrated by temperature scaling, T = ${model.temperature.toPrecision(4)}.`);
    const adapters = app.engines.adapters.list();
    if (adapters.length > 0) out.line(`  Adapters of ${adapters[0]!.parent}: ${adapters.map(a => a.name).join(", ")}`);
    if (engine && "room" in engine && engine.model.sampling)
      out.line(`  Where a request says nothing: ${samplingText(engine.model.sampling)} (the model's own; --generation-defaults off).`);
    const { context: tokens = 0, longest = 0 } = versions.contextOf(first.name) ?? {};
    if (tokens < longest) out.line(`  ${tokens} tokens of prompt and answer together; the model reads ${longest} (--context).`);
    if (!page) out.line("  There is no page: console/dist is not built. `npm run build` in Loam's folder builds it.");
    const loginUrl = login?.loginUrl();
    if (page && loginUrl !== undefined) out.line(loginLine(loginUrl));
    if (door) sayDoor(out, door, listening.url, first.name);
    else if (!isLoopback(listening.host))
      out.warn(
        login
          ? `  ${listening.host} can be reached from other machines: requests for models need no key; the console and the administration need the login.`
          : `  ${listening.host} can be reached from other machines, and everybody who reaches it administers it (--admin).`,
      );
    out.event("serving", {
      url: listening.url,
      ...(loginUrl === undefined ? {} : { loginUrl }),
      model: id,
      ...(served.length > 1 ? { models: served.map(v => v.id) } : {}),
      ...(adapters.length > 0 ? { adapters: adapters.map(a => a.name) } : {}),
      ...(door ? { gateway: true, ...(door.demo === undefined ? {} : { demoKey: door.demo }) } : {}),
    });
    const callOff = showLive(context, app.engines, requests);
    await aborted(signal);
    callOff();
  }
  const { inFlight } = app;
  if (inFlight > 0) out.warn(`Stopping: ${inFlight} ${inFlight === 1 ? "answer is" : "answers are"} finished first. Again to stop now.`);
  void door?.drain(0);
  const { cutOff } = await listening.drain();
  sayStopped(out, cutOff);
}

function sayStopped(out: Context["out"], cutOff: number): void {
  out.line(cutOff > 0 ? `Stopped; ${cutOff} answers were cut off.` : "Stopped.");
  out.event("stopped", { cutOff });
}

export const serve: VerbRun = async (context, given, options) => {
  const { out, signal } = context;
  let begun: () => void = () => {};
  const listens = new Promise<void>(resolve => {
    begun = resolve;
  });
  const serving = serveModels(context, given, options, begun);
  try {
    await untilStopped(signal, Promise.race([listens, serving]));
  } catch (error) {
    if (!signal.aborted) throw error;
    // nobody has reached it: what is half open is left to the end of the process
    serving.catch(() => {});
    sayStopped(out, 0);
    return;
  }
  await serving;
};

/** `onListening`: it can be reached. */
async function serveModels(
  context: Context,
  given: Parameters<VerbRun>[1],
  options: Parameters<VerbRun>[2],
  onListening: () => void,
): Promise<void> {
  const { out, signal } = context;
  const port = numberOption(options, "port", "serve", { least: 0, most: 65_535, whole: true });
  const asked = {
    slots: numberOption(options, "slots", "serve", { least: 1, most: 256, whole: true }),
    context: numberOption(options, "context", "serve", { least: 16, most: 1_048_576, whole: true }),
    generationDefaults: choiceOption(options, "generationDefaults", "serve", ["auto", "off"]) !== "off",
    cacheTokens: numberOption(options, "cacheTokens", "serve", { least: 16, most: 268_435_456, whole: true }),
  };
  const quantize = quantisationOf(textOption(options, "quantize") ?? "exact", "loam serve: --quantize");
  const draftName = textOption(options, "draft");
  const draftTokens = numberOption(options, "draftTokens", "serve", { least: 1, most: 16, whole: true });
  const policyText = textOption(options, "versions");
  const policy = policyText === undefined ? undefined : versionPolicy(policyText);
  const adapters = await adapterChoice(options, context.cwd);
  const collector = collectorUrl(textOption(options, "otlp"));
  const folder = folderOf(context, options);
  const found: Found[] = [];
  let draft: Found | undefined;
  await using _found = {
    async [Symbol.asyncDispose]() {
      await draft?.[Symbol.asyncDispose]();
      for (const f of found) await f[Symbol.asyncDispose]();
    },
  };
  const several = servedNames(projectOrNone(folder)?.config.serve);
  for (const one of given.length ? given : several.length ? several : [undefined]) found.push(await findModel(folder, context.cwd, one));
  if (draftName !== undefined) draft = await findModel(folder, context.cwd, draftName);
  const project = found[0]!.project;
  const store = found.find(f => f.store)?.store;
  const place = project?.config.serve ?? { host: "127.0.0.1", port: 8080, slots: 8 };
  const rest = textOption(options, "keepAlive") ?? project?.config.serve?.keepAlive;
  const host = textOption(options, "host") ?? place.host;
  await using versions = modelVersions(folder, context.cwd, {
    ...asked,
    slots: asked.slots ?? place.slots,
    quantize,
    adapters: adapters.room,
    calibrated: calibratedIn(project?.config.serve, options.calibrated === true),
    ...(draft ? { draft: { found: draft, tokens: draftTokens } } : {}),
  });
  const named = await Promise.all(found.map(f => versions.add(f)));
  const page = await readStaticPage(join(packageFolder, "console", "dist"));
  const engines = new Engines();
  const guards = store ? await listGuards(store.records.read) : [];
  let hasStarted = false;
  let door: BehindGateway | undefined;
  const models = startModels({
    engines,
    source: versions,
    written: servedAs(project?.config.serve, projectFile),
    kept: keptRules(join(project?.folder ?? homeFolder(), ".loam", "serving.json")),
    policy,
    isGuarded: isGuardedOf(guards),
    warn: text => out.warn(text),
    ...(rest === undefined ? {} : { keepAliveMs: keepAliveMs(rest, "loam serve: --keep-alive") }),
    onChange: ({ kind, name, version, ms, error }) => {
      if (kind === "load failed" && !signal.aborted) {
        const [place, message] = [`${name}@${version}: `, error instanceof Error ? error.message : String(error)];
        out.warn(`loam: ${message.startsWith(place) ? "" : place}${message}`);
      }
      // one that loaded leaves behind what its weights were made from
      if (kind !== "load failed") void giveMemoryBack();
      door?.refresh();
      if (hasStarted) out.event(kind.replace(" ", "-"), { model: `${name}@${version}`, ms: Math.round(ms) });
    },
  });
  const { fleet } = models;
  let jobs: TuneJobs | undefined;
  let requests = 0;
  const tracing =
    collector === undefined
      ? undefined
      : await openTracing({
          url: collector,
          version: ownPackage().version,
          onFailure: error =>
            out.warn(`loam: traces do not reach ${collector} (${error instanceof Error ? error.message : String(error)}); serving goes on`),
        });
  const lines = project?.config.gateway ? linesLater() : undefined;
  const labels =
    project && store
      ? labelSource(project, store, (model, signal, use) => askClassifier(engines, { model, user: "labels", signal }, use))
      : undefined;
  const login = new Login({ info: { gateway: false, record: true } });
  const app = createApp({
    engines,
    fleet,
    tracing,
    // behind a gateway its roles and its own login decide
    ...(project?.config.gateway ? {} : options.admin === true ? { admin: true } : { login }),
    ...(options.anyName === true ? { otherNames: named[0]!.name } : {}),
    ...((options.sharedPrefixCache ?? project?.config.serve?.sharedPrefixCache) === true ? { sharedPrefixCache: true } : {}),
    ...(adapters.folder === undefined ? {} : { adapterFolder: adapters.folder }),
    ...(adapters.anyBase ? { adapterAnyBase: true } : {}),
    ...(store
      ? {
          console: {
            ...consoleSource(project?.config.name ?? null, store),
            ...(labels ? { labels } : {}),
          },
        }
      : {}),
    ...(page ? { page } : {}),
    ...(project ? { filesFolder: join(project.folder, ".loam", "served-files") } : {}),
    ...(lines ? { batchLine: lines.ask, callerOf: callerBehindGateway } : {}),
    ...(project && store
      ? {
          fineTuning: keep => {
            const onFailure = (error: unknown, place: string) =>
              out.warn(`loam: ${place}: ${error instanceof Error ? error.message : String(error)}`);
            jobs = openJobs({ project, store, fleet, keep, onFailure });
            return jobs;
          },
        }
      : {}),
    version: ownPackage().version,
    hosts: isLoopback(host) ? "loopback" : "any",
    onRequest: () => requests++,
    onFailure: (error, id) => out.warn(`loam: request ${id}: ${error instanceof Error ? error.message : String(error)}`),
  });
  const at = { host, port: port ?? place.port };
  // loaded only where a project has one
  door = project?.config.gateway
    ? await (await import("../../project/gateway/index.ts")).behindGateway({
        ...at,
        project,
        app,
        isLoopback: isLoopback(host),
        names: () => namesOf(engines, named),
        warn: text => out.warn(text),
        stdout: streamsOf(context).stdout,
      })
    : undefined;
  if (door) lines?.through(door.gateway);
  // The port first: it is quicker to refuse than a model is to load.
  const listening = await listen(door?.app ?? app, at);
  onListening();
  const usedLogin = door ? door.login : options.admin === true ? undefined : login;
  const closeLogin = await (usedLogin &&
    openLogin(usedLogin, { folder: project?.folder ?? homeFolder(), url: listening.url, warn: text => out.warn(text) }));
  let timer: NodeJS.Timeout | undefined;
  try {
    await untilStopped(signal, models.load(named)).catch(error => {
      if (!signal.aborted) throw error;
    });
    hasStarted = true;
    const newest = fleet.list().findLast(v => v.name === named[0]!.name && v.state === "ready");
    const first = fleet.list().some(v => v.name === named[0]!.name && v.version === named[0]!.version) ? named[0]! : (newest ?? named[0]!);
    if (adapters.named.length > 0 && !signal.aborted)
      await loadAdapters(engines, adaptedEngine(engines, first), adapters.named, {
        anyBase: adapters.anyBase,
        warn: text => out.warn(text),
      });
    if (!signal.aborted) jobs?.start();
    timer = setInterval(() => void models.follow(), followMs);
    timer.unref();
    if (options.open && page && !signal.aborted) openPage(usedLogin?.loginUrl() ?? listening.url);
    await serveUntilStopped(context, {
      app,
      fleet,
      versions,
      first,
      listening,
      page: page !== undefined,
      draft: draftName,
      door,
      login: usedLogin,
      requests: () => requests,
    });
  } finally {
    clearInterval(timer);
    await closeLogin?.();
    await jobs?.close();
    await labels?.close();
    await listening.drain({ graceMs: 0 });
    await door?.close();
    await tracing?.close();
  }
}
