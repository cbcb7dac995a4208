/**
 * One more source for a data set, or the first of a new one: into loam.yaml, nothing else of it changed, then the data are made anew. What was read and
 * found before is used again by the stage itself.
 */
import { defined, readText, writeFileAtomic } from "../../base/index.ts";
import type { Watch } from "../call.ts";
import { dataLinksOf } from "../data-links.ts";
import { type Change, editYaml } from "../edit/edit-yaml.ts";
import { wrongArgument } from "../errors.ts";
import type { ProjectConfig } from "../part.ts";
import { type ProjectFile, parseProject, projectFile } from "../project-file.ts";
import { runLinks } from "../run-links.ts";
import type { Workspace } from "../workspace.ts";
import { dataNameOf } from "./data-set.ts";
import { type NewSource, newSource, readerOf, type SourceEntry } from "./new-source.ts";

type Part = ProjectConfig["data"][string];

export interface AddOptions {
  /** The data set; one that is not there is begun. Default: the only one, or the one that the served model trains on. */
  readonly to?: string | undefined;
  /** The source's name; default: after its folder or package. */
  readonly as?: string | undefined;
  /** What reads its files; default: what their endings tell. */
  readonly reader?: string | undefined;
  /** Only files below it like this. */
  readonly files?: string | undefined;
  /** Of records: the field that holds the text. */
  readonly field?: string | undefined;
  /** What the source that is there already is called from now on. */
  readonly first?: string | undefined;
}

/** A name that none of the others has. */
function free(wanted: string, taken: readonly string[]): string {
  for (let n = 1; ; n++) {
    const name = n === 1 ? wanted : `${wanted}-${n}`;
    if (!taken.includes(name)) return name;
  }
}

/** What the one source of before is called when it gets company. */
function nameOfFirst({ source }: Part, { folder }: ProjectFile, { emit }: Pick<Watch, "emit">): string {
  const told = source?.npm ?? source?.folder ?? [source?.files ?? []].flat()[0];
  try {
    return told === undefined ? "first" : newSource(told, folder, folder).called;
  } catch {
    // A source that is gone is called after nothing.
    emit({ event: "warning", message: `loam: data: the source ${told} is not there now; it is called first` });
    return "first";
  }
}

interface Changed {
  readonly data: string;
  /** Undefined where the data set has this one source. */
  readonly name: string | undefined;
  readonly changes: readonly Change[];
  /** What a reader should know before. */
  readonly notes: readonly string[];
}

export interface AddPlan extends Omit<Changed, "changes"> {
  readonly source: SourceEntry;
  /** Files that are there. */
  readonly numFiles: number | undefined;
  /** loam.yaml with the change. */
  readonly text: string;
}

/** Ids get the first source's name in front when it gets company: lists of ids in the file follow. */
function renamed(ids: readonly string[] | undefined, data: string, first: string): string[] | undefined {
  return ids?.map(id => (id.startsWith(`${data}:`) ? `${data}:${first}/${id.slice(data.length + 1)}` : id));
}

function changesFor(
  project: ProjectFile,
  source: NewSource,
  entry: SourceEntry,
  { to, as, first: nameForFirst }: AddOptions,
  watch: Pick<Watch, "emit">,
): Changed {
  const known = project.config.data;
  if (to !== undefined && !(to in known))
    return { data: to, name: undefined, changes: [{ kind: "set", path: ["data"], key: to, value: { source: entry } }], notes: [] };
  const data = dataNameOf(project, to);
  const part = known[data]!;
  const path = ["data", data];
  const set = (name: string): Change => ({ kind: "set", path: [...path, "sources"], key: name, value: entry });
  const otherName = (names: string) => wrongArgument("loam data add: --as", `a name other than ${names}`, `"${as}"`);
  if (part.sources) {
    const taken = Object.keys(part.sources);
    if (as !== undefined && taken.includes(as)) throw otherName(taken.join(", "));
    const name = as ?? free(source.called, taken);
    return { data, name, changes: [set(name)], notes: [] };
  }
  const first = nameForFirst ?? nameOfFirst(part, project, watch);
  const name = as ?? free(source.called, [first]);
  if (name === first) throw otherName(first);
  const hashed = part.forget.find(e => e.startsWith("#"));
  if (hashed !== undefined)
    throw wrongArgument(
      `${projectFile}: data.${data}.forget`,
      "ids by name, since ids change with a second source",
      `the hash ${hashed}`,
      "Write `sources:` with the names you want, and the hashes of the new ids, by hand.",
    );
  const lists = (["keep", "forget"] as const).flatMap((key): Change[] => {
    const ids = renamed(part[key], data, first);
    return ids && ids.length > 0 ? [{ kind: "set", path, key, value: ids }] : [];
  });
  return {
    data,
    name,
    changes: [{ kind: "nest", path, key: "source", as: "sources", name: first }, set(name), ...lists],
    notes: [`ids of the documents there get a name in front: ${data}:... becomes ${data}:${first}/...`],
  };
}

/** What would be written. `given`: a folder, a file, a pattern, npm:PACKAGE or s3://BUCKET. Errors: project/argument, base/missingFile. */
export function planAdd(at: Workspace, given: string, options: AddOptions, watch: Pick<Watch, "emit">): AddPlan {
  const source = newSource(given, at.cwd, at.folder);
  const { files, field } = options;
  const reader = readerOf(source, options.reader);
  const entry: SourceEntry = {
    ...source.entry,
    ...defined({ files, reader, field }),
  };
  const { changes, ...plan } = changesFor(at.file, source, entry, options, watch);
  let text = readText(at.file.file);
  for (const change of changes) text = editYaml(text, change, projectFile);
  parseProject(text, projectFile);
  return { ...plan, source: entry, numFiles: source.names?.length, text };
}

export interface AddedSource {
  readonly data: string;
  /** Null where the data set has this one source. */
  readonly name: string | null;
  /** Identifier of the documents; absent after a dry run. */
  readonly artifact?: string;
  /** Stages that ran. */
  readonly ran: number;
}

/** Writes loam.yaml and makes the data anew. Where that fails, loam.yaml is as it was; stopped by a person, it keeps the source, and the next run goes on. */
export async function applyAdd(at: Workspace, { data, name, text }: AddPlan, watch: Watch): Promise<AddedSource> {
  const { file } = at.file;
  const before = readText(file);
  writeFileAtomic(file, text);
  try {
    const { made, ran } = await runLinks(await at.store(), dataLinksOf(at.reread(), data), {}, watch);
    return { data, name: name ?? null, artifact: made.get(`data/${data}`)!.id, ran };
  } catch (error) {
    if (!watch.signal.aborted && readText(file) === text) {
      writeFileAtomic(file, before);
      at.reread();
      watch.emit({ event: "warning", message: `loam: ${projectFile} is as it was: the data could not be made with the new source` });
    }
    throw error;
  }
}
