/** What a fleet is given, and what it tells of its changes. */
import type { Engines } from "../engines.ts";
import type { RulesData } from "./labels.ts";
import type { VersionSource } from "./version-source.ts";

export interface FleetOptions {
  readonly engines: Engines;
  readonly source: VersionSource;
  /** How long a version without work stays in memory; for ever when absent. */
  readonly keepAliveMs?: number;
  /** Labels that the record alone may point: releases guard them. */
  readonly isGuarded?: (name: string, label: string) => boolean;
  /** Told of a label that was written down and is left to the record. */
  readonly onGuarded?: (name: string, label: string) => void;
  /** Told of every change; `ms` is how long it took. */
  readonly onChange?: (change: FleetChange) => void;
  /** Told when somebody has pointed a label, a weight or a policy elsewhere: whoever keeps rules over a restart writes them down. */
  readonly onRules?: (name: string, rules: RulesData) => void;
}

export interface FleetChange {
  readonly kind: "loaded" | "load failed" | "unloaded" | "asleep";
  readonly name: string;
  readonly version: number;
  readonly ms: number;
  readonly error?: unknown;
}
