/**
 * Deploys two versions of a model to the cluster of KUBECONFIG and changes it under load (README.md). Usage:
 *   node run.js --model NAME --image IMAGE-1 --image IMAGE-2 [--phases rolling,drain,canary,...] [--clients 8] [--requests 300] [--long-tokens 1500] [--long-every 8] [--serve-flags "--slots 16"]
 * Requests are those before a change and after it; every eighth stream is long.
 * Pods' addresses must be reachable from here.
 */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { startGateway } from "./gateway.js";
import { badCanary, canary, deployFirst, drainNode, get, rollBack, rollingUpdate, scale } from "./phases.js";

const phases = ["rolling", "drain", "canary", "bad-canary", "roll-back", "scale"];
const { values } = parseArgs({
  options: {
    model: { type: "string" },
    image: { type: "string", multiple: true },
    phases: { type: "string", default: phases.join(",") },
    clients: { type: "string", default: "8" },
    requests: { type: "string", default: "300" },
    "long-every": { type: "string", default: "8" },
    "serve-flags": { type: "string", default: "" },
    "long-tokens": { type: "string", default: "1500" },
  },
});
const { model, image: images } = values;
const wanted = values.phases.split(",");
if (model === undefined || images?.length !== 2 || wanted.some(p => !phases.includes(p))) {
  console.error(`usage: run.js --model NAME --image FIRST --image SECOND [--phases ${phases.join(",")}]`);
  process.exit(2);
}

/** @param {readonly string[]} args @param {string} [input] @returns {Promise<string>} */
const kubectl = (args, input) =>
  new Promise((resolve, reject) => {
    const child = execFile("kubectl", args, { maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) =>
      error ? reject(new Error(`kubectl ${args.join(" ")}: ${stderr}`)) : resolve(stdout),
    );
    child.stdin?.end(input ?? "");
  });
const log = (/** @type {string} */ text) => process.stderr.write(`${new Date().toISOString()} ${text}\n`);

for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(130));
const folder = mkdtempSync(join(tmpdir(), "loam-example-"));
const before = {
  kubectl,
  model,
  images,
  replicas: 2,
  clients: Number(values.clients),
  tokens: 12,
  longTokens: Number(values["long-tokens"]),
  longEvery: Number(values["long-every"]),
  args: values["serve-flags"].split(" ").filter(Boolean),
  least: Number(values.requests),
  log,
};
const pending = { url: "", key: "", split: async () => {}, close: async () => {} };
const address = async (/** @type {string} */ name) =>
  `http://${await kubectl(["get", "service", name, "-o", "jsonpath={.spec.clusterIP}"])}`;
let gateway = pending;
try {
  await deployFirst({ ...before, gateway, serviceUrl: "" });
  const serviceUrl = await address(model);
  const loam = [process.execPath, fileURLToPath(new URL("../../bin/loam.js", import.meta.url))];
  gateway = await startGateway({
    loam,
    folder,
    model,
    stableUrl: serviceUrl,
    canaryUrl: await address(`${model}-canary`),
    env: process.env,
    log,
  });
  const lab = { ...before, gateway, serviceUrl };
  const node = async () => (await get(lab, ["pods", "-l", `app.kubernetes.io/name=${model}`])).items[0].spec.nodeName;
  const results = [];
  for (const phase of wanted) {
    if (phase === "rolling") results.push(await rollingUpdate(lab));
    if (phase === "drain") results.push(await drainNode(lab, await node()));
    if (phase === "canary") results.push(await canary(lab, 0));
    if (phase === "bad-canary") results.push(await badCanary(lab));
    if (phase === "roll-back") results.push(await rollBack(lab));
    if (phase === "scale") results.push(await scale(lab));
  }
  const failed = results.reduce((n, r) => n + r.lost + r.cut + r.refused + r.twice + r.mixed, 0);
  console.log(JSON.stringify({ results, requests: results.reduce((n, r) => n + r.requests, 0), failed }));
  process.exitCode = failed === 0 ? 0 : 1;
} finally {
  await gateway.close();
  await kubectl(["delete", "deployment,service,pdb,hpa", "--ignore-not-found", model, `${model}-canary`]).catch(() => {});
  rmSync(folder, { recursive: true, force: true });
}
