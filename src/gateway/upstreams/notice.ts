/** What an upstream reports to operators: for the log, metrics and webhooks. */

export interface BreakerChange {
  readonly upstream: string;
  /** Null where the server itself cannot be reached. */
  readonly model: string | null;
  readonly to: "opened" | "closed";
  /** Distinct failures in a row, at the moment of opening. */
  readonly failures: number;
  /** How long nothing is sent; 0 when it closes. */
  readonly restMs: number;
  /** Id of the one key that it is open for; null: for everybody. */
  readonly key: string | null;
}

export type UpstreamNotice =
  | { readonly kind: "breaker"; readonly change: BreakerChange }
  /** The upstream refuses the gateway's own key. */
  | { readonly kind: "credentials"; readonly upstream: string; readonly model: string; readonly status: number | undefined }
  /** Its connections are nearly all in use. */
  | { readonly kind: "connections"; readonly upstream: string; readonly inUse: number; readonly limit: number; readonly waiting: number };

/** As a line of the log; undefined for what only webhooks and metrics report. */
export function noticeText(notice: UpstreamNotice): string | undefined {
  switch (notice.kind) {
    case "breaker":
      return undefined;
    case "credentials": {
      const { upstream, model, status } = notice;
      return `error: upstreams.${upstream}.key: the upstream refused it (status ${status ?? "unknown"}, model ${model}); requests get 502 until it is replaced`;
    }
    case "connections": {
      const { upstream, inUse, limit, waiting } = notice;
      return `warning: upstreams.${upstream}.connections: ${inUse} of ${limit} in use, ${waiting} requests wait; at the limit requests wait, then get 429`;
    }
  }
}
