/** What a data card needs of the record and the project beside the artifact itself: options, time, sources with their licences. */
import { defined } from "../../base/index.ts";
import { type CardPart, type CardRecord, ledgerLines, noCard, ownFacts, type SourceFacts } from "../../data/index.ts";
import { type ArtifactReader, findSubject, openArtifact, type Store } from "../../store/index.ts";
import { ownerOfFirst, ownersIn, ownerText } from "../owners.ts";
import type { ProjectFile } from "../project-file.ts";
import type { DataSet } from "./data-set.ts";

/** A `sources:` map, or the one `source:`, as a stage recorded its options. */
function entriesOf(options: unknown): (readonly [name: string | undefined, source: unknown])[] {
  const { source, sources } = (options ?? {}) as { readonly source?: unknown; readonly sources?: unknown };
  // The stage may have put them in order as a list of name and options.
  if (Array.isArray(sources)) return sources.map((s: { readonly name?: string; readonly options?: unknown }) => [s.name, s.options ?? s]);
  if (sources && typeof sources === "object") return Object.entries(sources);
  return source === undefined ? [] : [[undefined, source]];
}

/** Files and bytes of each source, by its name; of the only one under undefined. */
async function sizes(source: ArtifactReader | undefined): Promise<Map<string | undefined, { files: number; sizeBytes: number }>> {
  const found = new Map<string | undefined, { files: number; sizeBytes: number }>();
  if (!source?.files.some(f => f.name === "files.jsonl")) return found;
  for await (const line of ledgerLines(source, "files.jsonl")) {
    const { of, sizeBytes } = JSON.parse(line) as { readonly of?: string; readonly sizeBytes?: number };
    const size = found.get(of) ?? { files: 0, sizeBytes: 0 };
    size.files++;
    size.sizeBytes += sizeBytes ?? 0;
    found.set(of, size);
  }
  return found;
}

export async function cardRecordOf(store: Store, project: ProjectFile, set: DataSet): Promise<CardRecord> {
  const info = (await findSubject(store, set.artifact.id)).artifacts[0]!;
  const input = info.inputs.find(i => i.name === "source");
  const made = input && (await openArtifact(store, input.artifact));
  const size = await sizes(made);
  const sources = entriesOf(info.options).map(([name, source], _, all): SourceFacts => {
    // The version that was read, not the one that is installed now.
    const origin =
      all.length === 1 && name === undefined && typeof made?.summary.origin === "string" ? { origin: made.summary.origin } : {};
    return { ...defined({ name }), ...size.get(name), ...ownFacts(source, project.folder), ...origin };
  });
  const owner = ownerOfFirst(ownersIn(project), [`data/${set.name}`]);
  return { name: set.name, createdMs: info.createdMs, options: info.options, sources, ...(owner ? { owner: ownerText(owner) } : {}) };
}

/** The `card:` part of a data set, as the project has it now: it is no part of the artifact. */
export const cardPartOf = (project: ProjectFile, name: string): CardPart => project.config.data[name]?.card ?? noCard;
