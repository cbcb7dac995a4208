/** `loam models tag`, `note`, `keygen`, `sign`, `verify`: what is said of a version, and who vouches for it. */

import { formatCount } from "../../base/index.ts";
import { wrongArgument } from "../../project/index.ts";
import { checkRepeated, namedVersion, publicKeys, rebuildVersion, verifyFiles, verifyLineage } from "../../project/models/index.ts";
import type { RebuiltStage } from "../../project/rebuild/index.ts";
import { createSigningKeys, noteVersion, signNamed, tagVersion } from "../../project/releases/index.ts";
import { listOption, textOption } from "../options.ts";
import { quietWatchOf, watchOf } from "../show-call.ts";
import type { VerbRun } from "../verb.ts";
import { workplaceOf } from "../verb-folder.ts";

export const modelsTag: VerbRun = async (context, [given = "", tag = ""], options) => {
  const remove = options.remove === true;
  const tagged = await tagVersion(workplaceOf(context, options), given, tag, { remove });
  context.out.line(`  ${tagged.model}@${tagged.version}   ${remove ? "without " : ""}${tag}${tagged.changed ? "" : " already"}`);
  context.out.result(tagged);
};

export const modelsNote: VerbRun = async (context, [given = "", text = ""], options) => {
  const noted = await noteVersion(workplaceOf(context, options), given, text, { by: textOption(options, "as") });
  context.out.line(`  ${noted.model}@${noted.version}   ${noted.by}: ${text}`);
  context.out.result(noted);
};

export const modelsKeygen: VerbRun = async ({ out, cwd }, [file = ""]) => {
  const keys = await createSigningKeys({ cwd }, file);
  out.line(`  ${file}      private key, readable by you alone: keep it out of the repository`);
  out.line(`  ${file}.pub  public key ${keys.fingerprint}`);
  out.result(keys);
};

export const modelsSign: VerbRun = async (context, [given = ""], options) => {
  const key = textOption(options, "key");
  if (key === undefined) throw wrongArgument("loam models sign: --key", "a file with a private key", "none");
  const signed = await signNamed(workplaceOf(context, options), given, { key, by: textOption(options, "as") });
  context.out.line(`  ${signed.model}@${signed.version}   content ${signed.digest.slice(0, 16)} signed by ${signed.signature.fingerprint}`);
  context.out.result(signed);
};

const sentence = (s: RebuiltStage): string => {
  const { weights = null, loss = null } = s.distance ?? {};
  const shown = (x: number | null) => (x === null ? "not compared" : x.toPrecision(3));
  const distance = s.distance ? `  weights ${shown(weights)}, loss ${shown(loss)} (relative)` : "";
  const differs = s.differs && Object.keys(s.differs).length > 0 ? `  other environment: ${Object.keys(s.differs).join(", ")}` : "";
  return `  ${s.outcome.padEnd(10)} ${s.artifact.padEnd(28)} ${s.stage.padEnd(22)}${distance}${differs}`;
};

/** Reads every byte of the version and holds it against the record; then its signatures, the log and its lineage; `--rebuild` makes it again. */
export const modelsVerify: VerbRun = async (context, [given = ""], options) => {
  const { out } = context;
  const at = workplaceOf(context, options);
  await using named = await namedVersion(at, given);
  const shown = `${named.model}@${named.version.number}`;
  const { files, ...own } = await verifyFiles(named, publicKeys(at, listOption(options, "key")), quietWatchOf(context));
  out.clear();
  out.line(`  ${shown}   ${files} files, ${own.bytes} bytes, as recorded: ${own.digest}`);
  for (const s of own.signatures)
    out.line(
      `  signed by ${s.fingerprint}${s.by === null ? "" : ` (${s.by})`}: ${s.isValid ? "valid" : "NOT over this content"}${s.fingerprint === own.trusted ? ", trusted" : ""}`,
    );
  if (own.signatures.length === 0) out.line("  no signature");
  const watch = watchOf(context, {
    rebuilt({ event: _, ...stage }) {
      out.clear();
      out.line(sentence(stage));
      out.event("stage", stage);
    },
  });
  const record = await verifyLineage(named, watch);
  out.clear();
  const { entries, removed } = record;
  out.line(
    `  ${shown}   record and lineage verified: ${formatCount(entries)} log entries, ${formatCount(record.files)} files of ${formatCount(record.artifacts)} artifacts${removed.length > 0 ? `; files removed of ${removed.join(", ")}` : ""}`,
  );
  const again = options.rebuild === true ? await rebuildVersion(at, named, textOption(options, "scratch"), watch) : undefined;
  if (again?.rebuilt)
    out.line(
      `  ${shown}   rebuilt: ${formatCount(again.stages.filter(s => s.outcome !== "material").length)} stages reproduce the stored artifacts`,
    );
  out.result({ model: named.model, version: named.version.number, ...own, record, ...again });
  if (again) checkRepeated(shown, again);
};
