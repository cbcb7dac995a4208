/**
 * Examples of requests as the record keeps them: redacted before they are given here, bounded in number, bytes and days for each version. Kept of an owner is a
 * hash alone, by which erasing a person reaches them. Scopes: `watch/samples` the versions that have some, `watch/samples/VERSION` by time.
 */
import type { Json } from "../../../base/index.ts";
import { changeStates, type StatesChange, type Store, type StoredState, statesOf } from "../../../store/index.ts";
import type { SampleSettings } from "../../../watch/part.ts";
import { erasureKeyOf, holdsErased } from "../drift/index.ts";
import { timeKey, timeOfKey } from "../live/index.ts";

const versionsScope = "watch/samples";
const scopeOf = (version: string): string => `${versionsScope}/${version}`;

/** One request with its response, as it was after redaction. */
export interface SampledTexts {
  /** What the address is called in policies: `chat`, `completions`, ... */
  readonly endpoint: string;
  readonly outcome: string;
  /** Its end, and the beginning of the answer, where they are longer than `watch.samples.characters`. */
  readonly prompt: string;
  /** Null of a classifier. */
  readonly answer: string | null;
  /** What a classifier said. */
  readonly label: string | null;
  /** What monitors saw in it: `refusal`, `injection`, ... */
  readonly signs: readonly string[];
  /** Findings of private data that were replaced. */
  readonly redacted: number;
}
export interface RequestSample extends SampledTexts {
  readonly id: string;
  /** The version that answered, `mail@3`. */
  readonly model: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly expires: number;
}

/** A redacted example that is not in the record yet. */
export interface TakenSample {
  readonly model: string;
  readonly owner: string | null;
  readonly atMs: number;
  /** Differs from every other one's. */
  readonly name: string;
  readonly texts: SampledTexts;
}

interface SampleRow {
  readonly owner: string | null;
  readonly expiresMs: number;
  readonly texts: SampledTexts;
}
/** States are written by this file alone: what is read is what was written. */
const rowOf = (value: Json): SampleRow => value as unknown as SampleRow;
const jsonOf = (row: SampleRow): Json => row as unknown as Json; // plain data

const dayMs = 86_400_000;
const sizeOf = (value: Json): number => Buffer.byteLength(JSON.stringify(value));

/** Removes what is past its time, and the oldest beyond the bounds. */
async function pruneVersion(states: StatesChange, version: string, { most, bytes, days }: SampleSettings, nowMs: number): Promise<void> {
  let [count, size] = [0, 0];
  for (const { key, value } of await states.range(scopeOf(version), { isNewestFirst: true })) {
    const isOver = rowOf(value).expiresMs <= nowMs || timeOfKey(key) + days * dayMs <= nowMs;
    const own = sizeOf(value);
    if (isOver || count >= most || size + own > bytes) {
      await states.remove(scopeOf(version), key);
      // what is older than one that had no room has none either: the newest are kept
      if (!isOver) size = bytes;
      continue;
    }
    count++;
    size += own;
  }
  if (count === 0) await states.remove(versionsScope, version);
}

/** Keeps examples, but those of somebody who was erased after them, and removes what they leave no room for. */
export const keepSamples = (store: Store, taken: readonly TakenSample[], settings: SampleSettings): Promise<void> =>
  changeStates(store, async states => {
    const isErased = await holdsErased(
      states,
      taken.map(({ owner, atMs }) => ({ owners: new Map(owner === null ? [] : [[owner, atMs]]) })),
    );
    const versions = new Set<string>();
    for (const [i, { model, owner, atMs, name, texts }] of taken.entries()) {
      if (isErased[i]) continue;
      versions.add(model);
      const row = { owner: owner === null ? null : erasureKeyOf(owner), expiresMs: atMs + settings.days * dayMs, texts };
      await states.put(scopeOf(model), `${timeKey(atMs)}/${name}`, jsonOf(row));
    }
    for (const version of versions) {
      await states.put(versionsScope, version, true);
      await pruneVersion(states, version, settings, store.clock.now());
    }
  });

/** Removes what is past its time; with `false`, where examples are not wanted any more, all of them. */
export const pruneSamples = (store: Store, settings: SampleSettings | false): Promise<void> =>
  changeStates(store, async states => {
    for (const { key: version } of await states.range(versionsScope)) {
      if (settings !== false) {
        await pruneVersion(states, version, settings, store.clock.now());
        continue;
      }
      for (const { key } of await states.range(scopeOf(version))) await states.remove(scopeOf(version), key);
      await states.remove(versionsScope, version);
    }
  });

const sampleOf = (model: string, { key, value }: StoredState): RequestSample => {
  const { texts, expiresMs } = rowOf(value);
  return { id: key, model, at: timeOfKey(key), expires: expiresMs, ...texts };
};

interface SampleRange {
  /** A version (`mail@3`) or a name; default: all. */
  readonly model?: string | undefined;
  /** Milliseconds since 1970, both included. */
  readonly fromMs?: number | undefined;
  readonly toMs?: number | undefined;
  /** Default: 50. */
  readonly limit?: number | undefined;
}

/** Examples that are kept, the newest first; none that is past its time. */
export async function readSamples(store: Store, { model, fromMs = 0, toMs, limit = 50 }: SampleRange = {}): Promise<RequestSample[]> {
  const nowMs = store.clock.now();
  const all: RequestSample[] = [];
  for (const { key: version } of await statesOf(store.records.read, versionsScope)) {
    if (model !== undefined && version !== model && version.split("@")[0] !== model) continue;
    const range = { from: timeKey(fromMs), isNewestFirst: true, ...(toMs === undefined ? {} : { before: timeKey(toMs + 1) }) };
    const rows = await statesOf(store.records.read, scopeOf(version), range);
    all.push(
      ...rows
        .filter(r => rowOf(r.value).expiresMs > nowMs)
        .slice(0, limit)
        .map(r => sampleOf(version, r)),
    );
  }
  return all.sort((a, b) => b.at - a.at).slice(0, limit);
}

/** Examples of an owner's requests (`user:ann`). */
export async function samplesOfOwner(store: Store, owner: string): Promise<RequestSample[]> {
  const own = erasureKeyOf(owner);
  const all: RequestSample[] = [];
  for (const { key: version } of await statesOf(store.records.read, versionsScope))
    for (const row of await statesOf(store.records.read, scopeOf(version)))
      if (rowOf(row.value).owner === own) all.push(sampleOf(version, row));
  return all;
}

/** Removes examples of an owner's requests; how many there were. Those that a server has not written yet: `keepSamples` leaves them out. */
export const eraseOwnerSamples = (store: Store, owner: string): Promise<number> =>
  changeStates(store, async states => {
    const own = erasureKeyOf(owner);
    let erased = 0;
    for (const { key: version } of await states.range(versionsScope))
      for (const { key, value } of await states.range(scopeOf(version))) {
        if (rowOf(value).owner !== own) continue;
        await states.remove(scopeOf(version), key);
        erased++;
      }
    return erased;
  });

/** Differs as soon as there is another newest example of some version. */
export async function samplesRevision(store: Store): Promise<string> {
  const versions = await statesOf(store.records.read, versionsScope);
  return versions.map(({ key, atMs }) => `${key} ${atMs}`).join();
}
