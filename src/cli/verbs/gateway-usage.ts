/** `loam gateway usage`: requests, tokens and money by day, key and model. */
import { usageCsv } from "../../gateway/index.ts";
import { administered } from "../../project/gateway/index.ts";
import { wrongArgument } from "../../project/index.ts";
import { gatewayAt } from "../gateway-place.ts";
import { textOption } from "../options.ts";
import type { Options, VerbRun } from "../verb.ts";

function dayOf(options: Options, key: string): string {
  const text = textOption(options, key) ?? new Date().toISOString().slice(0, 10);
  if (/^\d{4}-\d{2}-\d{2}$/.test(text)) return text;
  throw wrongArgument(`loam gateway usage: --${key}`, "a day such as 2026-11-26", JSON.stringify(text));
}

export const gatewayUsage: VerbRun = async (context, _given, options) => {
  const { out } = context;
  const [from, to] = [dayOf(options, "from"), dayOf(options, "to")];
  const rows = await administered(gatewayAt(context, options), "loam gateway usage", a => a.usage(from, to));
  if (options.csv === true) out.piece(usageCsv(rows));
  else {
    if (rows.length === 0) out.line(`  Nothing from ${from} to ${to}.`);
    for (const r of rows)
      out.line(
        `  ${r.day} ${r.keyId.padEnd(20)} ${r.subject.padEnd(14)} ${r.model.padEnd(20)} ${String(r.requests).padStart(7)} requests ${String(r.errors).padStart(5)} errors ${String(r.inputTokens).padStart(9)} in ${String(r.outputTokens).padStart(9)} out ${(r.costNano / 1e9).toFixed(4).padStart(10)}`,
      );
  }
  out.result({ from, to, rows });
};
