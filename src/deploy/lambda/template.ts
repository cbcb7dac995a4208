/** A CloudFormation template of a Lambda function: version, alias, URL, a role that may write its own log, alarms. */
import { type DeployedVersion, lineageLabels } from "../version.ts";
import { handlerName, wrapperPath } from "./function-files.ts";
import type { LambdaWishes } from "./target.ts";

/** The managed runtime that zip archives run on. */
export const lambdaRuntime = "nodejs22.x";

const logDays = 30;
/** Of the timeout, from which the duration's alarm tells. */
const lateShare = 0.8;

const ref = (name: string) => ({ Ref: name });
const attribute = (resource: string, name: string) => ({ "Fn::GetAtt": [resource, name] });
const sub = (text: string) => ({ "Fn::Sub": text });

/** Tags take letters, numbers and `_.:/=+-@`. */
export const lineageTags = (v: DeployedVersion) =>
  Object.entries(lineageLabels(v)).map(([Key, Value]) => ({ Key, Value: Value.replaceAll(/[^\w .:/=+@-]/g, "-").slice(0, 256) }));

/** A name of letters, numbers and hyphens. */
export const resourceName = (v: DeployedVersion): string => v.model.replaceAll(/[^A-Za-z0-9-]/g, "-").slice(0, 48);

const parameters = (v: DeployedVersion, { package: kind, auth, image }: LambdaWishes) => ({
  FunctionName: { Type: "String", Default: resourceName(v), AllowedPattern: "[A-Za-z0-9-_]{1,64}" },
  ...(kind === "zip"
    ? {
        CodeBucket: { Type: "String", Description: "Bucket of function.zip, in the function's region" },
        CodeKey: { Type: "String", Description: "Key of function.zip" },
      }
    : {
        ImageUri: {
          Type: "String",
          Description: "Image in Amazon ECR, by its digest",
          ...(image === null ? {} : { Default: image }),
        },
      }),
  ...(auth === "NONE"
    ? { ApiKey: { Type: "String", NoEcho: true, MinLength: 16, Description: "Key that requests for models need (LOAM_API_KEY)" } }
    : {}),
  ProvisionedConcurrency: { Type: "Number", Default: 0, MinValue: 0, Description: "Environments that are kept started" },
  AlarmTopic: { Type: "String", Default: "", Description: "ARN of an SNS topic that alarms notify; none when empty" },
});

const role = {
  Type: "AWS::IAM::Role",
  Properties: {
    AssumeRolePolicyDocument: {
      Version: "2012-10-17",
      Statement: [{ Effect: "Allow", Principal: { Service: "lambda.amazonaws.com" }, Action: "sts:AssumeRole" }],
    },
    Policies: [
      {
        PolicyName: "own-log",
        PolicyDocument: {
          Version: "2012-10-17",
          Statement: [{ Effect: "Allow", Action: ["logs:CreateLogStream", "logs:PutLogEvents"], Resource: attribute("Log", "Arn") }],
        },
      },
    ],
  },
};

const functionOf = (v: DeployedVersion, w: LambdaWishes) => ({
  Type: "AWS::Lambda::Function",
  Properties: {
    FunctionName: ref("FunctionName"),
    Description: `${v.model}@${v.version} ${v.fingerprint.slice(0, 12)}, served by Loam`,
    ...(w.package === "zip"
      ? { PackageType: "Zip", Runtime: lambdaRuntime, Handler: handlerName, Code: { S3Bucket: ref("CodeBucket"), S3Key: ref("CodeKey") } }
      : { PackageType: "Image", Code: { ImageUri: ref("ImageUri") }, ImageConfig: { Command: w.command } }),
    Architectures: [w.architecture],
    MemorySize: w.memoryMb,
    Timeout: w.timeoutSeconds,
    EphemeralStorage: { Size: w.storageMb },
    Role: attribute("Role", "Arn"),
    LoggingConfig: { LogGroup: ref("Log") },
    TracingConfig: { Mode: "PassThrough" },
    ...(w.concurrency === null ? {} : { ReservedConcurrentExecutions: w.concurrency }),
    Environment: {
      Variables: {
        ...(w.package === "zip" ? { AWS_LAMBDA_EXEC_WRAPPER: wrapperPath } : {}),
        LOAM_VERSION_FINGERPRINT: v.fingerprint,
        ...(w.auth === "NONE" ? { LOAM_API_KEY: ref("ApiKey") } : {}),
      },
    },
    Tags: lineageTags(v),
  },
});

const alarm = (metric: string, more: object) => ({
  Type: "AWS::CloudWatch::Alarm",
  Properties: {
    Namespace: "AWS/Lambda",
    MetricName: metric,
    Dimensions: [{ Name: "FunctionName", Value: ref("Function") }],
    Period: 300,
    EvaluationPeriods: 1,
    ComparisonOperator: "GreaterThanThreshold",
    TreatMissingData: "notBreaching",
    AlarmActions: { "Fn::If": ["HasTopic", [ref("AlarmTopic")], ref("AWS::NoValue")] },
    ...more,
  },
});

/** Who may call a URL without a signature: since October 2025 both permissions are needed. */
const openPermissions = {
  UrlPermission: {
    Type: "AWS::Lambda::Permission",
    Properties: { FunctionName: ref("Alias"), Action: "lambda:InvokeFunctionUrl", Principal: "*", FunctionUrlAuthType: "NONE" },
  },
  InvokePermission: {
    Type: "AWS::Lambda::Permission",
    Properties: { FunctionName: ref("Alias"), Action: "lambda:InvokeFunction", Principal: "*", InvokedViaFunctionUrl: true },
  },
};

/** The template as plain data. A new version has another logical id, so CloudFormation publishes it and keeps the one before. */
export function lambdaTemplate(v: DeployedVersion, w: LambdaWishes): object {
  const versionId = `Version${v.version}x${v.fingerprint.slice(0, 8)}`;
  return {
    AWSTemplateFormatVersion: "2010-09-09",
    Description: `${v.model}@${v.version} on AWS Lambda, written by loam deploy lambda`,
    Parameters: parameters(v, w),
    Conditions: {
      HasTopic: { "Fn::Not": [{ "Fn::Equals": [ref("AlarmTopic"), ""] }] },
      IsProvisioned: { "Fn::Not": [{ "Fn::Equals": [ref("ProvisionedConcurrency"), 0] }] },
    },
    Resources: {
      Log: {
        Type: "AWS::Logs::LogGroup",
        DeletionPolicy: "Delete",
        UpdateReplacePolicy: "Delete",
        Properties: { LogGroupName: sub(`/aws/lambda/\${FunctionName}`), RetentionInDays: logDays },
      },
      Role: role,
      Function: functionOf(v, w),
      [versionId]: {
        Type: "AWS::Lambda::Version",
        DeletionPolicy: "Retain",
        UpdateReplacePolicy: "Retain",
        Properties: { FunctionName: ref("Function"), Description: v.fingerprint },
      },
      Alias: {
        Type: "AWS::Lambda::Alias",
        Properties: {
          FunctionName: ref("Function"),
          FunctionVersion: attribute(versionId, "Version"),
          Name: "live",
          ProvisionedConcurrencyConfig: {
            "Fn::If": ["IsProvisioned", { ProvisionedConcurrentExecutions: ref("ProvisionedConcurrency") }, ref("AWS::NoValue")],
          },
        },
      },
      Url: {
        Type: "AWS::Lambda::Url",
        DependsOn: "Alias",
        Properties: {
          TargetFunctionArn: attribute("Function", "Arn"),
          Qualifier: "live",
          AuthType: w.auth,
          InvokeMode: w.mode === "stream" ? "RESPONSE_STREAM" : "BUFFERED",
        },
      },
      ...(w.auth === "NONE" ? openPermissions : {}),
      ErrorAlarm: alarm("Errors", { Statistic: "Sum", Threshold: 0 }),
      ThrottleAlarm: alarm("Throttles", { Statistic: "Sum", Threshold: 0 }),
      DurationAlarm: alarm("Duration", {
        ExtendedStatistic: "p99",
        Threshold: Math.round(1000 * w.timeoutSeconds * lateShare),
        Unit: "Milliseconds",
      }),
    },
    Outputs: {
      Url: { Value: attribute("Url", "FunctionUrl") },
      FunctionArn: { Value: ref("Alias") },
    },
  };
}
