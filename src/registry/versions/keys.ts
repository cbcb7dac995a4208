/** Ed25519 keys (RFC 8032) in PEM files: PKCS #8 for the private one, SubjectPublicKeyInfo for the public one, as `openssl` writes them. A key elsewhere (PKCS #11) is a `Signer`. */
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from "node:crypto";
import { registryErrors } from "../errors.ts";

export interface Signer {
  /** The public key's PEM. */
  readonly publicKey: string;
  sign(data: Uint8Array): Uint8Array | Promise<Uint8Array>;
}

const publicPem = (key: KeyObject): string => key.export({ type: "spki", format: "pem" }) as string;

export function makeKeys(): { readonly privateKey: string; readonly publicKey: string } {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  return { privateKey: privateKey.export({ type: "pkcs8", format: "pem" }) as string, publicKey: publicPem(publicKey) };
}

function ed25519(read: () => KeyObject, what: string, place: string): KeyObject {
  let key: KeyObject | undefined;
  try {
    key = read();
  } catch {
    // told below, without a word of what stands in the file
  }
  if (key?.asymmetricKeyType === "ed25519") return key;
  throw registryErrors.fail("key", {
    place,
    expected: `an Ed25519 ${what} key in PEM`,
    received: key ? `one of ${key.asymmetricKeyType}` : "none that can be read",
    hint: "`loam models keygen FILE` makes a pair.",
  });
}

/** Reads a private key's PEM. Errors: registry/key; its text never shows. */
export function signerOf(pem: string, place: string): Signer {
  const key = ed25519(() => createPrivateKey(pem), "private", place);
  return { publicKey: publicPem(createPublicKey(key)), sign: data => sign(null, data, key) };
}

/** The public key's PEM in its one form. A private key is refused. Errors: registry/key. */
export function publicKeyOf(pem: string, place: string): string {
  const refusePrivate = () => {
    if (pem.includes("PRIVATE")) throw new TypeError("private");
    return createPublicKey(pem);
  };
  return publicPem(ed25519(refusePrivate, "public", place));
}

/** 16 hex digits that name a public key. */
export const fingerprintOf = (publicKey: string): string =>
  createHash("sha256")
    .update(createPublicKey(publicKey).export({ type: "spki", format: "der" }))
    .digest("hex")
    .slice(0, 16);

/** Whether a signature (base64) over the data is the key's. */
export function isSignedBy(publicKey: string, data: Uint8Array, signature: string): boolean {
  try {
    return verify(null, data, createPublicKey(publicKey), Buffer.from(signature, "base64"));
  } catch {
    return false;
  }
}
