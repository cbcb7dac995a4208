/** The pages on Kubernetes as a reader follows them, with a real registry and a real cluster: what `kubectl` is given there, an API server takes. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { loam, root } from "./support/child.ts";
import { clusterTest, openCluster } from "./support/cluster.ts";
import { layersHome } from "./support/image.ts";
import { followPage } from "./support/page-session.ts";
import { trainedToy } from "./support/project.ts";
import { findRegistry, startRegistry } from "./support/registry.ts";

const page = (name: string): string => readFileSync(join(root, "docs", name), "utf8").replaceAll("mail-small", "toy");

/** Four versions of the toy, the last one behind `prod`. */
async function fourVersions(): Promise<string> {
  const cwd = await trainedToy();
  const path = join(cwd, "loam.yaml");
  const yaml = readFileSync(path, "utf8");
  const run = async (...args: string[]) => {
    const { code, stderr } = await loam(args, { cwd });
    expect(code, stderr).toBe(0);
  };
  for (const version of [2, 3, 4]) {
    writeFileSync(path, yaml.replace("tokens: 20000", `tokens: ${20_000 + 1000 * version}`));
    await run("run");
  }
  await run("models", "promote", "toy@4", "prod");
  return cwd;
}

const registry = findRegistry();
(registry.reason === undefined ? clusterTest : test.skip)(
  `docs/deploy-kubernetes.md and operator.md: every command runs with a registry and a cluster (${registry.reason ?? "runs"})`,
  async () => {
    const { host } = await startRegistry(registry.program!);
    const cwd = await fourVersions();
    await using cluster = await openCluster();
    const env = { ...cluster.env, LOAM_HOME: layersHome() };
    const own = { "registry.example.com": host };
    await followPage(page("deploy-kubernetes.md"), { cwd, env, own });
    const services = await cluster.kubectl(["get", "services", "-o", "name"]);
    expect(services).toMatch(/toy-preview/);
    // that a model gets ready by the operator: test/cluster-operator.test.ts
    await followPage(page("operator.md"), { cwd, env, own: { ...own, "--for=condition=Ready": "--for=jsonpath='{.metadata.name}'=mail" } });
  },
);
