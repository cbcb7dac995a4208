/** deploy: a version as something that runs elsewhere: an OCI image. Plans are functions of a version and wishes. See docs/deploy.md. */

export { writeModelArchive } from "./archive.ts";
export { functionAppEntries } from "./azure-functions/function-app.ts";
export { type AzureFunctionsWishes, azureFunctionsTarget } from "./azure-functions/target.ts";
export { type CloudRunWishes, cloudRunTarget } from "./cloud-run/target.ts";
export { deployErrors } from "./errors.ts";
export { type BaseImage, openBaseImage } from "./image/base-image.ts";
export { type BuiltImage, buildImage, type ImageContent, imageArchitecture, imageContent, type ModelFile } from "./image/build-image.ts";
export { writeDockerContext } from "./image/dockerfile.ts";
export { keptLayers } from "./image/kept-layers.ts";
export { type ImageVariant, imagePlaces, imagePort, imageUser, imageVariants, type WeightPlace, weightPlaces } from "./image/plan.ts";
export { sbomReferrer, signatureReferrer, signatureTag, signImage, taggedSignatures } from "./image/referrers.ts";
export { servingBundle } from "./image/serving-packages.ts";
export {
  type ColorWishes,
  colorLabel,
  colorsOf,
  isOfColor,
  nextColors,
  otherColor,
  type PodColor,
  type PreviousColors,
  type ReadPlan,
  retiredPlan,
  switchedPlan,
} from "./kubernetes/colors.ts";
export {
  type GuardSizes,
  guardsBytes,
  type MemoryPlan,
  type ModeratorSizes,
  memoryPlan,
  moderatorBytes,
  type PodForm,
  type ServedSizes,
  servedForms,
} from "./kubernetes/memory.ts";
export { kubernetesTarget } from "./kubernetes/target.ts";
export {
  type Autoscaler,
  autoscalers,
  type KubernetesFormat,
  type KubernetesWishes,
  kubernetesFormats,
  type RolloutStrategy,
  rolloutStrategies,
} from "./kubernetes/wishes.ts";
export { functionEntries, type LambdaArguments, lambdaArguments, programBytes } from "./lambda/function-files.ts";
export { runLambdaLoop } from "./lambda/lambda-loop.ts";
export { checkLambdaSize, lambdaLimits, type WeightsSize } from "./lambda/limits.ts";
export { RuntimeApi } from "./lambda/runtime-api.ts";
export { lambdaTarget } from "./lambda/target.ts";
export type { LambdaWishes } from "./lambda/wishes.ts";
export {
  type ExternalMetricsServer,
  type InstallFile,
  type OperatorOptions,
  type OperatorWishes,
  planOperator,
  type RunningOperator,
  runOperator,
  serveExternalMetrics,
} from "./operator/index.ts";
export { type NamedDeployment, type NamedTarget, namedTargets } from "./part.ts";
export { type MonthlyCost, type MonthlyLoad, monthlyCost } from "./prices/monthly-cost.ts";
export { type CloudRates, type PricedTarget, pricedTargets } from "./prices/part.ts";
export { sageMakerTarget } from "./sagemaker/target.ts";
export type { SageMakerVariant, SageMakerWishes } from "./sagemaker/wishes.ts";
export {
  type Deployment,
  type DeployPlan,
  type DeployTarget,
  deploymentFile,
  deploymentOf,
  deploymentText,
  type PlanArchive,
  type PlanFile,
  parseDeployment,
} from "./targets.ts";
export type { DeployedVersion } from "./version.ts";
export { type WebManifest, webManifestFile } from "./web/manifest.ts";
export {
  checkWebSize,
  defaultWebBytes,
  mostWebBytes,
  type WebParts,
  type WebSizes,
  type WebWeights,
  type WebWishes,
  webTarget,
  webWeightForms,
} from "./web/web-target.ts";
export { zipOf } from "./zip.ts";
