/**
 * Key encryption keys of this machine: a JSON file for its owner alone, or an environment variable `ID:BASE64[,ID:BASE64...]` (the first is current). A data
 * key is wrapped by AES-256-GCM with a random nonce; the ring and the data key's id are authenticated with it.
 */
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { existsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { z } from "zod";
import { canonicalJson, makePrivateFolder, readText, writeFileAtomic } from "../../base/index.ts";
import { storeErrors } from "../errors.ts";
import type { KeyService, WrapContext, WrappedKey } from "./key-service.ts";

const keyBytes = 32;
const keyName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const format = "loam-keys@1";

/** Keys by id; the first is current. */
type LocalKeys = ReadonlyMap<string, Buffer>;

const keyFile = z.strictObject({
  format: z.literal(format),
  /** The newest first. */
  keys: z.array(z.strictObject({ id: z.string().regex(keyName), created: z.string(), key: z.base64() })).min(1),
});

const missing = (place: string, expected: string, received: string, hint: string) =>
  storeErrors.fail("keyMissing", { place, expected, received, hint });

function checked(place: string, id: string, text: string): Buffer {
  const key = Buffer.from(text, "base64");
  if (key.length === keyBytes) return key;
  throw storeErrors.fail("keyService", {
    place,
    expected: `${keyBytes} bytes in base64 for key "${id}"`,
    received: `${key.length} bytes`,
    hint: "`openssl rand -base64 32` prints a key.",
  });
}

function wrapWith(kek: string, key: Buffer, data: Uint8Array, context: WrapContext): WrappedKey {
  const nonce = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", key, nonce).setAAD(Buffer.from(canonicalJson({ ...context, kek })));
  return { kek, wrapped: Buffer.concat([nonce, cipher.update(data), cipher.final(), cipher.getAuthTag()]).toString("base64") };
}

function unwrapWith(place: string, key: Buffer, { kek, wrapped }: WrappedKey, context: WrapContext): Buffer {
  const bytes = Buffer.from(wrapped, "base64");
  try {
    const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, 12), { authTagLength: 16 });
    decipher.setAAD(Buffer.from(canonicalJson({ ...context, kek }))).setAuthTag(bytes.subarray(-16));
    return Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()]);
  } catch (error) {
    throw storeErrors.fail(
      "keyWrong",
      {
        place,
        expected: `the key "${kek}" that wrapped data key ${context.key}`,
        received: "another key of the same name, or a changed key ring",
        hint: "Restore the key from its copy.",
      },
      error,
    );
  }
}

function localService(place: string, read: () => LocalKeys, create?: () => Promise<string>): KeyService {
  const current = (): readonly [string, Buffer] => [...read()][0]!;
  return {
    place,
    current: async () => current()[0],
    list: async () => [...read().keys()],
    wrap: async (data, context) => wrapWith(...current(), data, context),
    async unwrap(wrapped, context) {
      const key = read().get(wrapped.kek);
      if (!key)
        throw missing(
          place,
          `the key "${wrapped.kek}"`,
          `only ${[...read().keys()].join(", ")}`,
          "Restore the key file or variable from its copy.",
        );
      return unwrapWith(place, key, wrapped, context);
    },
    create,
  };
}

/** Keys in the environment variable `name`. */
export const environmentKeys = (name: string, environment: Readonly<Record<string, string | undefined>>): KeyService =>
  localService(`environment variable ${name}`, () => {
    const place = `environment variable ${name}`;
    const text = environment[name]?.trim();
    if (!text)
      throw missing(place, "ID:BASE64, the current key first", "nothing", `Set ${name}, for example to "k1:$(openssl rand -base64 32)".`);
    return new Map(
      text.split(",").map(entry => {
        const [id = "", key = ""] = entry.trim().split(/:(.*)/s);
        if (!keyName.test(id))
          throw storeErrors.fail("keyService", {
            place,
            expected: "ID:BASE64[,ID:BASE64...]",
            received: "an entry without a key id",
            hint: "A key id has letters, digits, `.`, `_` and `-`.",
          });
        return [id, checked(place, id, key)] as const;
      }),
    );
  });

/** A file that others may read opens nothing. */
function checkMode(path: string): void {
  if (process.platform === "win32") return;
  const mode = statSync(path).mode & 0o777;
  if ((mode & 0o077) !== 0)
    throw storeErrors.fail("keyService", {
      place: path,
      expected: "a key file with mode 0600",
      received: `mode 0${mode.toString(8)}`,
      hint: `Run \`chmod 600 ${path}\`; if others may have read the file, rotate the key (\`loam keys rotate\`).`,
    });
}

function readKeyFile(path: string): z.output<typeof keyFile> {
  if (!existsSync(path))
    throw missing(path, "a key file", "no file", "Restore it from its copy; for a new project run `loam keys create`.");
  checkMode(path);
  let parsed: unknown;
  try {
    parsed = JSON.parse(readText(path));
  } catch {
    parsed = undefined;
  }
  const result = keyFile.safeParse(parsed);
  if (!result.success)
    throw storeErrors.fail("keyService", {
      place: path,
      expected: `a key file of Loam (${format})`,
      received: "other content",
      hint: "Restore the file from its copy.",
    });
  return result.data;
}

/** Keys in a file; `create` makes the file, or adds a new current key to it. */
export const fileKeys = (path: string, now: () => number = Date.now): KeyService =>
  localService(
    path,
    () => new Map(readKeyFile(path).keys.map(({ id, key }) => [id, checked(path, id, key)])),
    async () => {
      const before = existsSync(path) ? readKeyFile(path).keys : [];
      const id = `k${before.length + 1}-${randomBytes(4).toString("hex")}`;
      const keys = [{ id, created: new Date(now()).toISOString(), key: randomBytes(keyBytes).toString("base64") }, ...before];
      makePrivateFolder(dirname(path));
      writeFileAtomic(path, `${JSON.stringify({ format, keys }, null, 2)}\n`, { mode: 0o600 });
      return id;
    },
  );
