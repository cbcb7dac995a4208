/** `loam data export`: curated documents as files for other programs, with their card beside them. */
import { formatBytes, formatCount, parseCount } from "../../base/index.ts";
import { exportFormatNames, heldOutNames, parquetCompressions, type SplitSide } from "../../data/index.ts";
import { type ExportDataOptions, exportData } from "../../project/data/index.ts";
import { nearestHint, wrongArgument } from "../../project/index.ts";
import { warnStale } from "../data/stale.ts";
import { textOption } from "../options.ts";
import { watchOf } from "../show-call.ts";
import type { Options, VerbRun } from "../verb.ts";
import { inProject } from "../verb-folder.ts";

const wrong = (flag: string, expected: string, received: string, known: readonly string[] = []) =>
  wrongArgument(`loam data export: --${flag}`, expected, JSON.stringify(received), nearestHint(received, known));

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

function chosen(options: Options): Omit<ExportDataOptions, "to"> {
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
    format: oneOf(options, "format", "format", exportFormatNames),
    sides: known.filter((s): s is SplitSide => sides.includes(s)),
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

export const dataExport: VerbRun = async (context, [name], options) => {
  const { out } = context;
  const to = textOption(options, "to");
  if (to === undefined || to === "")
    throw wrongArgument("loam data export", "--to FOLDER", "no --to", "The folder is made; it appears when it is whole.");
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(to)) throw wrong("to", "a folder of this machine; copy it from there with the bucket's own tool", to);
  const given = chosen(options);
  const exported = await inProject(context, options, at => exportData(at, name, { to, ...given }, watchOf(context)));
  const { tookMs, artifact, ...result } = exported;
  warnStale(out, exported);
  const sum = (key: "documents" | "sizeBytes") => result.files.reduce((total, f) => total + f[key], 0);
  out.done(`export/${result.name}`, `${formatCount(sum("documents"))} documents, ${formatBytes(sum("sizeBytes"))} in ${to}`, tookMs);
  for (const f of result.files)
    out.line(`      ${f.path.padEnd(40)} ${formatCount(f.documents).padStart(10)} documents ${formatBytes(f.sizeBytes).padStart(9)}`);
  out.line("      README.md, card.json, croissant.json, loam-export.json");
  if (given.dropped) out.line("      dropped documents are as they were when they went; what the private step masks is masked in them");
  out.result(result);
};
