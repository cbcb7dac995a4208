/** What is said of a version, and who vouches for it: tags, notes, signatures, and the keys that make these. */
import { existsSync } from "node:fs";
import { chmod, readFile, writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { fingerprintOf, makeKeys, signerOf, signVersion, type VersionSignature } from "../../registry/index.ts";
import { setMark } from "../../store/index.ts";
import { projectErrors, wrongArgument } from "../errors.ts";
import { namedVersion } from "../models/named-version.ts";
import { thisUser } from "../person.ts";
import type { Workplace } from "../workspace.ts";

export interface TaggedVersion {
  readonly model: string;
  readonly version: number;
  /** Without its value. */
  readonly tag: string;
  /** Null where the tag was taken away. */
  readonly value: string | null;
  readonly changed: boolean;
}

/** `tag` is KEY or KEY=VALUE. Errors: project/argument, store/notFound. */
export async function tagVersion(
  at: Workplace,
  given: string,
  tag: string,
  { remove = false }: { readonly remove?: boolean | undefined } = {},
): Promise<TaggedVersion> {
  const split = tag.indexOf("=");
  const [key, value] = split < 0 ? [tag, ""] : [tag.slice(0, split), tag.slice(split + 1)];
  if (!/^[\w.-]{1,64}$/.test(key))
    throw wrongArgument("loam models tag", "KEY or KEY=VALUE, the key of up to 64 letters a to z, digits, _ . and -", `"${tag}"`);
  await using named = await namedVersion(at, given);
  const { store, model, version } = named;
  const changed = await setMark(store, { model, number: version.number, kind: "tag", key, value: remove ? null : value });
  return { model, version: version.number, tag: key, value: remove ? null : value, changed };
}

export interface NotedVersion {
  readonly model: string;
  readonly version: number;
  readonly by: string;
  readonly text: string;
}

/** Errors: project/argument for an empty text, store/notFound. */
export async function noteVersion(
  at: Workplace,
  given: string,
  text: string,
  { by = thisUser() }: { readonly by?: string | undefined } = {},
): Promise<NotedVersion> {
  if (text.trim() === "") throw wrongArgument("loam models note", "a text", "none");
  await using named = await namedVersion(at, given);
  const { store, model, version } = named;
  await setMark(store, { model, number: version.number, kind: "note", key: "next", value: { by, text } });
  return { model, version: version.number, by, text };
}

export interface SigningKeys {
  /** Path of the file, readable by its owner alone. */
  readonly privateKey: string;
  /** The same with `.pub` behind it. */
  readonly publicKey: string;
  /** 16 hex digits. */
  readonly fingerprint: string;
}

/** Writes a pair of Ed25519 keys; never over one that is there. Errors: project/exists. */
export async function createSigningKeys({ cwd }: Pick<Workplace, "cwd">, file: string): Promise<SigningKeys> {
  const path = resolve(cwd, file);
  for (const place of [path, `${path}.pub`])
    if (existsSync(place))
      throw projectErrors.fail("exists", {
        place,
        expected: "nothing of that name yet",
        received: "a file",
        hint: "A key is never overwritten.",
      });
  const { privateKey, publicKey } = makeKeys();
  await writeFile(path, privateKey, { mode: 0o600, flag: "wx" });
  await chmod(path, 0o600);
  await writeFile(`${path}.pub`, publicKey, { flag: "wx" });
  return { privateKey: path, publicKey: `${path}.pub`, fingerprint: fingerprintOf(publicKey) };
}

export interface SignOptions {
  /** File of a private key. */
  readonly key: string;
  /** Who signs; default: the user of this machine. */
  readonly by?: string | undefined;
}

export interface SignedVersion {
  readonly model: string;
  readonly version: number;
  /** What is signed: SHA-256 over the list of files. */
  readonly digest: string;
  readonly signature: VersionSignature;
}

/** Errors: registry/key, store/notFound. */
export async function signNamed(at: Workplace, given: string, { key, by = thisUser() }: SignOptions): Promise<SignedVersion> {
  await using named = await namedVersion(at, given);
  const { store, model, version } = named;
  const signer = signerOf(await readFile(resolve(at.cwd, key), "utf8").catch(() => ""), key);
  return { model, version: version.number, digest: version.digest, signature: await signVersion(store, version, signer, by) };
}
