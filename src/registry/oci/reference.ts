/** Where a package lies in a registry: `HOST[:PORT]/REPOSITORY:TAG`, or `@sha256:…`, as docker and oras write it; no host is assumed. */
import { registryErrors } from "../errors.ts";

export interface Reference {
  /** With its port. */
  readonly host: string;
  readonly repository: string;
  /** A tag or a digest. */
  readonly which: string;
  readonly isDigest: boolean;
}

// Distribution specification: <name> and <reference>.
const repositoryPattern = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const tagPattern = /^\w[\w.-]{0,127}$/;

/** Errors: registry/reference. */
export function parseReference(text: string): Reference {
  const fail = (expected: string) =>
    registryErrors.fail("reference", {
      place: JSON.stringify(text.slice(0, 200)),
      expected,
      received: "another form",
      hint: "For example registry.example.com:5000/team/mail-spam:3, all but host and tag in small letters.",
    });
  const slash = text.indexOf("/");
  const host = text.slice(0, Math.max(0, slash));
  if (!/^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:]+\])(?::\d{1,5})?$/.test(host))
    throw fail("HOST/REPOSITORY:TAG, a host first");
  const rest = text.slice(slash + 1);
  const digest = /^(.+)@(sha256:[0-9a-f]{64})$/.exec(rest);
  const [, repository = "", which = "latest"] = digest ?? /^([^:@]+)(?::([^:@]*))?$/.exec(rest) ?? [];
  if (!repositoryPattern.test(repository) || repository.length > 255)
    throw fail("HOST/REPOSITORY:TAG, the repository of small letters, digits, dots, dashes, underscores and slashes");
  if (!digest && !tagPattern.test(which)) throw fail("a tag of at most 128 letters, digits, dots, dashes and underscores");
  return { host, repository, which, isDigest: digest !== null };
}

export const referenceText = ({ host, repository, which, isDigest }: Reference): string =>
  `${host}/${repository}${isDigest ? "@" : ":"}${which}`;

/** Is a host (with its port) this machine alone? */
export const isLoopback = (host: string): boolean => /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/i.test(host);
