/**
 * A named deployment's folder: `generations/N` holds a plan each, and `current` is a link to the one in use, replaced in one step. A generation never changes
 * once it is there, so going back is the same step with another target.
 */
import { lstatSync, mkdirSync, readdirSync, readlinkSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { basename, join } from "node:path";
import { fileError, temporaryBeside } from "../../../base/index.ts";
import { deployErrors } from "../../../deploy/index.ts";

/** Generations that are kept: the current one, and two to go back to. */
export const keptGenerations = 3;

export interface Generations {
  /** Ascending. */
  readonly numbers: readonly number[];
  /** Null before the first. */
  readonly current: number | null;
}

const holder = (folder: string): string => join(folder, "generations");
export const generationFolder = (folder: string, number: number): string => join(holder(folder), String(number));

/** Errors: deploy/deployment where `current` is no link of ours, base/io. */
export function listGenerations(folder: string, shown: string): Generations {
  let numbers: number[];
  try {
    numbers = readdirSync(holder(folder))
      .filter(name => /^[1-9]\d*$/.test(name))
      .map(Number)
      .sort((a, b) => a - b);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return { numbers: [], current: null };
    throw fileError(error, shown);
  }
  const link = join(folder, "current");
  try {
    const current = Number(basename(readlinkSync(link)));
    if (numbers.includes(current)) return { numbers, current };
    throw notOurs(shown, `a link to ${readlinkSync(link)}`);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return { numbers, current: null };
    if (code === "EINVAL") throw notOurs(shown, "another file");
    throw error;
  }
}

const notOurs = (shown: string, received: string) =>
  deployErrors.fail("deployment", {
    place: `${shown}/current`,
    expected: "a link to a generation",
    received,
    hint: "Delete it, then run `loam deploy apply`.",
  });

/** Makes a generation the current one: readers see the old or the new one, never none. */
export function switchTo(folder: string, number: number): void {
  const link = join(folder, "current");
  const part = temporaryBeside(link);
  try {
    symlinkSync(join("generations", String(number)), part, "junction");
    renameSync(part, link);
  } finally {
    rmSync(part, { force: true });
  }
}

/** Deletes the oldest but for those kept, and never the current one. */
export function dropOldGenerations(folder: string, { numbers, current }: Generations): readonly number[] {
  const dropped = numbers.slice(0, Math.max(0, numbers.length - keptGenerations)).filter(n => n !== current);
  for (const n of dropped) rmSync(generationFolder(folder, n), { recursive: true, force: true });
  return dropped;
}

export function prepareFolder(folder: string): void {
  mkdirSync(holder(folder), { recursive: true });
}

export const isThere = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false }) !== undefined;
