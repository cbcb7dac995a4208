/**
 * The operator in pods of a real cluster, as `loam deploy operator` installs it: with its own service account it does all of its work, and each right of
 * that account is one that it uses, by the API server's audit log.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { clusterTest } from "./support/cluster.ts";
import { eventually, type Models, openModels } from "./support/cluster-operator.ts";
import { importToys, toyImage } from "./support/cluster-toy.ts";

interface AuditEvent {
  readonly verb: string;
  readonly user: { readonly username: string; readonly extra?: Readonly<Record<string, readonly string[]>> };
  readonly objectRef?: { readonly apiGroup?: string; readonly resource?: string; readonly subresource?: string };
  readonly responseStatus?: { readonly code: number };
}

const account = "system:serviceaccount:loam-system:loam-operator";
const autoscaler = "system:serviceaccount:kube-system:horizontal-pod-autoscaler";

const auditOf = (models: Models, username: string): AuditEvent[] =>
  readFileSync(join(models.cluster.folder, "run", "audit.log"), "utf8")
    .split("\n")
    .filter(line => line !== "")
    .map(line => JSON.parse(line) as AuditEvent)
    .filter(event => event.user.username === username);

/** `apps/deployments patch`. An apply that makes an object is both: the API server asks for either right. */
const rightsUsed = (events: readonly AuditEvent[]): ReadonlySet<string> =>
  new Set(
    events.flatMap(({ verb, objectRef, responseStatus }) => {
      if (objectRef?.resource === undefined) return [];
      const { apiGroup = "", resource, subresource } = objectRef;
      const what = `${apiGroup}/${resource}${subresource === undefined ? "" : `/${subresource}`}`;
      return [`${what} ${verb}`, ...(verb === "patch" && responseStatus?.code === 201 ? [`${what} create`] : [])];
    }),
  );

/** Of a Role or ClusterRole, in the same form. */
async function rightsGiven(models: Models, args: readonly string[]): Promise<string[]> {
  const { rules } = await models.cluster.get<{
    readonly rules: readonly {
      readonly apiGroups: readonly string[];
      readonly resources: readonly string[];
      readonly verbs: readonly string[];
    }[];
  }>(args);
  return rules.flatMap(({ apiGroups, resources, verbs }) =>
    apiGroups.flatMap(group => resources.flatMap(resource => verbs.map(verb => `${group}/${resource} ${verb}`))),
  );
}

/** Asked for by an admission controller alone, which no audit event names: an owner reference may hold up the owner's deletion only with it. */
const finalizersRight = "loam.dev/loammodels/finalizers update";

clusterTest("the operator's pod does all of its work with its own account, and uses each right of it", async () => {
  const models = await openModels();
  const { cluster } = models;
  await importToys(cluster);
  await models.appImages();
  await models.manifests(toyImage(1));
  await cluster.kubectl(["-n", "loam-system", "rollout", "status", "deployment/loam-operator", "--timeout=300s"]);

  const autoscaling = { minReplicas: 1, maxReplicas: 2, requestsPerReplica: 10 };
  await models.apply("mail", { version: "1", autoscaling, shadow: { version: "2", replicas: 1 } });
  await models.ready("mail", "localhost/app:1");
  // the autoscaler reads the metric that a pod of the operator answers
  await cluster.kubectl(["wait", "hpa/mail", "--for=condition=ScalingActive", "--timeout=120s"]);
  await models.apply("mail", { version: "2", autoscaling: { ...autoscaling, maxReplicas: 3 } });
  await models.ready("mail", "localhost/app:2");
  await models.apply("mail", { version: "2", replicas: 2 });
  await eventually(async () =>
    expect(
      (await cluster.kubectl(["get", "hpa,deployments,services", "-l", "loam.dev/name=mail", "-o", "name"])).trim().split("\n"),
    ).toEqual(["deployment.apps/mail", "service/mail"]),
  );
  await models.ready("mail", "localhost/app:2");
  await cluster.kubectl(["delete", "service", "mail"]);
  await eventually(() => cluster.get(["service", "mail"]));
  await cluster.kubectl(["delete", "loammodel", "mail", "--timeout=120s"]);
  expect((await cluster.kubectl(["get", "pods,deployments", "-l", "loam.dev/name=mail", "-o", "name"])).trim()).toBe("");

  const events = auditOf(models, account);
  const pods = new Set(events.flatMap(e => e.user.extra?.["authentication.kubernetes.io/pod-name"] ?? []));
  expect(pods.size).toBe(2);
  expect(events.filter(e => e.responseStatus?.code === 403)).toEqual([]);
  const used = rightsUsed(events);
  const given = [
    ...(await rightsGiven(models, ["clusterrole", "loam-operator"])),
    ...(await rightsGiven(models, ["-n", "loam-system", "role", "loam-operator-lease"])),
  ];
  expect(given.filter(right => !used.has(right))).toEqual([finalizersRight]);
  const read = rightsUsed(auditOf(models, autoscaler));
  expect((await rightsGiven(models, ["clusterrole", "loam-operator-metrics-reader"])).filter(right => !read.has(right))).toEqual([]);

  const { rules } = await cluster.get<{ readonly rules: readonly { readonly resources: readonly string[] }[] }>([
    "clusterrole",
    "loam-operator",
  ]);
  const less = rules.map(rule => ({ ...rule, resources: rule.resources.filter(r => r !== "loammodels/finalizers") }));
  await cluster.kubectl(["patch", "clusterrole", "loam-operator", "--type=merge", "-p", JSON.stringify({ rules: less })]);
  await models.apply("late", { version: "1", replicas: 0 });
  await eventually(async () =>
    expect(await cluster.kubectl(["-n", "loam-system", "logs", "-l", "app.kubernetes.io/name=loam-operator", "--tail=-1"])).toContain(
      "cannot set blockOwnerDeletion",
    ),
  );
});
