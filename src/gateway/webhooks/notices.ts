/**
 * What becomes an event for webhooks: limits that are near or deny, breakers, and the list of changes, which is read on from where it was, so that
 * what another process or the command line changes is told too. Nothing of it runs while nobody wants it.
 */
import { sha256 } from "../../base/index.ts";
import type { Control } from "../contract.ts";
import type { ChangeEntry } from "../identity/changes.ts";
import type { LimitEvent } from "../limits/contract.ts";
import type { UpstreamNotice } from "../upstreams/notice.ts";
import type { EventType, GatewayAlarm } from "./event.ts";
import { openWebhooks, type ReceiverState, type WebhookConfig, type WebhookOptions, type Webhooks } from "./webhooks.ts";

interface NoticesOptions extends WebhookOptions {
  readonly control: Control;
  readonly configs: readonly WebhookConfig[];
  /** Between looks at the list of changes; 2 s when absent. */
  readonly lookMs?: number;
}

const defaultLookMs = 2_000;
/** A window is told of once in this time, however often it is full. */
const slotMs = 3_600_000;
/** Keys that end within this time are told of. */
const expiringMs = 7 * 86_400_000;
const expiringEveryMs = 3_600_000;
/** Told already; beyond it the oldest are forgotten, and the id says that it is the same. */
const mostTold = 10_000;

/** The same event has the same id in every process. */
const idOf = (...parts: readonly (string | number)[]): string => `evt_${sha256(JSON.stringify(parts)).slice(0, 24)}`;

const typesOfChanges: Readonly<Record<string, EventType>> = {
  "key.create": "key.created",
  "key.rotate": "key.rotated",
  "key.revoke": "key.revoked",
  config: "config.changed",
  "principal.create": "principal.changed",
  "principal.replace": "principal.changed",
  "principal.delete": "principal.changed",
  "policy.create": "policy.changed",
  "policy.replace": "policy.changed",
  "policy.delete": "policy.changed",
};

export class Notices {
  readonly #control: Control;
  readonly #lookMs: number;
  readonly #now: () => number;
  readonly #webhooks: Webhooks;
  readonly #told = new Set<string>();
  readonly #timers: NodeJS.Timeout[] = [];
  #next: number | undefined;
  #looking: Promise<void> | undefined;

  constructor({ control, configs, lookMs = defaultLookMs, ...options }: NoticesOptions) {
    this.#control = control;
    this.#lookMs = lookMs;
    this.#now = options.now ?? Date.now;
    this.#webhooks = openWebhooks(configs, options);
    this.#begin();
  }

  take(configs: readonly WebhookConfig[]): void {
    this.#webhooks.take(configs);
    this.#begin();
  }

  upstream(notice: UpstreamNotice): void {
    const now = this.#now();
    if (notice.kind === "breaker") {
      const { to, failures, restMs, ...change } = notice.change;
      const data =
        to === "opened" ? { ...change, failures, restMs: Math.round(restMs) } : { upstream: change.upstream, model: change.model };
      this.#send(idOf(`breaker.${to}`, change.upstream, now, Math.random()), `breaker.${to}`, data);
      return;
    }
    const { kind, ...data } = notice;
    this.#send(idOf(kind, data.upstream, now, Math.random()), `upstream.${kind}`, data);
  }

  alarm({ type, id, data }: GatewayAlarm): void {
    this.#send(idOf(type, id, JSON.stringify(data.severity ?? null)), type, data);
  }

  state(): readonly ReceiverState[] {
    return this.#webhooks.state();
  }

  async close(): Promise<void> {
    for (const timer of this.#timers.splice(0)) clearInterval(timer);
    this.#control.watchLimits(undefined);
    // what was changed just now
    if (this.#next !== undefined) await this.#looked();
    await this.#webhooks.close();
  }

  #begin(): void {
    for (const timer of this.#timers.splice(0)) clearInterval(timer);
    const wants = (...types: EventType[]) => types.some(t => this.#webhooks.wants(t));
    this.#control.watchLimits(wants("budget.warned", "budget.exceeded") ? event => this.#limit(event) : undefined);
    if (wants(...Object.values(typesOfChanges))) {
      void this.#looked();
      this.#timers.push(setInterval(() => void this.#looked(), this.#lookMs));
    } else this.#next = undefined;
    if (wants("key.expiring")) {
      void this.#expiring().catch(() => {});
      this.#timers.push(setInterval(() => void this.#expiring().catch(() => {}), expiringEveryMs));
    }
    for (const timer of this.#timers) timer.unref();
  }

  /** Whether it is the first time. */
  #isNew(id: string): boolean {
    if (this.#told.has(id)) return false;
    this.#told.add(id);
    if (this.#told.size > mostTold) this.#told.delete(this.#told.values().next().value!);
    return true;
  }

  #send(id: string, type: EventType, data: Readonly<Record<string, unknown>>): void {
    if (this.#webhooks.wants(type) && this.#isNew(id)) this.#webhooks.send({ id, type, atMs: this.#now(), data });
  }

  #limit({ kind, rule, bucket, used, capacity, subjects }: LimitEvent): void {
    // of limits that come back by themselves in a moment only the warning that somebody wished is told
    if (kind === "denied" && rule.measure !== "cost" && rule.period === undefined) return;
    const type = kind === "near" ? "budget.warned" : "budget.exceeded";
    const slot = rule.period === undefined ? Math.floor(this.#now() / slotMs) : 0;
    const { identity, model } = subjects;
    this.#send(idOf(type, bucket, slot), type, {
      limit: rule.name,
      measure: rule.measure,
      bucket,
      used: Math.round(used),
      capacity,
      share: Math.round((used / capacity) * 1e4) / 1e4,
      key: identity.keyId,
      subject: identity.subject,
      teams: identity.teams,
      organisation: identity.organisation,
      model,
    });
  }

  #change({ position, head, what, by, detail }: ChangeEntry): void {
    const type = typesOfChanges[what];
    if (type) this.#send(idOf("change", position, head), type, { position, head, by, ...detail });
  }

  async #look(): Promise<void> {
    if (this.#next === undefined) this.#next = ((await this.#control.head())?.position ?? -1) + 1;
    for await (const entry of this.#control.changes(this.#next)) {
      this.#change(entry);
      this.#next = entry.position + 1;
    }
  }

  /** One look at a time; a state that does not answer is asked again. */
  #looked(): Promise<void> {
    this.#looking ??= this.#look()
      .catch(() => {})
      .finally(() => {
        this.#looking = undefined;
      });
    return this.#looking;
  }

  async #expiring(): Promise<void> {
    for (const { id, prefix, name, subject, expiresMs } of await this.#control.keys.ending(expiringMs))
      this.#send(idOf("key.expiring", id, expiresMs ?? 0), "key.expiring", {
        id,
        prefix,
        name,
        subject,
        expiresAt: new Date(expiresMs ?? 0).toISOString(),
      });
  }
}
