/** `loam data export`: curated documents as files for other programs, with their card beside them. */
import { resolve, sep } from "node:path";
import { formatBytes, formatCount, nearest, parseCount } from "../../base/index.ts";
import {
  cardFiles,
  dataCard,
  type ExportOptions,
  exportDocuments,
  formatNames,
  heldOutNames,
  parquetCompressions,
  type Side,
} from "../../data/index.ts";
import { cardPartOf, cardRecordOf, openDataSet, staleLine } from "../../project/data/index.ts";
import { findProject, type ProjectFile, withProjectStore } from "../../project/index.ts";
import { cliErrors } from "../errors.ts";
import { textOption } from "../options.ts";
import type { Options, VerbRun } from "../verb.ts";
import { folderOf } from "../verb-folder.ts";

const wrong = (flag: string, expected: string, received: string, known: readonly string[] = []) => {
  const near = nearest(received, known);
  return cliErrors.fail("usage", {
    place: `loam data export: --${flag}`,
    expected,
    received: JSON.stringify(received),
    ...(near ? { hint: `Did you mean "${near}"?` } : {}),
  });
};

/** One of a few words. Errors: cli/usage. */
function oneOf<const T extends string>(options: Options, key: string, flag: string, known: readonly T[]): T {
  const given = textOption(options, key) ?? "";
  const found = known.find(k => k === given);
  if (found === undefined) throw wrong(flag, `one of ${known.join(", ")}`, given, known);
  return found;
}

const namesIn = (text: string): string[] =>
  text
    .split(",")
    .map(name => name.trim())
    .filter(name => name !== "");

/** Fewest bytes of a file: below this a corpus becomes a heap of files. */
const minShardBytes = 1000;

function chosen(options: Options): Omit<ExportOptions, "to" | "protect" | "extras" | "signal" | "progress"> {
  const sides = namesIn(textOption(options, "sides")!);
  const known = ["train", "held-out"] as const;
  for (const side of sides)
    if (!(known as readonly string[]).includes(side)) throw wrong("sides", `${known.join(", ")} or both`, side, known);
  if (sides.length === 0) throw wrong("sides", `${known.join(", ")} or both`, "");
  const size = textOption(options, "shardSize")!;
  const shardBytes = parseCount(size.replace(/B$/, ""));
  if (shardBytes === undefined || shardBytes < minShardBytes)
    throw wrong("shard-size", `bytes, at least ${minShardBytes}, such as 500MB`, size);
  const [only, without] = [textOption(options, "attributes"), textOption(options, "without")];
  return {
    format: oneOf(options, "format", "format", formatNames),
    sides: known.filter((s): s is Side => sides.includes(s)),
    dropped: options.dropped === true,
    attributes: {
      ...(only === undefined ? {} : { only: only === "none" ? [] : namesIn(only) }),
      ...(without === undefined ? {} : { without: namesIn(without) }),
    },
    heldOutAs: oneOf(options, "heldOutAs", "held-out-as", heldOutNames),
    shardBytes,
    compression: oneOf(options, "compression", "compression", parquetCompressions),
    force: options.force === true,
  };
}

/** Folders that data sets are read from: an export in one would be read with the next run. */
function sourceFolders(project: ProjectFile): string[] {
  const parts = Object.values(project.config.data);
  return parts.flatMap(p =>
    [p.source, ...Object.values(p.sources ?? {})].flatMap(s => (s?.folder ? [resolve(project.folder, s.folder)] : [])),
  );
}

export const dataExport: VerbRun = async (context, [name], options) => {
  const { out } = context;
  const to = textOption(options, "to");
  if (to === undefined || to === "")
    throw cliErrors.fail("usage", {
      place: "loam data export",
      expected: "--to FOLDER",
      received: "no --to",
      hint: "The folder is made; it appears when it is whole.",
    });
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(to)) throw wrong("to", "a folder of this machine; copy it from there with the bucket's own tool", to);
  const given = chosen(options);
  const project = findProject(folderOf(context, options));
  await withProjectStore(project, async store => {
    const set = await openDataSet(project, store, name);
    if (set.isStale) out.warn(staleLine(set));
    const record = await cardRecordOf(store, project, set);
    const started = performance.now();
    const folder = resolve(context.cwd, to);
    const within = sourceFolders(project).find(f => folder.startsWith(`${f}${sep}`));
    if (within !== undefined)
      out.warn(`loam: ${to} lies within ${within}, which is read from: the next run may take the export for texts.`);
    const label = `export/${set.name}`;
    const exported = await exportDocuments(set.artifact, {
      ...given,
      to: folder,
      protect: [project.folder, context.cwd],
      extras: async e => cardFiles(await dataCard(set.artifact, record, cardPartOf(project, set.name)), e),
      signal: context.signal,
      progress: out.progress(label),
    });
    const sum = (key: "documents" | "sizeBytes") => exported.files.reduce((total, f) => total + f[key], 0);
    out.done(label, `${formatCount(sum("documents"))} documents, ${formatBytes(sum("sizeBytes"))} in ${to}`, performance.now() - started);
    for (const f of exported.files)
      out.line(`      ${f.path.padEnd(40)} ${formatCount(f.documents).padStart(10)} documents ${formatBytes(f.sizeBytes).padStart(9)}`);
    out.line("      README.md, card.json, croissant.json, loam-export.json");
    if (given.dropped) out.line("      dropped documents are as they were when they went; what the private step masks is masked in them");
    out.result({ name: set.name, isStale: set.isStale, folder, ...exported });
  });
};
