/** `loam deploy cloud-run`: a version as a service of Google Cloud Run, for `gcloud run services replace`. */
import { stringify } from "yaml";
import { deployErrors } from "../errors.ts";
import { imagePort } from "../image/plan.ts";
import { resourceName } from "../lambda/template.ts";
import type { DeployPlan, DeployTarget } from "../targets.ts";
import { type DeployedVersion, lineageLabels } from "../version.ts";

/** Limits of Cloud Run, second generation (quotas page, November 2026). */
const cloudRunLimits = {
  leastMemoryMb: 512,
  mostMemoryMb: 32_768,
  mostConcurrency: 1_000,
  mostTimeoutSeconds: 3_600,
  /** Processors that more memory than this asks for. */
  processors: [
    [24_576, 8],
    [16_384, 6],
    [8_192, 4],
    [4_096, 2],
    [0, 1],
  ],
} as const;

export interface CloudRunWishes {
  /** In a registry, by its digest. */
  readonly image: string;
  readonly form: string;
  readonly neededMb: number;
  /** Null: what the model needs. */
  readonly memoryMb: number | null;
  /** Null: the least that the memory asks for, 2 at least. */
  readonly processors: number | null;
  readonly slots: number;
  readonly context: number;
  readonly timeoutSeconds: number;
  readonly instances: readonly [least: number, most: number];
}

const wish = (place: string, expected: string, received: string, hint?: string) =>
  deployErrors.fail("wish", { place: `loam deploy cloud-run: ${place}`, expected, received, ...(hint === undefined ? {} : { hint }) });

interface Sizes {
  readonly memoryMb: number;
  readonly processors: number;
}

/** Errors: deploy/tooLarge, deploy/wish. */
function sizesOf({ neededMb, memoryMb, processors, form }: CloudRunWishes): Sizes {
  const { leastMemoryMb, mostMemoryMb } = cloudRunLimits;
  if (neededMb > mostMemoryMb)
    throw deployErrors.fail("tooLarge", {
      place: "loam deploy cloud-run: memory",
      expected: `a model that needs at most ${mostMemoryMb} MB`,
      received: `${neededMb} MB, served as ${form}`,
      hint: "Lower --slots or --context, or deploy it elsewhere: loam deploy kubernetes or sagemaker.",
    });
  const memory = memoryMb ?? Math.max(leastMemoryMb, 128 * Math.ceil(neededMb / 128));
  if (memory < Math.max(neededMb, leastMemoryMb) || memory > mostMemoryMb)
    throw wish(
      "--memory",
      `${Math.max(neededMb, leastMemoryMb)} to ${mostMemoryMb} MB, for a model that needs ${neededMb}`,
      String(memory),
    );
  const least = cloudRunLimits.processors.find(([above]) => memory > above)![1];
  const given = processors ?? Math.max(2, least);
  if (![1, 2, 4, 6, 8].includes(given) || given < least)
    throw wish("--processors", `one of 1, 2, 4, 6, 8, at least ${least} for ${memory} MB`, String(given));
  return { memoryMb: memory, processors: given };
}

/** Labels take lower case, digits, `_` and `-`, 63 at most. */
const labelOf = (text: string): string =>
  text
    .toLowerCase()
    .replaceAll(/[^a-z0-9_-]/g, "-")
    .slice(0, 63);

/** The service as plain data. */
function serviceOf(v: DeployedVersion, w: CloudRunWishes, { memoryMb, processors }: Sizes): object {
  const labels = Object.fromEntries(Object.entries(lineageLabels(v)).map(([k, x]) => [labelOf(k), labelOf(x)]));
  const probe = (path: string) => ({ httpGet: { path, port: imagePort } });
  return {
    apiVersion: "serving.knative.dev/v1",
    kind: "Service",
    metadata: { name: resourceName(v).toLowerCase(), labels },
    spec: {
      template: {
        metadata: {
          labels,
          annotations: {
            ...lineageLabels(v),
            "run.googleapis.com/execution-environment": "gen2",
            "run.googleapis.com/startup-cpu-boost": "true",
            "autoscaling.knative.dev/minScale": String(w.instances[0]),
            "autoscaling.knative.dev/maxScale": String(w.instances[1]),
          },
        },
        spec: {
          // as many requests as there are sequences: one more would wait here while another instance is idle
          containerConcurrency: w.slots,
          timeoutSeconds: w.timeoutSeconds,
          containers: [
            {
              image: w.image,
              args: ["--quantize", w.form, "--slots", String(w.slots), "--context", String(w.context)],
              ports: [{ name: "http1", containerPort: imagePort }],
              resources: { limits: { cpu: String(processors), memory: `${memoryMb}Mi` } },
              // four minutes, which is the most that Cloud Run waits
              startupProbe: { ...probe("/readyz"), periodSeconds: 2, timeoutSeconds: 2, failureThreshold: 120 },
              livenessProbe: { ...probe("/healthz"), periodSeconds: 30, timeoutSeconds: 10, failureThreshold: 3 },
            },
          ],
        },
      },
      traffic: [{ latestRevision: true, percent: 100 }],
    },
  };
}

function planCloudRun(v: DeployedVersion, w: CloudRunWishes): DeployPlan {
  const { mostConcurrency, mostTimeoutSeconds } = cloudRunLimits;
  if (!/@sha256:[0-9a-f]{64}$/.test(w.image))
    throw wish(
      "--image",
      "an image by its digest: HOST/REPOSITORY@sha256:...",
      JSON.stringify(w.image),
      "A tag moves: `loam deploy image --push` prints the digest.",
    );
  if (w.slots > mostConcurrency) throw wish("--slots", `${mostConcurrency} at most`, String(w.slots));
  if (w.timeoutSeconds > mostTimeoutSeconds) throw wish("--timeout", `${mostTimeoutSeconds} seconds at most`, String(w.timeoutSeconds));
  if (w.instances[0] > w.instances[1] || w.instances[1] < 1)
    throw wish("--instances", "LEAST:MOST, the least first, the most 1 or more", w.instances.join(":"));
  const sizes = sizesOf(w);
  return {
    files: [
      { path: "service.yaml", text: stringify(serviceOf(v, w, sizes), { version: "1.1", lineWidth: 0, aliasDuplicateObjects: false }) },
    ],
    facts: { ...sizes, neededMb: w.neededMb, concurrency: w.slots, form: w.form },
  };
}

export const cloudRunTarget: DeployTarget<CloudRunWishes> = { name: "cloud-run", plan: planCloudRun };
