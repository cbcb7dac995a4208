/**
 * Checkpoints: a folder a step with arrays (safetensors) and everything else as JSON, put in place whole by one rename after fsync. The state
 * file holds the arrays' hash and its own, so a truncated or edited checkpoint is refused by name and the one before it is used.
 */
import { createHash } from "node:crypto";
import { closeSync, createReadStream, existsSync, fsyncSync, mkdirSync, openSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import {
  fileError,
  hashOf,
  isLoamError,
  type Json,
  type LoamError,
  readText,
  syncFolder,
  temporaryBeside,
  writeFileAtomic,
} from "../base/index.ts";
import { openSafetensors, saveTree, type WeightFile } from "../nn/index.ts";
import { trainErrors } from "./errors.ts";

const arraysFile = "arrays.safetensors";
const stateFile = "state.json";
/** The newest and the one before it: enough to survive a damaged one. */
const kept = 2;

interface Stored {
  readonly format: "loam-checkpoint";
  readonly version: 1;
  /** Identity of the recipe it belongs to. */
  readonly recipe: string;
  readonly step: number;
  readonly arrays: string;
  readonly state: Json;
}

const nameOf = (step: number): string => `step-${String(step).padStart(9, "0")}`;

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

/** Writes a checkpoint; older ones beyond two are removed after it stands. */
export async function saveCheckpoint(
  folder: string,
  given: { readonly recipe: string; readonly step: number; readonly arrays: unknown; readonly state: Json },
): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const final = join(folder, nameOf(given.step));
  const part = temporaryBeside(final);
  try {
    mkdirSync(part);
    await saveTree(join(part, arraysFile), given.arrays);
    const stored: Stored = {
      format: "loam-checkpoint",
      version: 1,
      recipe: given.recipe,
      step: given.step,
      arrays: await fileHash(join(part, arraysFile)),
      state: given.state,
    };
    writeFileAtomic(join(part, stateFile), JSON.stringify({ ...stored, hash: hashOf(stored) }));
    sync(join(part, arraysFile));
    syncFolder(part);
    rmSync(final, { recursive: true, force: true });
    renameSync(part, final);
    syncFolder(folder);
  } catch (error) {
    rmSync(part, { recursive: true, force: true });
    throw fileError(error, final);
  }
  for (const old of steps(folder).slice(0, -kept)) rmSync(join(folder, nameOf(old)), { recursive: true, force: true });
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

async function load(folder: string, step: number, recipe: string): Promise<LoadedCheckpoint> {
  const place = `checkpoint ${nameOf(step)}`;
  const path = join(folder, nameOf(step));
  const damaged = (expected: string, received: string, cause?: unknown) =>
    trainErrors.fail("checkpoint", { place, expected, received }, cause);
  let stored: Stored & { readonly hash: string };
  try {
    stored = JSON.parse(readText(join(path, stateFile)));
  } catch (error) {
    throw damaged(`a readable ${stateFile}`, (error as Error).message, error);
  }
  const { hash, ...rest } = stored;
  if (stored.format !== "loam-checkpoint" || stored.version !== 1)
    throw damaged("a loam-checkpoint of version 1", `${stored.format} ${stored.version}`);
  if (hashOf(rest) !== hash) throw damaged(`${stateFile} to match its hash ${String(hash).slice(0, 8)}...`, hashOf(rest).slice(0, 8));
  if (stored.recipe !== recipe) throw damaged(`a checkpoint of recipe ${recipe.slice(0, 12)}`, stored.recipe.slice(0, 12));
  const arrays = join(path, arraysFile);
  if (!existsSync(arrays)) throw damaged(`file ${arraysFile}`, "none");
  const found = await fileHash(arrays);
  if (found !== stored.arrays) throw damaged(`${arraysFile} to match its hash ${stored.arrays.slice(0, 8)}...`, `${found.slice(0, 8)}...`);
  return { step: stored.step, state: stored.state, arrays: await openSafetensors(arrays, `${place}: ${arraysFile}`) };
}

/** The newest whole checkpoint of a recipe; `onRefused` hears of each that was not. Undefined when there is none. */
export async function latestCheckpoint(
  folder: string,
  recipe: string,
  onRefused: (problem: LoamError) => void,
): Promise<LoadedCheckpoint | undefined> {
  for (const step of steps(folder).reverse())
    try {
      return await load(folder, step, recipe);
    } catch (error) {
      if (!isLoamError(error)) throw error;
      onRefused(error);
    }
  return undefined;
}
