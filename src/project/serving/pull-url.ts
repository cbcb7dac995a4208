/**
 * A version's files from an HTTP server or an S3-compatible bucket into a folder, before a server reads them there. Which files, and of which bytes, is listed
 * where the address is: each is compared with its digest before it appears under its name. A connection that breaks is taken up again at the byte where it
 * broke, also by the next process; a file that lies there already with its digest is not fetched again.
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { type FileHandle, mkdir, open, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";
import { check, environment, fileError, formatBytes, isLoamError, pause, readText } from "../../base/index.ts";
import { progressFor, type Watch } from "../call.ts";
import { projectErrors } from "../errors.ts";
import { type FileAddress, fileAddress } from "./pull-address.ts";

const filesSchema = z.strictObject({
  format: z.literal(1),
  files: z
    .array(
      z.strictObject({
        name: z.string().regex(/^(?:\w[\w.+-]*\/)*\w[\w.+-]*$/, "a name within a folder"),
        /** SHA-256. */
        digest: z.string().regex(/^[0-9a-f]{64}$/),
        sizeBytes: z.int().nonnegative(),
      }),
    )
    .min(1),
});
type ListedFile = z.output<typeof filesSchema>["files"][number];

/** Attempts for one piece of a file, and the pause before the second; it doubles. Received bytes reset the count. */
const maxAttempts = 5;
const pauseMs = 200;
/** A server that sends nothing for so long is not waited for. */
const idleMs = 60_000;

const place = "loam serve: --pull";

const wrongFile = (url: string, expected: string, received: string, hint: string, cause?: unknown) =>
  projectErrors.fail("download", { place: url, expected, received, hint }, cause);

const isPassing = (status: number): boolean => status >= 500 || status === 429 || status === 408;

/** One answer. Errors: project/download; what another attempt may mend is thrown as it is. */
async function answer(address: FileAddress, method: "GET" | "HEAD", name: string, offset: number, signal: AbortSignal): Promise<Response> {
  const { url, headers } = address(method, name);
  const range: Record<string, string> = offset > 0 ? { range: `bytes=${offset}-` } : {};
  const response = await fetch(url, { method, headers: { ...headers, ...range, "accept-encoding": "identity" }, signal });
  if (response.ok || (offset > 0 && response.status === 416)) return response;
  await response.body?.cancel();
  if (isPassing(response.status)) throw new Error(`HTTP ${response.status}`);
  const hint =
    response.status === 401 || response.status === 403
      ? "Set LOAM_PULL_TOKEN for HTTP, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY for S3, and check that they may read it."
      : "Upload the version's files beneath the address, under their own names.";
  throw wrongFile(url, "the file", `HTTP ${response.status}`, hint);
}

/** Does `attempt` until it answers. Errors: project/download with what the last one met. */
async function repeated<T>(url: string, signal: AbortSignal, attempt: (again: () => void) => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await attempt(() => {
        tries = 0;
      });
    } catch (error) {
      signal.throwIfAborted();
      const isOfDisk = typeof (error as NodeJS.ErrnoException).syscall === "string" && "path" in (error as object);
      if (isLoamError(error) || isOfDisk) throw error;
      const said = error instanceof Error ? ((error.cause as Error | undefined)?.message ?? error.message) : String(error);
      if (tries >= maxAttempts) throw wrongFile(url, "an answer", said, "Check the address and that the server runs.", error);
      await pause(pauseMs * 2 ** (tries - 1), signal);
    }
  }
}

/** What is there of a file, hashed. */
async function hashed(path: string, sizeBytes: number, signal: AbortSignal) {
  const hash = createHash("sha256");
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile() || found.size > sizeBytes) return { hash, bytes: 0 };
  let bytes = 0;
  for await (const piece of createReadStream(path, { highWaterMark: 1 << 20, signal })) {
    hash.update(piece as Buffer);
    bytes += (piece as Buffer).length;
  }
  return { hash, bytes };
}

/** Bytes of a file that has begun. */
interface Part {
  readonly path: string;
  readonly file: FileHandle;
  hash: ReturnType<typeof createHash>;
  bytes: number;
}

async function emptied(part: Part): Promise<void> {
  await part.file.truncate(0);
  part.hash = createHash("sha256");
  part.bytes = 0;
}

/** Reads on where the part ends. Throws what another attempt may mend. */
async function readOn(
  address: FileAddress,
  { name, sizeBytes }: ListedFile,
  part: Part,
  signal: AbortSignal,
  onPiece: (bytes: number) => void,
) {
  const response = await answer(address, "GET", name, part.bytes, signal);
  const from = /^bytes (\d+)-/.exec(response.headers.get("content-range") ?? "")?.[1];
  // a server that knows no ranges sends the whole again
  if (part.bytes > 0 && (response.status !== 206 || Number(from) !== part.bytes)) {
    await emptied(part);
    if (response.status !== 200) {
      await response.body?.cancel();
      throw new Error(`it sent ${from === undefined ? `HTTP ${response.status}` : `bytes from ${from} on`}`);
    }
  }
  const stalled = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  try {
    const reader = response.body?.getReader();
    if (!reader) return;
    stalled.signal.addEventListener("abort", () => void reader.cancel().catch(() => {}));
    for (;;) {
      timer = setTimeout(() => stalled.abort(), idleMs);
      const { done, value } = await reader.read();
      clearTimeout(timer);
      signal.throwIfAborted();
      if (done) break;
      if (part.bytes + value.length > sizeBytes) {
        await reader.cancel();
        throw wrongFile(response.url, `${sizeBytes} bytes`, "more", "Upload the version's own files.");
      }
      await part.file.write(value, 0, value.length, part.bytes);
      part.hash.update(value);
      part.bytes += value.length;
      onPiece(value.length);
    }
  } finally {
    clearTimeout(timer);
  }
  if (part.bytes < sizeBytes) throw new Error(`it ended after ${part.bytes} of ${sizeBytes} bytes`);
}

/** Answers the bytes that came. */
async function fetchFile(address: FileAddress, listed: ListedFile, path: string, signal: AbortSignal, onBytes: (bytes: number) => void) {
  const partPath = `${path}.part`;
  await mkdir(dirname(path), { recursive: true });
  const { url } = address("GET", listed.name);
  const begun = await hashed(partPath, listed.sizeBytes, signal);
  const file = await open(partPath, begun.bytes > 0 ? "r+" : "w", 0o644);
  const part: Part = { path: partPath, file, ...begun };
  let [fetched, isFresh] = [0, begun.bytes === 0];
  const count = (bytes: number) => {
    fetched += bytes;
    onBytes(bytes);
  };
  try {
    for (;;) {
      await repeated(url, signal, async again => {
        const onPiece = (bytes: number): void => {
          again();
          count(bytes);
        };
        if (part.bytes < listed.sizeBytes) await readOn(address, listed, part, signal, onPiece);
      });
      const digest = part.hash.copy().digest("hex");
      if (digest === listed.digest) break;
      // what an earlier process left may be of other files: once from the start
      if (isFresh) {
        await rm(partPath, { force: true });
        throw wrongFile(url, `bytes with the digest ${listed.digest}`, digest, "They are not the version's: upload its own files.");
      }
      await emptied(part);
      isFresh = true;
    }
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(partPath, path);
  return fetched;
}

/** A list of files, as `loam deploy image` puts it into an image. Errors: base/missingFile, base/config. */
export async function readPulledFiles(path: string): Promise<readonly ListedFile[]> {
  const text = await readText(path);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw projectErrors.fail(
      "argument",
      { place: `loam serve: --pull-files ${path}`, expected: "JSON", received: (error as Error).message },
      error,
    );
  }
  return check(filesSchema, value, path).files;
}

/** Answers the bytes that were fetched. Errors: project/argument, project/download; base/diskFull, base/readOnly. */
export async function pullUrl(folder: string, given: string, files: readonly ListedFile[], watch: Watch): Promise<number> {
  const { signal } = watch;
  const address = fileAddress(given, environment(), place);
  const progress = progressFor(watch, "pull");
  const total = files.reduce((sum, f) => sum + f.sizeBytes, 0);
  let [done, fetched] = [0, 0];
  try {
    for (const listed of files) {
      const path = join(folder, listed.name);
      const tell = () =>
        progress({
          stage: "pull",
          done: done / Math.max(1, total),
          message: `${listed.name}  ${formatBytes(done)} of ${formatBytes(total)}`,
        });
      tell();
      const there = await hashed(path, listed.sizeBytes, signal);
      const isThere =
        there.bytes === listed.sizeBytes && there.hash.digest("hex") === listed.digest && (await stat(path).catch(() => undefined));
      const before = done;
      if (!isThere)
        fetched += await fetchFile(address, listed, path, signal, bytes => {
          done += bytes;
          tell();
        });
      done = before + listed.sizeBytes;
    }
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw (error as NodeJS.ErrnoException).code === undefined || isLoamError(error) ? error : fileError(error, folder);
  }
  progress({ stage: "pull", done: 1 });
  return fetched;
}

/** Are the files there, of the sizes that are listed? Nothing but headers is read. Errors: project/argument, project/download. */
export async function checkAddress(given: string, files: readonly ListedFile[], signal: AbortSignal, where: string): Promise<void> {
  const address = fileAddress(given, environment(), where);
  for (const { name, sizeBytes } of files) {
    const { url } = address("HEAD", name);
    const { headers } = await repeated(url, signal, () => answer(address, "HEAD", name, 0, signal));
    const length = headers.get("content-length");
    if (length !== null && Number(length) !== sizeBytes)
      throw wrongFile(url, `${sizeBytes} bytes`, length, "Upload the version's own files.");
  }
}
