/** Fields of Kubernetes' own objects that the operator reads or writes. */
import type { KubernetesObject, ObjectMeta } from "../../kubernetes/index.ts";

export interface DeploymentObject extends KubernetesObject {
  readonly spec: {
    readonly replicas?: number;
    readonly selector: { readonly matchLabels: Readonly<Record<string, string>> };
    readonly template: {
      readonly metadata: ObjectMeta;
      readonly spec: { readonly containers: readonly { readonly name: string; readonly image: string }[] };
    };
  };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly replicas?: number;
    readonly updatedReplicas?: number;
    readonly readyReplicas?: number;
    readonly availableReplicas?: number;
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason?: string;
      readonly message?: string;
    }[];
  };
}

export interface Pod extends KubernetesObject {
  readonly spec?: { readonly containers?: readonly { readonly ports?: readonly { readonly containerPort: number }[] }[] };
  readonly status?: {
    readonly podIP?: string;
    readonly phase?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    readonly containerStatuses?: readonly { readonly restartCount: number }[];
  };
}

export const isReadyPod = (pod: Pod): boolean =>
  pod.metadata.deletionTimestamp === undefined && (pod.status?.conditions ?? []).some(c => c.type === "Ready" && c.status === "True");

export const imageOf = (d: DeploymentObject | undefined): string | undefined => d?.spec.template.spec.containers[0]?.image;

/** Every pod of the wished image and ready, as the deployment controller saw the newest spec. */
export function isRolledOut(d: DeploymentObject): boolean {
  const { status = {}, spec, metadata } = d;
  const wished = spec.replicas ?? 1;
  return (
    (status.observedGeneration ?? 0) >= (metadata.generation ?? 0) &&
    (status.updatedReplicas ?? 0) === wished &&
    (status.readyReplicas ?? 0) === wished &&
    (status.replicas ?? 0) === wished
  );
}

/** The deployment controller gave up waiting for the newest spec. */
export const isStuck = (d: DeploymentObject): boolean =>
  (d.status?.observedGeneration ?? 0) >= (d.metadata.generation ?? 0) &&
  (d.status?.conditions ?? []).some(c => c.type === "Progressing" && c.status === "False" && c.reason === "ProgressDeadlineExceeded");
