import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { kubeconfigAccount, openKubernetesAccount, podAccountOf } from "./account.ts";

function folderWith(files: Record<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), "loam-account-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}
const base64 = (text: string) => Buffer.from(text).toString("base64");
const config = (user: string, cluster = "") => `
apiVersion: v1
kind: Config
current-context: here
contexts: [{name: here, context: {cluster: c, user: u, namespace: mail}}, {name: there, context: {cluster: c, user: v}}]
clusters: [{name: c, cluster: {server: "https://10.0.0.1:6443/", certificate-authority-data: ${base64("CA")}${cluster}}}]
users: [{name: u, user: {${user}}}, {name: v, user: {token: other}}]
`;

test("a kubeconfig's context names server, namespace, authority and credentials", () => {
  const folder = folderWith({ config: config(`client-certificate: cert.pem, client-key-data: ${base64("KEY")}`), "cert.pem": "CERT" });
  const account = kubeconfigAccount([join(folder, "config")]);
  expect(account).toMatchObject({ server: "https://10.0.0.1:6443", namespace: "mail" });
  expect([account.tls.ca, account.tls.cert, account.tls.key].map(String)).toEqual(["CA", "CERT", "KEY"]);
  expect(account.tls.rejectUnauthorized).toBe(true);
  expect(account.authorization()).toBeUndefined();
  const there = kubeconfigAccount([join(folder, "config")], { context: "there" });
  expect([there.namespace, there.authorization()]).toEqual(["default", "Bearer other"]);
});

test("of several files the first that names a thing wins", () => {
  const folder = folderWith({ a: "current-context: there\n", b: config("token: one"), c: config("token: two") });
  const account = openKubernetesAccount({ KUBECONFIG: ["a", "b", "c"].map(f => join(folder, f)).join(":") });
  expect(account.authorization()).toBe("Bearer other");
  expect(openKubernetesAccount({ KUBECONFIG: "/nowhere" }, { kubeconfig: join(folder, "c") }).authorization()).toBe("Bearer two");
});

test.each([
  ["exec: {command: aws}", "", "users.u: expected a client certificate, token or tokenFile, got exec"],
  ["auth-provider: {name: gcp}", "", "got auth-provider"],
  ["token: x", ", proxy-url: http://proxy", "expected a cluster without proxy-url"],
])("a kubeconfig with %s%s is refused with the place", (user, cluster, message) => {
  const folder = folderWith({ config: config(user, cluster) });
  expect(() => kubeconfigAccount([join(folder, "config")])).toThrow(message);
});

test("a context, cluster or user that is not there is named", () => {
  const folder = folderWith({ config: config("token: x"), empty: "apiVersion: v1\n" });
  expect(() => kubeconfigAccount([join(folder, "config")], { context: "away" })).toThrow('the context, got "away"');
  expect(() => kubeconfigAccount([join(folder, "empty")])).toThrow("expected a current-context, got none");
  expect(() => kubeconfigAccount([join(folder, "none")])).toThrow(expect.objectContaining({ code: "base/missingFile" }));
});

test("a pod's account is the kubelet's files, and its token is read again after half a minute", () => {
  const folder = folderWith({ token: "one\n", "ca.crt": "CA", namespace: "mail" });
  const account = podAccountOf({ KUBERNETES_SERVICE_HOST: "fd00::1", KUBERNETES_SERVICE_PORT: "443" }, folder)!;
  expect([account.server, account.namespace]).toEqual(["https://[fd00::1]:443", "mail"]);
  expect(account.authorization()).toBe("Bearer one");
  writeFileSync(join(folder, "token"), "two");
  expect(account.authorization()).toBe("Bearer one");
  const now = performance.now();
  const clock = vi.spyOn(performance, "now").mockReturnValue(now + 60_000);
  onTestFinished(() => clock.mockRestore());
  expect(account.authorization()).toBe("Bearer two");
  expect(podAccountOf({}, folder)).toBeUndefined();
});
