/** What webhooks tell: one object an event, of a kind that can be chosen. */

export const eventTypes = [
  "budget.warned",
  "budget.exceeded",
  "breaker.opened",
  "breaker.closed",
  "upstream.credentials",
  "upstream.connections",
  "key.created",
  "key.rotated",
  "key.revoked",
  "key.expiring",
  "config.changed",
  "principal.changed",
  "policy.changed",
  "alarm.raised",
  "alarm.resolved",
] as const;
export type EventType = (typeof eventTypes)[number];

/** An alarm of whoever monitors the servers behind the gateway. The same alarm has the same id, also from another process. */
export interface GatewayAlarm {
  readonly type: Extract<EventType, `alarm.${string}`>;
  readonly id: string;
  /** Names and numbers. */
  readonly data: Readonly<Record<string, unknown>>;
}

export interface GatewayEvent {
  /** The same event has the same id, also from another process and after a new start: whoever gets it twice knows. */
  readonly id: string;
  readonly type: EventType;
  readonly atMs: number;
  /** Names and numbers; no secret, no prompt. */
  readonly data: Readonly<Record<string, unknown>>;
}

/** Whether one of the patterns (`budget.exceeded`, `key.*`, `*`) is for this type. */
export const isFor = (patterns: readonly string[], type: EventType): boolean =>
  patterns.some(p => p === "*" || p === type || (p.endsWith(".*") && type.startsWith(p.slice(0, -1))));
