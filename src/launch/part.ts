/** `launch:` of `loam.yaml`: where worker processes are started. Schemas alone. */
import { z } from "zod";

export const launchEngineNames = ["local", "mpirun", "slurm", "ray", "kubernetes"] as const;
export type EngineName = (typeof launchEngineNames)[number];

const words = z.array(z.string().min(1));
const variable = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "the name of a variable");

const mpirunPart = z.strictObject({
  hosts: z
    .string()
    .min(1)
    .optional()
    .meta({ description: "Hosts with the number of processes on each. Default: this machine.", examples: ["node1:4,node2:4"] }),
  extra: words.default([]).meta({ description: "Further arguments of mpirun.", examples: [["--mca", "btl", "tcp,self"]] }),
});

const slurmPart = z.strictObject({
  partition: z.string().min(1).optional().describe("Partition. Default: the cluster's."),
  account: z.string().min(1).optional().describe("Account that is charged. Default: the user's."),
  qos: z.string().min(1).optional().describe("Quality of service. Default: the account's."),
  time: z
    .string()
    .min(1)
    .optional()
    .meta({ description: "Time limit of a worker. Default: the partition's.", examples: ["02:00:00"] }),
  extra: words.default([]).meta({ description: "Further arguments of sbatch.", examples: [["--constraint=avx512"]] }),
});

const rayPart = z.strictObject({
  address: z
    .string()
    .min(1)
    .optional()
    .meta({
      description: "Address of Ray's dashboard. Default: RAY_API_SERVER_ADDRESS, else port 8265 here.",
      examples: ["http://ray-head:8265"],
    }),
});

const kubernetesPart = z.strictObject({
  image: z
    .string()
    .min(1)
    .optional()
    .meta({ description: "Image of a whole Loam, whose entry point is `loam`.", examples: ["registry.example/loam:1"] }),
  claim: z.string().min(1).optional().describe("PersistentVolumeClaim that holds the project, mounted at `launch.folder`."),
  namespace: z.string().min(1).optional().describe("Namespace. Default: the kubeconfig's."),
  context: z.string().min(1).optional().describe("Context of the kubeconfig. Default: the current one."),
  secret: z.string().min(1).optional().describe("Secret whose keys become variables of the workers."),
  user: z.number().int().min(0).optional().describe("User and group id of the workers. Default: those of Loam's images, 65532."),
});

export const launchPart = z.strictObject({
  engine: z.enum(launchEngineNames).optional().describe("Engine that starts workers where `--launch` is not given. Default: none."),
  workers: z
    .number()
    .int()
    .min(1)
    .max(1000)
    .optional()
    .describe("Workers where `--workers` is not given. Default: 2; of a search, its `parallel`."),
  cpus: z.number().int().min(1).default(1).describe("Processors of a worker."),
  memoryBytes: z
    .number()
    .int()
    .min(2 ** 20)
    .optional()
    .meta({ description: "Memory of a worker, in bytes. Default: the engine's.", examples: [4294967296] }),
  startSeconds: z
    .number()
    .int()
    .min(1)
    .default(600)
    .describe("Seconds that ranks of a training which run wait for those that the engine has not started. Then the command fails."),
  folder: z.string().min(1).optional().describe("The project's folder on the nodes. Default: as here; in Kubernetes `/project`."),
  command: words
    .min(1)
    .optional()
    .meta({
      description: "How nodes start Loam. Default: this Node.js and this Loam; in Kubernetes the image's entry point.",
      examples: [["node", "/opt/loam/bin/loam.js"]],
    }),
  env: z
    .array(variable)
    .default([])
    .meta({ description: "Variables of this machine that workers get.", examples: [["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]] }),
  mpirun: mpirunPart.prefault({}).describe("Open MPI or MPICH."),
  slurm: slurmPart.prefault({}).describe("Slurm."),
  ray: rayPart.prefault({}).describe("Ray."),
  kubernetes: kubernetesPart.prefault({}).describe("Kubernetes."),
});
export type LaunchPart = z.output<typeof launchPart>;
