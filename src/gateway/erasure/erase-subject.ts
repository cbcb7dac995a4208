/**
 * Erases a person from a gateway's state: review cases lose their texts and keep what was decided under a salted hash of the person, requests of the
 * journal go, rows of usage stay as sums of that hash, cached responses go all, because they name nobody. Keys and the list of changes stay:
 * who may enter is not ended here, and a list of changes that could be changed would prove nothing.
 */
import { randomBytes } from "node:crypto";
import { sha256 } from "../../base/index.ts";
import type { Database } from "../state/sql.ts";

export interface GatewayErased {
  readonly reviewCases: number;
  readonly requests: number;
  readonly usageRows: number;
  /** Keys that the person has still. */
  readonly keys: number;
}

/** The name of an account: `user:ann` of owners is `ann` of a gateway's principals. */
const namesOf = (subject: string): readonly [string, string] => [subject, subject.replace(/^user:/, "")];

export async function eraseFromState(database: Database, subject: string, nowMs: number): Promise<GatewayErased> {
  const names = namesOf(subject);
  const pseudonym = `erased:${sha256(`${randomBytes(16).toString("hex")}\n${subject}`).slice(0, 24)}`;
  return database.write(async sql => {
    const of = "subject in (?, ?)";
    const cases = await sql.all<{ id: string; request: string }>(`select id, request from gateway_review_cases where ${of}`, names);
    await sql.all(`delete from gateway_review_leases where case_id in (select id from gateway_review_cases where ${of})`, names);
    await sql.all(
      `update gateway_review_cases set state = 'decided', decision = 'refuse', decided_by = 'erasure', decided_ms = ?
      where state = 'waiting' and ${of}`,
      [nowMs, ...names],
    );
    // no token opens it, no text is left to be opened
    await sql.all(
      `update gateway_review_cases set subject = ?, sealed = '', appeal_sealed = null, appeal_hash = '', request = '', key_id = '' where ${of}`,
      [pseudonym, ...names],
    );
    const [journal] = await sql.all<{ n: number }>(`select count(*) as n from gateway_requests where ${of}`, names);
    await sql.all(`delete from gateway_requests where ${of}`, names);
    const [usage] = await sql.all<{ n: number }>(`select count(*) as n from gateway_usage where ${of}`, names);
    await sql.all(`update gateway_usage set subject = ? where ${of}`, [pseudonym, ...names]);
    const [keys] = await sql.all<{ n: number }>(`select count(*) as n from gateway_keys where ${of}`, names);
    return {
      reviewCases: cases.length,
      requests: Number(journal?.n ?? 0),
      usageRows: Number(usage?.n ?? 0),
      keys: Number(keys?.n ?? 0),
    };
  });
}
