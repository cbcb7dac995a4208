/** A self-signed certificate for a server, made at start: X.509 version 3 in DER, an ECDSA key on P-256. Node signs; the encoding is these few lines (X.690). */
import { generateKeyPairSync, randomBytes, sign } from "node:crypto";

const tlv = (tag: number, ...parts: readonly Buffer[]): Buffer => {
  const body = Buffer.concat(parts);
  if (body.length < 128) return Buffer.concat([Buffer.from([tag, body.length]), body]);
  const size = Buffer.from(body.length.toString(16).padStart(body.length > 0xffff ? 6 : body.length > 0xff ? 4 : 2, "0"), "hex");
  return Buffer.concat([Buffer.from([tag, 0x80 | size.length]), size, body]);
};
const sequence = (...parts: readonly Buffer[]) => tlv(0x30, ...parts);
const oid = (hex: string) => tlv(0x06, Buffer.from(hex, "hex"));
const utf8 = (text: string) => tlv(0x0c, Buffer.from(text));
const positive = (bytes: Buffer) => tlv(0x02, bytes[0]! >= 0x80 ? Buffer.concat([Buffer.from([0]), bytes]) : bytes);
/** GeneralizedTime. */
const time = (ms: number) => tlv(0x18, Buffer.from(`${new Date(ms).toISOString().replace(/[-:T]/g, "").slice(0, 14)}Z`));

const ecdsaWithSha256 = sequence(oid("2a8648ce3d040302"));
const commonName = (name: string) => sequence(tlv(0x31, sequence(oid("550403"), utf8(name))));
const altNames = (names: readonly string[]) => sequence(oid("551d11"), tlv(0x04, sequence(...names.map(n => tlv(0x82, Buffer.from(n))))));

const day = 86_400_000;

interface ServerCertificate {
  /** PEM. */
  readonly key: string;
  readonly cert: string;
}

export function selfSigned(names: readonly string[], nowMs: number, days = 3650): ServerCertificate {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const serial = randomBytes(16);
  serial[0] = 1;
  const subject = commonName(names[0]!.slice(0, 64));
  const tbs = sequence(
    tlv(0xa0, tlv(0x02, Buffer.from([2]))),
    positive(serial),
    ecdsaWithSha256,
    subject,
    sequence(time(nowMs - day), time(nowMs + days * day)),
    subject,
    publicKey.export({ type: "spki", format: "der" }),
    tlv(0xa3, sequence(altNames(names))),
  );
  const signature = tlv(0x03, Buffer.from([0]), sign("sha256", tbs, { key: privateKey, dsaEncoding: "der" }));
  const der = sequence(tbs, ecdsaWithSha256, signature).toString("base64");
  return {
    key: privateKey.export({ type: "pkcs8", format: "pem" }) as string,
    cert: `-----BEGIN CERTIFICATE-----\n${der.match(/.{1,64}/g)!.join("\n")}\n-----END CERTIFICATE-----\n`,
  };
}
