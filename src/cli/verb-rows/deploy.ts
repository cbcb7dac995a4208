/** Versions as something that runs elsewhere. */
import type { Verb } from "../verb.ts";
import { project } from "./common-options.ts";

const unapproved = [
  "--unapproved",
  "deploy an archived version too, where loam.yaml has no release rules for the model (default: refused)",
] as const;

export const deployVerbs: readonly Verb[] = [
  {
    usage: "deploy image <version>",
    summary: "Write an OCI image that serves a version, without a container daemon; refused unless the version's release holds for it",
    options: [
      project,
      ["--to <path>", "an OCI image layout: a folder, or one file that ends in .tar; it appears when it is whole"],
      ["--push <reference>", "push it to a registry: HOST/REPOSITORY:TAG; layers that are there are not sent again"],
      ["--base <reference>", "base image by its digest: HOST/REPOSITORY@sha256:... (default: Node and its libraries from this machine)"],
      [
        "--weights <where>",
        "inside the image; mounted: a folder at /model; or pulled from a registry into a folder there; compared with the version at start (default: inside; mounted in the variant of SageMaker)",
      ],
      ["--pull-from <reference>", "where pulled weights come from: the version as `loam models push` put it into a registry"],
      ["--variant <name>", "container, or sagemaker: started with the argument `serve`, the model at /opt/ml/model", "container"],
      ["--dockerfile <folder>", "write a Dockerfile of the same image, with the files that it copies"],
      ["--sign <key>", "sign the pushed image with this private key (`loam models keygen`), in the form that `cosign verify` reads"],
      ["--plain-http", "unencrypted, also where the registry is not this machine"],
      unapproved,
    ],
    example: "loam deploy image mail-small@prod --to mail-small.oci",
    load: async () => (await import("../verbs/deploy.ts")).deployImageVerb,
  },
  {
    usage: "deploy web <version>",
    summary: "Write a static page that runs a small decoder in the browser: ONNX Runtime, the tokenizer, the weights",
    options: [
      project,
      ["--to <path>", "a new folder; it works from any path of a host, and from a cache without a network"],
      ["--weights <form>", "f32 gives the server's tokens; q8 and q4 are smaller, with the loss measured", "f32"],
      ["--context <tokens>", "tokens of prompt and completion (default: the model's, at most 2048)"],
      ["--webgpu", "with the WebGPU build, 27 MB that only browsers with WebGPU load (default: WebAssembly alone)"],
      ["--max-size <size>", "bound of the weights (default: 1 GiB, at most 3 GiB)"],
      ["--text <path>", "a file of text that the loss of q8 and q4 is measured on (default: generated sentences)"],
      unapproved,
    ],
    example: "loam deploy web mail-small@prod --to site",
    load: async () => (await import("../verbs/deploy-web.ts")).deployWebVerb,
  },
  {
    usage: "deploy plan [name]",
    summary: "Show what `deploy apply` would write of the deployments in loam.yaml, and what that changes; nothing is written",
    options: [project],
    example: "loam deploy plan",
    load: async () => (await import("../verbs/deployments.ts")).deployPlanVerb,
  },
  {
    usage: "deploy apply [name]",
    summary: "Write a new generation of each deployment in loam.yaml, and switch to it in one step",
    options: [project],
    example: "loam deploy apply mail-page",
    load: async () => (await import("../verbs/deployments.ts")).deployApplyVerb,
  },
  {
    usage: "deploy diff [name]",
    summary: "Compare deployments with the registry, loam.yaml, their folders and the cluster of KUBECONFIG",
    options: [project],
    example: "loam deploy diff",
    load: async () => (await import("../verbs/deployments.ts")).deployDiffVerb,
  },
  {
    usage: "deploy status [name]",
    summary: "Show the deployed version of each deployment, the version of its alias, generations and rollouts",
    options: [project],
    example: "loam deploy status",
    load: async () => (await import("../verbs/deployments.ts")).deployStatusVerb,
  },
  {
    usage: "deploy rollback <name>",
    summary: "Switch a deployment back to the generation before, in one step",
    options: [
      project,
      ["--generation <number>", "go back to this one (default: the one before)"],
      ["--unapproved", "also to a version that was archived meanwhile (default: refused)"],
    ],
    example: "loam deploy rollback mail-page",
    load: async () => (await import("../verbs/deployments.ts")).deployRollbackVerb,
  },
  {
    usage: "deploy cost",
    summary: "Estimate what a load costs a month on Lambda, Cloud Run, Fargate, SageMaker and machines, from dated prices",
    options: [
      project,
      ["--requests <count>", "requests a month"],
      ["--tokens <count>", "completion tokens per request"],
      ["--tokens-per-second <rate>", "of one instance, all its sequences together"],
      ["--slots <count>", "sequences that it decodes at once to reach that rate", "1"],
      ["--memory <gb>", "memory of an instance in GB", "1"],
      ["--vcpus <count>", "processors of an instance", "1"],
      ["--peak <factor>", "load of the busiest hour over the mean", "3"],
    ],
    example: "loam deploy cost --requests 1e6 --tokens 100 --tokens-per-second 200 --slots 8 --memory 2",
    load: async () => (await import("../verbs/deploy-cost.ts")).deployCostVerb,
  },
];
