/** Asks for an API key, once a tab: the server does not know this page, and its gateway asks everybody who they are. */
import type { FormEvent } from "react";
import { keepKey } from "../credentials.ts";

export function SignIn({ wasWrong }: { readonly wasWrong: boolean }) {
  const take = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const key = String(new FormData(event.currentTarget).get("key") ?? "").trim();
    if (key !== "") keepKey(key);
  };
  return (
    <form className="card settings sign-in" onSubmit={take} aria-label="Sign in">
      <h1>Who are you?</h1>
      <p>
        A gateway stands before this server. What this page shows needs an API key of somebody with the role <code>admin</code> or{" "}
        <code>viewer</code>; talking to a model needs any good key. It is kept for this tab, and sent to this server alone.
      </p>
      <label className="field">
        <span className="field-name">API key</span>
        <input name="key" type="password" required autoComplete="off" spellCheck={false} placeholder="sk-loam-…" />
      </label>
      {wasWrong && (
        <p className="field-problem" role="alert">
          This key opens nothing: it is mistyped, revoked or expired.
        </p>
      )}
      <button type="submit" className="primary">
        Go on
      </button>
      <p className="hint">
        None yet? <code>loam gateway keys create NAME --subject USER</code> makes one.
      </p>
    </form>
  );
}
