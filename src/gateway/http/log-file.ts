/**
 * A log's file. It is put away under its time when it is full or a new day (UTC) begins, and what was put away is removed when it is too old;
 * where somebody else moved it away (logrotate), a new one is begun.
 */
import { createWriteStream, fstatSync, renameSync, statSync, type WriteStream } from "node:fs";
import { readdir, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

export interface LogSink {
  readonly waiting: number;
  write(text: string): void;
  close(): Promise<void>;
}

interface FileSinkOptions {
  /** Never full when absent. */
  readonly sizeBytes?: number | undefined;
  /** Kept for ever when absent. */
  readonly keepMs?: number | undefined;
  readonly now: () => number;
  /** Between looks at whether the file is still ours; 5 s when absent. */
  readonly lookMs?: number;
}

const defaultLookMs = 5_000;
// a full disk must not end the gateway
const onError = () => {};

/** What a file that was put away is called: `access.log.2026-11-26T10-00-00-000Z`. */
const suffix = /^\d{4}-\d{2}-\d{2}T\d{2}-\d{2}-\d{2}-\d{3}Z$/;
const dayOf = (ms: number): number => Math.floor(ms / 86_400_000);

/** Files that were put away and are older than `keepMs` go. */
async function forget(path: string, keepMs: number, nowMs: number): Promise<void> {
  const folder = dirname(path);
  const begin = `${basename(path)}.`;
  for (const name of await readdir(folder))
    if (name.startsWith(begin) && suffix.test(name.slice(begin.length)) && nowMs - (await stat(join(folder, name))).mtimeMs > keepMs)
      await rm(join(folder, name), { force: true });
}

class FileSink implements LogSink {
  readonly #path: string;
  readonly #options: FileSinkOptions;
  readonly #look: NodeJS.Timeout;
  #stream: WriteStream;
  #size = 0;
  #day = 0;
  #inode: number | undefined;

  constructor(path: string, options: FileSinkOptions) {
    this.#path = path;
    this.#options = options;
    this.#stream = this.#open();
    this.#forget();
    this.#look = setInterval(() => void this.#isOurs(), options.lookMs ?? defaultLookMs);
    this.#look.unref();
  }

  get waiting(): number {
    return this.#stream.writableLength;
  }

  write(text: string): void {
    const bytes = Buffer.byteLength(text);
    const { sizeBytes = Number.POSITIVE_INFINITY, now } = this.#options;
    const today = dayOf(now());
    if (this.#size > 0 && (this.#size + bytes > sizeBytes || today !== this.#day)) this.#putAway();
    this.#stream.write(text);
    this.#size += bytes;
    this.#day = today;
  }

  close(): Promise<void> {
    clearInterval(this.#look);
    return new Promise<void>(resolve => this.#stream.end(() => resolve()));
  }

  #open(): WriteStream {
    const stream = createWriteStream(this.#path, { flags: "a", mode: 0o600 });
    stream.on("error", onError);
    // of the file that it writes, whatever has the name by now
    stream.once("open", fd => {
      if (stream === this.#stream) this.#inode = fstatSync(fd).ino;
    });
    try {
      const { size, mtimeMs } = statSync(this.#path);
      this.#size = size;
      this.#day = dayOf(mtimeMs);
    } catch {
      this.#size = 0;
    }
    this.#inode = undefined;
    return stream;
  }

  #putAway(): void {
    const before = this.#stream;
    try {
      renameSync(this.#path, `${this.#path}.${new Date(this.#options.now()).toISOString().replaceAll(/[:.]/g, "-")}`);
    } catch {
      // somebody else has moved it away: a new one is begun all the same
    }
    before.end();
    this.#stream = this.#open();
    this.#forget();
  }

  #forget(): void {
    const { keepMs = Number.POSITIVE_INFINITY, now } = this.#options;
    void forget(this.#path, keepMs, now()).catch(() => {});
  }

  async #isOurs(): Promise<void> {
    const own = this.#inode;
    const named = await stat(this.#path).then(
      found => found.ino,
      () => undefined,
    );
    // not open yet, or another one by now
    if (own === undefined || own !== this.#inode || named === own) return;
    this.#stream.end();
    this.#stream = this.#open();
  }
}

export const fileSink = (path: string, options: FileSinkOptions): LogSink => new FileSink(path, options);
