/** Token issuers as people write them: who signs, for whom, with which algorithms, and what in a token says who somebody is. */
import { z } from "zod";
import { durationMs } from "../limits/durations.ts";

/** Only signatures with a pair of keys: with a shared secret whoever checks a token could make one, and a public key could pass for the secret. */
const algorithms = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"] as const;

const isSafe = (text: string): boolean => {
  try {
    const url = new URL(text);
    return url.protocol === "https:" || (url.protocol === "http:" && ["127.0.0.1", "localhost", "[::1]"].includes(url.hostname));
  } catch {
    return false;
  }
};
const url = z.string().refine(isSafe, "an https: URL (http: on this machine only)");
const claim = z.string().min(1).max(200);

const issuer = z.lazy(() =>
  z.strictObject({
    name: z
      .string()
      .regex(/^[a-z0-9][a-z0-9-]{0,30}$/, "a name of small letters, digits and -")
      .describe("Name of the issuer."),
    issuer: z.string().min(1).describe("Value of the claim `iss`."),
    audience: z.string().min(1).describe("Required value of the claim `aud`."),
    algorithms: z.array(z.enum(algorithms)).min(1).default(["RS256"]).describe("Accepted signature algorithms."),
    jwks: url.optional().describe("JWKS URL. Default: from the issuer's OpenID configuration."),
    clockSkew: durationMs.default(30_000).describe("Accepted clock skew."),
    maxAge: durationMs.optional().describe("Maximum age of a token."),
    type: z
      .string()
      .optional()
      .meta({ description: "Required `typ` header.", examples: ["at+jwt"] }),
    claims: z
      .strictObject({
        subject: claim.default("sub").describe("Claim with the user."),
        teams: claim.optional().describe("Claim with the teams."),
        roles: claim.optional().describe("Claim with the roles."),
        organisation: claim.optional().describe("Claim with the organisation."),
        scopes: claim.optional().describe("Claim with the scopes (endpoints)."),
      })
      .default({ subject: "sub" })
      .describe("Claims to read; dots lead into nested claims."),
  }),
);
export type Issuer = z.output<typeof issuer>;

export const issuersPart = z.lazy(() =>
  z
    .array(issuer)
    .max(50)
    .default([])
    .superRefine((all, context) => {
      const seen = new Set<string>();
      all.forEach((one, i) => {
        for (const [key, value] of [
          ["name", `name ${one.name}`],
          ["issuer", `issuer ${one.issuer}`],
        ] as const) {
          if (seen.has(value)) context.addIssue({ code: "custom", path: [i, key], message: `a ${key} that no other issuer has` });
          seen.add(value);
        }
        if (one.jwks === undefined && !isSafe(one.issuer))
          context.addIssue({ code: "custom", path: [i, "issuer"], message: "an https: URL, or jwks beside it" });
      });
    }),
);
