/** What all pods that Loam describes share: the user of its images, and the security that the restricted Pod Security Standard asks for. */

/** Distroless images have this user too. */
export const podUser = { id: 65_532, name: "nonroot" } as const;

export const podSecurityOf = (user: number) => ({
  runAsNonRoot: user !== 0,
  runAsUser: user,
  runAsGroup: user,
  seccompProfile: { type: "RuntimeDefault" },
});

export const containerSecurity = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ["ALL"] },
} as const;

/** Where a read-only root needs to be written. */
export const temporaryVolume = { name: "tmp", emptyDir: { sizeLimit: "256Mi" } } as const;
export const temporaryMount = { name: "tmp", mountPath: "/tmp" } as const;
