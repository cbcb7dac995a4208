/**
 * `gateway:` of loam.yaml: the keys of gateway.yaml without what the project knows. The project's own server is the upstream `loam`, of the same
 * process; its models are offered by their names where the part names none; where it listens is said by `serve`.
 */
import { z } from "zod";
import { check } from "../../base/index.ts";
import { checkConfig, type GatewayConfig, type ServeHere } from "../../gateway/index.ts";
import { projectErrors } from "../errors.ts";
import { type ProjectFile, projectFile } from "../project-file.ts";
import { servedNames } from "../serving/served-as.ts";
import { accessWithConsole } from "./console-session.ts";

/** The upstream's name. */
const ownUpstream = "loam";
/** How the server is called where it is not called by a socket. */
const ownUrl = "http://127.0.0.1/v1";
const usualState = "sqlite:.loam/gateway.sqlite";

const place = `${projectFile}: gateway`;

/** What this file looks at itself; the rest is gateway.yaml's and checked as that. */
const projectGatewayPart = z.looseObject({
  /** Who may use a key that is made at the first start and shown at each; only on this machine. */
  demoKey: z.string().min(1).optional(),
  /** Proxies before the server; host and port are `serve`'s. */
  listen: z.strictObject({ trustedProxies: z.unknown() }).optional(),
  upstreams: z.record(z.string(), z.unknown()).default({}),
  models: z.record(z.string(), z.unknown()).optional(),
});

export interface ProjectGateway {
  readonly config: GatewayConfig;
  /** Whose key the demo's is; undefined where there is none. */
  readonly demoSubject: string | undefined;
  /** Models are the server's own: those that come while it runs are offered too. */
  readonly followsModels: boolean;
}

export interface ProjectGatewayGiven {
  /** Names that the server has; those of `serve` when absent. */
  readonly names?: readonly string[];
  /** Where it listens, where that is not as the file says. */
  readonly host?: string;
  readonly port?: number;
  /** The server itself; without it the configuration can be looked at, not run. */
  readonly here?: ServeHere;
}

/** What `loam.yaml` says of its gateway; undefined where it says nothing. Errors: base/config, base/unknownKey, project/reference, gateway/config, gateway/secret. */
export async function projectGateway(project: ProjectFile, given: ProjectGatewayGiven = {}): Promise<ProjectGateway | undefined> {
  const { gateway, serve } = project.config;
  if (gateway === undefined) return undefined;
  const { demoKey, listen, upstreams, models, ...rest } = check(projectGatewayPart, gateway, place);
  if (Object.hasOwn(upstreams, ownUpstream))
    throw projectErrors.fail("reference", {
      place: `${place}: upstreams.${ownUpstream}`,
      expected: "another name",
      received: `"${ownUpstream}", which is this project's own server`,
    });
  const names = given.names ?? servedNames(serve).map(served => served.split("@")[0]!);
  const usualModels = () => Object.fromEntries([...new Set(names)].map(name => [name, { targets: [{ upstream: ownUpstream }] }]));
  if (models === undefined && names.length === 0)
    throw projectErrors.fail("reference", {
      place,
      expected: "models here, or a model under serve",
      received: "neither",
      hint: "Name what is served: serve: { model: NAME }.",
    });
  const config = await checkConfig(
    {
      state: usualState,
      // the terminal is for people; requests are in the state's journal and on the console
      log: { to: "none" },
      ...rest,
      access: accessWithConsole(rest.access),
      listen: { ...listen, host: given.host ?? serve?.host ?? "127.0.0.1", port: given.port ?? serve?.port ?? 8080 },
      upstreams: { [ownUpstream]: { url: ownUrl }, ...upstreams },
      models: models ?? usualModels(),
    },
    place,
    project.folder,
  );
  const { here } = given;
  const known = new Map(config.upstreams);
  if (here) {
    const own = known.get(ownUpstream)!;
    // it has no connections, and a queue of its own
    known.set(ownUpstream, { ...own, here, reasoning: "vllm", lane: own.lane?.setting === "concurrency" ? own.lane : undefined });
  }
  return { config: { ...config, upstreams: known }, demoSubject: demoKey, followsModels: models === undefined };
}
