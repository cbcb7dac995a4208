/**
 * `loam data add`: one more source for a data set (or the first of a new one): into loam.yaml, nothing else of it changed, then the data are
 * made anew. What was read and found before is used again by the stage itself.
 */
import { formatCount, readText, writeFileAtomic } from "../../base/index.ts";
import { dataNameOf, type NewSource, newSource, readerOf, type SourceEntry } from "../../project/data/index.ts";
import { type Change, editYaml, flow } from "../../project/edit/index.ts";
import {
  dataLinksOf,
  findProject,
  type ProjectConfig,
  type ProjectFile,
  parseProject,
  projectFile,
  runLinks,
  withProjectStore,
} from "../../project/index.ts";
import { askYes } from "../data/ask-yes.ts";
import { cliErrors } from "../errors.ts";
import { textOption } from "../options.ts";
import { watchOf } from "../show-call.ts";
import type { Context, Options, VerbRun } from "../verb.ts";
import { folderOf } from "../verb-folder.ts";

type Part = ProjectConfig["data"][string];

/** A name that none of the others has. */
function free(wanted: string, taken: readonly string[]): string {
  for (let n = 1; ; n++) {
    const name = n === 1 ? wanted : `${wanted}-${n}`;
    if (!taken.includes(name)) return name;
  }
}

/** What the one source of before is called when it gets company. */
function nameOfFirst({ source }: Part, context: Context, project: ProjectFile): string {
  const told = source?.npm ?? source?.folder ?? [source?.files ?? []].flat()[0];
  try {
    return told === undefined ? "first" : newSource(told, project.folder, project.folder).called;
  } catch {
    // A source that is gone is called after nothing.
    context.out.warn(`loam: data: the source ${told} is not there now; it is called first`);
    return "first";
  }
}

interface Plan {
  readonly data: string;
  readonly name: string | undefined;
  readonly changes: readonly Change[];
  /** What a reader should know before. */
  readonly notes: readonly string[];
}

/** Ids get the first source's name in front when it gets company: lists of ids in the file follow. */
function renamed(ids: readonly string[] | undefined, data: string, first: string): string[] | undefined {
  return ids?.map(id => (id.startsWith(`${data}:`) ? `${data}:${first}/${id.slice(data.length + 1)}` : id));
}

function plan(context: Context, project: ProjectFile, source: NewSource, entry: SourceEntry, options: Options): Plan {
  const wanted = textOption(options, "to");
  const known = project.config.data;
  if (wanted !== undefined && !(wanted in known))
    return { data: wanted, name: undefined, changes: [{ kind: "set", path: ["data"], key: wanted, value: { source: entry } }], notes: [] };
  const data = dataNameOf(project, wanted);
  const part = known[data]!;
  const path = ["data", data];
  const as = textOption(options, "as");
  const set = (name: string): Change => ({ kind: "set", path: [...path, "sources"], key: name, value: entry });
  if (part.sources) {
    const taken = Object.keys(part.sources);
    if (as !== undefined && taken.includes(as))
      throw cliErrors.fail("usage", {
        place: "loam data add: --as",
        expected: `a name other than ${taken.join(", ")}`,
        received: `"${as}"`,
      });
    const name = as ?? free(source.called, taken);
    return { data, name, changes: [set(name)], notes: [] };
  }
  const first = textOption(options, "first") ?? nameOfFirst(part, context, project);
  const name = as ?? free(source.called, [first]);
  if (name === first)
    throw cliErrors.fail("usage", { place: "loam data add: --as", expected: `a name other than ${first}`, received: `"${as}"` });
  const hashed = part.forget.find(e => e.startsWith("#"));
  if (hashed !== undefined)
    throw cliErrors.fail("usage", {
      place: `${projectFile}: data.${data}.forget`,
      expected: "ids by name, since ids change with a second source",
      received: `the hash ${hashed}`,
      hint: "Write `sources:` with the names you want, and the hashes of the new ids, by hand.",
    });
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

export const dataAdd: VerbRun = async (context, [text = ""], options) => {
  const { out } = context;
  const project = findProject(folderOf(context, options));
  const source = newSource(text, context.cwd, project.folder);
  const [files, field] = [textOption(options, "files"), textOption(options, "field")];
  const reader = readerOf(source, textOption(options, "reader"));
  const entry: SourceEntry = {
    ...source.entry,
    ...(files === undefined ? {} : { files }),
    ...(reader === undefined ? {} : { reader }),
    ...(field === undefined ? {} : { field }),
  };
  const { data, name, changes, notes } = plan(context, project, source, entry, options);
  const place = `data.${data}.${name === undefined ? "source" : `sources.${name}`}`;
  out.line(`  ${projectFile}: ${place}: ${flow(entry)}`);
  if (source.names) out.line(`      ${formatCount(source.names.length)} files there`);
  for (const note of notes) out.line(`      ${note}`);

  let edited = readText(project.file);
  for (const change of changes) edited = editYaml(edited, change, projectFile);
  parseProject(edited, projectFile);
  out.event("plan", { data, name: name ?? null, source: entry, notes });
  if (options.dryRun === true) return out.result({ event: "result", data, ran: 0 });
  await askYes(context, options, "loam data add", "\nWrite it and make the data anew?");
  writeFileAtomic(project.file, edited);
  await withProjectStore(project, async store => {
    const { made, ran } = await runLinks(store, dataLinksOf(findProject(project.folder), data), {}, watchOf(context));
    out.line("\n  next: loam data report, loam run");
    out.result({ event: "result", data, name: name ?? null, artifact: made.get(`data/${data}`)!.id, ran });
  });
};
