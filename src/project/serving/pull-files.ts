/**
 * The files of a packed version from a registry into a folder, before a server reads them there. A file that lies there already with its digest is not fetched
 * again, and where all of them do the registry is not asked: a volume that stays keeps a restart from the network.
 */
import { createHash } from "node:crypto";
import { createReadStream, existsSync } from "node:fs";
import { mkdir, open, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileError, formatBytes, temporaryBeside } from "../../base/index.ts";
import {
  checkedPieces,
  credentialsFor,
  type Descriptor,
  type Opened,
  openPackage,
  parseReference,
  remotePackage,
} from "../../registry/index.ts";
import { progressFor, type Watch } from "../call.ts";
import { wrongArgument } from "../errors.ts";
import { digestOf, localModel, modelDigests } from "../models/paths.ts";

interface PullWishes {
  /** `HOST/REPOSITORY@sha256:...`, or a tag. */
  readonly reference: string;
  readonly plainHttp: boolean;
  /** Of the model's files: where the folder has them already, the registry is not asked. */
  readonly expectDigest?: string | undefined;
}

/** Has the folder the files that are wanted? */
async function isComplete(folder: string, expectDigest: string | undefined, signal: AbortSignal): Promise<boolean> {
  if (expectDigest === undefined || !existsSync(folder)) return false;
  return digestOf(await modelDigests(localModel(folder).files, signal)) === expectDigest;
}

async function hasDigest(path: string, { digest, size }: Descriptor, signal: AbortSignal): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile() || found.size !== size) return false;
  const hash = createHash("sha256");
  for await (const piece of createReadStream(path, { highWaterMark: 1 << 20, signal })) hash.update(piece as Buffer);
  return `sha256:${hash.digest("hex")}` === digest;
}

async function fetchFile(source: Opened["source"], layer: Opened["layers"][number], path: string, signal: AbortSignal): Promise<void> {
  const part = temporaryBeside(path);
  const file = await open(part, "wx", 0o644);
  try {
    for await (const piece of checkedPieces(source.blob(layer), layer, `${source.place}: ${layer.name}`)) {
      signal.throwIfAborted();
      await file.writeFile(piece);
    }
    await file.sync();
    await file.close();
    await rename(part, path);
  } finally {
    await file.close().catch(() => {});
    await rm(part, { force: true });
  }
}

/** Names of a package are others' words: one that would leave the folder is refused. Errors: project/argument. */
function checkNames({ source, layers }: Opened): void {
  for (const { name } of layers)
    if (!/^(?:\w[\w.+-]*\/)*\w[\w.+-]*$/.test(name))
      throw wrongArgument(`${source.place}: layers`, "names of files within a folder", JSON.stringify(name.slice(0, 100)));
}

/** Answers the bytes that were fetched. Errors: registry/reference, registry/remote, registry/package; base/diskFull, base/readOnly. */
export async function pullFiles(folder: string, { reference, plainHttp, expectDigest }: PullWishes, watch: Watch): Promise<number> {
  const parsed = parseReference(reference);
  const { signal } = watch;
  if (await isComplete(folder, expectDigest, signal)) return 0;
  const progress = progressFor(watch, "pull");
  const opened = await openPackage(remotePackage(parsed, { credentials: credentialsFor(parsed.host), plainHttp, signal }));
  checkNames(opened);
  const total = opened.layers.reduce((sum, l) => sum + l.size, 0);
  let [done, fetched] = [0, 0];
  try {
    for (const layer of opened.layers) {
      progress({ stage: "pull", done: done / Math.max(1, total), message: `${layer.name}  ${formatBytes(done)} of ${formatBytes(total)}` });
      const path = join(folder, layer.name);
      if (!(await hasDigest(path, layer, signal))) {
        await mkdir(dirname(path), { recursive: true });
        await fetchFile(opened.source, layer, path, signal);
        fetched += layer.size;
      }
      done += layer.size;
    }
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw (error as NodeJS.ErrnoException).code === undefined || "problem" in (error as object) ? error : fileError(error, folder);
  }
  progress({ stage: "pull", done: 1 });
  return fetched;
}
