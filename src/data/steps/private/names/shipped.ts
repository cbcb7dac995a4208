/**
 * The recogniser of names and places that ships with Loam: `models/names.bin`, made by `npm run train-names` (its card lies beside it). Its digest is
 * written here, so that one recipe always means one model: raise the version of the step `private` when it changes.
 */
import { join } from "node:path";
import { ownFolder, readBytes, sha256 } from "../../../../base/index.ts";
import { dataErrors } from "../../../errors.ts";
import { decodeNames, type NamesModel } from "./model.ts";

/** Beneath the folder that Loam is installed in. */
export const shippedNamesFile = "models/names.bin";
const digest = "27cc46486d8883484422c2adbcb4e9cd9c21e8d0c2fdcfc0ce576510eef2a14f";

/** Bytes of the model, as they were shipped. Errors: data/resource where they were changed or cut, base/missingFile. */
export function shippedNamesBytes(file: string = join(ownFolder(), shippedNamesFile)): Buffer {
  const bytes = readBytes(file);
  const found = sha256(bytes);
  if (found !== digest)
    throw dataErrors.fail("resource", {
      place: file,
      expected: `the model of names that ships with Loam (SHA-256 ${digest.slice(0, 12)}...)`,
      received: bytes.length === 0 ? "an empty file" : `another file (${found.slice(0, 12)}..., ${bytes.length} bytes)`,
      hint: "Reinstall Loam, or name a model of your own: names: { model: FILE }.",
    });
  return bytes;
}

let model: NamesModel | undefined;

/** Read once a process. Errors: those of `shippedNamesBytes`. */
export function shippedNames(): NamesModel {
  model ??= decodeNames(shippedNamesBytes(), shippedNamesFile);
  return model;
}
