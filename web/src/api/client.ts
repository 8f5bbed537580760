import createClient from "openapi-fetch";
import { Store, storedIn } from "../lib/store";
import type { components, paths } from "./schema";

export type Schemas = components["schemas"];
export type Document = Schemas["Document"];
export type DocumentStatus = Document["status"];

/** What went wrong in words for people; `status` 0: no server answered. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly detail: string,
    readonly fields: { pointer: string; detail: string }[] = [],
  ) {
    super(detail);
  }
}

export const apiKey = storedIn("sessionStorage", "millrace-api-key", "");
/** Why a key is asked for; null: it is not. */
export const keyWanted = new Store<string | null>(null);

/** fetch() with the API key, for streams and plain text. An answer that is not a success is thrown as ApiError. */
export async function ask(target: string | Request, init: RequestInit = {}): Promise<Response> {
  const request = new Request(target, init);
  if (apiKey.get()) request.headers.set("Authorization", `Bearer ${apiKey.get()}`);
  let response: Response;
  try {
    response = await fetch(request);
  } catch (failure) {
    if (request.signal.aborted) throw failure;
    throw new ApiError(0, "The server does not answer. Is `millrace serve` running, and can this machine reach it?");
  }
  if (!response.ok) throw await problemOf(response);
  return response;
}

async function problemOf(response: Response): Promise<ApiError> {
  let detail = `The server answered ${response.status} ${response.statusText}`.trim();
  let fields: { pointer: string; detail: string }[] = [];
  try {
    const problem = (await response.json()) as Partial<Schemas["Problem"]>;
    if (typeof problem.detail === "string") detail = problem.detail;
    fields = problem.errors ?? [];
  } catch {
    // not a problem of ours: something between us and the server answered
  }
  if (response.status === 401) keyWanted.set(apiKey.get() ? "The server does not know this key." : "This server asks for an API key.");
  return new ApiError(response.status, detail, fields);
}

export const api = createClient<paths>({ baseUrl: window.location.origin, fetch: (request) => ask(request) });

/** The data of an answer; failures were thrown by `ask` already. */
export async function dataOf<T>(answer: Promise<{ data?: T }>): Promise<T> {
  const { data } = await answer;
  if (data === undefined) throw new ApiError(0, "The server's answer has no content.");
  return data;
}
