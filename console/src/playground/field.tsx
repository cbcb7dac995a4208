/** A field with its name, and what is wrong with it beside it. */
import type { ReactNode } from "react";

interface FieldProps {
  readonly label: string;
  readonly problem: string | undefined;
  readonly children: ReactNode;
}

export const Field = ({ label, problem, children }: FieldProps) => (
  // biome-ignore lint/a11y/noLabelWithoutControl: the control is the child.
  <label className="field">
    <span className="field-name">{label}</span>
    {children}
    {problem && (
      <span className="field-problem" role="alert">
        {problem}
      </span>
    )}
  </label>
);
