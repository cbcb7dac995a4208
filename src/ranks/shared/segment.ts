/**
 * The memory that the ranks of one host share: a file on a tmpfs, which is removed as soon as all have opened it, so that nothing stays behind whatever
 * ends them. It holds a ring of frames for every ordered pair of ranks. A rank holds a lock on the byte of its number: it is free once the rank is gone.
 *
 *   0 magic   4 version   8 ranks   12 chunk bytes   16 slots   20 whether all this is written   24 digest of the secret (32 bytes)
 *   64 r + 64: 1 once rank r has joined
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import { closeSync, constants, fstatSync, ftruncateSync, openSync, readdirSync, unlinkSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ranksErrors } from "../errors.ts";
import { frameChunkBytes, frameHeaderBytes } from "../links/frame.ts";
import { isByteLocked, lockByte, type Mapping, mapFile, reserveFile } from "../native.ts";

const magic = 0x6d616f6d;
const version = 1;
const pageBytes = 4096;
export const ringSlots = 16;
/** Rings grow with the square of the ranks. */
const mostRanks = 64;

const controlBytes = 128;
const slotBytes = frameHeaderBytes + frameChunkBytes;
/** A ring: how many frames were written (0) and are free again (64), then the slots. */
export const ringBytes = controlBytes + ringSlots * slotBytes;
export const slotAt = (slot: number): number => controlBytes + slot * slotBytes;

const [sizeAt, readyAt, digestAt] = [8, 20, 24];
const joinedAt = (rank: number): number => 64 * (rank + 1);
const headBytes = (size: number): number => pageBytes * Math.ceil((64 * (size + 1)) / pageBytes);
export const ringAt = (size: number, from: number, to: number): number =>
  headBytes(size) + (from * (size - 1) + (to < from ? to : to - 1)) * ringBytes;
const segmentBytes = (size: number): number => headBytes(size) + size * (size - 1) * ringBytes;

interface SegmentOptions {
  readonly rank: number;
  readonly size: number;
  readonly path: string;
  readonly secret: string;
  readonly joinTimeoutMs: number;
}

export interface Segment {
  readonly buffer: ArrayBuffer;
  /** Whether the process of a rank has ended, or left. */
  isGone(rank: number): boolean;
  /** The memory must not be touched afterwards. */
  close(): void;
}

const refuse = (path: string, expected: string, received: string, hint?: string) =>
  ranksErrors.fail("transport", { place: path, expected, received, ...(hint === undefined ? {} : { hint }) });

const digestOf = (secret: string, size: number): Buffer =>
  createHmac("sha256", secret).update(`loam ranks: shared memory of ${size}`).digest();

const isInUse = (file: number): boolean => Array.from({ length: mostRanks }, (_, r) => r).some(r => isByteLocked(file, r));

/** Older files that nobody uses go: of runs whose every process was killed before all had joined. */
const leftOverMs = 60_000;
function removeLeftOvers(path: string): void {
  const [folder, prefix] = [dirname(path), basename(path).replace(/[^-]*$/, "")];
  for (const name of readdirSync(folder).filter(n => n.startsWith(prefix) && n !== basename(path))) {
    let file: number | undefined;
    try {
      file = openSync(join(folder, name), constants.O_RDWR | constants.O_NOFOLLOW);
      if (Date.now() - fstatSync(file).mtimeMs > leftOverMs && !isInUse(file)) unlinkSync(join(folder, name));
    } catch {
      // another run was quicker, or it is another user's
    } finally {
      if (file !== undefined) closeSync(file);
    }
  }
}

/** Rank 0 makes the file. One that a run left behind before all had joined is replaced. */
function create({ path, size, secret }: SegmentOptions): number {
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  let file: number;
  try {
    file = openSync(path, flags, 0o600);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "EEXIST") throw refuse(path, "a file in shared memory", (cause as Error).message);
    const old = openSync(path, constants.O_RDWR | constants.O_NOFOLLOW);
    const isUsed = isInUse(old);
    closeSync(old);
    if (isUsed) throw refuse(path, "no other run of this name", "one that runs", "Start the run with another LOAM_RANKS_RUN.");
    unlinkSync(path);
    file = openSync(path, flags, 0o600);
  }
  removeLeftOvers(path);
  const bytes = segmentBytes(size);
  ftruncateSync(file, bytes);
  if (!reserveFile(file, bytes)) {
    closeSync(file);
    unlinkSync(path);
    throw refuse(path, `${bytes} bytes of space`, "less", "Mount a larger /dev/shm (docker: --shm-size), or use the transport tcp.");
  }
  lockByte(file, 0);
  const mapping = mapFile(file, bytes);
  const words = new Int32Array(mapping.buffer, 0, 6);
  words.set([magic, version, size, frameChunkBytes, ringSlots]);
  new Uint8Array(mapping.buffer, digestAt, 32).set(digestOf(secret, size));
  Atomics.store(words, readyAt / 4, 1);
  mapping.unmap();
  return file;
}

/** Opens the file that rank 0 makes, once it is whole; undefined before. */
function openWhole(path: string): number | undefined {
  let file: number;
  try {
    file = openSync(path, constants.O_RDWR | constants.O_NOFOLLOW);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw refuse(path, "shared memory of this user's run", (cause as Error).message);
  }
  const { uid, mode, size } = fstatSync(file);
  if (uid !== process.getuid!() || (mode & 0o077) !== 0) {
    closeSync(file);
    throw refuse(path, "a file of this user alone", `one of user ${uid}, mode ${(mode & 0o777).toString(8)}`);
  }
  // a file that an earlier run left behind has no rank 0
  if (size < pageBytes || !isByteLocked(file, 0)) {
    closeSync(file);
    return undefined;
  }
  const head = mapFile(file, pageBytes);
  const isReady = Atomics.load(new Int32Array(head.buffer), readyAt / 4) === 1;
  head.unmap();
  if (isReady) return file;
  closeSync(file);
  return undefined;
}

async function openSegmentFile(options: SegmentOptions, deadline: number): Promise<number> {
  if (options.rank === 0) return create(options);
  for (;;) {
    const file = openWhole(options.path);
    if (file !== undefined) return file;
    if (performance.now() > deadline)
      throw ranksErrors.fail("stuck", {
        place: "start of the ranks",
        expected: `every rank within ${options.joinTimeoutMs} ms`,
        received: "nothing of rank 0",
      });
    await sleep(5);
  }
}

function checkHead({ buffer }: Mapping, { path, size, secret }: SegmentOptions): void {
  const words = new Int32Array(buffer, 0, 6);
  if (words[0] !== magic || words[1] !== version || words[3] !== frameChunkBytes || words[4] !== ringSlots)
    throw refuse(path, "shared memory of this version of Loam", "another layout", "Start all ranks with the same version.");
  if (words[sizeAt / 4] !== size) throw refuse(path, `${size} ranks`, `${words[sizeAt / 4]}, which rank 0 was started with`);
  if (!timingSafeEqual(new Uint8Array(buffer, digestAt, 32), digestOf(secret, size)))
    throw refuse(path, "the secret of rank 0", "another one", "Give all ranks one LOAM_RANKS_SECRET.");
}

/** Waits until all ranks have joined. Errors: `ranks/stuck`, `ranks/lost`. */
async function meet(segment: Segment, { size, rank, joinTimeoutMs }: SegmentOptions, deadline: number): Promise<void> {
  const words = new Int32Array(segment.buffer, 0, headBytes(size) / 4);
  Atomics.store(words, joinedAt(rank) / 4, 1);
  for (;;) {
    const missing = Array.from({ length: size }, (_, r) => r).filter(r => Atomics.load(words, joinedAt(r) / 4) !== 1);
    if (missing.length === 0) return;
    const lost = Array.from({ length: size }, (_, r) => r).find(r => r !== rank && !missing.includes(r) && segment.isGone(r));
    if (lost !== undefined)
      throw ranksErrors.fail("lost", { place: `rank ${lost}`, expected: "a rank that runs", received: "its end during the start" });
    if (performance.now() > deadline)
      throw ranksErrors.fail("stuck", {
        place: "start of the ranks",
        expected: `every rank within ${joinTimeoutMs} ms`,
        received: `nothing of rank ${missing.join(", ")}`,
      });
    await sleep(2);
  }
}

/** Joins the ranks of a run. Errors: `ranks/transport` (no space, another user's file, another secret, version or size), `ranks/stuck`, `ranks/lost`. */
export async function openSegment(options: SegmentOptions): Promise<Segment> {
  const { rank, size, path } = options;
  if (size > mostRanks) throw refuse(path, `at most ${mostRanks} ranks in shared memory`, `${size}`, "Use the transport tcp.");
  const deadline = performance.now() + options.joinTimeoutMs;
  const file = await openSegmentFile(options, deadline);
  let mapping: Mapping | undefined;
  const segmentOf = (m: Mapping): Segment => ({
    buffer: m.buffer,
    isGone: r => !isByteLocked(file, r),
    close: () => {
      closeSync(file);
      m.unmap();
    },
  });
  const isFile = () => fstatSync(file).size === segmentBytes(size);
  try {
    const head = mapFile(file, pageBytes);
    try {
      checkHead(head, options);
    } finally {
      head.unmap();
    }
    if (!isFile()) throw refuse(path, `a file of ${segmentBytes(size)} bytes`, `${fstatSync(file).size}`);
    if (rank > 0 && !lockByte(file, rank)) throw refuse(path, `one process that is rank ${rank}`, "another one that is");
    mapping = mapFile(file, segmentBytes(size));
    const segment = segmentOf(mapping);
    await meet(segment, options, deadline);
    return segment;
  } catch (error) {
    mapping?.unmap();
    closeSync(file);
    throw error;
  } finally {
    if (rank === 0) unlinkSync(path);
  }
}
