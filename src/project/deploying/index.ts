/** Versions as something that runs elsewhere. */

export type { SageMakerVariant } from "../../deploy/index.ts";
export { type DeployedImage, type DeployImageOptions, deployImage } from "./deploy-image.ts";
export { type DeployedObjects, type DeployKubernetesOptions, deployKubernetes } from "./deploy-kubernetes.ts";
export { type DeployedLambda, type DeployLambdaOptions, deployLambda } from "./deploy-lambda.ts";
export {
  type DeployAzureFunctionsOptions,
  type DeployCloudRunOptions,
  type DeployedFolder,
  type DeploySageMakerOptions,
  deployAzureFunctions,
  deployCloudRun,
  deploySageMaker,
  type ManagedOptions,
} from "./deploy-managed.ts";
export { type DeployedWeb, type DeployWebOptions, deployWeb } from "./deploy-web.ts";
export { type DeployMeasureOptions, deployMeasure, type MeasuredServing } from "./measure-serving.ts";
export type { StoredForm } from "./model-needs.ts";
export type { ClusterComparison, ClusterRollout, ObjectDrift } from "./named/cluster.ts";
export type { FileChange, ValueChange } from "./named/compare.ts";
export { type DeployCostOptions, type DeploymentCost, deploymentCost } from "./named/deployment-cost.ts";
export type { DeployedRecord, DeploymentAct, DeploymentApproval, DeploymentRecord } from "./named/deployment-record.ts";
export {
  type AppliedDeployment,
  applyDeployments,
  type ClusterState,
  type ColoredVersion,
  type DeploymentColors,
  type DeploymentDiff,
  type DeploymentStatus,
  type DeploymentView,
  deploymentStatus,
  deploymentViews,
  diffDeployments,
  type PlannedDeployment,
  planDeployments,
  type RolledBackDeployment,
  rollbackDeployment,
} from "./named/deployments.ts";
export { retireDeployment, type SwitchedDeployment, type SwitchOptions, switchDeployment } from "./named/switching.ts";
export { readDeployment, writePlan } from "./plan-folder.ts";
export type { PushedImage } from "./push-image.ts";
export type { SaturationFigures } from "./saturation/measured-file.ts";
