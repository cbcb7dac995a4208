/** Several files of arrays as one, and a part of one: what a checkpoint of ranks is read through. */
import type { WeightFile } from "../../nn/index.ts";

/** All files' arrays; their names differ. */
export function joinedFile(files: readonly WeightFile[], place: string): WeightFile {
  const [only] = files;
  if (files.length === 1) return only!;
  const holder = new Map(files.flatMap(file => [...file.tensors.keys()].map(name => [name, file] as const)));
  return {
    metadata: {},
    place,
    tensors: new Map(files.flatMap(file => [...file.tensors])),
    // a name that no file has is refused by any of them
    read: name => (holder.get(name) ?? only!).read(name),
    async close() {
      for (const file of files) await file.close();
    },
  };
}

/** The arrays whose names are wanted. */
export const partOfFile = (file: WeightFile, isWanted: (name: string) => boolean): WeightFile => ({
  ...file,
  tensors: new Map([...file.tensors].filter(([name]) => isWanted(name))),
});
