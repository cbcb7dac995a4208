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
      ["--weights <where>", "inside the image, or mounted: a folder at /model, compared with the version at start", "inside"],
      ["--plain-http", "unencrypted, also where the registry is not this machine"],
      unapproved,
    ],
    example: "loam deploy image mail-small@prod --to mail-small.oci",
    load: async () => (await import("../verbs/deploy.ts")).deployImageVerb,
  },
  {
    usage: "deploy lambda <version>",
    summary:
      "Write an AWS Lambda function that serves a version: zip archive or image, and a CloudFormation template; its limits are checked first",
    options: [
      project,
      ["--to <folder>", "folder for the archive, template.yaml and loam-deployment.json (default: the version's name with -lambda)"],
      ["--package <kind>", "zip: for the managed Node, 250 MiB unpacked; image: 10 GiB", "zip"],
      ["--weights-form <form>", "of zip, how weights are stored: as-is, q8 or q4 (GGUF, 8 or 4 bits)", "as-is"],
      [
        "--quantize <form>",
        "form that is served: exact, int8, int8-blocks or int4 (default: int8-blocks for quantised weights, else exact)",
      ],
      ["--push <reference>", "push the image to a registry: HOST/REPOSITORY:TAG (default: image.tar in the folder)"],
      ["--base <reference>", "base of the image by its digest, as in loam deploy image"],
      ["--plain-http", "unencrypted, also where the registry is not this machine"],
      ["--architecture <name>", "x64 or arm64 (default: this machine's, the only one whose libraries are here)"],
      ["--mode <mode>", "stream: the function URL streams responses; buffered: responses of 6 MB at most", "stream"],
      ["--auth <who>", "iam: signed requests; key: anyone with the key that the template asks for (LOAM_API_KEY)", "iam"],
      ["--memory <MB>", "memory (default: what the model needs, at least 1769, which gives one processor)"],
      ["--timeout <seconds>", "seconds after which Lambda stops a request; 900 at most", "300"],
      ["--storage <MB>", "size of /tmp", "512"],
      ["--concurrency <n>", "reserved concurrency (default: the account's)"],
      ["--slots <n>", "maximum concurrent sequences of one environment, which answers one request at a time", "1"],
      ["--context <tokens>", "tokens of prompt and answer together (default: 4096, or the model's where that is shorter)"],
      unapproved,
    ],
    example: "loam deploy lambda mail-small@prod --to mail-lambda",
    load: async () => (await import("../verbs/deploy-lambda.ts")).deployLambdaVerb,
  },
];
