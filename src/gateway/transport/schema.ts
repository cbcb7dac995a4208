/** `listen.tls`: the gateway's certificate, and whose certificates say who a client is. Paths are in the configuration's folder. */
import { z } from "zod";

const certificateNames = ["commonName", "dns", "email", "uri"] as const;
export type CertificateName = (typeof certificateNames)[number];

/** Where a passphrase is read from, as all secrets of the file. */
const secret = z.lazy(() =>
  z.union([
    z.strictObject({ env: z.string().min(1).describe("Environment variable.") }),
    z.strictObject({ file: z.string().min(1).describe("File.") }),
    z.strictObject({ command: z.array(z.string().min(1)).min(1).describe("Program and arguments; its output is the secret.") }),
  ]),
);

export const tlsPart = z.lazy(() =>
  z
    .strictObject({
      cert: z.string().min(1).describe("Certificate chain, PEM file."),
      key: z.string().min(1).describe("Private key, PEM file."),
      keyPassphrase: secret.optional().describe("Passphrase of the private key."),
      minVersion: z.enum(["1.2", "1.3"]).default("1.2").describe("Minimum TLS version."),
      clientAuthority: z.string().min(1).optional().describe("CA certificates for client certificates, PEM file."),
      clientCertificate: z
        .enum(["optional", "required"])
        .default("optional")
        .describe("Require client certificates, or accept API keys too."),
      clientName: z.enum(certificateNames).default("commonName").describe("Field of the client certificate that names the account."),
      clientAccounts: z.record(z.string(), z.string()).default({}).describe("Accounts by that name."),
      revoked: z.string().min(1).optional().describe("Revocation lists (CRL), PEM file."),
    })
    .superRefine((tls, context) => {
      if (tls.clientAuthority !== undefined) return;
      for (const key of ["revoked"] as const)
        if (tls[key] !== undefined) context.addIssue({ code: "custom", path: [key], message: "clientAuthority beside it" });
      if (tls.clientCertificate === "required")
        context.addIssue({ code: "custom", path: ["clientCertificate"], message: "clientAuthority beside it" });
    }),
);
export type TlsPart = z.output<typeof tlsPart>;
