/** Inner door: a model that learns from what another one finds likely. */
export {
  type DistillFitOptions,
  distillFitOptions,
  distillOptions,
  type EndpointTeacherOptions,
  endpointFitOptions,
  endpointTeacherOptions,
} from "./options.ts";
export { distillEndpointStage, distillStage } from "./stage.ts";
export type { EndpointSurroundings } from "./tune-endpoint.ts";
