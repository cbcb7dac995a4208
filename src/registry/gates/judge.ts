/** Everything that a release asks of a version, asked. */
import { type AliasGuard, holderOf, isArchived, type ModelVersion, type ReadingDb, resolveVersion, type Store } from "../../store/index.ts";
import type { RecordedRules, ReleaseRules } from "../part.ts";
import { trustedSignature } from "../versions/signatures.ts";
import { approvalGates, approvalsOf, rulesOf } from "./approvals.ts";
import { gateOutcome, type ReleaseGate } from "./gate.ts";
import { countGates } from "./gate-looks.ts";
import { measuredOf, testTask } from "./measured.ts";
import { type MetricSide, metricGate } from "./metric-gate.ts";
import { releaseCondition } from "./rules.ts";

/** What a promotion would come to. */
export interface ReleaseVerdict {
  /** Digest of the rules; null where nothing guards the alias. */
  readonly rules: string | null;
  readonly passed: boolean;
  readonly gates: readonly ReleaseGate[];
}

export const asVerdict = (guard: AliasGuard | undefined, gates: readonly ReleaseGate[]): ReleaseVerdict => ({
  rules: guard?.digest ?? null,
  passed: gates.every(g => g.passed),
  gates,
});

const sideOf = async (store: Store, version: ModelVersion): Promise<MetricSide> => ({
  version: `${version.model}@${version.number}`,
  measured: await measuredOf(store, version),
});

/** Gates on figures: of recorded content that does not change, so they are judged before the promotion's transaction. */
export async function metricGates(
  store: Store,
  rules: ReleaseRules,
  alias: string,
  version: ModelVersion,
  current: number | null,
): Promise<ReleaseGate[]> {
  if (rules.requires.length === 0) return [];
  const own = await sideOf(store, version);
  const isHolder = current === version.number;
  const other =
    current === null || isHolder
      ? undefined
      : await sideOf(store, await resolveVersion(store.records.read, version.model, String(current)));
  const heads = [own, ...(other ? [other] : [])].flatMap(s => [...s.measured.tasks, ...s.measured.groups].map(t => t.head.task));
  // a classifier's own test part that has not been evaluated is not measured, not unknown
  const tasks = [...new Set([...heads, testTask])];
  return rules.requires.map((source, i) => {
    const place = `releases.${alias}.requires[${i}]`;
    return metricGate(releaseCondition(source, alias, tasks, place), own, isHolder ? "itself" : other, rules.undecided, place);
  });
}

function ownerGate({ owned = [] }: RecordedRules, alias: string, model: string): ReleaseGate {
  const wanted = [`model/${model}`, `alias/${alias}`];
  const found = wanted.find(thing => owned.includes(thing));
  const told = found === undefined ? `governance.owners names none for ${wanted.join(" or ")}` : `${found} has one`;
  return { kind: "owner", gate: "accountable owner", ...gateOutcome(found !== undefined), told };
}

/** Gates on what people do meanwhile: judged inside the promotion's transaction. */
export async function peopleGates(db: ReadingDb, rules: RecordedRules, alias: string, version: ModelVersion): Promise<ReleaseGate[]> {
  const { model, number } = version;
  const gates: ReleaseGate[] = [];
  if (await isArchived(db, model, number))
    gates.push({ kind: "archived", gate: "not archived", ...gateOutcome(false), told: "it is archived" });
  if (rules.from !== undefined) {
    const holder = await holderOf(db, model, rules.from);
    const told = holder === null ? `no version has ${rules.from}` : `${model}@${holder} has ${rules.from}`;
    gates.push({ kind: "from", gate: `from ${rules.from}`, ...gateOutcome(holder === number), told });
  }
  if (rules.owner === "required") gates.push(ownerGate(rules, alias, model));
  gates.push(...approvalGates(rules, await approvalsOf(db, version, alias)));
  if (rules.signedBy.length > 0) {
    const found = await trustedSignature(db, version, rules.signedBy);
    gates.push({
      kind: "signature",
      gate: "signed",
      ...gateOutcome(found !== undefined),
      told: found ? `by ${found.fingerprint}` : "by none of the keys",
    });
  }
  return gates;
}

/** What a promotion would come to now; changes nothing but the count of looks. Errors: registry/condition, registry/metric. */
export async function judgeRelease(
  store: Store,
  guard: AliasGuard | undefined,
  alias: string,
  version: ModelVersion,
): Promise<ReleaseVerdict> {
  const rules = rulesOf(guard);
  const current = await holderOf(store.records.read, version.model, alias);
  const metrics = await metricGates(store, rules, alias, version, current);
  await countGates(store, alias, version, metrics);
  return asVerdict(guard, [...metrics, ...(await peopleGates(store.records.read, rules, alias, version))]);
}
