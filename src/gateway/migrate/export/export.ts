/** The gateway's policies for another gateway: what each target is called, and what makes it. A new target is a row. */
import { check } from "../../../base/index.ts";
import type { GatewayConfig } from "../../config/gateway-config.ts";
import type { KeyInfo } from "../../contract.ts";
import { controlPart } from "../../control-config.ts";
import { identityOfKey } from "../../identity/authenticate.ts";
import { exportApigee } from "./apigee.ts";
import { exportAws } from "./aws.ts";
import { exportEnvoy } from "./envoy.ts";
import { exportKong } from "./kong.ts";
import type { Consumer, ExportDifference } from "./plan.ts";
import { type Exported, type Exporter, uniqueName } from "./target.ts";

export const exportTargets = ["aws", "apigee", "kong", "envoy"] as const;
export type ExportTarget = (typeof exportTargets)[number];

const exporters: { readonly [T in ExportTarget]: Exporter } = {
  aws: exportAws,
  apigee: exportApigee,
  kong: exportKong,
  envoy: exportEnvoy,
};

export interface ExportOptions {
  readonly config: GatewayConfig;
  /** Those that are good now; where there is none, every account of the file is a caller. */
  readonly keys: readonly KeyInfo[];
  readonly nowMs: number;
  /** What the target calls for every model, instead of the file's upstreams. */
  readonly backend?: URL | undefined;
}

/**
 * Files for another gateway that allow what this one allows and never more, and every difference. Errors: gateway/config where a target cannot have the
 * file's servers; those of `controlPart`.
 */
export function exportGateway(target: ExportTarget, { config, keys, nowMs, backend }: ExportOptions): Exported {
  const access = check(controlPart, config.access, "access");
  const differences: ExportDifference[] = [];
  const given =
    keys.length > 0
      ? keys
      : Object.keys({ ...access.principals.users, ...access.principals.serviceAccounts }).map(name => accountKey(name, nowMs));
  const consumers: Consumer[] = [];
  for (const key of given) {
    if ((key.revokedMs !== null && key.revokedMs <= nowMs) || (key.expiresMs !== null && key.expiresMs <= nowMs)) continue;
    const identity = identityOfKey(key, access.principals);
    if (typeof identity === "string") continue;
    if (key.expiresMs !== null)
      differences.push({
        place: `key ${key.id}`,
        why: `its end, ${new Date(key.expiresMs).toISOString().slice(0, 10)}, is not kept there: take it away then`,
      });
    consumers.push({ id: key.id, name: key.name, identity });
  }
  const exported = exporters[target]({ config, access, consumers, backend });
  return { files: exported.files, differences: [...differences, ...exported.differences] };
}

const accountKey = (name: string, nowMs: number): KeyInfo => ({
  id: `account-${uniqueName(name, /[^A-Za-z0-9._-]/g)}`,
  prefix: "",
  name,
  subject: name,
  scopes: [],
  createdMs: nowMs,
  expiresMs: null,
  revokedMs: null,
  lastUsedMs: null,
});
