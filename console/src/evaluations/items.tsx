/** Items of a task that open under a line that counts them: where each is from, what was asked, and what there is to hold beside each other. */
import { formatCount } from "../format.ts";

interface Item {
  readonly id: string;
  readonly place: string;
  readonly prompt: string;
}
interface ItemsProps<T extends Item> {
  /** `won by acc`; the count stands before it. */
  readonly title: string;
  readonly of: readonly T[];
  /** All there are, of which a page has the first. */
  readonly count: number;
  /** Names and texts; those without a text are left out. */
  readonly told: (item: T) => readonly (readonly [string, string])[];
}

export const Items = <T extends Item>({ title, of, count, told }: ItemsProps<T>) =>
  of.length > 0 && (
    <details className="examples">
      <summary>
        {formatCount(count)} {title}
        {of.length < count && `, the first ${of.length}`}
      </summary>
      <ul className="items">
        {of.map(i => (
          <li key={`${i.id} ${i.place}`}>
            <code>{i.place}</code>
            <p>{i.prompt}</p>
            <dl>
              {told(i).map(
                ([name, text]) =>
                  text !== "" && (
                    <div key={name}>
                      <dt>{name}</dt>
                      <dd>{text}</dd>
                    </div>
                  ),
              )}
            </dl>
          </li>
        ))}
      </ul>
    </details>
  );
