/** How a client reaches an API server and who it is there: from a kubeconfig, or from the account of the pod that it runs in. */
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { z } from "zod";
import { check, type Environment, parseYaml, readText } from "../base/index.ts";
import { kubernetesErrors } from "./errors.ts";

export interface KubernetesAccount {
  /** `https://HOST:PORT`, with a path where the server has one. */
  readonly server: string;
  /** Default namespace of commands. */
  readonly namespace: string;
  /** Where it is from, for errors. */
  readonly place: string;
  readonly tls: {
    readonly ca?: string | Buffer | undefined;
    readonly cert?: string | Buffer | undefined;
    readonly key?: string | Buffer | undefined;
    readonly servername?: string | undefined;
    readonly rejectUnauthorized?: boolean | undefined;
  };
  /** The `authorization` header, read for each request: tokens of pods are replaced every hour. */
  authorization(): string | undefined;
}

const fail = (place: string, expected: string, received: string, hint?: string) =>
  kubernetesErrors.fail("configuration", { place, expected, received, ...(hint === undefined ? {} : { hint }) });

const cluster = z.looseObject({
  server: z.string(),
  "certificate-authority": z.string().optional(),
  "certificate-authority-data": z.string().optional(),
  "insecure-skip-tls-verify": z.boolean().optional(),
  "tls-server-name": z.string().optional(),
  "proxy-url": z.string().optional(),
});
const user = z.looseObject({
  "client-certificate": z.string().optional(),
  "client-certificate-data": z.string().optional(),
  "client-key": z.string().optional(),
  "client-key-data": z.string().optional(),
  token: z.string().optional(),
  tokenFile: z.string().optional(),
  username: z.string().optional(),
  password: z.string().optional(),
});
const context = z.looseObject({ cluster: z.string(), user: z.string().optional(), namespace: z.string().optional() });
const named = <S extends z.ZodType>(key: string, schema: S) => z.looseObject({ name: z.string(), [key]: schema });
const kubeconfig = z.looseObject({
  clusters: z.array(named("cluster", cluster)).nullish(),
  users: z.array(named("user", user)).nullish(),
  contexts: z.array(named("context", context)).nullish(),
  "current-context": z.string().nullish(),
});

/** A file's token, read again when it is older than this: the kubelet replaces a pod's token long before its end. */
const tokenAgeMs = 30_000;

function fileToken(path: string): () => string | undefined {
  let token: { readonly text: string; readonly readMs: number } | undefined;
  return () => {
    if (token === undefined || performance.now() - token.readMs > tokenAgeMs)
      token = { text: readFileSync(path, "utf8").trim(), readMs: performance.now() };
    return `Bearer ${token.text}`;
  };
}

interface Found<T> {
  readonly value: T;
  /** Relative paths start here. */
  readonly folder: string;
  readonly place: string;
}

/** As kubectl merges several files: the first that names a thing wins. */
function merged(paths: readonly string[]) {
  const files = paths.map(path => {
    const text = readText(path);
    return { path, folder: dirname(resolve(path)), document: check(kubeconfig, parseYaml(text, path), path) };
  });
  const find = <T>(list: "clusters" | "users" | "contexts", key: string, name: string): Found<T> | undefined => {
    for (const { path, folder, document } of files) {
      const entry = document[list]?.find(e => e.name === name);
      // the schema of its list says what stands under its key
      if (entry) return { value: entry[key] as T, folder, place: `${path}: ${list}.${name}` };
    }
    return undefined;
  };
  return { find, current: files.map(f => f.document["current-context"]).find(Boolean) ?? undefined };
}

const bytesOf = (data: string | undefined, path: string | undefined, folder: string): Buffer | undefined =>
  data !== undefined ? Buffer.from(data, "base64") : path === undefined ? undefined : readFileSync(resolve(folder, path));

function authorizationOf(u: z.output<typeof user>, folder: string): () => string | undefined {
  if (u.token !== undefined) return () => `Bearer ${u.token}`;
  if (u.tokenFile !== undefined) return fileToken(resolve(folder, u.tokenFile));
  if (u.username === undefined) return () => undefined;
  const basic = Buffer.from(`${u.username}:${u.password ?? ""}`).toString("base64");
  return () => `Basic ${basic}`;
}

/** Errors: kubernetes/configuration, base/missingFile, base/syntax, base/config. */
export function kubeconfigAccount(paths: readonly string[], wanted?: { readonly context?: string | undefined }): KubernetesAccount {
  const place = paths.join(delimiter);
  const { find, current } = merged(paths);
  const name = wanted?.context ?? current;
  if (name === undefined) throw fail(place, "a current-context", "none", "Set it with `kubectl config use-context NAME`.");
  const c = find<z.output<typeof context>>("contexts", "context", name);
  if (!c) throw fail(place, "a kubeconfig with the context", JSON.stringify(name));
  const to = find<z.output<typeof cluster>>("clusters", "cluster", c.value.cluster);
  if (!to) throw fail(c.place, "a cluster of the kubeconfig", JSON.stringify(c.value.cluster));
  const as = c.value.user ? find<z.output<typeof user>>("users", "user", c.value.user) : undefined;
  if (c.value.user && !as) throw fail(c.place, "a user of the kubeconfig", JSON.stringify(c.value.user));
  if (to.value["proxy-url"] !== undefined) throw fail(to.place, "a cluster without proxy-url", to.value["proxy-url"]);
  for (const key of ["exec", "auth-provider", "as"] as const)
    if (as?.value[key] !== undefined)
      throw fail(
        as.place,
        "a client certificate, token or tokenFile",
        key,
        "Create a token with `kubectl create token ACCOUNT` and use that.",
      );
  const u = as?.value ?? {};
  const folder = as?.folder ?? ".";
  return {
    server: to.value.server.replace(/\/+$/, ""),
    namespace: c.value.namespace ?? "default",
    place: c.place,
    tls: {
      ca: bytesOf(to.value["certificate-authority-data"], to.value["certificate-authority"], to.folder),
      cert: bytesOf(u["client-certificate-data"], u["client-certificate"], folder),
      key: bytesOf(u["client-key-data"], u["client-key"], folder),
      servername: to.value["tls-server-name"],
      rejectUnauthorized: to.value["insecure-skip-tls-verify"] !== true,
    },
    authorization: authorizationOf(u, folder),
  };
}

/** Where the kubelet puts a pod's account. */
const podAccount = "/var/run/secrets/kubernetes.io/serviceaccount";

/** The account of the pod that this process runs in; undefined outside of pods. */
export function podAccountOf(variables: Environment, folder = podAccount): KubernetesAccount | undefined {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port = "443" } = variables;
  if (host === undefined || host === "") return undefined;
  return {
    server: `https://${host.includes(":") ? `[${host}]` : host}:${port}`,
    namespace: readText(join(folder, "namespace")).trim(),
    place: folder,
    tls: { ca: readFileSync(join(folder, "ca.crt")) },
    authorization: fileToken(join(folder, "token")),
  };
}

/** `--kubeconfig`, else `KUBECONFIG`, else the pod's account, else `~/.kube/config`. Errors: kubernetes/configuration, base/missingFile, base/syntax. */
export function openKubernetesAccount(
  variables: Environment,
  wanted: { readonly kubeconfig?: string | undefined; readonly context?: string | undefined } = {},
): KubernetesAccount {
  const given = wanted.kubeconfig ?? variables.KUBECONFIG;
  if (given !== undefined && given !== "") return kubeconfigAccount(given.split(delimiter).filter(Boolean), wanted);
  return podAccountOf(variables) ?? kubeconfigAccount([join(homedir(), ".kube", "config")], wanted);
}
