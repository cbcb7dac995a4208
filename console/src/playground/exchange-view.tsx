/** An exchange on the page: a completion is one text of two hands, a chat is two turns. Below it how fast it came and what to do with it. */
import { lazy, Suspense, useState } from "react";
import { formatCount, formatNumber, formatWait } from "../format.ts";
import { CopyButton } from "../parts/copy.tsx";
import { Icon } from "../parts/icons.tsx";
import { FailureNotice } from "../parts/notice.tsx";
import { CodeDialog } from "./code-dialog.tsx";
import { calling, type Exchange, isRunning, modelOf, reasonWords } from "./exchange.ts";
import { firstTokenMs, tokensOf, tokensPerSecond } from "./measure.ts";
import { stop } from "./session.ts";
import type { ToolResult } from "./tools.ts";

const TokenView = lazy(async () => ({ default: (await import("./token-view.tsx")).TokenView }));
const MarkdownView = lazy(async () => ({ default: (await import("./markdown-view.tsx")).MarkdownView }));
const loadCalls = () => import("./tool-calls.tsx");
const Calls = lazy(async () => ({ default: (await loadCalls()).Calls }));
const Results = lazy(async () => ({ default: (await loadCalls()).Results }));
const ResultForm = lazy(async () => ({ default: (await loadCalls()).ResultForm }));
const AttributionDialog = lazy(async () => ({ default: (await import("./attribution-dialog.tsx")).AttributionDialog }));

const Caret = () => <span className="caret" aria-hidden="true" />;

function Speed({ exchange }: { readonly exchange: Exchange }) {
  const { measure, phase, finish, request } = exchange;
  const rate = tokensPerSecond(measure);
  const first = firstTokenMs(measure);
  return (
    <p className="speed">
      {phase === "waiting" && <span>Waiting for the first token</span>}
      {tokensOf(measure) > 0 && (
        <span>
          <b>{formatCount(tokensOf(measure))}</b> tokens
        </span>
      )}
      {rate !== null && (
        <span>
          <b>{formatNumber(rate)}</b> tokens/s
        </span>
      )}
      {first !== null && (
        <span>
          first after <b>{formatWait(first)}</b>
        </span>
      )}
      {measure.promptTokens !== null && (
        <span>
          prompt <b>{formatCount(measure.promptTokens)}</b>
        </span>
      )}
      {request.body.seed !== undefined && (
        <span>
          seed <b>{request.body.seed}</b>
        </span>
      )}
      {phase === "stopped" && <span>stopped by you</span>}
      {phase === "done" && finish && (
        <span title={`finish_reason: ${finish}`}>
          <b>{finish}</b>: {reasonWords(finish)}
        </span>
      )}
    </p>
  );
}

/** A longer prompt shows its end only, which is where the answer begins. */
const longPrompt = 800;
const shownEnd = 300;

function Given({ prompt }: { readonly prompt: string }) {
  const [isWhole, setWhole] = useState(false);
  const hidden = isWhole || prompt.length <= longPrompt ? 0 : prompt.length - shownEnd;
  return (
    <span className="given">
      {hidden > 0 && (
        <button type="button" className="chip" onClick={() => setWhole(true)}>
          {formatCount(hidden)} characters before
        </button>
      )}
      {hidden > 0 ? ` … ${prompt.slice(hidden)}` : prompt}
    </span>
  );
}

interface ExchangeProps {
  readonly exchange: Exchange;
  readonly canRetry: boolean;
  onRetry(): void;
  /** Of a comparison: the exchange with the other model, whose code stands with this one's. */
  readonly beside?: Exchange | undefined;
  /** Of a comparison: which model answers is said, each answer is stopped by itself. */
  readonly isCompared?: boolean;
  /** Gives the results of the calls, where the conversation waits for them. */
  onResults?: ((results: readonly ToolResult[]) => void) | undefined;
  /** Marks this response as the better one; absent where there is nothing to compare. */
  onPrefer?: (() => void) | undefined;
  readonly isPreferred?: boolean;
  /** Takes prompt and answer as the next prompt; completions only. */
  onContinue?: () => void;
}

export function ExchangeView(props: ExchangeProps) {
  const { exchange, canRetry, onRetry, onContinue, beside, isCompared = false, onResults, onPrefer, isPreferred = false } = props;
  const [isCodeOpen, setCodeOpen] = useState(false);
  const [isAttributed, setAttributed] = useState(false);
  const { mode, prompt, text, failure, request, tokens, calls, results } = exchange;
  const model = modelOf(exchange);
  const isOpen = isRunning(exchange);
  const hasTokens = !isOpen && tokens.length > 0;
  return (
    <article
      className={`exchange ${mode}`}
      aria-busy={isOpen}
      aria-label={`${mode === "chat" ? "Question and answer" : "Completion"}${isCompared ? `, ${model}` : ""}`}
    >
      {isCompared && (
        <header className="exchange-model">
          {model}
          {isOpen && (
            <button type="button" className="quiet" aria-label={`Stop ${model}`} onClick={() => stop(exchange.id)}>
              <Icon name="stop" /> Stop
            </button>
          )}
        </header>
      )}
      {mode === "completion" ? (
        <p className="written">
          <Given prompt={prompt} />
          {!hasTokens && text}
          {isOpen && <Caret />}
        </p>
      ) : (
        <>
          {results.length > 0 ? (
            <Suspense>
              <Results of={results} />
            </Suspense>
          ) : (
            <p className="said">{prompt}</p>
          )}
          {(text !== "" || (isOpen && calls.length === 0)) && (
            <Suspense fallback={<p className="written">{text}</p>}>
              <MarkdownView text={text} />
              {isOpen && <Caret />}
            </Suspense>
          )}
        </>
      )}
      {calls.length > 0 && (
        <Suspense>
          <Calls of={calls} isOpen={isOpen} />
          {onResults && calling([exchange]) && <ResultForm calls={calls} canSend={canRetry} onSend={onResults} />}
        </Suspense>
      )}
      {hasTokens && (
        <Suspense>
          <TokenView tokens={tokens} />
        </Suspense>
      )}
      {failure && <FailureNotice failure={failure} />}
      <footer>
        <Speed exchange={exchange} />
        {!isOpen && (
          <div className="actions">
            {onPrefer && (
              <button type="button" className={isPreferred ? "quiet is-preferred" : "quiet"} aria-pressed={isPreferred} onClick={onPrefer}>
                <Icon name="check" /> {isPreferred ? "Preferred" : "Prefer"}
              </button>
            )}
            {onContinue && text !== "" && (
              <button type="button" className="quiet" onClick={onContinue}>
                <Icon name="pen" /> Go on
              </button>
            )}
            <button type="button" className="quiet" disabled={!canRetry} onClick={onRetry}>
              <Icon name="retry" /> Retry
            </button>
            {text !== "" && <CopyButton text={mode === "completion" ? prompt + text : text} />}
            {text !== "" && calls.length === 0 && results.length === 0 && (
              <button type="button" className="quiet" onClick={() => setAttributed(true)}>
                <Icon name="lineage" /> Attributions
              </button>
            )}
            <button type="button" className="quiet" onClick={() => setCodeOpen(true)}>
              <Icon name="code" /> Code
            </button>
          </div>
        )}
      </footer>
      {isAttributed && (
        <Suspense>
          <AttributionDialog exchange={exchange} onClose={() => setAttributed(false)} />
        </Suspense>
      )}
      {isCodeOpen && (
        <CodeDialog
          requests={beside ? [exchange, beside].toSorted((a, b) => a.side - b.side).map(e => e.request) : [request]}
          onClose={() => setCodeOpen(false)}
        />
      )}
    </article>
  );
}
