/** Asks for a login code or an API key: the server does not know this page. */
import type { FormEvent } from "react";
import { serverUrl } from "../client.ts";
import { signIn, useSession } from "../credentials.ts";

export function SignIn({ wasWrong }: { readonly wasWrong: boolean }) {
  const isGateway = useSession()?.gateway === true;
  const take = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const text = String(new FormData(event.currentTarget).get("key") ?? "").trim();
    if (text !== "") void signIn(text, serverUrl("/login"));
  };
  return (
    <form className="card settings sign-in" onSubmit={take} aria-label="Sign in">
      <h1>Sign in</h1>
      <p>
        Open the login URL that the server printed, or run <code>loam login</code> on its machine and paste the URL here.
        {isGateway && (
          <>
            {" "}
            An API key works too: administration needs the role <code>admin</code> or <code>viewer</code>. The key is kept for this tab
            only.
          </>
        )}
      </p>
      <label className="field">
        <span className="field-name">{isGateway ? "Login URL or API key" : "Login URL or token"}</span>
        <input name="key" type="password" required autoComplete="off" spellCheck={false} />
      </label>
      {wasWrong && (
        <p className="field-problem" role="alert">
          Not valid: it was already used, or is mistyped, revoked or expired.
        </p>
      )}
      <button type="submit" className="primary">
        Sign in
      </button>
    </form>
  );
}
