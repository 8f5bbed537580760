import type { Schemas } from "../api/client";

export type Message = Schemas["Message"];

export const messageId = ({ partition, offset }: Message): string => `${partition}:${offset}`;

/** A key or value as text: what is not UTF-8 stays base64. */
export function shown(text: string | null, encoding?: string): string {
  if (text === null) return "";
  return encoding === "base64" ? `base64 ${text}` : text;
}

/** Bytes that a text or base64 stands for. */
export function sizeOf(text: string | null, encoding?: string): number {
  if (text === null) return 0;
  if (encoding === "base64") return Math.floor((text.length * 3) / 4) - (text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0);
  return new TextEncoder().encode(text).length;
}

/** Bytes of all that a client sent: key, value and headers. */
export function weightOf({ key, value, encoding, headers }: Message): number {
  return headers.reduce((sum, { name, value: header }) => sum + sizeOf(name) + sizeOf(header), sizeOf(key, encoding) + sizeOf(value, encoding));
}

const schemaIdBytes = 5;

/** The text of a message, without the schema id that may come before it (docs/events.md); null when it is no text. */
export function textOf({ value, encoding }: Message): string | null {
  if (value === null || encoding !== "base64") return value?.startsWith("\0") ? value.slice(schemaIdBytes) : value;
  const bytes = Uint8Array.from(atob(value), (character) => character.charCodeAt(0));
  if (bytes[0] !== 0) return null;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(schemaIdBytes));
  } catch {
    return null;
  }
}

export function jsonOf(message: Message): unknown {
  const text = textOf(message);
  const first = text?.trimStart()[0];
  if (text === null || (first !== "{" && first !== "[")) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export type Test = (message: Message) => Promise<boolean>;

/** Whether key, value or a header has this text in it, whatever the case. */
export function testText(text: string): Test {
  const wanted = text.toLowerCase();
  return async ({ key, value, headers }) =>
    [key, value, ...headers.flatMap(({ name, value: header }) => [name, header])].some((part) => part?.toLowerCase().includes(wanted));
}

/** A JSONata expression on `value` with its JSON, `key`, `headers`, `partition`, `offset`. Throws when it cannot be read. */
export async function testExpression(source: string): Promise<Test> {
  const { default: jsonata } = await import("jsonata");
  const expression = jsonata(source);
  return async (message) => {
    const headers = Object.fromEntries(message.headers.map(({ name, value }) => [name, value]));
    const input = { ...message, value: jsonOf(message) ?? message.value, headers };
    try {
      return Boolean(await expression.evaluate(input));
    } catch {
      return false; // of another shape than the expression expects
    }
  };
}
