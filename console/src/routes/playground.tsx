/** Playground: give a model a beginning or a message and watch it answer; ask one that tells classes or numbers about a text. */
import { lazy, Suspense, useEffect, useRef } from "react";
import { api } from "../api.ts";
import { useChoice } from "../choices.ts";
import { Icon } from "../parts/icons.tsx";
import { Empty, FailureNotice } from "../parts/notice.tsx";
import { Segmented } from "../parts/segmented.tsx";
import { Composer } from "../playground/composer.tsx";
import { isRunning } from "../playground/exchange.ts";
import { ExchangeView } from "../playground/exchange-view.tsx";
import { modes } from "../playground/request.ts";
import { clear, retry, setDraft, setMode, useSession } from "../playground/session.ts";
import { SettingsPanel } from "../playground/settings-panel.tsx";
import { Tell } from "../playground/tell.tsx";
import { useResource } from "../resource.ts";

const SavedPanel = lazy(async () => ({ default: (await import("../playground/saved-panel.tsx")).SavedPanel }));

/** Keeps the end of a growing text in sight, unless somebody has scrolled away from it. */
function useFollow(isOn: boolean, length: number): void {
  const wasAtEnd = useRef(true);
  useEffect(() => {
    const look = () => {
      wasAtEnd.current = innerHeight + scrollY >= document.documentElement.scrollHeight - 120;
    };
    addEventListener("scroll", look, { passive: true });
    return () => removeEventListener("scroll", look);
  }, []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a longer text is the reason.
  useEffect(() => {
    if (isOn && wasAtEnd.current) scrollTo({ top: document.documentElement.scrollHeight });
  }, [isOn, length]);
}

/** Between looks at what is served: a model may come while the page is open. */
const lookMs = 10_000;

export function Playground() {
  const session = useSession();
  const { mode, settings, drafts } = session;
  const served = useResource("served", api.served, { on: ["serving"], everyMs: lookMs });
  const ids = served.data?.data.map(m => m.id) ?? [];
  const [picked, setModel] = useChoice("model", session.model ?? "");
  const model = ids.includes(picked) ? picked : (ids[0] ?? null);
  const tells = served.data?.data.find(m => m.id === model)?.tells ?? "text";
  const exchanges = session.exchanges.filter(e => e.mode === mode);
  const isBusy = session.exchanges.some(isRunning);
  useFollow(
    mode === "chat",
    exchanges.reduce((sum, e) => sum + e.text.length + (isRunning(e) ? 1 : 2), 0),
  );

  const composer = <Composer mode={mode} draft={drafts[mode]} settings={settings} model={model} isRunning={isBusy} />;
  const shown = (mode === "completion" ? exchanges.toReversed() : exchanges).map(e => (
    <ExchangeView
      key={e.id}
      exchange={e}
      canRetry={!isBusy && model !== null}
      onRetry={() => model !== null && retry(model, e.id)}
      {...(mode === "completion"
        ? {
            onContinue: () => {
              setDraft("completion", e.prompt + e.text);
              document.getElementById("prompt")?.focus();
            },
          }
        : {})}
    />
  ));
  const last = exchanges.at(-1);
  return (
    <>
      <header className="page-head">
        <h1>Playground</h1>
        {tells === "text" && (
          <Segmented label="Mode" options={modes} value={mode} onChange={setMode} names={{ completion: "Complete", chat: "Chat" }} />
        )}
        {ids.length > 0 && (
          <label className="pick">
            <span className="hidden">Model</span>
            <select value={model ?? ""} onChange={e => setModel(e.target.value)}>
              {ids.map(id => (
                <option key={id}>{id}</option>
              ))}
            </select>
            <Icon name="down" />
          </label>
        )}
        {exchanges.length > 0 && (
          <button type="button" className="quiet push" aria-label="Clear" onClick={() => clear(mode)}>
            <Icon name="trash" /> <span className="optional">Clear</span>
          </button>
        )}
      </header>
      {tells !== "text" && model !== null ? (
        <Tell key={model} model={model} tells={tells} />
      ) : (
        <div className="playground">
          <section className={`playground-main ${mode}`} aria-label={mode === "completion" ? "Completions" : "Conversation"}>
            {served.failure && !served.data && <FailureNotice failure={served.failure} retry={served.reload} />}
            {served.data && ids.length === 0 && (
              <Empty icon="playground" title="No model is served yet">
                <p>
                  Run <code>loam run</code> in your project: it trains the model of <code>loam.yaml</code> and serves it. This page finds it
                  then.
                </p>
                <button type="button" onClick={served.reload}>
                  Look again
                </button>
              </Empty>
            )}
            {mode === "completion" && (
              <>
                {ids.length > 0 && composer}
                {ids.length > 0 && exchanges.length === 0 && (
                  <p className="hint">
                    The model of a mail project has read mails: a subject, an empty line, the body. It goes on from wherever you stop.{" "}
                    <kbd>Ctrl Enter</kbd> continues.
                  </p>
                )}
                {shown}
              </>
            )}
            {mode === "chat" && (
              <>
                {exchanges.length === 0 && ids.length > 0 && (
                  <p className="first-words">
                    A model that was only pre-trained goes on writing more than it answers: it has seen no conversations. Completion is its
                    natural way; a chat shows how far it is from one.
                  </p>
                )}
                {shown}
                {ids.length > 0 && composer}
              </>
            )}
            <p className="hidden" role="status">
              {last?.phase === "done"
                ? "The answer is complete."
                : last?.phase === "stopped"
                  ? "Stopped."
                  : isBusy
                    ? "The model is writing."
                    : ""}
            </p>
          </section>
          <details className="playground-settings" open={innerWidth >= 1000}>
            <summary>
              Settings <Icon name="down" />
            </summary>
            <SettingsPanel settings={settings} mode={mode} />
            <Suspense>
              <SavedPanel session={session} />
            </Suspense>
          </details>
        </div>
      )}
    </>
  );
}
