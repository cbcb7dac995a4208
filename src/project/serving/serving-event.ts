/** What a server says of itself when it serves. */
import { defined } from "../../base/index.ts";
import type { EmbeddingEngine, Engine, Engines, Fleet, GrpcListening, Listening } from "../../serve/index.ts";
import type { Login } from "../../session/index.ts";
import type { ServingEvent } from "../events.ts";
import type { BehindGateway } from "../gateway/behind-gateway.ts";
import { demoCurl, demoRequest } from "../gateway/demo-curl.ts";
import { samplingText } from "../models/generation-defaults.ts";
import type { ModelVersions, NamedVersion } from "./model-versions.ts";

interface ServingParts {
  readonly engines: Engines;
  readonly fleet: Fleet;
  readonly versions: ModelVersions;
  /** Undefined where none is served yet. */
  readonly first: NamedVersion | undefined;
  readonly listening: Listening;
  readonly grpc: GrpcListening | undefined;
  readonly hasPage: boolean;
  /** False where the operator has turned it off. */
  readonly hasConsole: boolean;
  /** Requests for models need an API key. */
  readonly needsKey: boolean;
  /** Name of the draft model. */
  readonly draft: string | undefined;
  readonly door: BehindGateway | undefined;
  /** Undefined where everybody may administer. */
  readonly login: Login | undefined;
  /** Why no model is served. */
  readonly reason?: string;
}

/** `host`: one address, or several separated by commas, all of which are then this machine's own. */
export const isLoopbackHost = (host: string): boolean => host.split(",").every(h => h === "localhost" || h === "::1" || /^127\./.test(h));

/** Where the first model answers. */
function apiOf(engine: Engine | EmbeddingEngine | undefined): string {
  if (!engine || "room" in engine) return "OpenAI API: /v1";
  const { config, name = engine.model.id } = engine.model;
  if (config.classifier?.kind === "several") return "moderations: /v1/moderations";
  return config.classifier ? `classes: /v1/models/${name}:classify` : "OpenAI API: /v1/embeddings";
}

/** The part of the event that is the gateway's. */
function gatewayPart(door: BehindGateway | undefined, engines: Engines, url: string, model: string | undefined): Partial<ServingEvent> {
  if (!door) return {};
  const { demo, gateway } = door;
  if (demo === undefined || model === undefined) return { gateway: true };
  return { gateway: true, demoKey: demo, demoRequest: demoCurl(url, demo, demoRequest(engines, gateway.config.routes, [model])) };
}

export function servingOf(parts: ServingParts): ServingEvent {
  const { engines, fleet, versions, first, listening, grpc, hasPage, hasConsole, needsKey, draft, door, login, reason } = parts;
  const { url, host } = listening;
  // one that was ready first may sleep already
  const served = fleet.list().filter(v => v.state === "ready" || v.state === "asleep");
  const id = first && (served.find(v => v.name === first.name && v.version === first.version)?.id ?? `${first.name}@${first.version}`);
  const engine = [...engines.all(), ...engines.encoders()].find(e => e.model.id === id);
  const adapters = engines.adapters.list();
  const loginUrl = login?.loginUrl();
  const calibrated = engines
    .encoders()
    .flatMap(({ model }) => (model.temperature === undefined ? [] : [[model.id, model.temperature] as const]));
  const context = first && (versions.contextOf(first) ?? { context: 0, longest: 0 });
  const forms = engines.all().flatMap(({ model }) => (model.form ? [[model.id, model.form] as const] : []));
  const decoder = engine && "room" in engine ? engine : undefined;
  return {
    event: "serving",
    url,
    host,
    ...defined({ grpc: grpc?.address, loginUrl, model: id, reason }),
    ...(served.length > 1 ? { models: served.map(v => v.id) } : {}),
    ...(adapters.length > 0 ? { adapters: adapters.map(a => a.name), adaptersOf: adapters[0]!.parent } : {}),
    ...gatewayPart(door, engines, url, first?.name),
    api: apiOf(engine),
    page: hasPage,
    ...(hasConsole ? {} : { consoleOff: true }),
    isOpen: !isLoopbackHost(host),
    ...(needsKey ? { needsKey: true } : {}),
    isRecorded: engine?.model.artifact !== undefined,
    ...(draft !== undefined && decoder && !decoder.stats().isDrafting ? { idleDraft: draft } : {}),
    ...(calibrated.length > 0 ? { temperatures: Object.fromEntries(calibrated) } : {}),
    ...(decoder?.model.sampling ? { sampling: samplingText(decoder.model.sampling) } : {}),
    ...defined({ context }),
    ...(forms.length > 0 ? { forms: Object.fromEntries(forms) } : {}),
  };
}
