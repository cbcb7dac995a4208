/** What `loam data look` shows on the terminal. */
import { formatBytes, formatCount } from "../../base/index.ts";
import type { FolderInspection, FormatInspection } from "../../data/index.ts";
import type { Output } from "../output.ts";

/** Fields that are listed of a format. */
const mostFields = 20;
const percent = (share: number): string => (share > 0 && share < 0.005 ? "< 1 %" : `${Math.round(100 * share)} %`);
const listed = (items: readonly string[], most: number): string =>
  items.slice(0, most).join(", ") + (items.length > most ? `, ${items.length - most} more` : "");

function showFormat({ line }: Output, format: FormatInspection): void {
  const { reader, files, sizeBytes, documents, read, characters, languages, labels, label, encoding, source, fields } = format;
  const about = read.all ? "" : "about ";
  line(
    `\n  ${reader}   ${formatCount(files)} file${files === 1 ? "" : "s"}, ${formatBytes(sizeBytes)}; ${about}${formatCount(documents)} documents`,
  );
  const row = (name: string, text: string) => line(`    ${name.padEnd(11)} ${text}`);
  if (encoding !== undefined)
    row("encoding", encoding + (source.delimiter === undefined ? "" : `; columns separated by ${JSON.stringify(source.delimiter)}`));
  for (const f of fields.slice(0, mostFields)) {
    const role = f.name === format.text ? "the text" : f.name === label?.name ? "the label" : "";
    const facts = `${f.kind}, ${percent(f.filled)} filled, ${formatCount(f.distinct)} different`;
    line(`      ${f.name.slice(0, 24).padEnd(24)} ${facts.padEnd(40)} ${role.padEnd(10)} ${f.examples[0] ?? ""}`);
  }
  if (fields.length > mostFields) line(`      ${formatCount(fields.length - mostFields)} more fields`);
  if (fields.length > 0 && format.text === undefined) row("text", "no field looks like a text; name it with `field:`");
  if (characters.most > 0)
    row("length", `${formatCount(Math.round(characters.median))} characters (median), at most ${formatCount(characters.most)}`);
  const detected = languages.reduce((n, l) => n + l.documents, 0);
  if (languages.length > 0)
    row(
      "languages",
      listed(
        languages.map(l => `${l.language} ${percent(l.documents / detected)}`),
        5,
      ),
    );
  const labelled = labels.reduce((n, l) => n + l.documents, 0);
  if (labels.length > 0)
    row(
      "labels",
      `${listed(
        labels.map(l => `${l.label} ${percent(l.documents / labelled)}`),
        8,
      )} (from the ${label?.from === "folder" ? "folders" : "field"})`,
    );
  if (read.setAside > 0)
    row("set aside", `${formatCount(read.setAside)} of ${formatCount(read.documents + read.setAside)} read: ${read.reasons.join("; ")}`);
}

export function showInspection(out: Output, inspection: FolderInspection): void {
  out.line(
    `  ${inspection.folder}   ${formatCount(inspection.files)} file${inspection.files === 1 ? "" : "s"}, ${formatBytes(inspection.sizeBytes)}`,
  );
  for (const format of inspection.formats) showFormat(out, format);
  if (inspection.others.length > 0)
    out.line(
      `\n  not read     ${listed(
        inspection.others.map(o => `${formatCount(o.files)} ${o.ending}`),
        8,
      )}`,
    );
  if (inspection.others.some(o => o.ending === "(none)"))
    out.line('               Text without an ending is taken by `files: "*"` and a reader.');
  if (inspection.formats.length === 0) out.line("\n  No file here is of a format that a reader takes: docs/data-sources.md lists them.");
}
