/** The demo's key with a request that is ready to be pasted. */
import { serverUrl } from "../api.ts";
import { CopyButton } from "../parts/copy.tsx";

export function Demo({ secret, model }: { readonly secret: string; readonly model: string }) {
  const request = JSON.stringify({ model, prompt: "Dear ", max_tokens: 40 });
  const code = `curl ${serverUrl("/v1/completions")} \\\n  -H "Authorization: Bearer ${secret}" \\\n  -H "Content-Type: application/json" \\\n  -d '${request}'`;
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
