/** CUDA through ONNX Runtime: without a card or a build for it, a refusal that says what to do, and a process that goes on. */
import { expect, test } from "vitest";
import { compile, type Device, mul, openDevice, type Tensor } from "../index.ts";
import { deviceReport, openRuntime } from "./index.ts";

const { available } = deviceReport().cuda;

test("the device cuda computes, or is refused with the engine's words and what it needs, and the processor still computes", async () => {
  const twice = async (device: Device) => (await compile((x: Tensor) => mul(x, 2), { device })(await device.array([1, 2, 3]))).nested();
  if (available) expect(await twice(openDevice("cuda"))).toEqual([2, 4, 6]);
  else
    for (const open of [() => openRuntime({ provider: "cuda" }), () => openDevice("cuda")]) {
      expect(open).toThrow(expect.objectContaining({ problem: expect.objectContaining({ code: "onnxruntime/provider" }) }));
      expect(open).toThrow(/device cuda: .*CUDA.*LOAM_ONNXRUNTIME.*onnxruntime-gpu/s);
    }
  expect(await twice(openDevice("cpu", { threads: 1 }))).toEqual([2, 4, 6]);
});
