/**
 * Sketches of what a server's models are asked and answer, an hour each, in the record: what drift is measured of. A response is added where its tokens are,
 * and only counts leave; what costs more than a few microseconds is done of some responses.
 */
import type { Json } from "../../../base/index.ts";
import type { EndedResponse } from "../../../serve/index.ts";
import { changeStates, dropStates, type Store, statesOf } from "../../../store/index.ts";
import {
  addToSketch,
  emptySketch,
  isSampledId,
  mergeSketches,
  type Sketch,
  type SketchSpec,
  type SketchValues,
  sketchBytes,
  sketchFromBytes,
  type TimedSketch,
  textValuesOf,
  tokenValuesOf,
  windowSpec,
} from "../../../watch/index.ts";
import { addOwner, holdsErased, ownerRow, ownersScope, pruneErased, type WindowOwners } from "./sketch-owners.ts";
import { versionSketch } from "./subject.ts";

const scope = "watch/sketches";
const hourMs = 3_600_000;
/** Hours that are kept: 90 days. */
const keptHours = 90 * 24;
/** Values that a window samples of a number. */
const windowSample = 200;
/** One response in so many is looked at as a text, and its tokens are projected. */
const everyText = 8;
/** Tokens of a prompt or an answer that are looked at. */
const mostTokens = 4096;
/** Versions that a server keeps windows of at once. */
const mostVersions = 32;

const hourKey = (hour: number): string => String(hour).padStart(15, "0");

/** What windows of a version hold: the features of its training sketch, and what the model says where that knows what is right. */
function liveSpec(reference: Sketch): SketchSpec {
  const spec = windowSpec(reference, { sample: windowSample });
  const features = Object.entries(spec.features)
    .filter(([name]) => !name.startsWith("attribute ") && name !== "language" && name !== "private")
    .map(([name, feature]) => [name, feature.role === "label" ? { ...feature, role: "prediction" as const } : feature] as const);
  return { ...spec, features: Object.fromEntries(features) };
}

/** Of one answer or reading of a response. */
function valuesOf(response: EndedResponse, index: number, isFull: boolean): SketchValues | undefined {
  const reading = response.readings[index];
  const answer = response.answers[index];
  if (reading) return { ...tokensOf("input", reading.tokens, isFull), ...(reading.label === null ? {} : { label: reading.label }) };
  if (!answer || answer.isForced) return undefined;
  const text = (part: "input" | "answer", tokens: readonly number[]): SketchValues =>
    isFull ? textValuesOf(part, response.decode(tokens.slice(0, mostTokens))) : {};
  return {
    ...tokensOf("input", answer.promptTokens, isFull),
    ...tokensOf("answer", answer.answerTokens, isFull),
    ...text("input", answer.promptTokens),
    ...text("answer", answer.answerTokens),
  };
}

/** All of a projection's vectors are of the same responses; counts are of every one. */
function tokensOf(part: "input" | "answer", tokens: readonly number[], isFull: boolean): SketchValues {
  const seen = tokens.length > mostTokens ? tokens.slice(0, mostTokens) : tokens;
  if (isFull) return tokenValuesOf(part, seen);
  const prefix = part === "input" ? "" : "answer-";
  return { [`${prefix}token-count`]: tokens.length, [`${prefix}tokens`]: seen };
}

export interface LiveSketches {
  /** Told of every response that has ended. */
  ended(response: EndedResponse): void;
  /** Writes what has changed into the record. Errors: those of the record; then it is written with the next. */
  flush(): Promise<void>;
}

/** A window in memory, and whether the record has all of it. */
interface OpenWindow {
  readonly model: string;
  readonly hour: number;
  readonly sketch: Sketch;
  readonly owners: WindowOwners;
  isWritten: boolean;
}

/**
 * `process` differs from that of every other process, and from a restart's. Each process has one state an hour and version, which it writes whole: written
 * twice it counts once.
 */
export function openLiveSketches(store: Store, process: string = crypto.randomUUID().slice(0, 13)): LiveSketches {
  const specs = new Map<string, SketchSpec | null>();
  const windows = new Map<string, OpenWindow>();
  let count = 0;

  const learn = (model: string): void => {
    specs.set(model, null);
    versionSketch(store, model).then(
      found => specs.set(model, found ? liveSpec(found.sketch) : null),
      // asked again at the next restart
      () => {},
    );
  };
  const windowOf = (model: string, spec: SketchSpec, hour: number): OpenWindow => {
    const key = `${model}/${hour}`;
    const found = windows.get(key) ?? { model, hour, sketch: emptySketch(spec), owners: new Map(), isWritten: false };
    windows.set(key, found);
    return found;
  };
  /** Writes windows of a version, but those of somebody who was erased meanwhile: these are reset. */
  const write = async (model: string, taken: readonly OpenWindow[]): Promise<void> => {
    for (const w of taken) w.isWritten = true;
    const now = Math.floor(store.clock.now() / hourMs);
    const oldest = hourKey(now - keptHours);
    let isErased: readonly boolean[];
    try {
      isErased = await changeStates(store, async states => {
        const erased = await holdsErased(states, taken);
        const kept = taken.filter((_, i) => !erased[i]);
        const rows = kept.map((w): [string, Json] => [
          `${hourKey(w.hour)}/${process}`,
          Buffer.from(sketchBytes(w.sketch)).toString("base64"),
        ]);
        await states.putAll(`${scope}/${model}`, new Map(rows));
        await states.putAll(ownersScope, new Map(kept.map(w => ownerRow(hourKey(w.hour), process, model, w.owners))));
        await pruneErased(states, (now - keptHours) * hourMs);
        return erased;
      });
    } catch (error) {
      for (const w of taken) w.isWritten = false;
      throw error;
    }
    for (const [i, w] of taken.entries()) if (isErased[i] || (w.isWritten && w.hour < now)) windows.delete(`${model}/${w.hour}`);
    await dropStates(store, `${scope}/${model}`, oldest);
    await dropStates(store, ownersScope, oldest);
  };
  return {
    ended(response) {
      const { model, status, isShadow } = response;
      if (model === null || isShadow || status >= 400) return;
      const spec = specs.get(model);
      if (spec === undefined && specs.size < mostVersions) learn(model);
      if (!spec) return;
      count++;
      // drawn: every eighth of a stream that has a period would be no sample
      const isFull = isSampledId(`${process} ${count}`, 1, everyText);
      const window = windowOf(model, spec, Math.floor(response.atMs / hourMs));
      window.isWritten = false;
      addOwner(window.owners, response.owner, store.clock.now());
      for (let i = 0; i < Math.max(response.answers.length, response.readings.length); i++) {
        const values = valuesOf(response, i, isFull);
        // the server's own id: clients could choose what is sampled by theirs
        if (values) addToSketch(window.sketch, values, `${process} ${count} ${i}`);
      }
    },
    async flush() {
      const byModel = new Map<string, OpenWindow[]>();
      for (const w of windows.values()) if (!w.isWritten) byModel.set(w.model, [...(byModel.get(w.model) ?? []), w]);
      for (const [model, taken] of byModel) await write(model, taken);
    },
  };
}

/** Between two writes: an hour's sketch is written whole each time. */
const writeMs = 60_000;

export interface RunningSketches extends Pick<LiveSketches, "ended"> {
  /** Writes what is left. */
  close(): Promise<void>;
}

/** Sketches of a server that runs, written every minute and at its end; undefined where the record cannot be written. */
export function runLiveSketches(store: Store, warn: (message: string) => void): RunningSketches | undefined {
  if (store.isReadOnly) return undefined;
  const sketches = openLiveSketches(store);
  let isFailing = false;
  const flush = async (): Promise<void> => {
    try {
      await sketches.flush();
      isFailing = false;
    } catch (error) {
      if (!isFailing) warn(`loam: sketches of traffic are not kept: ${error instanceof Error ? error.message : String(error)}`);
      isFailing = true;
    }
  };
  const timer = setInterval(() => void flush(), writeMs);
  timer.unref();
  return {
    ended: response => sketches.ended(response),
    close: async () => {
      clearInterval(timer);
      await flush();
    },
  };
}

/** Windows of a version, all servers together, oldest first; with `isWanted`, those that begin at wanted times (ms since 1970). `version` is `mail@3`. */
export async function liveWindows(
  store: Store,
  version: string,
  sinceMs = 0,
  { isWanted = () => true }: { readonly isWanted?: (atMs: number) => boolean } = {},
): Promise<TimedSketch[]> {
  const from = hourKey(Math.floor(sinceMs / hourMs));
  const hours = new Map<string, Sketch>();
  for (const { key, value } of await statesOf(store.records.read, `${scope}/${version}`, { from })) {
    const hour = key.slice(0, 15);
    if (!isWanted(Number(hour) * hourMs)) continue;
    const sketch = sketchFromBytes(Buffer.from(String(value), "base64"));
    const before = hours.get(hour);
    hours.set(hour, before ? mergeSketches(before, sketch) : sketch);
  }
  return [...hours].sort(([a], [b]) => (a < b ? -1 : 1)).map(([hour, sketch]) => ({ atMs: Number(hour) * hourMs, sketch }));
}
