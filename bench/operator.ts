/**
 * The operator on the real cluster of KUBECONFIG: SIGKILLs at random moments, and a thousand LoamModels changed at once (Deployments of 0 pods: pods are the
 * cluster's work, not the operator's). Argument: `kills` or `thousand` runs that part alone.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { environment, pause, random } from "../src/base/index.ts";
import {
  type KubernetesClient,
  type KubernetesObject,
  type KubernetesResource,
  kubernetesResources,
  mirrorResource,
  openKubernetesAccount,
  openKubernetesClient,
} from "../src/kubernetes/index.ts";
import { packageFolder } from "../src/project/package.ts";
import { type BenchContext, type BenchResult, digits } from "./harness.ts";

const program = join(packageFolder, "bin", "loam.js");
const models: KubernetesResource = { apiVersion: "loam.dev/v1alpha1", kind: "LoamModel", plural: "loammodels", isNamespaced: true };
const { deployments, namespaces } = kubernetesResources;
const namespace = "loam-bench";

interface Model extends KubernetesObject {
  readonly spec: { readonly version: string };
  readonly status?: { readonly observedGeneration?: number; readonly stable?: { readonly image: string } };
}
interface Deployed extends KubernetesObject {
  readonly spec: { readonly template: { readonly spec: { readonly containers: readonly { readonly image: string }[] } } };
}

const start = (leaseSeconds: number): ChildProcess =>
  spawn(
    process.execPath,
    [program, "deploy", "operator", "--run", "--watch", namespace, "--namespace", namespace, "--lease-seconds", String(leaseSeconds)],
    {
      stdio: ["ignore", "ignore", "ignore"],
    },
  );

const put = (client: KubernetesClient, name: string, version: string) =>
  client.apply(models, { metadata: { name, namespace }, spec: { image: "localhost/app", version, replicas: 0 } } as KubernetesObject, {
    fieldManager: "bench",
    force: true,
  });

async function pool<T>(items: readonly T[], workers: number, work: (item: T) => Promise<unknown>): Promise<void> {
  let at = 0;
  await Promise.all(
    Array.from({ length: workers }, async () => {
      while (at < items.length) await work(items[at++]!);
    }),
  );
}

interface Following {
  /** Whether nothing is behind within this time. */
  settled(mostMs: number): Promise<boolean>;
  stop(): void;
}

/** A watch: repeated lists would load the API server more than the operator does. */
async function follow(client: KubernetesClient): Promise<Following> {
  const stopped = new AbortController();
  const options = { namespace, signal: stopped.signal };
  const wished = mirrorResource<Model>(client, models, options, () => {});
  const there = mirrorResource<Deployed>(client, deployments, options, () => {});
  for (const { done } of [wished, there]) done.catch(() => {});
  await Promise.all([wished.listed, there.listed]);
  /** Whether its Deployment or status is not what the model says. */
  const isBehind = ([key, { spec, status, metadata }]: readonly [string, Model]): boolean => {
    const image = `localhost/app:${spec.version}`;
    return (
      there.objects.get(key)?.spec.template.spec.containers[0]?.image !== image ||
      status?.stable?.image !== image ||
      status.observedGeneration !== metadata.generation
    );
  };
  return {
    async settled(mostMs) {
      for (const end = Date.now() + mostMs; Date.now() < end; await pause(50)) if (![...wished.objects].some(isBehind)) return true;
      return false;
    },
    stop: () => stopped.abort(),
  };
}

async function kills(client: KubernetesClient, count: number): Promise<{ readonly kills: number; readonly isWished: boolean }> {
  const draw = random("kills");
  const names = Array.from({ length: 8 }, (_, i) => `k${i}`);
  let child = start(1);
  for (let i = 0; i < count; i++) {
    for (const name of names) if (draw.uniform() < 0.6) await put(client, name, String(draw.below(1000)));
    // from before it is there to after it has done all
    await pause(draw.below(4000));
    child.kill("SIGKILL");
    child = start(1);
  }
  const following = await follow(client);
  const isWished = await following.settled(120_000);
  following.stop();
  child.kill("SIGKILL");
  return { kills: count, isWished };
}

const operatorRequests = {
  "Deployment, apply": /resource="deployments".*verb="APPLY"/,
  "Service, apply": /resource="services".*verb="APPLY"/,
  "LoamModel, status": /resource="loammodels".*subresource="status".*verb="PUT"/,
  "Event, create": /group="events.k8s.io".*resource="events".*verb="POST"/,
};

/** Requests that the API server had, of those that the operator makes. */
async function requests(client: KubernetesClient): Promise<Readonly<Record<string, number>>> {
  const lines = (await client.text("/metrics", { timeoutMs: 60_000 })).split("\n").filter(l => l.startsWith("apiserver_request_total{"));
  const count = (pattern: RegExp) => lines.filter(l => pattern.test(l)).reduce((sum, l) => sum + Number(l.slice(l.lastIndexOf(" "))), 0);
  return Object.fromEntries(Object.entries(operatorRequests).map(([name, pattern]) => [name, count(pattern)]));
}

async function thousand(client: KubernetesClient, count: number) {
  const names = Array.from({ length: count }, (_, i) => `m${i}`);
  const child = start(15);
  await pool(names, 16, name => put(client, name, "1"));
  const following = await follow(client);
  const isCreated = await following.settled(300_000);
  await pause(2000);
  const before = await requests(client);
  const began = performance.now();
  await pool(names, 32, name => put(client, name, "2"));
  const changed = performance.now();
  const isSettled = await following.settled(300_000);
  const last = isSettled ? performance.now() : Number.POSITIVE_INFINITY;
  following.stop();
  await pause(2000);
  const made = Object.entries(await requests(client)).map(([name, n]) => [name, digits((n - before[name]!) / count)] as const);
  child.kill("SIGTERM");
  return {
    isCreated,
    changeSeconds: digits((changed - began) / 1000),
    lastSeconds: digits((last - changed) / 1000),
    wholeSeconds: digits((last - began) / 1000),
    requestsPerObject: Object.fromEntries(made),
  };
}

export async function run({ only, scale }: BenchContext): Promise<BenchResult> {
  const client = openKubernetesClient(openKubernetesAccount(environment()));
  const folder = mkdtempSync(join(tmpdir(), "loam-operator-"));
  try {
    execFileSync(process.execPath, [program, "deploy", "operator", "--to", join(folder, "operator"), "--image", "localhost/app:1"]);
    execFileSync("kubectl", ["apply", "--server-side", "-f", join(folder, "operator", "00-crd.yaml")]);
    execFileSync("kubectl", ["wait", "--for=condition=established", "--timeout=60s", "crd/loammodels.loam.dev"]);
    await client.create(namespaces, { metadata: { name: namespace } }).catch(() => {});
    const [part] = only;
    const crashed = part === "thousand" ? undefined : await kills(client, Math.ceil(100 * scale));
    const many = part === "kills" ? undefined : await thousand(client, Math.ceil(1000 * scale));
    return {
      method: "Node, the built command line as operator, one real API server of the cluster of KUBECONFIG; LoamModels of 0 replicas",
      ours: {
        ...(crashed ? { crashed } : {}),
        ...(many ? { many } : {}),
      },
      peers: {},
      ratios: {},
      bars: [
        ...(crashed
          ? [
              {
                name: "100 SIGKILLs at random moments end in the wished state",
                want: "true",
                got: String(crashed.isWished),
                holds: crashed.isWished,
              },
            ]
          : []),
        ...(many
          ? [
              {
                name: "1,000 LoamModels changed at once: the last object is written",
                want: "<= 10 s",
                got: `${many.lastSeconds} s`,
                holds: many.lastSeconds <= 10,
              },
            ]
          : []),
      ],
    };
  } finally {
    // a cluster that never had the resource is a failure of its own
    const { items } = await client.list<Model>(models, { namespace }).catch(() => ({ items: [] }));
    await pool(items, 16, m =>
      client
        .patch(models, { name: m.metadata.name!, namespace }, { metadata: { finalizers: [] } })
        .then(() => client.delete(models, { name: m.metadata.name!, namespace })),
    );
    await client.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
