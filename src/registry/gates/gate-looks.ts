/** A gate that decides by what was scored on a test set is a look at it: what is decided by many looks is decided by what suits that set. */
import { hashOf } from "../../base/index.ts";
import { type ModelVersion, noteGate, type Store } from "../../store/index.ts";
import type { ReleaseGate } from "./gate.ts";

/** Counts the figures that gates have read; the same version for the same alias by the same figures and conditions is one look, however often it is asked. */
export async function countGates(store: Store, alias: string, version: ModelVersion, gates: readonly ReleaseGate[]): Promise<void> {
  const artifacts = [...new Set(gates.flatMap(g => g.artifacts ?? []))].sort();
  if (artifacts.length === 0) return;
  const conditions = gates.flatMap(g => (g.artifacts ? [g.gate] : []));
  await noteGate(store, hashOf({ alias, version: version.digest, conditions, artifacts }), artifacts);
}
