/** Where monitors keep what they know in the record: scopes of its states, and keys that sort by time. */
import type { Json } from "../../../base/index.ts";
import type { LiveWindow } from "../../../watch/index.ts";

export const watchScopes = {
  /** What a server has counted since its last flush, by minute: `MINUTE/SERVER/NUMBER`. Each is read once. */
  windows: "watch/windows",
  /** What each server last wrote, and when. */
  servers: "watch/servers",
  /** The lease, and how far windows are evaluated. */
  state: "watch/state",
  /** Of each version, what its monitors remember. */
  monitors: "watch/monitors",
  /** Of each objective, what it has counted. */
  objectives: "watch/objectives",
  /** Raised and resolved, the newest last. */
  alarms: "watch/alarms",
} as const;

/** In the scope of the state. */
export const leaseKey = "lease";

export const minuteMs = 60_000;

/** Stretches of the history: how long one is, and how long it is kept. */
export const historySteps = {
  "1m": { stepMs: minuteMs, keptMs: 2 * 86_400_000 },
  "15m": { stepMs: 15 * minuteMs, keptMs: 14 * 86_400_000 },
  "6h": { stepMs: 360 * minuteMs, keptMs: 730 * 86_400_000 },
} as const;
export type HistoryStep = keyof typeof historySteps;
export const historyScope = (step: HistoryStep): string => `watch/history/${step}`;

/** Keys of equal length sort by time. */
export const timeKey = (ms: number): string => String(Math.max(0, Math.floor(ms))).padStart(15, "0");
export const timeOfKey = (key: string): number => Number(key.slice(0, 15));
export const startOf = (ms: number, stepMs: number): number => Math.floor(ms / stepMs) * stepMs;

/** Windows of one stretch by what they are of: a version, `mail@3`; "" for responses without a model; `gateway:NAME`; with `#shadow`, what shadows said. */
export type WindowsByModel = Record<string, LiveWindow>;

/** States are written by this module alone: what is read is what was written. */
export const windowsOf = (value: Json | undefined): WindowsByModel => (value ?? {}) as unknown as WindowsByModel;
export const windowsJson = (windows: WindowsByModel): Json => windows as unknown as Json; // plain data
