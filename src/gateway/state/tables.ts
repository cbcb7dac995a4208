/**
 * The tables of the gateway's state, in SQL that SQLite and PostgreSQL share, and the functions by which PostgreSQL decides in one statement
 * (`limits/postgres-functions.ts`). Keys and their secrets, principals and policies that are not the file's, the list of changes, buckets and what
 * reservations took of them, usage, the journal of requests.
 */

/** Raised with every change of the tables; a state of a higher one is refused. */
export const stateVersion = 3;
/** Of a state with principals and policies, but no limits, among its entries. */
export const accessVersion = 2;
/**
 * Of a state without entries (`gateway_entries`), which a Loam of before may open too; the first entry raises it, because one that does not know
 * them would not know what they deny.
 */
export const plainVersion = 1;

export const tables: readonly string[] = [
  "create table if not exists gateway_schema (version bigint primary key)",
  `create table if not exists gateway_keys (id text primary key, prefix text not null, name text not null, subject text not null, scopes text not null,
    created_ms bigint not null, expires_ms bigint, revoked_ms bigint, last_used_ms bigint)`,
  "create unique index if not exists gateway_keys_prefix on gateway_keys (prefix)",
  "create index if not exists gateway_keys_subject on gateway_keys (subject)",
  // By the keyed hash alone: an unknown secret and a wrong one are the same look-up.
  "create table if not exists gateway_secrets (hash text primary key, key_id text not null, expires_ms bigint)",
  "create index if not exists gateway_secrets_key on gateway_secrets (key_id)",
  // Secrets that must be read to check a signature, sealed under the server's secret.
  "create table if not exists gateway_signing (sealed text primary key, key_id text not null, expires_ms bigint)",
  "create index if not exists gateway_signing_key on gateway_signing (key_id)",
  `create table if not exists gateway_changes (position bigint primary key, at_ms bigint not null, author text not null, what text not null,
    detail text not null, head text not null)`,
  // Organisations, teams, users, service accounts, policies and limits; the revision is the position in the list of changes.
  "create table if not exists gateway_entries (kind text not null, name text not null, value text not null, revision bigint not null, primary key (kind, name))",
  // One row: the position of the newest change of an entry, by which other processes see that there is one.
  "create table if not exists gateway_entries_at (one bigint primary key, position bigint not null)",
  `create table if not exists gateway_buckets (id text primary key, level double precision not null, held double precision not null,
    at_ms double precision not null, empty_ms double precision not null)`,
  `create table if not exists gateway_taken (reservation text not null, bucket text not null, hold double precision not null,
    charge double precision not null, leak double precision not null, ends_ms double precision, owner text not null,
    expires_ms double precision not null, primary key (reservation, bucket))`,
  "create table if not exists gateway_owners (owner text primary key, expires_ms double precision not null)",
  `create table if not exists gateway_usage (day text not null, key_id text not null, subject text not null, team text not null,
    organisation text not null, model text not null, requests bigint not null, errors bigint not null, input_tokens bigint not null,
    cached_tokens bigint not null, output_tokens bigint not null, cost_nano bigint not null,
    primary key (day, key_id, subject, team, organisation, model))`,
  `create table if not exists gateway_requests (id text not null, at_ms bigint not null, key_id text, subject text, model text, status bigint not null,
    record text not null)`,
  // Cases for people: texts are sealed (`review/cipher.ts`), reviewers are pseudonyms.
  `create table if not exists gateway_review_cases (id text primary key, guard text not null, request text not null, key_id text not null,
    subject text not null, model text not null, endpoint text not null, flagged text not null, policy text not null, priority bigint not null,
    round bigint not null, needed bigint not null, escalated bigint not null, state text not null, decision text, decided_by text,
    created_ms bigint not null, due_ms bigint not null, window_ms bigint not null, on_deadline text not null, decided_ms bigint,
    appeal_hash text not null, appealed_ms bigint, sealed text not null, appeal_sealed text)`,
  "create index if not exists gateway_review_cases_state on gateway_review_cases (state, priority, created_ms)",
  "create index if not exists gateway_review_cases_appeal on gateway_review_cases (appeal_hash)",
  `create table if not exists gateway_review_leases (case_id text not null, reviewer text not null, until_ms bigint not null,
    primary key (case_id, reviewer))`,
  `create table if not exists gateway_review_votes (case_id text not null, round bigint not null, reviewer text not null,
    decision text not null, category text, at_ms bigint not null, primary key (case_id, round, reviewer))`,
  "create index if not exists gateway_requests_id on gateway_requests (id)",
  "create index if not exists gateway_requests_at on gateway_requests (at_ms)",
];

/** Adds one row of usage to what its day has. Parameters in the order of the columns. */
export const addUsage = `insert into gateway_usage (day, key_id, subject, team, organisation, model, requests, errors, input_tokens, cached_tokens,
  output_tokens, cost_nano) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
  on conflict (day, key_id, subject, team, organisation, model) do update set requests = gateway_usage.requests + excluded.requests,
  errors = gateway_usage.errors + excluded.errors, input_tokens = gateway_usage.input_tokens + excluded.input_tokens,
  cached_tokens = gateway_usage.cached_tokens + excluded.cached_tokens, output_tokens = gateway_usage.output_tokens + excluded.output_tokens,
  cost_nano = gateway_usage.cost_nano + excluded.cost_nano`;
