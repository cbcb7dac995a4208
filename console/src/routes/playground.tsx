/**
 * Playground: give a model a beginning or a message and watch it answer, two models side by side where they are compared; ask one that tells classes or
 * numbers about a text.
 */
import { lazy, Suspense, useEffect, useRef } from "react";
import { api } from "../api.ts";
import { choose, useRoute } from "../choices.ts";
import { Icon } from "../parts/icons.tsx";
import { Empty, FailureNotice } from "../parts/notice.tsx";
import { Segmented } from "../parts/segmented.tsx";
import { Announcer } from "../playground/announcer.tsx";
import { Composer } from "../playground/composer.tsx";
import { calling, type Exchange, isRunning, type Side, sides } from "../playground/exchange.ts";
import { ExchangeView } from "../playground/exchange-view.tsx";
import { ModelPicker } from "../playground/model-picker.tsx";
import type { Preference } from "../playground/preferences.ts";
import { type Mode, modes } from "../playground/request.ts";
import { answerCalls, clear, compare, prefer, retry, setDraft, setOwnSettings, settingsOf, useSession } from "../playground/session.ts";
import { SettingsPanel } from "../playground/settings-panel.tsx";
import { useCtrlEnter } from "../playground/shortcut.ts";
import { Tell } from "../playground/tell.tsx";
import { useResource } from "../resource.ts";
import { findServed } from "../served.ts";
import "../playground/compare.css";

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

/** Choices of this page in the address. */
const choiceNames = ["mode", "model", "beside"] as const;
/** As they last were: the page is left and opened again by a link that has none. */
let last: Readonly<Record<string, string>> = {};

function useChoices(): { readonly mode: Mode; readonly model: string; readonly beside: string } {
  const { page, choices } = useRoute();
  // the address of the next page may be there before this one is gone
  const isHere = page === "playground";
  const [mode = "", model = "", beside = ""] = choiceNames.map(name => choices[name]);
  const hasChoices = useRef(choiceNames.some(name => name in choices));
  useEffect(() => {
    if (!hasChoices.current) choose(last);
  }, []);
  useEffect(() => {
    if (isHere) last = { mode, model, beside };
  }, [isHere, mode, model, beside]);
  return { mode: mode === "chat" ? "chat" : "completion", model, beside };
}

const FirstWords = () => (
  <p className="first-words">
    A model that was only pre-trained goes on writing more than it answers: it has seen no conversations. Completion is its natural way; a
    chat shows how far it is from one.
  </p>
);

const Stored = ({ of }: { readonly of: Preference }) => (
  <p className="hint" role="status">
    {of.stored === "kept"
      ? "Stored as feedback of both responses."
      : of.stored === "sending"
        ? ""
        : `Not stored as feedback: ${of.stored.problem}`}
  </p>
);

interface TurnsProps {
  readonly exchanges: readonly Exchange[];
  readonly mode: Mode;
  /** One, or two of a comparison. */
  readonly models: readonly string[];
  readonly preferences: Readonly<Record<number, Preference>>;
}

/** Exchanges; those that were sent to both models at once stand beside each other. */
function Turns({ exchanges, mode, models, preferences }: TurnsProps) {
  const isCompared = models.length > 1;
  const isBusy = (side: Side) => exchanges.some(e => e.side === side && isRunning(e));
  const waiting = sides.map(side => calling(exchanges.filter(e => e.side === side))?.id);
  const view = (e: Exchange, pair: readonly Exchange[]) => {
    const model = models[e.side];
    const other = pair.find(o => o !== e);
    const canJudge = other && pair.every(o => o.phase === "done" && o.text !== "") && e.text !== other.text;
    return (
      <ExchangeView
        key={e.id}
        exchange={e}
        isCompared={isCompared}
        beside={isCompared ? other : undefined}
        canRetry={!isBusy(e.side) && model !== undefined}
        onRetry={() => model !== undefined && retry(model, e.id)}
        onResults={mode === "chat" && waiting.includes(e.id) && model !== undefined ? results => answerCalls(model, e, results) : undefined}
        onPrefer={isCompared && canJudge ? () => void prefer(e.turn, e.side) : undefined}
        isPreferred={preferences[e.turn]?.side === e.side}
        {...(mode === "completion"
          ? {
              onContinue: () => {
                setDraft("completion", e.prompt + e.text);
                document.getElementById("prompt")?.focus();
              },
            }
          : {})}
      />
    );
  };
  const turns = [...new Set(exchanges.map(e => e.turn))];
  if (!isCompared) return (mode === "completion" ? exchanges.toReversed() : exchanges).map(e => view(e, [e]));
  return (mode === "completion" ? turns.toReversed() : turns).map(turn => {
    const pair = exchanges.filter(e => e.turn === turn);
    const preference = preferences[turn];
    return (
      <div key={turn} className="pair">
        {sides.map(side => (
          <div key={side} className="pair-side">
            {pair.filter(e => e.side === side).map(e => view(e, pair))}
          </div>
        ))}
        {preference && <Stored of={preference} />}
      </div>
    );
  });
}

function Settings({ mode, beside }: { readonly mode: Mode; readonly beside: string | null }) {
  const session = useSession();
  return (
    <>
      <SettingsPanel settings={session.settings} mode={mode} />
      {beside !== null && (
        <section className="own-settings" aria-label={`Settings of ${beside}`}>
          <label className="check">
            <input type="checkbox" checked={session.beside !== null} onChange={e => setOwnSettings(e.target.checked)} /> Other settings for
            the second model
          </label>
          {session.beside !== null && <SettingsPanel settings={session.beside} mode={mode} side={1} />}
        </section>
      )}
    </>
  );
}

export function Playground() {
  const session = useSession();
  const choices = useChoices();
  useCtrlEnter();
  const { mode } = choices;
  const served = useResource("served", api.served, { on: ["serving"], everyMs: lookMs });
  const ids = served.data?.data.map(m => m.id) ?? [];
  // nobody waits for the list of models to write
  const isLooking = !served.data && !served.failure;
  const hasPrompt = ids.length > 0 || isLooking;
  const model = choices.model || (ids[0] ?? null);
  const beside = choices.beside || null;
  const find = (name: string) => findServed(served.data?.data ?? [], name);
  const unknown = served.data && ids.length > 0 ? [model, beside].filter(name => name !== null && !find(name)) : [];
  const tells = (model === null ? undefined : find(model)?.tells) ?? "text";
  const isCompared = beside !== null && tells === "text";
  const models = unknown.length > 0 || ids.length === 0 ? [] : [model, ...(isCompared ? [beside] : [])].filter(id => id !== null);
  const exchanges = session.exchanges.filter(e => e.mode === mode && (isCompared || e.side === 0));
  const isBusy = exchanges.some(isRunning);
  const waitsFor =
    mode === "chat" && sides.some(side => calling(exchanges.filter(e => e.side === side)))
      ? "The model waits for the results of its calls."
      : undefined;
  useFollow(
    mode === "chat",
    exchanges.reduce((sum, e) => sum + e.text.length + (isRunning(e) ? 1 : 2), 0),
  );
  // a conversation that was held with one model goes on with both
  useEffect(() => {
    if (isCompared && beside !== null) compare(isCompared, beside);
  }, [isCompared, beside]);

  const composer = (
    <Composer
      mode={mode}
      draft={session.drafts[mode]}
      settings={models.map((_, i) => settingsOf(session, i === 1 ? 1 : 0))}
      models={models}
      isLooking={isLooking}
      waitsFor={waitsFor}
      isRunning={isBusy}
    />
  );
  const shown = <Turns exchanges={exchanges} mode={mode} models={models} preferences={session.preferences} />;
  return (
    <>
      <header className="page-head">
        <h1>Playground</h1>
        {tells === "text" && (
          <Segmented
            label="Mode"
            options={modes}
            value={mode}
            onChange={next => choose({ mode: next === "chat" ? "chat" : "" })}
            names={{ completion: "Complete", chat: "Chat" }}
          />
        )}
        {ids.length > 0 && (
          <ModelPicker
            ids={ids}
            model={model}
            beside={tells === "text" ? beside : null}
            onModel={id => choose({ model: id })}
            onBeside={id => choose({ beside: id ?? "", model: id === null ? choices.model : (model ?? "") })}
          />
        )}
        {exchanges.length > 0 && (
          <button type="button" className="quiet push" aria-label="Clear" onClick={() => clear(mode)}>
            <Icon name="trash" /> <span className="optional">Clear</span>
          </button>
        )}
      </header>
      {unknown.map(id => (
        <Empty key={id} icon="playground" title={`No model named ${id} is served`}>
          <p>Choose one that is: {ids.join(", ")}.</p>
        </Empty>
      ))}
      {tells !== "text" && model !== null ? (
        <Tell key={model} model={model} tells={tells} />
      ) : (
        <div className="playground">
          <section
            className={`playground-main ${mode}${isCompared ? " is-compared" : ""}`}
            aria-label={mode === "completion" ? "Completions" : "Conversation"}
          >
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
                {hasPrompt && composer}
                {hasPrompt && exchanges.length === 0 && (
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
                {exchanges.length === 0 && hasPrompt && <FirstWords />}
                {shown}
                {hasPrompt && composer}
              </>
            )}
            <Announcer exchanges={exchanges} isCompared={isCompared} />
          </section>
          <details className="playground-settings" open={innerWidth >= 1000}>
            <summary>
              Settings <Icon name="down" />
            </summary>
            <Settings mode={mode} beside={isCompared ? beside : null} />
            <Suspense>
              <SavedPanel session={session} at={{ mode, model, beside: isCompared ? beside : null }} />
            </Suspense>
          </details>
        </div>
      )}
    </>
  );
}
