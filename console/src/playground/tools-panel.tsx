/** Functions that the model may call, in the settings: each with name, description and the JSON Schema of its arguments. */
import "./tool-calls.css";
import { Icon } from "../parts/icons.tsx";
import { Pick } from "../parts/pick.tsx";
import { Field } from "./field.tsx";
import type { Problems, Settings } from "./settings.ts";
import { choicesOf, exampleTool, mostTools, type ToolField, toolProblems } from "./tools.ts";

interface ToolsProps {
  readonly settings: Settings;
  readonly wrong: Problems;
  onChange(change: Partial<Pick<Settings, "tools" | "toolChoice">>): void;
}

const nameOfChoice = (choice: string): string =>
  choice === "" ? "auto: the model decides" : choice === "none" ? "none: no call" : choice === "required" ? "required: some call" : choice;

export function ToolsPanel({ settings: { tools, toolChoice }, wrong, onChange }: ToolsProps) {
  const problems = toolProblems(tools);
  const set = (i: number, change: Partial<ToolField>) => onChange({ tools: tools.map((t, k) => (k === i ? { ...t, ...change } : t)) });
  return (
    <>
      {tools.map((tool, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a name that is being typed is no key.
        <fieldset key={i} className="tool-fields">
          <legend>Function {i + 1}</legend>
          <Field label="Name" problem={problems[i]?.name}>
            <input
              className="mono"
              value={tool.name}
              autoComplete="off"
              spellCheck={false}
              aria-invalid={problems[i]?.name !== undefined}
              onChange={e => set(i, { name: e.target.value })}
            />
          </Field>
          <Field label="Description" problem={undefined}>
            <input value={tool.description} autoComplete="off" onChange={e => set(i, { description: e.target.value })} />
          </Field>
          <Field label="JSON Schema of the arguments" problem={problems[i]?.parameters}>
            <textarea
              className="mono"
              rows={5}
              spellCheck={false}
              value={tool.parameters}
              placeholder={'{ "type": "object", … }'}
              aria-invalid={problems[i]?.parameters !== undefined}
              onChange={e => set(i, { parameters: e.target.value })}
            />
          </Field>
          <button
            type="button"
            className="quiet"
            aria-label={`Remove function ${i + 1}`}
            onClick={() => onChange({ tools: tools.filter((_, k) => k !== i) })}
          >
            <Icon name="trash" /> Remove
          </button>
        </fieldset>
      ))}
      {tools.length > 0 && (
        <div className="field">
          <span className="field-name">Tool choice</span>
          <Pick
            label="Tool choice"
            value={toolChoice}
            options={choicesOf(tools)}
            nameOf={nameOfChoice}
            onPick={choice => onChange({ toolChoice: choice })}
          />
          {wrong.toolChoice && (
            <span className="field-problem" role="alert">
              {wrong.toolChoice}
            </span>
          )}
        </div>
      )}
      {tools.length < mostTools && (
        <button type="button" className="quiet" onClick={() => onChange({ tools: [...tools, exampleTool(tools.map(t => t.name))] })}>
          <Icon name="code" /> Add a function
        </button>
      )}
    </>
  );
}
