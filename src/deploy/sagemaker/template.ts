/** The CloudFormation template of a SageMaker endpoint. Names carry the version, so that an update makes a new configuration and moves the endpoint over. */
import { lineageTags, resourceName } from "../lambda/template.ts";
import type { DeployedVersion } from "../version.ts";
import { type SageMakerVariant, type SageMakerWishes, serverlessMemory } from "./target.ts";

const ref = (name: string) => ({ Ref: name });
const attribute = (resource: string, name: string) => ({ "Fn::GetAtt": [resource, name] });
const sub = (text: string) => ({ "Fn::Sub": text });

/** Seconds that a container may load for. */
const startSeconds = 600;
/** Requests that an instance is given at once, of its slots: beyond it another one starts. */
const busyShare = 0.7;
/** Of traffic that is shifted first in an update, and for how long it is watched. */
const canary = { percent: 10, seconds: 600 } as const;

const parameters = (w: SageMakerWishes) => ({
  ModelData: { Type: "String", Description: "s3:// address of model.tar.gz", AllowedPattern: "s3://.+" },
  ImageUri: { Type: "String", Description: "Image of loam deploy image in Amazon ECR, by its digest" },
  ...(w.kind === "async" ? { OutputPath: { Type: "String", Description: "s3:// address for results", AllowedPattern: "s3://.+" } } : {}),
});

/** s3://bucket/key as ARNs that a policy names. */
const bucketOf = (uri: object) => ({ "Fn::Select": [2, { "Fn::Split": ["/", uri] }] });

const role = (w: SageMakerWishes) => ({
  Type: "AWS::IAM::Role",
  Properties: {
    AssumeRolePolicyDocument: {
      Version: "2012-10-17",
      Statement: [{ Effect: "Allow", Principal: { Service: "sagemaker.amazonaws.com" }, Action: "sts:AssumeRole" }],
    },
    Policies: [
      {
        PolicyName: "model-image-log",
        PolicyDocument: {
          Version: "2012-10-17",
          Statement: [
            {
              Effect: "Allow",
              Action: ["s3:GetObject"],
              Resource: { "Fn::Sub": [`arn:\${AWS::Partition}:s3:::\${Bucket}/*`, { Bucket: bucketOf(ref("ModelData")) }] },
            },
            ...(w.kind === "async"
              ? [
                  {
                    Effect: "Allow",
                    Action: ["s3:GetObject", "s3:PutObject"],
                    Resource: { "Fn::Sub": [`arn:\${AWS::Partition}:s3:::\${Bucket}/*`, { Bucket: bucketOf(ref("OutputPath")) }] },
                  },
                ]
              : []),
            // this one takes no resource
            { Effect: "Allow", Action: ["ecr:GetAuthorizationToken"], Resource: "*" },
            {
              Effect: "Allow",
              Action: ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:BatchCheckLayerAvailability"],
              Resource: sub(`arn:\${AWS::Partition}:ecr:\${AWS::Region}:\${AWS::AccountId}:repository/*`),
            },
            {
              Effect: "Allow",
              Action: ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
              Resource: sub(`arn:\${AWS::Partition}:logs:\${AWS::Region}:\${AWS::AccountId}:log-group:/aws/sagemaker/Endpoints/*`),
            },
            { Effect: "Allow", Action: ["cloudwatch:PutMetricData"], Resource: "*", Condition: { StringEquals: { "cloudwatch:namespace": "/aws/sagemaker/Endpoints" } } },
          ],
        },
      },
    ],
  },
});

const modelResource = (v: DeployedVersion, data: unknown, image: unknown) => ({
  Type: "AWS::SageMaker::Model",
  Properties: {
    ExecutionRoleArn: attribute("Role", "Arn"),
    EnableNetworkIsolation: true,
    PrimaryContainer: { Image: image, ModelDataUrl: data, Environment: { LOAM_VERSION_FINGERPRINT: v.fingerprint } },
    Tags: lineageTags(v),
  },
});

const capital = (name: string): string => `${name[0]!.toUpperCase()}${name.slice(1)}`;

function variant(name: string, weight: number, w: SageMakerWishes): object {
  const common = { VariantName: name, ModelName: attribute(`Model${capital(name)}`, "ModelName"), InitialVariantWeight: weight };
  if (w.kind === "serverless")
    return { ...common, ServerlessConfig: { MemorySizeInMB: serverlessMemory(w), MaxConcurrency: w.concurrency } };
  return {
    ...common,
    InstanceType: w.instance,
    InitialInstanceCount: Math.max(1, w.instances[0]),
    ContainerStartupHealthCheckTimeoutInSeconds: startSeconds,
    ModelDataDownloadTimeoutInSeconds: startSeconds,
  };
}

/** Scaling of one variant: real-time ones by requests at once an instance, asynchronous ones by their queue, to none. */
const scaling = (w: SageMakerWishes) => ({
  ScalableTarget: {
    Type: "AWS::ApplicationAutoScaling::ScalableTarget",
    Properties: {
      ServiceNamespace: "sagemaker",
      ScalableDimension: "sagemaker:variant:DesiredInstanceCount",
      ResourceId: { "Fn::Sub": [`endpoint/\${Name}/variant/main`, { Name: attribute("Endpoint", "EndpointName") }] },
      MinCapacity: w.instances[0],
      MaxCapacity: w.instances[1],
    },
  },
  ScalingPolicy: {
    Type: "AWS::ApplicationAutoScaling::ScalingPolicy",
    Properties: {
      PolicyName: "load",
      PolicyType: "TargetTrackingScaling",
      ScalingTargetId: ref("ScalableTarget"),
      TargetTrackingScalingPolicyConfiguration: {
        ...(w.kind === "async"
          ? {
              TargetValue: w.slots,
              CustomizedMetricSpecification: {
                Namespace: "AWS/SageMaker",
                MetricName: "ApproximateBacklogSizePerInstance",
                Statistic: "Average",
                Dimensions: [{ Name: "EndpointName", Value: attribute("Endpoint", "EndpointName") }],
              },
            }
          : {
              TargetValue: Math.max(1, Math.floor(w.slots * busyShare)),
              PredefinedMetricSpecification: { PredefinedMetricType: "SageMakerVariantConcurrentRequestsPerModelHighResolution" },
            }),
        ScaleOutCooldown: 60,
        ScaleInCooldown: 300,
      },
    },
  },
});

/** The template as plain data. */
export function sageMakerTemplate(v: DeployedVersion, w: SageMakerWishes): object {
  const configId = `Config${v.version}x${v.fingerprint.slice(0, 8)}`;
  const extra = [...w.others, ...(w.shadow ? [w.shadow] : [])];
  const models = Object.fromEntries(
    extra.map((o: SageMakerVariant) => [`Model${capital(o.name)}`, modelResource(v, o.data ?? ref("ModelData"), o.image ?? ref("ImageUri"))]),
  );
  const isScaled = w.kind !== "serverless" && w.instances[1] > w.instances[0];
  return {
    AWSTemplateFormatVersion: "2010-09-09",
    Description: `${v.model}@${v.version} on Amazon SageMaker, written by loam deploy sagemaker`,
    Parameters: parameters(w),
    Resources: {
      Role: role(w),
      ModelMain: modelResource(v, ref("ModelData"), ref("ImageUri")),
      ...models,
      [configId]: {
        Type: "AWS::SageMaker::EndpointConfig",
        Properties: {
          ProductionVariants: [variant("main", w.weight, w), ...w.others.map(o => variant(o.name, o.weight, w))],
          ...(w.shadow ? { ShadowProductionVariants: [variant(w.shadow.name, w.shadow.weight, w)] } : {}),
          ...(w.kind === "async"
            ? { AsyncInferenceConfig: { OutputConfig: { S3OutputPath: ref("OutputPath") }, ClientConfig: { MaxConcurrentInvocationsPerInstance: w.slots } } }
            : {}),
          Tags: lineageTags(v),
        },
      },
      Endpoint: {
        Type: "AWS::SageMaker::Endpoint",
        Properties: {
          EndpointName: { "Fn::Sub": `${resourceName(v)}-\${AWS::StackName}` },
          EndpointConfigName: attribute(configId, "EndpointConfigName"),
          ...(w.kind === "real-time" && !w.shadow && w.others.length === 0
            ? {
                DeploymentConfig: {
                  BlueGreenUpdatePolicy: {
                    TrafficRoutingConfiguration: {
                      Type: "CANARY",
                      CanarySize: { Type: "CAPACITY_PERCENT", Value: canary.percent },
                      WaitIntervalInSeconds: canary.seconds,
                    },
                    TerminationWaitInSeconds: canary.seconds,
                  },
                },
              }
            : {}),
          Tags: lineageTags(v),
        },
      },
      ...(isScaled ? scaling(w) : {}),
    },
    Outputs: { EndpointName: { Value: attribute("Endpoint", "EndpointName") } },
  };
}
