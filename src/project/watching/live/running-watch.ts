/**
 * Monitoring of a server or a gateway that runs: counts what it is told, writes the counts into the record every few seconds, and evaluates them where it holds the lease.
 * Nothing of it holds a response up. A record that is away or full costs one warning: counts wait in memory, bounded, and serving goes on.
 */
import { type Clock, systemClock } from "../../../base/index.ts";
import type { RequestRecord } from "../../../gateway/index.ts";
import type { EndedResponse, ResponseObserver } from "../../../serve/index.ts";
import { dropStates, Lease, pruneStates, type Store, statesOf } from "../../../store/index.ts";
import type { WatchFigures } from "../../../tracing/index.ts";
import { type MonitorSet, type ObjectiveRule, openMonitors, type SteadyTime, steadyTime } from "../../../watch/index.ts";
import type { WatchSettings } from "../../../watch/part.ts";
import { driftFigures, driftScope, lookForDrift } from "../drift/index.ts";
import { evaluateWindows, graceMs, keepAlarms } from "./evaluate-windows.ts";
import { flushWindows, type WatchingServer } from "./flush-windows.ts";
import { gatewayFacts, gatewayKeyOf, responseFacts, windowKeyOf } from "./response-facts.ts";
import { type HistoryStep, historyScope, historySteps, leaseKey, minuteMs, startOf, timeKey, timeOfKey, watchScopes } from "./scopes.ts";
import { type AlarmReceivers, AlarmTeller, activeAlarms } from "./tell-alarms.ts";
import { type WatchedObjective, watchedObjectives } from "./watch-status.ts";
import { WindowMemory } from "./window-memory.ts";

export interface WatchOptions {
  readonly store: Store;
  readonly settings: WatchSettings;
  readonly objectives: readonly ObjectiveRule[];
  /** The project's name, for the Alertmanager's labels. */
  readonly project: string | null;
  readonly owners?: AlarmReceivers["owners"];
  readonly warn: (text: string) => void;
  /** Takes events for webhooks. */
  readonly notify?: AlarmReceivers["notify"];
  /** Objectives are judged by what a gateway answered, where no server of Loam's own stands behind it. */
  readonly judgesGateway?: boolean;
  readonly clock?: Clock;
  /** What is known of quality, for /metrics; asked once a minute. */
  readonly quality?: () => Promise<WatchFigures["quality"]>;
  /** Flushed along. */
  readonly also?: readonly { flush(): Promise<void> }[];
}

/** Between two flushes. */
const flushMs = 5_000;
const pruneEveryMs = 3_600_000;
/** Old alarms, and states of versions that nobody asks any more. */
const alarmsKeptMs = 400 * 86_400_000;
const mostAlarms = 10_000;
const monitorsKeptMs = 30 * 86_400_000;
const mostMonitored = 200;
const serversKeptMs = 86_400_000;
/** Models that are given a window in a minute without requests, so that lost traffic shows. */
const mostKnown = 32;
const knownMs = 86_400_000;

const sentence = (error: unknown): string => (error instanceof Error ? error.message : String(error));

export class RunningWatch {
  readonly #options: WatchOptions;
  readonly #clock: Clock;
  readonly #server: WatchingServer;
  readonly #memory = new WindowMemory();
  readonly #lease: Lease;
  readonly #teller: AlarmTeller;
  /** When each model was last asked, by its window's name. */
  readonly #known = new Map<string, number>();
  /** Versions whose windows were evaluated. */
  readonly #versions = new Set<string>();
  #monitors: MonitorSet | undefined;
  #time: SteadyTime | undefined;
  /** Monotonic time of the last jump of the clock, or of the start. */
  #steadySinceMs: number;
  #begunMinute = 0;
  #evaluatedMs = 0;
  #quality: { readonly minute: number; readonly figures: WatchFigures["quality"] } | undefined;
  #prunedMs = Number.NEGATIVE_INFINITY;
  #isFailing = false;
  #lost = 0;
  #figures: WatchFigures | undefined;
  #running: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(options: WatchOptions) {
    this.#options = options;
    const { store, clock = systemClock, settings, project, owners, notify, warn } = options;
    this.#clock = clock;
    this.#steadySinceMs = clock.monotonic();
    this.#server = { id: crypto.randomUUID().slice(0, 13), startedMs: clock.now() };
    this.#lease = new Lease(store, {
      scope: watchScopes.state,
      key: leaseKey,
      name: this.#server.id,
      monotonic: () => clock.monotonic(),
    });
    const alertmanager = settings.alertmanager === undefined ? undefined : new URL(settings.alertmanager);
    this.#teller = new AlarmTeller(store, { notify, alertmanager, project, owners, warn });
  }

  /** Flushes and evaluates by itself from now on. */
  start(): void {
    this.#timer = setInterval(() => void this.tick(), flushMs);
    this.#timer.unref();
  }

  /** Solves the monitors' limits, which takes some 100 ms of processor once: better before anybody waits for an answer. */
  prepare(): MonitorSet {
    this.#monitors ??= openMonitors({ falseAlarmsPerDay: this.#options.settings.alarmsPerDay });
    return this.#monitors;
  }

  get observer(): ResponseObserver {
    const { scoreEvery } = this.#options.settings;
    return { ended: response => this.#ended(response), ...(scoreEvery === false ? {} : { scoresEvery: scoreEvery }) };
  }
  /** Told of a request that a gateway answered. */
  request(record: RequestRecord): void {
    const { objectives, judgesGateway = false } = this.#options;
    this.#count(gatewayKeyOf(record), gatewayFacts(record, judgesGateway ? objectives : []));
  }
  /** What monitors say now, from memory. */
  readonly figures = (): WatchFigures | undefined => this.#figures;

  #ended(response: EndedResponse): void {
    const { objectives, settings } = this.#options;
    this.#count(windowKeyOf(response), responseFacts(response, { objectives, texts: settings.texts }));
  }
  #count(model: string, facts: Parameters<WindowMemory["count"]>[2]): void {
    const { ms } = this.#now();
    this.#memory.count(ms, model, facts);
    if (this.#known.has(model) || this.#known.size < mostKnown) this.#known.set(model, ms);
  }

  #now(): SteadyTime {
    const time = steadyTime(this.#time, this.#clock.now(), this.#clock.monotonic());
    if (time.jumpMs !== 0) {
      this.#steadySinceMs = time.monotonicMs;
      const seconds = Math.round(Math.abs(time.jumpMs) / 1000);
      this.#options.warn(
        `monitoring: the clock jumped ${seconds} s ${time.jumpMs > 0 ? "ahead" : "back"}; counts of this minute may lie in another one`,
      );
    }
    this.#time = time;
    return time;
  }

  /** One round: writes what was counted, evaluates and tells where the lease is ours. Never fails; calls at once are one. */
  tick(): Promise<void> {
    this.#running ??= this.#round()
      .then(
        () => {
          this.#isFailing = false;
        },
        error => this.#failed(error),
      )
      .finally(() => {
        this.#running = undefined;
      });
    return this.#running;
  }

  #failed(error: unknown): void {
    if (this.#isFailing) return;
    this.#isFailing = true;
    this.#options.warn(
      `monitoring: the artifact store cannot be used (${sentence(error)}); serving goes on, and counts wait in memory for two hours at most`,
    );
  }

  #begin(nowMs: number): void {
    const minute = startOf(nowMs, minuteMs);
    if (minute === this.#begunMinute) return;
    this.#begunMinute = minute;
    for (const [model, askedMs] of this.#known) if (nowMs - askedMs > knownMs) this.#known.delete(model);
    this.#memory.begin(nowMs, this.#known.keys());
  }

  async #flush(nowMs: number): Promise<void> {
    for (let batch = this.#memory.take(); batch; batch = this.#memory.take()) {
      await flushWindows(this.#options.store, this.#server, batch, nowMs);
      this.#memory.written(batch);
    }
    const { lost } = this.#memory;
    if (lost > this.#lost)
      this.#options.warn(`monitoring: counts of ${lost - this.#lost} responses were lost while the artifact store was away`);
    this.#lost = lost;
    for (const { flush } of this.#options.also ?? []) await flush();
  }

  async #round(): Promise<void> {
    const { ms: nowMs } = this.#now();
    if (!this.#isClosed) this.#begin(nowMs);
    await this.#flush(nowMs);
    if (this.#isClosed) return;
    if (await this.#lease.hold()) await this.#evaluate(nowMs);
    await this.#look(nowMs);
  }

  async #evaluate(nowMs: number): Promise<void> {
    const { store, objectives } = this.#options;
    const over = startOf(nowMs - graceMs, minuteMs);
    if (over !== this.#evaluatedMs) {
      await evaluateWindows({
        store,
        server: this.#server.id,
        monitors: this.prepare(),
        objectives,
        nowMs,
        seen: model => this.#see(model),
      });
      this.#evaluatedMs = over;
      await this.#lookForDrift(nowMs);
    }
    await this.#teller.tell(nowMs);
    await this.#prune();
  }

  #see(model: string): void {
    if (/^[^#:]+@\d+$/.test(model) && this.#versions.size < mostMonitored) this.#versions.add(model);
  }

  /** Of versions that any server was asked for since this one evaluates. */
  async #lookForDrift(nowMs: number): Promise<void> {
    const { store, settings } = this.#options;
    if (settings.drift === false) return;
    for (const version of this.#versions) {
      const look = await lookForDrift(store, settings.drift, version, nowMs);
      if (look) await keepAlarms(store, this.#server.id, { scope: driftScope, key: version, ...look });
    }
  }

  /** Takes old rows away. A clock that has just jumped may be wrong, and takes nothing away. */
  async #prune(): Promise<void> {
    const monotonic = this.#clock.monotonic();
    if (monotonic - this.#prunedMs < pruneEveryMs || monotonic - this.#steadySinceMs < pruneEveryMs) return;
    this.#prunedMs = monotonic;
    const { store } = this.#options;
    for (const [step, { keptMs }] of Object.entries(historySteps)) {
      const scope = historyScope(step as HistoryStep);
      const [newest] = await statesOf(store.records.read, scope, { limit: 1, isNewestFirst: true });
      if (newest) await dropStates(store, scope, timeKey(timeOfKey(newest.key) - keptMs));
    }
    const nowMs = store.clock.now();
    await pruneStates(store, watchScopes.alarms, { beforeMs: nowMs - alarmsKeptMs, most: mostAlarms });
    await pruneStates(store, watchScopes.monitors, { beforeMs: nowMs - monitorsKeptMs, most: mostMonitored });
    await pruneStates(store, driftScope, { beforeMs: nowMs - monitorsKeptMs, most: mostMonitored });
    await pruneStates(store, watchScopes.servers, { beforeMs: nowMs - serversKeptMs, most: mostMonitored });
  }

  /** Reads what /metrics shows. */
  async #look(nowMs: number): Promise<void> {
    const { store, objectives } = this.#options;
    const alarms = await activeAlarms(store);
    const kept = objectives.length > 0 ? await watchedObjectives(store, objectives, nowMs) : [];
    this.#figures = {
      alarms: alarms.map(({ monitor, kind, model, severity }) => ({ monitor, kind, model: model ?? "", severity })),
      objectives: kept.map(({ name, objective, reached, budgetLeft, burn }: WatchedObjective) => ({
        name,
        objective,
        reached,
        budgetLeft,
        burn,
      })),
      drift: driftFigures(await statesOf(store.records.read, driftScope, { limit: mostMonitored })),
      quality: await this.#qualityNow(nowMs),
      lookedMs: nowMs,
    };
  }

  async #qualityNow(nowMs: number): Promise<WatchFigures["quality"]> {
    const minute = startOf(nowMs, minuteMs);
    if (this.#quality?.minute !== minute) this.#quality = { minute, figures: (await this.#options.quality?.()) ?? [] };
    return this.#quality.figures;
  }

  /** Writes what is left, and gives the lease back. Never fails. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    clearInterval(this.#timer);
    await this.#running;
    this.#isClosed = true;
    await this.tick();
    await this.#lease.release().catch(() => {});
  }
}
