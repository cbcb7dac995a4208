/** Options that verbs of several kinds have. */
import type { Verb } from "../verb.ts";

/** Where a verb looks for its project. */
export const project: Verb["options"][number] = [
  "-C, --project <folder>",
  "the project's folder (default: here or the nearest above with loam.yaml)",
];

export const gatewayConfig: Verb["options"][number] = [
  "-c, --config <file>",
  "the gateway's file (default: gateway.yaml in the folder, else the part gateway of loam.yaml)",
];
/** A gateway that runs somewhere, instead of the state itself. */
export const gatewayUrl = [
  "--url <address>",
  "ask the gateway that runs there, with the key in LOAM_GATEWAY_KEY (default: the state itself)",
] as const;

/** Of servers. */
export const shutdownDelay = [
  "--shutdown-delay <seconds>",
  "seconds after SIGTERM or Ctrl-C in which a server still accepts connections, not ready, closing each with its response (default: 2 in Kubernetes, else 0)",
] as const;

export const shutdownTimeout = [
  "--shutdown-timeout <seconds>",
  "seconds after that in which responses in flight are finished; then they end with an error (default: 25)",
] as const;

/** Of verbs that train on several ranks: what `--mesh` may name differs. */
export const meshOption = (examples: string): Verb["options"][number] => [
  "--mesh <axes>",
  `processes (ranks) that train together, such as ${examples} (default: \`mesh:\` of the recipe, else one)`,
];

/** Of verbs whose work is done by worker processes, or by ranks. */
export const launch: readonly Verb["options"][number][] = [
  [
    "--launch <engine>",
    "start workers or ranks on an engine: local, mpirun, slurm, ray or kubernetes (default: `launch.engine` of loam.yaml)",
  ],
  [
    "--launch-address <url>",
    "address of Ray's dashboard (default: `launch.ray.address` of loam.yaml, RAY_API_SERVER_ADDRESS, port 8265 here)",
  ],
];
