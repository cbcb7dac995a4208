/**
 * A server of a project's models: versions of a project or of the home, or files as they lie on the disk; its gateway before it, its console, its
 * fine-tuning jobs. Opened part by part: each is closed again where a later one fails or the start is stopped.
 */

import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { defined } from "../../base/index.ts";
import {
  type App,
  type DrainOptions,
  Engines,
  type Fleet,
  type GrpcListening,
  giveMemoryBack,
  keepAliveMs,
  type Listening,
  listen,
  listenGrpc,
  withoutPort,
} from "../../serve/index.ts";
import type { Login } from "../../session/index.ts";
import { listGuards } from "../../store/index.ts";
import type { TuneJobs } from "../../tune/index.ts";
import type { Watch } from "../call.ts";
import { Closers } from "../closers.ts";
import { projectErrors, wrongArgument } from "../errors.ts";
import { type EventContent, eventVersion, type ServingEvent } from "../events.ts";
import type { BehindGateway } from "../gateway/behind-gateway.ts";
import { homeFolder } from "../home-folder.ts";
import { openLogin } from "../login/open-login.ts";
import { projectOrNone } from "../models/home.ts";
import { isPath } from "../models/paths.ts";
import { quantisationOf } from "../models/quantised.ts";
import { projectFile } from "../project-file.ts";
import { isGuardedOf } from "../releases/check-trusted.ts";
import { loadedUnlessLeft, untilStopped } from "../until-stopped.ts";
import type { Workplace } from "../workspace.ts";
import { adaptedEngine, adapterChoice, loadAdapters } from "./adapters.ts";
import { arrivedModels, awaitedModels } from "./awaited-models.ts";
import { corsOriginsOf } from "./callers.ts";
import { type Found, findModel, withExpectedDigest, withServedName } from "./find-model.ts";
import { keptRules } from "./kept-rules.ts";
import { modelVersions, type NamedVersion } from "./model-versions.ts";
import type { Monitoring } from "./open-monitoring.ts";
import { isPullAddress } from "./pull-address.ts";
import { servedPooling } from "./read-encoder.ts";
import type { ProjectServer, ServeOptions } from "./serve-options.ts";
import { calibratedIn, servedAs, servedNames } from "./served-as.ts";
import { openServedGuards } from "./served-guards.ts";
import { createServerApp } from "./server-app.ts";
import type { FoundModels, ServerOpening } from "./server-opening.ts";
import { isLoopbackHost, servingOf } from "./serving-event.ts";
import { type StartedModels, startModels } from "./start-models.ts";
import { versionPolicy } from "./version-policy.ts";

/** Between looks for new versions, where a policy says which are served. */
const followMs = 5_000;

const sentence = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Errors: project/argument where the file cannot be read. */
async function templateSource(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw projectErrors.fail("argument", { place: "loam serve: --chat-template", expected: "a Jinja file", received: path }, error);
  }
}

/** Fetches what is pulled, before it is looked for. Errors: project/argument, project/download, registry/remote, registry/package. */
async function pullFirst(
  { place: { cwd }, options: { pull, pullFiles: list, plainHttp = false, expectDigest }, watch }: ServerOpening,
  first: string | undefined,
): Promise<void> {
  if (pull === undefined) return;
  if (first === undefined || !isPath(first))
    throw wrongArgument(
      "loam serve: --pull",
      "a folder for the files as the first model",
      first ?? "none",
      "loam serve ./model --pull ...",
    );
  if (isPullAddress(pull)) {
    if (list === undefined)
      throw wrongArgument("loam serve: --pull", "--pull-files FILE beside an address, with the name, digest and size of each file", "none");
    const { pullUrl, readPulledFiles } = await import("./pull-url.ts");
    await pullUrl(resolve(cwd, first), pull, await readPulledFiles(resolve(cwd, list)), watch);
    return;
  }
  const { pullFiles } = await import("./pull-files.ts");
  await pullFiles(resolve(cwd, first), { reference: pull, plainHttp, expectDigest }, watch);
}

async function findModels(o: ServerOpening): Promise<FoundModels> {
  const { place, options, closers } = o;
  const { folder, cwd } = place;
  const adapters = await adapterChoice(options, cwd);
  const given = [options.models ?? []].flat();
  await pullFirst(o, given[0]);
  const awaited = await awaitedModels(o);
  const several = servedNames(projectOrNone(folder)?.config.serve);
  const found: Found[] = [];
  for (const one of awaited ? awaited.there : given.length ? given : several.length ? several : [undefined])
    found.push(closers.use(await findModel(folder, cwd, one)));
  if (options.servedModelName !== undefined) found[0] = withServedName(found[0]!, options.servedModelName);
  if (options.expectDigest !== undefined) found[0] = withExpectedDigest(found[0]!, options.expectDigest);
  const draft = options.draft === undefined ? undefined : closers.use(await findModel(folder, cwd, options.draft));
  const project = awaited ? awaited.project : found[0]!.project;
  const part = project?.config.serve;
  const form = options.quantize ?? part?.quantize;
  const formPlace = options.quantize === undefined ? `${projectFile}: serve.quantize` : "loam serve: --quantize";
  const quantize = form === undefined ? "default" : quantisationOf(form, formPlace);
  const guards = closers.use(await openServedGuards({ project, folder, cwd, warn: o.warn, file: options.guards }));
  const versions = closers.use(
    modelVersions(folder, cwd, {
      slots: options.slots ?? part?.slots ?? 8,
      context: options.context ?? part?.context,
      generationDefaults: options.generationDefaults,
      cacheTokens: options.cacheTokens,
      seed: options.seed,
      chatTemplate: options.chatTemplate === undefined ? undefined : await templateSource(resolve(cwd, options.chatTemplate)),
      quantize,
      ...guards.choice,
      adapters: adapters.room,
      pooling: servedPooling(options.pooling, part),
      calibrated: calibratedIn(part, options.calibrated === true),
      ...(draft ? { draft: { found: draft, tokens: options.draftTokens } } : {}),
    }),
  );
  const named = await Promise.all(found.map(f => versions.add(f)));
  return { found, named, project, store: found.find(f => f.store)?.store ?? awaited?.store, versions, adapters, ...defined({ awaited }) };
}

/** The server's engines and who brings versions into them. `onModels` is called when some came or went. */
async function startEngines(o: ServerOpening, { project, store, versions }: FoundModels, onModels: () => void) {
  const { options, watch } = o;
  const engines = new Engines();
  const rest = options.keepAlive ?? project?.config.serve?.keepAlive;
  const guards = store ? await listGuards(store.records.read) : [];
  const started: { hasStarted: boolean } = { hasStarted: false };
  const models = startModels({
    engines,
    source: versions,
    written: servedAs(project?.config.serve, projectFile),
    kept: keptRules(join(project?.folder ?? homeFolder(), ".loam", "serving.json")),
    policy: options.versions === undefined ? undefined : versionPolicy(options.versions),
    isGuarded: isGuardedOf(guards),
    warn: o.warn,
    ...(rest === undefined ? {} : { keepAliveMs: keepAliveMs(rest, "loam serve: --keep-alive") }),
    onChange: ({ kind, name, version, ms, error }) => {
      if (kind === "load failed" && !watch.signal.aborted) {
        const [at, message] = [`${name}@${version}: `, sentence(error)];
        o.warn(`loam: ${message.startsWith(at) ? "" : at}${message}`);
      }
      // one that loaded leaves behind what its weights were made from
      if (kind !== "load failed") void giveMemoryBack();
      onModels();
      if (started.hasStarted)
        o.tell({ event: kind === "load failed" ? "load-failed" : kind, model: `${name}@${version}`, ms: Math.round(ms) });
    },
  });
  return { engines, models, started };
}

/** Names without labels and numbers: of what was asked for, and of what is served, loaded or asleep. */
const namesOf = (engines: Engines, { named, awaited }: FoundModels): string[] => [
  ...new Set([
    ...(awaited?.names ?? named.map(n => n.name)),
    ...engines.everything().map(e => (e.model.name ?? e.model.id).split("@")[0]!),
  ]),
];

/** The version that the server is shown by: the first that was named, or what serves in its place; undefined where none was. */
function firstOf(fleet: Fleet, named: readonly NamedVersion[]): NamedVersion | undefined {
  const [wanted] = named;
  if (!wanted) return undefined;
  const versions = fleet.list().filter(v => v.name === wanted.name);
  if (versions.some(v => v.version === wanted.version)) return wanted;
  return versions.findLast(v => v.state === "ready") ?? wanted;
}

/** Closes the listener, or what would have listened. */
async function closeApp(app: App, listening: Listening | undefined, grpc: GrpcListening | undefined): Promise<void> {
  await grpc?.close();
  if (listening) return void (await listening.drain({ graceMs: 0 }));
  await app.engines.close();
  app.close();
}

/** A server that can be reached, before its models are loaded. */
interface Reachable {
  readonly found: FoundModels;
  readonly models: StartedModels;
  readonly started: { hasStarted: boolean };
  readonly app: App;
  readonly listening: Listening;
  readonly grpc: GrpcListening | undefined;
  readonly door: BehindGateway | undefined;
  /** Undefined where everybody may administer. */
  readonly login: Login | undefined;
  readonly hasPage: boolean;
  readonly hasConsole: boolean;
  readonly needsKey: boolean;
  readonly running: { readonly jobs: TuneJobs | undefined; readonly requests: number };
  readonly monitoring: Monitoring;
}

async function openReachable(o: ServerOpening): Promise<Reachable> {
  const { options, watch, closers } = o;
  const found = await findModels(o);
  const { project } = found;
  let door: BehindGateway | undefined;
  const { engines, models, started } = await startEngines(o, found, () => door?.refresh());
  const at = {
    // whoever brings requests without a port vouches for their host
    host: options.host ?? (options.withoutPort === true ? "0.0.0.0" : (project?.config.serve?.host ?? "127.0.0.1")),
    port: options.port ?? project?.config.serve?.port ?? 8080,
    corsOrigins: corsOriginsOf(options, project),
    ...defined({ rootPath: options.rootPath }),
  };
  const {
    app,
    login: own,
    lines,
    running,
    monitoring,
    hasPage,
    hasConsole,
    needsKey,
  } = await createServerApp(o, found, engines, models, at);
  let listening: Listening | undefined;
  let grpc: GrpcListening | undefined;
  closers.add(() => closeApp(app, listening, grpc));
  // loaded only where a project has one
  door = project?.config.gateway
    ? await (await import("../gateway/behind-gateway.ts")).behindGateway({
        ...at,
        project,
        app,
        isLoopback: isLoopbackHost(at.host),
        names: () => namesOf(engines, found),
        warn: o.warn,
        stdout: options.stdout,
        ...monitoring.gateway,
      })
    : undefined;
  if (door) {
    monitoring.through(door.gateway);
    lines?.through(door.gateway);
    closers.add(() => door?.close());
  }
  watch.signal.throwIfAborted();
  // The port first: it is quicker to refuse than a model is to load.
  listening = options.withoutPort === true ? withoutPort(door?.app ?? app) : await listen(door?.app ?? app, at);
  const grpcPort = options.withoutPort === true ? undefined : (options.grpc ?? project?.config.serve?.grpc);
  if (grpcPort !== undefined) grpc = await listenGrpc(door?.app ?? app, { host: at.host.split(",")[0]!, port: grpcPort });
  // without a port no browser and no local program finds the server to log in at
  const login = options.withoutPort === true || (!door && options.admin === true) ? undefined : door ? door.login : own;
  if (login) closers.add(await openLogin(login, { folder: project?.folder ?? homeFolder(), url: listening.url, warn: o.warn }));
  return { found, models, started, app, listening, grpc, door, login, hasPage, hasConsole, needsKey, running, monitoring };
}

/** Loads what is named, and its adapters. A stop is told once what loads is there, or left behind. */
async function loadModels({ watch, closers, warn }: ServerOpening, { found: { named, adapters }, models, app }: Reachable): Promise<void> {
  const load = models.load(named);
  closers.add(() => loadedUnlessLeft(load, watch));
  await untilStopped(load, watch);
  if (adapters.named.length === 0) return;
  // adapters are refused where no model is named
  const base = adaptedEngine(app.engines, firstOf(models.fleet, named)!);
  await loadAdapters(app.engines, base, adapters.named, { anyBase: adapters.anyBase, warn });
  watch.signal.throwIfAborted();
}

/** Serves awaited models whose first version is registered by now. What fails is said once, and tried again with the next version. */
async function serveArrived(o: ServerOpening, { found: { awaited, versions }, models }: Reachable): Promise<void> {
  if (!awaited) return;
  const { folder, cwd } = o.place;
  for (const name of await arrivedModels(awaited)) {
    awaited.wanted.delete(name);
    await models.load([await versions.add(o.closers.use(await findModel(folder, cwd, name)))]);
  }
}

/** Takes over versions that came or went, one look at a time. */
function followVersions(o: ServerOpening, reachable: Reachable): () => Promise<void> {
  let isLooking = false;
  return async () => {
    if (isLooking) return;
    isLooking = true;
    try {
      await reachable.models.follow();
      await serveArrived(o, reachable);
    } catch (error) {
      if (!o.watch.signal.aborted) o.warn(`loam: ${sentence(error)}`);
    } finally {
      isLooking = false;
    }
  };
}

/** Loads its models; it serves from then on. */
async function begin(o: ServerOpening, reachable: Reachable): Promise<ServingEvent> {
  const { found, models, started, app, running, monitoring } = reachable;
  await loadModels(o, reachable);
  started.hasStarted = true;
  monitoring.start({ hasLoops: o.options.loop !== false });
  running.jobs?.start();
  const follow = followVersions(o, reachable);
  const timer = setInterval(() => void follow(), followMs);
  timer.unref();
  o.closers.add(() => clearInterval(timer));
  const { fleet } = models;
  return servingOf({
    ...reachable,
    versions: found.versions,
    engines: app.engines,
    fleet,
    first: firstOf(fleet, found.named),
    draft: o.options.draft,
    ...defined({ reason: found.awaited?.reason }),
  });
}

type ShutDown = ProjectServer["close"];

/** Ends it in order, once. */
function shutDownOf({ closers, tell }: ServerOpening, { app, listening, grpc, door }: Reachable): ShutDown {
  const shutDown = async ({ graceMs, delayMs }: DrainOptions) => {
    tell({ event: "stopping", inFlight: app.inFlight });
    door?.leave();
    const { cutOff } = await listening.drain(defined({ graceMs, delayMs }));
    await grpc?.close();
    await closers[Symbol.asyncDispose]();
    tell({ event: "stopped", cutOff });
    return { cutOff };
  };
  let ended: ReturnType<typeof shutDown> | undefined;
  return (options = {}) => {
    ended ??= shutDown(options);
    return ended;
  };
}

const serverOf = ({ app, listening, grpc, door, login, running }: Reachable, serving: ServingEvent, close: ShutDown): ProjectServer => ({
  url: listening.url,
  fetch: async (request, address) => (door?.app ?? app).fetch(request, { incoming: { socket: { remoteAddress: address } } }),
  grpc: grpc?.address,
  serving,
  token: login?.token,
  loginUrl: () => login?.loginUrl(),
  engines: app.engines,
  get requests() {
    return running.requests;
  },
  get inFlight() {
    return app.inFlight;
  },
  close,
  async [Symbol.asyncDispose]() {
    await close();
  },
});

/**
 * Starts a server; the call is over when its models are loaded. Errors: project/argument, serve/portInUse, those of the models and the gateway; base/interrupted
 * where it is stopped before it serves, with all that was opened closed again.
 */
export async function serveModels(place: Workplace, options: ServeOptions, watch: Watch): Promise<ProjectServer> {
  const closers = new Closers();
  let isServing = false;
  const tell = (event: EventContent): void => {
    if (isServing) options.onEvent?.({ ...event, v: eventVersion });
    else watch.emit(event);
  };
  const o: ServerOpening = { place, options, watch, closers, tell, warn: message => tell({ event: "warning", message }) };
  let close: ShutDown | undefined;
  try {
    const reachable = await untilStopped(openReachable(o), watch);
    close = shutDownOf(o, reachable);
    const serving = await begin(o, reachable);
    tell(serving);
    isServing = true;
    return serverOf(reachable, serving, close);
  } catch (error) {
    // what a part says when it closes is no reason of the failure
    if (!watch.signal.aborted) await closers[Symbol.asyncDispose]().catch(() => {});
    // what can be reached already finishes its answers
    else if (close) await close();
    else {
      // nobody has reached it: where the process ends, what is half open is left to that
      if (!watch.abandon) await closers[Symbol.asyncDispose]();
      tell({ event: "stopped", cutOff: 0 });
    }
    throw error;
  }
}
