/** The operator on a real cluster, as a process of its own with the account that its manifests create, through a proxy that injects faults. */
import type { ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { request as httpsRequest } from "node:https";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished } from "vitest";
import { type Cluster, clusterTest } from "./support/cluster.ts";
import { eventually, load, type Models, openModels } from "./support/cluster-operator.ts";

const ended = (child: ChildProcess) =>
  new Promise<void>(done => (child.exitCode !== null || child.signalCode !== null ? done() : child.once("exit", () => done())));
const holder = async (cluster: Cluster): Promise<string> =>
  (await cluster.kubectl(["-n", "loam-system", "get", "lease", "loam-operator", "-o", "jsonpath={.spec.holderIdentity}"])).trim();

async function opened(): Promise<Models> {
  const models = await openModels();
  await models.install();
  return models;
}

clusterTest("a LoamModel serves, hand edits are reverted, a bad canary is rolled back, and its pods are gone when it is", async () => {
  const models = await opened();
  const { cluster } = models;
  const operator = models.operator();
  await models.apply("mail", { version: "1", replicas: 2 });
  await models.ready("mail", "localhost/app:1");
  await cluster.kubectl(["set", "image", "deployment/mail", "model=localhost/other:9"]);
  await cluster.kubectl(["scale", "deployment/mail", "--replicas=5"]);
  await cluster.kubectl(["delete", "service", "mail"]);
  await eventually(async () => {
    const d = await cluster.get<{ spec: { replicas: number; template: { spec: { containers: { image: string }[] } } } }>([
      "deployment",
      "mail",
    ]);
    expect([d.spec.replicas, d.spec.template.spec.containers[0]!.image]).toEqual([2, "localhost/app:1"]);
    await cluster.get(["service", "mail"]);
  });
  const stop = await load(cluster, "mail");
  onTestFinished(stop);
  const canary = { weight: 50, requests: 5000, intervalSeconds: 1, metrics: { errors: { margin: 0.1 } } };
  await models.apply("mail", { version: "3", replicas: 2, canary });
  await eventually(async () =>
    expect((await models.get("mail")).status?.rejected).toMatchObject([{ image: "localhost/app:3", reason: "Harm" }]),
  );
  await models.ready("mail", "localhost/app:1");
  await models.apply("mail", { version: "2", replicas: 2, canary });
  await models.ready("mail", "localhost/app:2");
  await eventually(async () => expect((await models.get("mail")).status?.canary).toBeUndefined());
  stop();
  const events = await cluster.kubectl(["get", "events", "-o", "jsonpath={.items[*].reason}"]);
  for (const reason of ["Rollout", "CanaryStarted", "RolledBack", "CanaryPassed"]) expect(events).toContain(reason);
  await cluster.kubectl(["delete", "loammodel", "mail", "--timeout=60s"]);
  expect((await cluster.kubectl(["get", "pods,deployments", "-l", "loam.dev/name=mail", "-o", "name"])).trim()).toBe("");
  // all of it with the rights of the manifests
  expect(operator.lines.join("\n")).not.toMatch(/403|Forbidden/);
});

clusterTest("the spec's rules are the API server's: contradictions are refused with the reason", async () => {
  const models = await opened();
  await expect(models.apply("a", { version: "1", alias: "prod" })).rejects.toThrow("expected version or alias, one of them");
  await expect(models.apply("a", { version: "1", canary: { weight: 10, steps: [10] } })).rejects.toThrow(
    "expected weight or steps, one of them",
  );
  await expect(models.apply("a", { version: "1", autoscaling: { minReplicas: 3, maxReplicas: 2 } })).rejects.toThrow(
    "expected minReplicas up to maxReplicas",
  );
  await expect(models.apply("a", { version: "1", replicas: -1 })).rejects.toThrow("spec.replicas");
});

clusterTest("two operators: one leads; a leader that is killed is followed, one that ends releases its lease at once", async () => {
  const models = await opened();
  const { cluster } = models;
  const first = models.operator();
  await eventually(async () => expect(first.lines.join()).toContain(" leads"));
  const second = models.operator();
  await models.apply("mail", { version: "1", replicas: 0 });
  await models.ready("mail", "localhost/app:1");
  expect(second.lines.join()).not.toContain(" leads");
  first.kill("SIGKILL");
  await models.apply("mail", { version: "2", replicas: 0 });
  await models.ready("mail", "localhost/app:2");
  expect(second.lines.join()).toContain(" leads");
  second.kill("SIGTERM");
  await ended(second);
  expect(await holder(cluster)).toBe("");
});

clusterTest("a leader that was stopped past its lease writes nothing when it goes on", async () => {
  const models = await opened();
  const { cluster } = models;
  const first = models.operator();
  await eventually(async () => expect(first.lines.join()).toContain(" leads"));
  for (let i = 0; i < 20; i++) await models.apply(`m${i}`, { version: "1", replicas: 0 });
  // in the middle of its work
  first.kill("SIGSTOP");
  const second = models.operator();
  await eventually(async () => expect(second.lines.join()).toContain(" leads"));
  for (let i = 0; i < 20; i++) await models.apply(`m${i}`, { version: "2", replicas: 0 });
  for (let i = 0; i < 20; i++) await models.ready(`m${i}`, "localhost/app:2");
  second.kill("SIGTERM");
  await ended(second);
  const versions = () => cluster.kubectl(["get", "loammodels,deployments,services", "-o", "jsonpath={.items[*].metadata.resourceVersion}"]);
  const before = await versions();
  // nobody leads: whatever is written from here on, the stopped one wrote with what it believed
  await cluster.kubectl([
    "-n",
    "loam-system",
    "patch",
    "lease",
    "loam-operator",
    "--type=merge",
    "-p",
    '{"spec":{"holderIdentity":"somebody","leaseDurationSeconds":3600}}',
  ]);
  first.kill("SIGCONT");
  await eventually(async () => expect(first.lines.join()).toContain("does not lead any more"));
  expect(await versions()).toBe(before);
});

/** Between the operator and the API server; `fault` may answer for it. */
async function proxy(cluster: Cluster, fault: (request: IncomingMessage, response: ServerResponse) => boolean): Promise<string> {
  const target = new URL(readFileSync(cluster.kubeconfig, "utf8").match(/https:\/\/[^"]+/)![0]);
  const ca = Buffer.from(readFileSync(cluster.kubeconfig, "utf8").match(/certificate-authority-data: ([^}\s]+)/)![1]!, "base64");
  const server = createServer((request, response) => {
    if (fault(request, response)) return;
    const onward = httpsRequest(
      { host: target.hostname, port: target.port, path: request.url, method: request.method, headers: request.headers, ca },
      reply => {
        response.writeHead(reply.statusCode!, reply.headers);
        reply.pipe(response);
      },
    );
    onward.on("error", () => response.destroy());
    response.on("close", () => onward.destroy());
    request.pipe(onward);
  });
  await new Promise<void>(done => server.listen(0, "127.0.0.1", done));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

clusterTest("an API server that answers 409, 410, 429, 500 or nothing only delays the wished state", async () => {
  const models = await opened();
  const counts: Record<string, number> = {};
  const kinds = [409, 429, 500, 0];
  let at = 0;
  const url = await proxy(models.cluster, (request, response) => {
    const isLease = request.url!.includes("/leases/");
    const isWatch = request.url!.includes("watch=true");
    at++;
    const fault = isWatch ? (at % 2 === 0 ? 410 : undefined) : !isLease && at % 3 === 0 ? kinds[at % 4] : undefined;
    if (fault === undefined || (counts[fault] ?? 0) >= 8) return false;
    counts[fault] = (counts[fault] ?? 0) + 1;
    request.resume();
    if (fault !== 0)
      response
        .writeHead(fault, { "content-type": "application/json", "retry-after": "0" })
        .end(JSON.stringify({ kind: "Status", code: fault, reason: "Injected" }));
    return true;
  });
  const token = JSON.parse(readFileSync(models.kubeconfig, "utf8")).users[0].user.token;
  models.operator(models.config(url, token));
  for (let i = 0; i < 12; i++) await models.apply(`m${i}`, { version: "1", replicas: 0 });
  for (let i = 0; i < 12; i++) await models.ready(`m${i}`, "localhost/app:1");
  for (let i = 0; i < 12; i++) await models.apply(`m${i}`, { version: "2", replicas: 0 });
  for (let i = 0; i < 12; i++) await models.ready(`m${i}`, "localhost/app:2");
  expect(Object.keys(counts).sort()).toEqual(["0", "409", "410", "429", "500"]);
});
