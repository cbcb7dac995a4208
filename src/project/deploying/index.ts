/** Versions as something that runs elsewhere. */

export { type DeployedImage, type DeployImageOptions, deployImage } from "./deploy-image.ts";
export { readDeployment, writePlan } from "./plan-folder.ts";
