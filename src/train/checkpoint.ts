/**
 * Checkpoints: a folder a step with arrays (safetensors) and everything else as JSON, put in place whole by one rename after fsync. The state
 * file holds the arrays' hash and its own, so a truncated or edited checkpoint is refused by name and the one before it is used. Ranks write a file of
 * arrays each; arrays are whole, so any number of ranks reads them.
 */
import { createHash } from "node:crypto";
import { closeSync, createReadStream, existsSync, fsyncSync, mkdirSync, openSync, readdirSync, renameSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import {
  fileError,
  hashOf,
  isLoamError,
  type Json,
  type LoamError,
  readText,
  syncFolder,
  type Tree,
  temporaryBeside,
  treePaths,
  writeFileAtomic,
} from "../base/index.ts";
import { openSafetensors, saveTree, type WeightFile } from "../nn/index.ts";
import type { ProcessGroup } from "../ranks/index.ts";
import { trainErrors } from "./errors.ts";
import { joinedFile } from "./parallel/joined-file.ts";
import { onEveryRank } from "./parallel/on-every-rank.ts";

const arraysFile = "arrays.safetensors";
const stateFile = "state.json";
/** The newest and the one before it: enough to survive a damaged one. */
const kept = 2;

interface StoredCheckpoint {
  readonly format: "loam-checkpoint";
  /** Identity of the recipe it belongs to. */
  readonly recipe: string;
  readonly step: number;
  readonly state: Json;
}
/** A file of arrays and its hash. */
type Shard = { readonly file: string; readonly hash: string };
type Stored = StoredCheckpoint &
  ({ readonly version: 1; readonly arrays: string } | { readonly version: 2; readonly shards: readonly Shard[] });

const shardsOf = (stored: Stored): readonly Shard[] => (stored.version === 1 ? [{ file: arraysFile, hash: stored.arrays }] : stored.shards);

const nameOf = (step: number): string => `step-${String(step).padStart(9, "0")}`;
const shardName = ({ rank, size }: ProcessGroup): string =>
  `arrays-${String(rank + 1).padStart(5, "0")}-of-${String(size).padStart(5, "0")}.safetensors`;

async function fileHash(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const piece of createReadStream(path)) hash.update(piece as Buffer);
  return hash.digest("hex");
}

function sync(path: string): void {
  const fd = openSync(path, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

interface GivenCheckpoint {
  readonly recipe: string;
  readonly step: number;
  readonly arrays: unknown;
  readonly state: Json;
}

/** The state file, and the folder in its place. */
function seal(part: string, final: string, stored: Stored): void {
  writeFileAtomic(join(part, stateFile), JSON.stringify({ ...stored, hash: hashOf(stored) }));
  syncFolder(part);
  rmSync(final, { recursive: true, force: true });
  renameSync(part, final);
  syncFolder(join(final, ".."));
}

const removeOld = (folder: string): void => {
  for (const old of steps(folder).slice(0, -kept)) rmSync(join(folder, nameOf(old)), { recursive: true, force: true });
};

/** Writes a checkpoint; older ones beyond two are removed after it stands. */
export async function saveCheckpoint(folder: string, { recipe, step, arrays, state }: GivenCheckpoint): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const final = join(folder, nameOf(step));
  const part = temporaryBeside(final);
  try {
    mkdirSync(part);
    const path = join(part, arraysFile);
    await saveTree(path, arrays);
    sync(path);
    seal(part, final, { format: "loam-checkpoint", version: 1, recipe, step, arrays: await fileHash(path), state });
  } catch (error) {
    rmSync(part, { recursive: true, force: true });
    throw fileError(error, final);
  }
  removeOld(folder);
}

/** Writes this rank's arrays into a checkpoint's folder; undefined where it has none. */
async function writeShard(part: string, file: string, arrays: unknown): Promise<Shard | undefined> {
  if (treePaths(arrays as Tree<unknown>).length === 0) return undefined;
  const path = join(part, file);
  await saveTree(path, arrays);
  sync(path);
  return { file, hash: await fileHash(path) };
}

/**
 * Writes a checkpoint of several ranks: `arrays` are this rank's, `recipe`, `step` and `state` the same on all. The folder is in place after every rank's
 * file is on disk, or not at all. Errors: its own, or `train/rank` where another rank fails.
 */
export async function saveShardedCheckpoint(folder: string, group: ProcessGroup, given: GivenCheckpoint): Promise<void> {
  const { recipe, step, state } = given;
  const final = join(folder, nameOf(step));
  const isFirst = group.rank === 0;
  const together = <T>(own: () => T | Promise<T>) =>
    onEveryRank(
      group,
      async () => {
        try {
          return await own();
        } catch (error) {
          throw fileError(error, final);
        }
      },
      () => [],
      0,
    );
  const begun = await together(() => {
    if (!isFirst) return "";
    const part = temporaryBeside(final);
    mkdirSync(part, { recursive: true });
    return basename(part);
  });
  const part = join(folder, String((await group.exchange(begun.made))[0]));
  try {
    const { made } = await together(() => writeShard(part, shardName(group), given.arrays));
    const shards = (await group.exchange(made ? { ...made } : null)) as (Shard | null)[];
    await together(() => {
      if (!isFirst) return;
      const written = shards.filter(s => s !== null);
      const missing = written.find(s => !existsSync(join(part, s.file)));
      if (missing)
        throw trainErrors.fail("checkpoint", {
          place: final,
          expected: "a folder that all ranks share",
          received: `no ${missing.file}, which its rank has written`,
          hint: "Put the project on a file system of all hosts.",
        });
      seal(part, final, { format: "loam-checkpoint", version: 2, recipe, step, shards: written, state });
    });
  } catch (error) {
    if (isFirst) rmSync(part, { recursive: true, force: true });
    throw error;
  }
  if (isFirst) removeOld(folder);
}

/** Removes what runs that were killed have left half-written; for who alone writes to the folder. */
export function removeUnfinished(folder: string): void {
  if (!existsSync(folder)) return;
  for (const entry of readdirSync(folder, { withFileTypes: true }))
    if (entry.isDirectory() && /^\.\d+-\w+-\d+\.part$/.test(entry.name)) rmSync(join(folder, entry.name), { recursive: true, force: true });
}

/** Steps of the checkpoints in a folder, ascending. */
function steps(folder: string): number[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter(name => /^step-\d{9}$/.test(name))
    .map(name => Number(name.slice(5)))
    .sort((a, b) => a - b);
}

export interface LoadedCheckpoint {
  readonly step: number;
  readonly state: Json;
  readonly arrays: WeightFile;
}

function readState(path: string, place: string): Stored {
  const damaged = (expected: string, received: string, cause?: unknown) =>
    trainErrors.fail("checkpoint", { place, expected, received }, cause);
  let stored: Stored & { readonly hash: string };
  try {
    stored = JSON.parse(readText(join(path, stateFile)));
  } catch (error) {
    throw damaged(`a readable ${stateFile}`, (error as Error).message, error);
  }
  const { hash, ...rest } = stored;
  if (stored.format !== "loam-checkpoint" || (stored.version !== 1 && stored.version !== 2))
    throw damaged("a loam-checkpoint of version 1 or 2", `${stored.format} ${(stored as { version?: unknown }).version}`);
  if (hashOf(rest) !== hash) throw damaged(`${stateFile} to match its hash ${String(hash).slice(0, 8)}...`, hashOf(rest).slice(0, 8));
  return rest;
}

/** Opens a checkpoint; with `verifies` every byte of its arrays is held against its hash. */
async function load(folder: string, step: number, recipe: string, verifies: boolean): Promise<LoadedCheckpoint> {
  const place = `checkpoint ${nameOf(step)}`;
  const path = join(folder, nameOf(step));
  const damaged = (expected: string, received: string) => trainErrors.fail("checkpoint", { place, expected, received });
  const stored = readState(path, place);
  if (stored.recipe !== recipe) throw damaged(`a checkpoint of recipe ${recipe.slice(0, 12)}`, stored.recipe.slice(0, 12));
  const shards = shardsOf(stored);
  for (const { file, hash } of shards) {
    if (!existsSync(join(path, file))) throw damaged(`file ${file}`, "none");
    const found = verifies ? await fileHash(join(path, file)) : hash;
    if (found !== hash) throw damaged(`${file} to match its hash ${hash.slice(0, 8)}...`, `${found.slice(0, 8)}...`);
  }
  const opened: WeightFile[] = [];
  try {
    for (const { file } of shards) opened.push(await openSafetensors(join(path, file), `${place}: ${file}`));
    return { step: stored.step, state: stored.state, arrays: joinedFile(opened, place) };
  } catch (error) {
    for (const file of opened) await file.close();
    throw error;
  }
}

/** A checkpoint that another rank has verified. */
export const openCheckpoint = (folder: string, step: number, recipe: string): Promise<LoadedCheckpoint> =>
  load(folder, step, recipe, false);

/** The newest whole checkpoint of a recipe; `onRefused` hears of each that was not. Undefined when there is none. */
export async function latestCheckpoint(
  folder: string,
  recipe: string,
  onRefused: (problem: LoamError) => void,
): Promise<LoadedCheckpoint | undefined> {
  for (const step of steps(folder).reverse())
    try {
      return await load(folder, step, recipe, true);
    } catch (error) {
      if (!isLoamError(error)) throw error;
      onRefused(error);
    }
  return undefined;
}
