/** Promotion: judged, then one transaction that judges again what may have changed. A rollback is `rollbackAlias` of the store. */
import { isLoamError, type LoamError } from "../../base/index.ts";
import { guardOf, holderOf, type ModelVersion, type Mover, type Release, resolveVersion, type Store } from "../../store/index.ts";
import { promoteAlias } from "../../store/promotion.ts";
import { registryErrors } from "../errors.ts";
import { rulesOf } from "./approvals.ts";
import { asVerdict, metricGates, peopleGates, type Verdict } from "./judge.ts";

export interface PromotionWanted extends Mover {
  readonly model: string;
  /** A number, `latest` or an alias. */
  readonly version: string;
  readonly alias: string;
  /** The version that should have the alias now: another one is store/conflict. Whoever has it, where absent. */
  readonly expected?: number | null | undefined;
  /** Told of each verdict as it is made. */
  readonly onVerdict?: (verdict: Verdict) => void;
}

export interface Promotion {
  readonly version: ModelVersion;
  readonly verdict: Verdict;
  /** Absent where the version had the alias already. */
  readonly release?: Release;
}

/** Promotions that come between: each means another verdict. */
const mostTries = 8;

const refusal = (version: ModelVersion, alias: string, { gates }: Verdict): LoamError =>
  registryErrors.fail("refused", {
    place: `${version.model}@${version.number} -> ${alias}`,
    message: gates
      .filter(g => !g.passed)
      .map(g => `"${g.gate}" is not met (${g.told})`)
      .join("; "),
  });

/**
 * Gives an alias to a version that meets its release. Two at once are serialised: who comes second is judged against who came first. Errors:
 * registry/refused, registry/condition, registry/metric; store/notFound, store/name; store/conflict where `expected` is not what is there.
 */
export async function promote(store: Store, wanted: PromotionWanted): Promise<Promotion> {
  const { model, alias, by, reason } = wanted;
  const db = store.records.read;
  for (let tries = 1; ; tries++) {
    const version = await resolveVersion(db, model, wanted.version);
    const guard = await guardOf(db, model, alias);
    const rules = rulesOf(guard);
    const current = await holderOf(db, model, alias);
    const metrics = await metricGates(store, rules, alias, version, current);
    const verdict = asVerdict(guard, [...metrics, ...(await peopleGates(db, rules, alias, version))]);
    wanted.onVerdict?.(verdict);
    if (current === version.number && (wanted.expected === undefined || wanted.expected === current)) return { version, verdict };
    if (!verdict.passed) throw refusal(version, alias, verdict);
    try {
      const given = { model, alias, number: version.number, by, reason };
      const release = await promoteAlias(
        store,
        { ...given, current: wanted.expected === undefined ? current : wanted.expected, verdict: { ...verdict } },
        async t => {
          const now = asVerdict(guard, [...metrics, ...(await peopleGates(t, rules, alias, version))]);
          if (!now.passed) throw refusal(version, alias, now);
        },
      );
      return { version, verdict, release };
    } catch (error) {
      if (!isLoamError(error, "store/conflict") || wanted.expected !== undefined || tries >= mostTries) throw error;
    }
  }
}
