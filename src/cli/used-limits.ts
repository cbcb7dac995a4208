/** `loam gateway limits`: of each limit what is used, held for requests under way and left, the most used first. */
import { defined, formatDuration } from "../base/index.ts";
import type { LimitBucket, LimitView } from "../gateway/index.ts";
import { administered } from "../project/gateway/index.ts";
import { gatewayAt } from "./gateway-place.ts";
import { numberOption, textOption } from "./options.ts";
import type { VerbRun } from "./verb.ts";

const dimensions = ["key", "user", "team", "organisation", "model", "ip"] as const;

export const usedLimits: VerbRun = async (context, [limit], options) => {
  const { out } = context;
  const top = numberOption(options, "top", "gateway limits", { least: 1, most: 1_000, whole: true }) ?? 10;
  const only = Object.fromEntries(dimensions.flatMap(d => (textOption(options, d) === undefined ? [] : [[d, textOption(options, d)!]])));
  const view = await administered(gatewayAt(context, options), "loam gateway limits", a => a.limits({ top, only, ...defined({ limit }) }));
  const amount = ({ measure }: LimitView, n: number): string =>
    measure === "cost" ? `${(n / 1e9).toFixed(4)} ${view.currency}` : String(n);
  const whose = ({ of }: LimitBucket): string =>
    Object.entries(of)
      .map(([d, value]) => `${d} ${value}`)
      .join(", ") || "everybody";
  if (view.limits.length === 0) out.line("  There is no limit.");
  for (const l of view.limits) {
    const time = l.windowMs !== null ? ` in ${formatDuration(l.windowMs)}` : l.period !== null ? ` in ${l.period}` : "";
    const mode = l.mode === "shadow" ? " (shadow: denies nothing)" : "";
    out.line(`  ${l.limit}: ${amount(l, l.quota)} ${l.measure === "cost" ? "" : l.measure}${time}${mode}   ${l.numBuckets} in use`);
    for (const b of l.buckets)
      out.line(
        `    ${`${Math.round(b.share * 100)} %`.padStart(6)}  ${whose(b).padEnd(44)} used ${amount(l, b.used)}${b.held > 0 ? `, held ${amount(l, b.held)}` : ""}, left ${amount(l, b.remaining)}`,
      );
  }
  if (!view.isWhole) out.warn("  There are more buckets than one look reads: name a limit or whose it is.");
  out.result({ ...view });
};
