/** kubernetes: a thin client of the Kubernetes API, over undici. Knows nothing of models. */
export { type KubernetesAccount, kubeconfigAccount, openKubernetesAccount, podAccountOf } from "./account.ts";
export {
  type ApplyOptions,
  type DeleteOptions,
  type KubernetesCallOptions,
  type KubernetesClient,
  type KubernetesTextOptions,
  type KubernetesWriteOptions,
  type ListOptions,
  type ObjectList,
  type ObjectPlace,
  openKubernetesClient,
  type PatchOptions,
  type Selection,
} from "./client.ts";
export { kubernetesErrors } from "./errors.ts";
export { type FailureDetails, failureDetails, isAlreadyThere, isKubernetesError, retryBackoffMs } from "./failures.ts";
export { type FollowedChange, type FollowOptions, followResource, mirrorResource, objectKey, type ResourceMirror } from "./follow.ts";
export {
  type KubernetesObject,
  type KubernetesResource,
  kubernetesResources,
  type ObjectMeta,
  type OwnerReference,
  resourcePath,
} from "./objects.ts";
export { containerSecurity, podSecurityOf, podUser, temporaryMount, temporaryVolume } from "./pods.ts";
