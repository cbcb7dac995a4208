/** Which gateway a call means: its configuration and its state. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { type Control, type GatewayConfig, readConfig } from "../../gateway/index.ts";
import { projectOrNone } from "../models/home.ts";
import { type OpenMore, openFor } from "./open-control.ts";
import { projectGateway } from "./project-part.ts";

export const gatewayFile = "gateway.yaml";

export interface GatewayPlace {
  /** Where gateway.yaml lies, or a project whose loam.yaml has a part `gateway`. */
  readonly folder: string;
  /** Another file than gateway.yaml. */
  readonly config?: string | undefined;
  /** A gateway that runs there; else the state that the file names is looked at and changed. */
  readonly url?: string | undefined;
  /** Of an administrator; default: LOAM_GATEWAY_KEY, else the token file of a gateway on this machine. */
  readonly key?: string | undefined;
  /** Hears of a state that does not answer. */
  readonly warn?: ((text: string) => void) | undefined;
}

/** Path of the file: the one that is named, else gateway.yaml of the folder. */
export const configPath = ({ folder, config }: GatewayPlace): string => resolve(folder, config ?? gatewayFile);

export interface FoundGateway {
  readonly path: string;
  readonly config: GatewayConfig;
  /** It is the part `gateway` of a project's loam.yaml. */
  readonly isProjects: boolean;
}

/** The file that is named, else gateway.yaml of the folder, else the part `gateway` of the project there. */
export async function gatewayOf(at: GatewayPlace): Promise<FoundGateway> {
  const path = configPath(at);
  if (at.config === undefined && !existsSync(path)) {
    const project = projectOrNone(at.folder);
    const found = project && (await projectGateway(project));
    if (found) return { path: project.file, config: found.config, isProjects: true };
  }
  return { path, config: await readConfig(path), isProjects: false };
}

/** Does something with the state that the file names, and closes it. */
export async function withControl<T>(
  at: GatewayPlace,
  use: (control: Control, config: GatewayConfig) => Promise<T>,
  more: OpenMore = {},
): Promise<T> {
  const { config } = await gatewayOf(at);
  const control = await openFor(config, at.warn ?? (() => {}), more);
  try {
    return await use(control, config);
  } finally {
    await control.close();
  }
}
