/** deploy: a version as something that runs elsewhere: an OCI image. Plans are functions of a version and wishes. See docs/deploy.md. */
export { deployErrors } from "./errors.ts";
export { type BaseImage, openBaseImage } from "./image/base-image.ts";
export { type BuiltImage, buildImage, imageArchitecture, type ModelFile } from "./image/build-image.ts";
export { imagePlaces, imagePort, imageUser } from "./image/plan.ts";
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
export type { DeployedVersion } from "./version.ts";
