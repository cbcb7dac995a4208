/**
 * Guards: what has to hold before a version may get an alias, recorded beside the aliases so that no caller gets past them. What the rules say
 * is the registry's; here they are data with a digest, and a promotion must bring a verdict on exactly these rules.
 */
import { canonicalJson, hashOf, type Json } from "../base/index.ts";
import { parseColumn } from "./artifact.ts";
import type { ReadingDb } from "./records/records.ts";
import { commit, type Store } from "./store.ts";

/** Rules are the registry's data, but for whom they are about. */
export interface GuardRules {
  /** Names of models; all where absent. */
  readonly models?: readonly string[] | undefined;
  readonly [rule: string]: unknown;
}

export interface AliasGuard {
  readonly alias: string;
  readonly rules: GuardRules;
  readonly digest: string;
  readonly setMs: number;
}

export async function listGuards(db: ReadingDb): Promise<AliasGuard[]> {
  const rows = await db.selectFrom("guards").selectAll().execute();
  return rows
    .map(r => {
      const rules = parseColumn<GuardRules>(r.rules, `guards.${r.alias}.rules`);
      return { alias: r.alias, rules, digest: hashOf(rules), setMs: r.set_ms };
    })
    .sort((a, b) => (a.alias < b.alias ? -1 : 1));
}

/** The guard of a model's alias, if it has one. */
export const aliasGuardOf = async (db: ReadingDb, model: string, alias: string): Promise<AliasGuard | undefined> =>
  (await listGuards(db)).find(g => g.alias === alias && (g.rules.models?.includes(model) ?? true));

/** Makes these the guards, by alias: others go. Writes and logs only what differs; answers the aliases that it changed. */
export async function setGuards(store: Store, wanted: Readonly<Record<string, GuardRules>>): Promise<readonly string[]> {
  const differing = (known: readonly AliasGuard[]): string[] =>
    [...new Set([...known.map(g => g.alias), ...Object.keys(wanted)])].filter(alias => {
      const [before, after] = [known.find(g => g.alias === alias)?.rules, wanted[alias]];
      return before === undefined || after === undefined || canonicalJson(before as Json) !== canonicalJson(after as Json);
    });
  if (differing(await listGuards(store.records.read)).length === 0) return [];
  return commit(store, async (t, append) => {
    const changed = differing(await listGuards(t)).sort();
    const atMs = store.clock.now();
    for (const alias of changed) {
      const rules = (wanted[alias] ?? null) as Json;
      await t.deleteFrom("guards").where("alias", "=", alias).execute();
      if (rules !== null)
        await t
          .insertInto("guards")
          .values({ alias, rules: canonicalJson(rules), set_ms: atMs })
          .execute();
      append({ type: "guard", atMs, alias, rules });
    }
    return changed;
  });
}
