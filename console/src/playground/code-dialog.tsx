/** A request as code to copy. */
import { useState } from "react";
import { serverUrl } from "../client.ts";
import { useSession } from "../credentials.ts";
import { CopyButton } from "../parts/copy.tsx";
import { Dialog } from "../parts/dialog.tsx";
import { Segmented } from "../parts/segmented.tsx";
import { codeOf, type Language, languages } from "./code.ts";
import type { Request } from "./request.ts";

export function CodeDialog({ requests, onClose }: { readonly requests: readonly Request[]; onClose(): void }) {
  const [language, setLanguage] = useState<Language>("curl");
  const gateway = useSession();
  const key = gateway?.gateway ? (gateway.demo?.key ?? "YOUR-KEY") : null;
  const code = codeOf(language, serverUrl("/").replace(/\/$/, ""), requests, key);
  return (
    <Dialog title={requests.length > 1 ? "Both requests as code" : "The same request as code"} onClose={onClose}>
      <div className="bar">
        <Segmented label="Language" options={languages} value={language} onChange={setLanguage} />
        <CopyButton text={code} isMain />
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: wide code is scrolled by keys. */}
      <pre className="code" tabIndex={0}>
        {code}
      </pre>
    </Dialog>
  );
}
