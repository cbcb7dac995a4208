/** Written by `npm run docs` from /api/openapi.json: change the server's schemas instead. A test holds it against them. */
import * as is from "../shape.ts";

/** An act of the log. */
export const deploymentAct = is.object({
  /** Apply, rollback, switch, retire. */
  act: is.string,
  /** Milliseconds since 1970. */
  atMs: is.number,
  by: is.string,
  /** `by` is an account that a server has checked. */
  isVerified: is.boolean,
  generation: is.number,
  version: is.number,
  /** SHA-256 of the generation's loam-deployment.json. */
  plan: is.string,
});
export type DeploymentAct = is.Infer<typeof deploymentAct>;

/** A deployment of loam.yaml, with what `loam deploy diff` says of it. */
export const deploymentView = is.object({
  name: is.string,
  target: is.string,
  /** As loam.yaml names it, with its alias. */
  model: is.string,
  folder: is.string,
  state: is.oneOf("absent", "behind", "edited", "rolling", "unreachable", "preview", "current"),
  generation: is.nullable(is.number),
  /** Those that are kept. */
  generations: is.array(is.number),
  /** The target of a rollback. */
  goesBackTo: is.nullable(is.number),
  deployedVersion: is.nullable(is.number),
  /** Null where the alias or the model is gone. */
  registryVersion: is.nullable(is.number),
  deployed: is.nullable(
    is.object({
      version: is.number,
      /** The alias whose release approved it. */
      alias: is.nullable(is.string),
      /** SHA-256 over the list of the version's files. */
      fingerprint: is.string,
      /** SHA-256 of loam-deployment.json, which has the digest of each file. */
      plan: is.string,
      /** The act that made it the current generation; null where the log has none. */
      since: is.nullable(deploymentAct),
      approvals: is.array(
        is.object({
          alias: is.string,
          role: is.string,
          by: is.string,
          /** Signed, or given by an account that a server has checked. */
          isVerified: is.boolean,
          signedBy: is.nullable(is.string),
          /** Milliseconds since 1970. */
          atMs: is.number,
        }),
      ),
    }),
  ),
  /** Of blue/green. */
  colors: is.nullable(
    is.object({
      live: is.object({
        color: is.string,
        version: is.number,
      }),
      idle: is.nullable(
        is.object({
          color: is.string,
          version: is.number,
        }),
      ),
    }),
  ),
  /** Nothing differs. */
  isSame: is.boolean,
  editedFiles: is.number,
  /** Files edited since they were written. */
  files: is.array(
    is.object({
      path: is.string,
      change: is.oneOf("added", "changed", "removed"),
    }),
  ),
  /** Wishes of loam.yaml that the plan was not made with. */
  wishes: is.array(
    is.object({
      key: is.string,
      from: is.nullable(is.string),
      to: is.nullable(is.string),
    }),
  ),
  cluster: is.nullable(
    is.union(
      is.object({
        server: is.string,
        drift: is.array(
          is.object({
            object: is.string,
            drift: is.oneOf("missing", "changed"),
            fields: is.array(
              is.object({
                path: is.string,
                there: is.nullable(is.string),
                manifest: is.nullable(is.string),
              }),
            ),
          }),
        ),
        rollouts: is.array(
          is.object({
            object: is.string,
            ready: is.number,
            wanted: is.number,
            updated: is.number,
            isComplete: is.boolean,
          }),
        ),
      }),
      is.object({
        unreachable: is.string,
      }),
    ),
  ),
  /** The newest first. */
  acts: is.array(deploymentAct),
});
export type DeploymentView = is.Infer<typeof deploymentView>;

export const rolledBackDeployment = is.object({
  name: is.string,
  model: is.string,
  from: is.object({
    generation: is.number,
    version: is.number,
  }),
  to: is.object({
    generation: is.number,
    version: is.number,
  }),
});
export type RolledBackDeployment = is.Infer<typeof rolledBackDeployment>;

/** What the addresses answer that the console calls. */
export const answers = {
  "GET /api/deployments": is.array(deploymentView),
  "POST /api/deployments/{name}/rollback": rolledBackDeployment,
};
