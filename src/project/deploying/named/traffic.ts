/**
 * Requests to a color: the selectors of a blue/green deployment's Services, applied to the cluster once the pods of that color are there as they were written and
 * are all ready. Nothing else of the cluster is touched.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { environment } from "../../../base/index.ts";
import { colorLabel, colorsOf, type Deployment, deployErrors, otherColor, type PodColor } from "../../../deploy/index.ts";
import { type KubernetesClient, openKubernetesAccount, openKubernetesClient } from "../../../kubernetes/index.ts";
import { type ClusterManifest, clusterView, fieldManager, manifestsOf } from "./cluster.ts";
import { type ProbedPods, unansweredPod } from "./probe-pods.ts";

const pollMs = 1000;

interface TrafficWishes {
  /** Called when the pods are ready, before requests go to them. */
  readonly act: () => Promise<void>;
  readonly signal: AbortSignal;
  /** How long pods that are not ready are waited for. Default: 0. */
  readonly waitMs?: number | undefined;
  /** Each pod is asked for a response before requests go to it. Default: no. */
  readonly isProbed?: boolean | undefined;
}

const notReady = (place: string, expected: string, received: string, hint: string) =>
  deployErrors.fail("notReady", { place, expected, received, hint });

const isOf = ({ object }: ClusterManifest, color: PodColor): boolean => object.metadata.labels?.[colorLabel] === color;

/** Why requests cannot go to these objects' pods; undefined where they can. Errors: kubernetes/*. */
async function missingOf(client: KubernetesClient, objects: readonly ClusterManifest[], signal: AbortSignal): Promise<string | undefined> {
  const { drift, rollouts } = await clusterView(client, objects, signal);
  const [changed] = drift;
  if (changed) return `${changed.object}, which is ${changed.drift}${changed.fields[0] ? ` (${changed.fields[0].path})` : ""}`;
  const late = rollouts.find(r => !r.isComplete);
  return late && `${late.object} with ${late.ready} of ${late.wanted} pods ready, ${late.updated} of them updated`;
}

const missingPods = (place: string, missing: string, folder: string) =>
  notReady(
    place,
    "every pod of the color ready, as it was written",
    missing,
    `Apply the manifests of ${folder} with kubectl, or wait: \`loam deploy switch --wait 300\`.`,
  );

const silentPods = (place: string, silent: string) =>
  notReady(
    place,
    "a response from every pod of the color",
    silent,
    "Look at the pod's log. Requests to pods go through the API server (`get` and `create` of pods/proxy); where it has no way to pods, add --no-probe.",
  );

interface DeploymentObject {
  readonly spec?: { readonly selector?: { readonly matchLabels?: Readonly<Record<string, string>> } };
}

/** Pods of a color as its Deployment in the manifests selects them. */
function probedPods(deployment: Deployment, pods: readonly ClusterManifest[]): ProbedPods | undefined {
  const object = pods.find(m => m.resource.kind === "Deployment")?.object as (DeploymentObject & ClusterManifest["object"]) | undefined;
  const { apiKeySecret } = deployment.wishes;
  return (
    object && {
      namespace: object.metadata.namespace,
      labels: object.spec?.selector?.matchLabels ?? {},
      model: deployment.model,
      apiKeySecret: typeof apiKeySecret === "string" ? apiKeySecret : undefined,
    }
  );
}

/**
 * False where there is nothing to send: no blue/green deployment, or no KUBECONFIG. Errors: deploy/notReady, kubernetes/*.
 */
export async function sendTraffic(
  folder: string,
  deployment: Deployment,
  { act, signal, waitMs = 0, isProbed = false }: TrafficWishes,
): Promise<boolean> {
  const variables = environment();
  const colors = colorsOf(deployment);
  if (!colors || !variables.KUBECONFIG) return false;
  const manifests = manifestsOf(folder, deployment);
  const client = openKubernetesClient(openKubernetesAccount(variables, {}));
  try {
    const pods = manifests.filter(m => isOf(m, colors.live));
    const end = Date.now() + waitMs;
    const place = `${deployment.model}: ${colors.live}`;
    const probed = isProbed ? probedPods(deployment, pods) : undefined;
    for (;;) {
      const missing = await missingOf(client, pods, signal);
      const silent = missing === undefined && probed ? await unansweredPod(client, probed, signal) : undefined;
      if (missing === undefined && silent === undefined) break;
      if (Date.now() >= end) throw missing === undefined ? silentPods(place, silent!) : missingPods(place, missing, folder);
      await sleep(pollMs, undefined, { signal });
    }
    await act();
    for (const { resource, object } of manifests.filter(m => m.resource.kind === "Service"))
      await client.apply(resource, object, { fieldManager, force: true, signal });
    return true;
  } finally {
    await client.close();
  }
}

/** Deletes the objects of the color that gets no requests, as the folder has them. False without KUBECONFIG. Errors: kubernetes/*. */
export async function deleteIdle(folder: string, deployment: Deployment, signal: AbortSignal): Promise<boolean> {
  const variables = environment();
  const colors = colorsOf(deployment);
  if (!colors || !variables.KUBECONFIG) return false;
  const client = openKubernetesClient(openKubernetesAccount(variables, {}));
  const isPreview = ({ resource, object }: ClusterManifest) => resource.kind === "Service" && object.metadata.name.endsWith("-preview");
  try {
    for (const m of manifestsOf(folder, deployment).filter(x => isOf(x, otherColor(colors.live)) || isPreview(x))) {
      const at = { name: m.object.metadata.name, namespace: m.object.metadata.namespace };
      if (await client.find(m.resource, at, { signal })) await client.delete(m.resource, at, { signal });
    }
    return true;
  } finally {
    await client.close();
  }
}
