/** Signatures of versions: marks of the record, checked against keys that the caller trusts, never against the key that came with them. */
import { z } from "zod";
import { type EvaluationMark, evaluationMarks, type ModelVersion, type ReadingDb, type Store, setMark } from "../../store/index.ts";
import { registryErrors } from "../errors.ts";
import { checkedFiles } from "./content.ts";
import { fingerprintOf, isSignedBy, type Signer } from "./keys.ts";
import { statementOf } from "./statement.ts";

const value = z.strictObject({ publicKey: z.string(), signature: z.string(), by: z.string().nullable() });

export interface VersionSignature {
  /** Of the public key. */
  readonly fingerprint: string;
  readonly publicKey: string;
  readonly signature: string;
  /** Who signed, as they said. */
  readonly by: string | null;
  readonly atMs: number;
  /** It is the key's signature of this content. */
  readonly isValid: boolean;
}

function signatureOf(version: Pick<ModelVersion, "digest">, mark: EvaluationMark): VersionSignature | undefined {
  const read = value.safeParse(mark.value).data;
  return (
    read && { ...read, fingerprint: mark.key, atMs: mark.atMs, isValid: isSignedBy(read.publicKey, statementOf(version), read.signature) }
  );
}

export async function versionSignatures(db: ReadingDb, version: ModelVersion): Promise<VersionSignature[]> {
  const marks = (await evaluationMarks(db, version.model, version.number)).filter(m => m.kind === "signature");
  return marks.flatMap(m => signatureOf(version, m) ?? []);
}

/** Signs a version's content; once more by the same key changes nothing, Ed25519 being deterministic. */
export async function signVersion(store: Store, version: ModelVersion, signer: Signer, by?: string): Promise<VersionSignature> {
  const signature = Buffer.from(await signer.sign(statementOf(version))).toString("base64");
  return addSignature(store, version, { publicKey: signer.publicKey, signature, by: by ?? null });
}

/** Records a signature that was made elsewhere. Errors: registry/signature where it is not the key's over this content. */
export async function addSignature(store: Store, version: ModelVersion, given: z.output<typeof value>): Promise<VersionSignature> {
  const fingerprint = fingerprintOf(given.publicKey);
  if (!isSignedBy(given.publicKey, statementOf(version), given.signature))
    throw registryErrors.fail("signature", {
      place: `${version.model}@${version.number}`,
      expected: `a signature of its content by key ${fingerprint}`,
      received: "one of something else",
    });
  await setMark(store, { model: version.model, number: version.number, kind: "signature", key: fingerprint, value: { ...given } });
  return (await versionSignatures(store.records.read, version)).find(s => s.fingerprint === fingerprint)!;
}

/** A valid signature by one of the trusted keys, if there is one. */
export async function trustedSignature(
  db: ReadingDb,
  version: ModelVersion,
  trusted: readonly string[],
): Promise<VersionSignature | undefined> {
  const fingerprints = new Set(trusted.map(fingerprintOf));
  // the fingerprint is computed from the key that verifies, not believed
  return (await versionSignatures(db, version)).find(s => s.isValid && fingerprints.has(fingerprintOf(s.publicKey)));
}

/** The files that a load reads are those that were signed. Errors: registry/signature; registry/tampered. */
export async function checkSigned(db: ReadingDb, version: ModelVersion, trusted: readonly string[]): Promise<VersionSignature> {
  const found = await trustedSignature(db, version, trusted);
  if (found) {
    await checkedFiles(db, version);
    return found;
  }
  const all = await versionSignatures(db, version);
  const told = all.map(s => `${s.fingerprint}${s.isValid ? "" : " (not over this content)"}`).join(", ");
  throw registryErrors.fail("signature", {
    place: `${version.model}@${version.number}`,
    expected: `a signature by ${trusted.map(fingerprintOf).join(" or ")}`,
    received: told || "none",
    hint: `\`loam models sign ${version.model}@${version.number} --key FILE\` signs it.`,
  });
}
