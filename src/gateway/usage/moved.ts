/**
 * Usage of a state whose limits are elsewhere: it is counted where the request is settled, in the same step, and moved into the records from there.
 * A move has a name that the records keep, so one that broke off at any place, or that two processes make at once, is added once.
 */
import { randomUUID } from "node:crypto";
import type { UsageRow } from "../contract.ts";
import { lateMs } from "../limits/bucket-store.ts";
import type { Database } from "../state/sql.ts";
import { addUsage } from "../state/tables.ts";
import { usageValues } from "./usage.ts";

/** Where usage waits. */
export interface WaitingUsage {
  /** What waits as a move of this name, or the move before that did not arrive; undefined: nothing waits. Errors: stateLost. */
  take(name: string): Promise<{ readonly name: string; readonly rows: readonly UsageRow[] } | undefined>;
  /** That move is in the records. Errors: stateLost. */
  arrived(name: string): Promise<void>;
}

/** Beside the tables of every state, made where it is needed: names of moves, kept longer than a process could be paused in one. */
const moves = "create table if not exists gateway_usage_moves (name text primary key, at_ms bigint not null)";

/** `database` with all usage in it whenever usage is asked for; `move` brings there what waits. Errors: stateLost. */
export async function usageMovedTo(
  database: Database,
  waiting: WaitingUsage,
  now: () => number,
): Promise<{ readonly database: Database; move(): Promise<void> }> {
  await database.write(sql => sql.all(moves));
  const move = async (): Promise<void> => {
    for (let taken = await waiting.take(randomUUID()); taken; taken = await waiting.take(randomUUID())) {
      const { name, rows } = taken;
      await database.write(async sql => {
        if ((await sql.all("select name from gateway_usage_moves where name = ?", [name])).length > 0) return;
        await sql.all("insert into gateway_usage_moves (name, at_ms) values (?, ?)", [name, now()]);
        await sql.all("delete from gateway_usage_moves where at_ms < ?", [now() - lateMs]);
        for (const row of rows) await sql.all(addUsage, usageValues(row));
      });
      await waiting.arrived(name);
    }
  };
  return {
    move,
    database: {
      ...database,
      all: async (text, parameters) => {
        if (text.includes("gateway_usage")) await move();
        return database.all(text, parameters);
      },
    },
  };
}
