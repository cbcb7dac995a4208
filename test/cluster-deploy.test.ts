/**
 * What `loam deploy kubernetes` writes, applied to a real cluster: it becomes ready, rolls to the next version without a request lost, and its computed
 * memory is enough for a saturated server, while far less is not.
 */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { differingTexts, startLoad } from "../examples/cluster/load.js";
import { until } from "../examples/cluster/phases.js";
import { jsonLines, loam } from "./support/child.ts";
import { longClusterTest, openCluster } from "./support/cluster.ts";
import { importToys, podsOf, toyImages } from "./support/cluster-toy.ts";
import { copyProject, temporaryFolder } from "./support/project.ts";

interface Written {
  readonly memory: { readonly totalBytes: number };
  readonly objects: readonly string[];
}
interface Deployed {
  readonly spec: {
    readonly template: {
      readonly spec: { readonly containers: readonly { readonly resources: { readonly limits: { readonly memory: string } } }[] };
    };
  };
}

/** Manifests with a limit of so much memory. */
function tightened(folder: string, memory: string): void {
  let found = 0;
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    const text = readFileSync(path, "utf8");
    const now = text.replaceAll(/(limits:\s*\{?\s*"?memory"?:\s*"?)\d+Mi/g, (_, before: string) => {
      found++;
      return `${before}${memory}`;
    });
    writeFileSync(path, now);
  }
  expect(found).toBe(1);
}

longClusterTest(
  "manifests of `loam deploy kubernetes` roll from one version to the next under load, and their memory is enough",
  async () => {
    const kept = await toyImages();
    const project = temporaryFolder("deploy");
    copyProject(join(kept, "project"), project);
    const digestOf = (version: number): string => {
      const index = execFileSync("tar", ["-xOf", join(kept, `toy-${version}.tar`), "index.json"], { encoding: "utf8" });
      return (JSON.parse(index) as { manifests: { digest: string }[] }).manifests[0]!.digest;
    };
    const write = async (version: number): Promise<Written> => {
      const args = [
        "--image",
        `localhost/toy@${digestOf(version)}`,
        "--to",
        `toy-${version}`,
        "--min-replicas",
        "2",
        "--cpu",
        "0.2",
        "--drain",
        "180",
        "--json",
      ];
      const { code, stdout, stderr } = await loam(["deploy", "kubernetes", `toy@${version}`, ...args], { cwd: project });
      expect(code, stderr).toBe(0);
      return jsonLines(stdout).at(-1) as unknown as Written;
    };
    const [first] = [await write(1), await write(2)];
    await using cluster = await openCluster();
    await importToys(cluster);
    // the limit is what was computed, without the margin above it
    const computed = `${Math.ceil(first.memory.totalBytes / 2 ** 20)}Mi`;
    const apply = async (version: number) => {
      tightened(join(project, `toy-${version}`, "manifests"), computed);
      await cluster.kubectl(["apply", "-R", "-f", join(project, `toy-${version}`, "manifests")]);
      await cluster.kubectl(["rollout", "status", "deployment/toy", "--timeout=900s"]);
    };
    await apply(1);
    const address = await cluster.kubectl(["get", "service", "toy", "-o", "jsonpath={.spec.clusterIP}:{.spec.ports[0].port}"]);
    // more clients than slots, each with long answers: every slot is taken, and others wait
    const load = startLoad({ model: "toy", clients: 20, baseUrl: () => `http://${address}`, tokens: 40, longTokens: 1000, longEvery: 3 });
    try {
      await until(() => load.count() >= 200, "200 requests of the first version");
      await apply(2);
      const before = load.count();
      await until(() => load.count() >= before + 200, "200 more of the second");
    } finally {
      await load.stop();
    }
    expect(await load.done).toMatchObject({ lost: 0, cut: 0, refused: 0, twice: 0, failures: [] });
    expect(differingTexts(load.records)).toEqual([]);
    const pods = await podsOf(cluster, "app.kubernetes.io/instance=toy");
    const running = pods.filter(p => p.metadata.deletionTimestamp === undefined);
    expect(running.length).toBeGreaterThanOrEqual(2);
    for (const { status } of running) expect(status.containerStatuses![0]).toMatchObject({ restartCount: 0, lastState: {} });
    // a third of it is too little: the test would notice
    const { spec } = await cluster.get<Deployed>(["deployment", "toy"]);
    expect(spec.template.spec.containers[0]!.resources.limits.memory).toBe(computed);
    const memory = `${Math.floor(first.memory.totalBytes / 3 / 2 ** 20)}Mi`;
    const little = [
      { op: "replace", path: "/spec/template/spec/containers/0/resources", value: { limits: { memory }, requests: { memory } } },
    ];
    await cluster.kubectl(["patch", "deployment", "toy", "--type=json", "-p", JSON.stringify(little)]);
    await until(async () => {
      const ended = (await podsOf(cluster, "app.kubernetes.io/instance=toy")).flatMap(
        p => p.status.containerStatuses?.[0]?.lastState.terminated ?? [],
      );
      return ended.some(t => t.reason === "OOMKilled" || t.exitCode === 137);
    }, "a pod with a third of the memory is killed");
  },
);
