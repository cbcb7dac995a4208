/**
 * Gives an alias to a version that was judged. The verdict is taken at its word, for the store reads no figures: so this is a door for the room that
 * judges (the registry's `promote`) and for nobody else; `index.ts` leaves it out.
 */
import type { Json } from "../base/index.ts";
import { storeErrors } from "./errors.ts";
import { aliasGuardOf } from "./guards.ts";
import { checkAlias } from "./models.ts";
import type { Writing } from "./records/records.ts";
import { checkMayHave, holderOf, type Mover, type Release, recordMove } from "./releases.ts";
import { commit, type Store } from "./store.ts";

/** What a promotion was judged by: the digest of the guard's rules (null where there is none) and whether all of them are met. */
interface JudgedPromotion {
  readonly rules: string | null;
  readonly passed: boolean;
}

interface PromotionGiven extends Mover {
  readonly model: string;
  readonly alias: string;
  readonly number: number;
  /** The version that had the alias when the verdict was made: another one by now is a conflict. */
  readonly current: number | null;
  readonly verdict: JudgedPromotion & Readonly<Record<string, unknown>>;
}

/**
 * Gives an alias to a version that was judged, in one transaction with its log entry. `check` runs in it and may refuse. Errors: name, notFound;
 * guarded where the verdict is not a pass of the guard's present rules; conflict where the alias has moved since.
 */
export async function promoteAlias(store: Store, given: PromotionGiven, check?: (db: Writing) => Promise<void>): Promise<Release> {
  const { model, alias, number, current, verdict } = given;
  checkAlias(alias);
  return commit(store, async (t, append) => {
    await checkMayHave(t, model, alias, number);
    const guard = await aliasGuardOf(t, model, alias);
    if (!verdict.passed)
      throw storeErrors.fail("guarded", { place: `${model}@${alias}`, expected: "a verdict that passes", received: "one that does not" });
    if ((guard?.digest ?? null) !== verdict.rules)
      throw storeErrors.fail("conflict", {
        place: `${model}@${alias}`,
        expected: "a verdict on the guard as it is now",
        received: "one on other rules",
        hint: "Promote it again.",
      });
    const holder = await holderOf(t, model, alias);
    if (holder !== current)
      throw storeErrors.fail("conflict", {
        place: `${model}@${alias}`,
        expected: current === null ? "an alias that no version has" : `${model}@${current} behind the alias`,
        received: holder === null ? "none" : `${model}@${holder}`,
        hint: "Somebody moved it meanwhile: look at what is there now, then promote again.",
      });
    await check?.(t);
    return recordMove(store, t, append, { ...given, kind: "promote", verdict: verdict as Json });
  });
}
