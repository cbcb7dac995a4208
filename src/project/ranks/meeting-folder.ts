/**
 * What the command and the ranks that an engine has started share: a folder of one run. The command leaves the task, the secret and a heartbeat in it and asks
 * for the end; each rank leaves where it is, and its messages. It lies in the scratch folder of the training, for the owner alone.
 */
import { randomBytes } from "node:crypto";
import { appendFileSync, closeSync, existsSync, openSync, readdirSync, readFileSync, readSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { baseErrors, check, makeFolder, privateFileMode, privateFolderMode, writeFileAtomic } from "../../base/index.ts";

const meetingSchema = z.strictObject({
  size: z.number().int().min(1),
  /** One name for all ranks of this start. */
  run: z.string(),
  secret: z.string(),
  /** How long ranks wait for each other at the start. */
  joinMs: z.number(),
});
export type Meeting = z.output<typeof meetingSchema>;

const files = { meeting: "meeting.json", beat: "beat", stop: "stop" } as const;
const saidBy = (rank: number): string => `said-${rank}.jsonl`;
const prefix = "run-";

/** Between heartbeats of the command, ms. */
const beatMs = 5_000;
/** Between two looks of a rank at the folder, ms, and looks at a heartbeat that stands still which end it: long enough for a busy machine and for NFS. */
const lookMs = 1_000;
const mostStill = 120;
/** Looks at a folder that is not there which end a rank: another start has taken its place. */
const mostAbsent = 3;

export interface MeetingFolder {
  readonly path: string;
  /** Lines that a rank has written since the last call, whole ones. */
  linesOf(rank: number): string[];
  askToEnd(): void;
  /** Removes it; the heartbeat ends. */
  remove(): void;
}

/** Lines of a file that grows. */
class GrowingFile {
  readonly #path: string;
  #at = 0;
  #rest = Buffer.alloc(0);

  constructor(path: string) {
    this.#path = path;
  }

  lines(): string[] {
    if (!existsSync(this.#path)) return [];
    const fd = openSync(this.#path, "r");
    try {
      const chunk = Buffer.alloc(64 * 1024);
      for (;;) {
        const read = readSync(fd, chunk, 0, chunk.length, this.#at);
        if (read === 0) break;
        this.#at += read;
        this.#rest = Buffer.concat([this.#rest, chunk.subarray(0, read)]);
      }
    } finally {
      closeSync(fd);
    }
    const end = this.#rest.lastIndexOf(10);
    if (end < 0) return [];
    const lines = this.#rest.subarray(0, end).toString("utf8").split("\n");
    this.#rest = this.#rest.subarray(end + 1);
    return lines;
  }
}

/** Removes what earlier starts have left in a scratch folder: ranks of theirs that still run see it, and end. */
function removeEarlier(scratch: string): void {
  for (const name of readdirSync(scratch).filter(n => n.startsWith(prefix))) rmSync(join(scratch, name), { recursive: true, force: true });
}

/** Makes the folder of a start of `size` ranks. */
export function openMeetingFolder(scratch: string, { size, joinMs }: Pick<Meeting, "size" | "joinMs">): MeetingFolder {
  removeEarlier(scratch);
  const run = randomBytes(12).toString("hex");
  const path = join(scratch, `${prefix}${run}`);
  makeFolder(path, privateFolderMode);
  const meeting: Meeting = { size, run, secret: randomBytes(32).toString("hex"), joinMs };
  writeFileAtomic(join(path, files.meeting), JSON.stringify(meeting), { mode: privateFileMode });
  let beats = 0;
  const beat = () => {
    try {
      writeFileSync(join(path, files.beat), String(beats++), { mode: privateFileMode });
    } catch {
      // a full disk: the next one may go through, and a rank waits for many
    }
  };
  beat();
  const beating = setInterval(beat, beatMs);
  beating.unref();
  const said = Array.from({ length: size }, (_, rank) => new GrowingFile(join(path, saidBy(rank))));
  return {
    path,
    linesOf: rank => said[rank]!.lines(),
    askToEnd: () => writeFileSync(join(path, files.stop), "", { mode: privateFileMode }),
    remove() {
      clearInterval(beating);
      rmSync(path, { recursive: true, force: true });
    },
  };
}

/** What a rank knows of its start; undefined of one that no engine has started. Errors: base/config. */
export function readMeeting(folder: string): Meeting | undefined {
  const path = join(folder, files.meeting);
  return existsSync(path) ? check(meetingSchema, JSON.parse(readFileSync(path, "utf8")), path) : undefined;
}

/** Leaves a line where the command reads it. */
export function tellCommand(folder: string, rank: number, line: string): void {
  try {
    appendFileSync(join(folder, saidBy(rank)), line, { mode: privateFileMode });
  } catch {
    // the folder is gone with the command: the watch ends the rank
  }
}

const readBeat = (folder: string): string | undefined => {
  try {
    return readFileSync(join(folder, files.beat), "utf8");
  } catch {
    return undefined;
  }
};

interface CommandWatch {
  /** Aborts with base/interrupted when the command asks for the end, or gives no sign of life. */
  readonly signal: AbortSignal;
  stop(): void;
}

/** A rank's watch over the command that has started it. Where its folder is gone, other ranks may write their checkpoints: the process ends at once. */
export function watchCommand(folder: string): CommandWatch {
  const over = new AbortController();
  const end = (message: string) => over.abort(baseErrors.fail("interrupted", { place: "rank", message }));
  let [last, still, absent]: [string | undefined, number, number] = [undefined, 0, 0];
  const look = () => {
    if (existsSync(join(folder, files.stop))) return end("The command was stopped.");
    const now = readBeat(folder);
    absent = existsSync(folder) ? 0 : absent + 1;
    if (absent >= mostAbsent) process.kill(process.pid, "SIGKILL");
    still = now === last ? still + 1 : 0;
    last = now;
    if (still >= mostStill) end(`The command that started this rank gave no sign of life for ${(mostStill * lookMs) / 1000} s.`);
  };
  const looking = setInterval(look, lookMs);
  looking.unref();
  return { signal: over.signal, stop: () => clearInterval(looking) };
}
