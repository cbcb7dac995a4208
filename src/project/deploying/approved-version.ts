/** The version that a deployment names, if its release approves it: judged when it is deployed, not as it was when the alias moved. */
import { hashOf, withDetails } from "../../base/index.ts";
import { type DeployedVersion, deployErrors } from "../../deploy/index.ts";
import type { FilesReader } from "../../nn/index.ts";
import { approvalsOf, checkVersion, evidenceOf, judgeRelease, type ReleaseVerdict } from "../../registry/index.ts";
import { type ArtifactReader, contentDigest, holderOf, isArchived, listGuards, openArtifact } from "../../store/index.ts";
import { progressFor, type Watch } from "../call.ts";
import { type NamedModelVersion, namedVersion } from "../models/named-version.ts";
import { digestOf, modelDigests } from "../models/paths.ts";
import { type ProjectFile, projectFile } from "../project-file.ts";
import { versionFiles } from "../serving/open-version.ts";
import type { Workplace } from "../workspace.ts";

export interface ApprovalOptions {
  /** Deploy an archived version too, where the project has no release rules for the model. */
  readonly unapproved?: boolean | undefined;
}

export interface VersionToDeploy extends AsyncDisposable {
  readonly deployed: DeployedVersion;
  readonly artifact: ArtifactReader;
  readonly files: FilesReader;
  /** Whose `serve` guards responses. */
  readonly project: ProjectFile | undefined;
}

interface Approval {
  readonly alias: string | null;
  readonly digest: string | null;
}

const refuse = (place: string, message: string, hint: string) => deployErrors.fail("unapproved", { place, message, hint });

/** Where no release has a say: an archived version alone is refused. */
async function withoutRules(named: NamedModelVersion, place: string, alias: string | null, isAllowed: boolean): Promise<Approval> {
  const { store, model, version } = named;
  if (!isAllowed && (await isArchived(store.records.read, model, version.number)))
    throw refuse(
      place,
      "it is archived",
      `\`loam models archive ${model}@${version.number} --undo\` puts it back; --unapproved deploys it anyway.`,
    );
  return { alias, digest: null };
}

const unmet = (alias: string, { gates }: ReleaseVerdict): string =>
  gates
    .filter(g => !g.passed)
    .map(g => `${alias}: "${g.gate}" is not met (${g.told})`)
    .join("; ");

/** Errors: deploy/unapproved, deploy/wish. */
async function approvalOf(named: NamedModelVersion, given: string, { unapproved = false }: ApprovalOptions): Promise<Approval> {
  const { store, model, version } = named;
  const db = store.records.read;
  const which = given.split("@")[1] ?? "latest";
  const place = `${model}@${version.number}`;
  const guards = (await listGuards(db)).filter(g => g.rules.models?.includes(model) ?? true);
  const asked = /^\d+$/.test(which) ? null : which;
  if (guards.length === 0) return withoutRules(named, place, asked, unapproved);
  if (unapproved)
    throw deployErrors.fail("wish", {
      place: "loam deploy: --unapproved",
      expected: "a project without release rules for the model",
      received: `releases: ${guards.map(g => g.alias).join(", ")}`,
      hint: "Meet what the release asks for: `loam models gates` lists it.",
    });
  const held = await Promise.all(guards.map(async g => (await holderOf(db, model, g.alias)) === version.number));
  const judged = guards.filter((g, i) => held[i] && (g.alias === which || !guards.some(x => x.alias === which)));
  if (judged.length === 0)
    throw refuse(
      place,
      `no release approves it: ${guards.map(g => g.alias).join(", ")} ${guards.length === 1 ? "points" : "point"} at other versions`,
      `Promote it first: loam models promote ${place} ${guards[0]!.alias}.`,
    );
  const verdicts: { readonly alias: string; readonly verdict: ReleaseVerdict }[] = [];
  for (const guard of judged) {
    const verdict = await judgeRelease(store, guard, guard.alias, version);
    if (verdict.passed) {
      const approvals = (await approvalsOf(db, version, guard.alias)).map(({ role, by, signedBy }) => ({ role, by, signedBy }));
      const gates = verdict.gates.map(({ gate, passed }) => ({ gate, passed }));
      return { alias: guard.alias, digest: hashOf({ rules: verdict.rules, alias: guard.alias, gates, approvals }) };
    }
    verdicts.push({ alias: guard.alias, verdict });
  }
  throw withDetails(
    refuse(
      place,
      verdicts.map(v => unmet(v.alias, v.verdict)).join("; "),
      `\`loam models gates ${place}\` shows the requirements of the release.`,
    ),
    { model, version: version.number, verdicts },
  );
}

/**
 * A target without guards is a version alone: responses that `serve` of loam.yaml refuses would be given there. Errors: deploy/wish, unless the user asks for it,
 * which is a warning.
 */
export function refuseGuards({ project }: Pick<VersionToDeploy, "project">, target: string, isAllowed: boolean, watch: Watch): void {
  const settings = (["blocked", "moderate"] as const).filter(s => project?.config.serve?.[s] !== undefined).map(s => `serve.${s}`);
  if (settings.length === 0) return;
  if (!isAllowed)
    throw deployErrors.fail("wish", {
      place: `loam deploy ${target}`,
      expected: "a project whose responses are not guarded: the target runs the model alone, without block lists and moderation",
      received: `${settings.join(" and ")} of ${projectFile}`,
      hint: "Deploy it as an image or a function, which carry the guards; or add --without-guards to give out what they refuse.",
    });
  watch.emit({
    event: "warning",
    message: `loam: ${projectFile}: ${settings.join(" and ")} ${settings.length === 1 ? "is" : "are"} not part of the deployment (--without-guards): it gives responses that \`loam serve\` refuses.`,
  });
}

/** Errors: deploy/unapproved, deploy/wish, registry/tampered, store/notFound, store/blobMissing, project/model for an adapter. */
export async function versionToDeploy(at: Workplace, given: string, options: ApprovalOptions, watch: Watch): Promise<VersionToDeploy> {
  const named = await namedVersion(at, given);
  try {
    const { store, model, version } = named;
    const approval = await approvalOf(named, given, options);
    const { files } = await versionFiles(store, `${model}@${version.number}`);
    await checkVersion(store, version, { progress: progressFor(watch, "verify"), signal: watch.signal });
    const artifact = await openArtifact(store, version.artifact);
    const evidence = (await evidenceOf(store, [version])).sort();
    const deployed: DeployedVersion = {
      model,
      version: version.number,
      alias: approval.alias,
      fingerprint: contentDigest(artifact.files),
      servedDigest: digestOf(await modelDigests(files, watch.signal)),
      artifact: version.artifact,
      createdMs: version.createdMs,
      files: artifact.files.map(({ name, digest, sizeBytes }) => ({ name, digest, sizeBytes })),
      evaluations: evidence.length === 0 ? null : hashOf(evidence),
      approval: approval.digest,
    };
    return { deployed, artifact, files, project: named.project, [Symbol.asyncDispose]: () => named[Symbol.asyncDispose]() };
  } catch (error) {
    await named[Symbol.asyncDispose]();
    throw error;
  }
}
