/** Several safetensors files that hold one model: `<name>.safetensors`, or `<name>.safetensors.index.json` that says which file has what. */
import { z } from "zod";
import { check } from "../../base/index.ts";
import { nnErrors } from "../errors.ts";
import type { FilesReader } from "./files.ts";
import type { TensorEntry } from "./header.ts";
import { parseJsonFile } from "./json-file.ts";
import { openSafetensors, type WeightFile } from "./safetensors.ts";

/** Shards open at once; the largest published models have 200. */
const maxShards = 1024;

const indexSchema = z.strictObject({
  metadata: z.unknown().optional(),
  weight_map: z.record(z.string(), z.string()),
});

/** Opens all files of a model as one. Errors when a shard is missing, holds another set of tensors than the index says, or leaves the folder. */
export async function openShards(reader: FilesReader, name: string): Promise<WeightFile> {
  const at = (file: string) => (reader.id ? `${reader.id}: ${file}` : file);
  const single = `${name}.safetensors`;
  const index = `${single}.index.json`;
  const present = new Set(reader.files.map(f => f.name));
  if (present.has(single)) return openSafetensors(await reader.localPath(single), at(single), reader.opened?.(single));
  if (!present.has(index))
    throw nnErrors.fail("weights", {
      place: reader.id ?? "folder",
      expected: `${single} or ${index}`,
      received: "neither",
      hint: "Only safetensors weights are read.",
    });
  const { weight_map: map } = check(indexSchema, parseJsonFile(await reader.read(index), at(index)), at(index));
  const names = [...new Set(Object.values(map))];
  const odd = names.find(file => !present.has(file) || /[/\\]/.test(file));
  if (odd !== undefined)
    throw nnErrors.fail("weights", { place: at(index), expected: "files of this folder", received: `"${odd.slice(0, 80)}"` });
  if (names.length > maxShards)
    throw nnErrors.fail("weights", { place: at(index), expected: `at most ${maxShards} shards`, received: `${names.length}` });
  const shards = new Map<string, WeightFile>();
  const close = async () => {
    for (const shard of shards.values()) await shard.close();
  };
  try {
    const tensors = new Map<string, TensorEntry>();
    for (const file of names) {
      const shard = await openSafetensors(await reader.localPath(file), at(file), reader.opened?.(file));
      shards.set(file, shard);
      for (const [tensor, entry] of shard.tensors) {
        if (map[tensor] !== file)
          throw nnErrors.fail("weights", {
            place: `${at(file)}: ${tensor}`,
            expected: `a tensor that ${index} puts here`,
            received: "another",
          });
        tensors.set(tensor, entry);
      }
    }
    const gone = Object.keys(map).find(tensor => !tensors.has(tensor));
    if (gone !== undefined)
      throw nnErrors.fail("weights", { place: at(map[gone]!), expected: `tensor "${gone}" (${index})`, received: "none" });
    const place = reader.id ?? single;
    const read = (tensor: string) => {
      const shard = shards.get(map[tensor] ?? "");
      if (shard) return shard.read(tensor);
      throw nnErrors.fail("weights", { place, expected: `one of ${tensors.size} tensors`, received: `"${tensor}"` });
    };
    return { metadata: {}, tensors, place, read, close };
  } catch (error) {
    await close();
    throw error;
  }
}
