import fc from "fast-check";
import { expect, test } from "vitest";
import type { KubernetesObject } from "../../kubernetes/index.ts";
import { isChosen, type Resolution } from "./choose.ts";
import { decideModel, finalizer, type ModelPlan, type ObservedModel, type OperatorAction } from "./decide.ts";
import { type DeploymentObject, imageOf } from "./objects.ts";
import { type LoamModel, type LoamModelSpec, type LoamModelStatus, loamModelSpec } from "./spec.ts";

const specOf = (over: object = {}): LoamModelSpec => loamModelSpec.parse({ image: "registry/mail", version: "1", replicas: 2, ...over });

/** A cluster of one LoamModel, without time or failures but those that a test makes: it stores what is written, and rolls out what it stores. */
class ToyCluster {
  model: LoamModel;
  deployments: Record<string, DeploymentObject> = {};
  others: Record<string, KubernetesObject> = {};
  nowMs = 1_800_000_000_000;
  /** By image: errors of a hundred requests. */
  errors: Record<string, number> = {};
  neverReady = new Set<string>();
  digests: Record<string, string> = {};
  counters: Record<string, { requests: number; errors: number; buckets: Record<string, number> }> = {};
  events: string[] = [];
  #version = 1;

  constructor(spec: LoamModelSpec) {
    const metadata = { name: "mail", namespace: "n", uid: "u", generation: 1, resourceVersion: "1", finalizers: [finalizer] };
    this.model = { apiVersion: "loam.dev/v1alpha1", kind: "LoamModel", metadata, spec };
  }

  edit(spec: LoamModelSpec): void {
    this.model = { ...this.model, spec, metadata: { ...this.model.metadata, generation: this.model.metadata.generation! + 1 } };
  }

  resolve(of: { version?: string | undefined; alias?: string | undefined }): Resolution {
    if (of.version !== undefined) return { image: `registry/mail:${of.version}`, from: of.version };
    const digest = this.digests[of.alias!];
    return digest === undefined
      ? { from: of.alias!, reason: "ImageNotFound", message: "none" }
      : { image: `registry/mail@${digest}`, from: of.alias! };
  }

  observe(): ObservedModel {
    const { spec, status } = this.model;
    const own = spec.canary && (spec.canary.version ?? spec.canary.alias) !== undefined;
    const tracks = (["stable", "canary", "shadow"] as const).flatMap(t => {
      const d = this.deployments[t === "stable" ? "mail" : `mail-${t}`];
      return d ? [[t, d] as const] : [];
    });
    const reads = status?.canary?.test !== undefined;
    if (reads) {
      for (const [uid, image] of [
        ["s", status.stable!.image],
        ["c", status.canary!.image],
      ] as const) {
        const { requests, errors } = this.counters[`${uid} ${image}`] ?? { requests: 0, errors: 0 };
        this.counters[`${uid} ${image}`] = { requests: requests + 100, errors: errors + (this.errors[image] ?? 0), buckets: {} };
      }
    }
    const counted = (uid: string, image: string | undefined) =>
      this.counters[`${uid} ${image}`] ? { [uid + image]: this.counters[`${uid} ${image}`]! } : {};
    return {
      nowMs: this.nowMs,
      resolved: {
        wished: this.resolve(spec),
        canary: own ? this.resolve(spec.canary!) : undefined,
        shadow: spec.shadow ? this.resolve(spec.shadow) : undefined,
      },
      deployments: Object.fromEntries(tracks),
      services: Object.fromEntries(
        Object.entries(this.others)
          .filter(([k]) => k.startsWith("services/"))
          .map(([k, v]) => [k.slice(9), v]),
      ),
      autoscaler: this.others["horizontalpodautoscalers/mail"],
      reading: reads
        ? { atMs: this.nowMs, pods: { control: counted("s", status!.stable!.image), treatment: counted("c", status!.canary!.image) } }
        : undefined,
      canaryRestarts: 0,
    };
  }

  act(action: OperatorAction): void {
    const resourceVersion = String(++this.#version);
    if (action.type === "status") this.model = { ...this.model, status: action.status };
    else if (action.type === "finalizers")
      this.model = { ...this.model, metadata: { ...this.model.metadata, finalizers: action.finalizers } };
    else {
      const name = action.object.metadata.name!;
      if (action.resource.plural === "deployments") {
        if (action.type === "delete") delete this.deployments[name];
        else
          this.deployments[name] = {
            ...(this.deployments[name] ?? {}),
            ...(action.object as DeploymentObject),
            metadata: { ...action.object.metadata, resourceVersion, generation: (this.deployments[name]?.metadata.generation ?? 0) + 1 },
          };
      } else if (action.type === "delete") delete this.others[`${action.resource.plural}/${name}`];
      else
        this.others[`${action.resource.plural}/${name}`] = { ...action.object, metadata: { ...action.object.metadata, resourceVersion } };
    }
  }

  /** The deployment controller. */
  rollOut(): void {
    for (const [name, d] of Object.entries(this.deployments)) {
      const replicas = d.spec.replicas ?? 1;
      const isStuck = this.neverReady.has(imageOf(d)!);
      const status = isStuck
        ? {
            observedGeneration: d.metadata.generation!,
            replicas: replicas + 1,
            updatedReplicas: 1,
            readyReplicas: replicas,
            conditions: [{ type: "Progressing", status: "False", reason: "ProgressDeadlineExceeded" }],
          }
        : { observedGeneration: d.metadata.generation!, replicas, updatedReplicas: replicas, readyReplicas: replicas };
      this.deployments[name] = { ...d, status };
    }
  }

  /** Decides and does, one round; `upTo` writes of it. */
  step(upTo = Number.POSITIVE_INFINITY): ModelPlan {
    const plan = decideModel(this.model, this.observe());
    for (const action of plan.actions.slice(0, upTo)) this.act(action);
    if (upTo >= plan.actions.length) this.events.push(...plan.events.map(e => e.reason));
    this.nowMs += 10_000;
    return plan;
  }

  /** Until nothing is left to do. */
  settle(most = 400): this {
    for (let i = 0; i < most; i++) {
      this.rollOut();
      const { actions } = this.step();
      if (actions.length === 0 && this.status.canary?.phase !== "Running") return this;
    }
    throw new Error("it does not settle");
  }

  get status(): LoamModelStatus {
    return this.model.status ?? {};
  }
  get serving(): string | undefined {
    return imageOf(this.deployments.mail);
  }
  said(type: string) {
    return this.status.conditions?.find(c => c.type === type);
  }
}

const image = (version: string) => `registry/mail:${version}`;
const withCanary = (over: object = {}) =>
  specOf({ canary: { weight: 20, requests: 2000, metrics: { errors: { margin: 0.05 } } }, ...over });

test("a new LoamModel becomes a Deployment and a Service that it owns, and is Ready for its generation", () => {
  const cluster = new ToyCluster(specOf()).settle();
  expect(cluster.serving).toBe(image("1"));
  expect(cluster.deployments.mail!.spec.replicas).toBe(2);
  expect(cluster.deployments.mail!.metadata.ownerReferences).toMatchObject([{ kind: "LoamModel", uid: "u", controller: true }]);
  expect(Object.keys(cluster.others)).toEqual(["services/mail"]);
  expect(cluster.said("Ready")).toMatchObject({ status: "True", observedGeneration: 1 });
  expect(cluster.status.observedGeneration).toBe(1);
});

test("the finalizer is written before anything else", () => {
  const cluster = new ToyCluster(specOf());
  cluster.model = { ...cluster.model, metadata: { ...cluster.model.metadata, finalizers: ["other/one"] } };
  expect(cluster.step().actions).toMatchObject([{ type: "finalizers", finalizers: ["other/one", finalizer] }]);
});

test("a settled LoamModel is written to no more, and read again only where an alias may move", () => {
  const cluster = new ToyCluster(specOf()).settle();
  expect(cluster.step()).toEqual({ actions: [], events: [], isProgressOnly: false, againMs: null });
  const byAlias = new ToyCluster(specOf({ version: undefined, alias: "prod" }));
  byAlias.digests.prod = "sha256:1";
  expect(byAlias.settle().step()).toMatchObject({ actions: [], againMs: 15_000 });
});

test("without a canary a new version rolls out at once", () => {
  const cluster = new ToyCluster(specOf()).settle();
  cluster.edit(specOf({ version: "2" }));
  expect(cluster.settle().serving).toBe(image("2"));
  expect(cluster.events).toEqual(["Rollout", "Rollout"]);
});

test("only a status that tells how far a rollout is may wait: a decision, a new object and an event may not", () => {
  const cluster = new ToyCluster(specOf()).settle();
  const isProgressOnly: boolean[] = [];
  cluster.edit(specOf({ version: "2" }));
  isProgressOnly.push(cluster.step().isProgressOnly);
  cluster.rollOut();
  isProgressOnly.push(cluster.step().isProgressOnly, cluster.step().isProgressOnly);
  expect(isProgressOnly).toEqual([false, true, false]);
});

test("hand edits of image, replicas, labels or ports are reverted; fields that the spec does not set stay", () => {
  const cluster = new ToyCluster(specOf()).settle();
  const d = cluster.deployments.mail!;
  const annotated = { ...d.metadata, annotations: { ...d.metadata.annotations, "a/b": "c" } };
  cluster.deployments.mail = { ...d, metadata: annotated };
  expect(cluster.step().actions).toEqual([]);
  cluster.deployments.mail = { ...d, spec: { ...d.spec, replicas: 7 } };
  expect(cluster.step().actions).toMatchObject([{ type: "apply", over: { metadata: { name: "mail" } } }, { type: "status" }]);
  cluster.settle();
  expect(cluster.deployments.mail!.spec.replicas).toBe(2);
});

test("a canary that is as good replaces the stable version; its pods stay until the stable ones are ready", () => {
  const cluster = new ToyCluster(withCanary()).settle();
  cluster.errors = { [image("1")]: 1, [image("2")]: 1 };
  cluster.edit(withCanary({ version: "2" }));
  cluster.step();
  expect(cluster.deployments["mail-canary"]).toMatchObject({ spec: { replicas: 1 } });
  expect(cluster.serving).toBe(image("1"));
  while (cluster.status.canary?.phase !== "Promoting") {
    cluster.step();
    cluster.rollOut();
  }
  expect(imageOf(cluster.deployments["mail-canary"])).toBe(image("2"));
  cluster.settle();
  expect([cluster.serving, cluster.deployments["mail-canary"]]).toEqual([image("2"), undefined]);
  expect(cluster.events).toEqual(["Rollout", "CanaryStarted", "CanaryPassed", "Rollout"]);
});

test("a bad canary is rolled back, said so, and not tried again until the spec or the alias changes", () => {
  const cluster = new ToyCluster(withCanary()).settle();
  cluster.errors = { [image("1")]: 1, [image("2")]: 30 };
  cluster.edit(withCanary({ version: "2" }));
  cluster.settle();
  expect([cluster.serving, cluster.deployments["mail-canary"]]).toEqual([image("1"), undefined]);
  expect(cluster.status.rejected).toMatchObject([{ image: image("2"), generation: 2, reason: "Harm" }]);
  expect(cluster.said("Canary")).toMatchObject({ status: "False", reason: "RolledBack" });
  expect(cluster.step().actions).toEqual([]);
  cluster.errors = {};
  cluster.edit(withCanary({ version: "2", replicas: 3 }));
  expect(cluster.settle().serving).toBe(image("2"));
});

test("steps raise the weight with the requests of the canary", () => {
  const steps = (version: string) =>
    specOf({
      version,
      replicas: 10,
      canary: { steps: [10, 30, 50], requests: 300, metrics: { errors: { margin: 0.001 } }, undecided: "promote" },
    });
  const cluster = new ToyCluster(steps("1")).settle();
  cluster.edit(steps("2"));
  const seen = new Set<string>();
  for (let i = 0; i < 40; i++) {
    cluster.step();
    cluster.rollOut();
    const { canary } = cluster.status;
    if (canary?.phase === "Running") seen.add(`${canary.weight} % ${cluster.deployments["mail-canary"]!.spec.replicas}`);
  }
  expect([...seen]).toEqual(["10 % 1", "30 % 4", "50 % 10"]);
  expect(cluster.serving).toBe(image("2"));
  expect(cluster.events.filter(e => e === "CanaryStep")).toHaveLength(2);
});

test("an undecided canary goes back by default", () => {
  const few = (version: string) => specOf({ version, canary: { weight: 20, requests: 10, metrics: { errors: { margin: 0.001 } } } });
  const cluster = new ToyCluster(few("1")).settle();
  cluster.edit(few("2"));
  expect(cluster.settle().serving).toBe(image("1"));
  expect(cluster.status.rejected).toMatchObject([{ reason: "Undecided" }]);
});

test("an alias that moves while its canary runs starts the canary of the new version", () => {
  const cluster = new ToyCluster(withCanary({ version: undefined, alias: "prod" }));
  cluster.digests.prod = "sha256:1";
  cluster.settle();
  cluster.digests.prod = "sha256:2";
  cluster.errors = { "registry/mail@sha256:2": 50 };
  cluster.step();
  expect(cluster.status.canary?.image).toBe("registry/mail@sha256:2");
  cluster.digests.prod = "sha256:3";
  cluster.step();
  expect(cluster.status.canary?.image).toBe("registry/mail@sha256:3");
  expect(imageOf(cluster.deployments["mail-canary"])).toBe("registry/mail@sha256:3");
  expect(cluster.settle().serving).toBe("registry/mail@sha256:3");
});

test("an alias that cannot be resolved leaves what serves as it is", () => {
  const cluster = new ToyCluster(specOf({ version: undefined, alias: "prod" }));
  cluster.digests.prod = "sha256:1";
  cluster.settle();
  cluster.digests = {};
  cluster.settle();
  expect(cluster.serving).toBe("registry/mail@sha256:1");
  expect(cluster.said("Resolved")).toMatchObject({ status: "False", reason: "ImageNotFound" });
  expect(cluster.said("Ready")).toMatchObject({ status: "True" });
});

test("a rollout that misses its deadline goes back to the last version that was ready, unless told never to", () => {
  const cluster = new ToyCluster(specOf()).settle();
  cluster.neverReady.add(image("2"));
  cluster.edit(specOf({ version: "2" }));
  cluster.settle();
  expect(cluster.serving).toBe(image("1"));
  expect(cluster.status.rejected).toMatchObject([{ image: image("2"), reason: "NotReady" }]);
  cluster.edit(specOf({ version: "2", rollback: "never" }));
  cluster.settle();
  expect(cluster.serving).toBe(image("2"));
  expect(cluster.said("Ready")).toMatchObject({ status: "False", reason: "DeadlineExceeded" });
});

test("a canary with a version of its own leaves the spec's version until it passed, and starts anew when that version changes", () => {
  const own = (version: string) =>
    specOf({ version, canary: { version: "9", weight: 20, requests: 2000, metrics: { errors: { margin: 0.05 } } } });
  const cluster = new ToyCluster(own("1"));
  cluster.step();
  cluster.rollOut();
  expect(cluster.serving).toBe(image("1"));
  expect(cluster.settle().serving).toBe(image("9"));
  cluster.edit(own("2"));
  cluster.step();
  expect(cluster.serving).toBe(image("2"));
});

test("the autoscaler's number of pods stands between its limits", () => {
  const cluster = new ToyCluster(specOf({ autoscaling: { minReplicas: 2, maxReplicas: 5 } })).settle();
  const d = cluster.deployments.mail!;
  cluster.deployments.mail = { ...d, spec: { ...d.spec, replicas: 4 } };
  cluster.settle();
  expect(cluster.deployments.mail!.spec.replicas).toBe(4);
  cluster.deployments.mail = { ...d, spec: { ...d.spec, replicas: 9 } };
  cluster.settle();
  expect(cluster.deployments.mail!.spec.replicas).toBe(5);
  expect(cluster.others["horizontalpodautoscalers/mail"]).toBeDefined();
  cluster.edit(specOf());
  cluster.settle();
  expect(cluster.others["horizontalpodautoscalers/mail"]).toBeUndefined();
});

test("a shadow has a Service of its own and gets no requests of the model's", () => {
  const cluster = new ToyCluster(specOf({ shadow: { version: "7" } })).settle();
  const labels = cluster.deployments["mail-shadow"]!.spec.template.metadata.labels;
  expect(labels).toEqual({ "loam.dev/name": "mail", "loam.dev/track": "shadow" });
  expect(cluster.others["services/mail"]).toMatchObject({ spec: { selector: { "loam.dev/name": "mail", "loam.dev/traffic": "live" } } });
  cluster.edit(specOf());
  cluster.settle();
  expect([Object.keys(cluster.deployments), Object.keys(cluster.others)]).toEqual([["mail"], ["services/mail"]]);
});

test("deletion: Deployments first, with their pods' grace; the finalizer when none is left; what another owns stays", () => {
  const cluster = new ToyCluster(specOf()).settle();
  const foreign = { ...cluster.deployments.mail!, metadata: { name: "mail-shadow", ownerReferences: [] } };
  cluster.deployments["mail-shadow"] = foreign;
  cluster.model = { ...cluster.model, metadata: { ...cluster.model.metadata, deletionTimestamp: "2026-01-01T00:00:00Z" } };
  expect(cluster.step().actions).toMatchObject([{ type: "delete", foreground: true, object: { metadata: { name: "mail" } } }]);
  expect(cluster.step().actions).toMatchObject([{ type: "finalizers", finalizers: [] }]);
  expect(cluster.step().actions).toEqual([]);
  expect(cluster.deployments["mail-shadow"]).toBe(foreign);
});

test("a time of a condition moves with its status alone", () => {
  const cluster = new ToyCluster(specOf()).settle();
  const since = cluster.said("Ready")!.lastTransitionTime;
  const resolvedSince = cluster.said("Resolved")!.lastTransitionTime;
  cluster.edit(specOf({ replicas: 3, drainSeconds: 9 }));
  cluster.step();
  expect(cluster.said("Ready")).toMatchObject({ status: "False", observedGeneration: 2 });
  cluster.settle();
  expect(cluster.said("Ready")!.lastTransitionTime).not.toBe(since);
  const resolved = cluster.said("Resolved")!;
  expect([resolved.lastTransitionTime, resolved.observedGeneration]).toEqual([resolvedSince, 2]);
});

test("the same observation gives the same plan", () => {
  const cluster = new ToyCluster(withCanary()).settle();
  cluster.edit(withCanary({ version: "2" }));
  cluster.step();
  const observed = cluster.observe();
  expect(decideModel(cluster.model, observed)).toEqual(decideModel(cluster.model, observed));
});

/** What a run ends in, without the times of its way. */
const endOf = (c: ToyCluster) => ({
  serving: c.serving,
  deployments: Object.keys(c.deployments),
  others: Object.keys(c.others).sort(),
  stable: c.status.stable,
  rejected: c.status.rejected?.map(r => [r.image, r.reason]),
});

test("crashes between any two writes, and edits in any order, end in the same state as an undisturbed run of the last spec", () => {
  const change = fc.record({
    version: fc.constantFrom("1", "2", "3", "bad", "stuck"),
    replicas: fc.integer({ min: 0, max: 4 }),
    hasCanary: fc.boolean(),
  });
  const script = fc.array(fc.record({ change, crashes: fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 6 }) }), {
    minLength: 1,
    maxLength: 5,
  });
  const prepared = (cluster: ToyCluster) => {
    cluster.errors = { [image("bad")]: 40 };
    cluster.neverReady.add(image("stuck"));
    return cluster;
  };
  const spec = ({ version, replicas, hasCanary }: { version: string; replicas: number; hasCanary: boolean }) =>
    hasCanary ? withCanary({ version, replicas }) : specOf({ version, replicas });
  fc.assert(
    fc.property(script, steps => {
      const cluster = prepared(new ToyCluster(specOf({ version: "1" }))).settle();
      for (const { change: to, crashes } of steps) {
        cluster.edit(spec(to));
        for (const upTo of crashes) {
          cluster.step(upTo);
          if (upTo === 3) cluster.rollOut();
        }
      }
      const last = steps.at(-1)!.change;
      cluster.settle();
      const isFine = !["bad", "stuck"].includes(last.version);
      // a version without fault always gets there, whatever was on the way
      if (isFine) expect(cluster.serving).toBe(image(last.version));
      // with a canary a faulty one never replaces one that serves
      if (!isFine && last.hasCanary) expect([image("1"), image("2"), image("3"), image(last.version)]).toContain(cluster.serving);
      expect(cluster.deployments.mail!.spec.replicas).toBe(last.replicas);
      expect(cluster.deployments["mail-canary"]).toBeUndefined();
      expect(cluster.status.observedGeneration).toBe(cluster.model.metadata.generation);
      expect(cluster.step().actions).toEqual([]);
      expect(endOf(cluster.settle())).toEqual(endOf(cluster));
    }),
    { numRuns: 60 },
  );
});

test("isChosen tells an image from a reason", () => {
  expect([isChosen({ image: "a", from: "b" }), isChosen({ from: "b", reason: "c", message: "d" }), isChosen(undefined)]).toEqual([
    true,
    false,
    false,
  ]);
});
