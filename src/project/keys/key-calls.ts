/** `project.keys`: encryption at rest of the project: its keys made, listed, rotated and checked, and a project that was begun in the clear encrypted. */
import {
  type EncryptedStore,
  type EncryptOptions,
  encryptStore,
  type KeyRing,
  keyServiceOf,
  type RingKey,
  ringOfProject,
  storeErrors,
} from "../../store/index.ts";
import { type Call, type CallOptions, callOf } from "../call.ts";
import { projectFile } from "../project-file.ts";
import type { Workspace } from "../workspace.ts";

/** Where the project's keys are, and which there are. No key is shown. */
export interface ProjectKeys {
  /** Place of the key encryption keys. */
  readonly service: string;
  /** Ids of the key encryption keys that the place lists, the current one first. */
  readonly encryptionKeys: readonly string[];
  /** Folder of the wrapped data keys. */
  readonly ring: string;
  readonly dataKeys: readonly RingKey[];
}

/** What opened. */
export interface CheckedKeys {
  readonly ok: boolean;
  /** Data keys that opened. */
  readonly opened: number;
  readonly destroyed: number;
  /** Data keys that did not, each with why. */
  readonly failed: readonly { readonly id: string; readonly problem: string }[];
}

const settingsOf = (at: Workspace): EncryptOptions => {
  const { encrypt } = at.file.config.store;
  if (encrypt) return encrypt;
  throw storeErrors.fail("keyMissing", {
    place: projectFile,
    expected: "store.encrypt",
    received: "nothing",
    hint: "Add `store: { encrypt: { key: file:~/.loam-keys/NAME.json } }`.",
  });
};

const ringOf = (at: Workspace): KeyRing => ringOfProject(settingsOf(at), at.folder);

/** A project's keys. Errors of every call: keyMissing where loam.yaml names no key, keyService, url (store). */
export class KeyCalls {
  readonly #at: Workspace;

  constructor(at: Workspace) {
    this.#at = at;
  }

  /** Makes a key encryption key where the place of keys is a file; the new one is current. Errors: keyService where keys are made elsewhere. */
  create(options: CallOptions = {}): Call<{ readonly key: string; readonly service: string }> {
    return callOf(async () => {
      const service = keyServiceOf(settingsOf(this.#at), this.#at.folder);
      if (service.create) return { key: await service.create(), service: service.place };
      throw storeErrors.fail("keyService", {
        place: service.place,
        expected: "a key file, the place where Loam makes keys itself",
        received: "keys that are made elsewhere",
        hint: "Make the key there, then run `loam keys rotate`.",
      });
    }, options);
  }

  list(options: CallOptions = {}): Call<ProjectKeys> {
    return callOf(async () => {
      const ring = ringOf(this.#at);
      return { service: ring.service.place, encryptionKeys: await ring.service.list(), ring: ring.folder, dataKeys: ring.list() };
    }, options);
  }

  /** Wraps all data keys with the current key encryption key; `newData` also begins a new data key. Changes no stored file. Errors: keyMissing, keyWrong. */
  rotate(options: { readonly newData?: boolean | undefined } & CallOptions = {}): Call<{ readonly wrapped: number; readonly key: string }> {
    return callOf(async () => {
      const ring = ringOf(this.#at);
      const wrapped = await ring.rotate({ newData: options.newData === true });
      return { wrapped, key: await ring.service.current() };
    }, options);
  }

  /** Unwraps every data key. */
  check(options: CallOptions = {}): Call<CheckedKeys> {
    return callOf(async () => {
      const ring = ringOf(this.#at);
      const failed: { readonly id: string; readonly problem: string }[] = [];
      let [opened, destroyed] = [0, 0];
      for (const { id, destroyed: gone } of ring.list()) {
        if (gone !== undefined) destroyed++;
        else
          try {
            await ring.keyOf(id);
            opened++;
          } catch (error) {
            failed.push({ id, problem: (error as Error).message });
          }
      }
      return { ok: failed.length === 0, opened, destroyed, failed };
    }, options);
  }

  /** Encrypts what the project's artifact store holds in the clear. No other process may use it. Errors: those of the store. */
  encrypt(options: CallOptions = {}): Call<EncryptedStore> {
    return callOf(async () => {
      const { records, blobs } = this.#at.file.config.store;
      return encryptStore({ root: this.#at.folder, records, blobs, encrypt: settingsOf(this.#at) });
    }, options);
  }
}
