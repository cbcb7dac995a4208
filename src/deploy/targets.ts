/**
 * The contract of deployment targets: a plan is a pure function of a version and wishes, and gives files and facts. Beside its files stands
 * `loam-deployment.json`, which names the version, its lineage, the wishes and the digest of each file: what `diff` and `status` read. It has no clock in it, so
 * the same version and wishes give the same bytes. Writing is the project's (`project/deploying/plan-folder.ts`).
 */
import { z } from "zod";
import { canonicalJson, check, type Json, sha256 } from "../base/index.ts";
import { deployErrors } from "./errors.ts";
import { type DeployedVersion, lineageLabels } from "./version.ts";

export interface PlanFile {
  /** Relative, with slashes. */
  readonly path: string;
  readonly text: string | Uint8Array;
  /** Default: 0o644. */
  readonly mode?: number | undefined;
}

/** A file that is too large to be held in memory: it is written first, and moved among the plan's files. */
export interface PlanArchive {
  readonly path: string;
  /** SHA-256. */
  readonly digest: string;
  readonly sizeBytes: number;
}

export interface DeployPlan {
  readonly files: readonly PlanFile[];
  readonly archives?: readonly PlanArchive[];
  /** What was computed, for people and for `--json`: memory, replicas, limits. */
  readonly facts: Readonly<Record<string, Json>>;
}

/** A target is a folder of `src/deploy` and a row of its verb. `Wishes` is plain data: it is written down as JSON. */
export interface DeployTarget<Wishes extends object> {
  /** As in `loam deploy NAME`. */
  readonly name: string;
  /** Pure. Errors: deploy/wish. */
  plan(version: DeployedVersion, wishes: Wishes): DeployPlan;
}

export const deploymentFile = "loam-deployment.json";

const hex64 = z.string().regex(/^[0-9a-f]{64}$/);
const deploymentSchema = z.strictObject({
  format: z.literal(1),
  target: z.string().min(1),
  model: z.string().min(1),
  version: z.int().positive(),
  alias: z.string().nullable(),
  fingerprint: hex64,
  /** The labels that every object or image of the deployment carries. */
  lineage: z.record(z.string(), z.string()),
  wishes: z.record(z.string(), z.json()),
  facts: z.record(z.string(), z.json()),
  /** Sorted by path. */
  files: z.array(z.strictObject({ path: z.string().min(1), digest: hex64, sizeBytes: z.int().nonnegative() })),
  /** Wishes as loam.yaml had them, of a deployment that is named there. */
  requested: z.record(z.string(), z.json()).optional(),
});

/** What `loam-deployment.json` holds. */
export type Deployment = z.output<typeof deploymentSchema>;

const bytesOf = (text: string | Uint8Array): Uint8Array => (typeof text === "string" ? Buffer.from(text) : text);

/** A path that stays in its folder on every system, and that two file systems do not read differently. */
const isPlainPath = (path: string): boolean =>
  path.length > 0 && path.split("/").every(part => /^[\w.@ -]{1,255}$/.test(part) && part !== "." && part !== ".." && !part.endsWith("."));

/** Errors: deploy/wish for a path outside the folder, or one that two files share. */
function checkPaths(target: string, files: readonly { readonly path: string }[]): void {
  const seen = new Set([deploymentFile.toLowerCase()]);
  for (const { path } of files) {
    if (!isPlainPath(path) || seen.has(path.toLowerCase()))
      throw deployErrors.fail("wish", {
        place: `deploy ${target}`,
        expected: "a path of its own within the folder for each file",
        received: JSON.stringify(path),
        hint: "Choose another name.",
      });
    seen.add(path.toLowerCase());
  }
}

/** Errors: deploy/wish. Throws a TypeError where the wishes or the facts are no plain data. */
export function deploymentOf<Wishes extends object>(
  target: DeployTarget<Wishes>,
  v: DeployedVersion,
  wishes: Wishes,
  plan: DeployPlan,
): Deployment {
  const { files, archives = [] } = plan;
  checkPaths(target.name, [...files, ...archives]);
  return check(
    deploymentSchema,
    {
      format: 1,
      target: target.name,
      model: v.model,
      version: v.version,
      alias: v.alias,
      fingerprint: v.fingerprint,
      lineage: lineageLabels(v),
      wishes: JSON.parse(canonicalJson(wishes)),
      facts: JSON.parse(canonicalJson(plan.facts)),
      files: [
        ...files.map(f => ({ path: f.path, digest: sha256(bytesOf(f.text)), sizeBytes: bytesOf(f.text).length })),
        ...archives.map(({ path, digest, sizeBytes }) => ({ path, digest, sizeBytes })),
      ].sort((a, b) => (a.path < b.path ? -1 : 1)),
    },
    deploymentFile,
  );
}

export const deploymentText = (deployment: Deployment): string => `${JSON.stringify(deployment, null, 2)}\n`;

/** Reads what `deploymentText` wrote; `place` names the file. Errors: deploy/deployment, base/config, base/unknownKey. */
export function parseDeployment(text: string, place: string): Deployment {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw deployErrors.fail("deployment", { place, expected: "JSON that `loam deploy` wrote", received: (error as Error).message }, error);
  }
  return check(deploymentSchema, value, place);
}
