/** `loam deploy azure-functions`: a function app as a zip archive, and the same version as a container for Azure Container Apps where an image is named. */
import { stringify } from "yaml";
import { deployErrors } from "../errors.ts";
import { imagePort } from "../image/plan.ts";
import { resourceName } from "../lambda/template.ts";
import type { DeployPlan, DeployTarget, PlanArchive } from "../targets.ts";
import { type DeployedVersion, lineageLabels } from "../version.ts";
import { azureIdleSeconds } from "./function-app.ts";

/** Limits of Azure Functions' Flex plan and of Container Apps (November 2026). */
const azureLimits = {
  /** Of an archive, unpacked: one-deploy mounts it. */
  unpackedBytes: 1_000_000_000,
  instanceMb: [512, 2048, 4096],
  /** Of a request. */
  bodyBytes: 104_857_600,
} as const;

export interface AzureFunctionsWishes {
  readonly archive: PlanArchive | null;
  readonly unpackedBytes: number;
  readonly form: string;
  readonly neededMb: number;
  readonly slots: number;
  readonly context: number;
  readonly auth: "anonymous" | "function";
  /** SHA-256 of what responses are guarded with; null: nothing. */
  readonly guards: string | null;
  /** For Container Apps, in a registry, by its digest; null: none. */
  readonly image: string | null;
}

/** Container Apps gives 2 GiB with each processor, in steps of half a GiB, 8 GiB at most. Errors: deploy/tooLarge. */
function containerSize(neededMb: number): { readonly cpu: number; readonly memory: string } {
  const halves = Math.max(1, Math.ceil(neededMb / 512));
  if (halves > 16)
    throw deployErrors.fail("tooLarge", {
      place: "loam deploy azure-functions: memory",
      expected: "a model that needs at most 8192 MB",
      received: `${neededMb} MB`,
      hint: "Lower --slots or --context, or deploy it elsewhere: loam deploy kubernetes.",
    });
  return { cpu: halves / 4, memory: `${halves / 2}Gi` };
}

function containerApp(v: DeployedVersion, w: AzureFunctionsWishes, image: string): object {
  const probe = (type: string, path: string, failureThreshold: number) => ({
    type,
    httpGet: { path, port: imagePort },
    periodSeconds: 5,
    failureThreshold,
  });
  return {
    type: "Microsoft.App/containerApps",
    tags: lineageLabels(v),
    properties: {
      configuration: { activeRevisionsMode: "Single", ingress: { external: false, targetPort: imagePort, transport: "auto" } },
      template: {
        terminationGracePeriodSeconds: 60,
        containers: [
          {
            name: resourceName(v).toLowerCase(),
            image,
            args: ["--quantize", w.form, "--slots", String(w.slots), "--context", String(w.context)],
            resources: containerSize(w.neededMb),
            probes: [probe("Startup", "/readyz", 48), probe("Liveness", "/healthz", 6), probe("Readiness", "/readyz", 3)],
          },
        ],
        scale: { minReplicas: 0, maxReplicas: 10, rules: [{ name: "http", http: { metadata: { concurrentRequests: String(w.slots) } } }] },
      },
    },
  };
}

function planAzureFunctions(v: DeployedVersion, w: AzureFunctionsWishes): DeployPlan {
  const instanceMb = azureLimits.instanceMb.find(mb => mb >= w.neededMb) ?? null;
  if (w.archive !== null && w.unpackedBytes > azureLimits.unpackedBytes)
    throw deployErrors.fail("tooLarge", {
      place: "loam deploy azure-functions",
      expected: `at most ${azureLimits.unpackedBytes} bytes unpacked`,
      received: `${w.unpackedBytes}`,
      hint: "Use --weights-form q4, or a container: --image.",
    });
  if (instanceMb === null && w.image === null)
    throw deployErrors.fail("tooLarge", {
      place: "loam deploy azure-functions: memory",
      expected: `a model that needs at most ${azureLimits.instanceMb.at(-1)} MB`,
      received: `${w.neededMb} MB, served as ${w.form}`,
      hint: "Lower --slots or --context, or use a container: --image.",
    });
  const text = (data: object) => stringify(data, { version: "1.1", lineWidth: 0, aliasDuplicateObjects: false });
  return {
    files: w.image === null ? [] : [{ path: "containerapp.yaml", text: text(containerApp(v, w, w.image)) }],
    archives: w.archive === null ? [] : [w.archive],
    facts: {
      unpackedBytes: w.unpackedBytes,
      instanceMb,
      neededMb: w.neededMb,
      form: w.form,
      guards: w.guards,
      idleSeconds: azureIdleSeconds,
    },
  };
}

export const azureFunctionsTarget: DeployTarget<AzureFunctionsWishes> = { name: "azure-functions", plan: planAzureFunctions };
