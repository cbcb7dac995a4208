/** For tests: a device that knows how many of its arrays and programs live. */
import { type Backend, Device, type DeviceMemory } from "../tensor/index.ts";

/** The device, and how many of its arrays and programs live. */
export function counted({ name, backend }: Device) {
  const live = { arrays: 0, programs: 0 };
  const counting = <T extends { dispose(): void }>(kind: keyof typeof live, thing: T): T => {
    live[kind]++;
    let isLive = true;
    const free = thing.dispose.bind(thing);
    thing.dispose = () => {
      if (isLive) live[kind]--;
      isLive = false;
      free();
    };
    return thing;
  };
  const memory = (m: DeviceMemory): DeviceMemory => counting("arrays", m);
  const counter: Backend = {
    capabilities: backend.capabilities,
    allocate: (shape, dtype) => memory(backend.allocate(shape, dtype)),
    zeros: (shape, dtype) => memory(backend.zeros!(shape, dtype)),
    build: async (graph, options) => counting("programs", await backend.build(graph, options)),
    dispose: () => {},
  };
  return { device: new Device(name, counter), live };
}
