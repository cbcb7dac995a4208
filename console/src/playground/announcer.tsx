/** Says to screen readers what is being written: sentence by sentence, politely, one response after the other, and how each ended. Nothing is seen of it. */
import { useEffect, useRef, useState } from "react";
import { announceMs, nextPiece } from "./announce.ts";
import { type Exchange, isRunning, modelOf } from "./exchange.ts";

const endings: Partial<Record<Exchange["phase"], string>> = { done: "The response is complete.", stopped: "Stopped." };

/** What has been said of an exchange: characters of this text, and whether its end. */
interface SaidOf {
  readonly startMs: number;
  readonly upTo: number;
  readonly hasEnded: boolean;
}

/** The next thing to say of an exchange, and what is said of it then; undefined: nothing new. */
function nextOf(e: Exchange, before: SaidOf | undefined): { readonly text: string; readonly said: SaidOf } | undefined {
  const { startMs } = e.measure;
  // asked again, it is another response
  const said = before?.startMs === startMs ? before : { startMs, upTo: 0, hasEnded: false };
  if (said.hasEnded) return undefined;
  const { piece, upTo } = nextPiece(e.text, said.upTo, !isRunning(e));
  const isEnd = !isRunning(e) && upTo >= e.text.length;
  const calls = isEnd ? e.calls.map(c => `Call of ${c.name}.`) : [];
  const text = [piece, ...calls, isEnd ? (endings[e.phase] ?? "") : ""].filter(t => t !== "").join(" ");
  if (text === "" && upTo === said.upTo && !isEnd) return undefined;
  return { text, said: { startMs, upTo, hasEnded: isEnd } };
}

interface AnnouncerProps {
  readonly exchanges: readonly Exchange[];
  /** Of a comparison: the model is said with each piece. */
  readonly isCompared: boolean;
}

export function Announcer({ exchanges, isCompared }: AnnouncerProps) {
  const [text, setText] = useState("");
  const latest = useRef(exchanges);
  latest.current = exchanges;
  /** What was there when the page opened was said then. */
  const said = useRef<Map<number, SaidOf> | null>(null);
  said.current ??= new Map(
    exchanges.filter(e => !isRunning(e)).map(e => [e.id, { startMs: e.measure.startMs, upTo: e.text.length, hasEnded: true }]),
  );
  const isLive = exchanges.some(e => {
    const known = said.current?.get(e.id);
    return known?.startMs !== e.measure.startMs || !known.hasEnded;
  });
  useEffect(() => {
    if (!isLive) return;
    const look = () => {
      const known = said.current;
      if (!known) return;
      for (const e of latest.current) {
        const next = nextOf(e, known.get(e.id));
        if (!next) continue;
        known.set(e.id, next.said);
        if (next.text === "") continue;
        setText(isCompared ? `${modelOf(e)}: ${next.text}` : next.text);
        return;
      }
    };
    setText("The model is writing.");
    const timer = setInterval(look, announceMs);
    return () => clearInterval(timer);
  }, [isLive, isCompared]);
  return (
    <p className="hidden" role="status" aria-live="polite">
      {text}
    </p>
  );
}
