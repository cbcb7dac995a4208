/** A choice from a list that opens. */
import { Icon } from "./icons.tsx";

interface PickProps {
  readonly label: string;
  readonly value: string;
  readonly options: readonly string[];
  /** What is shown for an option. */
  readonly nameOf?: (option: string) => string;
  onPick(value: string): void;
}

export const Pick = ({ label, value, options, nameOf = o => o, onPick }: PickProps) => (
  <label className="pick">
    <span className="hidden">{label}</span>
    <select value={value} onChange={e => onPick(e.target.value)}>
      {!options.includes(value) && <option value={value}>{nameOf(value)}</option>}
      {options.map(o => (
        <option key={o} value={o}>
          {nameOf(o)}
        </option>
      ))}
    </select>
    <Icon name="down" />
  </label>
);
