/**
 * GGUF models in several files (`NAME-00001-of-00003.gguf`): the first has the metadata, each some of the tensors, as llama.cpp's
 * `gguf-split` writes them. Opened together they are one file.
 */
import { nnErrors } from "../errors.ts";
import type { FilesReader } from "./files.ts";
import { type GgufFile, openGguf } from "./gguf.ts";
import type { TensorEntry } from "./header.ts";

const partPattern = /^(.*-)(\d{5})-of-(\d{5})(\.gguf)$/i;
/** Files of one model that are opened at once, at most; the largest published ones have some dozens. */
const maxParts = 1024;

/** All names of the model that `name` is a file of, in order: itself alone, or every part. */
export function ggufParts(name: string): readonly string[] {
  const [, base, , total, ending] = partPattern.exec(name) ?? [];
  const count = Number(total);
  if (base === undefined || count < 1 || count > maxParts) return [name];
  return Array.from({ length: count }, (_, i) => `${base}${String(i + 1).padStart(5, "0")}-of-${total}${ending}`);
}

/** The models among names: of each, all its files that are there, its first one before the others. */
export function ggufModels(names: readonly string[]): readonly (readonly string[])[] {
  const there = new Set(names);
  const models = new Map<string, readonly string[]>();
  for (const name of names.filter(n => /\.gguf$/i.test(n))) {
    const parts = ggufParts(name);
    models.set(
      parts[0]!,
      parts.filter(p => there.has(p)),
    );
  }
  return [...models.values()];
}

const counted = (file: GgufFile, key: string): number | undefined => {
  const value = file.values.get(key);
  return value === undefined ? undefined : Number(value);
};

/** Opens the GGUF file of a folder or an artifact, with its other parts. Errors: nn/file; nn/weights where the parts do not fit together. */
export async function openGgufOf(reader: FilesReader, name: string): Promise<GgufFile> {
  const placeOf = (file: string) => (reader.id ? `${reader.id}: ${file}` : file);
  const wrong = (place: string, expected: string, received: string) => nnErrors.fail("weights", { place, expected, received });
  const names = ggufParts(name);
  const missing = names.find(n => !reader.files.some(f => f.name === n));
  if (missing !== undefined && names.length > 1) throw wrong(placeOf(missing), `all ${names.length} parts of the model`, "no such file");
  const parts: GgufFile[] = [];
  const close = async () => {
    for (const part of parts) await part.close();
  };
  try {
    for (const n of names) parts.push(await openGguf(await reader.localPath(n), placeOf(n), reader.opened?.(n)));
    const [first] = parts as [GgufFile, ...GgufFile[]];
    const said = counted(first, "split.count") ?? 1;
    if (said !== names.length && said > 1)
      throw wrong(
        `${first.place}: split.count`,
        names.length === 1 ? "a file named NAME-00001-of-0000N.gguf" : `${names.length}`,
        `${said}`,
      );
    if (parts.length === 1) return first;
    const owners = new Map<string, GgufFile>();
    const tensors = new Map<string, TensorEntry>();
    for (const [i, part] of parts.entries()) {
      if (counted(part, "split.no") !== i || counted(part, "split.count") !== parts.length)
        throw wrong(
          `${part.place}: split.no`,
          `part ${i} of ${parts.length}`,
          `part ${counted(part, "split.no")} of ${counted(part, "split.count")}`,
        );
      for (const [tensor, entry] of part.tensors) {
        if (owners.has(tensor)) throw wrong(`${part.place}: ${tensor.slice(0, 80)}`, "each tensor in one part", "it again");
        owners.set(tensor, part);
        tensors.set(tensor, entry);
      }
    }
    const total = counted(first, "split.tensors.count");
    if (total !== undefined && total !== tensors.size) throw wrong(`${first.place}: split.tensors.count`, `${tensors.size}`, `${total}`);
    return { ...first, tensors, close, read: tensor => (owners.get(tensor) ?? first).read(tensor) };
  } catch (error) {
    await close();
    throw error;
  }
}
