/** The demo's key with a request that is ready to be pasted. */
import { serverUrl } from "../client.ts";
import type { Session } from "../generated/server.ts";
import { CopyButton } from "../parts/copy.tsx";

export function Demo({ of: { key, path, body } }: { readonly of: NonNullable<Session["demo"]> }) {
  const request = JSON.stringify(body);
  const code = `curl ${serverUrl(path)} \\\n  -H "Authorization: Bearer ${key}" \\\n  -H "Content-Type: application/json" \\\n  -d '${request}'`;
  return (
    <section className="card" aria-label="Demo key">
      <header className="card-head gateway-head">
        <h2>Try it with the demo key</h2>
        <CopyButton text={code} label="Copy the request" />
      </header>
      <pre className="code">{code}</pre>
    </section>
  );
}
