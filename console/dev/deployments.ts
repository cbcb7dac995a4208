/** Made-up deployments: one behind its alias with approvals, one edited in its cluster, one that was never applied; a rollback moves the first. */
import { sha256 } from "../../src/base/index.ts";
import type { DeploymentAct, DeploymentView } from "../src/generated/deployments.ts";

const hour = 3_600_000;
const digest = (of: string): string => sha256(`made up ${of}`);

function act(startedMs: number, hoursAgo: number, what: string, generation: number, version: number, by: string): DeploymentAct {
  const isVerified = by !== "ann";
  return { act: what, atMs: startedMs - hoursAgo * hour, by, isVerified, generation, version, plan: digest(`plan ${generation}`) };
}

const nothing = {
  deployed: null,
  colors: null,
  cluster: null,
  isSame: false,
  editedFiles: 0,
  files: [],
  wishes: [],
  acts: [],
  generation: null,
  generations: [],
  goesBackTo: null,
  deployedVersion: null,
};

function madeUp(startedMs: number): DeploymentView[] {
  const acts = [
    act(startedMs, 3, "apply", 3, 1, "carol@example.com"),
    act(startedMs, 30, "apply", 2, 1, "ann"),
    act(startedMs, 200, "apply", 1, 1, "ann"),
  ];
  const approval = (by: string, isVerified: boolean, signedBy: string | null, hoursAgo: number) => ({
    ...{ alias: "prod", role: "reviewer", by, isVerified, signedBy },
    atMs: startedMs - hoursAgo * hour,
  });
  const deployed = {
    version: 1,
    alias: "prod",
    fingerprint: digest("fingerprint"),
    plan: digest("plan 3"),
    since: acts[0]!,
    approvals: [approval("ann", true, "1411d0539472484d", 5), approval("bob", false, null, 4)],
  };
  const shared = { model: "mail-small@prod", registryVersion: 2 };
  return [
    {
      ...{ ...nothing, ...shared, name: "mail-page", target: "web", folder: "/home/ann/mail/deployed/mail-page", state: "behind" },
      ...{ generation: 3, generations: [1, 2, 3], goesBackTo: 2, deployedVersion: 1, deployed, acts },
      wishes: [{ key: "weights", from: "f32", to: "q8" }],
    },
    {
      ...{ ...nothing, ...shared, name: "mail", target: "kubernetes", folder: "/home/ann/mail/deployed/mail", state: "edited" },
      ...{ generation: 1, generations: [1], deployedVersion: 2, colors: null },
      deployed: { ...deployed, version: 2, plan: digest("mail 1"), since: null, approvals: [] },
      cluster: {
        server: "https://cluster.example.com",
        drift: [
          {
            object: "Deployment default/mail",
            drift: "changed",
            fields: [{ path: "spec.template.spec.containers.0.image", there: "registry.example.com/mail:hotfix", manifest: null }],
          },
        ],
        rollouts: [{ object: "Deployment default/mail", ready: 2, wanted: 2, updated: 2, isComplete: true }],
      },
    },
    { ...nothing, ...shared, name: "mail-function", target: "lambda", folder: "/home/ann/mail/deployed/function", state: "absent" },
  ];
}

type Answer = readonly [status: number, body: object];

export function fakeDeployments(startedMs: number, isEmpty: boolean, isViewer: boolean) {
  let list = isEmpty ? [] : madeUp(startedMs);
  const refuse = (status: number, code: string, message: string): Answer => [status, { error: { code, message } }];
  return {
    list: () => list,
    rollback(name: string, given: Record<string, unknown>): Answer {
      if (isViewer) return refuse(403, "gateway/forbidden", "admin: this needs the role admin, and vera has viewer.");
      const of = list.find(d => d.name === name);
      if (!of || of.generation === null)
        return refuse(400, "project/argument", `loam deploy: expected a deployment of loam.yaml, got "${name}".`);
      const to = Number(given.generation ?? of.goesBackTo);
      const before = of.acts.find(a => a.generation === to);
      if (!before)
        return refuse(
          400,
          "deploy/deployment",
          `${name}: expected a generation to go back to, got generation ${to} of ${of.generations.join(", ")}.`,
        );
      if (to === 1)
        return refuse(
          400,
          "deploy/deployment",
          `${name}: expected a generation to go back to, got generation 1, whose index.html was changed.`,
        );
      const since = { ...act(Date.now(), 0, "rollback", to, before.version, "loam-console"), plan: before.plan, isVerified: false };
      const next = {
        ...of,
        generation: to,
        goesBackTo: 1,
        acts: [since, ...of.acts],
        deployed: of.deployed && { ...of.deployed, plan: since.plan, since },
      };
      list = list.map(d => (d === of ? next : d));
      return [
        200,
        {
          ...{ name, model: "mail-small" },
          from: { generation: of.generation, version: of.deployedVersion },
          to: { generation: to, version: before.version },
        },
      ];
    },
  };
}
