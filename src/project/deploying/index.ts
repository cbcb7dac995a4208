/** Versions as something that runs elsewhere. */

export { type DeployedImage, type DeployImageOptions, deployImage } from "./deploy-image.ts";
export { type DeployedObjects, type DeployKubernetesOptions, deployKubernetes } from "./deploy-kubernetes.ts";
export { type DeployedLambda, type DeployLambdaOptions, deployLambda } from "./deploy-lambda.ts";
export { type DeployedWeb, type DeployWebOptions, deployWeb } from "./deploy-web.ts";
export { type DeployMeasureOptions, deployMeasure, type MeasuredServing } from "./measure-serving.ts";
export { type DeployCostOptions, type DeploymentCost, deploymentCost } from "./named/deployment-cost.ts";
export {
  type AppliedDeployment,
  applyDeployments,
  type DeploymentDiff,
  type DeploymentStatus,
  deploymentStatus,
  diffDeployments,
  type PlannedDeployment,
  planDeployments,
  type RolledBackDeployment,
  rollbackDeployment,
} from "./named/deployments.ts";
export { readDeployment, writePlan } from "./plan-folder.ts";
