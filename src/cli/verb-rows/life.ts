/** The verbs of a project as a whole: begin one, run what is stale, train. */
import type { Verb } from "../verb.ts";
import { launch, meshOption, project } from "./common-options.ts";

export const lifeVerbs: readonly Verb[] = [
  {
    usage: "init [name]",
    summary: "Begin a project in a new folder, from a template or for a folder of your own data; asks where the terminal can answer",
    options: [
      ["-t, --template <template>", "pretrain, classify, instruct, serve or gateway (default: pretrain)"],
      ["--data <folder>", "your own data: formats, text field and labels are found as by `data look`"],
      ["-y, --yes", "ask nothing"],
    ],
    example: "loam init tickets --data ./exports",
    load: async () => (await import("../verbs/init.ts")).init,
  },
  {
    usage: "run [stage]",
    summary: "Run what is stale, up to a stage (source, data, tokenizer, shards, train, tune, baselines, evaluate, cross-validate)",
    options: [
      project,
      ["-m, --model <name>", "the model whose life is run (default: those that are served)"],
      ["--dry-run", "say what would run, with an estimate of time and disk, and run nothing"],
      ["--force", "run even what is not stale"],
    ],
    isForRuns: true,
    example: "loam run --dry-run",
    load: async () => (await import("../verbs/run.ts")).run,
  },
  {
    usage: "train [model]",
    summary: "Run everything a model needs, train it, and evaluate it; `train cost` shows the cost",
    options: [
      project,
      ["-m, --model <name>", "the model to train; needed where its name is also a subcommand"],
      meshOption("data=2 or pipeline=2,data=2"),
      [
        "--zero <level>",
        "ZeRO level: 1 divides the optimiser state among the ranks, 2 the gradients too, 3 the parameters too (default: the recipe's, else 0)",
      ],
      ...launch,
      ["--force", "train again even where nothing changed"],
      ["--profile", "time the kernels of some steps afterwards: milliseconds, GFLOP/s, GB/s, share of the peak; the model stays the same"],
      ["--profile-steps <n>", "number of steps to time", "3"],
    ],
    isForRuns: true,
    example: "loam train mail-small",
    load: async () => (await import("../verbs/run.ts")).train,
  },
  {
    usage: "train rank <task>",
    summary: "Train as one rank of several; `loam train --mesh` starts them, and so may mpirun, srun or torchrun",
    options: [project],
    isForRuns: true,
    example: "loam train rank .loam/scratch/RUN/ranks.json",
    load: async () => (await import("../verbs/train-rank.ts")).trainAsRank,
  },
  {
    usage: "train rates [model]",
    summary: "Learning-rate range test: a short run with a growing rate, its loss curve and a suggested peak rate",
    options: [
      project,
      ["--from <rate>", "first rate (default: a hundredth of the recipe's)"],
      ["--to <rate>", "last rate (default: 30 times the recipe's)"],
      ["--steps <n>", "steps of the test", "100"],
    ],
    example: "loam train rates mail-small",
    load: async () => (await import("../verbs/train-rates.ts")).trainRates,
  },
  {
    usage: "train scale [model]",
    summary:
      "Predict the held-out loss of a model's run, with an interval, from a ladder of small runs of its recipe and a fitted loss law",
    options: [
      project,
      ["--seconds <n>", "budget of the ladder in processor seconds (default: a fifth of the run's)"],
      ["--dry-run", "list the runs of the ladder with their estimated cost; only a few steps are timed"],
    ],
    example: "loam train scale mail-small --seconds 300",
    load: async () => (await import("../verbs/train-scale.ts")).trainScale,
  },
  {
    usage: "train plan [model]",
    summary:
      "Plan parallel training on a cluster: the fastest mesh that fits, memory per rank, step time and utilisation, by an analytic model",
    options: [
      project,
      [
        "--cluster <ranks>",
        "a kind and a number, such as a100-80gb:64; kinds: v100-32gb, a100-40gb, a100-80gb, h100-80gb, h200-141gb, tpu-v5e, local (measured)",
      ],
      ["--rows <n>", "rows of a step over all ranks (default: the recipe's)"],
      ["--micro-rows <n>", "rows of a micro-batch (default: the fastest)"],
      ["--mesh <axes>", "only meshes with these axes, such as tensor=8,pipeline=2"],
      ["--recompute <what>", "activations computed again in the backward pass: none, attention, all (default: the fastest)"],
      ["--timeline <file>", "write the best plan's step by rank: .svg (a drawing) or .json (a Chrome trace)"],
      ["--shape <sizes>", "a model without a project: layers=96,width=12288,heads=96,vocab=51200,length=2048"],
    ],
    example: "loam train plan mail-small --cluster a100-80gb:8",
    load: async () => (await import("../verbs/train-plan.ts")).trainPlan,
  },
  {
    usage: "train compile [model]",
    summary: "Compile a model's training step for a device ahead of time: memory, cost, executables",
    options: [
      project,
      ["--target <target>", "device to compile for: cpu, cuda, or tpu with a topology (tpu:v5e:2x2); needs no such device"],
      ["--output <folder>", "folder for the executables (default: .loam/compiled/MODEL-TARGET)"],
    ],
    example: "loam train compile mail-small --target tpu:v5e:2x2",
    load: async () => (await import("../verbs/train-compile.ts")).trainCompile,
  },
  {
    usage: "train cost <run>",
    summary: "Show the cost of a version, an artifact or a run with its data, searches and evaluations: core-seconds, FLOPs, energy, money",
    options: [
      project,
      ["--against <run>", "compare with another run"],
      ["--price <usd>", "US dollars per core-hour (default: `prices:` of loam.yaml, else the class's)"],
      [
        "--machine <class>",
        "class of machine of the price table: cloud, virtual-server, own (default: `prices:` of loam.yaml, else cloud)",
      ],
    ],
    example: "loam train cost mail-small@1",
    load: async () => (await import("../verbs/train-cost.ts")).trainCost,
  },
];
