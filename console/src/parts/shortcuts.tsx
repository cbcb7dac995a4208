/** Keys for the whole page: numbers open pages, / goes to the prompt, ? says so. Not while somebody types, nor beside other keys. */
import { useEffect, useState } from "react";
import { pages, routeHash } from "../route.ts";
import { Dialog } from "./dialog.tsx";
import { isTyping } from "./is-typing.ts";

const keys: readonly (readonly [string, string])[] = [
  ["1 – 9", "Open a page"],
  ["/", "Go to the prompt"],
  ["Ctrl Enter", "Send (⌘ Enter on a Mac; Enter alone in a chat)"],
  ["Esc", "Stop the answer"],
  ["← ↑ ↓ →", "Walk along the lineage"],
  ["+ − 0", "Zoom the lineage in, out, to fit"],
  ["a s d …", "Label a text; n for the next, Backspace for the last"],
  ["?", "This list"],
];

export function Shortcuts() {
  const [isOpen, setOpen] = useState(false);
  useEffect(() => {
    const press = (e: KeyboardEvent) => {
      if (e.ctrlKey || e.metaKey || e.altKey || isTyping(e.target) || document.querySelector("dialog[open]")) return;
      const page = pages[Number(e.key) - 1];
      if (page) location.hash = routeHash(page);
      else if (e.key === "?") setOpen(true);
      else if (e.key === "/") {
        e.preventDefault();
        location.hash = routeHash("playground");
        // After the page is there.
        setTimeout(() => document.getElementById("prompt")?.focus(), 50);
      }
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, []);
  return (
    <>
      <button
        type="button"
        className="quiet square shortcuts-button"
        aria-label="Keyboard shortcuts"
        title="Keyboard shortcuts (?)"
        onClick={() => setOpen(true)}
      >
        <kbd>?</kbd>
      </button>
      {isOpen && (
        <Dialog title="Keys" onClose={() => setOpen(false)}>
          <dl className="keys">
            {keys.map(([key, what]) => (
              <div key={key}>
                <dt>
                  <kbd>{key}</kbd>
                </dt>
                <dd>{what}</dd>
              </div>
            ))}
          </dl>
        </Dialog>
      )}
    </>
  );
}
