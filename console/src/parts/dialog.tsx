/** The browser's own modal dialog: it keeps the focus, closes on Escape and gives the focus back. */
import { type ReactNode, useEffect, useRef } from "react";
import { Icon } from "./icons.tsx";

interface DialogProps {
  readonly title: string;
  readonly children: ReactNode;
  onClose(): void;
}

/** Open as long as it is there. */
export function Dialog({ title, children, onClose }: DialogProps) {
  const ref = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = ref.current;
    if (dialog && !dialog.open) dialog.showModal();
  }, []);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: a click beside the dialog is the mouse's Escape, which the dialog has already.
    <dialog ref={ref} aria-label={title} onClose={onClose} onClick={e => e.target === ref.current && ref.current.close()}>
      <div className="dialog">
        <header>
          <h2>{title}</h2>
          <button type="button" className="quiet square" aria-label="Close" onClick={() => ref.current?.close()}>
            <Icon name="close" />
          </button>
        </header>
        {children}
      </div>
    </dialog>
  );
}
