/** What an image of a version says of itself, as a function of the version and the wishes: configuration, command, labels. Nothing is read here. */
import { type DeployedVersion, lineageLabels } from "../version.ts";

/** Nobody in particular, as distroless images have it: above the ids of system accounts. */
export const imageUser = { id: 65_532, name: "nonroot" } as const;
export const imagePort = 8080;

/** Where parts of an image lie; without a slash at the front. */
export const imagePlaces = {
  node: "usr/local/bin/node",
  app: "app",
  model: "model",
  home: "tmp",
} as const;

interface ImageWishes {
  /** `inside` the image, or `mounted` at /model: a folder that holds the version's files. Either way they are compared with the version at start. */
  readonly weights: "inside" | "mounted";
  /** As the OCI image specification names it: amd64, arm64. */
  readonly architecture: string;
  /** Path of Node in the image. */
  readonly node: string;
  /** Path of `bin/loam.js` in the image, beneath /app. */
  readonly program: string;
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

/**
 * The entry point is the process itself, so it gets SIGTERM; what follows an image's name on the command line of `docker run` is added to it, as flags of
 * `loam serve`.
 */
export function planImage(v: DeployedVersion, wishes: ImageWishes): ImagePlan {
  const program = `/${imagePlaces.app}/${wishes.program}`;
  const serve = ["serve", `/${imagePlaces.model}`, "--served-model-name", v.model, "--expect-digest", v.servedDigest];
  return {
    created: new Date(v.createdMs).toISOString(),
    architecture: wishes.architecture,
    settings: {
      User: `${imageUser.id}:${imageUser.id}`,
      ExposedPorts: { [`${imagePort}/tcp`]: {} },
      Env: envOf(wishes.env ?? []),
      Entrypoint: [`/${wishes.node}`, program, ...serve, "--host", "0.0.0.0", "--port", String(imagePort)],
      Cmd: [],
      WorkingDir: `/${imagePlaces.home}`,
      Labels: {
        ...lineageLabels(v),
        "loam.weights": wishes.weights,
        "org.opencontainers.image.title": v.model,
        "org.opencontainers.image.version": String(v.version),
        "org.opencontainers.image.created": new Date(v.createdMs).toISOString(),
        "org.opencontainers.image.source": `loam ${wishes.version}`,
      },
      StopSignal: "SIGTERM",
    },
  };
}
