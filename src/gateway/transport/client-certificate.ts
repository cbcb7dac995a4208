/**
 * Who a client is by its certificate: one name of one kind, which is an account or is mapped to one. Two names of that kind name nobody, because two gates
 * could read two of them.
 */
import type { DetailedPeerCertificate, PeerCertificate } from "node:tls";
import type { CertificateName, TlsPart } from "./schema.ts";

const kinds: { readonly [K in Exclude<CertificateName, "commonName">]: string } = { dns: "DNS", email: "email", uri: "URI" };

/** Splits `DNS:a, URI:"b, c"`: Node quotes names (as JSON) that hold what separates them. */
export function alternativeNames(text: string): { readonly kind: string; readonly name: string }[] {
  const found: { kind: string; name: string }[] = [];
  const form = /(?:^|, )([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^,"]*)/gy;
  for (;;) {
    const at = form.lastIndex;
    const match = form.exec(text);
    if (!match) {
      // something else than Node writes: no name is sure
      return at === text.length ? found : [];
    }
    const value = match[2]!;
    found.push({ kind: match[1]!, name: value.startsWith('"') ? (JSON.parse(value) as string) : value });
  }
}

/** Undefined where the certificate has not exactly one such name. */
export function certificateName(
  certificate: Pick<PeerCertificate, "subject" | "subjectaltname">,
  from: CertificateName,
): string | undefined {
  if (from === "commonName") {
    const name: unknown = certificate.subject?.CN;
    return typeof name === "string" && name !== "" ? name : undefined;
  }
  const names = alternativeNames(certificate.subjectaltname ?? "").filter(n => n.kind === kinds[from]);
  return names.length === 1 && names[0]!.name !== "" ? names[0]!.name : undefined;
}

/** What a connection's certificate says: an account, or `null` where one was shown that is not good or names nobody. */
export type ShownCertificate = string | null | undefined;

interface Connection {
  readonly authorized?: boolean;
  getPeerCertificate?(detailed: boolean): DetailedPeerCertificate | PeerCertificate;
}

/** Read once a connection. */
export function certificateReader({ clientName, clientAccounts }: Pick<TlsPart, "clientName" | "clientAccounts">) {
  const known = new WeakMap<object, { readonly shown: ShownCertificate }>();
  const read = (socket: Connection): ShownCertificate => {
    const certificate = socket.getPeerCertificate?.(false);
    if (!certificate || Object.keys(certificate).length === 0) return undefined;
    if (socket.authorized !== true) return null;
    const name = certificateName(certificate, clientName);
    if (name === undefined) return null;
    return Object.hasOwn(clientAccounts, name) ? clientAccounts[name]! : name;
  };
  return (socket: object): ShownCertificate => {
    let entry = known.get(socket);
    if (!entry) {
      entry = { shown: read(socket as Connection) };
      known.set(socket, entry);
    }
    return entry.shown;
  };
}
