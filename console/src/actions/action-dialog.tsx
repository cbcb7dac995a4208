/**
 * An action that changes something: what will happen, the choices, the command that does the same, then the result or the server's sentence. The focus goes
 * to the result, and back to where it came from when the dialog closes.
 */
import { type FormEvent, type ReactNode, useEffect, useId, useRef, useState } from "react";
import { type Failure, failureOf } from "../failure.ts";
import { CopyButton } from "../parts/copy.tsx";
import { Dialog } from "../parts/dialog.tsx";
import { Icon, type IconName } from "../parts/icons.tsx";
import { FailureNotice } from "../parts/notice.tsx";
import { type Command, commandLine } from "./commands.ts";
import "./actions.css";

export interface ActionDialogProps<T> {
  readonly title: string;
  /** What will happen, in a sentence or two. */
  readonly what: ReactNode;
  /** Of the choices as they are; absent where no command does the same. */
  readonly command?: Command;
  /** On the button that does it. */
  readonly confirm: string;
  /** Choices, as fields. */
  readonly children?: ReactNode;
  /** False while a choice is missing. */
  readonly isReady?: boolean;
  readonly run: () => Promise<T>;
  readonly result: (of: T) => ReactNode;
  /** The server has done it: what the page shows is loaded again. */
  onDone(): void;
  onClose(): void;
}

/** Gives the focus back to what had it, when the dialog is gone. */
function useFocusBack(): void {
  // before the dialog takes it
  const [before] = useState(() => document.activeElement);
  useEffect(
    () => () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus();
      else document.getElementById("main")?.focus();
    },
    [before],
  );
}

export const CommandLine = ({ command }: { readonly command: Command }) => {
  const line = commandLine(command);
  return (
    <div className="command">
      <p className="hint">The same on the command line:</p>
      <pre className="code">{line}</pre>
      <CopyButton text={line} label="Copy the command" />
    </div>
  );
};

export function ActionDialog<T>({
  title,
  what,
  command,
  confirm,
  children,
  isReady = true,
  run,
  result,
  onDone,
  onClose,
}: ActionDialogProps<T>) {
  const [state, setState] = useState<"asking" | "running" | { readonly done: T }>("asking");
  const [failure, setFailure] = useState<Failure | null>(null);
  const outcome = useRef<HTMLDivElement>(null);
  useFocusBack();
  const isDone = typeof state === "object";
  useEffect(() => {
    if (isDone) outcome.current?.focus();
  }, [isDone]);
  const act = async (event: FormEvent) => {
    event.preventDefault();
    if (state !== "asking" || !isReady) return;
    setState("running");
    setFailure(null);
    try {
      const done = await run();
      setState({ done });
      onDone();
    } catch (error) {
      setFailure(failureOf(error));
      setState("asking");
    }
  };
  return (
    <Dialog title={title} onClose={onClose}>
      {isDone ? (
        <div className="action-result" ref={outcome} tabIndex={-1} role="status">
          {result(state.done)}
          <div className="bar">
            <span />
            <button type="button" className="primary" onClick={onClose}>
              Done
            </button>
          </div>
        </div>
      ) : (
        <form className="settings action" onSubmit={e => void act(e)}>
          <div className="action-what">{what}</div>
          {children}
          {command && <CommandLine command={command} />}
          {failure && <FailureNotice failure={failure} />}
          <div className="bar">
            <button type="button" onClick={onClose}>
              Cancel
            </button>
            <button type="submit" className="primary" disabled={state === "running" || !isReady}>
              {state === "running" ? "Working…" : confirm}
            </button>
          </div>
          <span className="hidden" role="status">
            {state === "running" ? `${confirm}: working` : ""}
          </span>
        </form>
      )}
    </Dialog>
  );
}

interface ActionButtonProps {
  /** Why the person may not; null: they may. */
  readonly missing: string | null;
  readonly icon?: IconName;
  readonly className?: string;
  readonly label?: string;
  readonly children: ReactNode;
  onClick(): void;
}

/** Stays in the order of the focus while it is disabled, so that its reason can be read. */
export function ActionButton({ missing, icon, className, label, children, onClick }: ActionButtonProps) {
  const reason = useId();
  return (
    <>
      <button
        type="button"
        className={missing === null ? className : `${className ?? ""} is-disabled`}
        aria-label={label}
        aria-disabled={missing === null ? undefined : true}
        aria-describedby={missing === null ? undefined : reason}
        title={missing ?? undefined}
        onClick={() => missing === null && onClick()}
      >
        {icon && <Icon name={icon} />}
        {children}
      </button>
      {missing !== null && (
        <span id={reason} className="hidden">
          {missing}
        </span>
      )}
    </>
  );
}

/** The reason once for all buttons of a part of the page. */
export const MissingRight = ({ missing }: { readonly missing: string | null }) =>
  missing === null ? null : <p className="hint action-missing">Actions are disabled: {missing.replace(/\.$/, "")}.</p>;
