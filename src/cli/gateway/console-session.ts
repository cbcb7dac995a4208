/**
 * Who the console's page is at a gateway on the same machine: an account of its own, which a token of this process opens. The token is made at the
 * start, kept in memory and told to the server's own page alone; no key stands for the account, so nothing of it outlives the process.
 */
import { randomBytes, timingSafeEqual } from "node:crypto";
import type { Control, Identity } from "../../gateway/index.ts";

export const consoleAccount = "loam-console";

/** What no key of the state opens. */
export const consoleIdentity: Identity = {
  kind: "key",
  keyId: consoleAccount,
  subject: consoleAccount,
  subjectKind: "serviceAccount",
  teams: [],
  organisation: null,
  roles: ["admin"],
  scopes: [],
};

type Row = Readonly<Record<string, unknown>>;
const row = (v: unknown): Row => (typeof v === "object" && v !== null && !Array.isArray(v) ? (v as Row) : {});

/** `access` with the console's account, and a policy that lets it do everything; what the file denies, it denies the console too. */
export function accessWithConsole(access: unknown): unknown {
  // of another form: the check says what is wrong with it
  if (typeof access === "object" && access !== null && "policies" in access && !Array.isArray(access.policies)) return access;
  const { principals, policies = [] } = row(access) as { readonly principals?: unknown; readonly policies?: readonly unknown[] };
  return {
    ...row(access),
    principals: {
      ...row(principals),
      serviceAccounts: { ...row(row(principals).serviceAccounts), [consoleAccount]: { roles: ["admin"] } },
    },
    policies: [{ id: consoleAccount, effect: "allow", who: { subjects: [consoleAccount] } }, ...policies],
  };
}

export const newConsoleToken = (): string => `console-${randomBytes(32).toString("base64url")}`;

const isSame = (a: string, b: string): boolean => {
  const [x, y] = [Buffer.from(a), Buffer.from(b)];
  return x.length === y.length && timingSafeEqual(x, y);
};

/** The control, which knows whoever brings the token. */
export const withConsole = (control: Control, token: string): Control => ({
  ...control,
  authenticate: async credentials =>
    credentials.token !== undefined && isSame(credentials.token, token) ? { identity: consoleIdentity } : control.authenticate(credentials),
});
