/**
 * Promotion: judged, every byte of the version held against the record, then one transaction that judges again what may have changed. A rollback asks no
 * guard, but reads the version that it goes to as well: an alias is moved to nothing that would not load.
 */
import { isLoamError, LoamError, withDetails } from "../../base/index.ts";
import {
  aliasGuardOf,
  type ContentOptions,
  holderOf,
  type ModelVersion,
  type Mover,
  type ReadingDb,
  type Release,
  releasesOf,
  resolveVersion,
  rollbackAlias,
  rollbackTarget,
  type Store,
  storeErrors,
} from "../../store/index.ts";
import { promoteAlias } from "../../store/promotion.ts";
import { registryErrors } from "../errors.ts";
import { checkVersion } from "../versions/content.ts";
import { rulesOf } from "./approvals.ts";
import { countGates } from "./gate-looks.ts";
import { asVerdict, metricGates, peopleGates, type ReleaseVerdict } from "./judge.ts";

type Reading = Pick<ContentOptions, "progress" | "signal">;

export interface PromotionWanted extends Mover, Reading {
  readonly model: string;
  /** A number, `latest` or an alias. */
  readonly version: string;
  readonly alias: string;
  /** The version that should have the alias now: another one is store/conflict. Whoever has it, where absent. */
  readonly expected?: number | null | undefined;
  /** How often the alias has moved by now: another number is store/conflict, also where the version that has it is the same. */
  readonly moves?: number | undefined;
  /** Everything but the move: refuses what a promotion would refuse. */
  readonly dryRun?: boolean;
  /** Told of each verdict as it is made. */
  readonly onVerdict?: (verdict: ReleaseVerdict) => void;
}

export interface Promotion {
  readonly version: ModelVersion;
  readonly verdict: ReleaseVerdict;
  /** Absent where the version had the alias already, and after a dry run. */
  readonly release?: Release;
}

/** Promotions that come between: each means another verdict. */
const mostTries = 8;

/** A promotion as programs read it; of one that was refused too, beside its error. */
export const promotionDocument = (wanted: PromotionWanted, { number }: ModelVersion, verdict: ReleaseVerdict, release: Release | null) => ({
  model: wanted.model,
  version: number,
  alias: wanted.alias,
  dryRun: wanted.dryRun === true,
  verdict,
  release,
});

const refusal = (wanted: PromotionWanted, version: ModelVersion, verdict: ReleaseVerdict): LoamError =>
  withDetails(
    registryErrors.fail("refused", {
      place: `${version.model}@${version.number} -> ${wanted.alias}`,
      message: verdict.gates
        .filter(g => !g.passed)
        .map(g => `"${g.gate}" is not met (${g.told})`)
        .join("; "),
    }),
    promotionDocument(wanted, version, verdict, null),
  );

/** Errors: store/conflict where the alias has moved since it was looked at. */
async function checkMoves(db: ReadingDb, { model, alias, moves }: PromotionWanted): Promise<void> {
  if (moves === undefined) return;
  const now = (await releasesOf(db, model, alias)).length;
  if (now === moves) return;
  throw storeErrors.fail("conflict", {
    place: `${model}@${alias}`,
    expected: `an alias that has moved ${moves} times`,
    received: `${now} times`,
    hint: "Somebody moved it meanwhile: look at what is there now, then promote again.",
  });
}

/**
 * Gives an alias to a version that meets its release and whose files are as recorded. Two at once are serialised: who comes second is judged against who
 * came first. Nothing is remembered of files that were read for an earlier promotion: a blob may be changed at any time since. Errors, each from the
 * verdict on with the promotion's document as its details: registry/refused, registry/tampered, registry/condition, registry/metric; store/notFound,
 * store/name, store/blobMissing; store/conflict where `expected` is not what is there.
 */
export async function promote(store: Store, wanted: PromotionWanted): Promise<Promotion> {
  const { model, alias, by, reason, dryRun = false } = wanted;
  const db = store.records.read;
  let isRead: string | undefined;
  for (let tries = 1; ; tries++) {
    const version = await resolveVersion(db, model, wanted.version);
    const guard = await aliasGuardOf(db, model, alias);
    const rules = rulesOf(guard);
    const current = await holderOf(db, model, alias);
    const metrics = await metricGates(store, rules, alias, version, current);
    await countGates(store, alias, version, metrics);
    const verdict = asVerdict(guard, [...metrics, ...(await peopleGates(db, rules, alias, version))]);
    wanted.onVerdict?.(verdict);
    const isHolder = current === version.number && (wanted.expected === undefined || wanted.expected === current);
    if (isHolder && !dryRun) return { version, verdict };
    try {
      if (!verdict.passed) throw refusal(wanted, version, verdict);
      if (isRead !== version.artifact) await checkVersion(store, version, wanted);
      isRead = version.artifact;
      if (dryRun) return { version, verdict };
      const given = { model, alias, number: version.number, by, reason };
      const release = await promoteAlias(
        store,
        { ...given, current: wanted.expected === undefined ? current : wanted.expected, verdict: { ...verdict } },
        async t => {
          await checkMoves(t, wanted);
          const now = asVerdict(guard, [...metrics, ...(await peopleGates(t, rules, alias, version))]);
          if (!now.passed) throw refusal(wanted, version, now);
        },
      );
      return { version, verdict, release };
    } catch (error) {
      if (isLoamError(error, "store/conflict") && wanted.expected === undefined && wanted.moves === undefined && tries < mostTries)
        continue;
      throw isLoamError(error) && !error.details ? withDetails(error, promotionDocument(wanted, version, verdict, null)) : error;
    }
  }
}

/**
 * Gives an alias back to the version that had it before, if that one's files are as recorded. Errors: registry/tampered, store/blobMissing; those of
 * `rollbackAlias`.
 */
export async function rollback(
  store: Store,
  model: string,
  alias: string,
  { by, reason, ...reading }: Mover & Reading = {},
): Promise<Release> {
  const db = store.records.read;
  const to = await rollbackTarget(db, model, alias);
  if (to !== undefined)
    try {
      await checkVersion(store, await resolveVersion(db, model, String(to)), reading);
    } catch (error) {
      if (!isLoamError(error, "registry/tampered") && !isLoamError(error, "store/blobMissing")) throw error;
      const hint = `${error.problem.hint ?? ""} After \`loam models archive ${model}@${to}\` a rollback goes to the version before it.`;
      throw new LoamError({ ...error.problem, hint: hint.trim() }, error.row, { cause: error });
    }
  return rollbackAlias(store, model, alias, { by, reason, to });
}
