/** Buckets in a SQLite file that several processes share: a decision is one immediate transaction, so writers stand in line. */
import { randomInt } from "node:crypto";
import type { UsageRow } from "../contract.ts";
import type { SqliteFile } from "../state/sqlite.ts";
import { addUsage } from "../state/tables.ts";
import { usageValues } from "../usage/usage.ts";
import { type BucketState, neverMs } from "./bucket.ts";
import { type BucketStore, type BucketStoreOptions, bucketPage } from "./bucket-store.ts";
import { type Rows, reserveOn, settleOn, sweepOn, type TakenRow } from "./rows.ts";

interface BucketRow {
  readonly level: number;
  readonly held: number;
  readonly at_ms: number;
}
interface TakenColumns {
  readonly reservation: string;
  readonly bucket: string;
  readonly hold: number;
  readonly charge: number;
  readonly leak: number;
  readonly ends_ms: number | null;
  readonly owner: string;
  readonly expires_ms: number;
}

const takenColumns = "reservation, bucket, hold, charge, leak, ends_ms, owner, expires_ms";
const takenRow = (r: TakenColumns): TakenRow => ({
  reservation: r.reservation,
  bucket: r.bucket,
  hold: r.hold,
  charge: r.charge,
  leakPerMs: r.leak,
  endsMs: r.ends_ms,
  owner: r.owner,
  expiresMs: r.expires_ms,
});

class SqliteRows implements Rows {
  readonly #file: SqliteFile;
  constructor(file: SqliteFile) {
    this.#file = file;
  }
  bucket(id: string): BucketState | undefined {
    const [row] = this.#file.run<BucketRow>("select level, held, at_ms from gateway_buckets where id = ?", [id]);
    return row && { level: row.level, held: row.held, atMs: row.at_ms };
  }
  putBucket(id: string, { level, held, atMs }: BucketState, emptyMs: number): void {
    this.#file.run(
      `insert into gateway_buckets (id, level, held, at_ms, empty_ms) values (?, ?, ?, ?, ?)
       on conflict (id) do update set level = excluded.level, held = excluded.held, at_ms = excluded.at_ms, empty_ms = excluded.empty_ms`,
      [id, level, held, atMs, Math.min(emptyMs, neverMs)],
    );
  }
  addTaken(r: TakenRow): void {
    this.#file.run(`insert into gateway_taken (${takenColumns}) values (?, ?, ?, ?, ?, ?, ?, ?)`, [
      r.reservation,
      r.bucket,
      r.hold,
      r.charge,
      r.leakPerMs,
      r.endsMs,
      r.owner,
      r.expiresMs,
    ]);
  }
  takenOf(reservation: string): readonly TakenRow[] {
    return this.#file.run<TakenColumns>(`select ${takenColumns} from gateway_taken where reservation = ?`, [reservation]).map(takenRow);
  }
  dropTaken(reservation: string): void {
    this.#file.run("delete from gateway_taken where reservation = ?", [reservation]);
  }
  lapsed(nowMs: number): readonly TakenRow[] {
    return this.#file
      .run<TakenColumns>(
        `select ${takenColumns} from gateway_taken where hold > 0 and expires_ms <= ?
         union select ${takenColumns} from gateway_taken where hold > 0
         and owner in (select owner from gateway_taken except select owner from gateway_owners where expires_ms > ?)`,
        [nowMs, nowMs],
      )
      .map(takenRow);
  }
  lapse(row: TakenRow): void {
    this.#file.run("update gateway_taken set hold = 0 where reservation = ? and bucket = ?", [row.reservation, row.bucket]);
  }
  beat(owner: string, expiresMs: number): void {
    this.#file.run(
      "insert into gateway_owners (owner, expires_ms) values (?, ?) on conflict (owner) do update set expires_ms = excluded.expires_ms",
      [owner, expiresMs],
    );
  }
  forget(nowMs: number, beforeMs: number): void {
    this.#file.run("delete from gateway_buckets where held <= 0 and empty_ms <= ?", [nowMs]);
    this.#file.run("delete from gateway_taken where expires_ms <= ?", [beforeMs]);
    this.#file.run("delete from gateway_owners where expires_ms <= ?", [beforeMs]);
  }
  addUsage(row: UsageRow): void {
    this.#file.run(addUsage, usageValues(row));
  }
}

/** Rows that are swept at once are one transaction; many processes need not do it in the same moment. */
const sweepSpreadMs = 200;

/** The file's tables are there already (`state/sqlite.ts`); it is closed with the store. */
export function sqliteBuckets(file: SqliteFile, options: BucketStoreOptions): BucketStore {
  const rows = new SqliteRows(file);
  const now = options.now ?? Date.now;
  return {
    // the clock is read inside the transaction: whoever waits in line does not decide by the time at which it came
    reserve: asks =>
      file.transaction(() => {
        const nowMs = now();
        return asks.map(ask => reserveOn(rows, ask, options.owner, nowMs));
      }),
    settle: asks =>
      file.transaction(() => {
        const nowMs = now();
        for (const ask of asks) settleOn(rows, ask, nowMs);
      }),
    async sweep() {
      if (!options.now) await new Promise(next => setTimeout(next, randomInt(sweepSpreadMs)));
      await file.transaction(() => sweepOn(rows, options.owner, options.leaseMs, now()));
    },
    list: (after, most) =>
      file.retried(() => {
        const found = file.run<BucketRow & { readonly id: string }>(
          "select id, level, held, at_ms from gateway_buckets where id > ? order by id limit ?",
          [after, most],
        );
        const rows = found.map(({ id, level, held, at_ms }) => ({ id, level, held, atMs: at_ms }));
        return bucketPage(now(), rows, most);
      }),
    async close() {
      file.close();
    },
  };
}
