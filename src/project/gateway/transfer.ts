/** From and to other gateways: a configuration or Cedar's policies taken over, what the gateway allows written for another to enforce. Every difference is said. */
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { stringify } from "yaml";
import { parseYaml, readText, writeFileAtomic } from "../../base/index.ts";
import { type ExportTarget, exportGateway, importCedar, importLitellm, type KeyInfo, readConfig } from "../../gateway/index.ts";
import { projectErrors } from "../errors.ts";
import { configPath, type GatewayPlace, withControl } from "./gateway-place.ts";

export interface ExportGatewayOptions {
  /** A folder; files that are there already are not touched. */
  readonly to: string;
  /** What the other one calls for every model; default: the file's upstreams. */
  readonly backend?: URL | undefined;
  /** A caller for each account of the file, without looking at the keys of the state. */
  readonly accounts?: boolean | undefined;
}

export interface ExportedGateway {
  readonly target: ExportTarget;
  readonly folder: string;
  readonly files: readonly string[];
  /** What the other one does otherwise, or not at all. */
  readonly differences: ReturnType<typeof exportGateway>["differences"];
}

/** Errors: project/exists; those of the file and the state. */
export async function writeGatewayExport(
  at: GatewayPlace,
  target: ExportTarget,
  { to, backend, accounts = false }: ExportGatewayOptions,
): Promise<ExportedGateway> {
  const folder = resolve(at.folder, to);
  const file = await readConfig(configPath(at));
  const state = accounts
    ? undefined
    : await withControl(at, async control => {
        const { principals, policies } = control.access();
        return { keys: await control.keys.list(), access: { principals, policies } };
      });
  const keys: readonly KeyInfo[] = state?.keys ?? [];
  // with what the state has beside the file: a denial that is only there must not be lost
  const config = state ? { ...file, access: { ...(file.access as object), ...state.access } } : file;
  const { files, differences } = exportGateway(target, { config, keys, nowMs: Date.now(), backend });
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
  return { target, folder, files: [...files.keys()], differences };
}

/** What a configuration of ours says as YAML, and what it was read from has no counterpart for. */
export type TakenGateway = ReturnType<typeof importLitellm> & { readonly text: string };
export type TakenPolicies = ReturnType<typeof importCedar> & { readonly text: string };

/** LiteLLM's configuration as a gateway.yaml. `shown` names the file in errors. Errors: base/missingFile, base/syntax, gateway/config. */
export function takeLitellm(path: string, shown: string): TakenGateway {
  const taken = importLitellm(parseYaml(readText(path), shown), shown);
  return { ...taken, text: stringify(taken.config) };
}

/** Cedar's policies as the part `access.policies` of a gateway.yaml. Errors: base/missingFile, gateway/config. */
export function takeCedar(path: string, shown: string, namespace?: string): TakenPolicies {
  const taken = importCedar(readText(path), shown, namespace);
  return { ...taken, text: stringify({ access: { policies: taken.policies } }) };
}

/** A new file. Errors: project/exists. */
export function writeGatewayFile(path: string, text: string): void {
  if (existsSync(path))
    throw projectErrors.fail("exists", { place: path, message: "there is a file already", hint: "Take another name, or move it away." });
  writeFileAtomic(path, text);
}
