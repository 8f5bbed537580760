import { QueryClient, keepPreviousData, queryOptions } from "@tanstack/react-query";
import { ApiError, api, apiKey, dataOf } from "./client";
import { weightOf } from "../lib/message";
import { onDocumentEvent, onGap } from "./events";

export const client = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 1000,
      placeholderData: keepPreviousData,
      retry: (failures, error) => failures < 2 && error instanceof ApiError && (error.status === 0 || error.status === 503),
      retryDelay: (attempt) => 400 * 2 ** attempt,
    },
  },
});

export const status = (every = 5000) => queryOptions({ queryKey: ["status"], queryFn: () => dataOf(api.GET("/v1/status")), refetchInterval: every });
/** What the server remembers of the last minutes; never refreshed by itself: the status tells what comes after. */
export const history = (minutes: number) => queryOptions({ queryKey: ["history", minutes], queryFn: () => dataOf(api.GET("/v1/status/history", { params: { query: { minutes } } })) });
export const version = queryOptions({ queryKey: ["version"], queryFn: () => dataOf(api.GET("/v1/version")), staleTime: 60_000 });
export const instances = queryOptions({ queryKey: ["instances"], queryFn: () => dataOf(api.GET("/v1/instances")), refetchInterval: 2000 });
export const health = queryOptions({ queryKey: ["health"], queryFn: () => dataOf(api.GET("/health")), refetchInterval: 5000 });
export const settings = queryOptions({ queryKey: ["config"], queryFn: () => dataOf(api.GET("/v1/config")) });
export const topics = queryOptions({ queryKey: ["topics"], queryFn: () => dataOf(api.GET("/v1/topics")), refetchInterval: 3000 });
export const groups = queryOptions({ queryKey: ["groups"], queryFn: () => dataOf(api.GET("/v1/groups")), refetchInterval: 3000 });

const kWeighed = 20; // of each partition, the newest

/** Mean bytes of a topic's newest messages, to say how large it is: Kafka's clients have no way to ask. Null without any. */
export const messageWeight = (name: string) =>
  queryOptions({
    queryKey: ["weight", name],
    queryFn: async () => {
      const { messages } = await dataOf(api.GET("/v1/topics/{name}/messages", { params: { path: { name }, query: { from: `-${kWeighed}`, limit: 200 } } }));
      return messages.length === 0 ? null : messages.reduce((sum, message) => sum + weightOf(message), 0) / messages.length;
    },
    staleTime: 60_000,
    placeholderData: undefined,
  });

export const topic = (name: string) =>
  queryOptions({
    queryKey: ["topics", name],
    queryFn: () => dataOf(api.GET("/v1/topics/{name}", { params: { path: { name } } })),
    refetchInterval: 3000,
    placeholderData: undefined,
  });
export const group = (name: string) =>
  queryOptions({
    queryKey: ["groups", name],
    queryFn: () => dataOf(api.GET("/v1/groups/{name}", { params: { path: { name } } })),
    refetchInterval: 2000,
    placeholderData: undefined,
  });
export const document = (id: number) =>
  queryOptions({
    queryKey: ["document", id],
    queryFn: () => dataOf(api.GET("/v1/documents/{id}", { params: { path: { id } } })),
    placeholderData: undefined,
  });

/** Asks again for what events say has changed: at once, then at most once a second. */
export function keepFresh(): void {
  const changed = new Set<number>();
  let waiting = 0;
  let last = 0;
  const refresh = () => {
    waiting = 0;
    last = Date.now();
    for (const id of changed) void client.invalidateQueries({ queryKey: ["document", id] });
    changed.clear();
    void client.invalidateQueries({ queryKey: ["documents"] });
    void client.invalidateQueries({ queryKey: ["status"] });
  };
  onDocumentEvent(({ document_id }) => {
    changed.add(document_id);
    waiting ||= window.setTimeout(refresh, Math.max(0, last + 1000 - Date.now()));
  });
  onGap(() => void client.invalidateQueries());
  apiKey.subscribe(() => void client.invalidateQueries());
}
