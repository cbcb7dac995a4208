/**
 * Whether pods answer, before requests are sent to them: each is ready by its own word and gives one response of its model. Asked through the API server's
 * proxy, so that a machine without a route to the pods can ask. Kubernetes' readiness alone says that a port answers, not that a model does.
 */
import { isLoamError } from "../../../base/index.ts";
import { type KubernetesClient, type KubernetesObject, kubernetesResources } from "../../../kubernetes/index.ts";

/** A first response computes what later ones have: longer than a probe of the kubelet. */
const answerMs = 60_000;
const probedPrompt = "a";

interface PodObject extends KubernetesObject {
  readonly spec?: {
    readonly containers?: readonly { readonly ports?: readonly { readonly name?: string; readonly containerPort: number }[] }[];
  };
  readonly status?: { readonly phase?: string };
}

interface SecretObject extends KubernetesObject {
  readonly data?: Readonly<Record<string, string>>;
}

export interface ProbedPods {
  readonly namespace: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly model: string;
  /** A Secret whose `api-key` the pods ask for. */
  readonly apiKeySecret: string | undefined;
}

/** What the model tells of a text, as `/v1/models` has it, and the request that it answers. */
const requests: Readonly<Record<string, (model: string) => readonly [path: string, body: object]>> = {
  text: model => ["/v1/completions", { model, prompt: probedPrompt, max_tokens: 1, temperature: 0 }],
  vectors: model => ["/v1/embeddings", { model, input: probedPrompt }],
  classes: model => [`/v1/models/${encodeURIComponent(model)}:classify`, { examples: [{ text: probedPrompt }] }],
  numbers: model => [`/v1/models/${encodeURIComponent(model)}:regress`, { examples: [{ text: probedPrompt }] }],
};

interface ModelList {
  readonly data?: readonly { readonly id?: string; readonly aliases?: readonly string[]; readonly tells?: string }[];
}

async function keyOf(client: KubernetesClient, { namespace, apiKeySecret }: ProbedPods, signal: AbortSignal): Promise<string | undefined> {
  if (apiKeySecret === undefined) return undefined;
  const { data } = await client.get<SecretObject>(kubernetesResources.secrets, { name: apiKeySecret, namespace }, { signal });
  const key = data?.["api-key"];
  return key === undefined ? undefined : Buffer.from(key, "base64").toString("utf8");
}

/** Asks one pod. Errors: kubernetes/*; a sentence for an answer that is none. */
async function askPod(
  client: KubernetesClient,
  pod: PodObject,
  model: string,
  key: string | undefined,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { name, namespace = client.account.namespace } = pod.metadata;
  const port = pod.spec?.containers?.flatMap(c => c.ports ?? []).find(p => p.name === "http")?.containerPort;
  const proxy = `/api/v1/namespaces/${namespace}/pods/${name}${port === undefined ? "" : `:${port}`}/proxy`;
  const options = { signal, timeoutMs: answerMs, attempts: 1, headers: key === undefined ? {} : { "x-api-key": key } };
  await client.text(`${proxy}/readyz`, options);
  const { data = [] } = JSON.parse(await client.text(`${proxy}/v1/models`, options)) as ModelList;
  const served = data.find(m => m.id === model || m.aliases?.includes(model));
  if (!served) return `which serves ${data.map(m => m.id).join(", ") || "no model"}, not ${model}`;
  const request = requests[served.tells ?? ""];
  if (!request) return `whose model ${model} is not loaded`;
  const [path, body] = request(model);
  const answer: unknown = JSON.parse(await client.text(`${proxy}${path}`, { ...options, method: "POST", body: JSON.stringify(body) }));
  return typeof answer === "object" && answer !== null && !("error" in answer) ? undefined : `whose response to ${path} is an error`;
}

const isRunning = ({ metadata, status }: PodObject): boolean => metadata.deletionTimestamp === undefined && status?.phase === "Running";

/** The first pod that does not answer, and how; undefined where all do. Errors: the signal's reason. */
export async function unansweredPod(client: KubernetesClient, pods: ProbedPods, signal: AbortSignal): Promise<string | undefined> {
  const labels = Object.entries(pods.labels)
    .map(([k, v]) => `${k}=${v}`)
    .join(",");
  try {
    const { items } = await client.list<PodObject>(kubernetesResources.pods, { namespace: pods.namespace, labels, signal });
    const running = items.filter(isRunning);
    if (running.length === 0) return `no running pod with the labels ${labels}`;
    const key = await keyOf(client, pods, signal);
    for (const pod of running) {
      const wrong = await askPod(client, pod, pods.model, key, signal).catch((error: unknown) => {
        signal.throwIfAborted();
        if (isLoamError(error)) return `which does not answer: ${error.message}`;
        if (error instanceof SyntaxError) return `whose response is no JSON: ${error.message}`;
        throw error;
      });
      if (wrong !== undefined) return `pod ${pod.metadata.name}, ${wrong}`;
    }
    return undefined;
  } catch (error) {
    signal.throwIfAborted();
    if (isLoamError(error) && error.code.startsWith("kubernetes/")) return error.message;
    throw error;
  }
}
