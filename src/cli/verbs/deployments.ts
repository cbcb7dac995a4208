/** `loam deploy plan | apply | diff | status | rollback`: deployments of loam.yaml. */
import {
  applyDeployments,
  type DeploymentDiff,
  type DeploymentStatus,
  deploymentStatus,
  diffDeployments,
  type PlannedDeployment,
  planDeployments,
  retireDeployment,
  rollbackDeployment,
  type SwitchedDeployment,
  switchDeployment,
} from "../../project/deploying/index.ts";
import { columns } from "../columns.ts";
import { numberOption } from "../options.ts";
import type { Output } from "../output.ts";
import { quietWatchOf } from "../show-call.ts";
import type { Context, VerbRun } from "../verb.ts";
import { workplaceOf } from "../verb-folder.ts";

const signs = { added: "+", changed: "~", removed: "-" } as const;
/** Files that a list names; the rest is a number. */
const shownFiles = 12;

function writeFiles(out: Output, files: PlannedDeployment["changes"]): void {
  for (const { path, change } of files.slice(0, shownFiles)) out.line(`    ${signs[change]} ${path}`);
  if (files.length > shownFiles) out.line(`    and ${files.length - shownFiles} more files`);
}

const writeWishes = (out: Output, wishes: PlannedDeployment["wishes"]): void => {
  for (const { key, from, to } of wishes) out.line(`    ${key}: ${from ?? "absent"} -> ${to ?? "absent"}`);
};

const versions = (deployed: number | null, next: number | null): string =>
  deployed === next ? `version ${next}` : `version ${deployed ?? "none"} -> ${next ?? "none"}`;

const none = "  loam.yaml has no deployments: add one under deploy.deployments";

export const deployPlanVerb: VerbRun = async (context, [name], options) => {
  const { out } = context;
  const planned = await planDeployments(workplaceOf(context, options), name, quietWatchOf(context));
  out.clear();
  for (const p of planned) {
    out.line(`  ${p.name}   ${p.target}   ${p.model}   ${versions(p.deployedVersion, p.version)}`);
    writeWishes(out, p.wishes);
    writeFiles(out, p.changes);
    if (p.changes.length === 0) out.line("    no changes");
  }
  if (planned.length === 0) out.line(none);
  out.result({ deployments: planned });
};

export const deployApplyVerb: VerbRun = async (context, [name], options) => {
  const { out } = context;
  const applied = await applyDeployments(workplaceOf(context, options), name, quietWatchOf(context));
  out.clear();
  for (const a of applied)
    out.line(`  ${a.name}   ${versions(a.deployedVersion, a.version)}   generation ${a.generation}${a.changed ? "" : ", no changes"}`);
  if (applied.length === 0) out.line(none);
  out.result({ deployments: applied });
};

function writeCluster(out: Output, { cluster }: Pick<DeploymentDiff, "cluster">): void {
  if (!cluster) return;
  if ("unreachable" in cluster) {
    out.line(`    cluster: ${cluster.unreachable}`);
    return;
  }
  for (const { object, drift, fields } of cluster.drift) {
    out.line(`    cluster: ${object} ${drift}`);
    for (const f of fields.slice(0, shownFiles))
      out.line(`      ${f.path}: there ${f.there ?? "absent"}, manifest ${f.manifest ?? "absent"}`);
  }
  for (const r of cluster.rollouts)
    if (!r.isComplete) out.line(`    cluster: ${r.object} rolling out: ${r.ready} of ${r.wanted} ready, ${r.updated} updated`);
}

export const deployDiffVerb: VerbRun = async (context, [name], options) => {
  const { out } = context;
  const diffs = await diffDeployments(workplaceOf(context, options), name, quietWatchOf(context));
  out.clear();
  for (const d of diffs) {
    out.line(`  ${d.name}   ${d.target}   ${d.model}   ${d.isSame ? "no differences" : versions(d.deployedVersion, d.registryVersion)}`);
    writeWishes(out, d.wishes);
    writeFiles(out, d.files);
    writeCluster(out, d);
  }
  if (diffs.length === 0) out.line(none);
  out.result({ deployments: diffs });
};

const colorsText = ({ live, idle }: SwitchedDeployment["colors"]): string =>
  `${live.color} with version ${live.version} gets the requests${idle ? `; ${idle.color} with version ${idle.version} does not` : ""}`;

function writeSwitched({ out }: Context, switched: SwitchedDeployment): void {
  out.clear();
  out.line(`  ${switched.name}   ${switched.model}   ${colorsText(switched.colors)}   generation ${switched.generation}`);
  out.result(switched);
}

export const deploySwitchVerb: VerbRun = async (context, [name = ""], options) =>
  writeSwitched(
    context,
    await switchDeployment(
      workplaceOf(context, options),
      name,
      {
        waitSeconds: numberOption(options, "wait", "deploy switch", { least: 0, most: 86_400 }),
        unapproved: options.unapproved === true,
        probe: options.probe !== false,
      },
      quietWatchOf(context),
    ),
  );

export const deployRetireVerb: VerbRun = async (context, [name = ""], options) =>
  writeSwitched(context, await retireDeployment(workplaceOf(context, options), name, quietWatchOf(context)));

const nameOf = ({ by, isVerified }: { readonly by: string; readonly isVerified: boolean }): string =>
  isVerified ? by : `${by} (unverified)`;

/** Who deployed it when, who approved it, and the digests to compare a copy with. */
function writeRecord(out: Output, { name, deployed }: DeploymentStatus): void {
  if (!deployed) return;
  const { since, approvals, fingerprint, plan } = deployed;
  const at = since && new Date(since.atMs).toISOString().slice(0, 19).replace("T", " ");
  const when = since ? `${since.act} ${at} by ${nameOf(since)}` : "no act in the log";
  const approved = approvals.length === 0 ? "none" : approvals.map(a => `${nameOf(a)} as ${a.role} for ${a.alias}`).join(", ");
  out.line(`    ${name}: ${when}; approvals: ${approved}`);
  out.line(`    ${name}: fingerprint ${fingerprint.slice(0, 12)}, digest ${plan.slice(0, 12)}`);
}

export const deployStatusVerb: VerbRun = async (context, [name], options) => {
  const { out } = context;
  const all = await deploymentStatus(workplaceOf(context, options), name, quietWatchOf(context));
  out.clear();
  const podsOf = (s: (typeof all)[number]): string =>
    s.cluster && "rollouts" in s.cluster ? s.cluster.rollouts.map(r => `${r.ready}/${r.wanted}`).join(" ") || "-" : "-";
  const rows = all.map(s => [
    s.name,
    s.target,
    s.model,
    s.state,
    String(s.deployedVersion ?? "-"),
    String(s.registryVersion ?? "-"),
    String(s.generation ?? "-"),
    podsOf(s),
  ]);
  if (all.length === 0) out.line(none);
  else out.line(columns([["deployment", "target", "model", "state", "deployed", "registry", "generation", "pods"], ...rows], 4));
  for (const s of all) {
    writeRecord(out, s);
    if (s.colors) out.line(`    ${s.name}: ${colorsText(s.colors)}`);
    writeCluster(out, s);
  }
  out.result({ deployments: all });
};

export const deployRollbackVerb: VerbRun = async (context, [name = ""], options) => {
  const { out } = context;
  const back = await rollbackDeployment(
    workplaceOf(context, options),
    name,
    {
      to: numberOption(options, "generation", "deploy rollback", { least: 1, most: 1e9, whole: true }),
      unapproved: options.unapproved === true,
    },
    quietWatchOf(context),
  );
  const { from, to, model } = back;
  out.line(`  ${name}   ${model}   version ${from.version} -> ${to.version}   generation ${from.generation} -> ${to.generation}`);
  out.result(back);
};
