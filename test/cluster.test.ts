/**
 * Real pods of `loam serve` on a real cluster of two nodes, changed under load by the phases of examples/cluster: requests over kept connections to the
 * Service and through a gateway that follows its endpoints, a third of them streams. Nothing is lost, cut, refused or answered twice, except what a pod that
 * is killed was answering.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { type RunningGateway, startGateway } from "../examples/cluster/gateway.js";
import {
  badCanary,
  canary,
  deadNode,
  deployFirst,
  drainNode,
  killPod,
  type Lab,
  type PhaseResult,
  rollBack,
  rollingUpdate,
  scale,
} from "../examples/cluster/phases.js";
import { parseYaml } from "../src/base/index.ts";
import { checkConfig } from "../src/gateway/index.ts";
import { program, root } from "./support/child.ts";
import { type Cluster, longClusterTest, openCluster } from "./support/cluster.ts";
import { importToys, nodeNumber, type Pod, podsOf, toyImage } from "./support/cluster-toy.ts";

const least = 120;
const model = "toy";

interface Opened {
  readonly cluster: Cluster;
  readonly folder: string;
  readonly gateway: RunningGateway;
  readonly lab: Lab;
}
let opened: Promise<Opened> | undefined;

/** YAML of docs/cluster.md that holds `word`. */
function fromPage(word: string): unknown {
  const page = readFileSync(join(root, "docs", "cluster.md"), "utf8");
  const found = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].find(([, text]) => text!.includes(word));
  return parseYaml(found![1]!, "docs/cluster.md");
}

test("the gateway's file in docs/cluster.md is right", async () => {
  const config = await checkConfig(fromPage("upstreams:"), "docs/cluster.md", root);
  expect(config.upstreams.get("mail")!.service).toEqual({ service: "mail-small", namespace: "models", port: "http" });
});

/** A kubeconfig of an account that has the rights in docs/cluster.md and no others. */
async function accountOf(cluster: Cluster, folder: string): Promise<string> {
  const { rules } = fromPage("rules:") as { readonly rules: readonly object[] };
  const [metadata, group] = [{ name: "gateway" }, "rbac.authorization.k8s.io"];
  await cluster.apply([
    { apiVersion: "v1", kind: "ServiceAccount", metadata },
    { apiVersion: `${group}/v1`, kind: "Role", metadata, rules },
    {
      apiVersion: `${group}/v1`,
      kind: "RoleBinding",
      metadata,
      roleRef: { apiGroup: group, kind: "Role", name: "gateway" },
      subjects: [{ kind: "ServiceAccount", name: "gateway", namespace: "default" }],
    },
  ]);
  const token = (await cluster.kubectl(["create", "token", "gateway", "--duration=2h"])).trim();
  const path = join(folder, "kubeconfig");
  const admin = readFileSync(cluster.kubeconfig, "utf8");
  writeFileSync(path, admin.replace(/token: [^}]+/, `token: ${token}`));
  return path;
}

/** One cluster for the file, with the first version and a gateway. */
async function open(): Promise<Opened> {
  const cluster = await openCluster({ nodes: 2 });
  const folder = mkdtempSync(join(tmpdir(), "loam-cluster-gateway-"));
  await importToys(cluster);
  const nothing: RunningGateway = { url: "", key: "", split: async () => {}, close: async () => {} };
  const lab: Lab = {
    kubectl: (args, input) => cluster.kubectl(args, input),
    model,
    images: [toyImage(1), toyImage(2)],
    replicas: 2,
    clients: 6,
    gateway: nothing,
    serviceUrl: "",
    tokens: 12,
    longTokens: 1500,
    least,
    log: () => {},
  };
  await deployFirst(lab);
  const address = async (name: string) => `http://${await cluster.kubectl(["get", "service", name, "-o", "jsonpath={.spec.clusterIP}"])}`;
  const serviceUrl = await address(model);
  const gateway = await startGateway({
    loam: [process.execPath, program],
    folder,
    model,
    stableUrl: serviceUrl,
    canaryUrl: await address(`${model}-canary`),
    env: { ...process.env, ...cluster.env, KUBECONFIG: await accountOf(cluster, folder), HOME: folder, LOAM_HOME: folder },
    log: () => {},
  });
  return { cluster, folder, gateway, lab: { ...lab, serviceUrl, gateway } };
}
const all = (): Promise<Opened> => (opened ??= open());
afterAll(async () => {
  if (!opened) return;
  const { cluster, folder, gateway } = await opened;
  await gateway.close();
  await cluster.close();
  rmSync(folder, { recursive: true, force: true });
});

const clean = { lost: 0, cut: 0, refused: 0, twice: 0, mixed: 0, failures: [] };
function expectClean(result: PhaseResult): void {
  expect(result).toMatchObject(clean);
  expect(result.requests).toBeGreaterThanOrEqual(2 * least);
  expect(result.streams).toBeGreaterThan(result.requests / 4);
}
const ofToy = (cluster: Cluster): Promise<readonly Pod[]> => podsOf(cluster, `app.kubernetes.io/name=${model}`);

longClusterTest("a rolling update from one version to the next loses no request, and the next version answers", async () => {
  const { lab } = await all();
  const result = await rollingUpdate(lab);
  expectClean(result);
  expect(result.facts).toEqual({ images: [toyImage(2)] });
  // every pod of both versions was asked through the gateway
  expect(Object.keys(result.targets).length).toBeGreaterThanOrEqual(4);
  expect(result.long).toBeGreaterThan(0);
});

longClusterTest("a node that is drained loses no request", async () => {
  const { cluster, lab } = await all();
  const node = (await ofToy(cluster))[0]!.spec.nodeName;
  const result = await drainNode(lab, node);
  expectClean(result);
  expect(result.facts.nodes).not.toContain(node);
});

longClusterTest("a canary gets its share of the gateway's requests, and comes and goes without one lost", async () => {
  const { lab } = await all();
  const result = await canary(lab, 0);
  expectClean(result);
  const shares = result.facts.shares as Readonly<Record<string, number>>;
  expect(shares["0.1"]).toBeGreaterThan(0.04);
  expect(shares["0.1"]).toBeLessThan(0.2);
  expect(shares["0.5"]).toBeGreaterThan(0.35);
  expect(shares["0.5"]).toBeLessThan(0.65);
});

longClusterTest("a canary that does not start gets no request, and a rollout of it stops at its first pod and is taken back", async () => {
  const { lab } = await all();
  const first = await badCanary(lab);
  expectClean(first);
  expect(first.facts).toEqual({ asked: 0 });
  const second = await rollBack(lab);
  expectClean(second);
  expect(second.facts.after).toEqual(second.facts.before);
});

longClusterTest("an autoscaler adds pods as load grows, and the way back to one pod loses no request", async () => {
  const { lab } = await all();
  const result = await scale(lab);
  for (const part of [result, result.facts.stepped, result.facts.rest, result.facts.scaledIn])
    expect(part).toMatchObject({ lost: 0, cut: 0, refused: 0, twice: 0, failures: [] });
  expect(Number((result.facts.scaledIn as PhaseResult).requests)).toBeGreaterThan(0);
});

longClusterTest("a pod that is killed loses only the requests in flight on it, and each of their clients gets an error", async () => {
  const { cluster, lab } = await all();
  const result = await killPod(lab, async (pod: Pod) => {
    const id = pod.status.containerStatuses![0]!.containerID!.replace("containerd://", "");
    await cluster.up("node", nodeNumber(pod.spec.nodeName), "ctr", "-n", "k8s.io", "tasks", "kill", "-s", "SIGKILL", id);
  });
  const failed = Number(result.facts.failed);
  expect(failed).toBeLessThanOrEqual(lab.clients);
  expect(result.facts).toEqual({ failed, elsewhen: 0, told: failed });
  expect(result).toMatchObject({ refused: 0, twice: 0, mixed: 0 });
  expect((await ofToy(cluster)).map(p => p.status.containerStatuses![0]!.restartCount).sort()).toEqual([0, 1]);
});

longClusterTest("a node without power: its requests go on at another once it is NotReady, and it comes back", async () => {
  const { cluster, lab } = await all();
  const nodes = new Set((await ofToy(cluster)).map(p => p.spec.nodeName));
  expect(nodes.size).toBe(2);
  const result = await deadNode(lab, "node-2", verb => cluster.up(verb, "2"));
  expect(result.facts).toEqual({ failedWhenNotReady: 0 });
  expect(result).toMatchObject({ twice: 0, mixed: 0 });
  expect(result.lost + result.cut + result.refused).toBeLessThanOrEqual(lab.clients);
});
