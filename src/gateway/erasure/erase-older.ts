/** Erases by age from a gateway's state: texts of decided review cases (what was decided stays, as when a person is erased), requests of the journal. */
import type { Database } from "../state/sql.ts";

export interface OlderThan {
  readonly beforeMs: number;
  /** Subjects that stay. */
  readonly except: readonly string[];
}

/** `user:ann` of owners is `ann` of a gateway's principals. */
const namesOf = (except: readonly string[]): string[] => except.flatMap(name => [name, name.replace(/^user:/, "")]);
const butOf = (names: readonly string[]): string =>
  names.length > 0 ? ` and (subject is null or subject not in (${names.map(() => "?").join(", ")}))` : "";

const conditions = {
  review: "state = 'decided' and sealed <> '' and decided_ms < ?",
  journal: "at_ms < ?",
} as const;
const tables = { review: "gateway_review_cases", journal: "gateway_requests" } as const;
export type AgedState = keyof typeof conditions;

/** How many are older. */
export async function countOlder(database: Database, state: AgedState, { beforeMs, except }: OlderThan): Promise<number> {
  const names = namesOf(except);
  const [found] = await database.all<{ n: number }>(
    `select count(*) as n from ${tables[state]} where ${conditions[state]}${butOf(names)}`,
    [beforeMs, ...names],
  );
  return Number(found?.n ?? 0);
}

/** Erases them; answers how many. */
export async function eraseOlder(database: Database, state: AgedState, older: OlderThan): Promise<number> {
  const { beforeMs, except } = older;
  const names = namesOf(except);
  return database.write(async sql => {
    const where = `${conditions[state]}${butOf(names)}`;
    const [found] = await sql.all<{ n: number }>(`select count(*) as n from ${tables[state]} where ${where}`, [beforeMs, ...names]);
    await sql.all(
      state === "journal"
        ? `delete from gateway_requests where ${where}`
        : // no token opens it, no text is left to be opened
          `update gateway_review_cases set subject = 'erased:age', sealed = '', appeal_sealed = null, appeal_hash = '', request = '', key_id = '' where ${where}`,
      [beforeMs, ...names],
    );
    return Number(found?.n ?? 0);
  });
}
