/** `listen.tls`: the gateway's certificate, and whose certificates say who a client is. Paths are in the configuration's folder. */
import { z } from "zod";

const certificateNames = ["commonName", "dns", "email", "uri"] as const;
export type CertificateName = (typeof certificateNames)[number];

/** Where a passphrase is read from, as all secrets of the file. */
const secret = z.union([
  z.strictObject({ env: z.string().min(1) }),
  z.strictObject({ file: z.string().min(1) }),
  z.strictObject({ command: z.array(z.string().min(1)).min(1) }),
]);

export const tlsPart = z
  .strictObject({
    /** PEM: the certificate, then those between it and its authority. */
    cert: z.string().min(1),
    key: z.string().min(1),
    keyPassphrase: secret.optional(),
    minVersion: z.enum(["1.2", "1.3"]).default("1.2"),
    /** PEM: authorities whose certificates say who a client is. */
    clientAuthority: z.string().min(1).optional(),
    /** `required`: without a good certificate there is no connection. `optional`: a key will do. */
    clientCertificate: z.enum(["optional", "required"]).default("optional"),
    /** Of the certificate, what names the account: the subject's common name, or the one alternative name of this kind. */
    clientName: z.enum(certificateNames).default("commonName"),
    /** Account by that name; a name that is not here is the account's own. */
    clientAccounts: z.record(z.string(), z.string()).default({}),
    /** PEM: certificates that are revoked (CRL), of every authority above. */
    revoked: z.string().min(1).optional(),
  })
  .superRefine((tls, context) => {
    if (tls.clientAuthority !== undefined) return;
    for (const key of ["revoked"] as const)
      if (tls[key] !== undefined) context.addIssue({ code: "custom", path: [key], message: "clientAuthority beside it" });
    if (tls.clientCertificate === "required")
      context.addIssue({ code: "custom", path: ["clientCertificate"], message: "clientAuthority beside it" });
  });
export type TlsPart = z.output<typeof tlsPart>;
