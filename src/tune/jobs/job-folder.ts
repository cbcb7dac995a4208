/**
 * Where jobs are kept: a folder each, with `job.json`, `events.jsonl` and copies of its files, which stay as what the model was made of. A
 * job is written whole or not at all; of events a last line that was cut off is left out.
 */
import { appendFileSync, existsSync, readdirSync, readFileSync } from "node:fs";
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { fileError, makePrivateFolder, privateFileMode, readText, writeFileAtomic } from "../../base/index.ts";
import { fileNames } from "./file-names.ts";
import type { Job, JobCheckpoint, JobEvent, JobRequest } from "./job.ts";

/** A job and what is not answered of it. */
export interface JobRecord {
  readonly job: Job;
  /** The version that it is made from: `mail-small@3`. */
  readonly base: string;
  /** What the result is called. */
  readonly name: string;
  /** The `tune:` part that it runs; null until its files are checked. */
  readonly tune: Readonly<Record<string, unknown>> | null;
  /** Version of the result under its name. */
  readonly version: number | null;
  readonly checkpoints: readonly JobCheckpoint[];
  /** Absent in a job that was created before jobs had owners. */
  readonly owner?: string | null;
}

/** Ids are names of folders, so nothing else may stand in them. */
const idPattern = /^ftjob-[0-9a-f]{24}$/;

export class JobFolder {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  of(id: string): string {
    return join(this.path, id);
  }

  /** Undefined where there is no such job. */
  read(id: string): JobRecord | undefined {
    const path = join(this.of(id), "job.json");
    return idPattern.test(id) && existsSync(path) ? (JSON.parse(readText(path)) as JobRecord) : undefined;
  }
  /** Oldest first. */
  all(): JobRecord[] {
    if (!existsSync(this.path)) return [];
    return readdirSync(this.path)
      .flatMap(id => this.read(id) ?? [])
      .sort((a, b) => a.job.created_at - b.job.created_at || (a.job.id < b.job.id ? -1 : 1));
  }
  save(record: JobRecord): void {
    writeFileAtomic(join(this.of(record.job.id), "job.json"), `${JSON.stringify(record, null, 2)}\n`, { mode: privateFileMode });
  }

  /** Copies of a job's files: whoever deletes an uploaded file does not stop the job. Errors: base/diskFull and the like. */
  async keepFiles(id: string, { trainingFile, validationFile }: JobRequest): Promise<void> {
    makePrivateFolder(this.of(id));
    for (const [param, file] of [["training_file", trainingFile] as const, ["validation_file", validationFile] as const])
      if (file)
        await copyFile(file.path, join(this.of(id), fileNames[param])).catch((error: unknown) => {
          throw fileError(error, param);
        });
  }

  append(id: string, event: JobEvent): void {
    try {
      appendFileSync(join(this.of(id), "events.jsonl"), `${JSON.stringify(event)}\n`, { mode: privateFileMode });
    } catch (error) {
      throw fileError(error, join(this.of(id), "events.jsonl"));
    }
  }
  /** Oldest first. */
  events(id: string): JobEvent[] {
    const path = join(this.of(id), "events.jsonl");
    if (!idPattern.test(id) || !existsSync(path)) return [];
    return readFileSync(path, "utf8")
      .split("\n")
      .flatMap(line => {
        try {
          return line === "" ? [] : [JSON.parse(line) as JobEvent];
        } catch {
          return [];
        }
      });
  }
}
