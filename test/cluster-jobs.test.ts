/** Curation as an Indexed Job: pods of several nodes work on one job of `loam data run --shared`, one of them is killed, and the data set is the same bytes as one machine makes. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect } from "vitest";
import { until } from "../examples/cluster/phases.js";
import { random } from "../src/base/index.ts";
import { openArtifact, openStore } from "../src/store/index.ts";
import { jsonLines, loamProcess, program, root } from "./support/child.ts";
import { clusterTest, openCluster } from "./support/cluster.ts";
import { type Pod, podsOf } from "./support/cluster-toy.ts";

const base = mkdtempSync(join(tmpdir(), "loam-cluster-job-"));
afterAll(() => rmSync(base, { recursive: true, force: true }));

/** Six sources, each a partition, with copies and near-copies within and across them. */
const sources = 6;
function project(name: string): string {
  const folder = join(base, name);
  mkdirSync(join(folder, "texts"), { recursive: true });
  const draw = random("cluster job");
  const words = Array.from({ length: 3000 }, (_, i) => `word${i.toString(36)}`);
  const text = () => Array.from({ length: 120 }, () => words[draw.below(words.length)]).join(" ");
  const pool = Array.from({ length: 300 }, text);
  for (let s = 0; s < sources; s++) {
    const lines = Array.from({ length: 1500 }, (_, id) => {
      const copied = pool[draw.below(pool.length)]!.replace(/\S+/g, w => (draw.uniform() < 0.01 ? "changed" : w));
      return JSON.stringify({ id: String(id), text: draw.uniform() < 0.5 ? text() : copied });
    });
    writeFileSync(join(folder, "texts", `s${s}.jsonl`), `${lines.join("\n")}\n`);
  }
  writeFileSync(
    join(folder, "loam.yaml"),
    `name: job
data:
  all:
    sources:
${Array.from({ length: sources }, (_, s) => `      s${s}: { folder: texts, files: s${s}.jsonl, reader: jsonl }`).join("\n")}
    steps: [clean, { length: { minWords: 5 } }, { repeats: {} }, { deduplicate: { fuzzy: true } }, gopher-repetition]
tokenizer: { vocab: 300, from: all }
models:
  toy: { layers: 1, width: 16, heads: 1, context: 16, train: { on: all, tokens: 1000, rows: 2, rate: 0.01 } }
`,
  );
  return folder;
}

async function outcome(folder: string, stdout: string): Promise<{ readonly digest: string; readonly summary: unknown }> {
  // a pod's log has both streams
  const lines = stdout.split("\n").filter(l => l.startsWith("{"));
  const { artifacts } = jsonLines(lines.join("\n")).findLast(l => "artifacts" in l) as { artifacts: Record<string, string> };
  const store = await openStore({ root: folder });
  try {
    const { digest, summary } = await openArtifact(store, artifacts["data/all"]!);
    return { digest, summary };
  } finally {
    await store.close();
  }
}

/** Index 0 opens the job, the others work on it. */
const entry = `
  const index = process.env.JOB_COMPLETION_INDEX;
  const args = index === "0" ? ["data", "run", "--shared", "--json"] : ["data", "work", "--for", "30", "--json"];
  process.argv = [process.argv[0], ${JSON.stringify(program)}, ...args];
  await import(${JSON.stringify(program)});
`;

const job = (folder: string, pods: number) => ({
  apiVersion: "batch/v1",
  kind: "Job",
  metadata: { name: "curate" },
  spec: {
    completionMode: "Indexed",
    completions: pods,
    parallelism: pods,
    backoffLimit: 6,
    template: {
      metadata: { labels: { app: "curate" } },
      spec: {
        restartPolicy: "Never",
        containers: [
          {
            name: "loam",
            image: "localhost/node:1",
            imagePullPolicy: "IfNotPresent",
            command: [process.execPath, "--input-type=module", "-e", entry],
            workingDir: folder,
            env: [
              { name: "HOME", value: "/tmp" },
              { name: "NO_COLOR", value: "1" },
            ],
            volumeMounts: [
              { name: "checkout", mountPath: root.replace(/\/$/, ""), readOnly: true },
              { name: "project", mountPath: folder },
            ],
          },
        ],
        volumes: [
          { name: "checkout", hostPath: { path: root } },
          { name: "project", hostPath: { path: folder } },
        ],
      },
    },
  },
});

clusterTest("an Indexed Job of four pods, one of them killed, curates the same bytes as one machine", async () => {
  const here = project("here");
  const alone = await loamProcess(["data", "run", "--workers", "1", "--json"], { cwd: here });
  expect(alone.code, alone.stderr).toBe(0);
  const there = project("there");
  await using cluster = await openCluster({ nodes: 2 });
  await cluster.image("node:1", [`+${process.execPath}`, "--", process.execPath]);
  await cluster.apply([job(there, 4)]);
  const pods = () => podsOf(cluster, "app=curate");
  const indexOf = ({ metadata }: Pod) => metadata.labels["batch.kubernetes.io/job-completion-index"];
  const logOf = async (pod: Pod) => cluster.kubectl(["logs", pod.metadata.name]).catch(() => "");
  // a worker that has begun dies at once; the Job starts another in its place
  let victim: string | undefined;
  await until(async () => {
    for (const pod of (await pods()).filter(p => indexOf(p) !== "0"))
      if ((await logOf(pod)).includes('"event":"progress"')) victim = pod.metadata.name;
    return victim !== undefined || (await pods()).some(p => p.status.phase === "Succeeded");
  }, "a worker has begun");
  if (victim !== undefined) await cluster.kubectl(["delete", "pod", victim, "--grace-period=0", "--force"]);
  await cluster.kubectl(["wait", "--for=condition=complete", "job/curate", "--timeout=900s"]);
  const all = await pods();
  expect(new Set(all.filter(p => p.status.phase === "Succeeded").map(indexOf))).toEqual(new Set(["0", "1", "2", "3"]));
  const [first] = all.filter(p => indexOf(p) === "0" && p.status.phase === "Succeeded");
  const made = await outcome(there, await logOf(first!));
  expect(made).toEqual(await outcome(here, alone.stdout));
  expect(victim).toBeDefined();
  // pods of both nodes were there
  expect(new Set(all.map(p => p.spec.nodeName)).size).toBe(2);
});
