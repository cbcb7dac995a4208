/** What `loam deploy kubernetes` writes, judged by a real API server with the definitions of KEDA, the Prometheus operator and the Gateway API. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { loam } from "./support/child.ts";
import { clusterTest, kubeFolder, openCluster } from "./support/cluster.ts";
import { trainedToy } from "./support/project.ts";

/** `test/kube/crds` fetches them. */
const definitions = join(kubeFolder, "crds");
const image = `registry.example.com/toy@sha256:${"0".repeat(64)}`;
const forms: Readonly<Record<string, readonly string[]>> = {
  least: [],
  whole: [
    ...[
      "--namespace",
      "models",
      "--autoscale",
      "keda",
      "--prometheus",
      "http://prometheus.monitoring:9090",
      "--claim",
      "weights",
      "--claim-class",
      "",
    ],
    ...["--gateway", "infra/edge", "--hostname", "toy.example.com", "--endpoint-picker", "picker", "--allow-namespace", "infra"],
    ...["--api-key-secret", "keys", "--project-image", "registry.example.com/loam:1", "--project-claim", "project"],
    ...["--data", "letters", "--loop-schedule", "0 3 * * *"],
  ],
  blue: ["--namespace", "models", "--strategy", "blue-green"],
  green: ["--namespace", "models", "--strategy", "blue-green", "--previous", "blue", "--slots", "4"],
  pulled: ["--namespace", "models", "--pull-port", "443", "--pull-secret", "credentials", "--autoscale", "requests", "--pod-monitor"],
};

clusterTest(
  "an API server accepts every object, unknown and wrong fields refused, and admits it under the restricted pod security standard",
  async () => {
    expect(existsSync(definitions), `${definitions}: run test/kube/crds ${kubeFolder}`).toBe(true);
    const cwd = await trainedToy();
    await using cluster = await openCluster();
    for (const file of readdirSync(definitions)) await cluster.kubectl(["apply", "--server-side", "-f", join(definitions, file)]);
    await cluster.kubectl(["wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"]);
    await cluster.kubectl(["create", "namespace", "models"]);
    await cluster.kubectl([
      "label",
      "namespace",
      "models",
      "default",
      "pod-security.kubernetes.io/enforce=restricted",
      "pod-security.kubernetes.io/warn=restricted",
    ]);
    for (const [name, args] of Object.entries(forms)) {
      const { code, stdout, stderr } = await loam(["deploy", "kubernetes", "toy", "--to", name, "--image", image, "--json", ...args], {
        cwd,
      });
      expect(code, stderr).toBe(0);
      const { objects } = JSON.parse(stdout.trim().split("\n").at(-1)!) as { objects: string[] };
      const told = await cluster.kubectl(["apply", "--dry-run=server", "--validate=strict", "-f", join(cwd, name, "manifests")]);
      expect(
        told
          .trim()
          .split("\n")
          .map(l =>
            l
              .replace(/ \(server dry run\)$/, "")
              .split(" ")
              .at(-1),
          ),
      ).toEqual(objects.map(() => "created"));
      expect(told).not.toContain("Warning");
    }
  },
);
