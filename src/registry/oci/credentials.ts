/**
 * Who we are to a registry: `LOAM_REGISTRY_AUTH=user:password`, else what `docker login` or `oras login` wrote into Docker's `config.json` for that
 * host. Programs that keep passwords elsewhere (credential helpers) are not asked.
 */
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { type Environment, environment, readText } from "../../base/index.ts";

export interface RegistryCredentials {
  readonly user: string;
  readonly password: string;
}

const dockerConfig = z.looseObject({ auths: z.record(z.string(), z.looseObject({ auth: z.string().optional() })).optional() });

function split(text: string): RegistryCredentials | undefined {
  const at = text.indexOf(":");
  return at > 0 ? { user: text.slice(0, at), password: text.slice(at + 1) } : undefined;
}

/** Undefined where nobody has said any for that host. */
export function credentialsFor(host: string, env: Environment = environment()): RegistryCredentials | undefined {
  const given = env.LOAM_REGISTRY_AUTH;
  if (given) return split(given);
  const path = join(env.DOCKER_CONFIG || join(homedir(), ".docker"), "config.json");
  if (!existsSync(path)) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(readText(path));
  } catch {
    return undefined;
  }
  const auths = dockerConfig.safeParse(value).data?.auths ?? {};
  const auth = (auths[host] ?? auths[`https://${host}`])?.auth;
  return auth === undefined ? undefined : split(Buffer.from(auth, "base64").toString("utf8"));
}
