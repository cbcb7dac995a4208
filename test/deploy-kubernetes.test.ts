/** `loam deploy kubernetes` and `loam deploy measure` from end to end: three forms of the same objects, a measurement that sizes them, bad input. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { loam } from "./support/child.ts";
import { kubeFolder } from "./support/cluster.ts";
import { installed } from "./support/installed.ts";
import { trainedToy } from "./support/project.ts";

const helm = installed("helm", "LOAM_HELM", join(homedir(), ".cache", "loam-helm", "helm"));
const kubectl = installed("kubectl", "LOAM_KUBECTL", join(kubeFolder, "kubectl"));
const image = `registry.example.com/toy@sha256:${"0".repeat(64)}`;
const whole = [
  "--namespace",
  "models",
  "--pod-monitor",
  "--gateway",
  "infra/edge",
  "--endpoint-picker",
  "picker",
  "--claim",
  "weights",
  "--claim-class",
  "",
];
const jobs = [
  "--project-image",
  "registry.example.com/loam:1",
  "--project-claim",
  "project",
  "--data",
  "letters",
  "--loop-schedule",
  "0 3 * * *",
];

interface Shown {
  readonly objects: readonly string[];
  readonly memory: { readonly totalBytes: number };
  readonly replicas: { readonly least: number; readonly most: number };
  readonly warnings: readonly string[];
  readonly graceSeconds: number;
  readonly drainSeconds: number;
  readonly longestAnswerSeconds: number | null;
}

async function deploy(cwd: string, to: string, ...args: readonly string[]): Promise<Shown> {
  const { code, stdout, stderr } = await loam(["deploy", "kubernetes", "toy@latest", "--to", to, "--image", image, "--json", ...args], {
    cwd,
  });
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout.trim().split("\n").at(-1)!) as Shown;
}

interface Named {
  readonly kind: string;
  readonly metadata: { readonly name: string };
}

/** Objects by kind and name: tools write them in an order of their own. */
const byName = (text: string): Record<string, unknown> =>
  Object.fromEntries(
    parseAllDocuments(text)
      .map(d => d.toJS() as Named | null)
      .flatMap(o => (o === null ? [] : [[`${o.kind} ${o.metadata.name}`, o]])),
  );

const plainOf = (folder: string): Record<string, unknown> =>
  byName(
    readdirSync(join(folder, "manifests"))
      .map(f => readFileSync(join(folder, "manifests", f), "utf8"))
      .join("---\n"),
  );

test.skipIf(kubectl === undefined)(
  `kubectl builds from the kustomize base what the plain manifests are${kubectl === undefined ? " (skipped: kubectl is not to be had from here)" : ""}`,
  async () => {
    const cwd = await trainedToy();
    const { objects } = await deploy(cwd, "plain", ...whole, ...jobs);
    await deploy(cwd, "base", "--format", "kustomize", ...whole, ...jobs);
    const plain = plainOf(join(cwd, "plain"));
    expect(Object.keys(plain).toSorted()).toEqual(objects.toSorted());
    expect(byName(execFileSync(kubectl!, ["kustomize", join(cwd, "base")], { encoding: "utf8" }))).toEqual(plain);
  },
);

test("a block list of loam.yaml that an image may not have is told; functions carry it, and a page of a browser is refused", async () => {
  const cwd = await trainedToy();
  const file = join(cwd, "loam.yaml");
  const before = readFileSync(file, "utf8");
  const deployed = (to: string) => loam(["deploy", "kubernetes", "toy@latest", "--to", to, "--image", image], { cwd });
  expect((await deployed("open")).stderr).not.toContain("guards");
  writeFileSync(file, before.replace("serve: {", "serve: { blocked: [nightfall],"));
  const { code, stderr } = await deployed("guarded");
  expect(code, stderr).toBe(0);
  const zip = await loam(["deploy", "azure-functions", "toy@latest", "--to", "app"], { cwd });
  expect(zip.code, zip.stderr).toBe(0);
  expect(zip.stderr).not.toContain("serve.blocked");
  const page = await loam(["deploy", "web", "toy@latest", "--to", "page"], { cwd });
  expect(page.code).toBe(2);
  expect(page.stderr).toMatch(/received: serve\.blocked|serve\.blocked of loam\.yaml/);
  expect(stderr).toMatch(/Whether the image has the same guards \(label loam\.guards [0-9a-f]{64}\) was not looked at: add --check-image/);
});

test.skipIf(helm === undefined)(
  `helm lints the chart, renders what the plain manifests are, and refuses wrong values${helm === undefined ? " (skipped: no helm in PATH or named by LOAM_HELM)" : ""}`,
  async () => {
    const cwd = await trainedToy();
    const keda = ["--autoscale", "keda", "--prometheus", "http://prometheus.monitoring:9090"];
    for (const [name, more] of [
      ["cpu", []],
      ["keda", keda],
      ["none", ["--autoscale", "none"]],
    ] as const) {
      await deploy(cwd, `plain-${name}`, ...whole, ...jobs, ...more);
      await deploy(cwd, `chart-${name}`, "--format", "helm", ...whole, ...jobs, ...more);
      const chart = join(cwd, `chart-${name}`);
      expect(execFileSync(helm!, ["lint", chart], { encoding: "utf8" })).toContain("0 chart(s) failed");
      const render = (...args: string[]) =>
        execFileSync(helm!, ["template", "r", chart, "--namespace", "models", ...args], { encoding: "utf8", stdio: "pipe" });
      expect(byName(render())).toEqual(plainOf(join(cwd, `plain-${name}`)));
      expect(render("--set", "image=registry.example.com/other:2")).toContain('image: "registry.example.com/other:2"');
      expect(() => render("--set", "imgae=x")).toThrow(/imgae/);
      expect(() => render("--set", "resources.memory=lots")).toThrow(/memory/);
    }
  },
);

test("a measurement of the version's own server sets slots, thresholds and replicas of the deployment", async () => {
  const cwd = await trainedToy();
  const { code, stdout, stderr } = await loam(
    ["deploy", "measure", "toy@latest", "--to", "measured.json", "--slots", "2", "--rounds", "1", "--load", "1000000", "--json"],
    { cwd },
  );
  expect(code, stderr).toBe(0);
  const measured = JSON.parse(stdout.trim().split("\n").at(-1)!);
  expect(measured.points.map((p: { concurrency: number }) => p.concurrency)).toEqual([1, 2, 4]);
  expect(measured.replicas).toBe(Math.ceil(1_000_000 / measured.knee.tokensPerSecond));
  if (process.platform === "linux") expect(measured.memory.peakBytes).toBeLessThan(1.1 * measured.memory.computedBytes);
  const load = 3.5 * measured.knee.tokensPerSecond;
  const keda = ["--autoscale", "keda", "--prometheus", "http://prometheus:9090"];
  const { replicas, warnings, ...out } = await deploy(cwd, "out", "--measured", "measured.json", "--load", String(load), ...keda);
  expect(replicas).toEqual({ least: 4, most: 8 });
  expect(warnings).toEqual([]);
  // the pods end when the longest answer has
  expect(out.longestAnswerSeconds).toBeGreaterThan(0);
  expect(out.drainSeconds).toBe(Math.max(25, Math.ceil(out.longestAnswerSeconds!)));
  expect(out.graceSeconds).toBeGreaterThan(out.drainSeconds);
  const short = await deploy(cwd, "short", "--measured", "measured.json", "--drain", "0");
  expect(short.warnings).toEqual([expect.stringMatching(/takes up to \d+ s, and a pod that ends cuts it off after 0 s/)]);
  const text = readFileSync(join(cwd, "out", "manifests", "deployment.yaml"), "utf8");
  expect(text).toMatch(/- --slots\n\s+- "2"/);
  expect(readFileSync(join(cwd, "out", "manifests", "scaledobject.yaml"), "utf8")).toContain(`threshold: "${measured.requestsPerPod}"`);
  // of something else: told
  const other = await deploy(cwd, "other", "--measured", "measured.json", "--slots", "4");
  expect(other.warnings).toEqual([expect.stringMatching(/^The measurement is of 2 sequences/)]);
  writeFileSync(join(cwd, "measured.json"), "{}");
  const wrong = await loam(["deploy", "kubernetes", "toy", "--to", "x", "--image", image, "--measured", "measured.json"], { cwd });
  expect(`${wrong.code} ${wrong.stderr}`).toMatch(/^2 [\s\S]*measured\.json: format/);
});

test("bad input of Kubernetes is an error with place, expectation and hint, and leaves nothing", async () => {
  const cwd = await trainedToy();
  const refused = async (...args: string[]) => {
    const { code, stderr } = await loam(["deploy", "kubernetes", "toy", "--image", image, ...args], { cwd });
    return `${code} ${stderr}`;
  };
  mkdirSync(join(cwd, "there"));
  const before = readdirSync(cwd).toSorted();
  expect(await refused("--to", "there")).toMatch(/^2 [\s\S]*there: expected nothing of that name yet/);
  expect(await refused()).toMatch(/^2 [\s\S]*--to: expected a folder to write, got none/);
  for (const name of ["Mail", "1mail", "mail_small", "a".repeat(43), "mail-", "a{{b"])
    expect(await refused("--to", "a", "--name", name)).toMatch(/^2 [\s\S]*--name: expected a DNS label/);
  expect(await refused("--to", "a", "--namespace", "Team A")).toMatch(/^2 [\s\S]*--namespace: expected a DNS label/);
  expect(await refused("--to", "a", "--architecture", "sparc")).toMatch(/^2 [\s\S]*expected one of amd64, arm64, got "sparc"/);
  expect(await refused("--to", "a", "--format", "jsonnet")).toMatch(/^2 [\s\S]*--format: expected one of plain, kustomize, helm/);
  expect(await refused("--to", "a", "--autoscale", "keda")).toMatch(/^2 [\s\S]*expected --prometheus URL/);
  expect(await refused("--to", "a", "--min-replicas", "5", "--max-replicas", "3")).toMatch(/^2 [\s\S]*expected at least 5/);
  expect(await refused("--to", "a", "--node-memory", "100Mi")).toMatch(
    /^2 [\s\S]*--node-memory 100Mi: expected at least 1\d\d MB for 8 sequences of 32 tokens, got 105 MB\. One sequence/,
  );
  expect(await refused("--to", "a", "--image", "toy")).toMatch(/^[12] [\s\S]*HOST\/REPOSITORY:TAG/);
  expect(await refused("--to", "a", "--check-image", "--plain-http", "--image", "127.0.0.1:9/toy:1")).toMatch(/^3 [\s\S]*127\.0\.0\.1:9/);
  expect(readdirSync(cwd).toSorted()).toEqual(before);
  expect((await deploy(cwd, "ok", "--node-memory", "1Gi")).warnings).toEqual([expect.stringContaining("cuts off answers after 25 s")]);
  const { warnings } = await deploy(cwd, "tag", "--image", "registry.example.com/toy:1");
  expect(warnings).toEqual([expect.stringContaining("is a tag, which can move"), expect.stringContaining("cuts off answers")]);
});

test("a version that no release approves has no manifests", async () => {
  const cwd = await trainedToy({ more: "releases: { prod: { approvals: [{ role: owner, unsigned: true }] } }" });
  const { code, stderr } = await loam(["deploy", "kubernetes", "toy@1", "--to", "a", "--image", image], { cwd });
  expect(`${code} ${stderr}`).toMatch(/^1 [\s\S]*toy@1: no release approves it/);
  expect(existsSync(join(cwd, "a"))).toBe(false);
});
