/** Server-sent events as text: an event of data, one with a name, and OpenAI's last one. */

export const dataEvent = (data: string): string => `data: ${data}\n\n`;
export const namedEvent = (name: string, data: string): string => `event: ${name}\ndata: ${data}\n\n`;

/** What OpenAI says when an answer is whole. */
export const doneData = "[DONE]";
export const isDoneData = (data: string): boolean => data.trim() === doneData;
export const doneEvent = dataEvent(doneData);
