/** Versions as something that runs elsewhere. */
import type { Verb } from "../verb.ts";
import { project } from "./common-options.ts";

const unapproved = [
  "--unapproved",
  "deploy an archived version too, where loam.yaml has no release rules for the model (default: refused)",
] as const;

const servedForm = [
  "--quantize <form>",
  "form that is served: exact, int8, int8-blocks or int4 (default: int8-blocks for quantised weights, else exact)",
] as const;
const contextTokens = [
  "--context <tokens>",
  "tokens of prompt and answer together (default: 4096, or the model's where that is shorter)",
] as const;
const sequences = ["--slots <n>", "maximum concurrent sequences", "8"] as const;
const folderOf = (name: string) => ["--to <folder>", `a new folder (default: the version's name with -${name})`] as const;

const managedVerbs: readonly Verb[] = [
  {
    usage: "deploy sagemaker <version>",
    summary: "Write model.tar.gz and a CloudFormation template of an Amazon SageMaker endpoint: real-time, serverless or asynchronous",
    options: [
      project,
      folderOf("sagemaker"),
      ["--kind <kind>", "real-time, serverless or async", "real-time"],
      ["--instance <type>", "instance type", "ml.c7i.xlarge"],
      ["--instances <range>", "LEAST:MOST, between which it scales (default: 1:1; async: 0:1)"],
      ["--memory <MB>", "of serverless: 1024 to 6144 (default: the least that the model fits)"],
      ["--concurrency <n>", "of serverless: requests at once", "5"],
      ["--weight <n>", "share of requests for this version among variants", "1"],
      ["--variant <variants...>", "another variant: NAME=WEIGHT,s3://BUCKET/model.tar.gz[,IMAGE]; may be given several times"],
      ["--shadow <variant>", "a variant that gets a copy of each request: NAME=SHARE,s3://BUCKET/model.tar.gz[,IMAGE]"],
      contextTokens,
      unapproved,
    ],
    example: "loam deploy sagemaker mail-small@prod --to mail-endpoint",
    load: async () => (await import("../verbs/deploy-managed.ts")).deploySageMakerVerb,
  },
  {
    usage: "deploy cloud-run <version>",
    summary: "Write a service of Google Cloud Run around an image of the version: concurrency from the slots, memory from the model",
    options: [
      project,
      folderOf("cloud-run"),
      ["--image <reference>", "the version's image by its digest: HOST/REPOSITORY@sha256:..., from loam deploy image --push"],
      ["--memory <MB>", "memory (default: what the model needs)"],
      ["--processors <n>", "1, 2, 4, 6 or 8 (default: 2, or what the memory asks for)"],
      ["--timeout <seconds>", "seconds of a request; 3600 at most", "300"],
      ["--instances <range>", "LEAST:MOST, between which it scales", "0:10"],
      servedForm,
      sequences,
      contextTokens,
      unapproved,
    ],
    example: "loam deploy cloud-run mail-small@prod --image europe-docker.pkg.dev/p/r/mail@sha256:...",
    load: async () => (await import("../verbs/deploy-managed.ts")).deployCloudRunVerb,
  },
  {
    usage: "deploy azure-functions <version>",
    summary: "Write a function app for Azure Functions with HTTP streams, and with --image a container for Azure Container Apps",
    options: [
      project,
      folderOf("azure-functions"),
      ["--weights-form <form>", "how weights are stored: as-is, q8 or q4 (GGUF, 8 or 4 bits)", "as-is"],
      ["--auth <level>", "function: a key of the function; anonymous", "function"],
      ["--image <reference>", "the version's image by its digest, for containerapp.yaml (default: no container)"],
      servedForm,
      sequences,
      contextTokens,
      unapproved,
    ],
    example: "loam deploy azure-functions mail-small@prod --to mail-app",
    load: async () => (await import("../verbs/deploy-managed.ts")).deployAzureFunctionsVerb,
  },
];

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
    usage: "deploy operator",
    summary: "Write the manifests that install the Kubernetes operator for LoamModel resources; with --run: be it",
    options: [
      ["--to <folder>", "manifests: CRD, account and rights, Deployment, external metrics; nothing of that name may exist"],
      ["--image <reference>", "image of the operator's pods: any image of `loam deploy image`"],
      ["--namespace <name>", "namespace of the operator and its lease (default: loam-system; with --run: the account's)"],
      ["--watch <namespace>", "reconcile the LoamModels of one namespace only (default: all namespaces)"],
      ["--replicas <number>", "pods of the operator; one leads", "2"],
      [
        "--registry <pair...>",
        "HOST=URL: where the operator reaches a registry that images name as HOST, such as localhost:5000=http://10.0.0.5:5000",
      ],
      ["--run", "run the operator: in a pod with its account, elsewhere with a kubeconfig"],
      ["--kubeconfig <path>", "with --run (default: KUBECONFIG, the pod's account, ~/.kube/config)"],
      ["--context <name>", "context of the kubeconfig (default: its current one)"],
      ["--metrics-port <port>", "with --run: serve external.metrics.k8s.io, HTTPS (default: no)"],
      ["--metrics-host <address>", "address to listen on", "0.0.0.0"],
      ["--lease-seconds <seconds>", "with --run: time after which another replica takes over", "15"],
    ],
    example: "loam deploy operator --to operator --image registry.example.com/mail-small:mail-small-3",
    load: async () => (await import("../verbs/deploy-operator.ts")).deployOperatorVerb,
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
  ...managedVerbs,
];
