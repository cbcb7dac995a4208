/** Calls of a response: name and arguments, and where the conversation waits for them a field for each result. */
import "./tool-calls.css";
import { type FormEvent, useState } from "react";
import { Icon } from "../parts/icons.tsx";
import { shownArguments, type ToolCall, type ToolResult } from "./tools.ts";

function Arguments({ of, isOpen }: { readonly of: ToolCall; readonly isOpen: boolean }) {
  const { text, isJson } = shownArguments(of.arguments);
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: wide arguments are scrolled by keys. */}
      <section tabIndex={0} aria-label={`Arguments of ${of.name}`}>
        <pre className="code">{text}</pre>
      </section>
      {!isJson && !isOpen && text !== "" && <p className="field-problem">The arguments are no JSON.</p>}
    </>
  );
}

export const Calls = ({ of, isOpen }: { readonly of: readonly ToolCall[]; readonly isOpen: boolean }) => (
  <ul className="tool-calls" aria-label="Calls">
    {of.map((call, i) => (
      // biome-ignore lint/suspicious/noArrayIndexKey: calls of a response never move.
      <li key={i}>
        <p>
          <Icon name="code" /> Call of <code>{call.name}</code>
        </p>
        <Arguments of={call} isOpen={isOpen} />
      </li>
    ))}
  </ul>
);

export const Results = ({ of }: { readonly of: readonly ToolResult[] }) => (
  <ul className="tool-calls said-results" aria-label="Results">
    {of.map(({ callId, name, content }) => (
      <li key={callId}>
        <p>
          Result of <code>{name}</code>
        </p>
        <pre className="code">{content}</pre>
      </li>
    ))}
  </ul>
);

interface ResultFormProps {
  readonly calls: readonly ToolCall[];
  readonly canSend: boolean;
  onSend(results: readonly ToolResult[]): void;
}

export function ResultForm({ calls, canSend, onSend }: ResultFormProps) {
  const [contents, setContents] = useState<readonly string[]>(() => calls.map(() => ""));
  const submit = (e: FormEvent) => {
    e.preventDefault();
    if (canSend) onSend(calls.map((call, i) => ({ callId: call.id, name: call.name, content: contents[i] ?? "" })));
  };
  return (
    <form className="tool-results" aria-label="Results of the calls" onSubmit={submit}>
      {calls.map((call, i) => (
        <label key={call.id || i} className="field">
          <span className="field-name">Result of {call.name}</span>
          <textarea
            className="mono"
            rows={2}
            spellCheck={false}
            value={contents[i] ?? ""}
            placeholder="What the function returns: JSON or text"
            onChange={e => setContents(contents.map((c, k) => (k === i ? e.target.value : c)))}
          />
        </label>
      ))}
      <button type="submit" className="primary" disabled={!canSend} title="Ctrl Enter">
        {calls.length === 1 ? "Send the result" : "Send the results"} <Icon name="send" />
      </button>
    </form>
  );
}
