/** What a version or an alias stands for: a version is its tag or digest as it is; an alias is asked of the registry, whose digest the pods then run. */
import { isLoamError } from "../../base/index.ts";
import { credentialsFor, parseReference, remotePackage } from "../../registry/index.ts";
import type { Resolution } from "./choose.ts";
import type { LoamModelSpec } from "./spec.ts";

interface ImageName {
  readonly repository: string;
  /** Tag or digest. */
  readonly which: string;
  readonly isAlias: boolean;
  readonly requireApproval: boolean;
}

interface ResolveOptions {
  /** Where a registry is to be reached from here, by the host that the nodes know it under: `localhost:5000` -> `http://10.0.0.1:5000`. */
  readonly registries: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

const failed = (from: string, reason: string, message: string): Resolution => ({ from, reason, message });

export const imageName = (
  spec: LoamModelSpec,
  of: { readonly version?: string | undefined; readonly alias?: string | undefined },
): ImageName => ({
  repository: spec.image,
  which: (of.version ?? of.alias)!,
  isAlias: of.version === undefined,
  requireApproval: spec.requireApproval,
});

/** Never rejects: a registry that cannot be reached is an answer, and what runs goes on running. */
async function resolveImage(name: ImageName, { registries, signal }: ResolveOptions): Promise<Resolution> {
  const { repository, which, isAlias, requireApproval } = name;
  const isDigest = which.startsWith("sha256:");
  const written = `${repository}${isDigest ? "@" : ":"}${which}`;
  if (!isAlias && !requireApproval) return { image: written, from: which };
  if (!isAlias && !isDigest)
    return failed(which, "Unapproved", "requireApproval needs an alias or a digest: the content of a tag may change");
  try {
    const reference = parseReference(written);
    const other = registries[reference.host];
    const url = other === undefined ? undefined : new URL(other);
    const at = { ...reference, host: url?.host ?? reference.host };
    const source = remotePackage(at, { credentials: credentialsFor(reference.host), plainHttp: url?.protocol === "http:", signal });
    const { descriptor, bytes } = await source.manifest();
    if (requireApproval) {
      const { annotations = {} } = JSON.parse(bytes.toString("utf8")) as { readonly annotations?: Readonly<Record<string, string>> };
      const approval = annotations["loam.approval"];
      if (approval === undefined || approval === "none")
        return failed(which, "Unapproved", `${written}: its manifest names no approval of a release`);
    }
    return { image: `${repository}@${descriptor.digest}`, from: which };
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    const isMissing = isLoamError(error, "registry/remote") && /404/.test(error.message);
    return failed(which, isMissing ? "ImageNotFound" : "RegistryFailed", error instanceof Error ? error.message : String(error));
  }
}

/** Answers are kept for a while, and one question at a time goes out for a name. */
export function openResolver(options: ResolveOptions & { readonly keptMs: number; readonly now: () => number }) {
  const kept = new Map<string, { readonly answer: Promise<Resolution>; readonly atMs: number }>();
  return (name: ImageName): Promise<Resolution> => {
    const key = `${name.repository} ${name.which} ${name.isAlias} ${name.requireApproval}`;
    const old = kept.get(key);
    if (old && options.now() - old.atMs < options.keptMs) return old.answer;
    const answer = resolveImage(name, options);
    kept.set(key, { answer, atMs: options.now() });
    answer.catch(() => kept.delete(key));
    return answer;
  };
}
