/** `loam data find`: documents of a data set by words and filters, kept and dropped, page by page. */
import { formatCount } from "../../base/index.ts";
import { documentSides, documentSorts } from "../../data/index.ts";
import { searchDataSet } from "../../project/data/index.ts";
import { warnStale } from "../data/stale.ts";
import { choiceOption, numberOption, textOption } from "../options.ts";
import type { VerbRun } from "../verb.ts";
import { inProject } from "../verb-folder.ts";

export const dataFind: VerbRun = async (context, [name], options) => {
  const { out } = context;
  const whole = (option: string, least: number, most: number) => numberOption(options, option, "data find", { least, most, whole: true });
  const found = await inProject(context, options, at =>
    searchDataSet(at, name, {
      text: textOption(options, "text"),
      side: choiceOption(options, "side", "data find", ["kept", ...documentSides]),
      edited: options.edited === true ? true : undefined,
      reason: textOption(options, "reason"),
      source: textOption(options, "source"),
      label: textOption(options, "label"),
      language: textOption(options, "language"),
      minLength: whole("minLength", 0, 1e9),
      maxLength: whole("maxLength", 0, 1e9),
      sort: choiceOption(options, "sort", "data find", documentSorts),
      descending: options.descending === true,
      cursor: whole("cursor", 0, 1e9),
      limit: whole("number", 1, 10_000),
    }),
  );
  warnStale(out, found);
  for (const d of found.documents) {
    const facts = [
      d.reason ? `dropped by ${d.reason}` : d.side,
      d.edited ? "edited" : "",
      ...d.label,
      d.language ?? "",
      `${formatCount(d.length)} characters`,
    ];
    out.line(`  ${d.id}\n    ${facts.filter(f => f !== "").join(", ")}\n    ${d.text}`);
  }
  const more = found.next === null ? "" : `; --cursor ${found.next} goes on`;
  out.line(
    `\n  ${found.documents.length} of ${formatCount(found.count)} found among ${formatCount(found.of)}${more}; \`loam data explain ID\` has a document's story`,
  );
  out.result(found);
};
