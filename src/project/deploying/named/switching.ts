/** The two acts of a blue/green deployment: requests to the new color, and the end of the old one. Both are generations, so going back is `rollback`. */
import { rmSync } from "node:fs";
import { environment } from "../../../base/index.ts";
import { type ColorWishes, colorsOf, deployErrors, type ReadPlan, retiredPlan, switchedPlan } from "../../../deploy/index.ts";
import type { Watch } from "../../call.ts";
import type { Workplace } from "../../workspace.ts";
import { versionToDeploy } from "../approved-version.ts";
import { writeDeployment } from "../plan-folder.ts";
import { readPlan } from "../read-plan.ts";
import { editedFiles } from "./compare.ts";
import { type DeploymentColors, deploymentColors } from "./deployments.ts";
import { dropOldGenerations, generationFolder, listGenerations, switchTo } from "./generations.ts";
import { type Current, currentOf, type FileDeployment, logDeploymentAct, namedDeployments } from "./named.ts";
import { deleteIdle, sendTraffic } from "./traffic.ts";

export interface SwitchedDeployment {
  readonly name: string;
  readonly model: string;
  readonly generation: number;
  readonly colors: DeploymentColors;
}

const wrong = (name: string, expected: string, received: string, hint?: string) =>
  deployErrors.fail("deployment", { place: name, expected, received, ...(hint === undefined ? {} : { hint }) });

interface Colored {
  readonly named: FileDeployment;
  readonly current: Current;
  readonly colors: ColorWishes;
  readonly plan: ReadPlan;
}

/** Errors: project/argument, deploy/deployment for one that is not blue/green, was never applied, or was edited. */
async function coloredDeployment(at: Workplace, name: string): Promise<Colored> {
  const [named] = namedDeployments(at, name) as [FileDeployment];
  const current = currentOf(named);
  const colors = current && colorsOf(current.deployment);
  if (!current || !colors)
    throw wrong(
      name,
      "a blue/green deployment that was applied",
      current ? "another strategy" : "none",
      "Set wishes.strategy: blue-green, then run `loam deploy apply`.",
    );
  const [edited] = await editedFiles(current.folder, current.deployment);
  if (edited) throw wrong(name, "a generation as it was written", `${edited.path} ${edited.change}`, "Run `loam deploy apply`.");
  return { named, current, colors, plan: readPlan(current.folder, current.deployment) };
}

/** Writes the next generation, which becomes the current one after `act`. */
async function nextGeneration(
  { named, plan }: Colored,
  next: ReturnType<typeof switchedPlan>,
  act: (generation: number, folder: string) => Promise<void>,
): Promise<SwitchedDeployment> {
  const { folder, shown, name } = named;
  const generation = (listGenerations(folder, shown).numbers.at(-1) ?? 0) + 1;
  const to = generationFolder(folder, generation);
  writeDeployment(next.deployment, next, { cwd: folder, to });
  try {
    await act(generation, to);
  } catch (error) {
    rmSync(to, { recursive: true, force: true });
    throw error;
  }
  switchTo(folder, generation);
  dropOldGenerations(folder, listGenerations(folder, shown));
  const colors = deploymentColors(colorsOf(next.deployment)!, plan.deployment.version);
  return { name, model: plan.deployment.model, generation, colors };
}

export interface SwitchOptions {
  /** For pods that are not ready or do not answer. Default: 0. */
  readonly waitSeconds?: number | undefined;
  readonly unapproved?: boolean | undefined;
  /** Asks each pod of the new color for a response first, through the API server's proxy. Default: true. */
  readonly probe?: boolean | undefined;
}

/**
 * Sends requests to the new color, once the version's release holds for it now and its pods are all ready and answer in the cluster of `KUBECONFIG`. Errors:
 * deploy/deployment, deploy/notReady, deploy/unapproved, kubernetes/*.
 */
export async function switchDeployment(
  at: Workplace,
  name: string,
  { waitSeconds = 0, unapproved, probe = true }: SwitchOptions,
  watch: Watch,
): Promise<SwitchedDeployment> {
  const colored = await coloredDeployment(at, name);
  const { colors, plan, named } = colored;
  const { model, version } = plan.deployment;
  if (colors.color === colors.live)
    throw wrong(
      name,
      "a new color that waits",
      `${colors.live} with version ${version}, which has the requests already`,
      "`loam deploy apply` brings a version.",
    );
  if (!environment().KUBECONFIG)
    throw wrong(name, "KUBECONFIG with the cluster of the deployment", "none", "The state of the pods is read from it.");
  // what the release asks for, measured or approved, holds at the switch
  await using _ = await versionToDeploy(at, `${model}@${version}`, { unapproved }, watch);
  return await nextGeneration(colored, switchedPlan(plan, colors), async (generation, folder) => {
    const act = () => logDeploymentAct(at, "switch", named, generation, plan.deployment);
    await sendTraffic(folder, switchedPlan(plan, colors).deployment, {
      act,
      signal: watch.signal,
      waitMs: 1000 * waitSeconds,
      isProbed: probe,
    });
  });
}

/** Ends the old color: out of the manifests, and out of the cluster of `KUBECONFIG`. Errors: deploy/deployment, kubernetes/*. */
export async function retireDeployment(at: Workplace, name: string, watch: Watch): Promise<SwitchedDeployment> {
  const colored = await coloredDeployment(at, name);
  const { colors, plan, named, current } = colored;
  if (!colors.other) throw wrong(name, "an old color", `${colors.color} alone`);
  if (colors.color !== colors.live)
    throw wrong(name, "an old color without requests", `${colors.live}, which has them`, `Switch first: loam deploy switch ${name}`);
  return await nextGeneration(colored, retiredPlan(plan, colors), async generation => {
    await logDeploymentAct(at, "retire", named, generation, plan.deployment);
    await deleteIdle(current.folder, current.deployment, watch.signal);
  });
}
