/** Exports read by their targets' own checkers: apigeelint (Google), cfn-lint (AWS), the CRDs' schemas of Gateway API and Envoy Gateway (as npm packages). */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { checkConfig } from "../../config/read-config.ts";
import { type ExportTarget, exportGateway, exportTargets } from "./export.ts";

/** A folder with node_modules (apigeelint, @kubernetes-models/*) and python/bin/cfn-lint; `.ci/run` makes it. */
const tools = resolve(process.env.LOAM_EXPORT_TOOLS ?? ".cache/export-tools");
const has = (path: string) => existsSync(join(tools, path));
const skipped = (path: string) =>
  has(path) ? "" : ` (skipped: ${process.env.LOAM_EXPORT_TOOLS_REASON ?? `${path} is not in .cache/export-tools; .ci/run installs it`})`;

const folder = mkdtempSync(join(tmpdir(), "loam-export-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const file = {
  state: "memory:",
  upstreams: {
    cloud: { url: "https://models.example/v1", key: { env: "LOAM_TEST_EXPORT_KEY" } },
    pool: { url: "http://vllm.models.svc.cluster.local:8000/v1" },
  },
  models: {
    chat: { aliases: ["gpt-4o-mini"], targets: [{ upstream: "cloud", weight: 9 }, { upstream: "pool" }] },
    "org/small": { strategy: "leastOutstanding", targets: [{ upstream: "pool" }] },
  },
  access: {
    principals: {
      teams: { research: { roles: ["writer"] } },
      users: { ann: { teams: ["research"], roles: ["admin"] }, "bob@x.org": { teams: ["research"] } },
      serviceAccounts: { mailer: {} },
    },
    policies: [
      { id: "admins", effect: "allow", who: { roles: ["admin"] } },
      { id: "writers", effect: "allow", who: { roles: ["writer"] }, endpoints: ["chat"], parameters: { max_tokens: { max: 1024 } } },
      { id: "bots", effect: "allow", who: { subjects: ["mailer"] }, endpoints: ["embeddings"], labels: ["canary"] },
      { id: "night", effect: "deny", models: ["chat"], when: { from: "22:00", to: "06:00" } },
      { id: "personal", effect: "deny", models: ["chat"], dataClasses: ["personal"] },
    ],
    limits: [
      { name: "requests", per: ["key"], measure: "requests", limit: 60, window: "1m", burst: 10 },
      { name: "daily", per: ["user"], measure: "requests", limit: 5000, period: "day" },
      { name: "by-model", per: ["model"], measure: "requests", limit: 900, window: "1h", for: { users: ["mailer"] } },
      { name: "from-one-place", per: ["ip"], measure: "requests", limit: 5, window: "1s" },
    ],
  },
};

beforeAll(async () => {
  process.env.LOAM_TEST_EXPORT_KEY = "sk-for-tests";
  const config = await checkConfig(file, "gateway.yaml", ".");
  for (const target of exportTargets) {
    const { files } = exportGateway(target, { config, keys: [], nowMs: Date.now(), ...backendFor(target) });
    for (const [name, text] of files) {
      const path = join(folder, target, name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
    }
  }
});
const backendFor = (target: ExportTarget) =>
  target === "aws" || target === "kong" ? { backend: new URL("https://loam.internal/v1") } : {};

const apigeelint = "node_modules/apigeelint/cli.js";
test.skipIf(!has(apigeelint))(`apigeelint finds no error in the bundle${skipped(apigeelint)}`, () => {
  const arguments_ = [join(tools, apigeelint), "-s", join(folder, "apigee/apiproxy"), "--profile", "apigeex", "-f", "json.js"];
  const { stdout, stderr } = spawnSync(process.execPath, arguments_, { encoding: "utf8", cwd: join(folder, "apigee") });
  expect(stdout, stderr).toMatch(/^\[/);
  const found = JSON.parse(stdout) as { filePath: string; messages: { ruleId: string; severity: number; message: string }[] }[];
  expect(found.flatMap(f => f.messages.filter(m => m.severity > 1).map(m => `${f.filePath} ${m.ruleId}: ${m.message}`))).toEqual([]);
  // it has read what it was given
  expect(found.length).toBeGreaterThan(5);
});

const cfnLint = "python/bin/cfn-lint";
test.skipIf(!has(cfnLint))(`cfn-lint finds nothing in the template${skipped(cfnLint)}`, () => {
  const out = execFileSync(join(tools, cfnLint), ["--format", "json", join(folder, "aws/template.json")], { encoding: "utf8" });
  expect(JSON.parse(out || "[]")).toEqual([]);
});

const models = "node_modules/@kubernetes-models/envoy-gateway/package.json";
describe.skipIf(!has(models))(`Kubernetes${skipped(models)}`, () => {
  const packages: Readonly<Record<string, string>> = {
    "gateway.envoyproxy.io": "envoy-gateway",
    "gateway.networking.k8s.io": "gateway-api",
  };

  test("every resource fits the schema of its definition; a wrong one does not", async () => {
    const { readFileSync } = await import("node:fs");
    const documents = parseAllDocuments(readFileSync(join(folder, "envoy/gateway.yaml"), "utf8")).map(d => d.toJS());
    const kinds = new Set<string>();
    for (const document of documents) {
      const [group, version] = document.apiVersion.split("/");
      // no package has the Inference Extension's: its few fields are held against its published definition below
      if (packages[group] === undefined) continue;
      const path = join(tools, "node_modules/@kubernetes-models", packages[group]!, group, version, `${document.kind}.js`);
      const { [document.kind]: Model } = await import(pathToFileURL(path).href);
      expect(() => new Model(document).validate(), `${document.kind} ${document.metadata.name}`).not.toThrow();
      expect(() =>
        new Model({
          ...document,
          spec: { ...document.spec, targetRefs: 7, parentRefs: 7, endpoints: 7, credentialInjection: 7 },
        }).validate(),
      ).toThrow();
      kinds.add(document.kind);
    }
    expect([...kinds].sort()).toEqual([
      "Backend",
      "BackendTLSPolicy",
      "BackendTrafficPolicy",
      "HTTPRoute",
      "HTTPRouteFilter",
      "SecurityPolicy",
    ]);
  });
});

test("an InferencePool has what its definition asks for (inference.networking.k8s.io/v1)", async () => {
  const { readFileSync } = await import("node:fs");
  const documents = parseAllDocuments(readFileSync(join(folder, "envoy/gateway.yaml"), "utf8")).map(d => d.toJS());
  const pools = documents.filter(d => d.kind === "InferencePool");
  expect(pools).toEqual([
    {
      apiVersion: "inference.networking.k8s.io/v1",
      kind: "InferencePool",
      metadata: { name: "vllm" },
      spec: {
        selector: { matchLabels: { app: "vllm" } },
        targetPorts: [{ number: 8000 }],
        endpointPickerRef: { name: "vllm-epp", port: { number: 9002 } },
      },
    },
  ]);
});
