/** Answers about deployments of loam.yaml: what is deployed where, who approved and deployed it, and what differs; and a rollback. */
import { z } from "zod";
import { timeMs } from "./measured.ts";

const generation = z.int().positive();

export const deploymentBodies = {
  rollback: z.strictObject({
    generation: generation.optional().describe("default: the one before"),
    unapproved: z.boolean().optional().describe("also to a version that was archived meanwhile"),
  }),
};

const act = z
  .strictObject({
    act: z.string().describe("apply, rollback, switch, retire"),
    atMs: timeMs,
    by: z.string(),
    isVerified: z.boolean().describe("`by` is an account that a server has checked"),
    generation: z.int(),
    version: z.int(),
    plan: z.string().describe("SHA-256 of the generation's loam-deployment.json"),
  })
  .meta({ id: "DeploymentAct", description: "An act of the log." });

const deployed = z.strictObject({
  version: z.int(),
  alias: z.string().nullable().describe("the alias whose release approved it"),
  fingerprint: z.string().describe("SHA-256 over the list of the version's files"),
  plan: z.string().describe("SHA-256 of loam-deployment.json, which has the digest of each file"),
  since: act.nullable().describe("the act that made it the current generation; null where the log has none"),
  approvals: z.array(
    z.strictObject({
      alias: z.string(),
      role: z.string(),
      by: z.string(),
      isVerified: z.boolean().describe("signed, or given by an account that a server has checked"),
      signedBy: z.string().nullable(),
      atMs: timeMs,
    }),
  ),
});

const change = z.strictObject({ path: z.string(), change: z.enum(["added", "changed", "removed"]) });
const colored = z.strictObject({ color: z.string(), version: z.int() });

const cluster = z
  .union([
    z.strictObject({
      server: z.string(),
      drift: z.array(
        z.strictObject({
          object: z.string(),
          drift: z.enum(["missing", "changed"]),
          fields: z.array(z.strictObject({ path: z.string(), there: z.string().nullable(), manifest: z.string().nullable() })),
        }),
      ),
      rollouts: z.array(z.strictObject({ object: z.string(), ready: z.int(), wanted: z.int(), updated: z.int(), isComplete: z.boolean() })),
    }),
    z.strictObject({ unreachable: z.string() }),
  ])
  .nullable();

const deploymentView = z
  .strictObject({
    name: z.string(),
    target: z.string(),
    model: z.string().describe("as loam.yaml names it, with its alias"),
    folder: z.string(),
    state: z.enum(["absent", "behind", "edited", "rolling", "unreachable", "preview", "current"]),
    generation: z.int().nullable(),
    generations: z.array(z.int()).describe("those that are kept"),
    goesBackTo: z.int().nullable().describe("the target of a rollback"),
    deployedVersion: z.int().nullable(),
    registryVersion: z.int().nullable().describe("null where the alias or the model is gone"),
    deployed: deployed.nullable(),
    colors: z.strictObject({ live: colored, idle: colored.nullable() }).nullable().describe("of blue/green"),
    isSame: z.boolean().describe("nothing differs"),
    editedFiles: z.int(),
    files: z.array(change).describe("files edited since they were written"),
    wishes: z
      .array(z.strictObject({ key: z.string(), from: z.string().nullable(), to: z.string().nullable() }))
      .describe("wishes of loam.yaml that the plan was not made with"),
    cluster,
    acts: z.array(act).describe("the newest first"),
  })
  .meta({ id: "DeploymentView", description: "A deployment of loam.yaml, with what `loam deploy diff` says of it." });

export const deploymentList = z.array(deploymentView);

const at = z.strictObject({ generation: z.int(), version: z.int() });
export const rolledBackDeployment = z
  .strictObject({ name: z.string(), model: z.string(), from: at, to: at })
  .meta({ id: "RolledBackDeployment" });
