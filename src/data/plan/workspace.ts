/**
 * Where the tasks of a job leave what they made. A task's files and its result appear together or not at all, and once: a task that was done
 * twice (its worker was thought dead) left the same bytes, because tasks are functions of the job and of earlier tasks.
 */
import { createReadStream, existsSync, readFileSync } from "node:fs";
import { mkdir, open, readFile, rename, rm, writeFile } from "node:fs/promises";
import { uptime } from "node:os";
import { join } from "node:path";
import { fileError } from "../../base/index.ts";

/** A task by its wave's place in the plan and its number there. */
export interface TaskId {
  readonly wave: number;
  readonly task: number;
}

/** What a task says of itself: plain data. `files` are those it wrote, with their sizes. */
export interface PartitionResult {
  readonly files: Readonly<Record<string, number>>;
  readonly values: object;
}

/** What a task said of itself, as the kind of its wave has it. */
export const valuesOf = <Values extends object>(result: PartitionResult | undefined): Values => result!.values as Values;

export interface TaskOutput {
  put(name: string, pieces: readonly Uint8Array[]): Promise<void>;
  /** From here on others see the task's files. */
  finish(values: object): Promise<PartitionResult>;
  /** Forgets what was put. */
  abandon(): Promise<void>;
}

/** From `start` on and before `end`. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

export interface StepWorkspace {
  /** Undefined where the task is not done. */
  result(id: TaskId): Promise<PartitionResult | undefined>;
  begin(id: TaskId): Promise<TaskOutput>;
  read(id: TaskId, name: string): Promise<Buffer>;
  stream(id: TaskId, name: string, range?: ByteRange): AsyncIterable<Buffer>;
  /** Frees the files of a task, not its result. */
  discard(id: TaskId, names: readonly string[]): Promise<void>;
}

const keyOf = ({ wave, task }: TaskId): string => `${wave}/${task}`;
const sizeOf = (pieces: readonly Uint8Array[]): number => pieces.reduce((n, p) => n + p.length, 0);

/** In memory: for small sets and tests. */
export function memoryWorkspace(): StepWorkspace {
  const results = new Map<string, PartitionResult>();
  const files = new Map<string, Buffer>();
  return {
    result: async id => results.get(keyOf(id)),
    async begin(id) {
      const made = new Map<string, Buffer>();
      return {
        async put(name, pieces) {
          made.set(name, Buffer.concat(pieces));
        },
        async finish(values) {
          for (const [name, bytes] of made) files.set(`${keyOf(id)}/${name}`, bytes);
          const result = { files: Object.fromEntries([...made].map(([name, bytes]) => [name, bytes.length])), values };
          results.set(keyOf(id), result);
          return result;
        },
        async abandon() {
          made.clear();
        },
      };
    },
    async read(id, name) {
      return files.get(`${keyOf(id)}/${name}`)!;
    },
    async *stream(id, name, range) {
      yield files.get(`${keyOf(id)}/${name}`)!.subarray(range?.start, range?.end);
    },
    async discard(id, names) {
      for (const name of names) files.delete(`${keyOf(id)}/${name}`);
    },
  };
}

/** Which boot of this machine, as far as it says. */
function bootOf(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return String(Math.round((Date.now() / 1000 - uptime()) / 60));
  }
}

const bootFile = "boot.txt";
/** Raise it when tasks leave something else: what an older Loam left is then not taken over. */
export const workspaceFormat = 2;

/**
 * A folder's workspace for a run: what an earlier run left there is taken over only if the machine has not been started since. Files are not
 * flushed one by one, so they outlive any process, and not a power cut.
 */
export async function resumedWorkspace(root: string): Promise<StepWorkspace> {
  const boot = `${bootOf()} ${workspaceFormat}`;
  const file = join(root, bootFile);
  try {
    if (existsSync(root) && (!existsSync(file) || readFileSync(file, "utf8") !== boot)) await rm(root, { recursive: true, force: true });
    await mkdir(root, { recursive: true });
    await writeFile(file, boot);
  } catch (error) {
    throw fileError(error, root);
  }
  return folderWorkspace(root);
}

const resultFile = "result.json";
const streamBytes = 2 ** 17;
let attempts = 0;

export const readStream = (path: string, range?: ByteRange): AsyncIterable<Buffer> =>
  createReadStream(path, { highWaterMark: streamBytes, ...(range ? { start: range.start, end: range.end - 1 } : {}) });

/** In a folder: a task's files are a folder that gets its name when all of them are there. */
export function folderWorkspace(root: string): StepWorkspace {
  /** Results never change once they are there. */
  const results = new Map<string, PartitionResult>();
  const folderOf = ({ wave, task }: TaskId) => join(root, `wave-${wave}`, `task-${task}`);
  return {
    async result(id) {
      const known = results.get(keyOf(id));
      if (known) return known;
      const folder = folderOf(id);
      if (!existsSync(folder)) return undefined;
      const result = JSON.parse(await readFile(join(folder, resultFile), "utf8")) as PartitionResult;
      results.set(keyOf(id), result);
      return result;
    },
    async begin(id) {
      const folder = folderOf(id);
      const making = `${folder}.${process.pid}-${attempts++}`;
      const files: Record<string, number> = {};
      const failed = (error: unknown) => fileError(error, making);
      try {
        await mkdir(making, { recursive: true });
      } catch (error) {
        throw failed(error);
      }
      return {
        async put(name, pieces) {
          try {
            const file = await open(join(making, name), "wx");
            try {
              await file.writev([...pieces]);
            } finally {
              await file.close();
            }
          } catch (error) {
            throw failed(error);
          }
          files[name] = sizeOf(pieces);
        },
        async finish(values) {
          const result = { files, values };
          try {
            await writeFile(join(making, resultFile), JSON.stringify(result));
            await rename(making, folder);
          } catch (error) {
            // Somebody else did the same task: theirs is as good.
            if (!existsSync(join(folder, resultFile))) throw failed(error);
            await rm(making, { recursive: true, force: true });
          }
          return result;
        },
        abandon: () => rm(making, { recursive: true, force: true }),
      };
    },
    read: (id, name) => readFile(join(folderOf(id), name)),
    stream: (id, name, range) => readStream(join(folderOf(id), name), range),
    async discard(id, names) {
      for (const name of names) await rm(join(folderOf(id), name), { force: true });
    },
  };
}
