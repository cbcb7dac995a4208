/**
 * What a cluster does to a model's pods, each under load: a rolling update, a drained node, a canary, a bad canary that is taken back, more and fewer pods, a
 * pod that is killed, a node that dies. Each phase gives what became of its requests.
 */
import { differingTexts, startLoad } from "./load.js";
import { autoscaler, deployment, disruptionBudget, service } from "./manifests.js";

/**
 * @typedef {import("./load.js").LoadSummary} LoadSummary
 * @typedef {import("./load.js").Load} Load
 * @typedef {import("./gateway.js").RunningGateway} RunningGateway
 * @typedef {{ kubectl: (args: readonly string[], input?: string) => Promise<string>, model: string, images: readonly string[], replicas: number, clients: number, gateway: RunningGateway, serviceUrl: string, tokens: number, longTokens: number, longEvery?: number, least: number, args?: readonly string[], log: (text: string) => void }} Lab
 * `least`: requests before a change and after it. Every `longEvery`th stream has `longTokens`. `args`: further flags of `loam serve`.
 * @typedef {LoadSummary & { phase: string, mixed: number, facts: Record<string, unknown> }} PhaseResult
 */

/** @param {Lab} lab @param {readonly object[]} objects */
export const apply = (lab, objects) =>
  lab.kubectl(["apply", "-f", "-"], JSON.stringify({ apiVersion: "v1", kind: "List", items: objects }));
/** @param {Lab} lab @param {string} name */
export const rolledOut = (lab, name) => lab.kubectl(["rollout", "status", `deployment/${name}`, "--timeout=900s"]);
/** @param {Lab} lab @param {readonly string[]} args @returns {Promise<any>} */
export const get = async (lab, args) => JSON.parse(await lab.kubectl(["get", "-o", "json", ...args]));

const pause = (/** @type {number} */ ms) => new Promise(done => setTimeout(done, ms));
/** @param {() => unknown | Promise<unknown>} holds @param {string} what */
export async function until(holds, what, seconds = 900) {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; await pause(200)) if (await holds()) return;
  throw new Error(`not in ${seconds} s: ${what}`);
}

/** @param {Lab} lab @param {Load} load @param {number} [more] */
const answered = (lab, load, more = lab.least) => {
  const wanted = load.count() + more;
  return until(() => load.count() >= wanted, `${wanted} requests`);
};

/** Half of the clients ask the Service's address (kept connections through kube-proxy), half the gateway. `through`: only one of them. @param {Lab} lab @param {{ through?: "gateway" | "service", longEvery?: number, pauseMs?: number }} [how] */
export const loadOf = (lab, { through, longEvery = lab.longEvery ?? 8, pauseMs = 0 } = {}) =>
  startLoad({
    model: lab.model,
    clients: lab.clients,
    key: lab.gateway.key,
    tokens: lab.tokens,
    longTokens: lab.longTokens,
    longEvery,
    pauseMs,
    baseUrl: i => (through === "gateway" || (through === undefined && i % 2 === 0) ? lab.gateway.url : lab.serviceUrl),
  });

/**
 * Load, then a change, then load.
 * @param {Lab} lab @param {string} phase @param {(load: Load) => Promise<Record<string, unknown>>} change @param {Parameters<typeof loadOf>[1]} [how]
 * @returns {Promise<PhaseResult>}
 */
async function underLoad(lab, phase, change, how) {
  lab.log(`${phase}: begins`);
  const load = loadOf(lab, how);
  try {
    await answered(lab, load);
    const facts = await change(load);
    if (!load.isStopped()) await answered(lab, load);
    const result = await load.stop();
    const whole = { ...result, phase, mixed: differingTexts(load.records).length, facts };
    lab.log(`${phase}: ${JSON.stringify(whole)}`);
    return whole;
  } finally {
    await load.stop();
  }
}

/** @param {Lab} lab @param {string} name */
const imagesOf = async (lab, name) => {
  const { items } = await get(lab, ["pods", "-l", `app.kubernetes.io/name=${name}`]);
  return [
    ...new Set(
      items.filter((/** @type {any} */ p) => !p.metadata.deletionTimestamp).map((/** @type {any} */ p) => p.spec.containers[0].image),
    ),
  ];
};

/** The first version with its Service, and a Service of the canary, which has no pods yet. @param {Lab} lab */
export async function deployFirst(lab) {
  const { model, images, replicas, args = [] } = lab;
  await apply(lab, [
    deployment({ name: model, image: images[0] ?? "", replicas, args }),
    service(model),
    disruptionBudget(model),
    service(`${model}-canary`),
  ]);
  await rolledOut(lab, model);
}

/** @param {Lab} lab @param {number} to the image's index */
export const rollingUpdate = (lab, to = 1) =>
  underLoad(lab, "rolling update", async () => {
    await lab.kubectl(["set", "image", `deployment/${lab.model}`, `loam=${lab.images[to]}`]);
    await rolledOut(lab, lab.model);
    await until(async () => (await imagesOf(lab, lab.model)).length === 1, "old pods are gone");
    return { images: await imagesOf(lab, lab.model) };
  });

/** @param {Lab} lab @param {string} node */
export const drainNode = (lab, node) =>
  underLoad(lab, "node drain", async () => {
    await lab.kubectl(["drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=600s"]);
    await rolledOut(lab, lab.model);
    const { items } = await get(lab, ["pods", "-l", `app.kubernetes.io/name=${lab.model}`]);
    await lab.kubectl(["uncordon", node]);
    return { nodes: [...new Set(items.map((/** @type {any} */ p) => p.spec.nodeName))] };
  });

/** A second Deployment gets a tenth of the gateway's requests, then half, then none. @param {Lab} lab @param {number} version index of its image */
export const canary = (lab, version) =>
  underLoad(lab, "canary", async load => {
    const name = `${lab.model}-canary`;
    /** @type {Record<string, number>} */
    const shares = {};
    const since = async (/** @type {string} */ step) => {
      await until(async () => isNamed(load, name, load.count()), "the canary is asked").catch(() => {});
      const from = load.count();
      await answered(lab, load, 2 * lab.least);
      const seen = load.records.slice(from).filter(r => r.target !== undefined);
      shares[step] = seen.filter(r => r.target?.startsWith("canary")).length / seen.length;
    };
    await apply(lab, [deployment({ name, image: lab.images[version] ?? "", replicas: 1, args: lab.args ?? [] })]);
    await rolledOut(lab, name);
    await lab.gateway.split(9, 1);
    await since("0.1");
    await lab.gateway.split(1, 1);
    await since("0.5");
    await lab.gateway.split(1, 0);
    await answered(lab, load);
    await lab.kubectl(["delete", "deployment", name, "--wait=false"]);
    await until(
      async () => (await get(lab, ["pods", "-l", `app.kubernetes.io/name=${name}`])).items.length === 0,
      "the canary's pods are gone",
    );
    return { shares };
  });

/** @param {Load} load @param {string} _name @param {number} from */
const isNamed = (load, _name, from) => load.records.slice(Math.max(0, from - 20)).some(r => r.target?.startsWith("canary"));

/** A canary that does not start: no request goes to it, and it is taken back. @param {Lab} lab */
export const badCanary = lab =>
  underLoad(lab, "bad canary", async load => {
    const name = `${lab.model}-canary`;
    // files other than those that the image was made for: the server refuses to start
    const args = ["--expect-digest", "0".repeat(64)];
    await apply(lab, [deployment({ name, image: lab.images[1] ?? "", replicas: 1, args })]);
    await lab.gateway.split(9, 1);
    const pods = async () => (await get(lab, ["pods", "-l", `app.kubernetes.io/name=${name}`])).items;
    await until(
      async () => (await pods()).some((/** @type {any} */ p) => (p.status.containerStatuses?.[0]?.restartCount ?? 0) > 0),
      "the canary crashes",
    );
    await answered(lab, load);
    const asked = load.records.filter(r => r.target?.startsWith("canary@")).length;
    await lab.gateway.split(1, 0);
    await lab.kubectl(["delete", "deployment", name]);
    return { asked };
  });

/** A bad version that rolls out: the rollout stops at its first pod, and `kubectl rollout undo` takes it back. @param {Lab} lab */
export const rollBack = lab =>
  underLoad(lab, "roll back", async load => {
    const { model } = lab;
    const before = await imagesOf(lab, model);
    const args = [{ op: "replace", path: "/spec/template/spec/containers/0/args", value: ["--expect-digest", "0".repeat(64)] }];
    await lab.kubectl(["patch", "deployment", model, "--type=json", "-p", JSON.stringify(args)]);
    const pods = async () => (await get(lab, ["pods", "-l", `app.kubernetes.io/name=${model}`])).items;
    await until(
      async () => (await pods()).some((/** @type {any} */ p) => (p.status.containerStatuses?.[0]?.restartCount ?? 0) > 0),
      "the new pod crashes",
    );
    await answered(lab, load);
    await lab.kubectl(["rollout", "undo", `deployment/${model}`]);
    await rolledOut(lab, model);
    return { before, after: await imagesOf(lab, model) };
  });

/**
 * An autoscaler by processor time: load four times as large, its decision, then little load and the way back.
 * @param {Lab} lab @param {{ most?: number, percent?: number }} [bounds]
 */
export async function scale(lab, { most = 3, percent = 150 } = {}) {
  const { model } = lab;
  const replicas = async () => (await get(lab, ["deployment", model])).spec.replicas;
  await lab.kubectl(["scale", `deployment/${model}`, "--replicas=1"]);
  await until(async () => (await get(lab, ["pods", "-l", `app.kubernetes.io/name=${model}`])).items.length === 1, "one pod");
  await apply(lab, [autoscaler(model, { least: 1, most, percent })]);
  const readsMetrics = async () =>
    (await get(lab, ["hpa", model])).status.conditions?.some((/** @type {any} */ c) => c.type === "ScalingActive" && c.status === "True");
  await until(readsMetrics, "the autoscaler reads metrics");
  try {
    return await underLoad(lab, "scale", async load => {
      const beganMs = Date.now();
      const more = loadOf({ ...lab, clients: 3 * lab.clients });
      await until(async () => (await replicas()) > 1, "the autoscaler adds pods");
      const decidedMs = Date.now() - beganMs;
      await until(async () => (await replicas()) === most, "all pods are wanted");
      await rolledOut(lab, model);
      const readyMs = Date.now() - beganMs;
      const stepped = await more.stop();
      await answered(lab, load);
      // what is left of the load is two clients' with pauses
      const rest = await load.stop();
      const small = loadOf({ ...lab, clients: 2 }, { longEvery: 0, pauseMs: 200 });
      await until(async () => (await get(lab, ["pods", "-l", `app.kubernetes.io/name=${model}`])).items.length === 1, "one pod again");
      const scaledIn = await small.stop();
      return { decidedMs, readyMs, stepped, rest, scaledIn };
    });
  } finally {
    await lab.kubectl(["delete", "hpa", model]);
    await lab.kubectl(["scale", `deployment/${model}`, `--replicas=${lab.replicas}`]);
    await rolledOut(lab, model);
  }
}

/**
 * One pod dies at once: what it was answering is lost, and nothing else.
 * @param {Lab} lab @param {(pod: any) => Promise<void>} kill
 */
export const killPod = (lab, kill) =>
  underLoad(lab, "killed pod", async load => {
    const { items } = await get(lab, ["pods", "-l", `app.kubernetes.io/name=${lab.model}`]);
    const killedMs = Date.now();
    await kill(items[0]);
    const overMs = Date.now();
    await answered(lab, load);
    await rolledOut(lab, lab.model);
    const failed = load.records.filter(r => r.how !== "answered");
    const elsewhen = failed.filter(r => r.atMs - r.ms > overMs + 1000 || r.atMs < killedMs).length;
    return { failed: failed.length, elsewhen, told: failed.filter(r => r.detail !== "").length };
  });

/**
 * A node without power: while it counts as ready its pods are still asked, and the gateway asks another pod instead.
 * @param {Lab} lab @param {string} node @param {(verb: "kill" | "boot") => Promise<unknown>} power
 */
export const deadNode = (lab, node, power) =>
  underLoad(
    lab,
    "dead node",
    async load => {
      const isReady = async () =>
        (await get(lab, ["node", node])).status.conditions.some((/** @type {any} */ c) => c.type === "Ready" && c.status === "True");
      await power("kill");
      await until(async () => !(await isReady()), "the node is NotReady");
      await answered(lab, load, 50);
      const fromMs = Date.now();
      await answered(lab, load);
      const late = load.records.filter(r => r.how !== "answered" && r.atMs - r.ms > fromMs).length;
      await power("boot");
      await until(isReady, "the node is ready again");
      await rolledOut(lab, lab.model);
      return { failedWhenNotReady: late };
    },
    { through: "gateway" },
  );
