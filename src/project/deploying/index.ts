/** Versions as something that runs elsewhere. */

export type { SageMakerVariant } from "../../deploy/index.ts";
export { type DeployedImage, type DeployImageOptions, deployImage } from "./deploy-image.ts";
export { type DeployedLambda, type DeployLambdaOptions, deployLambda } from "./deploy-lambda.ts";
export {
  type DeployAzureFunctionsOptions,
  type DeployCloudRunOptions,
  type DeployedFolder,
  type DeploySageMakerOptions,
  deployAzureFunctions,
  deployCloudRun,
  deploySageMaker,
} from "./deploy-managed.ts";
export { type DeployedWeb, type DeployWebOptions, deployWeb } from "./deploy-web.ts";
export { readDeployment, writePlan } from "./plan-folder.ts";
