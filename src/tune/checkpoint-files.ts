/** Where a tuning keeps its checkpoints among its files: adapters or whole models, a folder a step (`checkpoints/12/adapter_model.safetensors`). */
import type { FilesReader, FilesWriter } from "../nn/index.ts";
import type { ArtifactReader } from "../store/index.ts";

const folderOf = (step: number): string => `checkpoints/${step}/`;

export const checkpointWriter = (output: FilesWriter, step: number): FilesWriter => ({
  write: (name, data) => output.write(folderOf(step) + name, data),
  writeStream: (name, pieces) => output.writeStream(folderOf(step) + name, pieces),
});

/** Its files by their own names; none where the step was not kept. */
export function checkpointReader(tuned: ArtifactReader, step: number): FilesReader {
  const folder = folderOf(step);
  return {
    id: `${tuned.id}/${folder}`,
    files: tuned.files.flatMap(({ name }) => (name.startsWith(folder) ? [{ name: name.slice(folder.length) }] : [])),
    read: name => tuned.read(folder + name),
    localPath: name => tuned.localPath(folder + name),
  };
}
