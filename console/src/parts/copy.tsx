/** Copying: a button that says that it did, and ids that are copied by a click. */
import { useEffect, useState } from "react";
import { Icon } from "./icons.tsx";

/** Puts text on the clipboard; the old way where the page is not on a secure origin (plain HTTP in a local network). */
async function copyText(text: string): Promise<void> {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.value = text;
  area.style.position = "fixed";
  area.style.opacity = "0";
  document.body.append(area);
  area.select();
  const isCopied = document.execCommand("copy");
  area.remove();
  if (!isCopied) throw new Error("The browser does not let this page copy.");
}

const shownMs = 1_600;

/** Copies, and says for a moment how that went. */
function useCopy(text: string): { state: "ready" | "copied" | "refused"; copy: () => void } {
  const [state, setState] = useState<"ready" | "copied" | "refused">("ready");
  useEffect(() => {
    if (state === "ready") return;
    const timer = setTimeout(() => setState("ready"), shownMs);
    return () => clearTimeout(timer);
  }, [state]);
  const copy = () =>
    void copyText(text).then(
      () => setState("copied"),
      () => setState("refused"),
    );
  return { state, copy };
}

const said = { copied: "Copied", refused: "Not copied" } as const;

interface CopyButtonProps {
  readonly text: string;
  readonly label?: string;
  /** The main action of its dialog, which Ctrl Enter does. */
  readonly isMain?: boolean;
}

export function CopyButton({ text, label = "Copy", isMain = false }: CopyButtonProps) {
  const { state, copy } = useCopy(text);
  return (
    <button type="button" className="quiet" onClick={copy} data-main={isMain || undefined}>
      <Icon name={state === "copied" ? "check" : "copy"} />
      <span aria-live="polite">{state === "ready" ? label : said[state]}</span>
    </button>
  );
}

/** An id or digest in full for readers and for copying; `short` is what is seen. */
export function Id({ id, short = id }: { readonly id: string; readonly short?: string }) {
  const { state, copy } = useCopy(id);
  return (
    <button type="button" className="id" onClick={copy} title={`${id} (click to copy)`} aria-label={`Copy ${id}`}>
      <code>{short}</code>
      <Icon name={state === "copied" ? "check" : "copy"} />
      <span className="hidden" aria-live="polite">
        {state === "ready" ? "" : said[state]}
      </span>
    </button>
  );
}
