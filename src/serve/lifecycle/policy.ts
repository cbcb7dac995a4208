/** Which versions of a model should be loaded: TensorFlow Serving's policies (latest k, all, specific). */

export type VersionPolicy =
  | { readonly kind: "latest"; readonly count: number }
  | { readonly kind: "all" }
  | { readonly kind: "specific"; readonly versions: readonly number[] };

/** The versions that a policy wants of those that there are; ascending. */
export function wantedVersions(policy: VersionPolicy, there: readonly number[]): readonly number[] {
  const rising = there.toSorted((a, b) => a - b);
  if (policy.kind === "latest") return rising.slice(-policy.count);
  return policy.kind === "all" ? rising : rising.filter(v => policy.versions.includes(v));
}
