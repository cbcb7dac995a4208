/** A frame that is moved and zoomed by mouse, wheel, touch (two fingers pinch) and the view's own buttons. */
import { type PointerEvent, type RefObject, useEffect, useMemo, useRef, useState } from "react";
import { fitted, pan, type Size, type View, zoomAt } from "../graph/viewport.ts";

/** Pixels a pointer may stray and still be a click. */
const clickSlop = 4;

export interface Frame {
  readonly ref: RefObject<HTMLDivElement | null>;
  readonly size: Size;
  /** The frame without what is below. */
  readonly room: Size;
  readonly view: View;
  setView(change: (view: View) => View): void;
  /** True after a drag: the click that ends it is none. */
  readonly wasDragged: () => boolean;
  readonly handlers: {
    onPointerDown(e: PointerEvent): void;
    onPointerMove(e: PointerEvent): void;
    onPointerUp(e: PointerEvent): void;
    onPointerCancel(e: PointerEvent): void;
  };
}

/** `drawing` is fitted into the frame without `below` pixels at its end, again when it or the frame's size changes. */
export function useFrame(drawing: Size, below: number): Frame {
  const ref = useRef<HTMLDivElement>(null);
  const [size, setSize] = useState<Size>({ width: 0, height: 0 });
  const [view, setView] = useState<View>({ scale: 1, x: 0, y: 0 });
  const pointers = useRef(new Map<number, { x: number; y: number }>());
  const strayed = useRef(0);

  useEffect(() => {
    const element = ref.current;
    if (!element) return;
    const observer = new ResizeObserver(() => setSize({ width: element.clientWidth, height: element.clientHeight }));
    observer.observe(element);
    const at = (e: WheelEvent) => {
      const box = element.getBoundingClientRect();
      return { x: e.clientX - box.left, y: e.clientY - box.top };
    };
    // Not React's handler: it is passive and could not keep the page from scrolling.
    const wheel = (e: WheelEvent) => {
      e.preventDefault();
      const lines = e.deltaMode === 1 ? 16 : 1;
      setView(v => zoomAt(v, at(e), Math.exp(-e.deltaY * lines * (e.ctrlKey ? 0.01 : 0.0015))));
    };
    element.addEventListener("wheel", wheel, { passive: false });
    return () => {
      observer.disconnect();
      element.removeEventListener("wheel", wheel);
    };
  }, []);
  const room = useMemo(() => ({ width: size.width, height: Math.max(0, size.height - below) }), [size, below]);
  useEffect(() => {
    if (room.width > 0) setView(fitted({ width: drawing.width, height: drawing.height }, room));
  }, [drawing.width, drawing.height, room]);

  const local = (e: PointerEvent) => {
    const box = ref.current!.getBoundingClientRect();
    return { x: e.clientX - box.left, y: e.clientY - box.top };
  };
  const up = (e: PointerEvent) => void pointers.current.delete(e.pointerId);
  return {
    ref,
    size,
    room,
    view,
    setView,
    wasDragged: () => strayed.current > clickSlop,
    handlers: {
      onPointerDown: e => {
        if (e.pointerType === "mouse" && e.button !== 0) return;
        if (pointers.current.size === 0) strayed.current = 0;
        pointers.current.set(e.pointerId, local(e));
      },
      onPointerMove: e => {
        const before = pointers.current.get(e.pointerId);
        if (!before) return;
        if (e.buttons === 0) return up(e);
        const now = local(e);
        const others = [...pointers.current].filter(([id]) => id !== e.pointerId).map(([, p]) => p);
        pointers.current.set(e.pointerId, now);
        strayed.current += Math.hypot(now.x - before.x, now.y - before.y);
        // Captured only once it is a drag: a capture at the start would take the click away from the node.
        if (strayed.current > clickSlop) ref.current?.setPointerCapture(e.pointerId);
        const other = others[0];
        if (other) {
          const spread = (p: { x: number; y: number }) => Math.max(1, Math.hypot(p.x - other.x, p.y - other.y));
          setView(v => zoomAt(v, other, spread(now) / spread(before)));
        } else setView(v => pan(v, now.x - before.x, now.y - before.y));
      },
      onPointerUp: up,
      onPointerCancel: up,
    },
  };
}
