/** Limits as they are this second: how much of each is left, the fullest buckets first. */

import { useState } from "react";
import { ActionButton, MissingRight } from "../actions/action-dialog.tsx";
import type { Permissions } from "../actions/permissions.ts";
import { formatBytes, formatCount, formatShare, formatShort, formatWait, words } from "../format.ts";
import type { GatewayLimitRule, GatewayKey as Key, GatewayLimit as Limit, GatewayLimits as LimitsState } from "../generated/gateway.ts";
import { Loaded } from "../parts/notice.tsx";
import type { Resource } from "../resource.ts";
import { formOf, type LimitForm } from "./limit-choice.ts";
import { DeleteLimit, LimitDialog } from "./limit-dialog.tsx";
import { formatMoney } from "./usage.tsx";

const units: Readonly<Record<string, string>> = {
  requests: "requests",
  inputTokens: "input tokens",
  outputTokens: "output tokens",
  tokens: "tokens",
  concurrency: "at once",
};

/** An amount in the limit's measure. */
export function amountOf(measure: string, value: number, currency: string, isShort = false): string {
  if (measure === "cost") return formatMoney(value / 1e9, currency);
  if (measure === "bytes") return formatBytes(value);
  return isShort ? formatShort(value) : formatCount(Math.floor(value));
}

/** 45 s, 1 min, 2 h, 5 days: the largest unit that is at least one. */
function formatSpan(ms: number): string {
  const [size, unit] =
    ms >= 2 * 86_400_000 ? ([86_400_000, "days"] as const) : ms >= 3_600_000 ? ([3_600_000, "h"] as const) : ([60_000, "min"] as const);
  return ms < 60_000 ? formatWait(ms) : `${Number((ms / size).toFixed(1))} ${unit}`;
}

/** `60 requests in 1 min`. */
function saidOf({ measure, quota, windowMs, period }: Limit, currency: string): string {
  const amount = [amountOf(measure, quota, currency), measure === "cost" || measure === "bytes" ? "" : (units[measure] ?? measure)]
    .join(" ")
    .trim();
  return windowMs !== null ? `${amount} in ${formatSpan(windowMs)}` : period !== null ? `${amount}, ${period}` : amount;
}

interface LimitsProps {
  readonly resource: Resource<LimitsState>;
  readonly keys: readonly Key[];
  readonly permissions: Permissions;
}

type Open = { readonly edit: LimitForm | null } | { readonly remove: GatewayLimitRule } | null;

interface ButtonsProps {
  readonly of: GatewayLimitRule;
  readonly missing: string | null;
  onOpen(open: Open): void;
}

/** Of a limit: change, delete. Why not stands in the title where it is of the file. */
function Buttons({ of, missing, onOpen }: ButtonsProps) {
  const form = formOf(of);
  const fixed = of.origin === "file" ? "This limit is in the configuration file: change it there." : missing;
  const unfit = fixed ?? (form === null ? "This limit has a form that only `loam gateway limits put` can change." : null);
  return (
    <span className="limit-actions">
      <ActionButton missing={unfit} className="quiet" icon="pen" label={`Change ${of.name}`} onClick={() => onOpen({ edit: form })}>
        Change
      </ActionButton>
      <ActionButton missing={fixed} className="quiet" icon="trash" label={`Delete ${of.name}`} onClick={() => onOpen({ remove: of })}>
        Delete
      </ActionButton>
    </span>
  );
}

export function Limits({ resource, keys, permissions }: LimitsProps) {
  const [open, setOpen] = useState<Open>(null);
  const missing = permissions.missing("change");
  const close = () => setOpen(null);
  const whose = (of: Readonly<Record<string, string>>) =>
    Object.entries(of)
      .map(([dimension, value]) => (dimension === "key" ? (keys.find(k => k.id === value)?.name ?? value) : value))
      .join(", ") || "everybody";
  return (
    <section className="card" aria-label="Limits">
      <header className="card-head gateway-head">
        <h2>Limits and budgets</h2>
        <ActionButton missing={missing} icon="plus" onClick={() => setOpen({ edit: null })}>
          New limit
        </ActionButton>
      </header>
      <Loaded resource={resource} what="limits">
        {({ data, currency }) =>
          data.length === 0 ? (
            <p className="hint">
              There are none. Create one here, or write <code>access.limits</code> in the configuration file.
            </p>
          ) : (
            <ul className="limits">
              {data.map(limit => (
                <li key={limit.limit}>
                  <h3>
                    {words(limit.limit)}{" "}
                    <small>
                      {saidOf(limit, currency)}
                      {limit.per.length > 0 && `, each ${limit.per.join(" and ")}`}
                    </small>
                    {limit.mode === "shadow" && (
                      <span className="tag" title="Counted and reported, never denied">
                        shadow
                      </span>
                    )}
                    {limit.rule && <Buttons of={limit.rule} missing={missing} onOpen={setOpen} />}
                  </h3>
                  {limit.buckets.length === 0 ? (
                    <p className="hint">Nothing is used in this window.</p>
                  ) : (
                    limit.buckets.slice(0, 5).map(b => (
                      <div key={JSON.stringify(b.of)} className="limit">
                        <span title={Object.values(b.of).join(", ")}>{whose(b.of)}</span>
                        <meter
                          min={0}
                          max={1}
                          value={Math.min(1, b.share)}
                          aria-label={`${words(limit.limit)}, ${whose(b.of)}: ${formatShare(b.share)} used`}
                          className={b.share >= 0.9 ? "full" : ""}
                        />
                        <span className="limit-left">
                          <b>{amountOf(limit.measure, b.remaining, currency)}</b> of{" "}
                          {amountOf(limit.measure, limit.capacity, currency, true)} left
                          {b.resetMs > 0 && <small> full again in {formatSpan(b.resetMs)}</small>}
                        </span>
                      </div>
                    ))
                  )}
                  {limit.numBuckets > 5 && <p className="hint">and {formatCount(limit.numBuckets - 5)} more that are less used</p>}
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
      <MissingRight missing={missing} />
      {open && "edit" in open && (
        <LimitDialog from={open.edit} currency={resource.data?.currency ?? ""} onDone={resource.reload} onClose={close} />
      )}
      {open && "remove" in open && <DeleteLimit of={open.remove} onDone={resource.reload} onClose={close} />}
    </section>
  );
}
