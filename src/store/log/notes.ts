/**
 * Signed notes (C2SP signed-note), checkpoints (C2SP tlog-checkpoint) and witness co-signatures (C2SP tlog-cosignature, version 1), all Ed25519.
 * Pure functions over text; keys are raw, so that any holder of one can sign. See https://c2sp.org/tlog-checkpoint.
 */
import { createHash, createPublicKey, verify } from "node:crypto";
import { storeErrors } from "../errors.ts";

/** First byte of a key: what its signatures are over. */
const algorithms = { log: 1, witness: 4 } as const;
type NoteRole = keyof typeof algorithms;

/** A key that signs notes under a name: no blank, no plus. */
export interface NoteSigner {
  readonly name: string;
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  sign(data: Uint8Array): Uint8Array | Promise<Uint8Array>;
}

/** Reads a key of others: `name+hash+base64`. */
export interface NoteVerifier {
  readonly name: string;
  readonly role: NoteRole;
  readonly publicKey: Uint8Array;
  readonly keyId: Buffer;
}

export interface Checkpoint {
  /** Names the log, everywhere and for ever. */
  readonly origin: string;
  readonly size: number;
  /** Hex. */
  readonly root: string;
}

const wrong = (place: string, expected: string, received: string) => storeErrors.fail("note", { place, expected, received });

const keyIdOf = (name: string, role: NoteRole, publicKey: Uint8Array): Buffer =>
  createHash("sha256").update(`${name}\n`).update(Uint8Array.of(algorithms[role])).update(publicKey).digest().subarray(0, 4);

/** A name that stands in one line of a note. Errors: note. */
export function checkNoteName(name: string, place: string): string {
  if (!/^[^\s+\p{Cc}\p{Surrogate}]+$/u.test(name)) throw wrong(place, "a name without blanks and plus signs", JSON.stringify(name));
  return name;
}

/** A verifier key as others write it down: what an auditor is given once, by another way than the log. */
export function verifierKey({ name, publicKey }: Pick<NoteSigner, "name" | "publicKey">, role: NoteRole): string {
  const key = Buffer.concat([Uint8Array.of(algorithms[role]), publicKey]).toString("base64");
  return `${checkNoteName(name, "key name")}+${keyIdOf(name, role, publicKey).toString("hex")}+${key}`;
}

/** Errors: note. */
export function noteVerifier(text: string, place: string): NoteVerifier {
  const [, name, hash, encoded] = /^([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+=*)$/.exec(text.trim()) ?? [];
  const bytes = Buffer.from(encoded ?? "", "base64");
  const role = (Object.keys(algorithms) as NoteRole[]).find(r => algorithms[r] === bytes[0]);
  const isWhole = bytes.length === 33 && bytes.toString("base64") === encoded;
  if (!name || !isWhole || !role) throw wrong(place, "a verifier key: NAME+HASH+BASE64 of an Ed25519 key", text.slice(0, 100));
  const publicKey = Uint8Array.from(bytes.subarray(1));
  const keyId = keyIdOf(name, role, publicKey);
  if (keyId.toString("hex") !== hash) throw wrong(place, `the hash ${keyId.toString("hex")}`, hash ?? "none");
  return { name, role, publicKey, keyId };
}

/** DER before an Ed25519 public key (RFC 8410). */
const spki = Buffer.from("302a300506032b6570032100", "hex");
const isSigned = (key: Uint8Array, data: Uint8Array, signature: Uint8Array): boolean =>
  verify(null, data, createPublicKey({ key: Buffer.concat([spki, key]), format: "der", type: "spki" }), signature);

/** The text of a checkpoint: what is signed. */
const checkpointText = ({ origin, size, root }: Checkpoint): string =>
  `${checkNoteName(origin, "origin")}\n${size}\n${Buffer.from(root, "hex").toString("base64")}\n`;

const signatureLine = (name: string, keyId: Uint8Array, signature: Uint8Array): string =>
  `\u2014 ${name} ${Buffer.concat([keyId, signature]).toString("base64")}\n`;

/** The log's own signature of a checkpoint; the answer is the whole note. */
export async function signCheckpoint(checkpoint: Checkpoint, signer: NoteSigner): Promise<string> {
  const text = checkpointText(checkpoint);
  const signature = await signer.sign(Buffer.from(text));
  return `${text}\n${signatureLine(checkNoteName(signer.name, "key name"), keyIdOf(signer.name, "log", signer.publicKey), signature)}`;
}

const cosigned = (text: string, atSeconds: number): Buffer => Buffer.from(`cosignature/v1\ntime ${atSeconds}\n${text}`);

/** A witness's line for a checkpoint that it has seen to be consistent with all before. */
export async function cosign(checkpoint: Checkpoint, witness: NoteSigner, atSeconds: number): Promise<string> {
  const time = Buffer.alloc(8);
  time.writeBigUInt64BE(BigInt(atSeconds));
  const signature = await witness.sign(cosigned(checkpointText(checkpoint), atSeconds));
  return signatureLine(
    checkNoteName(witness.name, "key name"),
    keyIdOf(witness.name, "witness", witness.publicKey),
    Buffer.concat([time, signature]),
  );
}

export interface SignedCheckpoint extends Checkpoint {
  readonly text: string;
  readonly signatures: readonly { readonly name: string; readonly keyId: string; readonly signature: Buffer }[];
}

/** Lines of signatures that are read, and bytes of a note: a note comes from anywhere. */
const mostSignatures = 100;
const mostBytes = 1_000_000;

/** Errors: note. Lines of a checkpoint beyond the third are kept in `text` and signed with it. */
export function readCheckpoint(note: string, place: string): SignedCheckpoint {
  const at = note.lastIndexOf("\n\n");
  if (note.length > mostBytes || at < 0 || !note.endsWith("\n"))
    throw wrong(place, "a signed note: text, an empty line, signatures", note.slice(0, 60));
  const text = note.slice(0, at + 1);
  const [origin = "", digits = "", hash = ""] = text.split("\n");
  const size = /^(0|[1-9]\d{0,15})$/.test(digits) ? Number(digits) : Number.NaN;
  const root = Buffer.from(hash, "base64");
  if (!Number.isSafeInteger(size) || root.length !== 32 || root.toString("base64") !== hash || origin === "")
    throw wrong(place, "origin, size and root hash in three lines", text.slice(0, 100));
  const lines = note
    .slice(at + 2)
    .split("\n")
    .slice(0, -1);
  if (lines.length > mostSignatures) throw wrong(place, `at most ${mostSignatures} signatures`, `${lines.length}`);
  const signatures = lines.map(line => {
    const [, name, encoded] = /^\u2014 (\S+) ([A-Za-z0-9+/]+=*)$/.exec(line) ?? [];
    const bytes = Buffer.from(encoded ?? "", "base64");
    // other trailing bits would be another text of the same signature
    if (!name || bytes.length < 5 || bytes.toString("base64") !== encoded) throw wrong(place, "lines of signatures", line.slice(0, 100));
    return { name, keyId: bytes.subarray(0, 4).toString("hex"), signature: bytes.subarray(4) };
  });
  return { origin, size, root: root.toString("hex"), text, signatures };
}

/** Whether a checkpoint has a valid signature of this key; of a witness, the second it was made. */
export function signedBy(checkpoint: SignedCheckpoint, key: NoteVerifier): { readonly atSeconds: number | undefined } | undefined {
  for (const { name, keyId, signature } of checkpoint.signatures) {
    if (name !== key.name || keyId !== key.keyId.toString("hex")) continue;
    if (key.role === "log" && signature.length === 64 && isSigned(key.publicKey, Buffer.from(checkpoint.text), signature))
      return { atSeconds: undefined };
    if (key.role === "witness" && signature.length === 72) {
      const atSeconds = Number(signature.readBigUInt64BE(0));
      if (isSigned(key.publicKey, cosigned(checkpoint.text, atSeconds), signature.subarray(8))) return { atSeconds };
    }
  }
  return undefined;
}
