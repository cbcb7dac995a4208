/** What the artifact store knows of a deployment: its acts in the log (who, when, which plan), and the approvals of the version that is deployed. */
import { z } from "zod";
import { isLoamError, sha256 } from "../../../base/index.ts";
import { type Deployment, deploymentText } from "../../../deploy/index.ts";
import { approvalsOf } from "../../../registry/index.ts";
import { evaluationMarks } from "../../../store/index.ts";
import { namedVersion } from "../../models/named-version.ts";
import type { Workplace } from "../../workspace.ts";
import type { Current, FileDeployment } from "./named.ts";

/** Acts that a status lists. */
const mostActs = 100;

const recordedAct = z.object({
  deployment: z.string(),
  act: z.string(),
  generation: z.int(),
  /** SHA-256 of `loam-deployment.json`. */
  plan: z.string(),
  by: z.string(),
  /** `by` is an account that a server has checked. */
  isVerified: z.literal(true).optional(),
});

/** `apply`, `rollback`, `switch` or `retire`, as the log has it. */
export interface DeploymentAct {
  readonly act: string;
  readonly atMs: number;
  readonly by: string;
  /** `by` is an account that a server has checked; false: the user's name on the machine that ran it. */
  readonly isVerified: boolean;
  readonly generation: number;
  readonly version: number;
  /** SHA-256 of the generation's `loam-deployment.json`. */
  readonly plan: string;
}

export interface DeploymentApproval {
  readonly alias: string;
  readonly role: string;
  readonly by: string;
  /** Signed, or given by an account that a server has checked. */
  readonly isVerified: boolean;
  /** Of the key that signed it; null where it is unsigned. */
  readonly signedBy: string | null;
  readonly atMs: number;
}

/** The current generation. */
export interface DeployedRecord {
  readonly version: number;
  /** The alias whose release approved it; null where it was named by its number. */
  readonly alias: string | null;
  /** SHA-256 over the list of the version's files: what signatures are over. */
  readonly fingerprint: string;
  /** SHA-256 of `loam-deployment.json`, which has the digest of each file. */
  readonly plan: string;
  /** The newest act that made it the current generation; null where the log has none. */
  readonly since: DeploymentAct | null;
  /** Of the version now, for the alias; of one that was named by its number, for all aliases. */
  readonly approvals: readonly DeploymentApproval[];
}

export interface DeploymentRecord {
  readonly deployed: DeployedRecord | null;
  /** The newest first. */
  readonly acts: readonly DeploymentAct[];
}

const nothing: DeploymentRecord = { deployed: null, acts: [] };

async function recordAt(at: Workplace, name: string, { generation, deployment }: Current): Promise<DeploymentRecord> {
  const { model, version, alias, fingerprint } = deployment;
  await using of = await namedVersion(at, `${model}@${version}`);
  const db = of.store.records.read;
  const acts = (await evaluationMarks(db, model))
    .flatMap((m): DeploymentAct[] => {
      const read = m.kind === "deployment" ? recordedAct.safeParse(m.value).data : undefined;
      if (read?.deployment !== name) return [];
      const { deployment: _, isVerified = false, ...act } = read;
      return [{ ...act, isVerified, version: m.number, atMs: m.atMs }];
    })
    .reverse();
  const plan = sha256(deploymentText(deployment));
  const since = acts.find(a => a.generation === generation && a.plan === plan) ?? null;
  const approvals = (await approvalsOf(db, of.version, alias ?? undefined)).map(({ note: _, ...a }) => a);
  return { deployed: { version, alias, fingerprint, plan, since, approvals }, acts: acts.slice(0, mostActs) };
}

/** A version that the artifact store has no more is deployed all the same: then nobody is known to have approved it. */
export async function deploymentRecord(
  at: Workplace,
  { name }: Pick<FileDeployment, "name">,
  current: Current | undefined,
): Promise<DeploymentRecord> {
  if (!current) return nothing;
  try {
    return await recordAt(at, name, current);
  } catch (error) {
    if (!isLoamError(error, "store/notFound")) throw error;
    return { deployed: recordOfFolder(current.deployment), acts: [] };
  }
}

const recordOfFolder = (d: Deployment): DeployedRecord => ({
  version: d.version,
  alias: d.alias,
  fingerprint: d.fingerprint,
  plan: sha256(deploymentText(d)),
  since: null,
  approvals: [],
});
