/** The operator: manifests that install it, and the operator itself, in a pod or with a kubeconfig. */
import { randomBytes } from "node:crypto";
import { mkdirSync, renameSync, rmSync } from "node:fs";
import { hostname } from "node:os";
import { dirname, join, resolve } from "node:path";
import { stringify } from "yaml";
import { environment, fileError, makeFolder, syncFolder, systemClock, temporaryBeside, writeFileAtomic } from "../../base/index.ts";
import { planOperator, type RunningOperator, runOperator, serveExternalMetrics } from "../../deploy/index.ts";
import { openKubernetesAccount, openKubernetesClient } from "../../kubernetes/index.ts";
import { checkFree, wrongArgument } from "../errors.ts";

export interface WriteOperatorOptions {
  /** A folder of which nothing exists yet. */
  readonly to: string;
  /** Any image of `loam deploy image`. */
  readonly image: string;
  /** Default: loam-system. */
  readonly namespace?: string | undefined;
  /** The one namespace whose LoamModels it takes care of; default: all. */
  readonly watched?: string | undefined;
  /** Default: 2. */
  readonly replicas?: number | undefined;
  /** Where registries are to be reached from the operator, by the host that images name: `localhost:5000` -> `http://registry:5000`. */
  readonly registries?: Readonly<Record<string, string>> | undefined;
}

export interface WrittenOperator {
  /** Absolute. */
  readonly path: string;
  readonly files: readonly string[];
}

/** Manifests, whole or not at all. Errors: project/exists, base/diskFull, base/readOnly, base/io. */
export function writeOperator(cwd: string, { to, ...wishes }: WriteOperatorOptions): WrittenOperator {
  const path = resolve(cwd, to);
  checkFree(path, to);
  const files = planOperator(wishes);
  makeFolder(dirname(path));
  const part = temporaryBeside(path);
  try {
    mkdirSync(part);
    for (const file of files)
      writeFileAtomic(join(part, file.path), file.objects.map(o => `---\n${stringify(o, { aliasDuplicateObjects: false })}`).join(""), {
        durable: false,
      });
    renameSync(part, path);
    syncFolder(dirname(path));
  } catch (error) {
    rmSync(part, { recursive: true, force: true });
    throw fileError(error, to);
  }
  return { path, files: files.map(f => f.path) };
}

export interface RunOperatorOptions {
  readonly kubeconfig?: string | undefined;
  readonly context?: string | undefined;
  /** Where the lease is; default: the account's namespace. */
  readonly namespace?: string | undefined;
  readonly watched?: string | undefined;
  readonly registries?: Readonly<Record<string, string>> | undefined;
  /** Answers external.metrics.k8s.io there; default: not at all. */
  readonly metricsPort?: number | undefined;
  /** Default: 0.0.0.0. */
  readonly metricsHost?: string | undefined;
  /** Default: 15,000. */
  readonly leaseMs?: number | undefined;
  readonly signal: AbortSignal;
  readonly log: (level: "info" | "warn", message: string) => void;
}

/** Runs until the signal. Errors: kubernetes/*, deploy/missing. */
export async function startOperator(options: RunOperatorOptions): Promise<RunningOperator> {
  const { signal, log } = options;
  const variables = environment();
  const account = openKubernetesAccount(variables, options);
  const client = openKubernetesClient(account);
  const identity = `${variables.POD_NAME ?? hostname()}-${randomBytes(4).toString("hex")}`;
  const running = runOperator({
    client,
    watched: options.watched ?? null,
    namespace: options.namespace ?? account.namespace,
    identity,
    clock: systemClock,
    registries: options.registries,
    leaseMs: options.leaseMs,
    signal,
    log,
  });
  log("info", `${identity} follows ${account.server}`);
  const { metricsPort: port, metricsHost: host = "0.0.0.0" } = options;
  const server =
    port === undefined ? undefined : await serveExternalMetrics({ client, view: running.view, host, port, clock: systemClock, signal });
  if (server) log("info", `external metrics on ${host}:${server.port}`);
  const done = running.done.finally(async () => {
    await server?.close();
    await client.close();
  });
  return { ...running, done };
}

/** `HOST=URL`. Errors: project/argument. */
export function registriesOf(pairs: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    pairs.map(pair => {
      const [, host, url = ""] = /^([^=/]+)=(.+)$/.exec(pair) ?? [];
      if (host === undefined || !/^https?:\/\/[^/]+\/?$/.test(url))
        throw wrongArgument("loam deploy operator: --registry", "HOST=http://HOST:PORT", JSON.stringify(pair));
      return [host, url];
    }),
  );
}
