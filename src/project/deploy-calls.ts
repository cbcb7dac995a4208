/** `project.deploy`: a version as something that runs elsewhere. A method loads what it needs when it is called. */
import { type Call, type CallOptions, callOf } from "./call.ts";
import type {
  DeployAzureFunctionsOptions,
  DeployCloudRunOptions,
  DeployedFolder,
  DeployedImage,
  DeployedLambda,
  DeployedWeb,
  DeployImageOptions,
  DeployLambdaOptions,
  DeploySageMakerOptions,
  DeployWebOptions,
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

  /**
   * A function of AWS Lambda: an archive for the managed Node or an image, and a CloudFormation template. Errors: deploy/unapproved, deploy/wish, deploy/tooLarge,
   * deploy/platform, project/exists, base/diskFull.
   */
  lambda(version: string, options: DeployLambdaOptions & CallOptions): Call<DeployedLambda> {
    return callOf(async watch => (await deploying()).deployLambda(this.#at, version, options, watch), options);
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
