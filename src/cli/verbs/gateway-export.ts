/** `loam gateway export`: what the gateway allows, for another gateway to enforce; every difference is said. Writes new files only. */
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { writeFileAtomic } from "../../base/index.ts";
import { type ExportTarget, exportGateway, exportTargets, type KeyInfo, readConfig } from "../../gateway/index.ts";
import { projectErrors } from "../../project/index.ts";
import { cliErrors } from "../errors.ts";
import { configPath, withControl } from "../gateway/open-gateway.ts";
import { textOption } from "../options.ts";
import type { Options, VerbRun } from "../verb.ts";

/** Errors: cli/usage. */
function backendOf(options: Options): URL | undefined {
  const text = textOption(options, "backend");
  if (text === undefined) return undefined;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && /^https?:$/.test(url.protocol) && url.username === "" && url.search === "" && url.hash === "") return url;
  throw cliErrors.fail("usage", {
    place: "loam gateway export: --backend",
    expected: "an address such as https://gateway.internal/v1",
    received: JSON.stringify(text),
  });
}

export const gatewayExport: VerbRun = async (context, [target], options) => {
  const { out, cwd } = context;
  if (!exportTargets.includes(target as ExportTarget))
    throw cliErrors.fail("usage", {
      place: "loam gateway export",
      expected: `one of ${exportTargets.join(", ")}`,
      received: JSON.stringify(target ?? "nothing"),
    });
  const to = textOption(options, "to");
  if (to === undefined)
    throw cliErrors.fail("usage", { place: "loam gateway export", expected: "a folder: --to FOLDER", received: "nothing" });
  const folder = resolve(cwd, to);
  const backend = backendOf(options);
  const file = await readConfig(configPath(context, options));
  const state =
    options.accounts === true
      ? undefined
      : await withControl(context, options, async control => {
          const { principals, policies } = control.access();
          return { keys: await control.keys.list(), access: { principals, policies } };
        });
  const keys: readonly KeyInfo[] = state?.keys ?? [];
  // with what the state has beside the file: a denial that is only there must not be lost
  const config = state ? { ...file, access: { ...(file.access as object), ...state.access } } : file;
  const { files, differences } = exportGateway(target as ExportTarget, { config, keys, nowMs: Date.now(), backend });
  const taken = [...files.keys()].find(name => existsSync(join(folder, name)));
  if (taken !== undefined)
    throw projectErrors.fail("exists", {
      place: join(folder, taken),
      message: "there is a file already",
      hint: "Take another folder, or move it away.",
    });
  for (const [name, text] of files) {
    const path = join(folder, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFileAtomic(path, text);
  }
  out.line(`  ${files.size} files in ${folder}.`);
  if (!state)
    out.line("  With --accounts the state was not looked at: principals and policies that stand there and not in the file are left out.");
  out.line(`  What ${target} does otherwise, or not at all:`);
  for (const { place, why } of differences) out.line(`    ${place}: ${why}`);
  out.result({ target, folder, files: [...files.keys()], differences });
};
