/**
 * The loop on real mails (examples/drift): what it wins of what retraining can win, a quiet stretch, an update of wrong labels. And a bad canary under load: how
 * soon it is left, and whether 10,000 requests are answered once each.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { Project } from "../src/project/index.ts";
import { addToComparison, openTest } from "../src/project/looping/comparison.ts";
import type { BenchContext, BenchResult } from "./harness.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const example = (file: string): string => join(root, "examples", "drift", file);

interface Found {
  readonly story?: {
    readonly won: number;
    readonly scores: object;
    readonly rounds: readonly { readonly outcome: string; readonly coreSeconds: number }[];
  };
  readonly poison?: { readonly outcome: string; readonly why: string };
  readonly quiet?: { readonly days: number; readonly rounds: number; readonly promotions: number };
}

function part(name: string): Found {
  return JSON.parse(
    execFileSync(process.execPath, [example("run.js"), "--json", "--part", name], { encoding: "utf8", maxBuffer: 2 ** 26 }),
  ) as Found;
}

interface Mail {
  readonly id: string;
  readonly text: string;
  readonly label: string;
  readonly atMs: number;
}

/** Requests under way at once, and in all. */
const atOnce = 16;
const requests = 10_000;

/** Ten thousand requests on a server whose loop is in a canary that turns out bad: errors are told by another server of the same record. */
async function badCanary() {
  const { begin, arrive, model } = (await import(pathToFileURL(example("story.js")).href)) as {
    readonly begin: (folder: string, mails: readonly Mail[], changes: object) => Promise<Project>;
    readonly arrive: (project: Project, mails: readonly Mail[]) => void;
    readonly model: string;
  };
  const { readMails } = (await import(pathToFileURL(example("mails.js")).href)) as {
    readonly readMails: (place: string) => Promise<readonly Mail[]>;
  };
  const folder = mkdtempSync(join(tmpdir(), "loam-bench-loop-"));
  try {
    const mails = await readMails(folder);
    const split = mails.findIndex(m => m.atMs >= Date.UTC(2002, 7, 1));
    const gates = { frozen: 5, recent: 0, alpha: 0.5 };
    const canary = { share: 50, errors: 0.02, latency: "off", warmup: 0, requests: 1e6, longest: "1d" };
    const project = await begin(join(folder, "canary"), mails.slice(0, split), { gates, canary, every: "0s", cooldown: "0s" });
    const server = await project.serve({ models: [`${model}@prod`], port: 0, loop: false });
    try {
      arrive(project, mails.slice(split, split + 1500));
      const report = await project.loop.run(model, { force: true, server: server.url });
      if (report.phase !== "canary") throw new Error(`bench loop: expected a round in its canary, got ${report.phase}`);
      const store = await project.store();
      const texts = mails.slice(0, 200).map(m => m.text);
      let [next, failed, decidedMs, lastMs] = [0, 0, 0, 0];
      const ids = new Map<string, number>();
      const versions: Record<string, number> = {};
      const client = async () => {
        for (let i = next++; i < requests; i = next++) {
          const began = performance.now();
          const response = await fetch(`${server.url}/v1/models/${model}:classify`, {
            method: "POST",
            headers: { "content-type": "application/json", "x-loam-user": `u${i}`, "x-request-id": `r${i}` },
            body: JSON.stringify({ examples: [{ text: texts[i % texts.length] }] }),
          });
          const id = response.headers.get("x-request-id") ?? `none-${i}`;
          ids.set(id, (ids.get(id) ?? 0) + 1);
          const version = response.headers.get("x-loam-model") ?? "none";
          versions[version] = (versions[version] ?? 0) + 1;
          if (!response.ok) failed++;
          await response.arrayBuffer();
          if (version.endsWith("@2")) lastMs = Math.max(lastMs, began);
        }
      };
      const stop = new AbortController();
      const directing = Promise.resolve(project.loop.run(model, { follow: true, server: server.url, signal: stop.signal })).catch(() => {});
      const telling = (async () => {
        for (let i = 0; decidedMs === 0 && i < 400; i++) {
          const one = (version: number, isError: boolean) => ({
            id: `e${version}-${i}`,
            version,
            isShadow: false,
            user: null,
            atMs: Date.now(),
            isError,
            totalMs: 5,
          });
          await addToComparison(
            store,
            model,
            Array.from({ length: 10 }, (_, k) => ({ ...one(2, k < 3), id: `e2-${i}-${k}` })),
          );
          await addToComparison(
            store,
            model,
            Array.from({ length: 10 }, (_, k) => ({ ...one(1, false), id: `e1-${i}-${k}` })),
          );
          const test = await openTest(store, model);
          if (!test || test.ended !== null) decidedMs = performance.now();
          await sleep(100);
        }
      })();
      await Promise.all([telling, ...Array.from({ length: atOnce }, client)]);
      stop.abort();
      await directing;
      const { past } = await project.loop.status(model);
      return {
        answered: ids.size,
        twice: [...ids.values()].filter(n => n > 1).length,
        failed,
        leftMs: Math.max(0, lastMs - decidedMs),
        versions,
        outcome: past[0]?.outcome ?? "under way",
      };
    } finally {
      await server.close();
      await project.close();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export const run = async ({ only, say }: BenchContext): Promise<BenchResult> => {
  const chosen = only.length > 0 ? only : ["story", "poison", "quiet", "canary"];
  const found: Found = {};
  for (const name of ["story", "poison", "quiet"].filter(n => chosen.includes(n))) {
    say(name);
    Object.assign(found, part(name));
  }
  if (chosen.includes("canary")) say("canary");
  const canary = chosen.includes("canary") ? await badCanary() : undefined;
  const { story, poison, quiet } = found;
  return {
    method:
      "mails of July to September 2002, received day by day by a served classifier (one transformer block, trained by Loam), labels three days late; losses on September of the predictions that were served. Quiet: 60 mails a day for 40 days, drawn anew from July. Poison: 30 % of August's labels turned round. Canary: 16 clients, 10,000 requests, errors of one arm told by another server",
    ours: { ...found, ...(canary ? { canary } : {}) },
    peers: {},
    ratios: {},
    bars: [
      ...(story ? [{ name: "share of what retraining can win", want: ">= 0.8", got: story.won, holds: story.won >= 0.8 }] : []),
      ...(quiet ? [{ name: "promotions in a quiet stretch", want: "0", got: quiet.promotions, holds: quiet.promotions === 0 }] : []),
      ...(poison ? [{ name: "a poisoned update", want: "not promoted", got: poison.outcome, holds: poison.outcome !== "promoted" }] : []),
      ...(canary
        ? [
            {
              name: "bad canary left after its test decided, s",
              want: "<= 10",
              got: canary.leftMs / 1000,
              holds: canary.leftMs <= 10_000 && canary.outcome === "rolled back",
            },
            {
              name: "requests lost or answered twice",
              want: "0",
              got: requests - canary.answered + canary.twice + canary.failed,
              holds: canary.answered === requests && canary.twice + canary.failed === 0,
            },
          ]
        : []),
    ],
  };
};
