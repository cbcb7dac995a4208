/** `loam train --mesh data=2 --launch kubernetes` on a real cluster: ranks are pods of two nodes, and come to the bytes of ranks of this machine. */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect } from "vitest";
import { jsonLines, loamProcess, root, startProcess } from "./support/child.ts";
import { type Cluster, clusterTest, openCluster } from "./support/cluster.ts";
import { podsOf } from "./support/cluster-toy.ts";
import { copyProject, modelContent, temporaryFolder, toyYaml, trainingOf, writeToy } from "./support/project.ts";
import { until } from "./support/until.ts";

const base = mkdtempSync(join(tmpdir(), "loam-cluster-training-"));
afterAll(() => rmSync(base, { recursive: true, force: true }));

/** Where the image has Loam. */
const installed = "/opt/loam";
const worker = "app.kubernetes.io/component=worker";

/** What a production install of this checkout has. */
function installation(): string {
  const folder = join(base, "loam");
  mkdirSync(folder);
  for (const name of ["bin", "dist", "package.json"]) cpSync(join(root, name), join(folder, name), { recursive: true });
  const { packages } = JSON.parse(readFileSync(join(root, "node_modules", ".package-lock.json"), "utf8")) as {
    readonly packages: Readonly<Record<string, { readonly dev?: boolean; readonly devOptional?: boolean }>>;
  };
  for (const [path, { dev, devOptional }] of Object.entries(packages))
    if (!dev && !devOptional && existsSync(join(root, path))) cpSync(join(root, path), join(folder, path), { recursive: true });
  return folder;
}

const yaml = toyYaml({
  tokens: 100_000,
  train: "dropout: 0.1\n      checkpointSeconds: 0",
  more: `launch:
  engine: kubernetes
  command: [${process.execPath}, ${installed}/bin/loam.js]
  kubernetes: { image: localhost/loam:1, claim: project, user: 0 }
`,
});

const volume = (folder: string) => [
  {
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: { name: "project" },
    spec: { capacity: { storage: "1Gi" }, accessModes: ["ReadWriteMany"], storageClassName: "", hostPath: { path: folder } },
  },
  {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { name: "project" },
    spec: { resources: { requests: { storage: "1Gi" } }, accessModes: ["ReadWriteMany"], storageClassName: "", volumeName: "project" },
  },
];

const ranksOf = async (cluster: Cluster) => (await podsOf(cluster, worker)).filter(p => p.status.phase === "Running");

clusterTest(
  "ranks in pods of two nodes train the bytes of two local ranks; a killed pod is named, and the same command goes on",
  async () => {
    const here = temporaryFolder("here");
    writeToy(here);
    writeFileSync(join(here, "loam.yaml"), yaml);
    expect((await loamProcess(["run", "shards", "--model", "toy"], { cwd: here })).code).toBe(0);
    const there = temporaryFolder("there");
    copyProject(here, there);
    const onMesh = ["train", "toy", "--mesh", "data=2", "--json"];
    const local = await loamProcess([...onMesh, "--launch", "local"], { cwd: here });
    expect(local.code, local.stderr).toBe(0);

    await using cluster = await openCluster({ nodes: 2 });
    const source = installation();
    await cluster.image("loam:1", [`+${process.execPath}`, "+/bin/sh", `${source}=${installed}`, "--", "/bin/sh"]);
    await cluster.apply(volume(there));
    const env = { KUBECONFIG: cluster.kubeconfig };

    const first = startProcess([...onMesh, "--launch", "kubernetes"], { cwd: there, env });
    await first.says(/"step":(?:[5-9]|\d{2,}),/);
    const pods = await ranksOf(cluster);
    expect(new Set(pods.map(p => p.spec.nodeName)).size).toBe(2);
    const lost = pods.find(p => p.metadata.labels["batch.kubernetes.io/job-completion-index"] === "1")!;
    await cluster.kubectl(["delete", "pod", lost.metadata.name, "--grace-period=0", "--force"]);
    const stopped = await first.ended;
    expect(stopped.code, stopped.stderr).toBe(1);
    expect(stopped.stderr).toContain("loam: rank 1: ");
    expect(stopped.stderr).toContain("Run the same command again to go on from the newest checkpoint.");
    await until(async () => (await ranksOf(cluster)).length === 0);

    const again = await loamProcess([...onMesh, "--launch", "kubernetes"], { cwd: there, env });
    expect(again.code, again.stderr).toBe(0);
    const events = jsonLines(again.stdout);
    expect(events.at(-1)).toMatchObject({ event: "result", version: "toy@1" });
    // not from the start
    expect(Math.min(...events.flatMap(e => (typeof e.step === "number" ? [e.step] : [])))).toBeGreaterThan(2);
    expect(await modelContent(there)).toEqual(await modelContent(here));
    expect((await trainingOf(there)).ranks).toEqual([{ from: 0, size: 2 }]);
    expect((await cluster.get<{ readonly items: readonly unknown[] }>(["jobs"])).items).toEqual([]);
  },
);
