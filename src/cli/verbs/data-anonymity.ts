/** `loam data anonymity`: k-anonymity, l-diversity and t-closeness of a table, and a generalised copy. */
import { formatCount } from "../../base/index.ts";
import type { AnonymityReport } from "../../governance/index.ts";
import { wrongArgument } from "../../project/index.ts";
import { tableAnonymity } from "../../project/privacy/index.ts";
import { numberOption, textOption } from "../options.ts";
import type { Context, VerbRun } from "../verb.ts";

const names = (text: string | undefined): string[] =>
  (text ?? "")
    .split(",")
    .map(name => name.trim())
    .filter(name => name !== "");

function show({ out }: Context, title: string, r: AnonymityReport): void {
  out.line(
    `  ${title}: ${formatCount(r.rows)} rows in ${formatCount(r.classes)} classes, k = ${r.k}, ${formatCount(r.uniqueRows)} rows alone in their class`,
  );
  for (const s of r.sensitive)
    out.line(`    ${s.column}: l = ${s.distinctL} (by entropy ${s.entropyL.toFixed(2)}), t = ${s.t.toFixed(3)} (${s.distance})`);
}

export const dataAnonymity: VerbRun = async (context, [file], options) => {
  const quasiIdentifiers = names(textOption(options, "quasi"));
  if (typeof file !== "string" || quasiIdentifiers.length === 0)
    throw wrongArgument("loam data anonymity", "a file and --quasi COLUMN,COLUMN", typeof file === "string" ? "no --quasi" : "no file");
  const to = textOption(options, "to");
  const k = numberOption(options, "k", "data anonymity", { least: 1, most: 1_000_000 }) ?? 5;
  const l = numberOption(options, "l", "data anonymity", { least: 1, most: 1_000_000 }) ?? 1;
  const found = await tableAnonymity(context, file, {
    quasiIdentifiers,
    sensitive: names(textOption(options, "sensitive")),
    generalise: to === undefined ? undefined : { to, k, l },
  });
  show(context, file, found.before);
  if (found.after) {
    show(context, found.after.file, found.after);
    context.out.line(`    loss ${found.after.loss.toFixed(3)} (0: nothing generalised, 1: everything)`);
  }
  context.out.result({ ...found });
};
