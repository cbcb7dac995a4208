/**
 * Usage of a state in memory: added up beside the database and put into it before anything is asked of it, so that a request costs an addition
 * and no statement. What would be lost with the process is lost with the memory all the same.
 */
import type { UsageRow } from "../contract.ts";
import type { Database } from "../state/sql.ts";
import { addUsage } from "../state/tables.ts";
import { mergedUsage, usageValues } from "./usage.ts";

/** Rows that wait before they are added up: bounds memory, a few hundred kilobytes. */
const mostWaiting = 1_000;

export function countedIn(database: Database): { readonly database: Database; add(row: UsageRow): void } {
  let waiting: UsageRow[] = [];
  const flush = (): void => {
    const rows = mergedUsage(waiting);
    waiting = [];
    for (const row of rows) void database.all(addUsage, usageValues(row));
  };
  return {
    database: {
      ...database,
      all: (text, parameters) => {
        if (waiting.length > 0) flush();
        return database.all(text, parameters);
      },
    },
    add: row => {
      waiting.push(row);
      if (waiting.length >= mostWaiting) waiting = mergedUsage(waiting);
      if (waiting.length >= mostWaiting) flush();
    },
  };
}
