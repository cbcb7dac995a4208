/** All benches by name. A new one is a row and a module of that name with a `run`. */
import { loadavg } from "node:os";
import { type BenchContext, type BenchReport, type BenchResult, benchMachine } from "./harness.ts";

/** What each one answers. */
export const benches = {
  "tune-step": "one step of tuning SmolLM2-135M, all weights and LoRA, beside transformers and PEFT",
  classifier: "a spam classifier tuned from MiniLM to equal F1, beside transformers' Trainer",
  honesty: "planted faults of data (shuffled labels, leaks, copies) that a classifier's report must name, and clean data without alarms",
  moderation:
    "toxic prompts classified, words found in disguise, false alarms on Brown and on sentences that look alike, beside two packages",
  bias: "Adult: logistic regression, reweighing and adversarial debiasing, beside scikit-learn and Fairlearn",
  attribution: "gradients, integrated gradients and occlusion of SmolLM2 beside Captum, with how far each method can be believed",
  labelling: "labels that a spam classifier needs when the least sure texts of the pool come first, against texts at random",
  matmul: "every matrix product of a training step, beside a loop of nothing but its instruction",
  attention: "causal attention, forward and backward, by length, form and threads, beside PyTorch",
  dp: "privacy accountants beside Opacus and dp-accounting, the epsilon that an attack refutes, spam F1 by budget",
  erasure: "texts erased from a small GPT by unlearning and by retraining: membership and extraction beside a model that never saw them",
  "per-example": "clipped sums of per-example gradients of a small GPT, beside a loop and Opacus",
  levers: "each lever of a training recipe against the plain one at equal processor time, on mails; NAME... runs some",
  "train-step": "one training step of a small GPT in fp32 and bf16, beside PyTorch eager and compiled",
  pjrt: "every operation as StableHLO in XLA's CPU plugin against the reference, and a training step there beside ours; operations, fp32 or bf16 runs a part",
  ranks: "training steps of two ranks with one thread each, at every ZeRO level, beside one process with two threads",
  faults: "ranks killed at random moments of a training: how soon they are named, and what it comes to when it goes on",
  "nanogpt-cpu": "nanoGPT's set-up for the processor, whole trainings: core-seconds and held-out loss, beside PyTorch",
  "gpt2-124m": "steps of GPT-2 124M at 1,024 tokens with accumulation and recomputation: speed and peak memory, beside PyTorch",
  efficiency: "core-seconds of the efficient recipe to equal held-out bits per byte, beside two swept baselines (examples/efficiency)",
  recipe: "the recipe of examples/mail from end to end, and the share of time outside the native step",
  plan: "seconds of a training step that `loam train plan` predicts, against 36 published runs of Megatron-LM",
  launch:
    "curation and a search with workers on each engine of this machine (local, mpirun, Slurm, Ray), killed: the same bytes; NAME... runs some",
  lambda: "an AWS Lambda function of SmolLM2-135M in four bits: size beside a plain npm install, and its start",
  install: "sizes and seconds of the tarball installed into an empty folder",
  image: "the serving image: size beside `npm ci --omit=dev`, seconds to build, bytes that a new version sends to a registry",
  "cold-start": "processor seconds and memory of `loam serve` from start to ready: project, folder, image (runc)",
  console: "the console in Chromium: a million rows scrolled, the Playground's prompt on a first visit, searches over 100,000 documents",
  start: "how long `loam --help` and the second `npm start` take",
  tokenizer: "training and encoding on the mails, beside other tokenizers",
  store: "artifacts recorded per second, durably, and what is lost in 200 kills",
  merkle: "acts recorded per second beside artifacts, proofs judged by Go's modules, and edits, cuts and reorders of a log that are found",
  pii: "private data found in mails and in generated sentences, beside Presidio's patterns",
  names: "the shipped recogniser of names on sentences of Presidio's generator and on marked mails, beside Presidio",
  decontaminate: "evaluation items planted in mails, beside datatrove and decon",
  html: "main text of the HTML in mails, beside trafilatura",
  filters: "the C4, Gopher and FineWeb filter sets over mails, beside datatrove",
  languages: "the language of real texts of 77 languages at several lengths, beside seven detectors",
  licences: "licences named from the licence files of installed packages",
  lists: "patterns, address lists, licences and words over mails, beside the native engine and a Set",
  augmentation: "what variants of few mails do for a classifier, against the same mails repeated",
  remat: "peak memory of a training step with and without rematerialisation",
  "train-memory": "peak memory of a training step in float32, bf16 and under a budget, and of the whole process beside PyTorch's",
  precision: "held-out bits of examples/mail's recipe in bf16 beside float32, from five seeds",
  dedup: "near-duplicates removed from 100 MB with known copies, beside rensa and datatrove",
  "short-texts": "the split of short texts: CPU time of comparing them word by word, and twins that are separated",
  quality: "good mails told from bad by a classifier learnt here, beside fastText and scikit-learn",
  semantic: "pairs of one meaning met in cells, against all pairs and SemDeDup's rule",
  pipeline: "all steps of curation on mails and on generated text up to 2 GB: speed, threads, memory",
  substring: "repeated passages removed: speed, and memory a byte of text",
  structured: "a JSON schema compiled over a real vocabulary, and what following it adds to a token",
  fuzz: "damaged and hostile model files, 100,000 of each kind: what becomes of them",
  decode: "tokens a second that SmolLM2-135M writes at batch 1 to 32, beside llama.cpp",
  "http-load": "a served SmolLM2-135M under the load of 32 clients, beside llama.cpp's server",
  embeddings: "sentences a second that MiniLM embeds, beside PyTorch and ONNX Runtime from Python",
  "deploy-memory": "memory that `loam deploy kubernetes` computes, beside what saturated servers take",
  "moderator-memory": "what a moderator adds to a server's memory, beside what `loam deploy kubernetes` computes",
  "memory-shapes": "what saturated servers of many shapes take: the factors of computed memory are fitted to it",
  "serve-memory": "what a served SmolLM2-135M takes: weights, keys and values, the rest; beside llama.cpp's server",
  soak: "10,000 requests with cancels, slow readers and nonsense: nothing lost, mixed up or kept",
  adapters: "what LoRA adapters cost a step of SmolLM2-135M, by rows that have one and by room",
  prefill: "tokens a second at which SmolLM2-135M reads prompts, beside llama.cpp",
  "decode-guard": "processor time per token of SmolLM2-135M with and without a list of 1,000 blocked phrases",
  search: "hyper-parameter search on functions whose least value is known, beside Optuna",
  stereotypes: "StereoSet, CrowS-Pairs and WinoBias of SmolLM2-135M, beside transformers on the same weights",
  eval: "SmolLM2-135M on small tasks, item by item and for speed, beside lm-evaluation-harness",
  metrics: "scores of a million predictions, beside scikit-learn",
  limits: "a decision about limits in memory, in a SQLite file and in PostgreSQL: p50, p99, requests a second",
  policies: "decisions over 10 and 10,000 policies, and keys looked up among 1,000 and a million",
  "gateway-load": "requests a second through the gateway with everything on, beside LiteLLM, Portkey and a bare Hono with undici",
  "gateway-streams":
    "500 streams at once through the gateway: tokens a second, memory a stream, whether it stays; beside a bare Hono with undici",
  guards: "small requests beside prompts of 1 and 4 MB that guards look at, and when the work of one whose client left ends",
  "gateway-latency": "what the gateway adds to the time of a request, beside LiteLLM, Portkey and a bare Hono with undici",
  isolation: "requests of one key beside 530 idle streams of another on the same upstream, through the gateway",
  "gateway-routing": "what hedging, the servers' own load and priorities do to waits, on servers whose times are set",
  drift:
    "tests of two samples beside scipy, verdicts beside Evidently and alibi-detect, a stream of mails watched for a quiet year and through a shift",
  sotu: "State of the Union addresses: how soon text of later half centuries is called drift from what a model was trained on",
  loop: "a mail filter retrained by itself: what it wins, quiet stretches, wrong labels, a bad canary under load; PART... runs some",
  watch: "what monitoring costs: processor time of a response with all monitors on, and of evaluating a minute outside its path",
  operator: "the Kubernetes operator: 100 SIGKILLs, and 1,000 LoamModels changed at once, on the cluster of KUBECONFIG",
  canary: "two arms compared after every request: equal arms, a bad one, users whose requests are alike, a wrong assignment",
  spc: "run lengths of control charts by chain and by simulation, beside published tables and R's spc",
  anomaly: "monitors on a simulated model with known faults, and detectors on labelled series beside scikit-learn and PyOD",
  suites:
    "test suites of vLLM, llama.cpp and of clients against `loam serve`: which tests pass, beside the list of expected failures; NAME... runs some",
  rollout: "requests on a real cluster during a rolling update, a drained node and a canary: lost, cut, refused, answered twice",
  allreduce: "sums of 40 MB over 2 and 4 ranks by shared memory, TCP and MPI, beside Open MPI; how soon a killed rank is named",
  split:
    "gradients and losses of three families over every mesh of at most 4 ranks, beside one rank and XLA's own partitioning [gradients losses bf16, families]",
  scale: "an autoscaler on a real cluster: its decision after a step of the load, and what scale-in loses",
} as const satisfies Record<string, string>;
export type BenchName = keyof typeof benches;

export const isBench = (name: string): name is BenchName => Object.hasOwn(benches, name);

/** Runs a bench. Its module is loaded only now: benches bring peers and native code with them. */
export async function runBench(name: BenchName, context: BenchContext): Promise<BenchReport> {
  const [load] = loadavg();
  const { run } = (await import(new URL(`./${name}.js`, import.meta.url).href)) as { run: (c: BenchContext) => Promise<BenchResult> };
  const began = performance.now();
  const result = await run(context);
  return { name, ...result, machine: benchMachine(load ?? 0), seconds: Math.round((performance.now() - began) / 1000) };
}
