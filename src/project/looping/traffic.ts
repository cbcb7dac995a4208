/** A model's traffic on a server: which versions are loaded, who gets which, by the server's own administration or its HTTP address. */
import { setTimeout as sleep } from "node:timers/promises";
import { environment } from "../../base/index.ts";
import { loopErrors } from "../../loop/index.ts";
import type { Fleet } from "../../serve/index.ts";
import { readTokenFiles, tokenFor } from "../../session/index.ts";

/** Weights and percents by version. */
type TrafficWeights = Readonly<Record<number, number>>;

export interface LoopTraffic {
  /** Loads a version and answers when it is warm. */
  load(version: number): Promise<void>;
  /** Unloads a version that nothing points at; one that is not there is no error. */
  unload(version: number): Promise<void>;
  /** Weights of the bare name's requests, and percents that are copied; both empty: by alias again. */
  split(weights: TrafficWeights, shadow: TrafficWeights): Promise<void>;
  /** Labels go where the record's aliases point, now. */
  follow(): Promise<void>;
  /** Versions that answer now. */
  versions(): Promise<readonly ServedVersion[]>;
}

interface ServedVersion {
  readonly version: number;
  readonly state: string;
  readonly weight: number | null;
  readonly shadow: number | null;
  readonly labels: readonly string[];
}

const mapOf = (weights: TrafficWeights): Map<number, number> => new Map(Object.entries(weights).map(([v, w]) => [Number(v), w]));

/** Of a server in this process. */
export const fleetTraffic = (fleet: Fleet, model: string): LoopTraffic => ({
  async load(version) {
    await fleet.checkThere(model, version);
    await fleet.load(model, version);
  },
  async unload(version) {
    const isThere = fleet.list().some(v => v.name === model && v.version === version);
    if (isThere) await fleet.unload(model, version);
  },
  split: async (weights, shadow) => fleet.split(model, mapOf(weights), mapOf(shadow)),
  async follow() {
    await fleet.followAliases(model);
  },
  versions: async () => fleet.list().filter(v => v.name === model),
});

interface AdminAnswer {
  readonly data?: readonly (ServedVersion & { readonly name: string })[];
  readonly error?: { readonly message?: string; readonly code?: string };
}

/** How long a change may take: a load reads the weights. */
const longestMs = 120_000;

interface AdminPlace {
  readonly url: string;
  readonly model: string;
  /** Where the tokens of servers on this machine lie. */
  readonly folder: string;
}

/** Of a server at an address. Errors: loop/server. */
export function adminTraffic({ url, model, folder }: AdminPlace): LoopTraffic {
  const server = url.replace(/\/+$/, "");
  const call = async (path: string, body?: object): Promise<AdminAnswer> => {
    const key = environment().LOAM_API_KEY || tokenFor(await readTokenFiles(folder), server);
    const fail = (received: string, cause?: unknown) =>
      loopErrors.fail(
        "server",
        {
          place: `${server}${path}`,
          expected: "the model server's administration",
          received,
          hint: "Start it with loam serve, or set `server:` of the loop.",
        },
        cause,
      );
    const response = await fetch(`${server}${path}`, {
      method: body ? "POST" : "GET",
      headers: { ...(key ? { authorization: `Bearer ${key}` } : {}), ...(body ? { "content-type": "application/json" } : {}) },
      ...(body ? { body: JSON.stringify(body) } : {}),
      signal: AbortSignal.timeout(longestMs),
    }).catch((error: unknown) => {
      throw fail("no answer", error);
    });
    const answer = (await response.json().catch(() => ({}))) as AdminAnswer;
    if (!response.ok) throw fail(answer.error?.message ?? `status ${response.status}`);
    return answer;
  };
  const versions = async () => ((await call("/v1/admin/models")).data ?? []).filter(v => v.name === model);
  return {
    load: async version => void (await call("/v1/admin/load", { model: `${model}@${version}` })),
    async unload(version) {
      if ((await versions()).some(v => v.version === version)) await call("/v1/admin/unload", { model: `${model}@${version}` });
    },
    split: async (weights, shadow) => void (await call("/v1/admin/split", { name: model, weights, shadow })),
    follow: async () => void (await call("/v1/admin/follow", { name: model })),
    versions,
  };
}

/** No server is directed: the alias moves, and servers follow it by themselves. */
export const noTraffic: LoopTraffic = {
  load: async () => {},
  unload: async () => {},
  split: async () => {},
  follow: async () => {},
  versions: async () => [],
};

const isSo = (there: readonly ServedVersion[], weights: TrafficWeights, shadow: TrafficWeights): boolean =>
  Object.entries(weights).every(([v, w]) => there.some(s => s.version === Number(v) && s.weight === w)) &&
  Object.entries(shadow).every(([v, w]) => there.some(s => s.version === Number(v) && s.shadow === w)) &&
  there.every(s => (s.weight === null || s.version in weights) && (s.shadow === null || s.version in shadow));

/**
 * Gives a version its share, once: what is so already is left as it is. The current version is held fast first, so that no request for the bare name meets
 * the new one before it may.
 */
export async function shareTraffic(
  traffic: LoopTraffic,
  { current, candidate }: { readonly current: number | null; readonly candidate: number },
  weights: TrafficWeights,
  shadow: TrafficWeights,
): Promise<void> {
  const there = await traffic.versions();
  if (isSo(there, weights, shadow)) return;
  const isLoaded = (version: number) => there.some(v => v.version === version && v.state === "ready");
  if (current !== null) {
    if (!isLoaded(current)) await traffic.load(current);
    if (!isLoaded(candidate)) await traffic.split({ [current]: 1 }, {});
  }
  if (!isLoaded(candidate)) await traffic.load(candidate);
  await traffic.split(weights, shadow);
}

/** All traffic to one version, and another one out of memory; done again, it changes nothing. */
export async function takeBackTraffic(traffic: LoopTraffic, alias: string, to: number | null, from: number): Promise<void> {
  const there = await traffic.versions();
  const isThere = (version: number) => there.some(v => v.version === version);
  if (to !== null && isThere(from)) {
    // requests under way on the other version end there; new ones go here from now on
    if (!isThere(to)) await traffic.load(to);
    await traffic.split({ [to]: 1 }, {});
  }
  await followAlias(traffic, alias, to);
  if (to !== null) await traffic.unload(from);
  await traffic.split({}, {});
}

const followedMs = 10_000;
const betweenLooksMs = 200;

/** Waits until a server that serves by the alias has its label where the record has it. */
async function followAlias(traffic: LoopTraffic, alias: string, version: number | null): Promise<void> {
  await traffic.follow();
  const end = performance.now() + followedMs;
  for (;;) {
    const labelled = (await traffic.versions()).find(v => v.labels.includes(alias));
    if (!labelled || labelled.version === version || performance.now() > end) return;
    await sleep(betweenLooksMs);
  }
}

/** All traffic to the version that the alias has now; done again, it changes nothing. */
export async function settleTraffic(traffic: LoopTraffic, alias: string, version: number | null): Promise<void> {
  const there = await traffic.versions();
  if (version !== null && there.some(v => v.version === version)) await traffic.split({ [version]: 1 }, {});
  await followAlias(traffic, alias, version);
  await traffic.split({}, {});
}
