/** A limit as its form has it, and as the gateway takes it. */
import type { GatewayLimitRule } from "../generated/gateway.ts";

export const measures = ["requests", "tokens", "inputTokens", "outputTokens", "concurrency", "bytes", "cost"] as const;
export const times = ["1m", "1h", "1d", "day", "month", "total"] as const;
export const subjects = ["everybody", "users", "teams", "organisations", "keys", "roles", "models"] as const;
export const dimensions = ["one for all", "key", "user", "team", "organisation", "model", "ip"] as const;

const periods: readonly string[] = ["day", "month", "total"];

/** Every field as text; what the form does not show stays as it was (`rest`). */
export interface LimitForm {
  readonly name: string;
  readonly measure: string;
  readonly limit: string;
  /** A window (`1h`) or a calendar period (`day`, `month`, `total`). */
  readonly time: string;
  readonly subject: string;
  /** Separated by commas. */
  readonly names: string;
  readonly per: string;
  readonly isShadow: boolean;
  readonly rest: Readonly<Record<string, unknown>>;
  readonly revision: number | null;
}

export const newLimit: LimitForm = {
  name: "",
  measure: "requests",
  limit: "",
  time: "1h",
  subject: "everybody",
  names: "",
  per: "one for all",
  isShadow: false,
  rest: {},
  revision: null,
};

/** Null where the form cannot hold it: several kinds of subjects, or several dimensions. */
export function formOf({
  kind: _,
  origin: _o,
  name,
  measure,
  limit,
  window,
  period,
  per,
  for: of,
  mode,
  revision,
  ...rest
}: GatewayLimitRule): LimitForm | null {
  const [subject, another] = Object.entries(of);
  if (another !== undefined || per.length > 1) return null;
  return {
    name,
    measure,
    limit: String(limit),
    time: window ?? period ?? "",
    subject: subject?.[0] ?? "everybody",
    names: subject?.[1].join(", ") ?? "",
    per: per[0] ?? "one for all",
    isShadow: mode === "shadow",
    rest,
    revision,
  };
}

/** As `loam gateway limits put` takes it; what is wrong with it the gateway says. */
export function limitValueOf({ measure, limit, time, subject, names, per, isShadow, rest }: LimitForm): Record<string, unknown> {
  const named = names
    .split(",")
    .map(n => n.trim())
    .filter(n => n !== "");
  const timed = measure === "concurrency" || time === "" ? {} : periods.includes(time) ? { period: time } : { window: time };
  return {
    measure,
    limit: Number(limit),
    ...timed,
    ...(per === "one for all" ? {} : { per: [per] }),
    ...(subject === "everybody" ? {} : { for: { [subject]: named } }),
    ...(isShadow ? { mode: "shadow" } : {}),
    ...rest,
  };
}
