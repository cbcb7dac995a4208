/** Is somebody writing or choosing there? Keys belong to that field then, and the cursor stays in it. */
export const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && (target.isContentEditable || /^(input|textarea|select)$/i.test(target.tagName));
