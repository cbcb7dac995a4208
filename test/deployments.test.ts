/** Deployments of loam.yaml: planned, applied, compared, rolled back. Each act is an entry of the log. */
import { existsSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { sha256 } from "../src/base/index.ts";
import type { AppliedDeployment, DeploymentDiff, DeploymentStatus, PlannedDeployment } from "../src/project/deploying/index.ts";
import { evaluationMarks, openStore } from "../src/store/index.ts";
import { loam } from "./support/child.ts";
import { temporaryFolder, trainedToy } from "./support/project.ts";

const more = (wishes = "{}") => `deploy:
  deployments:
    page: { target: web, model: toy@prod, to: deployed/page, wishes: ${wishes} }
`;

async function run<T>(cwd: string, ...args: readonly string[]): Promise<T> {
  const { code, stdout, stderr } = await loam(["deploy", ...args, "--json"], { cwd });
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout.trim().split("\n").at(-1)!) as T;
}
const only = async <T>(cwd: string, ...args: readonly string[]): Promise<T> =>
  (await run<{ deployments: [T] }>(cwd, ...args)).deployments[0];

async function release(cwd: string, version: number): Promise<void> {
  const { code, stderr } = await loam(["models", "promote", `toy@${version}`, "prod"], { cwd });
  expect(code, stderr).toBe(0);
}

/** A second version of other content. */
async function secondVersion(cwd: string): Promise<void> {
  const path = join(cwd, "loam.yaml");
  writeFileSync(path, readFileSync(path, "utf8").replace("rate: 0.02", "rate: 0.01"));
  const { code, stderr } = await loam(["run"], { cwd });
  expect(code, stderr).toBe(0);
}

test("a deployment is planned, applied, behind its alias, applied again and rolled back, and the log has each act", async () => {
  const cwd = await trainedToy({ more: more() });
  await release(cwd, 1);
  const folder = join(cwd, "deployed", "page");
  const planned = await only<PlannedDeployment>(cwd, "plan", "page");
  expect(planned).toMatchObject({ version: 1, deployedVersion: null, model: "toy" });
  expect(planned.changes.every(c => c.change === "added")).toBe(true);
  expect(planned.changes.map(c => c.path)).toContain("index.html");
  expect(existsSync(folder)).toBe(false);
  expect(await only<DeploymentStatus>(cwd, "status")).toMatchObject({ state: "absent", deployedVersion: null, registryVersion: 1 });

  expect(await only<AppliedDeployment>(cwd, "apply")).toMatchObject({ generation: 1, changed: true, aliasMovedTo: null });
  expect(readlinkSync(join(folder, "current"))).toMatch(/generations.1$/);
  expect(await only<DeploymentDiff>(cwd, "diff")).toMatchObject({ isSame: true, files: [], cluster: null });
  expect(await only<AppliedDeployment>(cwd, "apply")).toMatchObject({ generation: 1, changed: false });
  expect(readdirSync(join(folder, "generations"))).toEqual(["1"]);

  await secondVersion(cwd);
  await release(cwd, 2);
  expect(await only<DeploymentStatus>(cwd, "status")).toMatchObject({ state: "behind", deployedVersion: 1, registryVersion: 2 });
  const next = await only<PlannedDeployment>(cwd, "plan");
  expect(next.changes.filter(c => c.path.startsWith("ort/") || c.path === "page.js")).toEqual([]);
  expect(next.changes.map(c => c.path)).toEqual(expect.arrayContaining(["loam-web.json", "weights-0.bin"]));
  expect(await only<AppliedDeployment>(cwd, "apply")).toMatchObject({ generation: 2, version: 2, deployedVersion: 1, changed: true });

  const back = await run<object>(cwd, "rollback", "page");
  expect(back).toMatchObject({ from: { generation: 2, version: 2 }, to: { generation: 1, version: 1 } });
  expect(JSON.parse(readFileSync(join(folder, "current", "loam-web.json"), "utf8"))).toMatchObject({ version: 1 });
  expect(await only<DeploymentStatus>(cwd, "status")).toMatchObject({ state: "behind", generation: 1, generations: [1, 2] });
  expect((await loam(["deploy", "rollback", "page"], { cwd })).stderr).toMatch(
    /expected a generation to go back to, got generation 1 alone/,
  );

  const store = await openStore({ root: cwd });
  try {
    const acts = (await evaluationMarks(store.records.read, "toy")).filter(m => m.kind === "deployment");
    expect(
      acts.map(m => [m.number, (m.value as { act: string; generation: number }).act, (m.value as { generation: number }).generation]),
    ).toEqual([
      [1, "apply", 1],
      [2, "apply", 2],
      [1, "rollback", 1],
    ]);
  } finally {
    await store.close();
  }
});

test("status says who deployed what when and who approved it, and whether an account vouches for the name", async () => {
  const releases = "releases: { prod: { approvals: [{ role: owner, count: 2, unsigned: true, keys: { ann: ann.pub } }] } }\n";
  const cwd = temporaryFolder("approved");
  const made = await loam(["models", "keygen", "ann"], { cwd });
  expect(made.code, made.stderr).toBe(0);
  await trainedToy({ more: `${more()}${releases}` }, cwd);
  const approve = async (...args: readonly string[]) => {
    const { code, stderr } = await loam(["models", "approve", "toy@1", "--for", "prod", "--role", "owner", ...args], { cwd });
    expect(code, stderr).toBe(0);
  };
  await approve("--key", "ann");
  await approve("--as", "bob");
  await release(cwd, 1);
  await only(cwd, "apply");
  const status = await only<DeploymentStatus>(cwd, "status");
  const written = readFileSync(join(cwd, "deployed", "page", "current", "loam-deployment.json"), "utf8");
  expect(status.deployed).toMatchObject({
    version: 1,
    alias: "prod",
    fingerprint: (JSON.parse(written) as { fingerprint: string }).fingerprint,
    plan: sha256(written),
    since: { act: "apply", generation: 1, version: 1, by: userInfo().username, isVerified: false },
  });
  expect(status.deployed!.approvals.map(a => [a.by, a.isVerified, a.signedBy !== null])).toEqual([
    ["ann", true, true],
    ["bob", false, false],
  ]);
  expect(status.goesBackTo).toBeNull();
  const { stdout } = await loam(["deploy", "status"], { cwd });
  expect(stdout).toMatch(
    /page: apply \d{4}-\d\d-\d\d [\d:]{8} by \S+ \(unverified\); approvals: ann as owner for prod, bob \(unverified\) as owner for prod/,
  );
  expect(stdout).toContain(`fingerprint ${status.deployed!.fingerprint.slice(0, 12)}, digest ${sha256(written).slice(0, 12)}`);
});

test("edited, deleted and added files, and changed wishes, are told; an edited generation is not gone back to", async () => {
  const cwd = await trainedToy({ more: more() });
  await release(cwd, 1);
  await only(cwd, "apply");
  const current = join(cwd, "deployed", "page", "current");
  writeFileSync(join(current, "index.html"), "edited by hand");
  writeFileSync(join(current, "more.txt"), "");
  expect((await only<DeploymentDiff>(cwd, "diff")).files).toEqual([
    { path: "index.html", change: "changed" },
    { path: "more.txt", change: "added" },
  ]);
  expect(await only<DeploymentStatus>(cwd, "status")).toMatchObject({ state: "edited", editedFiles: 2 });
  const path = join(cwd, "loam.yaml");
  writeFileSync(path, readFileSync(path, "utf8").replace("wishes: {}", "wishes: { weights: q8 }"));
  expect((await only<DeploymentDiff>(cwd, "diff")).wishes).toEqual([{ key: "weights", from: "f32", to: "q8" }]);
  // the same plan is written again where the current one was edited
  expect(await only<AppliedDeployment>(cwd, "apply")).toMatchObject({ generation: 2, changed: true });
  const { code, stderr } = await loam(["deploy", "rollback", "page"], { cwd });
  expect(code).not.toBe(0);
  expect(stderr).toContain("generation 1, whose index.html was changed");
  writeFileSync(path, readFileSync(path, "utf8").replace("weights: q8", "weigths: q8"));
  expect((await loam(["deploy", "apply"], { cwd })).stderr).toMatch(/deploy\.deployments\.page\.wishes/);
  expect((await loam(["deploy", "plan", "other"], { cwd })).stderr).toContain('expected one of page, got "other"');
});

test("the cost of a load by target, the cheapest first; a price of loam.yaml counts", async () => {
  const cwd = await trainedToy({ more: "deploy: { prices: { vm: { perHour: 0.01 } } }\n" });
  const cost = await run<{ targets: { target: string; dollars: number | null }[] }>(
    cwd,
    ...["cost", "--requests", "1e6", "--tokens", "100", "--tokens-per-second", "200", "--slots", "8", "--memory", "2"],
  );
  expect(cost.targets.map(t => t.target)).toEqual(["vm", "cloud-run", "fargate", "lambda", "sagemaker"]);
  expect(cost.targets[0]!.dollars).toBeCloseTo(7.305, 6);
  expect(cost.targets.at(-1)!.dollars).toBeNull();
});
