/**
 * What the console's page Deployments shows and changes: deployments of `loam.yaml`. A port: the application gives functions over its project. The types
 * follow from the schemas of `http/console-answers/deployments.ts`.
 */
import type { z } from "zod";
import type { Answered } from "../base/index.ts";
import type { deploymentBodies, deploymentList, rolledBackDeployment } from "./http/console-answers/deployments.ts";

export interface DeploymentSource {
  /** Compares files and, with KUBECONFIG, the cluster: read when a page asks, not by a clock. */
  list(): Promise<Answered<z.output<typeof deploymentList>>>;
  /** `by` for the log. Errors: deploy/deployment, deploy/unapproved, deploy/notReady, project/argument. */
  rollback(
    name: string,
    given: z.output<typeof deploymentBodies.rollback>,
    by: string,
    isVerified: boolean,
  ): Promise<Answered<z.output<typeof rolledBackDeployment>>>;
}
