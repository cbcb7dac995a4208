/**
 * Ctrl Enter (Command Enter) wherever one is on the page: in a form it submits that form, in a dialog it does the dialog's main action, and elsewhere it sends
 * the prompt. What has handled the key itself is left alone.
 */
import { useEffect } from "react";

function act(target: EventTarget | null): boolean {
  const element = target instanceof Element ? target : document.body;
  const dialog = document.querySelector<HTMLDialogElement>("dialog[open]");
  const form = element.closest("form");
  if (form && (!dialog || dialog.contains(form))) {
    form.requestSubmit();
    return true;
  }
  if (dialog) {
    const main = dialog.querySelector<HTMLElement>("[data-main]");
    main?.click();
    return main !== null;
  }
  const composer = document.getElementById("composer");
  if (!(composer instanceof HTMLFormElement)) return false;
  composer.requestSubmit();
  return true;
}

export function useCtrlEnter(): void {
  useEffect(() => {
    const press = (e: KeyboardEvent) => {
      if (e.key !== "Enter" || !(e.ctrlKey || e.metaKey) || e.isComposing || e.defaultPrevented) return;
      if (act(e.target)) e.preventDefault();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, []);
}
