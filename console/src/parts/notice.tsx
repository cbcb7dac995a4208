/** What stands where there is nothing to show: nothing there yet, something that failed, something on its way. */
import type { ReactNode } from "react";
import type { Failure } from "../failure.ts";
import type { Resource } from "../resource.ts";
import { Icon, type IconName } from "./icons.tsx";

interface EmptyProps {
  readonly icon: IconName;
  readonly title: string;
  readonly children?: ReactNode;
}

export const Empty = ({ icon, title, children }: EmptyProps) => (
  <div className="empty">
    <Icon name={icon} />
    <h2>{title}</h2>
    {children}
  </div>
);

/** An id of an address that is not there: "No run named x". */
export const Unknown = ({ what, id, children }: { readonly what: string; readonly id: string; readonly children?: ReactNode }) => (
  <div className="empty" role="alert">
    <Icon name="alert" />
    <h2>
      No {what} named {id}
    </h2>
    {children && <p>{children}</p>}
  </div>
);

const titles: { readonly [K in Failure["kind"]]: string } = {
  unreachable: "The server does not answer",
  interrupted: "The answer broke off",
  refused: "The server refused",
  shape: "The answer was not understood",
};

/** A failure in the server's own words, with what to do about it. */
export const FailureNotice = ({ failure, retry }: { readonly failure: Failure; readonly retry?: (() => void) | undefined }) => (
  <div className="failure" role="alert">
    <Icon name="alert" />
    <div>
      <strong>
        {titles[failure.kind]}
        {failure.status === null ? "" : ` (${failure.status})`}
      </strong>
      <p>{failure.message}</p>
      {failure.hint && !failure.message.includes(failure.hint) && <p>{failure.hint}</p>}
      {failure.kind === "unreachable" && (
        <p>
          Is <code>loam serve</code> still running? This page goes on by itself when it is back.
        </p>
      )}
    </div>
    {retry && (
      <button type="button" onClick={retry}>
        Try again
      </button>
    )}
  </div>
);

export const Waiting = ({ label }: { readonly label: string }) => (
  <div className="waiting" role="status">
    <span className="hidden">{label}</span>
    <i />
    <i />
    <i />
  </div>
);

interface LoadedProps<T> {
  readonly resource: Resource<T>;
  /** What is on its way, for readers: `runs`. */
  readonly what: string;
  readonly children: (data: T) => ReactNode;
}

/** The data, as it last was even when the newest try failed; a failure or a waiting sign where there was none yet. */
export function Loaded<T>({ resource, what, children }: LoadedProps<T>) {
  const { data, failure, reload } = resource;
  if (data !== undefined)
    return (
      <>
        {failure && failure.kind !== "unreachable" && <FailureNotice failure={failure} retry={reload} />}
        {children(data)}
      </>
    );
  if (failure) return <FailureNotice failure={failure} retry={reload} />;
  return <Waiting label={`Loading ${what}`} />;
}
