/** deploy: a version as something that runs elsewhere: an OCI image. Plans are functions of a version and wishes. See docs/deploy.md. */
export { deployErrors } from "./errors.ts";
export { type BaseImage, openBaseImage } from "./image/base-image.ts";
export { type BuiltImage, buildImage, type ImageContent, imageArchitecture, imageContent, type ModelFile } from "./image/build-image.ts";
export { writeDockerContext } from "./image/dockerfile.ts";
export { type ImageVariant, imagePlaces, imagePort, imageUser, imageVariants, type WeightPlace, weightPlaces } from "./image/plan.ts";
export { sbomReferrer, signatureReferrer, signatureTag, signImage, taggedSignatures } from "./image/referrers.ts";
export { type MemoryPlan, memoryPlan, type ServedForm, type ServedSizes, servedForms } from "./kubernetes/memory.ts";
export { kubernetesTarget } from "./kubernetes/target.ts";
export { type Autoscaler, autoscalers, type KubernetesFormat, type KubernetesWishes, kubernetesFormats } from "./kubernetes/wishes.ts";
export { runLambdaLoop } from "./lambda/lambda-loop.ts";
export { lambdaLimits } from "./lambda/limits.ts";
export { RuntimeApi } from "./lambda/runtime-api.ts";
export {
  type Deployment,
  type DeployPlan,
  type DeployTarget,
  deploymentFile,
  deploymentOf,
  deploymentText,
  type PlanFile,
  parseDeployment,
} from "./targets.ts";
export type { DeployedVersion } from "./version.ts";
