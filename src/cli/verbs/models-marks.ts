/** `loam models tag`, `note`, `keygen`, `sign`, `verify`: what is said of a version, and who vouches for it. */
import { existsSync } from "node:fs";
import { chmod, readFile, writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { readText } from "../../base/index.ts";
import { projectErrors } from "../../project/index.ts";
import {
  checkSigned,
  checkVersion,
  fingerprintOf,
  makeKeys,
  publicKeyOf,
  signaturesOf,
  signerOf,
  signVersion,
} from "../../registry/index.ts";
import { setMark } from "../../store/index.ts";
import { cliErrors } from "../errors.ts";
import { textOption } from "../options.ts";
import { namedModel, personOf } from "../releases/named-version.ts";
import type { VerbRun } from "../verb.ts";
import { shownProgress } from "./models-release.ts";

export const modelsTag: VerbRun = async (context, [given = "", tag = ""], options) => {
  const at = tag.indexOf("=");
  const [key, value] = at < 0 ? [tag, ""] : [tag.slice(0, at), tag.slice(at + 1)];
  if (!/^[\w.-]{1,64}$/.test(key))
    throw cliErrors.fail("usage", {
      place: "loam models tag",
      expected: "KEY or KEY=VALUE, the key of up to 64 letters a to z, digits, _ . and -",
      received: `"${tag}"`,
    });
  await using named = await namedModel(context, options, given);
  const { store, model, version } = named;
  const remove = options.remove === true;
  const changed = await setMark(store, { model, number: version.number, kind: "tag", key, value: remove ? null : value });
  context.out.line(`  ${model}@${version.number}   ${remove ? "without " : ""}${tag}${changed ? "" : " already"}`);
  context.out.result({ model, version: version.number, tag: key, value: remove ? null : value, changed });
};

export const modelsNote: VerbRun = async (context, [given = "", text = ""], options) => {
  if (text.trim() === "") throw cliErrors.fail("usage", { place: "loam models note", expected: "a text", received: "none" });
  await using named = await namedModel(context, options, given);
  const { store, model, version } = named;
  const by = personOf(options);
  await setMark(store, { model, number: version.number, kind: "note", key: "next", value: { by, text } });
  context.out.line(`  ${model}@${version.number}   ${by}: ${text}`);
  context.out.result({ model, version: version.number, by, text });
};

export const modelsKeygen: VerbRun = async (context, [file = ""]) => {
  const path = resolve(context.cwd, file);
  for (const p of [path, `${path}.pub`])
    if (existsSync(p))
      throw projectErrors.fail("exists", {
        place: p,
        expected: "nothing of that name yet",
        received: "a file",
        hint: "A key is never overwritten.",
      });
  const { privateKey, publicKey } = makeKeys();
  await writeFile(path, privateKey, { mode: 0o600, flag: "wx" });
  await chmod(path, 0o600);
  await writeFile(`${path}.pub`, publicKey, { flag: "wx" });
  context.out.line(`  ${file}      private key, readable by you alone: keep it out of the repository`);
  context.out.line(`  ${file}.pub  public key ${fingerprintOf(publicKey)}`);
  context.out.result({ privateKey: path, publicKey: `${path}.pub`, fingerprint: fingerprintOf(publicKey) });
};

export const modelsSign: VerbRun = async (context, [given = ""], options) => {
  const key = textOption(options, "key");
  if (key === undefined)
    throw cliErrors.fail("usage", { place: "loam models sign: --key", expected: "a file with a private key", received: "none" });
  await using named = await namedModel(context, options, given);
  const { store, model, version } = named;
  const signer = signerOf(await readFile(resolve(context.cwd, key), "utf8").catch(() => ""), key);
  const signature = await signVersion(store, version, signer, personOf(options));
  context.out.line(`  ${model}@${version.number}   content ${version.digest.slice(0, 16)} signed by ${signature.fingerprint}`);
  context.out.result({ model, version: version.number, digest: version.digest, signature });
};

/** Reads every byte of the version and holds it against the record; then its signatures, the log and its lineage; `--rebuild` makes it again. */
export const modelsVerify: VerbRun = async (context, [given = ""], options) => {
  await using named = await namedModel(context, options, given);
  const { store, model, version } = named;
  const { signal, out } = context;
  const { files, bytes } = await checkVersion(store, version, { progress: shownProgress(out), signal });
  out.clear();
  const keys =
    options.key === undefined ? [] : [options.key].flat().map(k => publicKeyOf(readText(resolve(context.cwd, String(k))), String(k)));
  const trusted = keys.length > 0 ? await checkSigned(store.records.read, version, keys) : undefined;
  const signatures = await signaturesOf(store.records.read, version);
  context.out.line(`  ${model}@${version.number}   ${files} files, ${bytes} bytes, as recorded: ${version.digest}`);
  for (const s of signatures)
    context.out.line(
      `  signed by ${s.fingerprint}${s.by === null ? "" : ` (${s.by})`}: ${s.isValid ? "valid" : "NOT over this content"}${s.fingerprint === trusted?.fingerprint ? ", trusted" : ""}`,
    );
  if (signatures.length === 0) context.out.line("  no signature");
  const { checkRepeated, rebuildVersion, verifyRecordOf } = await import("../rebuild/verify-version.ts");
  const record = await verifyRecordOf(context, named);
  const made = options.rebuild === true ? await rebuildVersion(context, named, options) : undefined;
  context.out.result({
    model,
    version: version.number,
    digest: version.digest,
    bytes,
    signatures,
    trusted: trusted?.fingerprint ?? null,
    record,
    ...(made ? { rebuilt: made.isRepeated, stages: made.stages } : {}),
  });
  if (made) checkRepeated(`${model}@${version.number}`, made.wrong);
};
