/**
 * Who is signed in at a gateway by its login (a session, or the token of the token file): an account of its own with the role admin. No key stands for
 * the account, so nothing of it outlives the process.
 */
import type { Control, Identity } from "../../gateway/index.ts";
import { consoleAccount } from "../../protocols/index.ts";
import type { Login } from "../../session/index.ts";

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

/** The control, which also knows whoever the login knows. */
export const withConsole = (control: Control, login: Login): Control => ({
  ...control,
  authenticate: credentials =>
    credentials.token !== undefined && login.isToken(credentials.token) ? { identity: consoleIdentity } : control.authenticate(credentials),
  // what a policy denies, it denies the login too; that no policy allows anything to its account is no denial
  decide: (identity, action) => {
    const decision = control.decide(identity, action);
    return decision.allowed || decision.policy !== null || identity.keyId !== consoleAccount
      ? decision
      : { allowed: true, policy: null, reason: "signed in by the server's login" };
  },
  sessionOf: (header, method) => (login.callerOf(header, method) === "session" ? consoleIdentity : undefined),
});
