/** A blue/green deployment of loam.yaml, from its first color to the retirement of the old one, against an API server that a test answers for. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { answerJson, answerStatus, type FakeApiServer, openFakeApiServer } from "../src/kubernetes/fake-api-server.laws.ts";
import type { AppliedDeployment, DeploymentDiff, DeploymentStatus, SwitchedDeployment } from "../src/project/deploying/index.ts";
import { evaluationMarks, openStore } from "../src/store/index.ts";
import { loam } from "./support/child.ts";
import { trainedToy } from "./support/project.ts";

interface Loose {
  kind: string;
  metadata: { name: string; labels: Record<string, string>; generation?: number };
  spec: { replicas?: number; selector: Record<string, string> };
  status?: object;
}

const answering: readonly [string, readonly [number, object]][] = [
  ["/readyz", [200, { status: "ok" }]],
  ["/v1/models", [200, { object: "list", data: [{ id: "toy", tells: "text" }] }]],
  ["/v1/completions", [200, { choices: [{ text: "b" }] }]],
];

/** Two pods of the color that a selector names, and one that is going. */
const podsOf = (labels: string) => {
  const [, color] = /loam\.dev\/color=(\w+)/.exec(labels) ?? [];
  const spec = { containers: [{ ports: [{ name: "http", containerPort: 8080 }] }] };
  const pod = (name: string, more: object = {}) => ({
    metadata: { name: `toy-${color}-${name}`, namespace: "models", ...more },
    spec,
    status: { phase: "Running" },
  });
  return [pod("a"), pod("b"), pod("c", { deletionTimestamp: "2026-11-30T10:00:00Z" })];
};

/** Objects by name, as applied; pods of a Deployment are ready where `ready` says so. */
class Cluster {
  readonly objects = new Map<string, Loose>();
  readonly ready = new Set<string>();
  /** What a pod's own server answers, by path. */
  readonly pods = new Map<string, readonly [status: number, body: object]>(answering);
  readonly asked: { readonly path: string; readonly body: string }[] = [];
  server!: FakeApiServer;

  static async open(): Promise<Cluster> {
    const cluster = new Cluster();
    cluster.server = await openFakeApiServer(({ method, path, query, body }, response) => {
      const key = path.replace(/^.*\/namespaces\/models\//, "");
      const found = cluster.objects.get(key);
      const [, pod, own] = /^pods\/([^/]+):8080\/proxy(\/.*)$/.exec(key) ?? [];
      if (own !== undefined) {
        cluster.asked.push({ path: own, body });
        return answerJson(response, ...(cluster.pods.get(own) ?? [404, {}]));
      }
      expect(pod).toBeUndefined();
      if (key === "pods") return answerJson(response, 200, { metadata: {}, items: podsOf(query.get("labelSelector") ?? "") });
      if (method === "PATCH" && query.get("dryRun") === "All") return answerJson(response, 200, { ...found, ...JSON.parse(body) });
      if (method === "PATCH") cluster.objects.set(key, { ...found, ...JSON.parse(body) });
      else if (!found) return answerStatus(response, 404, "NotFound");
      else if (method === "DELETE") cluster.objects.delete(key);
      return answerJson(response, 200, cluster.objects.get(key) ?? {});
    });
    return cluster;
  }

  /** What `kubectl apply` does with a folder of manifests. */
  apply(folder: string): void {
    for (const name of readdirSync(folder)) {
      const object = parse(readFileSync(join(folder, name), "utf8")) as Loose;
      const plural = object.kind === "NetworkPolicy" ? "networkpolicies" : `${object.kind.toLowerCase()}s`;
      const pods = { observedGeneration: 1, replicas: 2, updatedReplicas: 2, readyReplicas: this.ready.has(object.metadata.name) ? 2 : 1 };
      const spec = object.kind === "Deployment" ? { ...object.spec, replicas: 2 } : object.spec;
      this.objects.set(`${plural}/${object.metadata.name}`, {
        ...object,
        spec,
        ...(object.kind === "Deployment" ? { metadata: { ...object.metadata, generation: 1 }, status: pods } : {}),
      });
    }
  }

  get live(): string {
    return this.objects.get("services/toy")!.spec.selector["loam.dev/color"]!;
  }
}

const more = `deploy:
  deployments:
    toy:
      target: kubernetes
      model: toy@prod
      to: deployed/toy
      wishes: { strategy: blue-green, image: "registry.example.com/toy:{version}", namespace: models, minReplicas: 2, autoscale: none }
`;

test("the Service selects the new color when its pods are ready, not before; rollback selects the old one; retire deletes it", async () => {
  const cwd = await trainedToy({ more });
  const cluster = await Cluster.open();
  await using _ = cluster.server;
  const kubeconfig = join(cwd, "kubeconfig.json");
  const { server } = cluster.server.account;
  const contexts = [{ name: "c", context: { cluster: "c", user: "u", namespace: "models" } }];
  const users = [{ name: "u", user: { token: "one" } }];
  const config = {
    apiVersion: "v1",
    kind: "Config",
    "current-context": "c",
    clusters: [{ name: "c", cluster: { server } }],
    contexts,
    users,
  };
  writeFileSync(kubeconfig, JSON.stringify(config));
  const attempt = (args: readonly string[], env = { KUBECONFIG: kubeconfig }) => loam(["deploy", ...args, "--json"], { cwd, env });
  const run = async <T>(...args: readonly string[]): Promise<T> => {
    const { code, stdout, stderr } = await attempt(args);
    expect(code, stderr).toBe(0);
    return JSON.parse(stdout.trim().split("\n").at(-1)!) as T;
  };
  const only = async <T>(...args: readonly string[]): Promise<T> => (await run<{ deployments: [T] }>(...args)).deployments[0];
  const refused = async (args: readonly string[], env?: { KUBECONFIG: string }) => {
    const { code, stderr } = await attempt(args, env);
    return `${code} ${stderr}`;
  };
  const promote = async (version: number) => {
    const { code, stderr } = await loam(["models", "promote", `toy@${version}`, "prod"], { cwd });
    expect(code, stderr).toBe(0);
  };
  const current = join(cwd, "deployed", "toy", "current", "manifests");

  await promote(1);
  expect(await only<AppliedDeployment>("apply")).toMatchObject({ version: 1, facts: { colors: { color: "blue", live: "blue" } } });
  cluster.ready.add("toy-blue");
  cluster.apply(current);
  expect(await only<DeploymentDiff>("diff")).toMatchObject({ isSame: true, wishes: [] });
  expect(await only<DeploymentStatus>("status")).toMatchObject({
    state: "current",
    colors: { live: { color: "blue", version: 1 }, idle: null },
  });
  expect(await refused(["switch", "toy"])).toMatch(/^2 [\s\S]*expected a new color that waits, got blue with version 1/);
  expect(await only<AppliedDeployment>("apply")).toMatchObject({ generation: 1, changed: false });

  const path = join(cwd, "loam.yaml");
  writeFileSync(path, readFileSync(path, "utf8").replace("rate: 0.02", "rate: 0.01"));
  expect((await loam(["run"], { cwd })).code).toBe(0);
  await promote(2);
  const blue = readFileSync(join(current, "deployment-blue.yaml"), "utf8");
  expect(await only<AppliedDeployment>("apply")).toMatchObject({
    generation: 2,
    facts: { colors: { color: "green", live: "blue", otherVersion: 1 } },
  });
  // the old color stays byte for byte: applying the manifests restarts none of its pods
  expect(readFileSync(join(current, "deployment-blue.yaml"), "utf8")).toBe(blue);
  expect(readFileSync(join(current, "deployment-green.yaml"), "utf8")).toContain("registry.example.com/toy:2");
  expect(await refused(["switch", "toy"])).toMatch(
    /^1 [\s\S]*expected every pod of the color ready, as it was written, got Deployment models\/toy-green, which is missing/,
  );
  cluster.apply(current);
  expect(await refused(["switch", "toy"])).toMatch(/toy-green with 1 of 2 pods ready/);
  expect(await refused(["switch", "toy"], { KUBECONFIG: "" })).toMatch(/^2 [\s\S]*expected KUBECONFIG/);
  expect(await refused(["retire", "toy"])).toMatch(/expected an old color without requests, got blue, which has them/);
  expect(cluster.live).toBe("blue");
  expect(await only<DeploymentStatus>("status")).toMatchObject({ state: "rolling", generations: [1, 2] });

  cluster.ready.add("toy-green");
  cluster.apply(current);
  expect(await only<DeploymentStatus>("status")).toMatchObject({ state: "preview" });
  const wrong: readonly [string, readonly [number, object], RegExp][] = [
    ["/readyz", [503, { reason: "loading" }], /got pod toy-green-a, which does not answer: [^\n]*readyz[^\n]*503[^\n]*loading/],
    ["/v1/models", [200, { data: [{ id: "other", tells: "text" }] }], /got pod toy-green-a, which serves other, not toy/],
    ["/v1/completions", [500, { error: { message: "broken weights" } }], /which does not answer: [^\n]*broken weights/],
  ];
  for (const [path, answer, told] of wrong) {
    cluster.pods.set(path, answer);
    const refusal = await refused(["switch", "toy"]);
    expect(refusal).toMatch(/^1 [\s\S]*expected a response from every pod of the color/);
    expect(refusal).toMatch(told);
    cluster.pods.set(path, answering.find(([p]) => p === path)![1]);
  }
  // nothing moved, and no generation was left behind
  expect(cluster.live).toBe("blue");
  expect(await only<DeploymentStatus>("status")).toMatchObject({ generation: 2, generations: [1, 2] });
  cluster.asked.length = 0;
  expect(await run<SwitchedDeployment>("switch", "toy")).toMatchObject({
    generation: 3,
    colors: { live: { color: "green", version: 2 }, idle: { color: "blue", version: 1 } },
  });
  const one = ["/readyz", "/v1/models", "/v1/completions"];
  expect(cluster.asked.map(a => a.path)).toEqual([...one, ...one]);
  expect(JSON.parse(cluster.asked[2]!.body)).toMatchObject({ model: "toy", max_tokens: 1 });
  expect(cluster.live).toBe("green");
  expect(cluster.objects.get("services/toy-preview")!.spec.selector["loam.dev/color"]).toBe("blue");
  expect(cluster.objects.has("deployments/toy-blue")).toBe(true);
  expect(await only<DeploymentStatus>("status")).toMatchObject({ state: "current", deployedVersion: 2 });
  expect(await only<AppliedDeployment>("apply")).toMatchObject({ generation: 3, changed: false });

  expect(await run("rollback", "toy")).toMatchObject({ from: { generation: 3 }, to: { generation: 2 } });
  expect(cluster.live).toBe("blue");
  // where the API server has no way to pods
  cluster.pods.clear();
  expect(await refused(["switch", "toy"])).toMatch(/add --no-probe/);
  expect(await run<SwitchedDeployment>("switch", "toy", "--no-probe")).toMatchObject({ colors: { live: { color: "green" } } });
  expect(await run<SwitchedDeployment>("retire", "toy")).toMatchObject({ colors: { live: { color: "green", version: 2 }, idle: null } });
  expect([...cluster.objects.keys()].filter(k => /blue|preview/.test(k))).toEqual([]);
  expect(readdirSync(current).filter(f => /blue|preview/.test(f))).toEqual([]);
  expect(await only<DeploymentDiff>("diff")).toMatchObject({ isSame: true });
  expect(await only<AppliedDeployment>("apply")).toMatchObject({ changed: false });
  // the generation with both colors: the one that gets the requests is there
  expect(await refused(["rollback", "toy", "--generation", "3"])).toMatch(/^0 /);
  expect(cluster.live).toBe("green");

  const store = await openStore({ root: cwd });
  try {
    const acts = (await evaluationMarks(store.records.read, "toy")).filter(m => m.kind === "deployment");
    expect(acts.map(m => (m.value as { act: string }).act)).toEqual([
      "apply",
      "apply",
      "switch",
      "rollback",
      "switch",
      "retire",
      "rollback",
    ]);
  } finally {
    await store.close();
  }
});

test("blue/green with a chart, a claim or a rolling deployment of the same name is refused, with what to do", async () => {
  const cwd = await trainedToy();
  const image = "registry.example.com/toy:1";
  const refused = async (...args: string[]) => {
    const { code, stderr } = await loam(["deploy", "kubernetes", "toy", "--to", "x", "--image", image, ...args], { cwd });
    return `${code} ${stderr}`;
  };
  const colored = ["--strategy", "blue-green"];
  expect(await refused(...colored, "--format", "helm")).toMatch(/^2 [\s\S]*--format plain or kustomize, got helm/);
  expect(await refused(...colored, "--claim", "weights")).toMatch(/^2 [\s\S]*weights in the image, or pulled at start, got --claim/);
  expect(await refused("--previous", "old")).toMatch(/^2 [\s\S]*--previous: expected --strategy blue-green beside it/);
  expect(await refused(...colored, "--previous", "none")).toMatch(/^2 [\s\S]*expected a folder that `loam deploy` wrote/);
  expect((await loam(["deploy", "kubernetes", "toy", "--to", "old", "--image", image], { cwd })).code).toBe(0);
  expect(await refused(...colored, "--previous", "old")).toMatch(
    /^2 [\s\S]*expected a blue\/green deployment before, or another name of the objects/,
  );
});
