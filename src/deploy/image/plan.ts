/** What an image of a version says of itself, as a function of the version and the wishes: configuration, command, labels. Nothing is read here. */
import { podUser } from "../../kubernetes/index.ts";
import { type DeployedVersion, lineageLabels } from "../version.ts";

/** Nobody in particular, as distroless images have it: above the ids of system accounts. */
export const imageUser = podUser;
export const imagePort = 8080;

/** Where parts of an image lie; without a slash at the front. */
export const imagePlaces = {
  node: "usr/local/bin/node",
  app: "app",
  /** The same in each image, however Loam was installed where it was built. */
  program: "app/bin/loam.js",
  model: "model",
  guards: "app/guards",
  home: "tmp",
} as const;

export const weightPlaces = ["inside", "mounted", "pulled"] as const;
export type WeightPlace = (typeof weightPlaces)[number];
export const imageVariants = ["container", "sagemaker"] as const;
export type ImageVariant = (typeof imageVariants)[number];

/** Beneath /app: what is at the address that weights are pulled from. */
export const pulledFilesName = "pull.json";

/** Names, digests and sizes, as `loam serve --pull-files` reads them. */
export const pulledFilesText = ({ files }: DeployedVersion): string =>
  `${JSON.stringify({ format: 1, files: files.map(({ name, digest, sizeBytes }) => ({ name, digest, sizeBytes })) }, undefined, 2)}\n`;

/** Where SageMaker unpacks `model.tar.gz`. */
const sagemakerModel = "opt/ml/model";
/** Beneath /app, beside `bin`. */
export const sagemakerProgram = "sagemaker.mjs";

export interface ImageWishes {
  /**
   * `inside` the image; `mounted`: a folder that holds the version's files; `pulled` from a registry into a mounted folder at start. In each case they are
   * compared with the version before it is served.
   */
  readonly weights: WeightPlace;
  /** Default: container. */
  readonly variant?: ImageVariant;
  /** What is pulled: the packed version by its digest, `HOST/REPOSITORY@sha256:...`, or its files by the address of their folder. */
  readonly pull?: { readonly reference: string; readonly plainHttp: boolean; readonly isAddress: boolean } | undefined;
  /** What responses are guarded with: the file that `loam serve --guards` reads, without a slash at the front, and its SHA-256. */
  readonly guards?: { readonly file: string; readonly digest: string } | undefined;
  /** As the OCI image specification names it: amd64, arm64. */
  readonly architecture: string;
  /** Path of Node in the image. */
  readonly node: string;
  /** Environment of a base image; later ones of one name stand. */
  readonly env?: readonly string[];
  readonly version: string;
}

/** The `config` of an image configuration, in the specification's own names. */
export interface ImageSettings {
  readonly User: string;
  readonly ExposedPorts: Readonly<Record<string, object>>;
  readonly Env: readonly string[];
  readonly Entrypoint: readonly string[];
  readonly Cmd: readonly string[];
  readonly WorkingDir: string;
  readonly Labels: Readonly<Record<string, string>>;
  readonly StopSignal: "SIGTERM";
}

interface ImagePlan {
  readonly created: string;
  readonly architecture: string;
  readonly settings: ImageSettings;
}

/** Node's settings in the image; they stand where a base image has others. */
const ownEnv = (): Readonly<Record<string, string>> => ({
  PATH: "/usr/local/bin:/usr/bin:/bin",
  HOME: `/${imagePlaces.home}`,
  LOAM_HOME: `/${imagePlaces.home}`,
  NODE_ENV: "production",
  LANG: "C.UTF-8",
});

const envOf = (given: readonly string[]): string[] => {
  const pairs = new Map(given.map(e => [e.slice(0, e.indexOf("=")), e]));
  for (const [name, value] of Object.entries(ownEnv())) if (name !== "PATH" || !pairs.has("PATH")) pairs.set(name, `${name}=${value}`);
  return [...pairs.values()];
};

/** Where the version's files lie in the image, or are mounted; without a slash at the front. */
export const modelPlace = ({ weights, variant = "container" }: Pick<ImageWishes, "weights" | "variant">): string =>
  variant === "sagemaker" && weights !== "inside" ? sagemakerModel : imagePlaces.model;

/** What `loam` is started with. */
function serveArguments(v: DeployedVersion, wishes: ImageWishes): string[] {
  const { pull } = wishes;
  return [
    "serve",
    `/${modelPlace(wishes)}`,
    "--served-model-name",
    v.model,
    "--expect-digest",
    v.servedDigest,
    ...(pull ? ["--pull", pull.reference, ...(pull.plainHttp ? ["--plain-http"] : [])] : []),
    ...(pull?.isAddress ? ["--pull-files", `/${imagePlaces.app}/${pulledFilesName}`] : []),
    ...(wishes.guards ? ["--guards", `/${wishes.guards.file}`] : []),
    "--host",
    "0.0.0.0",
    "--port",
    String(imagePort),
  ];
}

/**
 * SageMaker starts an image with the argument `serve`, which a program turns into the whole command line: what stands in an entry point would be followed by
 * it, as the name of a second model.
 */
export const sagemakerText = (v: DeployedVersion, wishes: ImageWishes): string => `// SageMaker starts the image with the argument "serve".
const [given = "serve", ...more] = process.argv.slice(2);
if (given !== "serve") {
  process.stderr.write(\`loam: expected the argument serve, got \${JSON.stringify(given)}\\n\`);
  process.exit(2);
}
process.argv.splice(2, Number.POSITIVE_INFINITY, ...${JSON.stringify(serveArguments(v, wishes))}, ...more);
await import("./bin/loam.js");
`;

/**
 * The entry point is the process itself, so it gets SIGTERM; what follows an image's name on the command line of `docker run` is added to it, as flags of
 * `loam serve`.
 */
export function planImage(v: DeployedVersion, wishes: ImageWishes): ImagePlan {
  const { variant = "container" } = wishes;
  const command =
    variant === "sagemaker" ? [`/${imagePlaces.app}/${sagemakerProgram}`] : [`/${imagePlaces.program}`, ...serveArguments(v, wishes)];
  return {
    created: new Date(v.createdMs).toISOString(),
    architecture: wishes.architecture,
    settings: {
      // SageMaker mounts its volumes for root
      User: variant === "sagemaker" ? "0:0" : `${imageUser.id}:${imageUser.id}`,
      ExposedPorts: { [`${imagePort}/tcp`]: {} },
      Env: envOf(wishes.env ?? []),
      Entrypoint: [`/${wishes.node}`, ...command],
      Cmd: [],
      WorkingDir: `/${imagePlaces.home}`,
      Labels: {
        ...lineageLabels(v),
        "loam.weights": wishes.weights,
        "loam.guards": wishes.guards?.digest ?? "none",
        ...(variant === "container" ? {} : { "loam.variant": variant }),
        "org.opencontainers.image.title": v.model,
        "org.opencontainers.image.version": String(v.version),
        "org.opencontainers.image.created": new Date(v.createdMs).toISOString(),
        "org.opencontainers.image.source": `loam ${wishes.version}`,
        ...(variant === "sagemaker" ? { "com.amazonaws.sagemaker.capabilities.accept-bind-to-port": "true" } : {}),
      },
      StopSignal: "SIGTERM",
    },
  };
}
