/** A real Prometheus scrapes a real server: what it stores, and what the questions of dashboards and of an endpoint picker find. */
import { type ChildProcess, spawn } from "node:child_process";
import { accessSync, constants, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { z } from "zod";
import { openDevice } from "../tensor/index.ts";
import { createEngine } from "./engine.ts";
import { tinyModel } from "./fakes.ts";
import { createApp } from "./http/app.ts";
import { listen } from "./listen.ts";

const isRunnable = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};
const program = [process.env.LOAM_PROMETHEUS ?? "", ...(process.env.PATH ?? "").split(delimiter).map(f => join(f, "prometheus"))].find(
  p => p !== "" && isRunnable(p),
);
const reason = program === undefined ? " (skipped: prometheus is not installed: apt-get install prometheus, or LOAM_PROMETHEUS=PATH)" : "";

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise(resolve => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise(resolve => server.close(resolve));
  return port;
};

const queryAnswer = z.object({
  status: z.literal("success"),
  data: z.object({ result: z.array(z.object({ metric: z.record(z.string(), z.string()), value: z.tuple([z.number(), z.string()]) })) }),
});

async function stopped(child: ChildProcess): Promise<void> {
  const end = new Promise(resolve => child.once("exit", resolve));
  child.kill();
  await end;
}

test.skipIf(program === undefined)(
  `Prometheus reads every series, and queue, use of the cache, waits and rates are found under our names and vLLM's${reason}`,
  async () => {
    const device = openDevice("cpu", { threads: 1 });
    const engine = createEngine({ model: await tinyModel(device), device, slots: 2 });
    const server = await listen(createApp({ engines: [engine], version: "1.2.3" }), { port: 0 });
    const folder = mkdtempSync(join(tmpdir(), "loam-prometheus-"));
    const port = await freePort();
    const config = {
      global: { scrape_interval: "500ms", scrape_timeout: "400ms" },
      scrape_configs: [{ job_name: "loam", static_configs: [{ targets: [`127.0.0.1:${server.port}`] }] }],
    };
    // YAML holds JSON
    writeFileSync(join(folder, "prometheus.yml"), JSON.stringify(config));
    await engine.ready;
    const prometheus = spawn(
      program!,
      [
        `--config.file=${join(folder, "prometheus.yml")}`,
        `--storage.tsdb.path=${join(folder, "data")}`,
        `--web.listen-address=127.0.0.1:${port}`,
      ],
      { stdio: "ignore" },
    );
    /** The one value that a question finds; undefined where it finds none yet. */
    const ask = async (query: string): Promise<number | undefined> => {
      const response = await fetch(`http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(query)}`).catch(() => undefined);
      if (!response?.ok) return undefined;
      const { result } = queryAnswer.parse(await response.json()).data;
      expect(result.length, query).toBeLessThanOrEqual(1);
      return result[0] && Number(result[0].value[1]);
    };
    const until = async (query: string, is: (value: number) => boolean): Promise<number> => {
      const endMs = Date.now() + 30_000;
      for (;;) {
        const value = await ask(query);
        if (value !== undefined && is(value)) return value;
        if (Date.now() > endMs) throw new Error(`${query}: still ${value}`);
        await sleep(200);
      }
    };
    const complete = (prompt: string, max_tokens: number) =>
      fetch(`${server.url}/v1/completions`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ model: "tiny", prompt, max_tokens, ignore_eos: true, stop_token_ids: [] }),
      });
    try {
      // `up` is 1 only where all of the page could be read
      await until('up{job="loam"}', v => v === 1);
      expect(await ask("loam_build_info")).toBe(1);
      expect(await ask("vllm:num_requests_running")).toBe(0);

      // more than the slots, again and again, until a scrape has seen them at it
      const answers: Promise<Response>[] = [];
      const busy = setInterval(() => {
        if (engine.stats().queued < 8) answers.push(complete("abc", 150));
      }, 10);
      await until("vllm:num_requests_running", v => v === 2);
      await until("vllm:num_requests_waiting", v => v > 0);
      expect(await until("vllm:kv_cache_usage_perc", v => v > 0)).toBeLessThanOrEqual(1);
      clearInterval(busy);
      const done = await Promise.all(answers);
      expect(done.map(r => r.status)).toEqual(done.map(() => 200));

      const count = await until('loam_answers_total{model="tiny@1",outcome="length"}', v => v === done.length);
      expect(await ask('vllm:request_success_total{model_name="tiny@1",finished_reason="length"}')).toBe(count);
      expect(await ask("vllm:generation_tokens_total")).toBe(150 * count);
      expect(await ask("loam_completion_tokens_sum")).toBe(150 * count);
      expect(await ask("loam_prompt_tokens_count")).toBe(count);
      for (const wait of ["loam_time_to_first_token_seconds", "vllm:inter_token_latency_seconds", "loam_queue_seconds"])
        expect(await ask(`histogram_quantile(0.5, sum by (le) (${wait}_bucket))`), wait).toBeGreaterThan(0);
      expect(await ask("sum(loam_time_to_first_token_seconds_count)")).toBe(count);
      await until('vllm:num_requests_running{model_name="tiny@1"}', v => v === 0);
      // a version's name and number apart, joined to what is measured of it
      expect(await ask('loam_answers_total{outcome="length"} * on (model) group_left (name, version) loam_model_version_info')).toBe(count);
    } finally {
      await stopped(prometheus);
      await server.close();
      rmSync(folder, { recursive: true, force: true });
    }
  },
);
