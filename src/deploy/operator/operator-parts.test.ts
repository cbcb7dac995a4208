import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { selfSigned } from "./certificate.ts";
import { containsAll, quantityOf } from "./contains.ts";
import { loamModelDefinition } from "./crd.ts";
import { bucketValues, countersSince, podFigures } from "./pod-metrics.ts";
import { loamModelSpec } from "./spec.ts";

test("the example of docs/operator.md is a LoamModel, with every field of its spec known", () => {
  const page = readFileSync(new URL("../../../docs/operator.md", import.meta.url), "utf8");
  const { kind, spec } = parse(/```yaml\n([\s\S]*?)```/.exec(page)![1]!);
  expect(kind).toBe("LoamModel");
  expect(loamModelSpec.parse(spec)).toMatchObject({ version: "mail-small-3", replicas: 2, canary: { weight: 20, undecided: "rollback" } });
});

test("the CRD's schema is structural: typed, with rules, and without additionalProperties: false", () => {
  const text = JSON.stringify(loamModelDefinition());
  expect(text).toContain("x-kubernetes-validations");
  expect(text).not.toMatch(/"additionalProperties":false|"\$schema"/);
});

test("a self-signed certificate verifies with its own key and names its hosts", () => {
  const { cert } = selfSigned(["loam-operator", "localhost"], 1_800_000_000_000);
  const x509 = new X509Certificate(cert);
  expect(x509.verify(x509.publicKey)).toBe(true);
  expect([x509.checkHost("localhost"), x509.checkHost("elsewhere")]).toEqual(["localhost", undefined]);
  expect(Date.parse(x509.validTo)).toBeGreaterThan(1_800_000_000_000);
});

test("a quantity in the API server's own form is the same quantity; other fields and other managers' entries do not matter", () => {
  expect([quantityOf("1000m"), quantityOf("64Mi"), quantityOf("1e3"), quantityOf("x")]).toEqual([1, 67_108_864, 1000, undefined]);
  expect(
    containsAll({ a: { cpu: "1", more: 1 }, l: [{ name: "x", v: 1 }, { name: "y" }] }, { a: { cpu: "1000m" }, l: [{ name: "x", v: 1 }] }),
  ).toBe(true);
  expect(containsAll({ l: [1, 2] }, { l: [1] })).toBe(false);
  expect(containsAll({ a: "1" }, { a: "2" })).toBe(false);
});

test("figures of a pod are those of inference; a counter that fell began anew", () => {
  const figures = podFigures(
    [
      'loam_http_requests_total{method="POST",route="/v1/completions",status="200"} 7',
      'loam_http_requests_total{method="POST",route="/v1/completions",status="503"} 2',
      'loam_http_requests_total{method="GET",route="/readyz",status="503"} 99',
      'loam_http_request_seconds_bucket{le="0.1",route="/v1/completions"} 4',
      'loam_http_request_seconds_bucket{le="+Inf",route="/v1/completions"} 9',
      'loam_running_requests{model="m"} 3',
      'loam_queued_requests{model="m"} 2',
    ].join("\n"),
  );
  expect(figures).toEqual({ requests: 9, errors: 2, load: 5, buckets: { "0.1": 4, "+Inf": 9 } });
  expect(bucketValues(figures.buckets)).toEqual([
    [Math.sqrt(0.05 * 0.1), 4],
    [0.2, 5],
  ]);
  const before = { requests: 10, errors: 1, buckets: { "0.1": 3 } };
  expect(countersSince(figures, before)).toMatchObject({ requests: 9, errors: 2 });
  expect(countersSince({ ...figures, requests: 12 }, before)).toMatchObject({ requests: 2, errors: 1, buckets: { "0.1": 1, "+Inf": 9 } });
});
