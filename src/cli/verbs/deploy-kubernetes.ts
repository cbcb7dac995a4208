/** `loam deploy kubernetes`: a version as objects of Kubernetes. */
import { formatBytes } from "../../base/index.ts";
import { autoscalers, kubernetesFormats, rolloutStrategies, servedForms } from "../../deploy/index.ts";
import { type DeployKubernetesOptions, deployKubernetes } from "../../project/deploying/index.ts";
import { wrongArgument } from "../../project/index.ts";
import { choiceOption, listOption, numberOption, textOption } from "../options.ts";
import { quietWatchOf } from "../show-call.ts";
import type { Options, VerbRun } from "../verb.ts";
import { workplaceOf } from "../verb-folder.ts";

const verb = "deploy kubernetes";

/** Errors: project/argument. */
function needed(options: Options, key: string, expected: string): string {
  const given = textOption(options, key);
  if (given !== undefined) return given;
  throw wrongArgument(`loam ${verb}: --${key}`, expected, "none");
}

function optionsOf(options: Options): DeployKubernetesOptions {
  const text = (key: string) => textOption(options, key);
  const whole = (key: string, least: number, most: number) => numberOption(options, key, verb, { least, most, whole: true });
  return {
    to: needed(options, "to", "a folder to write"),
    image: needed(options, "image", "the image of the version: HOST/REPOSITORY@sha256:..."),
    format: choiceOption(options, "format", verb, kubernetesFormats),
    checkImage: options.checkImage === true,
    plainHttp: options.plainHttp === true,
    name: text("name"),
    namespace: text("namespace"),
    architecture: text("architecture"),
    slots: whole("slots", 1, 256),
    context: whole("context", 16, 1_048_576),
    quantize: choiceOption(options, "quantize", verb, servedForms),
    cpu: numberOption(options, "cpu", verb, { least: 0.1, most: 1024 }),
    measured: text("measured"),
    load: numberOption(options, "load", verb, { least: 0.001, most: 1e9 }),
    minReplicas: whole("minReplicas", 1, 10_000),
    maxReplicas: whole("maxReplicas", 1, 10_000),
    autoscale: choiceOption(options, "autoscale", verb, autoscalers),
    prometheus: text("prometheus"),
    strategy: choiceOption(options, "strategy", verb, rolloutStrategies),
    previous: text("previous"),
    podMonitor: options.podMonitor === true,
    nodeMemory: text("nodeMemory"),
    claim: text("claim"),
    claimClass: text("claimClass"),
    pullPort: whole("pullPort", 1, 65_535),
    pullSecret: text("pullSecret"),
    gateway: text("gateway"),
    hostname: text("hostname"),
    endpointPicker: text("endpointPicker"),
    allowNamespaces: listOption(options, "allowNamespace"),
    apiKeySecret: text("apiKeySecret"),
    shutdownDelaySeconds: numberOption(options, "shutdownDelay", verb, { least: 0, most: 60 }),
    drainSeconds: whole("drain", 0, 3600),
    projectImage: text("projectImage"),
    projectClaim: text("projectClaim"),
    projectSecret: text("projectSecret"),
    data: text("data"),
    dataWorkers: whole("dataWorkers", 1, 1000),
    loopSchedule: text("loopSchedule"),
    unapproved: options.unapproved === true,
  };
}

const howToApply = {
  plain: (to: string) => `kubectl apply -f ${to}/manifests`,
  kustomize: (to: string) => `kubectl apply -k ${to}`,
  helm: (to: string) => `helm install NAME ${to}`,
} as const;

export const deployKubernetesVerb: VerbRun = async (context, [given = ""], options) => {
  const { out } = context;
  const wishes = optionsOf(options);
  const written = await deployKubernetes(workplaceOf(context, options), given, wishes, quietWatchOf(context));
  out.clear();
  const { model, version, alias, objects, memory, replicas, graceSeconds, startupSeconds, slots, context: tokens, form } = written;
  out.line(`  ${model}@${version}${alias === null ? "" : ` (${alias})`}   ${written.image}`);
  out.line(`    ${objects.join(", ")}`);
  out.line(
    `    memory ${formatBytes(memory.totalBytes)}: weights ${formatBytes(memory.weightsBytes)} (${form}), KV cache ${formatBytes(memory.cacheBytes)} (${slots} x ${tokens} tokens), the rest ${formatBytes(memory.totalBytes - memory.weightsBytes - memory.cacheBytes)}`,
  );
  const { colors } = written;
  if (colors)
    out.line(
      colors.color === colors.live
        ? `    ${colors.color}, which the Service selects`
        : `    ${colors.color}, beside ${colors.live} with version ${colors.otherVersion}, which the Service selects until \`loam deploy switch\``,
    );
  out.line(
    `    replicas ${replicas.least} to ${replicas.most}   start within ${startupSeconds} s   grace period ${graceSeconds} s (answers have ${written.drainSeconds} s)`,
  );
  out.line(`  ${howToApply[written.format](wishes.to)}`);
  for (const warning of written.warnings) out.warn(`  ${warning}`);
  out.result(written);
};
