/**
 * Whose requests an hour of traffic holds, as hashes, so that erasing a person takes those hours out of every reference: counts cannot be taken out of a sketch.
 * Scopes: `watch/sketch-owners` by hour, process and version; `watch/sketches-erased` owners that were erased, for processes whose hour is still in memory.
 */
import { sha256 } from "../../../base/index.ts";
import { changeStates, type StatesChange, type Store } from "../../../store/index.ts";

export const ownersScope = "watch/sketch-owners";
const erasedScope = "watch/sketches-erased";

/** Owners of one hour, version and process that are told apart; of one with more, everybody is said to be in it. */
const mostOwners = 1000;
const everybody = "*";

/** What is kept of an owner's name. */
export const erasureKeyOf = (owner: string): string => sha256(`loam sketch ${owner}`).slice(0, 20);

/** Of a window in memory: when each owner was first seen, in ms since 1970. */
export type WindowOwners = Map<string, number>;

/** Owners as they are kept, sorted: their names are not. */
const keptOwners = (owners: WindowOwners): string[] =>
  [...owners.keys()].map(owner => (owner === everybody ? everybody : erasureKeyOf(owner))).sort();

export function addOwner(owners: WindowOwners, owner: string | null, nowMs: number): void {
  if (owner === null || owners.has(owner)) return;
  owners.set(owners.size < mostOwners ? owner : everybody, nowMs);
}

/** Does a window hold requests of somebody who was erased after them? */
export async function holdsErased(states: Pick<StatesChange, "range">, windows: readonly { readonly owners: WindowOwners }[]) {
  const erased = new Map((await states.range(erasedScope)).map(s => [s.key, s.atMs]));
  const latestMs = Math.max(Number.NEGATIVE_INFINITY, ...erased.values());
  return windows.map(({ owners }) =>
    [...owners].some(([owner, firstMs]) => {
      const erasedMs = owner === everybody ? latestMs : erased.get(erasureKeyOf(owner));
      return erasedMs !== undefined && firstMs <= erasedMs;
    }),
  );
}

const rowKey = (hour: string, process: string, model: string): string => `${hour}/${process}/${model}`;

export const ownerRow = (hour: string, process: string, model: string, owners: WindowOwners): [string, string[]] => [
  rowKey(hour, process, model),
  keptOwners(owners),
];

/** Takes hours of traffic with requests of an owner (`user:ann`) out of the record: how many sketches of an hour, version and server there were. */
export const eraseOwnerSketches = (store: Store, owner: string): Promise<number> =>
  changeStates(store, async states => {
    const own = erasureKeyOf(owner);
    let erased = 0;
    for (const { key, value } of await states.range(ownersScope)) {
      if (!Array.isArray(value) || !value.some(v => v === own || v === everybody)) continue;
      const [hour, process, ...model] = key.split("/");
      await states.remove(`watch/sketches/${model.join("/")}`, `${hour}/${process}`);
      await states.remove(ownersScope, key);
      erased++;
    }
    await states.put(erasedScope, own, true);
    return erased;
  });

export const pruneErased = async (states: StatesChange, beforeMs: number): Promise<void> => {
  for (const { key, atMs } of await states.range(erasedScope)) if (atMs < beforeMs) await states.remove(erasedScope, key);
};
