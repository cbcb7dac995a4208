/** `loam data explain`: the whole story of one document, whichever data set of the project it is in. */
import { formatCount } from "../../base/index.ts";
import { documentIds, explain, findId, linesOf, resolveId, type SetAside, tellStory } from "../../data/index.ts";
import { type DataSet, findDataSet, openDataSet, staleLine, whereabouts } from "../../project/data/index.ts";
import { findProject, type ProjectFile, withProjectStore } from "../../project/index.ts";
import type { Store } from "../../store/index.ts";
import type { Context, VerbRun } from "../verb.ts";
import { folderOf } from "../verb-folder.ts";

/** A record that never became a document is asked for by its place. */
async function setAsideAt(set: DataSet, place: string): Promise<SetAside | undefined> {
  for await (const line of linesOf(set.artifact, "set-aside.jsonl")) {
    const record = JSON.parse(line) as SetAside;
    if (record.place.startsWith(place) || `${set.name}:${record.place}`.startsWith(place)) return record;
  }
  return undefined;
}

/** The data set that holds the document, and its whole id; or the record that was set aside. */
async function find(p: ProjectFile, store: Store, text: string): Promise<{ set: DataSet; id: string } | { set: DataSet; aside: SetAside }> {
  const sets: { set: DataSet; ids: string[] }[] = [];
  for (const name of Object.keys(p.config.data)) {
    const set = await findDataSet(p, store, name);
    if (set) sets.push({ set, ids: await documentIds(set.artifact) });
  }
  // Its own data set first, where the text says which.
  sets.sort((a, b) => Number(text.startsWith(`${b.set.name}:`)) - Number(text.startsWith(`${a.set.name}:`)));
  for (const { set, ids } of sets) {
    const { id } = findId(ids, text);
    if (id !== undefined) return { set, id };
  }
  for (const { set } of sets) {
    const aside = await setAsideAt(set, text);
    if (aside) return { set, aside };
  }
  if (!sets[0]) return { set: await openDataSet(p, store, undefined), id: "" };
  const { set, ids } = sets[0];
  return { set, id: resolveId(ids, text, set.artifact.id) };
}

async function tellWhereabouts({ out }: Context, store: Store, id: string) {
  const where = await whereabouts(store, id);
  for (const t of where.tokens)
    out.line(
      `  tokens: ${t.shards}, ${t.side} side, document ${formatCount(t.document)}, tokens ${formatCount(t.from)} to ${formatCount(t.to)} (${formatCount(t.to - t.from)})`,
    );
  const list = (models: typeof where.trainedOnIt) =>
    models.map(m => (m.versions.length > 0 ? `${m.versions.join(", ")} (${m.artifact})` : m.artifact));
  if (where.trainedOnIt.length > 0) out.line(`  models trained on it: ${list(where.trainedOnIt).join("; ")}`);
  if (where.heldOutFrom.length > 0) out.line(`  models it was held out from: ${list(where.heldOutFrom).join("; ")}`);
  if (where.artifacts.length > 0 && where.tokens.length === 0) out.line("  tokens: none yet; `loam run shards` makes them");
  return where;
}

export const dataExplain: VerbRun = async (context, [text = ""], options) => {
  const { out } = context;
  const project = findProject(folderOf(context, options));
  await withProjectStore(project, async store => {
    const found = await find(project, store, text);
    if (found.set.isStale) out.warn(staleLine(found.set));
    if ("aside" in found) {
      const { place, reason, message } = found.aside;
      out.line(`${place}  set aside  (${reason}: ${message}); it never became a document of ${found.set.artifact.id}`);
      return out.result({ artifact: found.set.artifact.id, side: "set aside", ...found.aside });
    }
    const { text: words, ...story } = await explain(found.set.artifact, found.id);
    out.line(tellStory({ ...story, text: words }));
    if (story.side === "dropped") out.line(`  to bring it back: data.${found.set.name}.keep: ["${story.id}"] in loam.yaml`);
    const where = await tellWhereabouts(context, store, story.id);
    if (options.text === true) {
      const edited = story.entries.some(e => e.action === "edit");
      out.line(edited ? "\n  Text, after the edits above (the text before is not stored; the source has it):\n" : "\n  Text:\n");
      out.line(words);
    }
    out.result({ artifact: found.set.artifact.id, ...story, ...(options.text === true ? { text: words } : {}), where });
  });
};
