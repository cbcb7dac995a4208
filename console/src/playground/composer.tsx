/** Where a prompt is written and sent, and an answer is stopped. */
import { type KeyboardEvent, useEffect, useRef } from "react";
import { Icon } from "../parts/icons.tsx";
import { isTyping } from "../parts/is-typing.ts";
import { beginnings } from "./prompts.ts";
import type { Mode } from "./request.ts";
import { send, setDraft, stop } from "./session.ts";
import { problems, type Settings } from "./settings.ts";

interface ComposerProps {
  readonly mode: Mode;
  readonly draft: string;
  /** Of each model. */
  readonly settings: readonly Settings[];
  /** None while the list of models is on its way; two of a comparison. */
  readonly models: readonly string[];
  /** The list of models is on its way: what is sent goes when it has come. */
  readonly isLooking: boolean;
  /** Why nothing can be sent now. */
  readonly waitsFor?: string | undefined;
  readonly isRunning: boolean;
}

/** A touch keyboard that covers half of the page is opened by a touch, not by us. */
const hasKeyboard = () => matchMedia("(hover: hover)").matches;

export function Composer({ mode, draft, settings, models, isLooking, waitsFor, isRunning }: ComposerProps) {
  // what is of chats alone hinders no completion
  const ofChats: readonly string[] = ["schema", "tools", "toolChoice"];
  const wrong = settings.flatMap(s => Object.keys(problems(s))).filter(name => mode === "chat" || !ofChats.includes(name));
  const isValid = wrong.length === 0;
  const canSend = models.length > 0 && isValid && waitsFor === undefined && !isRunning && (mode === "completion" || draft.trim() !== "");
  const isSentLater = useRef(false);
  const submit = () => {
    if (isLooking) isSentLater.current = true;
    if (!canSend) return;
    send(mode, models, draft);
    if (mode === "chat") setDraft("chat", "");
  };
  // biome-ignore lint/correctness/useExhaustiveDependencies: the list has come, whatever else is as it is then.
  useEffect(() => {
    if (isLooking || !isSentLater.current) return;
    isSentLater.current = false;
    submit();
  }, [isLooking]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another mode is another prompt.
  useEffect(() => {
    // the list of models may come late: who types in another field goes on typing there
    if (hasKeyboard() && !isTyping(document.activeElement)) document.getElementById("prompt")?.focus({ preventScroll: true });
  }, [mode]);
  useEffect(() => {
    if (!isRunning) return;
    const press = (e: globalThis.KeyboardEvent) => {
      if (e.key === "Escape" && !document.querySelector("dialog[open]")) stop();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, [isRunning]);
  const press = (e: KeyboardEvent) => {
    // Enter that ends an input method's composition is not a send.
    if (e.key !== "Enter" || e.nativeEvent.isComposing) return;
    if (e.ctrlKey || e.metaKey || (mode === "chat" && !e.shiftKey)) {
      e.preventDefault();
      submit();
    }
  };
  const begin = (text: string) => {
    setDraft("completion", text);
    const field = document.getElementById("prompt");
    if (field instanceof HTMLTextAreaElement) {
      field.focus();
      // After the new text is in the field.
      setTimeout(() => field.setSelectionRange(text.length, text.length));
    }
  };
  return (
    <form
      id="composer"
      className="composer"
      onSubmit={e => {
        e.preventDefault();
        submit();
      }}
    >
      <label className="hidden" htmlFor="prompt">
        {mode === "completion" ? "Beginning of a text for the model to continue" : "Message to the model"}
      </label>
      <textarea
        id="prompt"
        rows={mode === "completion" ? 4 : 2}
        value={draft}
        placeholder={mode === "completion" ? "Begin a mail, and the model goes on …" : "Say something to the model …"}
        onChange={e => setDraft(mode, e.target.value)}
        onKeyDown={press}
      />
      <div className="composer-end">
        {mode === "completion" ? (
          // biome-ignore lint/a11y/useSemanticElements: a fieldset is for fields.
          <div className="beginnings" role="group" aria-label="Beginnings">
            {beginnings.map(b => (
              <button key={b.label} type="button" className="chip" onClick={() => begin(b.text)}>
                {b.label}
              </button>
            ))}
          </div>
        ) : (
          <span className="hint" role={waitsFor ? "status" : undefined}>
            {waitsFor ?? "Enter sends, Shift Enter breaks the line"}
          </span>
        )}
        {isRunning ? (
          <button type="button" className="primary stop" onClick={() => stop()}>
            <Icon name="stop" /> Stop
          </button>
        ) : (
          <button type="submit" className="primary" disabled={!canSend} title={mode === "completion" ? "Ctrl Enter" : "Enter"}>
            {mode === "completion" ? "Continue" : "Send"} <Icon name="send" />
          </button>
        )}
      </div>
    </form>
  );
}
