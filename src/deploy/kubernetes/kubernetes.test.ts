import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { type Deployment, deploymentOf, deploymentText, type PlanFile } from "../targets.ts";
import { toyVersion } from "../toy-version.laws.ts";
import {
  type ColorWishes,
  colorsOf,
  isOfColor,
  nextColors,
  otherColor,
  type PreviousColors,
  type ReadPlan,
  retiredPlan,
  switchedPlan,
} from "./colors.ts";
import { type ModeratorSizes, memoryPlan, moderatorBytes, type PodForm, type ServedSizes } from "./memory.ts";
import { kubernetesTarget } from "./target.ts";
import type { KubernetesWishes } from "./wishes.ts";

const sizes: ServedSizes = { numParameters: 1_000_000, layers: 3, width: 192, vocabulary: 4096, cacheBytes: 9_437_184, cacheViews: [1] };
const least: KubernetesWishes = {
  format: "plain",
  image: `registry.example.com/mail-small@sha256:${"f".repeat(64)}`,
  name: "mail-small",
  architecture: "amd64",
  sizes,
  form: "exact",
  slots: 8,
  context: 256,
  cpu: 1,
  autoscaling: { by: "cpu", minReplicas: 2, maxReplicas: 4, requestsPerPod: 5 },
  podMonitor: false,
  allowNamespaces: [],
  shutdownDelaySeconds: 5,
  drainSeconds: 25,
};
const most: KubernetesWishes = {
  ...least,
  namespace: "models",
  autoscaling: { by: "keda", minReplicas: 3, maxReplicas: 9, requestsPerPod: 6, prometheus: "http://prometheus.monitoring:9090" },
  claim: { name: "mail-weights", create: true, storageClass: "fast" },
  gateway: { gateway: "edge", gatewayNamespace: "infra", hostname: "mail.example.com", endpointPicker: "picker" },
  allowNamespaces: ["infra"],
  apiKeySecret: "keys",
  project: {
    image: "registry.example.com/loam:1",
    claim: "project",
    secret: "store",
    data: { name: "mail", workers: 4 },
    loop: "0 3 * * *",
  },
};

const shown = (w: KubernetesWishes): string =>
  kubernetesTarget
    .plan(toyVersion, w)
    .files.map(f => `# ---- ${f.path}\n${f.text}`)
    .join("\n");

test.each([
  ["plain", least],
  ["kustomize", most],
  ["helm", { ...most, autoscaling: { ...least.autoscaling, by: "requests" } }],
] as const)("the plan in the form %s is a function of the version and the wishes (golden file)", async (format, w) => {
  await expect(shown({ ...w, format })).toMatchFileSnapshot(`golden/${format}.txt`);
});

interface Loose {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly annotations?: Readonly<Record<string, string>> };
  // biome-ignore lint/suspicious/noExplicitAny: what YAML holds
  readonly spec?: any;
}

const objectsOf = (w: KubernetesWishes): Loose[] =>
  kubernetesTarget.plan(toyVersion, w).files.flatMap(f => parseAllDocuments(String(f.text)).map(d => d.toJS() as Loose));

test("every object carries the lineage, and the pods do", () => {
  for (const o of objectsOf(most))
    expect(o.metadata.annotations, o.kind).toMatchObject({ "loam.fingerprint": "a".repeat(64), "loam.approval": "e".repeat(64) });
  const pod = objectsOf(most).find(o => o.kind === "Deployment")!.spec.template;
  expect(pod.metadata.annotations).toMatchObject({ "loam.lineage": "model-0123456789ab" });
});

test("the grace period is longer than the delay and the drain together, whatever they are", () => {
  fc.assert(
    fc.property(fc.nat(60), fc.nat(3600), (shutdownDelaySeconds, drainSeconds) => {
      const pod = objectsOf({ ...least, shutdownDelaySeconds, drainSeconds }).find(o => o.kind === "Deployment")!.spec.template.spec;
      expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(shutdownDelaySeconds + drainSeconds);
      expect(pod.containers[0].args.slice(-4)).toEqual([
        "--shutdown-delay",
        `${shutdownDelaySeconds}`,
        "--shutdown-timeout",
        `${drainSeconds}`,
      ]);
    }),
  );
});

test("jobs over a project start `loam` itself, whatever the entry point of their image is", () => {
  const pods = objectsOf(most).flatMap(o =>
    o.kind === "Job" ? o.spec.template.spec : o.kind === "CronJob" ? o.spec.jobTemplate.spec.template.spec : [],
  );
  expect(pods.map(p => [p.containers[0].command, p.containers[0].args[0]])).toEqual([
    [["loam"], "data"],
    [["loam"], "data"],
    [["loam"], "loop"],
  ]);
});

test("a Service selects no pod of a job, and a Deployment's selector does not name the version", () => {
  const all = objectsOf(most);
  const { selector } = all.find(o => o.kind === "Service")!.spec;
  for (const o of all.filter(x => x.kind === "Job" || x.kind === "CronJob")) {
    const { labels } = (o.spec.template ?? o.spec.jobTemplate.spec.template).metadata;
    expect(
      Object.entries(selector).every(([k, v]) => labels[k] === v),
      o.metadata.name,
    ).toBe(false);
  }
  const other = kubernetesTarget.plan({ ...toyVersion, version: 4 }, most).files.find(f => f.path.endsWith("deployment.yaml"))!;
  expect(parseAllDocuments(String(other.text))[0]!.toJS().spec.selector).toEqual(all.find(o => o.kind === "Deployment")!.spec.selector);
});

test("all pods are non-root with a read-only root, no privileges and no token of a service account", () => {
  const pods = objectsOf(most).flatMap(o => o.spec?.template?.spec ?? o.spec?.jobTemplate?.spec.template.spec ?? []);
  expect(pods).toHaveLength(4);
  for (const pod of pods) {
    expect(pod).toMatchObject({
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
      containers: [{ securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ["ALL"] } } }],
    });
  }
});

test("memory grows by each byte of the cache and by four a weight, and its parts are its total", () => {
  const total = (more: Partial<ServedSizes>, slots = 8) => memoryPlan({ sizes: { ...sizes, ...more }, form: "exact", slots }).totalBytes;
  expect(total({ cacheBytes: sizes.cacheBytes + 1000 }) - total({})).toBe(1000);
  expect(total({ numParameters: sizes.numParameters + 1000 }) - total({})).toBe(4000);
  expect(total({}, 9)).toBeGreaterThan(total({}));
  const { totalBytes, ...parts } = memoryPlan({ sizes, form: "exact", slots: 8 });
  expect(Math.abs(Object.values(parts).reduce((a, b) => a + b, 0) - totalBytes)).toBeLessThan(1);
});

/** VmHWM in MiB of saturated servers, as `npm run bench -- memory-shapes` measured them. Intel Xeon, Node 20.20.2. */
const seen: readonly (readonly [
  name: string,
  slots: number,
  sizes: Omit<ServedSizes, "numParameters"> & { weightsMiB: number },
  peakMiB: number,
  form: PodForm,
])[] = JSON.parse(readFileSync(new URL("golden/memory.json", import.meta.url), "utf8"));

test.each(seen)(
  "computed memory of %s with %i slots is not below what a saturated server took, and at most 10 % above",
  (_, slots, s, peakMiB, form) => {
    const { weightsMiB, ...shape } = s;
    const { totalBytes } = memoryPlan({ sizes: { ...shape, numParameters: (weightsMiB * 2 ** 20) / 4 }, form, slots });
    const share = totalBytes / 2 ** 20 / peakMiB;
    expect(share).toBeGreaterThanOrEqual(1);
    expect(share).toBeLessThanOrEqual(1.1);
  },
);

/** MiB that a moderator added to VmHWM of a server of a toy, as `npm run bench -- moderator-memory` measured them. AMD EPYC, Node 20.20.2. */
const moderators: readonly (readonly [name: string, sizes: ModeratorSizes, moreMiB: number])[] = JSON.parse(
  readFileSync(new URL("golden/moderator-memory.json", import.meta.url), "utf8"),
);
/** Of the toy alone, in the same run. */
const toyPeakMiB = 152.5;

test.each(moderators)(
  "a pod's computed memory with the moderator %s is not below what it added, and the whole is at most 10 % above",
  (_, moderator, moreMiB) => {
    const more = moderatorBytes(moderator) / 2 ** 20;
    expect(more).toBeGreaterThanOrEqual(moreMiB);
    expect((toyPeakMiB + more) / (toyPeakMiB + moreMiB)).toBeLessThanOrEqual(1.1);
    const plan = { sizes, form: "exact", slots: 8 } as const;
    const guarded = memoryPlan({ ...plan, guards: { moderator, blockedCharacters: 0 } });
    expect(guarded.totalBytes - memoryPlan(plan).totalBytes).toBeCloseTo(moderatorBytes(moderator), -1);
  },
);

test("a pod's memory grows with each character of a block list, not below what lists took", () => {
  const plan = { sizes, form: "exact", slots: 8 } as const;
  const more = (blockedCharacters: number) =>
    memoryPlan({ ...plan, guards: { blockedCharacters } }).totalBytes - memoryPlan(plan).totalBytes;
  // characters of a list, and MiB that VmHWM of a toy's server was above that without it
  for (const [characters, moreMiB] of [
    [10_964, 10.3],
    [58_667, 49.8],
    [238_667, 198.2],
    [238_667, 206.1],
    [166_051, 107.5],
    [142_261, 63.2],
  ] as const)
    expect(more(characters) / 2 ** 20).toBeGreaterThanOrEqual(moreMiB);
  expect(more(0)).toBe(0);
});

test("the second version of a blue/green deployment comes as the color without requests, beside the first as it was written (golden file)", async () => {
  const first = coloredPlan(3, nextColors(undefined));
  const second = coloredPlan(4, nextColors(previousOf(first)));
  const text = second.files.map(f => `# ---- ${f.path}\n${f.text}`).join("\n");
  await expect(text).toMatchFileSnapshot("golden/blue-green.txt");
});

const coloredWishes = { ...least, autoscaling: { ...least.autoscaling, by: "cpu" } } as const;

function coloredPlan(version: number, colors: ColorWishes): ReadPlan {
  const v = { ...toyVersion, version };
  const wishes = { ...coloredWishes, colors };
  const plan = kubernetesTarget.plan(v, wishes);
  return read(deploymentOf(kubernetesTarget, v, wishes, plan), plan.files);
}

function read(deployment: Deployment, files: readonly PlanFile[]): ReadPlan {
  const sorted = deployment.files.map(({ path }) => files.find(f => f.path === path)!);
  const objects = Object.fromEntries(
    sorted.map(f => [f.path.replace(/^manifests\/|\.yaml$/g, ""), parseAllDocuments(String(f.text))[0]!.toJS()]),
  );
  return { deployment, files: sorted, objects };
}

const previousOf = ({ deployment, objects }: ReadPlan): PreviousColors => {
  const colors = colorsOf(deployment)!;
  const own = Object.entries(objects).filter(([name]) => isOfColor(name, colors.color));
  return { colors, version: deployment.version, objects: Object.fromEntries(own) };
};

const textsOf = ({ files }: Pick<ReadPlan, "files">) => Object.fromEntries(files.map(f => [f.path, String(f.text)]));

test("in any order of versions, switches and retirements, requests go to pods that are there, a new version leaves them alone, and a switch changes selectors only", () => {
  const acts = fc.array(fc.constantFrom("deploy", "switch", "retire"), { minLength: 1, maxLength: 7 });
  fc.assert(
    fc.property(acts, order => {
      let at = coloredPlan(1, nextColors(undefined));
      for (const [i, act] of order.entries()) {
        const colors = colorsOf(at.deployment)!;
        const before = textsOf(at);
        if (act === "deploy") {
          const next = coloredPlan(i + 2, nextColors(previousOf(at)));
          // the live color stays byte for byte
          for (const [path, text] of Object.entries(before))
            if (isOfColor(path.replace(/^manifests\/|\.yaml$/g, ""), colors.live)) expect(textsOf(next)[path]).toBe(text);
          expect(colorsOf(next.deployment)).toMatchObject({ live: colors.live, color: otherColor(colors.live) });
          at = next;
        } else if (act === "switch" && colors.color !== colors.live) {
          const { deployment, files } = switchedPlan(at, colors);
          const after = textsOf({ files });
          expect(Object.keys(after).filter(path => after[path] !== before[path])).toEqual([
            "manifests/service-preview.yaml",
            "manifests/service.yaml",
          ]);
          at = read(deployment, files);
        } else if (act === "retire" && colors.other && colors.color === colors.live) {
          const { deployment, files } = retiredPlan(at, colors);
          at = read(deployment, files);
          expect(Object.keys(at.objects).filter(name => isOfColor(name, otherColor(colors.live)) || name === "service-preview")).toEqual(
            [],
          );
        }
        const now = colorsOf(at.deployment)!;
        // what was changed in place is what a plan of its wishes is: nothing is to be applied again
        const again = coloredPlan(at.deployment.version, now);
        expect(deploymentText(at.deployment)).toBe(deploymentText(again.deployment));
        const { selector } = at.objects.service!.spec as { selector: Record<string, string> };
        const served = Object.values(at.objects).filter(o => o.kind === "Deployment") as unknown as Loose[];
        const labels = served.map(o => o.spec.template.metadata.labels as Record<string, string>);
        expect(labels.filter(l => Object.entries(selector).every(([k, value]) => l[k] === value))).toHaveLength(1);
      }
    }),
  );
});
