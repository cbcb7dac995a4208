/**
 * The same image as a Dockerfile that a person reads and changes: a folder a layer, and the settings of the plan. Any builder takes it; its layers have
 * other digests, since builders write tars with their own clocks.
 */
import { createWriteStream } from "node:fs";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import type { LayerPlan } from "./layer.ts";
import type { ImageSettings } from "./plan.ts";
import { wholeTree } from "./tree.ts";

/** What a layer is, for its line. */
const layerNotes: Readonly<Record<LayerPlan["name"], string>> = {
  base: "Node, the shared libraries that it loads, certificates; no shell and no package manager",
  library: "packages that `loam serve` loads, with native libraries of one platform",
  code: "Loam's bundle and the console",
  weights: "the list of contents (SPDX), and the model where its weights are inside",
};

/** Values of ENV and LABEL in JSON's quotes; `$` would be a variable. */
const quoted = (text: string): string => JSON.stringify(text).replaceAll("$", "\\$");

const settingsLines = (s: ImageSettings): string[] => [
  ...s.Env.map(pair => `ENV ${pair.slice(0, pair.indexOf("="))}=${quoted(pair.slice(pair.indexOf("=") + 1))}`),
  ...Object.entries(s.Labels).map(([name, value]) => `LABEL ${name}=${quoted(value)}`),
  ...Object.keys(s.ExposedPorts).map(port => `EXPOSE ${port}`),
  `STOPSIGNAL ${s.StopSignal}`,
  `WORKDIR ${s.WorkingDir}`,
  `USER ${s.User}`,
  `ENTRYPOINT ${JSON.stringify(s.Entrypoint)}`,
];

/** `base`: a reference by digest; undefined where the lowest layer is one of ours. */
function dockerfileText(settings: ImageSettings, layers: readonly Pick<LayerPlan, "name">[], base: string | undefined): string {
  const copies = layers.flatMap(({ name }) => [`# ${layerNotes[name]}`, `COPY --chown=0:0 ${name}/ /`]);
  return `${["# Written by `loam deploy image --dockerfile`.", `FROM ${base ?? "scratch"}`, ...copies, ...settingsLines(settings)].join("\n")}\n`;
}

/** Writes the Dockerfile and a folder for each layer, with the modes of the image whatever the umask. Errors: those of the file system. */
export async function writeDockerContext(
  folder: string,
  settings: ImageSettings,
  layers: readonly LayerPlan[],
  base: string | undefined,
  signal?: AbortSignal,
): Promise<void> {
  for (const { name, entries } of layers) {
    const at = join(folder, name);
    await mkdir(at, { recursive: true });
    await chmod(at, 0o755);
    for (const { path, mode, content } of wholeTree(entries)) {
      signal?.throwIfAborted();
      const to = join(at, path);
      if (content.kind === "folder") await mkdir(to, { recursive: true });
      else {
        await mkdir(dirname(to), { recursive: true });
        if (content.kind === "bytes") await writeFile(to, content.bytes);
        else await pipeline(content.open(), createWriteStream(to));
      }
      await chmod(to, mode);
    }
  }
  await writeFile(join(folder, "Dockerfile"), dockerfileText(settings, layers, base));
}
