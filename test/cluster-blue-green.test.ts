/** A blue/green deployment of loam.yaml with real pods: requests move to the new color as a whole, back, and for good, and none is lost. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import { loam } from "./support/child.ts";
import { type Cluster, longClusterTest, openCluster } from "./support/cluster.ts";
import { importToys, type Pod } from "./support/cluster-toy.ts";
import { copyProject, temporaryFolder } from "./support/project.ts";

const more = `deploy:
  deployments:
    toy:
      target: kubernetes
      model: toy@prod
      to: deployed/toy
      wishes: { strategy: blue-green, image: "localhost/toy:toy-{version}", namespace: models, minReplicas: 2, autoscale: none }
`;

/** Clients that ask one request after the other, each over a connection of its own: what the Service selects now answers. */
class Clients {
  /** The weights that answered, by their fingerprint. */
  readonly answered: string[] = [];
  readonly failures: string[] = [];
  #ended = false;
  readonly #loops: readonly Promise<void>[];

  constructor(url: string, clients: number) {
    this.#loops = Array.from({ length: clients }, () => this.#ask(url));
  }

  async #ask(url: string): Promise<void> {
    while (!this.#ended)
      try {
        const response = await fetch(`${url}/v1/completions`, {
          method: "POST",
          headers: { "content-type": "application/json", connection: "close" },
          body: JSON.stringify({ model: "toy", prompt: "the", max_tokens: 8, temperature: 0 }),
          signal: AbortSignal.timeout(60_000),
        });
        const text = await response.text();
        if (response.status !== 200) this.failures.push(`${response.status} ${text}`);
        else this.answered.push((JSON.parse(text) as { system_fingerprint: string }).system_fingerprint);
      } catch (error) {
        this.failures.push(String(error));
      }
  }

  /** The weights that answer from now on: one fingerprint in all of so many requests. */
  async next(count: number): Promise<string> {
    // requests that are under way may be the old color's
    const from = this.answered.length + this.#loops.length;
    while (this.answered.length < from + count && this.failures.length === 0) await sleep(50);
    expect(this.failures).toEqual([]);
    const found = new Set(this.answered.slice(from));
    expect(found.size).toBe(1);
    return [...found][0]!;
  }

  /** The weights that answer once others than `before` did: what chooses a pod for a connection hears of the Service's change a moment later. */
  async after(before: string, count: number): Promise<string> {
    const from = this.answered.length;
    while (!this.answered.slice(from).some(f => f !== before) && this.failures.length === 0) await sleep(50);
    return this.next(count);
  }

  async end(): Promise<void> {
    this.#ended = true;
    await Promise.all(this.#loops);
  }
}

async function opened(cluster: Cluster) {
  const folder = await importToys(cluster);
  const cwd = temporaryFolder("blue-green");
  copyProject(join(folder, "project"), cwd);
  const path = join(cwd, "loam.yaml");
  writeFileSync(path, `${readFileSync(path, "utf8")}${more}`);
  await cluster.kubectl(["create", "namespace", "models"]);
  const run = async (...args: readonly string[]) => {
    const { code, stdout, stderr } = await loam([...args, "--json"], { cwd, env: cluster.env });
    expect(code, stderr).toBe(0);
    return JSON.parse(stdout.trim().split("\n").at(-1)!) as Record<string, unknown>;
  };
  const manifests = join(cwd, "deployed", "toy", "current", "manifests");
  return { cwd, run, apply: () => cluster.kubectl(["apply", "-f", manifests]) };
}

longClusterTest("blue/green: a switch, a rollback and a second switch move all requests under load, and lose none", async () => {
  await using cluster = await openCluster({ nodes: 2 });
  const { cwd, run, apply } = await opened(cluster);
  await run("models", "promote", "toy@1", "prod");
  await run("deploy", "apply");
  await apply();
  await cluster.kubectl(["-n", "models", "rollout", "status", "deployment/toy-blue", "--timeout=600s"]);
  const address = await cluster.kubectl([
    "-n",
    "models",
    "get",
    "service",
    "toy",
    "-o",
    "jsonpath={.spec.clusterIP}:{.spec.ports[0].port}",
  ]);
  const clients = new Clients(`http://${address}`, 4);
  try {
    const first = await clients.next(20);

    await run("models", "promote", "toy@2", "prod");
    await run("deploy", "apply");
    const early = await loam(["deploy", "switch", "toy"], { cwd, env: cluster.env });
    expect(`${early.code} ${early.stderr}`).toMatch(/^1 [\s\S]*toy-green, which is missing/);
    await apply();
    // the new color starts beside the old one, which answers everything
    expect(await clients.next(20)).toBe(first);
    expect(await run("deploy", "switch", "toy", "--wait", "600")).toMatchObject({ colors: { live: { color: "green", version: 2 } } });
    const second = await clients.after(first, 40);
    await run("deploy", "rollback", "toy");
    expect(await clients.after(second, 40)).toBe(first);
    await run("deploy", "switch", "toy", "--wait", "600");
    expect(await clients.after(first, 40)).toBe(second);
    await run("deploy", "retire", "toy");
    expect(await clients.next(40)).toBe(second);
  } finally {
    await clients.end();
  }
  expect(clients.failures).toEqual([]);
  const { items } = await cluster.get<{ readonly items: readonly Pod[] }>(["-n", "models", "pods", "-l", "loam.dev/color=blue"]);
  expect(items.filter(p => !p.metadata.deletionTimestamp)).toEqual([]);
  expect(await run("deploy", "status", "toy")).toMatchObject({ deployments: [{ state: "current", deployedVersion: 2 }] });
});
