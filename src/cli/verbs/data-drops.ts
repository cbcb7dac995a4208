/** `loam data drops`: dropped documents with their reasons, or one of them whole. */
import { showMeasure } from "../../data/index.ts";
import { droppedDocument, droppedDocuments } from "../../project/data/index.ts";
import { warnStale } from "../data/stale.ts";
import { numberOption, textOption } from "../options.ts";
import type { VerbRun } from "../verb.ts";
import { inProject } from "../verb-folder.ts";

export const dataDrops: VerbRun = async (context, [name], options) => {
  const { out } = context;
  const most = numberOption(options, "number", "data drops", { least: 0, most: 1_000_000, whole: true })!;
  const one = textOption(options, "show");
  const rule = textOption(options, "rule");
  await inProject(context, options, async at => {
    if (one !== undefined) {
      const { set, document } = await droppedDocument(at, name, one);
      warnStale(out, set);
      const { id, dropped, text } = document;
      out.line(
        `  ${id}  dropped by ${dropped.step}/${dropped.rule}: ${showMeasure(dropped.value)} (threshold ${showMeasure(dropped.threshold)})`,
      );
      out.line(`  to bring it back: data.${set.name}.keep: ["${id}"] in loam.yaml\n`);
      out.line(text);
      return out.result(document);
    }
    const { isStale, ...drops } = await droppedDocuments(at, name, { rule, most });
    warnStale(out, { ...drops, isStale });
    for (const d of drops.documents)
      out.line(
        `  ${d.id}\n    ${d.step}/${d.rule}: ${showMeasure(d.value)} (threshold ${showMeasure(d.threshold)})${d.survivor ? `; ${d.survivor} stays` : ""}\n    ${d.text}`,
      );
    out.line(
      `\n  ${drops.documents.length} of ${drops.count}${rule ? ` by ${rule}` : ""}; --show ID prints one, keep: [ID] in loam.yaml brings it back`,
    );
    out.result(drops);
  });
};
