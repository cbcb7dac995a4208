/** Signs the log's head as a checkpoint and writes the log as static files that anybody can serve and verify (C2SP tlog-checkpoint, tlog-tiles). */
import { createPublicKey } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { makeFolder, readText, writeFileAtomic } from "../../base/index.ts";
import { signerOf } from "../../registry/index.ts";
import {
  checkNoteName,
  logFiles,
  type NoteSigner,
  proveConsistency,
  readCheckpoint,
  signCheckpoint,
  type TreeHead,
  treeHead,
  verifierKey,
} from "../../store/index.ts";
import { projectErrors } from "../errors.ts";
import type { Workspace } from "../workspace.ts";

export interface LogKeyOptions {
  /** File of an Ed25519 private key (`loam models keygen FILE`). */
  readonly key: string;
  /** Names the log for good: `example.com/mail`; default: `loam.invalid/` and the project's name. */
  readonly origin?: string | undefined;
}

export interface LogCheckpoint {
  readonly origin: string;
  readonly size: number;
  readonly root: string;
  /** The signed note. */
  readonly checkpoint: string;
  /** What an auditor is given once, by another way than the log. */
  readonly verifierKey: string;
}

export interface ExportedLog extends LogCheckpoint {
  readonly folder: string;
  /** Files that were written; those that were there and cannot have changed are not. */
  readonly written: number;
}

/** A key file as a signer of notes. Errors: registry/key, store/note. */
export async function noteSignerOf(at: Pick<Workspace, "cwd">, key: string, name: string): Promise<NoteSigner> {
  const signer = signerOf(await readFile(resolve(at.cwd, key), "utf8").catch(() => ""), key);
  const der = createPublicKey(signer.publicKey).export({ format: "der", type: "spki" });
  // RFC 8410: the last 32 bytes are the key
  return { name: checkNoteName(name, "key name"), publicKey: der.subarray(-32), sign: data => signer.sign(data) };
}

const originOf = (at: Workspace, { origin }: LogKeyOptions): string =>
  origin ?? `loam.invalid/${(at.file.config.name ?? "project").replaceAll(/[\s+]+/g, "-")}`;

async function signHead(signer: NoteSigner, { size, root }: Pick<TreeHead, "size" | "root">): Promise<LogCheckpoint> {
  const origin = signer.name;
  const checkpoint = await signCheckpoint({ origin, size, root }, signer);
  return { origin, size, root, checkpoint, verifierKey: verifierKey(signer, "log") };
}

/** The head as it is now, signed. Errors: registry/key, store/note, store/logBroken. */
export async function signLog(at: Workspace, options: LogKeyOptions): Promise<LogCheckpoint> {
  const signer = await noteSignerOf(at, options.key, originOf(at, options));
  return signHead(signer, await treeHead((await at.store()).records.read));
}

/** Full tiles and bundles never change; a partial one, and the checkpoint, do. */
const isFinal = (path: string): boolean => !path.includes(".p/");

/**
 * Writes tiles, entries and the signed checkpoint into a folder; into one that holds an earlier export, what is new. The checkpoint is written last: readers
 * never see one whose files are missing. Errors: project/damaged where the folder's checkpoint is no beginning of this log; those of `signLog`.
 */
export async function exportLog(at: Workspace, to: string, options: LogKeyOptions): Promise<ExportedLog> {
  const folder = resolve(at.cwd, to);
  const signer = await noteSignerOf(at, options.key, originOf(at, options));
  const store = await at.store();
  const place = join(folder, "checkpoint");
  return store.records.snapshot(async db => {
    const before = existsSync(place) ? readCheckpoint(readText(place), place) : undefined;
    if (before) {
      const head = await treeHead(db);
      const isBeginning =
        before.origin === signer.name && before.size <= head.size && (await proveConsistency(db, before.size)).root === before.root;
      if (!isBeginning)
        throw projectErrors.fail("damaged", {
          place,
          message: `the log of ${head.size} entries does not begin with the tree of ${before.size} entries that was exported there`,
          hint: "`loam trace --verify` says whether the artifact store was changed. Export another log to a folder of its own.",
        });
    }
    let written = 0;
    const files = logFiles(db);
    for (;;) {
      const next = await files.next();
      if (next.done) {
        const signed = await signHead(signer, next.value);
        // the same tree keeps its checkpoint with the signatures that witnesses have added
        if (before?.size !== signed.size) await writeFileAtomic(place, signed.checkpoint);
        await writeFileAtomic(join(folder, "log.vkey"), `${signed.verifierKey}\n`);
        return { folder, written: written + 1, ...signed };
      }
      const path = join(folder, next.value.path);
      if (isFinal(next.value.path) && existsSync(path)) continue;
      makeFolder(dirname(path));
      await writeFileAtomic(path, next.value.bytes);
      // a file takes the place of its partial forms
      if (isFinal(next.value.path)) await rm(`${path}.p`, { recursive: true, force: true });
      written++;
    }
  });
}
