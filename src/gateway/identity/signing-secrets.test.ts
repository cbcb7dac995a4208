/** Secrets that sign are in the state sealed alone: the state opens nothing without the server's secret, and no seal opens for another key. */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openControl } from "../control.ts";
import { openAccess } from "../fakes.ts";
import { signedByAws } from "./aws-signer.laws.ts";
import { isAccessKeyId, newAccessKeyId, newSigningSecret, openSeals } from "./signing-secrets.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "loam-signing-"));
});
afterEach(() => rm(folder, { recursive: true }));

const [first, second] = ["the first secret of the server, long", "the second secret of the server, long"] as const;

test("what is sealed opens under each of the server's secrets, for its key alone, and not when a letter of it is another", () => {
  const [one, two, other] = [openSeals([first]), openSeals([second, first]), openSeals([second])];
  fc.assert(
    fc.property(fc.string(), fc.string(), fc.nat(), (secret, keyId, at) => {
      const sealed = one.seal(secret, keyId);
      expect([one.open(sealed, keyId), two.open(sealed, keyId), other.open(sealed, keyId)]).toEqual([secret, secret, undefined]);
      expect(one.open(sealed, `${keyId}x`)).toBeUndefined();
      const bytes = Buffer.from(sealed, "base64url");
      bytes[at % bytes.length]! ^= 1;
      expect(one.open(bytes.toString("base64url"), keyId)).toBeUndefined();
      // the same secret is never sealed alike
      expect(one.seal(secret, keyId)).not.toBe(sealed);
    }),
  );
  expect(isAccessKeyId(newAccessKeyId())).toBe(true);
  expect(newAccessKeyId()).not.toBe(newAccessKeyId());
});

test("no file of the state has the secret; a server with another one lets nobody in by it, one that keeps the old one beside does", async () => {
  const access = { ...openAccess, sigv4: { regions: ["us-east-1"], services: ["service"] } };
  const open = (secrets: readonly string[]) => openControl({ state: "sqlite:state.db", root: folder, config: access, secrets });
  const made = await open([first]);
  const { key, secret } = await made.keys.create({ name: "aws", subject: "ann", kind: "sigv4" }, "test");
  expect(secret.length).toBe(newSigningSecret().length);
  const enter = async (control: typeof made) => {
    const wire = await signedByAws({ path: "/" }, { accessKeyId: key.prefix, secretAccessKey: secret, atMs: Date.now() });
    const { identity, refusal } = await control.authenticate({ signed: { wire, body: async () => new Uint8Array() } });
    return identity?.keyId ?? refusal?.detail;
  };
  expect(await enter(made)).toBe(key.id);
  await made.close();
  for (const name of await readdir(folder)) expect((await readFile(join(folder, name))).includes(secret), name).toBe(false);
  const other = await open([second]);
  expect(await enter(other)).toBe(`the secret of key ${key.id} is sealed under another secret of the server`);
  await other.close();
  const both = await open([second, first]);
  expect(await enter(both)).toBe(key.id);
  const lines: unknown[] = [];
  for await (const entry of both.changes()) lines.push(entry);
  expect(JSON.stringify(lines)).not.toContain(secret);
  await both.close();
});
