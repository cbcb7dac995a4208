/** A choice of few, all in sight: radio buttons that look like one control. */
import { useId } from "react";

interface SegmentedProps<T extends string> {
  readonly label: string;
  readonly options: readonly T[];
  readonly value: T;
  onChange(value: NoInfer<T>): void;
  /** What is shown for an option; the option itself where left out. */
  readonly names?: Partial<Record<NoInfer<T>, string>>;
}

export function Segmented<T extends string>({ label, options, value, onChange, names = {} }: SegmentedProps<T>) {
  const name = useId();
  return (
    <fieldset className="segmented">
      <legend className="hidden">{label}</legend>
      {options.map(option => (
        <label key={option}>
          <input type="radio" name={name} value={option} checked={option === value} onChange={() => onChange(option)} />
          <span>{names[option] ?? option}</span>
        </label>
      ))}
    </fieldset>
  );
}
