/** Plans of serverless and managed platforms: functions of the version and the wishes, held against golden files. */
import { expect, test } from "vitest";
import { azureFunctionsTarget } from "./azure-functions/target.ts";
import { cloudRunTarget } from "./cloud-run/target.ts";
import { lambdaTarget } from "./lambda/target.ts";
import type { LambdaWishes } from "./lambda/wishes.ts";
import { sageMakerTarget } from "./sagemaker/target.ts";
import type { SageMakerWishes } from "./sagemaker/wishes.ts";
import { type DeployTarget, deploymentOf } from "./targets.ts";
import { toyVersion } from "./toy-version.laws.ts";

const digest = "f".repeat(64);
const image = `registry.example.com/mail@sha256:${digest}`;
const lambda: LambdaWishes = {
  package: "zip",
  architecture: "x86_64",
  mode: "stream",
  auth: "AWS_IAM",
  memoryMb: 1769,
  timeoutSeconds: 300,
  storageMb: 512,
  concurrency: null,
  weightsForm: "as-is",
  form: "int8-blocks",
  neededMb: 900,
  unpackedBytes: 147_000_000,
  guards: null,
  archive: { path: "function.zip", digest, sizeBytes: 113_000_000 },
  image: null,
  command: [],
};
const sageMaker: SageMakerWishes = {
  archive: { path: "model.tar.gz", digest, sizeBytes: 90_000_000 },
  form: "exact",
  neededMb: 900,
  slots: 8,
  context: 2048,
  kind: "real-time",
  instance: "ml.c7i.xlarge",
  instances: [1, 4],
  memoryMb: null,
  concurrency: 5,
  weight: 1,
  others: [],
  shadow: null,
};
const common = { form: "exact", neededMb: 900, slots: 8, context: 2048, image };

async function golden<Wishes extends object>(target: DeployTarget<Wishes>, wishes: Wishes, name: string): Promise<void> {
  const plan = target.plan(toyVersion, wishes);
  expect(target.plan(toyVersion, wishes)).toEqual(plan);
  const files = deploymentOf(target, toyVersion, wishes, plan).files.map(f => f.path);
  for (const a of plan.archives ?? []) expect(files).toContain(a.path);
  for (const f of plan.files) await expect(f.text).toMatchFileSnapshot(`golden/${name}-${f.path}`);
}

test("a Lambda function of an archive, signed", () => golden(lambdaTarget, lambda, "lambda-zip"));
test("a Lambda function of an image, with a key, buffered", () =>
  golden(
    lambdaTarget,
    {
      ...lambda,
      package: "image",
      auth: "NONE",
      mode: "buffered",
      archive: null,
      image,
      concurrency: 3,
      command: ["--lambda", "buffered"],
    },
    "lambda-image",
  ));
test("a SageMaker endpoint that scales", () => golden(sageMakerTarget, sageMaker, "sagemaker-real-time"));
test("a SageMaker endpoint on demand", () => golden(sageMakerTarget, { ...sageMaker, kind: "serverless" }, "sagemaker-serverless"));
test("a SageMaker endpoint with a queue, down to none", () =>
  golden(sageMakerTarget, { ...sageMaker, kind: "async", instances: [0, 2] }, "sagemaker-async"));
test("a Cloud Run service", () =>
  golden(cloudRunTarget, { ...common, memoryMb: null, processors: null, timeoutSeconds: 300, instances: [0, 10] }, "cloud-run"));
test("a container for Azure Container Apps", () =>
  golden(azureFunctionsTarget, { ...common, archive: null, unpackedBytes: 1, guards: null, auth: "function" }, "azure"));

test("a Lambda function reserves memory that its model fits, and refuses what no function has", () => {
  expect(() => lambdaTarget.plan(toyVersion, { ...lambda, neededMb: 10_241 })).toThrow(
    /expected a model that needs at most 10240 MB, got 10241 MB/,
  );
  expect(() => lambdaTarget.plan(toyVersion, { ...lambda, neededMb: 1770 })).toThrow(/--memory: expected at least 1770/);
});
