import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { answerJson, answerStatus, openFakeApiServer } from "../../../kubernetes/fake-api-server.laws.ts";
import { openKubernetesClient } from "../../../kubernetes/index.ts";
import { clusterView, manifestsOf } from "./cluster.ts";

const deployment = (replicas: number, image: string, extra: object = {}) => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "mail", namespace: "models", generation: 2 },
  spec: { replicas, template: { spec: { containers: [{ name: "serve", image }] } } },
  ...extra,
});
const yaml = `apiVersion: apps/v1
kind: Deployment
metadata: { name: mail, namespace: models }
spec: { replicas: 3, template: { spec: { containers: [{ name: serve, image: "r/mail:2" }] } } }
---
apiVersion: v1
kind: Service
metadata: { name: mail, namespace: models }
`;

function folder(): string {
  const at = mkdtempSync(join(tmpdir(), "loam-cluster-"));
  onTestFinished(() => rmSync(at, { recursive: true, force: true }));
  writeFileSync(join(at, "all.yaml"), yaml);
  writeFileSync(join(at, "same.yaml"), yaml);
  return at;
}
const file = (path: string) => ({ path, digest: "", sizeBytes: 0 });

test("a field edited by hand, a missing object and a rollout that is not done are told; what the server filled in is no drift", async () => {
  const manifests = manifestsOf(folder(), { files: [file("all.yaml"), file("same.yaml")] });
  expect(manifests.map(m => m.resource.kind)).toEqual(["Deployment", "Service"]);
  const status = { observedGeneration: 2, replicas: 4, updatedReplicas: 1, readyReplicas: 3 };
  const server = await openFakeApiServer(({ method, path, query }, response) => {
    if (path.endsWith("/services/mail")) return answerStatus(response, 404, "NotFound");
    expect(path).toBe("/apis/apps/v1/namespaces/models/deployments/mail");
    if (method === "GET") return answerJson(response, 200, deployment(5, "r/mail:2", { status }));
    expect([method, query.get("dryRun"), query.get("fieldManager"), query.get("force")]).toEqual(["PATCH", "All", "loam", "true"]);
    return answerJson(response, 200, deployment(3, "r/mail:2", { status }));
  });
  await using _ = server;
  const client = openKubernetesClient(server.account);
  try {
    const view = await clusterView(client, manifests, new AbortController().signal);
    expect(view.drift).toEqual([
      { object: "Deployment models/mail", drift: "changed", fields: [{ path: "spec.replicas", there: "5", manifest: "3" }] },
      { object: "Service models/mail", drift: "missing", fields: [] },
    ]);
    expect(view.rollouts).toEqual([{ object: "Deployment models/mail", ready: 3, wanted: 5, updated: 1, isComplete: false }]);
  } finally {
    await client.close();
  }
});
