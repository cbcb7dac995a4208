/** `project.deploy`: a version as something that runs elsewhere. A method loads what it needs when it is called. */
import { type Call, type CallOptions, callOf } from "./call.ts";
import type {
  AppliedDeployment,
  DeployAzureFunctionsOptions,
  DeployCloudRunOptions,
  DeployCostOptions,
  DeployedFolder,
  DeployedImage,
  DeployedLambda,
  DeployedObjects,
  DeployedWeb,
  DeployImageOptions,
  DeployKubernetesOptions,
  DeployLambdaOptions,
  DeployMeasureOptions,
  DeploymentCost,
  DeploymentDiff,
  DeploymentStatus,
  DeploySageMakerOptions,
  DeployWebOptions,
  MeasuredServing,
  PlannedDeployment,
  RolledBackDeployment,
  SwitchedDeployment,
  SwitchOptions,
} from "./deploying/index.ts";
import type { WriteOperatorOptions, WrittenOperator } from "./operator/index.ts";
import type { Workplace } from "./workspace.ts";

const deploying = () => import("./deploying/index.ts");

/** A version is `NAME@prod`, `NAME@3` or `NAME`, and its release has to hold for it. Relative paths start in the project's folder. */
export class DeployCalls {
  readonly #at: Workplace;

  constructor(at: Workplace) {
    this.#at = at;
  }

  /**
   * An OCI image that serves the version, built without a daemon: to a folder or a tar file, a registry, or both. Errors: deploy/unapproved, deploy/platform,
   * deploy/base, project/exists, registry/remote, registry/tampered.
   */
  image(version: string, options: DeployImageOptions & CallOptions): Call<DeployedImage> {
    return callOf(async watch => (await deploying()).deployImage(this.#at, version, options, watch), options);
  }

  /** Manifests that install the Kubernetes operator. Errors: project/exists, base/diskFull, base/readOnly. */
  operator(options: WriteOperatorOptions & CallOptions): Call<WrittenOperator> {
    return callOf(async () => (await import("./operator/index.ts")).writeOperator(this.#at.cwd, options), options);
  }

  /**
   * A static page that runs the version in the browser: a new folder. Errors: deploy/unapproved, deploy/wish, deploy/missing, project/exists,
   * project/family, registry/tampered.
   */
  web(version: string, options: DeployWebOptions & CallOptions): Call<DeployedWeb> {
    return callOf(async watch => (await deploying()).deployWeb(this.#at, version, options, watch), options);
  }

  /** What `apply` would write of a deployment of loam.yaml, or of all, and how that differs from what is there. Errors: those of the target. */
  plan(name?: string, options: CallOptions = {}): Call<PlannedDeployment[]> {
    return callOf(async watch => (await deploying()).planDeployments(this.#at, name, watch), options);
  }

  /** Writes a new generation and makes it the current one, in one step. Errors: those of the target, deploy/deployment. */
  apply(name?: string, options: CallOptions = {}): Call<AppliedDeployment[]> {
    return callOf(async watch => (await deploying()).applyDeployments(this.#at, name, watch), options);
  }

  /** Between what is deployed and what the registry, loam.yaml, the folder and the cluster of `KUBECONFIG` have now. */
  diff(name?: string, options: CallOptions = {}): Call<DeploymentDiff[]> {
    return callOf(async watch => (await deploying()).diffDeployments(this.#at, name, watch), options);
  }

  /** Of each deployment: version, version of its alias, generation, edits, rollout. */
  status(name?: string, options: CallOptions = {}): Call<DeploymentStatus[]> {
    return callOf(async watch => (await deploying()).deploymentStatus(this.#at, name, watch), options);
  }

  /** The generation before, or `to`, becomes the current one. Errors: deploy/deployment, deploy/unapproved. */
  rollback(
    name: string,
    { to, unapproved, ...options }: { readonly to?: number | undefined; readonly unapproved?: boolean | undefined } & CallOptions = {},
  ): Call<RolledBackDeployment> {
    return callOf(async watch => (await deploying()).rollbackDeployment(this.#at, name, { to, unapproved }, watch), options);
  }

  /**
   * Blue/green: sends requests to the new color once its pods are all ready in the cluster of `KUBECONFIG` and each gives a response (`probe: false`: without
   * asking), waiting for at most `waitSeconds` (default: 0). The old color stays for `rollback`. Errors: deploy/deployment, deploy/notReady, deploy/unapproved, kubernetes/*.
   */
  switch(name: string, { waitSeconds, unapproved, probe, ...options }: SwitchOptions & CallOptions = {}): Call<SwitchedDeployment> {
    return callOf(async watch => (await deploying()).switchDeployment(this.#at, name, { waitSeconds, unapproved, probe }, watch), options);
  }

  /** Blue/green: ends the old color, in the manifests and in the cluster of `KUBECONFIG`. Errors: deploy/deployment, kubernetes/*. */
  retire(name: string, options: CallOptions = {}): Call<SwitchedDeployment> {
    return callOf(async watch => (await deploying()).retireDeployment(this.#at, name, watch), options);
  }

  /** What a load costs a month on each target, from dated list prices or those of loam.yaml. Errors: project/argument. */
  cost(load: DeployCostOptions & CallOptions): Call<DeploymentCost> {
    return callOf(async () => (await deploying()).deploymentCost(this.#at, load), load);
  }

  /**
   * A function of AWS Lambda: an archive for the managed Node or an image, and a CloudFormation template. Errors: deploy/unapproved, deploy/wish, deploy/tooLarge,
   * deploy/platform, project/exists, base/diskFull.
   */
  lambda(version: string, options: DeployLambdaOptions & CallOptions): Call<DeployedLambda> {
    return callOf(async watch => (await deploying()).deployLambda(this.#at, version, options, watch), options);
  }

  /**
   * The version as objects of Kubernetes in a folder: plain manifests, a kustomize base or a Helm chart, with memory, probes and grace period computed. Errors:
   * deploy/unapproved, deploy/wish, project/argument, project/exists, registry/reference, registry/remote.
   */
  kubernetes(version: string, options: DeployKubernetesOptions & CallOptions): Call<DeployedObjects> {
    return callOf(async watch => (await deploying()).deployKubernetes(this.#at, version, options, watch), options);
  }

  /** Throughput of the version's server by concurrency, and the concurrency that saturates it. Errors: deploy/measure, project/argument, project/exists. */
  measure(version: string, options: DeployMeasureOptions & CallOptions = {}): Call<MeasuredServing> {
    return callOf(async watch => (await deploying()).deployMeasure(this.#at, version, options, watch), options);
  }

  /** An endpoint of Amazon SageMaker: model.tar.gz and a CloudFormation template. Errors: deploy/unapproved, deploy/wish, deploy/tooLarge, project/exists. */
  sagemaker(version: string, options: DeploySageMakerOptions & CallOptions): Call<DeployedFolder> {
    return callOf(async watch => (await deploying()).deploySageMaker(this.#at, version, options, watch), options);
  }

  /** A service of Google Cloud Run. Errors: deploy/unapproved, deploy/wish, deploy/tooLarge, project/exists. */
  cloudRun(version: string, options: DeployCloudRunOptions & CallOptions): Call<DeployedFolder> {
    return callOf(async watch => (await deploying()).deployCloudRun(this.#at, version, options, watch), options);
  }

  /** A function app of Azure Functions, and a container for Container Apps where an image is named. Errors: as of `cloudRun`. */
  azureFunctions(version: string, options: DeployAzureFunctionsOptions & CallOptions): Call<DeployedFolder> {
    return callOf(async watch => (await deploying()).deployAzureFunctions(this.#at, version, options, watch), options);
  }
}
