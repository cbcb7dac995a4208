/** `loam models pack`, `unpack`, `push`, `pull`: a version as one file, and in a registry of containers. */
import { formatBytes } from "../../base/index.ts";
import { wrongArgument } from "../../project/index.ts";
import { packVersion, pullVersion, pushVersion, type UnpackedVersion, unpackVersion } from "../../project/models/index.ts";
import { listOption, textOption } from "../options.ts";
import type { Output } from "../output.ts";
import { watchOf } from "../show-call.ts";
import type { Options, VerbRun } from "../verb.ts";
import { workplaceOf } from "../verb-folder.ts";

const numSignatures = (n: number): string => (n === 1 ? "1 signature" : `${n} signatures`);

export const modelsPack: VerbRun = async (context, [given = ""], options) => {
  const { out } = context;
  const to = textOption(options, "out");
  if (to === undefined) throw wrongArgument("loam models pack: --out", "a file to write", "nothing");
  const { files, ...packed } = await packVersion(workplaceOf(context, options), given, { out: to }, watchOf(context));
  out.clear();
  out.line(
    `  ${to}   ${packed.model}@${packed.version}, ${files} files, ${formatBytes(packed.sizeBytes)}, ${numSignatures(packed.signatures)}`,
  );
  out.line(`  ${packed.digest}`);
  out.result(packed);
};

export const modelsPush: VerbRun = async (context, [given = "", place = ""], options) => {
  const { out } = context;
  const plainHttp = options.plainHttp === true;
  const pushed = await pushVersion(workplaceOf(context, options), given, place, { plainHttp }, watchOf(context));
  out.clear();
  out.line(
    `  ${pushed.model}@${pushed.version} -> ${pushed.reference}   ${formatBytes(pushed.sentBytes)} sent, ${pushed.skipped} blobs were there`,
  );
  out.line(`  ${pushed.digest}`);
  out.result(pushed);
};

const alreadyHere = { made: "", reused: ", here already", mended: ", here already but damaged: mended" } as const;

const receiving = (options: Options) => ({ name: textOption(options, "name"), keys: listOption(options, "key") });

function showReceived(out: Output, { files, sizeBytes, ignored, tookMs, ...v }: UnpackedVersion): void {
  if (ignored > 0) out.warn(`  left out: ${numSignatures(ignored)} that ${ignored === 1 ? "is" : "are"} not over this version`);
  out.done(v.model, `${files} files, ${formatBytes(sizeBytes)}, as the manifest names them${alreadyHere[v.action]}`, tookMs);
  out.line(
    `  ${v.model}@${v.version}   was ${v.origin.model}@${v.origin.version}   ${numSignatures(v.signatures)}${v.trusted ? `, one by ${v.trusted}` : ""}`,
  );
  out.result(v);
}

export const modelsUnpack: VerbRun = async (context, [file = ""], options) =>
  showReceived(context.out, await unpackVersion(workplaceOf(context, options), file, receiving(options), watchOf(context)));

export const modelsPull: VerbRun = async (context, [place = ""], options) => {
  const given = { ...receiving(options), plainHttp: options.plainHttp === true };
  showReceived(context.out, await pullVersion(workplaceOf(context, options), place, given, watchOf(context)));
};
