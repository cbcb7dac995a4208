/** Identities for tests. */
import type { Identity } from "../identity/contract.ts";

export const identityWith = (more: Partial<Identity> = {}): Identity => ({
  kind: "key",
  keyId: "key_a",
  subject: "ann",
  subjectKind: "user",
  teams: ["research"],
  organisation: "acme",
  roles: ["writer"],
  scopes: [],
  ...more,
});
