/**
 * The data keys of a project, each wrapped by a key encryption key, a file each in one folder: keys of the project (the newest encrypts new data) and a key
 * for each person whose objects are kept (`subject`). Rotation wraps the data keys again and touches no data. Destroying a person's keys leaves a mark in
 * place of the key, so that nothing encrypted with it is ever read again (crypto-shredding). File names hold no personal data: a subject is a salted hash.
 */
import { createHmac, randomBytes } from "node:crypto";
import { existsSync, linkSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { fileError, isLoamError, makePrivateFolder, pause, temporaryBeside, writeFileAtomic } from "../../base/index.ts";
import { storeErrors } from "../errors.ts";
import { ownerOfTag, ownerState, ownerTag, thisOwner } from "../owner.ts";
import type { KeyService } from "./key-service.ts";
import { type DataKey, keyIdBytes, openSealed, readHeader, sealBytes, sealContext } from "./sealed.ts";

/** What encrypted bytes are bound to, and whose they are. */
export interface EncryptContext {
  /** Name of the object, for example `review/case-17/text`; decrypting needs the same. */
  readonly id: string;
  /** The person whose key encrypts the bytes. Default: the project's key. */
  readonly subject?: string | undefined;
  readonly purpose?: string | undefined;
}

export interface RingKey {
  readonly id: string;
  readonly kind: "project" | "subject";
  readonly created: string;
  /** The key encryption key that wraps it; none once it is destroyed. */
  readonly kek?: string | undefined;
  readonly destroyed?: string | undefined;
}

export interface KeyRing {
  readonly folder: string;
  readonly service: KeyService;
  /** The key that encrypts new data of the project, or of one person. Errors: those of the service. */
  newestKey(subject?: string): Promise<DataKey>;
  /** A key by its id. Errors: keyMissing, keyDestroyed, keyWrong, keyService. */
  keyOf(id: string): Promise<DataKey>;
  /** A 32-byte key for a use of its own, derived from the project's first key: it stays the same when keys are rotated. */
  derivedKey(use: string): Promise<Buffer>;
  list(): readonly RingKey[];
  /** Wraps every data key with the service's current key; with `newData` also makes a new project key. Returns how many were wrapped again. */
  rotate(options?: { readonly newData?: boolean }): Promise<number>;
  /** Destroys the keys of a person; answers how many there were. Nothing encrypted with them can be read from then on. */
  destroySubject(subject: string): Promise<number>;
  /** Does the ring hold a key of this person? */
  hasSubject(subject: string): boolean;
}

const hex = (bytes: number) => z.string().regex(new RegExp(`^[0-9a-f]{${2 * bytes}}$`));
const ringFile = z.strictObject({ format: z.literal("loam-keyring@1"), id: hex(16), salt: hex(32) });
const keyFile = z.strictObject({
  id: hex(keyIdBytes),
  kind: z.enum(["project", "subject"]),
  /** Salted hash of the subject. */
  holder: hex(32).optional(),
  created: z.string(),
  kek: z.string().optional(),
  wrapped: z.base64().optional(),
  /** SHA-256 of the key itself: finds a key service that unwraps wrongly. */
  check: hex(32),
  destroyed: z.string().optional(),
});
type KeyFile = z.output<typeof keyFile>;

const damagedRing = (place: string, cause?: unknown) =>
  storeErrors.fail(
    "keyMissing",
    { place, expected: "a file of the key ring", received: "other content", hint: "Restore the key ring's folder from its copy." },
    cause,
  );

function parsed<T>(path: string, schema: z.ZodType<T>): T {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw fileError(error, path);
  }
  try {
    return schema.parse(JSON.parse(text));
  } catch (error) {
    throw damagedRing(path, error);
  }
}

const written = (value: object): string => `${JSON.stringify(value, null, 2)}\n`;
const checkOf = (id: string, key: Uint8Array): string => createHmac("sha256", key).update(`loam/key-check/${id}`).digest("hex");

/** Longest wait for another process that rotates or destroys keys, in milliseconds. */
const lockWaitMs = 30_000;

/** Runs `work` while no other process changes keys of the ring. */
async function locked<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const path = join(folder, "lock");
  for (const end = Date.now() + lockWaitMs; ; ) {
    try {
      writeFileSync(path, ownerTag(thisOwner()), { flag: "wx", mode: 0o600 });
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw fileError(error, path);
      const owner = existsSync(path) ? ownerOfTag(readFileSync(path, "utf8")) : undefined;
      if (owner && ownerState(owner) === "dead") rmSync(path, { force: true });
      else if (Date.now() > end)
        throw storeErrors.fail("locked", {
          place: path,
          expected: "a key ring that no other process changes",
          received: `a lock older than ${lockWaitMs / 1000} s`,
          hint: "Delete the file if no process rotates keys.",
        });
      else await pause(20);
    }
  }
  try {
    return await work();
  } finally {
    rmSync(path, { force: true });
  }
}

/** The ring's own file, made where the folder has none. */
function ringOf(folder: string): z.output<typeof ringFile> {
  const path = join(folder, "ring.json");
  makePrivateFolder(folder);
  if (!existsSync(path)) {
    if (readdirSync(folder).some(name => name.endsWith(".json"))) throw damagedRing(path);
    const text = written({ format: "loam-keyring@1", id: randomBytes(16).toString("hex"), salt: randomBytes(32).toString("hex") });
    const beside = temporaryBeside(path);
    try {
      writeFileSync(beside, text, { mode: 0o600, flush: true });
      linkSync(beside, path);
    } catch (error) {
      // another process was a moment quicker
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw fileError(error, path);
    } finally {
      rmSync(beside, { force: true });
    }
  }
  return parsed(path, ringFile);
}

class FolderRing implements KeyRing {
  readonly folder: string;
  readonly service: KeyService;
  readonly #ring: z.output<typeof ringFile>;
  readonly #now: () => number;
  /** Ids of the newest keys that this process has seen, by holder. */
  readonly #newest = new Map<string, string>();
  /** Unwrapped keys, by the state of the file that they came from: a key that another process destroys is not used on. */
  readonly #open = new Map<string, { readonly state: string; readonly key: Promise<DataKey> }>();

  constructor(folder: string, service: KeyService, now: () => number) {
    this.folder = folder;
    this.service = service;
    this.#now = now;
    this.#ring = ringOf(folder);
  }

  #path = (id: string): string => join(this.folder, `${id}.json`);

  #files(): KeyFile[] {
    const names = readdirSync(this.folder).filter(name => /^[0-9a-f]{32}\.json$/.test(name));
    return names.map(name => parsed(join(this.folder, name), keyFile)).sort((a, b) => (a.created + a.id < b.created + b.id ? -1 : 1));
  }

  #holder = (subject: string): string => createHmac("sha256", Buffer.from(this.#ring.salt, "hex")).update(subject).digest("hex");

  async #wrapped(id: string, bytes: Uint8Array): Promise<{ readonly kek: string; readonly wrapped: string }> {
    return this.service.wrap(bytes, { ring: this.#ring.id, key: id });
  }

  async #make(kind: KeyFile["kind"], holder?: string): Promise<DataKey> {
    const id = randomBytes(keyIdBytes).toString("hex");
    const bytes = randomBytes(32);
    const { kek, wrapped } = await this.#wrapped(id, bytes);
    const created = new Date(this.#now()).toISOString();
    const file: KeyFile = { id, kind, ...(holder ? { holder } : {}), created, kek, wrapped, check: checkOf(id, bytes) };
    writeFileAtomic(this.#path(id), written(file), { mode: 0o600 });
    return { id, bytes };
  }

  async newestKey(subject?: string): Promise<DataKey> {
    const holder = subject === undefined ? undefined : this.#holder(subject);
    const known = this.#newest.get(holder ?? "");
    if (known !== undefined)
      try {
        return await this.keyOf(known);
      } catch (error) {
        if (!isLoamError(error, "store/keyDestroyed")) throw error;
      }
    const key = await this.#newestOnDisk(holder);
    this.#newest.set(holder ?? "", key.id);
    return key;
  }

  async #newestOnDisk(holder: string | undefined): Promise<DataKey> {
    const newest = this.#files().findLast(k => k.destroyed === undefined && (holder ? k.holder === holder : k.kind === "project"));
    if (newest) return this.keyOf(newest.id);
    const make = () => this.#make(holder ? "subject" : "project", holder);
    // two processes that begin at once make one key of the project: derived keys hang on the first
    return holder
      ? make()
      : locked(this.folder, async () => {
          const there = this.#files().findLast(k => k.kind === "project");
          return there ? this.keyOf(there.id) : make();
        });
  }

  async keyOf(id: string): Promise<DataKey> {
    const path = this.#path(id);
    const found = statSync(path, { bigint: true, throwIfNoEntry: false });
    if (!found)
      throw storeErrors.fail("keyMissing", {
        place: this.folder,
        expected: `data key ${id}`,
        received: "no such key in the key ring",
        hint: "The data come from another project, or the key ring's folder was lost: restore it from its copy.",
      });
    const state = `${found.ino}/${found.mtimeNs}`;
    const held = this.#open.get(id);
    if (held?.state === state) return held.key;
    const key = this.#unwrap(parsed(path, keyFile));
    this.#open.set(id, { state, key });
    key.catch(() => this.#open.delete(id));
    return key;
  }

  async #unwrap({ id, kek, wrapped, check, destroyed }: KeyFile): Promise<DataKey> {
    if (destroyed !== undefined || kek === undefined || wrapped === undefined)
      throw storeErrors.fail("keyDestroyed", {
        place: this.folder,
        expected: `data key ${id}`,
        received: `a key that was destroyed ${destroyed ?? ""}`.trim(),
        hint: "The person's data were erased. Nothing brings them back.",
      });
    const bytes = await this.service.unwrap({ kek, wrapped }, { ring: this.#ring.id, key: id });
    if (checkOf(id, bytes) === check) return { id, bytes };
    throw storeErrors.fail("keyWrong", {
      place: this.service.place,
      expected: `the key "${kek}" that wrapped data key ${id}`,
      received: "another key of the same name",
      hint: "Restore the key from its copy.",
    });
  }

  async derivedKey(use: string): Promise<Buffer> {
    await this.newestKey();
    const first = this.#files().find(k => k.kind === "project");
    const { bytes } = await this.keyOf(first!.id);
    return createHmac("sha256", bytes).update(`loam/derived/${use}`).digest();
  }

  list(): readonly RingKey[] {
    return this.#files().map(({ holder: _, wrapped: __, check: ___, ...key }) => key);
  }

  rotate({ newData = false } = {}): Promise<number> {
    return locked(this.folder, async () => {
      let count = 0;
      for (const file of this.#files()) {
        if (file.destroyed !== undefined) continue;
        const { bytes } = await this.#unwrap(file);
        writeFileAtomic(this.#path(file.id), written({ ...file, ...(await this.#wrapped(file.id, bytes)) }), { mode: 0o600 });
        count++;
      }
      if (newData) this.#newest.set("", (await this.#make("project")).id);
      return count;
    });
  }

  destroySubject(subject: string): Promise<number> {
    const holder = this.#holder(subject);
    return locked(this.folder, async () => {
      const mine = this.#files().filter(k => k.holder === holder && k.destroyed === undefined);
      for (const { kek: _, wrapped: __, holder: ___, ...rest } of mine) {
        const destroyed = new Date(this.#now()).toISOString();
        this.#open.delete(rest.id);
        writeFileAtomic(this.#path(rest.id), written({ ...rest, check: "0".repeat(64), destroyed }), { mode: 0o600 });
      }
      return mine.length;
    });
  }

  hasSubject(subject: string): boolean {
    const holder = this.#holder(subject);
    return this.#files().some(k => k.holder === holder && k.destroyed === undefined);
  }
}

/** Opens the key ring in a folder, or makes it there. Errors: keyMissing for a damaged one, those of files. */
export const openKeyRing = (folder: string, service: KeyService, now: () => number = Date.now): KeyRing =>
  new FolderRing(folder, service, now);

/** Encrypts bytes with the key of the project, or of one person; bound to the object's id and purpose. Errors: those of the key service. */
export async function encryptBytes(ring: KeyRing, data: string | Uint8Array, { id, subject, purpose }: EncryptContext): Promise<Buffer> {
  const bytes = typeof data === "string" ? Buffer.from(data) : data;
  return sealBytes(await ring.newestKey(subject), bytes, sealContext(id, purpose));
}

/** Decrypts what `encryptBytes` wrote for the same id. Errors: sealDamaged, keyMissing, keyDestroyed, keyWrong, keyService. */
export async function decryptBytes(ring: KeyRing, data: Uint8Array, { id, purpose }: Omit<EncryptContext, "subject">): Promise<Buffer> {
  return openSealed(await ring.keyOf(readHeader(data, id).keyId), data, sealContext(id, purpose));
}
