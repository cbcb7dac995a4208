/** What waits for a person, and alarms, from the pages that have them. A server without such a page has none of it; other failures pass. */
import { api } from "../api.ts";
import { FailureError } from "../failure.ts";
import { gateway } from "../gateway/api.ts";
import { routeHash } from "../route.ts";
import { watch } from "../watch/api.ts";

export interface WaitingItem {
  readonly text: string;
  readonly href: string;
}

/** Versions whose gates are looked at: the newest of each model. */
const mostModels = 5;

/** Of an address that the server has not, or lets this person not read: undefined. */
async function ifThere<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof FailureError && [401, 403, 404].includes(error.failure.status ?? 0)) return undefined;
    throw error;
  }
}

const counted = (n: number, one: string, many = `${one}s`): string => `${n} ${n === 1 ? one : many}`;

async function labels(signal: AbortSignal): Promise<WaitingItem[]> {
  const sets = (await ifThere(api.labelSets(signal))) ?? [];
  return sets
    .filter(s => s.decided < s.texts)
    .map(s => ({ text: `${s.name}: ${counted(s.texts - s.decided, "text")} to label`, href: routeHash("labels", s.name) }));
}

async function reviews(signal: AbortSignal): Promise<WaitingItem[]> {
  const open = (await ifThere(gateway.reviews(signal)))?.data.filter(c => c.decidedBy === null) ?? [];
  return open.length === 0 ? [] : [{ text: `${counted(open.length, "request")} held for review`, href: routeHash("gateway") }];
}

/** Approvals that the newest versions lack. */
async function approvals(signal: AbortSignal): Promise<WaitingItem[]> {
  const newest = ((await ifThere(api.releases(signal))) ?? [])
    .filter(m => m.aliases.some(a => a.isGuarded))
    .slice(0, mostModels)
    .flatMap(m => m.versions.slice(0, 1).map(v => v.id));
  const verdicts = await Promise.all(newest.map(id => ifThere(api.verdicts(id, signal))));
  return verdicts.flatMap(v =>
    (v?.gates ?? []).flatMap(({ alias, gates }) =>
      gates
        .filter(g => g.kind === "approval" && !g.passed)
        .map(g => ({ text: `${v!.id} for ${alias}: ${g.gate}, ${g.told}`, href: routeHash("releases", v!.id) })),
    ),
  );
}

export const waitingItems = async (hasGateway: boolean, signal: AbortSignal): Promise<readonly WaitingItem[]> =>
  (await Promise.all([labels(signal), hasGateway ? reviews(signal) : [], approvals(signal)])).flat();

export const activeAlarms = async (signal: AbortSignal) =>
  (await ifThere(watch.status(signal)))?.alarms.filter(a => a.endedAt === null) ?? [];
