/** The keys that used the most on a day, summed in the database: what is read is bounded, however many keys there are. */
import type { KeyUsage, TopUsage } from "../contract.ts";
import type { Sql } from "../state/sql.ts";

interface Sums {
  readonly requests: number | null;
  readonly errors: number | null;
  readonly input_tokens: number | null;
  readonly output_tokens: number | null;
  readonly cost_nano: number | null;
}
interface KeySums extends Sums {
  readonly key_id: string;
  readonly subject: string;
  readonly team: string;
}

// sums of whole numbers are of another type in PostgreSQL
const sums = ["requests", "errors", "input_tokens", "output_tokens", "cost_nano"].map(c => `cast(sum(${c}) as bigint) as ${c}`).join(", ");

const plain = (s: Sums | undefined): TopUsage["all"] => ({
  requests: s?.requests ?? 0,
  errors: s?.errors ?? 0,
  inputTokens: s?.input_tokens ?? 0,
  outputTokens: s?.output_tokens ?? 0,
  costNano: s?.cost_nano ?? 0,
});

export async function topUsage(sql: Sql, day: string, most: number): Promise<TopUsage> {
  const [all] = await sql.all<Sums>(`select ${sums} from gateway_usage where day = ?`, [day]);
  const keys = await sql.all<KeySums>(
    `select key_id, max(subject) as subject, max(team) as team, ${sums} from gateway_usage where day = ?
     group by key_id order by sum(input_tokens) + sum(output_tokens) desc, key_id limit ?`,
    [day, most],
  );
  return { keys: keys.map((k): KeyUsage => ({ keyId: k.key_id, subject: k.subject, team: k.team, ...plain(k) })), all: plain(all) };
}
