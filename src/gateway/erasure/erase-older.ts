/**
 * Erases by age from a gateway's state: texts of decided review cases (what was decided stays, as when a person is erased), requests of the journal, and whose
 * the usage of a day was. Usage stays as sums by day, organisation and model, and by team where the rows of that day are of enough people.
 */
import type { UsageRow } from "../contract.ts";
import type { Database, Sql } from "../state/sql.ts";
import { addUsage } from "../state/tables.ts";
import { mergedUsage, type UsageColumns, usageRow, usageValues } from "../usage/usage.ts";
import type { AgedState, OlderThan } from "./aged-state.ts";

/** `user:ann` of owners is `ann` of a gateway's principals. */
const namesOf = (except: readonly string[]): string[] => except.flatMap(name => [name, name.replace(/^user:/, "")]);
const butOf = (names: readonly string[]): string =>
  names.length > 0 ? ` and (subject is null or subject not in (${names.map(() => "?").join(", ")}))` : "";

/** Whose usage is told no more, in the columns of subject and key. */
const erasedByAge = "erased:age";
/** A team's sums say what its people did where fewer have rows of the day. */
const leastPeople = 3;

const conditions = {
  review: "state = 'decided' and sealed <> '' and decided_ms < ?",
  journal: "at_ms < ?",
  usage: `subject <> '${erasedByAge}' and day < ?`,
} as const satisfies Readonly<Record<AgedState, string>>;
const tables = { review: "gateway_review_cases", journal: "gateway_requests", usage: "gateway_usage" } as const;

/** The day of a time, UTC: a day of usage is older when all of it is. */
const boundOf = (state: AgedState, beforeMs: number): number | string =>
  state === "usage" ? new Date(beforeMs).toISOString().slice(0, 10) : beforeMs;

async function eraseUsage(sql: Sql, where: string, parameters: readonly (string | number)[]): Promise<void> {
  const rows = (await sql.all<UsageColumns>(`select * from gateway_usage where ${where}`, [...parameters])).map(usageRow);
  await sql.all(`delete from gateway_usage where ${where}`, [...parameters]);
  const teamOf = ({ day, team, organisation }: UsageRow) => JSON.stringify([day, team, organisation]);
  const people = new Map<string, Set<string>>();
  for (const row of rows) people.set(teamOf(row), (people.get(teamOf(row)) ?? new Set()).add(row.subject));
  const sums = rows.map(row => ({
    ...row,
    keyId: erasedByAge,
    subject: erasedByAge,
    team: people.get(teamOf(row))!.size < leastPeople ? "" : row.team,
  }));
  for (const row of mergedUsage(sums)) await sql.all(addUsage, usageValues(row));
}

/** How many are older. */
export async function countOlder(database: Database, state: AgedState, { beforeMs, except }: OlderThan): Promise<number> {
  const names = namesOf(except);
  const [found] = await database.all<{ n: number }>(
    `select count(*) as n from ${tables[state]} where ${conditions[state]}${butOf(names)}`,
    [boundOf(state, beforeMs), ...names],
  );
  return Number(found?.n ?? 0);
}

/** Erases them; answers how many. */
export async function eraseOlder(database: Database, state: AgedState, older: OlderThan): Promise<number> {
  const names = namesOf(older.except);
  const parameters = [boundOf(state, older.beforeMs), ...names];
  return database.write(async sql => {
    const where = `${conditions[state]}${butOf(names)}`;
    const [found] = await sql.all<{ n: number }>(`select count(*) as n from ${tables[state]} where ${where}`, parameters);
    if (state === "usage") await eraseUsage(sql, where, parameters);
    else
      await sql.all(
        state === "journal"
          ? `delete from gateway_requests where ${where}`
          : // no token opens it, no text is left to be opened
            `update gateway_review_cases set subject = '${erasedByAge}', sealed = '', appeal_sealed = null, appeal_hash = '', request = '', key_id = '' where ${where}`,
        parameters,
      );
    return Number(found?.n ?? 0);
  });
}
