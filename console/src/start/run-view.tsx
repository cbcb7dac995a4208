/** The newest run that the console started: what, by whom, how it stands, what it printed; and the button that stops it. */
import { useState } from "react";
import { ActionButton, ActionDialog } from "../actions/action-dialog.tsx";
import { api } from "../api.ts";
import { formatMoment } from "../format.ts";
import type { StartedRun } from "../generated/server.ts";
import { routeHash } from "../route.ts";

interface RunViewProps {
  readonly run: StartedRun;
  readonly missing: string | null;
  onChanged(): void;
}

export function RunView({ run, missing, onChanged }: RunViewProps) {
  const [isOpen, setOpen] = useState(false);
  const { command, state, by, startedAt, endedAt, code, output } = run;
  const line = `loam ${command.join(" ")}`;
  return (
    <section className="card" aria-label="Newest run">
      <header className="card-head gateway-head">
        <div>
          <h2>
            <code>{line}</code> <span className={state === "failed" ? "tag bad" : "tag strong"}>{state}</span>
          </h2>
          <p>
            Started by {by} at {formatMoment(startedAt)}
            {endedAt === null ? "" : `, ended at ${formatMoment(endedAt)}${code === null ? "" : `, exit code ${code}`}`}.{" "}
            <a href={routeHash("training")}>Training curves</a>
          </p>
        </div>
        {(state === "running" || state === "stopping") && (
          <ActionButton missing={state === "stopping" ? "The run is stopping." : missing} icon="stop" onClick={() => setOpen(true)}>
            Stop…
          </ActionButton>
        )}
      </header>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, by keys too */}
      <pre className="code run-output" role="log" aria-label="Output of the run" tabIndex={0}>
        {output === "" ? "No output yet." : output}
      </pre>
      {isOpen && (
        <ActionDialog
          title="Stop the run?"
          what={
            <p>
              <code>{line}</code> is stopped as by Ctrl-C in a terminal. What is done is kept; the same command goes on from there.
            </p>
          }
          confirm="Stop the run"
          run={() => api.stopRun()}
          result={() => <p>The run is stopping.</p>}
          onDone={onChanged}
          onClose={() => setOpen(false)}
        />
      )}
    </section>
  );
}
