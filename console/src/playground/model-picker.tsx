/** Which model is asked, and which one beside it: both in the address. A name there that is not served is said, and never another model shown for it. */
import { Icon } from "../parts/icons.tsx";
import { Pick } from "../parts/pick.tsx";

interface ModelPickerProps {
  readonly ids: readonly string[];
  readonly model: string | null;
  /** Null: no comparison. */
  readonly beside: string | null;
  onModel(id: string): void;
  onBeside(id: string | null): void;
}

export const ModelPicker = ({ ids, model, beside, onModel, onBeside }: ModelPickerProps) => (
  <>
    <Pick label="Model" value={model ?? ""} options={ids} onPick={onModel} />
    {beside === null ? (
      <button
        type="button"
        className="quiet"
        aria-label="Compare with another model"
        onClick={() => onBeside(ids.find(id => id !== model) ?? model)}
      >
        <Icon name="releases" /> <span className="optional">Compare</span>
      </button>
    ) : (
      <>
        <Pick label="Model beside it" value={beside} options={ids} onPick={onBeside} />
        <button type="button" className="quiet" aria-label="End the comparison" onClick={() => onBeside(null)}>
          <Icon name="close" />
        </button>
      </>
    )}
  </>
);
