/** System calls that ranks need and Node has not, through koffi: shared memory, locks that end with a process, options of sockets. Linux only. */
import { type LibraryHandle, loadKoffi } from "../machine/index.ts";
import { ranksErrors } from "./errors.ts";

type Native = (...args: (number | bigint | object | null)[]) => number | bigint;

interface Libc {
  readonly mmap: Native;
  readonly munmap: Native;
  readonly fcntl: Native;
  readonly fallocate: Native;
  readonly setsockopt: Native;
  readonly dup: Native;
  readonly recv: Native;
  readonly send: Native;
  readonly shutdown: Native;
  readonly prctl: Native;
  readonly yield: Native;
  view(address: bigint, bytes: number): ArrayBuffer;
}

let opened: Libc | undefined;
function libc(): Libc {
  if (opened) return opened;
  if (process.platform !== "linux")
    throw ranksErrors.fail("transport", { place: "ranks", expected: "Linux", received: process.platform, hint: "Use the transport tcp." });
  const koffi = loadKoffi();
  const library: LibraryHandle = koffi.load(null);
  // a collected handle takes its functions with it
  (globalThis as typeof globalThis & { [key: symbol]: unknown })[Symbol.for("loam.ranks.libc")] = library;
  const of = (prototype: string) => library.func(prototype) as Native;
  opened = {
    mmap: of("intptr_t mmap(intptr_t at, size_t size, int protection, int flags, int file, int64_t offset)"),
    munmap: of("int munmap(intptr_t at, size_t size)"),
    fcntl: of("int fcntl(int file, int command, void* lock)"),
    fallocate: of("int posix_fallocate(int file, int64_t offset, int64_t size)"),
    setsockopt: of("int setsockopt(int socket, int level, int name, void* value, uint32_t bytes)"),
    dup: of("int dup(int file)"),
    recv: of("intptr_t recv(int socket, void* into, size_t bytes, int flags)"),
    send: of("intptr_t send(int socket, void* bytes, size_t count, int flags)"),
    shutdown: of("int shutdown(int socket, int how)"),
    prctl: of("int prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)"),
    yield: of("int sched_yield()"),
    view: (address, bytes) => koffi.view(address, bytes),
  };
  return opened;
}

export interface Mapping {
  readonly buffer: ArrayBuffer;
  /** The buffer must not be touched afterwards. */
  unmap(): void;
}

const [readWrite, shared] = [3, 1];
/** `bytes` of an open file as memory that its processes share. Errors: `ranks/transport`. */
export function mapFile(file: number, bytes: number): Mapping {
  const { mmap, munmap, view } = libc();
  const address = BigInt(mmap(0, bytes, readWrite, shared, file, 0));
  if (address === -1n)
    throw ranksErrors.fail("transport", { place: "shared memory", expected: `${bytes} bytes`, received: "a refusal of the system" });
  return { buffer: view(address, bytes), unmap: () => void munmap(address, bytes) };
}

/** Takes the file's space now: later, a full file system ends the process that writes. False where there is too little. */
export const reserveFile = (file: number, bytes: number): boolean => Number(libc().fallocate(file, 0, bytes)) === 0;

/** Locks of an open file (not of a process): they end with it, however that ends. fcntl(2), F_OFD_*. */
const [getLock, setLock] = [36, 37];
const [writeLock, unlocked] = [1, 2];

/** struct flock: type and whence (from the start) at 0 and 2, start at 8, length at 16. */
function lockAt(byte: number): BigInt64Array {
  const lock = new BigInt64Array(4);
  lock[0] = BigInt(writeLock);
  lock[1] = BigInt(byte);
  lock[2] = 1n;
  return lock;
}

/** Locks one byte of an open file; false where another one has it. */
export const lockByte = (file: number, byte: number): boolean => Number(libc().fcntl(file, setLock, lockAt(byte))) === 0;

/** Whether another open file has a lock on the byte. */
export function isByteLocked(file: number, byte: number): boolean {
  const lock = lockAt(byte);
  return Number(libc().fcntl(file, getLock, lock)) === 0 && (lock[0]! & 0xffffn) !== BigInt(unlocked);
}

/** Lets another process have the processor. */
export const yieldProcessor = (): void => void libc().yield();

const [tcpLevel, socketIdle, socketInterval, socketProbes, socketTimeout] = [6, 4, 5, 6, 18];
/**
 * Has the system probe the other end of a connection every second and end it after three seconds of silence, whether Node's thread is busy or not (on either
 * side). False where the system has no such options.
 */
export function probeConnection(socket: number): boolean {
  if (process.platform !== "linux") return false;
  const set = (name: number, value: number) => Number(libc().setsockopt(socket, tcpLevel, name, Int32Array.of(value), 4)) === 0;
  return set(socketIdle, 1) && set(socketInterval, 1) && set(socketProbes, 3) && set(socketTimeout, 4000);
}

/** Undoes the end after a silence: between processes of one host the system sees every end, and one that does not read for long is not dead. */
export const allowSilence = (socket: number): void => void libc().setsockopt(socket, tcpLevel, socketTimeout, Int32Array.of(0), 4);

/** Another number for an open socket, which stays open when the first is closed; undefined where the system refuses. */
export function duplicateSocket(socket: number): number | undefined {
  const file = Number(libc().dup(socket));
  return file >= 0 ? file : undefined;
}

const [dontWait, noSignal, more] = [0x40, 0x4000, 0x8000];
/** Reads what has come, without waiting: bytes read, 0 at the end of the connection, -1 where nothing is there (or it was broken: then 0 follows). */
export const receiveNow = (socket: number, into: Uint8Array): number => Number(libc().recv(socket, into, into.length, dontWait));
/** Gives the system as many of the bytes as it takes, without waiting: how many, -1 for none. `hasMore`: further bytes follow at once. */
export const sendNow = (socket: number, bytes: Uint8Array, hasMore: boolean): number =>
  Number(libc().send(socket, bytes, bytes.length, dontWait | noSignal | (hasMore ? more : 0)));
/** Nothing more will be sent. */
export const endSending = (socket: number): void => void libc().shutdown(socket, 1);

const deathSignal = 1;
const kill = 9;
/** The system kills this process when its parent ends, however that ends. */
export const endWithParent = (): boolean => process.platform === "linux" && Number(libc().prctl(deathSignal, kill, 0, 0, 0)) === 0;
