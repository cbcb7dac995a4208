/** The fields of how a model is asked. Every field says what is wrong with it beside it. */
import { lazy, Suspense } from "react";
import { Icon } from "../parts/icons.tsx";
import type { Side } from "./exchange.ts";
import { Field } from "./field.tsx";
import type { Mode } from "./request.ts";
import { setSettings } from "./session.ts";
import { defaults, problems, type Settings } from "./settings.ts";

interface RangeProps {
  readonly label: string;
  readonly hint: string;
  readonly value: number;
  readonly min: number;
  readonly max: number;
  onChange(value: number): void;
}

const Range = ({ label, hint, value, min, max, onChange }: RangeProps) => (
  <label className="field" title={hint}>
    <span className="field-name">
      {label} <b>{value.toFixed(2)}</b>
    </span>
    <input type="range" min={min} max={max} step={0.05} value={value} onChange={e => onChange(Number(e.target.value))} />
  </label>
);

const ToolsPanel = lazy(async () => ({ default: (await import("./tools-panel.tsx")).ToolsPanel }));

interface SettingsProps {
  readonly settings: Settings;
  readonly mode: Mode;
  /** Of a comparison: whose settings they are. */
  readonly side?: Side;
}

export function SettingsPanel({ settings, mode, side = 0 }: SettingsProps) {
  const set = (change: Partial<Settings>) => setSettings(change, side);
  const wrong = problems(settings);
  const most = mode === "chat" ? "maxAnswer" : "maxTokens";
  const number = (name: "topK" | "maxTokens" | "maxAnswer" | "seed", placeholder: string) => ({
    value: settings[name],
    placeholder,
    inputMode: "numeric" as const,
    autoComplete: "off",
    "aria-invalid": wrong[name] !== undefined,
    onChange: (e: { target: { value: string } }) => set({ [name]: e.target.value }),
  });
  return (
    <div className="settings">
      <Range
        label="Temperature"
        hint="0 takes the likeliest token; higher is freer"
        min={0}
        max={2}
        value={settings.temperature}
        onChange={temperature => set({ temperature })}
      />
      <Range
        label="Top-p"
        hint="Draw from the likeliest tokens that make up this share"
        min={0.05}
        max={1}
        value={settings.topP}
        onChange={topP => set({ topP })}
      />
      <div className="field-row">
        <Field label="Max tokens" problem={wrong[most]}>
          <input {...number(most, mode === "chat" ? "all that fit" : "few")} />
        </Field>
        <Field label="Top-k" problem={wrong.topK}>
          <input {...number("topK", "all")} />
        </Field>
      </div>
      <Field label="Seed" problem={wrong.seed}>
        <span className="with-button">
          <input {...number("seed", "drawn each time")} />
          <button
            type="button"
            className="square"
            aria-label="Draw a seed"
            title="Draw a seed"
            onClick={() => set({ seed: String(Math.floor(Math.random() * 1e6)) })}
          >
            <Icon name="dice" />
          </button>
        </span>
      </Field>
      <Field label="Stop at" problem={wrong.stop}>
        <textarea
          className="mono"
          rows={2}
          spellCheck={false}
          value={settings.stop}
          placeholder={"One string a line, \\n for a break"}
          aria-invalid={wrong.stop !== undefined}
          onChange={e => set({ stop: e.target.value })}
        />
      </Field>
      {mode === "chat" && (
        <Field label="System" problem={undefined}>
          <textarea
            rows={3}
            value={settings.system}
            placeholder="How the model should behave"
            onChange={e => set({ system: e.target.value })}
          />
        </Field>
      )}
      {mode === "chat" && (
        <Field label="JSON Schema of the response" problem={wrong.schema}>
          <textarea
            className="mono"
            rows={3}
            spellCheck={false}
            value={settings.schema}
            placeholder={'{ "type": "object", … }'}
            aria-invalid={wrong.schema !== undefined}
            onChange={e => set({ schema: e.target.value })}
          />
        </Field>
      )}
      {mode === "chat" && (
        <Suspense>
          <ToolsPanel settings={settings} wrong={wrong} onChange={set} />
        </Suspense>
      )}
      <label className="check">
        <input type="checkbox" checked={settings.probabilities} onChange={e => set({ probabilities: e.target.checked })} /> Token
        probabilities
      </label>
      {JSON.stringify(settings) !== JSON.stringify(defaults) && (
        <button type="button" className="quiet" onClick={() => set(defaults)}>
          <Icon name="retry" /> Defaults
        </button>
      )}
    </div>
  );
}
