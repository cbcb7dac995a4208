/**
 * What becomes an event for webhooks: limits that are near or deny, breakers, and the list of changes, which is read on from where it was, so that
 * what another process or the command line changes is told too. Nothing of it runs while nobody wants it.
 */
import { sha256 } from "../../base/index.ts";
import type { ChangeEntry, Control } from "../contract.ts";
import type { LimitEvent } from "../limits/limiter.ts";
import type { UpstreamNotice } from "../upstreams/notice.ts";
import type { EventType } from "./event.ts";
import { openWebhooks, type ReceiverState, type WebhookConfig, type WebhookOptions } from "./webhooks.ts";

export interface Notices {
  take(configs: readonly WebhookConfig[]): void;
  upstream(notice: UpstreamNotice): void;
  state(): readonly ReceiverState[];
  close(): Promise<void>;
}

export interface NoticesOptions extends WebhookOptions {
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

export function openNotices({ control, configs, lookMs = defaultLookMs, ...options }: NoticesOptions): Notices {
  const now = options.now ?? Date.now;
  const webhooks = openWebhooks(configs, options);
  const told = new Set<string>();
  let next: number | undefined;
  let looking: Promise<void> | undefined;
  const timers: NodeJS.Timeout[] = [];

  /** Whether it is the first time. */
  const isNew = (id: string): boolean => {
    if (told.has(id)) return false;
    told.add(id);
    if (told.size > mostTold) told.delete(told.values().next().value!);
    return true;
  };
  const send = (id: string, type: EventType, data: Readonly<Record<string, unknown>>): void => {
    if (webhooks.wants(type) && isNew(id)) webhooks.send({ id, type, atMs: now(), data });
  };

  const limit = ({ kind, rule, bucket, used, capacity, subjects }: LimitEvent): void => {
    // of limits that come back by themselves in a moment only the warning that somebody wished is told
    if (kind === "denied" && rule.measure !== "cost" && rule.period === undefined) return;
    const type = kind === "near" ? "budget.warned" : "budget.exceeded";
    const slot = rule.period === undefined ? Math.floor(now() / slotMs) : 0;
    const { identity, model } = subjects;
    send(idOf(type, bucket, slot), type, {
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
  };
  const change = ({ position, head, what, by, detail }: ChangeEntry): void => {
    const type = typesOfChanges[what];
    if (type) send(idOf("change", position, head), type, { position, head, by, ...detail });
  };
  const look = async (): Promise<void> => {
    if (next === undefined) next = ((await control.head())?.position ?? -1) + 1;
    for await (const entry of control.changes(next)) {
      change(entry);
      next = entry.position + 1;
    }
  };
  /** One look at a time; a state that does not answer is asked again. */
  const looked = (): Promise<void> => {
    looking ??= look()
      .catch(() => {})
      .finally(() => {
        looking = undefined;
      });
    return looking;
  };
  const expiring = async (): Promise<void> => {
    for (const { id, prefix, name, subject, expiresMs } of await control.keys.ending(expiringMs))
      send(idOf("key.expiring", id, expiresMs ?? 0), "key.expiring", {
        id,
        prefix,
        name,
        subject,
        expiresAt: new Date(expiresMs ?? 0).toISOString(),
      });
  };
  const begin = (): void => {
    for (const timer of timers.splice(0)) clearInterval(timer);
    const wants = (...types: EventType[]) => types.some(t => webhooks.wants(t));
    control.watchLimits(wants("budget.warned", "budget.exceeded") ? limit : undefined);
    if (wants(...Object.values(typesOfChanges))) {
      void looked();
      timers.push(setInterval(() => void looked(), lookMs));
    } else next = undefined;
    if (wants("key.expiring")) {
      void expiring().catch(() => {});
      timers.push(setInterval(() => void expiring().catch(() => {}), expiringEveryMs));
    }
    for (const timer of timers) timer.unref();
  };
  begin();
  return {
    take: configs => {
      webhooks.take(configs);
      begin();
    },
    upstream: notice => {
      if (notice.kind === "breaker") {
        const { to, failures, restMs, ...change } = notice.change;
        const data =
          to === "opened" ? { ...change, failures, restMs: Math.round(restMs) } : { upstream: change.upstream, model: change.model };
        send(idOf(`breaker.${to}`, change.upstream, now(), Math.random()), `breaker.${to}`, data);
        return;
      }
      const { kind, ...data } = notice;
      send(idOf(kind, data.upstream, now(), Math.random()), `upstream.${kind}`, data);
    },
    state: () => webhooks.state(),
    close: async () => {
      for (const timer of timers.splice(0)) clearInterval(timer);
      control.watchLimits(undefined);
      // what was changed just now
      if (next !== undefined) await looked();
      await webhooks.close();
    },
  };
}
