/**
 * The decisions of `rows.ts` in PL/pgSQL, so that one is one statement and one round trip. Every function that touches a bucket locks all the
 * rows it will touch first, in the order of their ids, so that no two wait for each other; whatever a reservation took changes only under
 * the lock of its bucket. The clock is the server's, read after the locks were got. `bucket-store.laws.ts` holds it against `rows.ts`.
 */

import { neverMs, slack } from "./bucket.ts";
import { lateMs } from "./bucket-store.ts";

/** `bucket.ts: levelAt`. */
const level = (row: string, leak: string): string => `greatest(0, ${row}.level - greatest(0, v_now - ${row}.at_ms) * ${leak})`;
/** `bucket.ts: emptyMs`. */
const empty = (after: string, leak: string, ends: string): string =>
  `case when ${leak} > 0 then v_now + (${after}) / ${leak} when (${after}) <= 0 then v_now else coalesce(${ends}, ${neverMs}) end`;
const clock = "v_now := coalesce(p_now, extract(epoch from clock_timestamp()) * 1000);";

const lock = `create or replace function gateway_lock(p_ids text[]) returns void language plpgsql as $f$
declare
  v_locked bigint;
begin
  loop
    insert into gateway_buckets (id, level, held, at_ms, empty_ms)
      select id, 0, 0, 0, 0 from unnest(p_ids) as id order by id collate "C" on conflict (id) do nothing;
    perform 1 from gateway_buckets where id = any (p_ids) order by id collate "C" for update;
    get diagnostics v_locked = row_count;
    -- a sweep may have forgotten one in between
    exit when v_locked >= cardinality(p_ids);
  end loop;
end $f$`;

/** asks: [{ id, t: life in ms, l: [{ b: bucket, c: capacity, r: leak, g: charge, h: hold, e: enforce, z: ends }] }]; gives { n, o: [{ g, l }] }. */
const reserve = `create or replace function gateway_reserve(p_owner text, p_asks jsonb, p_now double precision) returns jsonb
language plpgsql as $f$
declare
  v_now double precision;
  v_ask jsonb;
  v_one jsonb;
  v_all jsonb := '[]';
begin
  perform gateway_lock(array(select distinct l ->> 'b' from jsonb_array_elements(p_asks) a, jsonb_array_elements(a -> 'l') l));
  ${clock}
  for v_ask in select value from jsonb_array_elements(p_asks) loop
    with line as (
      select n, l ->> 'b' as bucket, (l ->> 'c')::float8 as capacity, (l ->> 'r')::float8 as leak, (l ->> 'g')::float8 as charge,
        (l ->> 'h')::float8 as hold, (l ->> 'e')::boolean as enforce, (l ->> 'z')::float8 as ends
      from jsonb_array_elements(v_ask -> 'l') with ordinality as x (l, n)
    ), seen as (
      select line.*, s.held, ${level("s", "line.leak")} as level from line join gateway_buckets s on s.id = line.bucket
    ), judged as (
      select *, level + held + charge + hold <= capacity + ${slack} as fits from seen
    ), verdict as (
      select coalesce(bool_and(fits or not enforce), true) as granted from judged
    ), changed as (
      update gateway_buckets b set level = j.level + j.charge, held = j.held + j.hold, at_ms = greatest(b.at_ms, v_now),
        empty_ms = ${empty("j.level + j.charge", "j.leak", "j.ends")}
      from judged j, verdict where b.id = j.bucket and granted and fits
    ), kept as (
      insert into gateway_taken (reservation, bucket, hold, charge, leak, ends_ms, owner, expires_ms)
      select v_ask ->> 'id', bucket, hold, charge, leak, ends, p_owner, v_now + (v_ask ->> 't')::float8
      from judged, verdict where granted and fits
    )
    select jsonb_build_object('g', granted, 'l', (
      select jsonb_agg(case when granted and fits then jsonb_build_array(level + charge, held + hold, fits)
        else jsonb_build_array(level, held, fits) end order by n) from judged)) into v_one from verdict;
    v_all := v_all || v_one;
  end loop;
  return jsonb_build_object('n', v_now, 'o', v_all);
end $f$`;

/** asks: [{ id, d: { bucket: delta } or null for cancel, k: whether it took lines, u: values of a row of usage or null }]. */
const settle = `create or replace function gateway_settle(p_asks jsonb, p_now double precision) returns void language plpgsql as $f$
declare
  v_now double precision;
  v_ask jsonb;
  v_count bigint;
  v_usage jsonb := '[]';
begin
  perform gateway_lock(array(select distinct t.bucket from gateway_taken t join jsonb_array_elements(p_asks) a on t.reservation = a ->> 'id'));
  ${clock}
  for v_ask in select value from jsonb_array_elements(p_asks) loop
    with gone as (
      delete from gateway_taken where reservation = v_ask ->> 'id' returning *
    ), after as (
      select g.bucket, g.hold, g.leak, g.ends_ms, greatest(0, ${level("s", "g.leak")} +
        case when v_ask -> 'd' = 'null'::jsonb then -g.charge else coalesce((v_ask -> 'd' ->> g.bucket)::float8, 0) end) as level
      from gone g join gateway_buckets s on s.id = g.bucket
    ), changed as (
      update gateway_buckets b set level = a.level, held = greatest(0, b.held - a.hold), at_ms = greatest(b.at_ms, v_now),
        empty_ms = ${empty("a.level", "a.leak", "a.ends_ms")}
      from after a where b.id = a.bucket
    )
    select count(*) into v_count from gone;
    if v_ask -> 'u' <> 'null'::jsonb and (v_count > 0 or not (v_ask ->> 'k')::boolean) then
      v_usage := v_usage || jsonb_build_array(v_ask -> 'u');
    end if;
  end loop;
  -- in the order of the key, last of all: settlements that meet do not wait for each other in a circle
  insert into gateway_usage (day, key_id, subject, team, organisation, model, requests, errors, input_tokens, cached_tokens, output_tokens, cost_nano)
    select u ->> 0, u ->> 1, u ->> 2, u ->> 3, u ->> 4, u ->> 5, sum((u ->> 6)::bigint), sum((u ->> 7)::bigint), sum((u ->> 8)::bigint),
      sum((u ->> 9)::bigint), sum((u ->> 10)::bigint), sum((u ->> 11)::bigint)
    from jsonb_array_elements(v_usage) u group by 1, 2, 3, 4, 5, 6 order by 1, 2, 3, 4, 5, 6
    on conflict (day, key_id, subject, team, organisation, model) do update set requests = gateway_usage.requests + excluded.requests,
      errors = gateway_usage.errors + excluded.errors, input_tokens = gateway_usage.input_tokens + excluded.input_tokens,
      cached_tokens = gateway_usage.cached_tokens + excluded.cached_tokens,
      output_tokens = gateway_usage.output_tokens + excluded.output_tokens, cost_nano = gateway_usage.cost_nano + excluded.cost_nano;
end $f$`;

const lapsed = `t.hold > 0 and (t.expires_ms <= v_now or not exists
      (select 1 from gateway_owners o where o.owner = t.owner and o.expires_ms > v_now))`;

const sweep = `create or replace function gateway_sweep(p_owner text, p_lease double precision, p_forget boolean, p_now double precision) returns void
language plpgsql as $f$
declare
  v_now double precision;
  v_ids text[];
begin
  ${clock}
  insert into gateway_owners (owner, expires_ms) values (p_owner, v_now + p_lease)
    on conflict (owner) do update set expires_ms = excluded.expires_ms;
  v_ids := array(select distinct t.bucket from gateway_taken t where ${lapsed});
  if cardinality(v_ids) > 0 then
    perform gateway_lock(v_ids);
    with old as (
      select t.reservation, t.bucket, t.hold, t.leak, t.ends_ms from gateway_taken t where t.bucket = any (v_ids) and ${lapsed}
    ), kept as (
      update gateway_taken t set hold = 0 from old where t.reservation = old.reservation and t.bucket = old.bucket
    ), summed as (
      select bucket, sum(hold) as hold, max(leak) as leak, max(ends_ms) as ends from old group by bucket
    )
    update gateway_buckets b set level = ${level("b", "s.leak")}, held = greatest(0, b.held - s.hold), at_ms = greatest(b.at_ms, v_now),
      empty_ms = ${empty(level("b", "s.leak"), "s.leak", "s.ends")}
      from summed s where b.id = s.bucket;
  end if;
  if not p_forget then
    return;
  end if;
  delete from gateway_buckets where id in
    (select id from gateway_buckets where held <= 0 and empty_ms <= v_now order by id collate "C" for update skip locked);
  delete from gateway_taken where (reservation, bucket) in
    (select reservation, bucket from gateway_taken where expires_ms <= v_now - ${lateMs} for update skip locked);
  delete from gateway_owners where owner in
    (select owner from gateway_owners where expires_ms <= v_now - ${lateMs} for update skip locked);
end $f$`;

export const functions: readonly string[] = [lock, reserve, settle, sweep];
