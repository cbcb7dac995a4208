/** `LoamModel` objects on a real cluster: the operator's account and images of an app, and an operator as a process of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync, realpathSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, vi } from "vitest";
import { loam, root } from "./child.ts";
import { type Cluster, openCluster } from "./cluster.ts";
import { temporaryFolder } from "./project.ts";

const longMs = 120_000;
export const eventually = <T>(check: () => Promise<T>): Promise<T> => vi.waitFor(check, { timeout: longMs, interval: 300 });

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
}
export interface OperatedModel {
  readonly metadata: { readonly generation: number };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly stable?: { readonly image: string };
    readonly canary?: { readonly image: string; readonly test?: string };
    readonly rejected?: readonly { readonly image: string; readonly reason: string }[];
    readonly conditions?: readonly Condition[];
  };
}

/** `LoamModel` objects, applied and read with kubectl. */
export class Models {
  readonly cluster: Cluster;
  readonly folder = temporaryFolder("operator");
  kubeconfig = "";

  constructor(cluster: Cluster) {
    this.cluster = cluster;
  }

  /** Manifests of `loam deploy operator`, applied: all of them, or those of the names. */
  async manifests(image: string, names: readonly string[] = []): Promise<void> {
    const { code, stderr } = await loam(["deploy", "operator", "--to", "operator", "--image", image], { cwd: this.folder });
    expect(code, stderr).toBe(0);
    const folder = join(this.folder, "operator");
    const files = names.length === 0 ? [folder] : names.map(name => join(folder, `${name}.yaml`));
    for (const file of files) await this.cluster.kubectl(["apply", "--server-side", "-f", file]);
  }

  /** CRD and account, the images of the app, and a kubeconfig of the account. */
  async install(): Promise<void> {
    await this.manifests("localhost/app:1", ["00-crd", "10-namespace", "20-rbac"]);
    await this.appImages();
    const token = (await this.cluster.kubectl(["-n", "loam-system", "create", "token", "loam-operator", "--duration", "2h"])).trim();
    this.kubeconfig = this.config(readFileSync(this.cluster.kubeconfig, "utf8").match(/https:\/\/[^"]+/)![0], token);
  }

  /** Versions 1, 2, and 3, which fails by chance. */
  async appImages(): Promise<void> {
    const node = realpathSync(process.execPath);
    const app = join(root, "test", "cluster-operator-app.mjs");
    for (const [version, env] of [
      ["1", []],
      ["2", []],
      ["3", ["-e", "ERRORS=0.4"]],
    ] as const)
      await this.cluster.image(`app:${version}`, [
        "-e",
        `VERSION=${version}`,
        ...env,
        `+${node}`,
        `${app}=/app/app.mjs`,
        "--",
        node,
        "/app/app.mjs",
      ]);
  }

  config(server: string, token: string): string {
    const ca = readFileSync(this.cluster.kubeconfig, "utf8").match(/certificate-authority-data: ([^}\s]+)/)![1]!;
    const path = join(this.folder, `config-${server.replace(/\W/g, "-")}`);
    writeFileSync(
      path,
      JSON.stringify({
        "current-context": "c",
        contexts: [{ name: "c", context: { cluster: "c", user: "u", namespace: "loam-system" } }],
        clusters: [{ name: "c", cluster: { server, "certificate-authority-data": ca } }],
        users: [{ name: "u", user: { token } }],
      }),
    );
    return path;
  }

  apply(name: string, spec: object): Promise<void> {
    const metadata = { name, namespace: "default" };
    const common = { image: "localhost/app", drainSeconds: 2, container: { imagePullPolicy: "IfNotPresent" } };
    return this.cluster.apply([{ apiVersion: "loam.dev/v1alpha1", kind: "LoamModel", metadata, spec: { ...common, ...spec } }]);
  }

  get(name: string): Promise<OperatedModel> {
    return this.cluster.get<OperatedModel>(["loammodel", name]);
  }

  /** The image that serves, once the newest spec is Ready. */
  ready(name: string, image: string): Promise<void> {
    return eventually(async () => {
      const { metadata, status = {} } = await this.get(name);
      expect(status.conditions?.find(c => c.type === "Ready")?.status).toBe("True");
      expect([status.observedGeneration, status.stable?.image]).toEqual([metadata.generation, image]);
    });
  }

  operator(kubeconfig = this.kubeconfig): ChildProcess & { readonly lines: string[] } {
    const args = ["bin/loam.js", "deploy", "operator", "--run", "--kubeconfig", kubeconfig, "--lease-seconds", "3"];
    const child = spawn(process.execPath, [...args, "--metrics-host", this.cluster.hostAddress, "--metrics-port", "0"], {
      cwd: root,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const lines: string[] = [];
    for (const stream of [child.stdout, child.stderr]) stream!.setEncoding("utf8").on("data", (t: string) => lines.push(...t.split("\n")));
    onTestFinished(() => void child.kill("SIGKILL"));
    return Object.assign(child, { lines });
  }
}

/** POSTs to the model's Service until stopped. */
export async function load(cluster: Cluster, name: string): Promise<() => void> {
  const ip = (await cluster.kubectl(["get", "service", name, "-o", "jsonpath={.spec.clusterIP}"])).trim();
  let isOver = false;
  const loop = async () => {
    while (!isOver) {
      // a new connection each time: the Service chooses a pod for each
      await fetch(`http://${ip}/v1/completions`, { method: "POST", headers: { connection: "close" } }).then(
        r => r.text(),
        () => {},
      );
      await new Promise(done => setTimeout(done, 5));
    }
  };
  for (let i = 0; i < 4; i++) void loop();
  return () => {
    isOver = true;
  };
}

/** A cluster that ends with the test, and LoamModels in it. */
export async function openModels(): Promise<Models> {
  const cluster = await openCluster();
  onTestFinished(() => cluster.close());
  return new Models(cluster);
}
