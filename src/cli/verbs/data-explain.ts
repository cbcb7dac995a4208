/** `loam data explain`: the whole story of one document, whichever data set of the project it is in. */
import { formatCount } from "../../base/index.ts";
import { tellStory } from "../../data/index.ts";
import { explainDocument, type Whereabouts } from "../../project/data/index.ts";
import { warnStale } from "../data/stale.ts";
import type { Output } from "../output.ts";
import type { VerbRun } from "../verb.ts";
import { inProject } from "../verb-folder.ts";

function showWhereabouts(out: Output, where: Whereabouts): void {
  for (const t of where.tokens)
    out.line(
      `  tokens: ${t.shards}, ${t.side} side, document ${formatCount(t.document)}, tokens ${formatCount(t.from)} to ${formatCount(t.to)} (${formatCount(t.to - t.from)})`,
    );
  const list = (models: typeof where.trainedOnIt) =>
    models.map(m => (m.versions.length > 0 ? `${m.versions.join(", ")} (${m.artifact})` : m.artifact));
  if (where.trainedOnIt.length > 0) out.line(`  models trained on it: ${list(where.trainedOnIt).join("; ")}`);
  if (where.heldOutFrom.length > 0) out.line(`  models it was held out from: ${list(where.heldOutFrom).join("; ")}`);
  if (where.artifacts.length > 0 && where.tokens.length === 0) out.line("  tokens: none yet; `loam run shards` makes them");
}

export const dataExplain: VerbRun = async (context, [given = ""], options) => {
  const { out } = context;
  const found = await inProject(context, options, at => explainDocument(at, given));
  const { name, artifact } = found.set;
  warnStale(out, found.set);
  if ("aside" in found) {
    const { place, reason, message } = found.aside;
    out.line(`${place}  set aside  (${reason}: ${message}); it never became a document of ${artifact}`);
    return out.result({ artifact, side: "set aside", ...found.aside });
  }
  const { where } = found;
  const { text, ...story } = found.story;
  out.line(tellStory(found.story));
  if (story.side === "dropped") out.line(`  to bring it back: data.${name}.keep: ["${story.id}"] in loam.yaml`);
  showWhereabouts(out, where);
  if (options.text === true) {
    const edited = story.entries.some(e => e.action === "edit");
    out.line(edited ? "\n  Text, after the edits above (the text before is not stored; the source has it):\n" : "\n  Text:\n");
    out.line(text);
  }
  out.result({ artifact, ...story, ...(options.text === true ? { text } : {}), where });
};
